"""Reports, boards and calendars from a copy: from a real one that PostgreSQL streams, and from the database itself
while there is none, or none that has all that is committed."""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse

from bench.servers import serving
from booking import replica, roles
from booking.models import Department, Slot
from members.identify import issue_identity
from queuesite.launcher import postgres
from tests.factories import (
    in_days,
    make_counter,
    make_department,
    make_member,
    make_open_department,
    make_user,
    make_walk_in,
)

READS = replica.Router()


def where(_request):
    return READS.db_for_read(Department), READS.db_for_read(Session)


@pytest.fixture
def with_replica(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES, "replica", {})
    monkeypatch.setattr(replica, "connections", {"default": SimpleNamespace(in_atomic_block=False)})
    monkeypatch.setattr(replica, "_left_alone_until", 0.0)


def test_what_may_be_late_is_read_there_and_who_is_signed_in_is_not(with_replica):
    assert where(None) == (None, None)
    assert replica.may_be_late(where)(None) == ("replica", None)
    assert where(None) == (None, None)


def test_without_one_everything_is_read_from_the_database():
    assert replica.may_be_late(where)(None) == (None, None)


def test_one_that_does_not_answer_is_done_without(with_replica, caplog):
    asked = []

    def view(_request):
        asked.append(READS.db_for_read(Department))
        if asked[-1]:
            raise OperationalError("gone")
        return HttpResponse("shown")

    assert replica.may_be_late(view)(None).content == b"shown"
    assert asked == ["replica", None]
    assert "the replica does not answer" in caplog.text


@pytest.mark.django_db
def test_what_was_cut_off_is_not_read_again_from_the_database(with_replica):
    """It would take as long there, beside bookings and calls."""
    asked = []

    def view():
        asked.append(READS.db_for_read(Department))
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '50ms'")
            cursor.execute("SELECT pg_sleep(60)")

    with pytest.raises(OperationalError, match="statement timeout"), transaction.atomic():
        replica.may_be_late(view)()
    assert asked == ["replica"]
    assert where(None) == (None, None)


@pytest.mark.parametrize("has_caught_up", [True, False])
def test_what_must_be_true_now_is_read_there_once_it_has_all(with_replica, monkeypatch, has_caught_up):
    monkeypatch.setattr(replica, "_has_caught_up", lambda: has_caught_up)
    assert replica.as_of_now(lambda: where(None)) == ("replica" if has_caught_up else None, None)
    assert where(None) == (None, None)


@pytest.mark.parametrize("fault", ["behind", "away"])
def test_one_that_is_behind_or_away_is_left_alone_for_a_while(with_replica, monkeypatch, fault):
    asked = []

    def has_caught_up():
        asked.append(fault)
        if fault == "away":
            raise OperationalError("gone")
        return False

    monkeypatch.setattr(replica, "_has_caught_up", has_caught_up)
    for _ in range(5):
        assert replica.as_of_now(lambda: where(None)) == (None, None)
    assert asked == [fault]
    monkeypatch.setattr(replica, "_left_alone_until", 0.0)
    replica.as_of_now(lambda: where(None))
    assert asked == [fault] * 2


def test_inside_a_transaction_its_own_changes_are_read(with_replica, monkeypatch):
    monkeypatch.setattr(replica, "_has_caught_up", lambda: True)
    replica.connections["default"].in_atomic_block = True
    assert replica.as_of_now(lambda: where(None)) == (None, None)


def test_nothing_is_migrated_there():
    assert not READS.allow_migrate("replica", "booking")
    assert READS.allow_migrate("default", "booking")


def sql_as(role, folder, database="postgres"):
    file = postgres.passwords_of(folder)
    return psycopg.connect(f"host={folder} user={role} dbname={database} passfile={file}", autocommit=True)


class Standby:
    """A copy that PostgreSQL streams: the address of this test's database there, and itself to ask as superuser."""

    def __init__(self, folder, name, process):
        self.url, self.process = postgres.url_of(folder, name), process
        self._superuser = sql_as("postgres", folder, name)

    def ask(self, sql, *values):
        return self._superuser.execute(sql, values).fetchone()[0]

    def committed(self) -> int:
        """How many transactions have ended there: it counts who reads from it."""
        self._superuser.execute("SELECT pg_stat_clear_snapshot()")
        return self.ask("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")


@pytest.fixture
def standby(transactional_db):
    """docs/scale.md, step by step, with the embedded server's programs."""
    at = connection.get_connection_params()["host"]
    owner = Path(at).owner()
    as_owner = {"user": owner} if os.getuid() == 0 else {}
    with contextlib.ExitStack() as after:
        folder = Path(after.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)
        if as_owner:
            shutil.chown(folder, owner)
        programs = postgres._Server(Path(at)).bin
        copy = [programs / "pg_basebackup", "-h", at, "-U", "postgres", "-D", folder / "data", "-R", "-X", "stream"]
        copied = subprocess.run(
            [*copy, "-c", "fast"],
            cwd=folder,
            env=os.environ | {"PGPASSFILE": str(postgres.passwords_of(Path(at)))},
            capture_output=True,
            text=True,
            **as_owner,
        )
        assert copied.returncode == 0, copied.stderr
        log = after.enter_context((folder / "log").open("w"))
        options = [f"--unix_socket_directories={folder}", "--listen_addresses=", "--max_connections=200"]
        process = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *options], cwd=folder, stdout=log, stderr=log, **as_owner
        )
        after.callback(process.wait, 60)
        after.callback(process.send_signal, signal.SIGQUIT)
        name = connection.settings_dict["NAME"]
        until(lambda: sql_as("queue", folder, name).close() is None, folder / "log")
        yield Standby(folder, name, process)


def own_url() -> str:
    return postgres.url_of(Path(connection.get_connection_params()["host"]), connection.settings_dict["NAME"])


@pytest.mark.slow
@pytest.mark.real_clock
def test_a_real_streaming_replica(standby):
    department = make_department(slug="streamed")
    assert standby.ask("SELECT pg_is_in_recovery()")
    began = time.monotonic()
    until(lambda: standby.ask("SELECT count(*) FROM booking_department WHERE id = %s", department.pk) or fail())
    print(f"there after {time.monotonic() - began:.3f} s")
    at_work = subprocess.run(
        [sys.executable, "-c", READ_THERE],
        cwd=postgres.BASE_DIR,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "queuesite.settings",
            "PROCESS_KIND": "staff",
            "DATABASE_URL": own_url(),
            "DATABASE_REPLICA_URL": standby.url,
        },
        capture_output=True,
        text=True,
    )
    assert at_work.stdout.split() == ["True", "streamed", "False"], at_work.stderr


READ_THERE = """
import django; django.setup()
from django.db import connections
from booking import replica
from booking.models import Department
def view(request):
    cursor = connections[Department.objects.all().db].cursor()
    cursor.execute("SELECT pg_is_in_recovery()")
    print(cursor.fetchone()[0], Department.objects.get().slug)
replica.may_be_late(view)(None)
cursor = connections[Department.objects.all().db].cursor()
cursor.execute("SELECT pg_is_in_recovery()")
print(cursor.fetchone()[0])
"""


class Office:
    """A department whose clerk calls and whose members book, at a web server that has a replica."""

    def __init__(self, port, department, counter, headers):
        self.port, self.department, self.counter, self.headers = port, department, counter, headers
        self.slots = list(Slot.objects.of_day(department, in_days(1)))

    def ask(self, path, method="GET", body=None, headers=None) -> str:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        line.request(method, path, body, {"Content-Type": "application/json"} | (headers or {}))
        answer = line.getresponse()
        said = answer.read().decode()
        line.close()
        assert answer.status < 300, (answer.status, said)
        return said

    def call(self) -> str:
        """Call the next, and give the number."""
        return json.loads(self._press("call-next"))["number"]

    def serve(self) -> None:
        for verb in ("start", "finish"):
            self._press(verb)

    def _press(self, verb) -> str:
        return self.ask(f"/api/v1/counters/{self.counter.number}/{verb}/", "POST", "{}", self.headers)

    def shows(self, number: str) -> bool:
        return number in self.ask(f"/board/{self.department.slug}/")

    def free(self) -> int:
        """Of tomorrow, as whoever opens the calendar reads it."""
        date = in_days(1).isoformat()
        days = self.ask(f"/api/v1/departments/{self.department.slug}/days/?from={date}&to={date}")
        return json.loads(days)[0]["free"]

    def book(self) -> None:
        identity = issue_identity(make_member(), proved_by="phone")[0]
        body = json.dumps({"identity": identity, "slot": self.slots[0].pk})
        self.ask("/api/v1/tickets/", "POST", body, {"Idempotency-Key": secrets.token_urlsafe(16)})


@contextlib.contextmanager
def office(replica_url, capsys, waiting):
    department = make_open_department(quota=100)
    clerk = make_user(username="clerk", group=roles.CLERK)
    counter = make_counter(departments=[department], clerk=clerk)
    for _ in range(waiting):
        make_walk_in(department=department)
    call_command("staff_token", "clerk")
    headers = {"Authorization": f"Token {capsys.readouterr().out.split()[-1]}"}
    with serving(own_url(), workers=1, DATABASE_REPLICA_URL=replica_url, PROCESS_KIND="staff", DEBUG="on") as site:
        yield Office(site.port, department, counter, headers)


@contextlib.contextmanager
def as_an_office_commits():
    """The tests' server lets nobody wait for the disk: a copy would have each change a fifth of a second late."""
    name = connection.settings_dict["NAME"]
    with sql_as("postgres", Path(connection.get_connection_params()["host"]), name) as superuser:
        superuser.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
        try:
            yield
        finally:
            superuser.execute(f"ALTER DATABASE {name} RESET synchronous_commit")


@pytest.mark.slow
@pytest.mark.real_clock
def test_where_commits_do_not_wait_for_the_disk_nobody_sees_less_either(standby, capsys):
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone() == ("off",)
    with office(standby.url, capsys, waiting=10) as place:
        follows_each_change(place, 5)


def follows_each_change(place, times) -> None:
    """Nobody sees less than what has been answered before."""
    free = place.free()
    for nth in range(1, times + 1):
        number = place.call()
        assert place.shows(number), f"call {nth}"
        place.serve()
        place.book()
        assert place.free() == free - nth


@pytest.mark.slow
@pytest.mark.real_clock
def test_boards_and_calendars_from_a_replica_show_each_call_and_booking_that_has_been_answered(standby, capsys):
    with as_an_office_commits(), office(standby.url, capsys, waiting=30) as place:
        before = standby.committed()
        follows_each_change(place, 20)
        until(lambda: standby.committed() - before > 20 or fail())  # told by PostgreSQL within a second or so

        standby.ask("SELECT pg_wal_replay_pause() IS NULL")
        follows_each_change(place, 3)
        standby.ask("SELECT pg_wal_replay_resume() IS NULL")

        standby.process.send_signal(signal.SIGQUIT)
        standby.process.wait(60)
        follows_each_change(place, 3)


def fail():
    raise psycopg.OperationalError("not yet")


def until(condition, log=None):
    for _ in range(1200):
        with contextlib.suppress(psycopg.OperationalError):
            condition()
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log else "never came about")
