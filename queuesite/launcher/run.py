"""One command for everything: it prepares the database and the files, runs web server and worker, and ends them."""

import ctypes
import json
import os
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.management import call_command
from django.db import connection
from django.http.request import validate_host

from booking import disk, jobs
from booking.models import Department
from queuesite import health
from queuesite.launcher import children, files, front, place, postgres, web
from queuesite.launcher.children import Child

READY_SECONDS = 120
TICK_SECONDS = 1
FULL_SECONDS = 10  # between two tries while the disk is full
PUBLIC_NICE = 5  # where the processors are short, the public pages wait and not the counters


class CannotRun(Exception):
    """It does not start, or cannot go on. The message is for whoever runs it."""


def everything(*, say) -> None:
    """Run until told to end, which is by SystemExit. `say` prints a line. Raises CannotRun."""
    _end_with_make()
    _leave_on_signals()
    host, port = settings.HOST, settings.PORT
    address = f"http://{place.reachable(host)}:{port}"
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    try:
        with place.only_run(address) as lock:
            children.end_leftovers(working_in=front.folder())
            place.check_port(host, port)
            _prepare(say)
            connection.close()
            fake_line, channel = _fake_line(address) if _needs_fake_line() else (None, {})
            started = [
                *([Child("fake LINE", fake_line, channel)] if fake_line else []),
                *_web(host, port, channel, say),
                Child("worker", [sys.executable, "-m", "queuesite.launcher.worker"], channel),
            ]
            _keep_running(started, address, lock, say)
    except place.NoPlace as exc:
        raise CannotRun(str(exc)) from None


def _web(host: str, port: int, environment: dict[str, str], say) -> list[Child]:
    """The web servers. Behind nginx there is one for the public, and one for staff and boards, out of reach of any
    public flood."""
    nginx, said = front.find(host, port)
    say(said)
    if nginx is None:
        command = web.by_itself(host, port, workers=settings.WEB_WORKERS + settings.STAFF_WORKERS)
        return [Child("web server", command, environment | {"BEHIND_FRONT": "off", "PROCESS_KIND": "staff"})]
    environment = environment | {"BEHIND_FRONT": "on"}
    public, staff = front.socket("public"), front.socket("staff")
    return [
        Child(
            "web server",
            web.behind_front(public, workers=settings.WEB_WORKERS),
            environment | {"PROCESS_KIND": "public"},
            socket=public,
            nice=PUBLIC_NICE,
        ),
        Child(
            "staff's web server",
            web.behind_front(staff, workers=settings.STAFF_WORKERS),
            environment | {"PROCESS_KIND": "staff"},
            socket=staff,
        ),
        front.child(nginx),
    ]


def _keep_running(started: list[Child], address: str, lock, say) -> None:
    try:
        for child in started:
            child.start()
        _wait_until_ready(address, started, say)
        _greet(address, say)
        while True:
            time.sleep(TICK_SECONDS)
            _look_after(started, say)
    finally:
        # The work is over; a second Ctrl-C must not cut the ending short.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        place.write(lock, place.STOPPING)
        say("Stopping")
        children.end([process for child in started for process in child.processes()])


def _prepare(say) -> None:
    """Bring the database and the collected files up to date; fill an empty demo. Raises CannotRun."""
    errors = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    if errors:
        raise CannotRun("\n".join(error.msg for error in errors))
    pending = health.unapplied_migrations()
    if pending:
        say(f"Preparing the database ({pending} steps)")
    call_command("check", databases=["default"], tags=["database"])  # has a secret been changed?
    call_command("migrate", interactive=False, verbosity=1 if pending else 0)
    files.collect(say=say)
    if settings.DEMO and not Department.objects.exists():
        say("Filling in demo data")
        call_command("seed_demo")
    jobs.open_days()  # after some weeks switched off every day would be closed until the worker comes to it


def _wait_until_ready(address: str, started: list[Child], say) -> None:
    say("Starting web server and worker")
    deadline = time.monotonic() + READY_SECONDS
    while (problem := _silent(started) or _problem(address)) and time.monotonic() < deadline:
        for child in started:
            if child.is_dead():
                raise CannotRun(f"The {child.name} stopped while starting; its lines are above.")
        time.sleep(0.1)
    if problem:
        raise CannotRun(f"Not ready after {READY_SECONDS} seconds: {problem}")


def _greet(address: str, say) -> None:
    address = _public(address)
    lines = [
        "",
        "Ready. Ctrl-C ends it.",
        f"  members     {address}/",
        f"  back office {address}/admin/",
        f"  API         {address}/api/docs/",
    ]
    if _needs_fake_line():
        lines.append(f"  LINE        {address}/demo/line/ (messages are shown there; no channel is set)")
    if settings.DEMO:
        lines.append(
            f"  log-ins     manager, counter1 to counter5; password {settings.DEMO_PASSWORD} (demo: known to all)"
        )
    say("\n".join([*lines, ""]))


def _look_after(started: list[Child], say) -> None:
    """Restart what died. Give up on what keeps dying."""
    if settings.HAS_EMBEDDED_DATABASE:
        _look_after_database(settings.VAR_DIR / "postgres", say)
    for child in started:
        if not child.is_dead():
            continue
        if disk.is_full():
            child.deaths.clear()
        elif child.keeps_dying():
            raise CannotRun(f"The {child.name} keeps stopping; its lines are above. Everything is stopped.")
        say(f"The {child.name} had stopped; starting it again")
        child.start()


def _look_after_database(folder: Path, say) -> None:
    postgres.shorten_log(folder)
    if postgres.is_running(folder):
        return
    if disk.is_full():
        # Started now it would stop again, or could not write down that it is ready.
        say("The disk is full, and PostgreSQL has stopped. Make room; it goes on by itself")
        time.sleep(FULL_SECONDS)
        return
    try:
        if postgres.start_again_if_dead(folder):
            say("PostgreSQL had stopped; started it again")
    except postgres.CannotStart as exc:
        raise CannotRun(f"PostgreSQL: {exc}") from None


def _needs_fake_line() -> bool:
    """The demo shows what LINE would get, if no channel of LINE's own is set."""
    return settings.DEMO and not settings.LINE_CHANNEL_ACCESS_TOKEN and not settings.LINE_LOGIN_CHANNEL_ID


def _fake_line(address: str) -> tuple[list[str], dict[str, str]]:
    """The command of a LINE of our own on a free port, and the settings with which the others reach it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    channel = {
        "LINE_API_BASE": f"http://127.0.0.1:{port}",
        "LINE_CHANNEL_ACCESS_TOKEN": secrets.token_urlsafe(16),
        "LINE_CHANNEL_SECRET": secrets.token_urlsafe(16),
        "LINE_LOGIN_CHANNEL_ID": "1650000000",
        "LINE_LOGIN_CHANNEL_SECRET": secrets.token_urlsafe(16),
        "PUBLIC_URL": settings.PUBLIC_URL or address,
    }
    return [sys.executable, "-m", "queuesite.demo.fake_line", "--port", str(port)], channel


def _end_with_make() -> None:
    """Get a signal to end if `make` is killed. Without make nothing changes (Linux only)."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _leave_on_signals() -> None:
    """Ctrl-C, and being told to end, leave by way of every `finally`, with exit code 0."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:  # under nohup
            continue
        signal.signal(number, lambda number, frame: sys.exit(0))


def _silent(started: list[Child]) -> str:
    """The web servers behind the front that do not answer yet; empty if all do."""
    names = [child.name for child in started if child.socket and not web.is_answering(child.socket, _own_name())]
    return f"no answer from: {', '.join(names)}" if names else ""


def _public(address: str) -> str:
    """The address to print: one that ALLOWED_HOSTS answers."""
    if settings.PUBLIC_URL or "*" in settings.ALLOWED_HOSTS:
        return settings.PUBLIC_URL or address
    host = urlsplit(address).hostname
    if validate_host(host, settings.ALLOWED_HOSTS) and not settings.SECURE_SSL_REDIRECT:
        return address
    return f"https://{_own_name()}" if settings.SECURE_SSL_REDIRECT else f"http://{_own_name()}:{settings.PORT}"


def _own_name() -> str:
    """A name that ALLOWED_HOSTS answers."""
    name = settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "localhost"
    return "localhost" if name == "*" else name.lstrip(".")


def _problem(address: str) -> str:
    """What is wrong according to /readyz; empty if the service is ready."""
    request = urllib.request.Request(f"{address}/readyz", headers={"Host": _own_name()})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5) as answer:
            return json.load(answer).get("warnings", {}).get("worker", "")
    except urllib.error.HTTPError as exc:
        body = exc.read().decode(errors="replace")
        try:
            return json.dumps(json.loads(body)["checks"])
        except (ValueError, KeyError):
            return f"{address}/readyz answers {exc.code}"
    except OSError as exc:
        return f"{address}/readyz does not answer ({exc})"
