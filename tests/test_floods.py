"""`manage.py run`, for real, while a stranger floods it in every way that costs something: the counters go on."""

import contextlib
import http.client
import json
import multiprocessing
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

from queuesite.launcher import postgres
from tests.test_run import VAR_DIR, Run, environment, no_data, port  # noqa: F401  (fixtures)

pytestmark = [pytest.mark.slow, pytest.mark.real_clock]

SECONDS = 15
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def office(environment):  # noqa: F811
    environment |= {"WEB_WORKERS": "2", "STAFF_WORKERS": "2", "WORKERS": "1"}
    run = Run(environment)
    yield Office(environment)
    assert run.process.poll() is None, run.said()
    run.process.terminate()
    run.process.wait(30)  # a machine that has just been flooded


class Office:
    def __init__(self, settings):
        self.port = int(settings["PORT"])
        command = [sys.executable, "manage.py", "staff_token", "counter1"]
        made = subprocess.run(
            command, cwd=postgres.BASE_DIR, env=settings, capture_output=True, text=True, check=True, timeout=60
        )
        self.token = made.stdout.strip()

    def call(self) -> tuple[int, float]:
        """A clerk's press: its status, and how long it took."""
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        return timed(self.port, "POST", "/api/v1/counters/1/call-next/", "{}", headers)


def timed(port, method, path, body=None, headers=None) -> tuple[int, float]:  # noqa: F811
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began
    finally:
        connection.close()


def half_sent(port, count):  # noqa: F811
    held = []
    for _ in range(count):
        half = socket.create_connection(("127.0.0.1", port), 10)
        half.sendall(b"POST /status/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\na")
        held.append(half)
    return held


def test_half_sent_bodies_delay_nobody(office):
    for _ in range(3):
        office.call()  # once, for what is loaded at the first
    held = half_sent(office.port, 200)
    try:
        took = {path: timed(office.port, "GET", path) for path in ("/", "/status/", "/board/", "/healthz")}
        assert {path: status for path, (status, _) in took.items()} == dict.fromkeys(took, 200)
        assert max(seconds for _, seconds in took.values()) < 2
        status, seconds = office.call()
        assert status < 500 and seconds < 2
    finally:
        for half in held:
            half.close()


def test_a_large_upload_is_refused_unread(office):
    with socket.create_connection(("127.0.0.1", office.port), 10) as upload:
        upload.sendall(b"POST /status/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000000\r\n\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError):
            upload.settimeout(10)
            assert b" 413 " in upload.recv(65536).split(b"\r\n")[0]
            for _ in range(200):
                sent += upload.send(b"a" * 65536)
    temporary = list((VAR_DIR / "front" / "temporary").rglob("*"))
    assert sum(file.stat().st_size for file in temporary if file.is_file()) == 0


def flood(kind, port, until):  # noqa: F811
    """Ask for what costs, in four threads, until the time has come."""
    ways = {
        "pages": lambda: timed(port, "GET", "/book/loans/"),
        "look-ups": lambda: timed(
            port,
            "POST",
            "/api/v1/members/identify/",
            json.dumps({"member_number": str(secrets.randbelow(10**6))}),
            {"Content-Type": "application/json"},
        ),
        "log-ins": lambda: timed(
            port,
            "POST",
            "/admin/login/",
            urllib.parse.urlencode(
                {"username": secrets.token_hex(8), "password": "x", "csrfmiddlewaretoken": "a" * 32}
            ),
            FORM | {"Cookie": f"csrftoken={'a' * 32}", "Origin": f"http://127.0.0.1:{port}"},
        ),
        "pictures": lambda: timed(port, "GET", f"/t/{secrets.token_urlsafe(16)}/qr.png"),
        "line": lambda: timed(port, "POST", "/line/login/", "id_token=a.b.c", FORM),
        "boards": lambda: timed(port, "GET", "/board/"),
        "counters": lambda: timed(port, "GET", "/counter/", None, {"Cookie": f"sessionid={secrets.token_hex(16)}"}),
        "bodies": lambda: timed(port, "POST", "/status/", "a" * 60_000, FORM),
    }

    def ask():
        while time.time() < until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                ways[kind]()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 30)


@pytest.mark.parametrize(
    "kinds",
    [
        ["pages", "bodies"],
        ["look-ups", "pictures"],
        ["log-ins", "line"],
        ["boards", "counters"],
    ],
    ids=" and ".join,
)
def test_a_flood_leaves_the_counters_alone(office, kinds):
    for _ in range(3):
        office.call()
    held = half_sent(office.port, 100)
    until = time.time() + SECONDS
    start = multiprocessing.get_context("spawn").Process
    floods = [start(target=flood, args=(kind, office.port, until)) for kind in kinds]
    for one in floods:
        one.start()
    calls = []
    try:
        while time.time() < until:
            calls.append(office.call())
            time.sleep(0.1)
    finally:
        for one in floods:
            one.join()
        for half in held:
            half.close()
    took = sorted(seconds for _, seconds in calls)
    p99 = took[-1 - len(took) // 100]
    print(
        f"{' and '.join(kinds)}: {len(took)} calls, p50 {took[len(took) // 2]:.3f} s, p99 {p99:.3f} s", os.getloadavg()
    )
    assert {status for status, _ in calls} <= {200, 204, 409}
    assert len(calls) > 30
    assert p99 < 1
