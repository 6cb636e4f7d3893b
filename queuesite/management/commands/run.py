"""One command for all of it: prepare the database and the files, run web server and worker, end them together."""

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import environ
import psutil
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django_q.tasks import async_task

from booking.models import Department
from queuesite import health
from queuesite.launcher import postgres

MARK = "QUEUESITE_RUN"  # in the environment of each child: the next run finds what a killed one left
READY_SECONDS = 120
STOP_SECONDS = 5  # then what still runs is killed; the database may take as long again
TICK_SECONDS = 1
DEATHS_ALLOWED = 5  # of one child within DEATHS_WITHIN; one more and everything stops
DEATHS_WITHIN = 300
STOPPING = "stopping"


class Command(BaseCommand):
    help = "Run everything: database, web server and worker. HOST and PORT say where; Ctrl-C ends it."

    def handle(self, *args, **options):
        _end_with_make()
        _leave_on_signals()
        env = environ.Env()
        host, port = env("HOST", default="127.0.0.1"), env.int("PORT", default=8000)
        address = f"http://{_reachable(host)}:{port}"
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        with _only_run(address) as lock:
            _end_leftovers()
            _check_port(host, port)
            self.prepare()
            connection.close()
            fake_line, channel = _fake_line(address) if _needs_fake_line() else (None, {})
            children = [
                Child("web server", _web_command(host, port, env.int("WEB_WORKERS", default=2)), channel),
                Child("worker", [sys.executable, "manage.py", "qcluster"], channel),
            ]
            if fake_line:
                children.insert(0, Child("fake LINE", fake_line, channel))
            try:
                for child in children:
                    child.start()
                self.wait_until_ready(address, children)
                self.greet(address)
                while True:
                    time.sleep(TICK_SECONDS)
                    self.look_after(children)
            finally:
                # The work is over; a second Ctrl-C must not cut the ending short.
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                _write(lock, STOPPING)
                self.say("Stopping")
                _end([process for child in children for process in child.processes()])

    def prepare(self) -> None:
        """Bring the database and the collected files up to date; fill an empty demo."""
        pending = health.unapplied_migrations()
        if pending:
            self.say(f"Preparing the database ({pending} steps)")
        call_command("migrate", interactive=False, verbosity=1 if pending else 0)
        self.collect_files()
        if settings.DEMO and not Department.objects.exists():
            self.say("Filling in demo data")
            call_command("seed_demo")
        # The worker's first jobs: neither readiness nor what is owed to members need wait for the minute's schedule.
        async_task("booking.jobs.heartbeat")
        async_task("booking.jobs.send_notices")

    def collect_files(self) -> None:
        """Collect and compress the static files, unless none has changed since the last time."""
        done = settings.VAR_DIR / "static.fingerprint"
        now = _fingerprint_of_static_files()
        if done.exists() and done.read_text() == now:
            return
        self.say("Collecting and compressing files (half a minute, when they have changed)")
        unused = ["redoc", "rest_framework"]
        call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=unused)
        done.write_text(now)

    def wait_until_ready(self, address: str, children: list["Child"]) -> None:
        self.say("Starting web server and worker")
        deadline = time.monotonic() + READY_SECONDS
        while (problem := _problem(address)) and time.monotonic() < deadline:
            for child in children:
                if child.is_dead():
                    raise CommandError(f"The {child.name} stopped while starting; its lines are above.")
            time.sleep(0.1)
        if problem:
            raise CommandError(f"Not ready after {READY_SECONDS} seconds: {problem}")

    def greet(self, address: str) -> None:
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
        self.say("\n".join([*lines, ""]))

    def look_after(self, children: list["Child"]) -> None:
        """Start again what died; give up on what keeps dying."""
        if not os.environ.get("DATABASE_URL"):
            try:
                if postgres.start_again_if_dead(settings.VAR_DIR / "postgres"):
                    self.say("PostgreSQL had stopped; started it again")
            except postgres.CannotStart as exc:
                raise CommandError(f"PostgreSQL: {exc}") from None
        for child in children:
            if not child.is_dead():
                continue
            if child.keeps_dying():
                raise CommandError(f"The {child.name} keeps stopping; its lines are above. Everything is stopped.")
            self.say(f"The {child.name} had stopped; starting it again")
            child.start()

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


class Child:
    """The web server, say, or the worker: a process with a session, and so a process group, of its own."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]):
        self.name = name
        self.command = command
        self.environment = environment
        self.process: subprocess.Popen | None = None
        self.deaths: list[float] = []

    def start(self) -> None:
        _end(self.processes())  # children of a process that died
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        self.process = subprocess.Popen(
            self.command,
            cwd=settings.BASE_DIR,
            env=kept | self.environment | {MARK: _mark(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def is_dead(self) -> bool:
        return self.process.poll() is not None

    def keeps_dying(self) -> bool:
        now = time.monotonic()
        self.deaths = [moment for moment in self.deaths if now - moment < DEATHS_WITHIN] + [now]
        return len(self.deaths) > DEATHS_ALLOWED

    def processes(self) -> list[psutil.Process]:
        """Everything of its group, the first one first."""
        if self.process is None:
            return []
        return sorted(_processes_where(lambda p: os.getpgid(p.pid) == self.process.pid), key=lambda p: p.pid)


def _web_command(host: str, port: int, workers: int) -> list[str]:
    # Threads and backlog as measured: more threads are slower, a short backlog lets clients wait for seconds.
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "queuesite.wsgi:application"]
    command += ["--host", host, "--port", str(port), "--workers", str(workers), "--blocking-threads", "1"]
    command += ["--backlog", "16384", "--backpressure", "16384", "--no-ws", "--log-level", "warning"]
    return [*command, "--respawn-failed-workers", "--workers-kill-timeout", str(STOP_SECONDS - 2)]


def _needs_fake_line() -> bool:
    """The demo shows what LINE would be sent, where no channel of LINE's own is set."""
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
    """When `make` is killed outright we are told to end; without make nothing changes (Linux only)."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


def _leave_on_signals() -> None:
    """Ctrl-C, and being told to end, leave by way of every `finally`, with exit code 0."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:  # under nohup
            continue
        signal.signal(number, lambda number, frame: sys.exit(0))


@contextlib.contextmanager
def _only_run(address: str):
    """Hold `run.lock` of the data folder: one run for each. Raises CommandError that names the other's address."""
    with (settings.VAR_DIR / "run.lock").open("a+") as lock:
        deadline = time.monotonic() + 2 * STOP_SECONDS + 2
        while not _lock(lock):
            lock.seek(0)
            other = lock.read()
            if other != STOPPING or time.monotonic() > deadline:
                raise CommandError(f"It is already running: {other}")
            time.sleep(0.1)
        _write(lock, f"{address} (process {os.getpid()})")
        yield lock


def _lock(file) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(lock, text: str) -> None:
    lock.truncate(0)
    lock.write(text)
    lock.flush()


def _fingerprint_of_static_files() -> str:
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            file = Path(storage.path(path)).stat()
            digest.update(f"{path} {file.st_size} {file.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _mark() -> str:
    return hashlib.sha256(os.fsencode(settings.VAR_DIR.resolve())).hexdigest()[:16]


def _end_leftovers() -> None:
    """End what a run that was killed outright left behind. Only while holding `run.lock`."""
    _end(_processes_where(lambda process: process.environ().get(MARK) == _mark()))


def _processes_where(matches) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if process.pid != os.getpid() and matches(process) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _end(processes: list[psutil.Process]) -> None:
    """Ask each group's first process to end, and kill whatever is still there after STOP_SECONDS."""
    pids = {process.pid for process in processes}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in pids:
                process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=1)


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            hint = f"another program has it. Choose another: make run PORT={port + 1}"
        elif exc.errno == errno.EACCES:
            hint = "this user may not have it. Choose one above 1023: make run PORT=8000"
        else:
            hint = f"{exc.strerror}. Look at HOST and PORT (.env.example)"
        raise CommandError(f"Cannot listen on port {port} of {host}: {hint}") from None


def _reachable(host: str) -> str:
    """Where this machine reaches what listens on `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _problem(address: str) -> str:
    """What /readyz has to say against the service; empty when it is ready."""
    request = urllib.request.Request(f"{address}/readyz")
    if settings.ALLOWED_HOSTS and settings.ALLOWED_HOSTS != ["*"]:
        request.add_header("Host", settings.ALLOWED_HOSTS[0].lstrip("."))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=5):
            return ""
    except urllib.error.HTTPError as exc:
        body = exc.read().decode(errors="replace")
        try:
            return json.dumps(json.loads(body)["checks"])
        except (ValueError, KeyError):
            return f"{address}/readyz answers {exc.code}"
    except OSError as exc:
        return f"{address}/readyz does not answer ({exc})"
