"""`manage.py run`, for real: it starts everything, ends everything, and comes back after anything was killed."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import psycopg
import pytest

from queuesite.launcher import postgres

pytestmark = [pytest.mark.slow, pytest.mark.real_clock]

# Kept from one test run to the next, but for the database: collecting the static files takes long.
VAR_DIR = Path(os.environ["VAR_DIR"]) / "run"
COMMAND = [sys.executable, "manage.py", "run"]


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def no_data():
    """The first test starts from nothing; the others go on with its database."""
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    _end_all()
    shutil.rmtree((VAR_DIR / "postgres").resolve(), ignore_errors=True)


@pytest.fixture
def environment(no_data, port):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    del kept["DATABASE_URL"]
    yield kept | {"VAR_DIR": str(VAR_DIR), "PORT": str(port), "WEB_WORKERS": "1", "WORKERS": "1"}
    _end_all()


def _end_all():
    """Nothing is left by now, unless a test failed."""
    for process in [*_of_this_run(), *_postgres()]:
        process.kill()


class Run:
    """A `manage.py run` that has said it is ready."""

    def __init__(self, environment, command=COMMAND):
        self.log = VAR_DIR / "run.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=postgres.BASE_DIR,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: "Ready." in self.said() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.log.read_text()

    def end(self, number=signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)  # two or three where the machine has nothing else to do


def wait_until(condition):
    for _ in range(9000):  # with other work on the machine, a start takes minutes
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("never came about")


def status(port, path="/readyz") -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as exc:
        return exc.code
    except OSError:
        return 0


def test_it_starts_everything_and_ends_everything(environment, port):
    run = Run(environment)
    assert status(port) == 200
    addresses = re.findall(rf"http://127.0.0.1:{port}(/\S*)", run.said())
    assert addresses == ["/", "/admin/", "/api/docs/", "/demo/line/"]
    assert [status(port, path) for path in addresses] == [200, 200, 200, 200]

    second = subprocess.run(COMMAND, cwd=postgres.BASE_DIR, env=environment, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert f"already running: http://127.0.0.1:{port}" in second.stderr
    assert status(port) == 200

    assert run.end() == 0
    assert everything_has_ended(port)


def test_what_dies_is_started_again(environment, port):
    run = Run(environment)
    for name, mark in [
        ("The web server", "public.sock"),
        ("The staff's web server", "staff.sock"),
        ("The nginx", "-e"),
    ]:
        next(p for p in _of_this_run() if any(part.endswith(mark) for part in " ".join(p.cmdline()).split())).kill()
        wait_until(lambda name=name: f"{name} had stopped" in run.said())
        wait_until(lambda: status(port) == status(port, "/board/") == 200)
    _postgres()[0].kill()
    wait_until(lambda: "PostgreSQL had stopped" in run.said() and status(port) == 200)
    assert run.end(signal.SIGINT) == 0
    assert everything_has_ended(port)


def test_killed_outright_it_starts_again_and_has_kept_what_was_committed(environment, port):
    run = Run(environment)
    url = postgres.url_of(VAR_DIR / "postgres")
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT 'A012' AS code")
    run.process.kill()
    run.process.wait()
    left = _of_this_run()
    assert left
    assert status(port) == 200, "the web server lives on, and has the port"

    run = Run(environment)
    assert not set(left) & set(_of_this_run())
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT code FROM kept").fetchall() == [("A012",)]

    # Everything at once, as when the machine loses power.
    for process in [psutil.Process(run.process.pid), *_of_this_run(), *_postgres()]:
        process.kill()
    run.process.wait()
    run = Run(environment)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT code FROM kept").fetchall() == [("A012",)]
    assert run.end() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell a process that its parent died")
def test_it_ends_when_make_is_killed_outright(environment, port):
    make = Run(environment | {"MAKELEVEL": "1"}, ["sh", "-c", f"'{sys.executable}' manage.py run; true"])
    make.process.kill()
    make.process.wait()
    wait_until(lambda: everything_has_ended(port))


MAY_NOT = (
    "TRUNCATE booking_ticketevent",
    "UPDATE booking_ticketevent SET verb = verb",
    "DELETE FROM members_historicalmember",
    "ALTER TABLE booking_ticketevent DISABLE TRIGGER ALL",
    "SET session_replication_role = replica",
    "SET ROLE queue",
    "DELETE FROM auth_user",
)
NIGHTLY = "from queuesite import backup; print(backup.make_nightly())"


def test_web_and_worker_cannot_erase_and_do_their_work(environment, port, tmp_path):
    run = Run(environment)
    with postgres._Server(VAR_DIR / "postgres")._connect("demo") as own:
        asked = "SELECT DISTINCT usename::text FROM pg_stat_activity WHERE datname = 'demo' AND pid <> pg_backend_pid()"
        wait_until(lambda: own.execute(asked + " AND state <> 'active'").fetchall() == [("queue_app",)])
    wait_until(lambda: status(port, "/workerz") == 200)

    def manage(*command, **more):
        command = [sys.executable, "manage.py", *command]
        return subprocess.run(
            command, cwd=postgres.BASE_DIR, env=environment | more, capture_output=True, text=True, timeout=120
        )

    with psycopg.connect(postgres.url_of(VAR_DIR / "postgres", role="queue_app"), autocommit=True) as worker:
        for statement in MAY_NOT:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                worker.execute(statement)
        assert worker.execute("SELECT count(*) > 0 FROM booking_slot").fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        postgres_of = postgres.url_of(VAR_DIR / "postgres").partition("&passfile=")[0]
        psycopg.connect(postgres_of, passfile=os.devnull)

    # What works as the worker does makes the backup of the night; commands are the owner's.
    nightly = manage("shell", "-v0", "-c", NIGHTLY, PROCESS_KIND="worker", BACKUP_DIR=str(tmp_path))
    assert nightly.stdout.strip().endswith(".backup"), nightly.stderr
    refused = manage("restore", nightly.stdout.strip(), "--replace")
    assert "in use by" in refused.stderr, "by a role of which the owner sees little"
    checked = manage("check", "--deploy", "--database", "default")
    assert "W002" not in checked.stderr and "W003" not in checked.stderr, checked.stderr
    assert run.end() == 0

    restored = manage("restore", nightly.stdout.strip(), "--replace")
    assert restored.returncode == 0, restored.stderr
    run = Run(environment)
    assert status(port, "/") == 200
    assert run.end() == 0


def test_a_port_that_is_taken_is_said_plainly(environment):
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environment["PORT"])))
        other.listen()
        answer = subprocess.run(
            COMMAND, cwd=postgres.BASE_DIR, env=environment, capture_output=True, text=True, timeout=60
        )
    assert answer.returncode == 1
    assert f"make run PORT={int(environment['PORT']) + 1}" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not _postgres()


def everything_has_ended(port) -> bool:
    return status(port, "/healthz") == 0 and not _of_this_run() and not _postgres()


def _of_this_run() -> list[psutil.Process]:
    """Web servers, worker and nginx, those of other checkouts left out. nginx keeps no environment."""
    return _processes(
        lambda p: (
            p.cwd() == str(VAR_DIR / "front")
            or ("QUEUESITE_RUN" in p.environ() and p.environ().get("VAR_DIR") == str(VAR_DIR))
        ),
    )


def _postgres() -> list[psutil.Process]:
    """The embedded server first, then its own processes."""
    data = (VAR_DIR / "postgres").resolve() / "data"
    return _processes(lambda p: Path(p.cwd()) == data)


def _processes(matches) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and matches(process):
                found.append(process)
    return found
