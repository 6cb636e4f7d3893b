"""How a line of the log looks, and which request it belongs to."""

import contextvars
import json
import logging
import re
import traceback
import uuid
from datetime import UTC, datetime

from django.conf import settings

IS_ID = re.compile(r"[0-9a-f]{32}")
_current = contextvars.ContextVar("request_id", default="")


def request_id(get_response):
    """Give each request an id, which its lines in the log carry and the page of a fault shows: nginx's, where nginx is
    in front and replaces what a client sends under that name; else one made here. A client's own is never taken."""

    def middleware(request):
        given = request.META.get("HTTP_QUEUEREQUEST", "") if settings.BEHIND_FRONT else ""
        request.log_id = given if IS_ID.fullmatch(given) else uuid.uuid4().hex
        token = _current.set(request.log_id)
        try:
            return get_response(request)
        finally:
            _current.reset(token)

    return middleware


class Lines(logging.Formatter):
    """For people: the id at the end, where there is one."""

    def formatMessage(self, record):  # noqa: N802 (logging's own name)
        line = super().formatMessage(record)
        return f"{line} [request {_current.get()}]" if _current.get() else line


class JSONLines(logging.Formatter):
    """For machines: an object a line. Of an exception it tells the type and where it happened, and not its words: in
    these a database repeats whole rows, names and telephones of members among them."""

    def format(self, record):
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if _current.get():
            line["request"] = _current.get()
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            line["exception"] = f"{kind.__module__}.{kind.__qualname__}"
            line["where"] = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(trace)]
        return json.dumps(line, ensure_ascii=False)
