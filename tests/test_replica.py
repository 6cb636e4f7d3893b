"""Reports from a copy: from a real one that PostgreSQL streams, and from the database itself while there is none."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.http import HttpResponse

from booking import replica
from booking.models import Department
from queuesite.launcher import postgres
from tests.factories import make_department

READS = replica.Router()


def where(_request):
    return READS.db_for_read(Department), READS.db_for_read(Session)


@pytest.fixture
def with_replica(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES, "replica", {})


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


def test_nothing_is_migrated_there():
    assert not READS.allow_migrate("replica", "booking")
    assert READS.allow_migrate("default", "booking")


def sql_as(role, folder, database="postgres"):
    file = postgres.passwords_of(folder)
    return psycopg.connect(f"host={folder} user={role} dbname={database} passfile={file}", autocommit=True)


@pytest.mark.slow
@pytest.mark.real_clock
@pytest.mark.django_db(transaction=True)
def test_a_real_streaming_replica():
    """docs/scale.md, step by step, with the embedded server's programs."""
    socket = connection.get_connection_params()["host"]
    owner = Path(socket).owner()
    as_owner = {"user": owner} if os.getuid() == 0 else {}
    with contextlib.ExitStack() as after:
        folder = Path(after.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)
        if as_owner:
            shutil.chown(folder, owner)
        programs = postgres._Server(Path(socket)).bin
        copied = subprocess.run(
            [
                programs / "pg_basebackup",
                "-h",
                socket,
                "-U",
                "postgres",
                "-D",
                folder / "data",
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
            ],
            cwd=folder,
            env=os.environ | {"PGPASSFILE": str(postgres.passwords_of(Path(socket)))},
            capture_output=True,
            text=True,
            **as_owner,
        )
        assert copied.returncode == 0, copied.stderr
        log = after.enter_context((folder / "log").open("w"))
        options = [f"--unix_socket_directories={folder}", "--listen_addresses=", "--max_connections=200"]
        standby = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *options], cwd=folder, stdout=log, stderr=log, **as_owner
        )
        after.callback(standby.wait, 20)
        after.callback(standby.terminate)
        name = connection.settings_dict["NAME"]
        until(lambda: sql_as("queue", folder, name).close() is None, (folder / "log"))

        department = make_department(slug="streamed")
        with sql_as("queue", folder, name) as copy:
            assert copy.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
            began = time.monotonic()
            asked = "SELECT 1 FROM booking_department WHERE id = %s"
            until(lambda: copy.execute(asked, [department.pk]).fetchone() or fail(), folder / "log")
            print(f"there after {time.monotonic() - began:.3f} s")
            assert time.monotonic() - began < 1
        at_work = subprocess.run(
            [postgres.BASE_DIR / ".venv/bin/python", "-c", READ_THERE],
            cwd=postgres.BASE_DIR,
            env=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "queuesite.settings",
                "PROCESS_KIND": "staff",
                "DATABASE_URL": postgres.url_of(Path(socket), name),
                "DATABASE_REPLICA_URL": postgres.url_of(folder, name),
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


def fail():
    raise psycopg.OperationalError("not yet")


def until(condition, log):
    for _ in range(1200):
        with contextlib.suppress(psycopg.OperationalError):
            condition()
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
