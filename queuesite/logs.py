"""Formats log lines, and tells which request each belongs to."""

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
    """Give each request an id, which its log lines carry and the error page shows. Behind nginx it is nginx's, which
    replaces whatever a client sends under that name; otherwise it is made here. A client's own id is never used."""

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
    """For people: the id stands at the end, if there is one."""

    def formatMessage(self, record):  # noqa: N802 (logging's own name)
        line = super().formatMessage(record)
        return f"{line} [request {_current.get()}]" if _current.get() else line


class JSONLines(logging.Formatter):
    """For machines: one object a line. For an exception it gives the type and the place, but not the message: databases
    repeat whole rows there, with members' names and telephone numbers."""

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
