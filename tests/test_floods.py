"""`manage.py run`, for real, while a stranger floods it in every way that costs something: the counters go on."""

import contextlib
import http.client
import json
import multiprocessing
import os
import secrets
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

from queuesite.launcher import postgres
from tests.test_run import VAR_DIR, Run, environment, no_data, port, wait_until  # noqa: F401  (fixtures)

pytestmark = [pytest.mark.slow, pytest.mark.real_clock]

FLOODS = [["pages", "bodies"], ["look-ups", "pictures"], ["log-ins", "line"], ["boards", "counters"]]
THREADS = 4  # of each kind
TURNS = int(os.environ.get("FLOOD_TURNS", 4))
EACH = 15  # calls of a turn, beside the flood and without it
# A flood takes its share of the processors, and a call the longer; what it may not do is stand in the call's way.
ALLOWED = 6
CALLED = {200, 204, 409}
DRIPS_EVERY = 2  # seconds; nginx gives up after ten without a byte
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def office(environment):  # noqa: F811
    environment |= {"WEB_WORKERS": "2", "STAFF_WORKERS": "2", "WORKERS": "1"}
    run = Run(environment)
    yield Office(environment)
    assert run.process.poll() is None, run.said()
    run.process.terminate()
    run.process.wait(120)  # a machine that has just been flooded


class Office:
    def __init__(self, settings):
        self.port = int(settings["PORT"])
        command = [sys.executable, "manage.py", "staff_token", "counter1"]
        made = subprocess.run(
            command, cwd=postgres.BASE_DIR, env=settings, capture_output=True, text=True, check=True, timeout=180
        )
        self.token = made.stdout.strip()

    def call(self) -> tuple[int, float]:
        """A clerk's press: its status, and how long it took."""
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        return timed(self.port, "POST", "/api/v1/counters/1/call-next/", "{}", headers)

    def press(self) -> float:
        """A call that is not refused: how long it took."""
        status, seconds = self.call()
        assert status in CALLED
        time.sleep(0.05)
        return seconds


def timed(port, method, path, body=None, headers=None) -> tuple[int, float]:  # noqa: F811
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
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


@contextlib.contextmanager
def dripping(held):
    """Each of these bodies goes on, a byte at a time, so that no time-out of nginx's ends it."""
    over = threading.Event()

    def drip():
        while not over.wait(DRIPS_EVERY):
            for half in held:
                half.sendall(b"a")

    dripper = threading.Thread(target=drip)
    dripper.start()
    try:
        yield
    finally:
        over.set()
        dripper.join()
        for half in held:
            half.close()


def test_nobody_waits_for_bodies_that_never_end(office):
    held = half_sent(office.port, 200)
    with dripping(held):
        answers = {path: timed(office.port, "GET", path)[0] for path in ("/", "/status/", "/board/", "/healthz")}
        assert answers == dict.fromkeys(answers, 200)
        assert office.call()[0] in CALLED
        for half in held:
            half.setblocking(False)
            with pytest.raises(BlockingIOError):  # neither answered nor closed meanwhile
                half.recv(1)
            half.setblocking(True)


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


def flood(kind, port, goes_on, ends, asked):  # noqa: F811
    """Ask for what costs, in four threads, while `goes_on` is set, until `ends` is; `asked` counts the answers."""
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
        while not ends.is_set():
            if not goes_on.wait(0.1):
                continue
            with contextlib.suppress(OSError, http.client.HTTPException):
                ways[kind]()
                with asked.get_lock():
                    asked.value += 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextlib.contextmanager
def flooding(kinds, port):  # noqa: F811
    """Processes that flood while the first event given is set; the second gives how many answers they have had."""
    processes = multiprocessing.get_context("spawn")
    goes_on, ends, asked = processes.Event(), processes.Event(), processes.Value("l", 0)
    floods = [processes.Process(target=flood, args=(kind, port, goes_on, ends, asked)) for kind in kinds]
    for one in floods:
        one.start()
    try:
        yield goes_on, lambda: asked.value
    finally:
        ends.set()
        for one in floods:
            one.join()


def calls_by_turns(office, kinds) -> tuple[list[float], list[float]]:
    """How long calls take beside a flood and without it. Whatever else the machine does meets both."""
    flooded, quiet = [], []
    with flooding(kinds, office.port) as (goes_on, asked), dripping(half_sent(office.port, 100)):
        for _ in range(TURNS):
            before = asked()
            goes_on.set()
            wait_until(lambda before=before: asked() > before + 2 * THREADS)
            flooded += [office.press() for _ in range(EACH)]
            goes_on.clear()
            time.sleep(0.5)  # what was in flight
            quiet += [office.press() for _ in range(EACH)]
    return flooded, quiet


def test_floods_leave_the_counters_alone(office):
    for _ in range(3):
        office.press()
    ratios = {}
    for kinds in FLOODS:
        flooded, quiet = calls_by_turns(office, kinds)
        ratios[" and ".join(kinds)] = ratio = statistics.median(flooded) / statistics.median(quiet)
        print(
            f"{' and '.join(kinds)}: {len(flooded)} calls, p50 {statistics.median(flooded):.3f} s, longest "
            f"{max(flooded):.3f} s; without {statistics.median(quiet):.3f} s; ratio {ratio:.1f}; "
            f"load {os.getloadavg()[0]:.1f}"
        )
    assert max(ratios.values()) < ALLOWED, ratios
