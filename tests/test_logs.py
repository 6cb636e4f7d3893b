"""Each line of the log names its request; as JSON it holds nothing of what a fault says about a member."""

import json
import logging
import re
import uuid

import pytest
from django.db import IntegrityError

from booking.views import public
from queuesite import logs

FROM_NGINX = {"QueueClient": "203.0.113.9", "QueueScheme": "http"}
ID = "0123456789abcdef" * 2


@pytest.fixture
def lines():
    """What is written meanwhile, as JSON."""
    written = []

    class Kept(logging.Handler):
        def emit(self, record):
            written.append(json.loads(logs.JSONLines().format(record)))

    handler = Kept()
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def broken(client, db, monkeypatch):
    """A page whose fault repeats a member's row."""

    def fails(*args, **kwargs):
        raise IntegrityError("DETAIL: Failing row contains (7, สมศรี, 0812345678)")

    monkeypatch.setattr(public, "render", fails)
    client.raise_request_exception = False
    return lambda **headers: client.get("/guide/", headers=headers)


@pytest.mark.parametrize("path", ["/guide/"])
def test_the_page_of_a_fault_shows_the_id_that_the_log_has(broken, lines, path):
    answer = broken()
    assert answer.status_code == 500
    shown = re.search(r"<strong>([0-9a-f]{8})</strong>", answer.content.decode())[1]
    (line,) = [line for line in lines if line["logger"] == "django.request"]
    assert line["request"].startswith(shown)
    assert line["exception"] == "django.db.utils.IntegrityError"
    assert any("test_logs.py" in where and "fails" in where for where in line["where"])


def test_no_line_repeats_a_member_s_row(broken, lines):
    broken()
    written = json.dumps(lines, ensure_ascii=False)
    assert "django.request" in written
    assert "สมศรี" not in written
    assert "0812345678" not in written


def test_the_id_is_nginx_s_where_nginx_is_in_front(broken, lines, settings):
    settings.BEHIND_FRONT = True
    broken(**FROM_NGINX, QueueRequest=ID)
    assert {line["request"] for line in lines} == {ID}


@pytest.mark.parametrize(("front", "sent"), [(False, ID), (True, "x\n" + ID), (True, ID + "0"), (True, "")])
def test_what_a_client_sends_is_never_taken(broken, lines, settings, front, sent):
    settings.BEHIND_FRONT = front
    broken(**(FROM_NGINX if front else {}), QueueRequest=sent)
    (found,) = {line["request"] for line in lines}
    assert found != sent
    assert uuid.UUID(found).version == 4


def test_a_line_outside_of_a_request_names_none():
    record = logging.LogRecord("booking", logging.WARNING, "x.py", 1, "notice %s", (7,), None)
    assert "request" not in json.loads(logs.JSONLines().format(record))
    assert logs.Lines("%(levelname)s %(message)s").format(record) == "WARNING notice 7"


def test_nginx_replaces_what_a_client_sends():
    pages = (logs.settings.BASE_DIR / "deploy/nginx/pages.conf").read_text()
    assert "proxy_set_header QueueRequest $request_id;" in pages
