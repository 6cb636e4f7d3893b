"""Backup and restore with the very commands of docs/operations.md: on another machine everything is there again."""

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from booking import jobs, verbs
from booking.models import Ticket
from queuesite import backup
from queuesite.demo.office import FIRST_NUMBER, citizen_id
from queuesite.launcher import postgres
from tests.clock import FOR_CHILDREN
from tests.factories import make_slot, make_ticket

MANAGE = str(postgres.BASE_DIR / "manage.py")

DOCS = (postgres.BASE_DIR / "docs" / "operations.md").read_text()
BOOK = """
from django.utils import timezone
from booking import verbs
from booking.models import Place
from members.models import Member
now = timezone.now()
place = Place.objects.free().filter(slot__bookable_from__lte=now, slot__bookable_until__gt=now).first()
booking = verbs.book(member_id=Member.objects.filter(is_registered=True)[0].pk, slot_id=place.slot_id, key="kept")
print(booking.public_id, booking.secret)
"""
OTHER = {"SECRET_KEY": "another-secret-of-more-than-fifty-characters-" * 2}
MOVED_CLOCK = [str(FOR_CHILDREN), *filter(None, [os.environ.get("PYTHONPATH")]), str(postgres.BASE_DIR)]
TOMORROW = {
    "TEST_CLOCK_OFFSET": str(float(os.environ.get("TEST_CLOCK_OFFSET", 0)) + 24 * 60 * 60),
    "PYTHONPATH": os.pathsep.join(MOVED_CLOCK),
}
OPEN = """
from booking.models import Ticket
from members.citizen_id import citizen_id_hmac
from members.models import Member
print(Ticket.objects.reached_by("{}", "{}").state, Member.objects.filter(citizen_id_hmac=citizen_id_hmac("{}")).count())
"""


class Machine:
    """A data folder of its own, as on a machine of its own, with the same `.env` but for what is said."""

    def __init__(self, folder: Path, **settings):
        self.env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(postgres.BASE_DIR)])
        self.env |= {"VAR_DIR": str(folder), "PYTHONPATH": path} | settings
        self.folder = folder.parent

    def manage(self, *command: str, **settings) -> str:
        return self.python(MANAGE, *command, **settings)

    def python(self, *command: str, **settings) -> str:
        done = self.tried(*command, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tried(self, *command: str, **settings) -> subprocess.CompletedProcess:
        command = [sys.executable, *command]
        env = self.env | settings
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=120)


def documented(pattern: str) -> list[str]:
    """The command that the page says for an office, on the demo's database."""
    line = re.search(rf"^ +\.venv/bin/python ({pattern}.*)$", DOCS, flags=re.MULTILINE)[1]
    return shlex.split(line.replace("--dbname=queue", "--dbname=demo"))


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory):
    """A machine with a booking, its backup made as documented, and the ticket's id and secret."""
    folder = tmp_path_factory.mktemp("machines")
    old = Machine(folder / "old")
    old.manage("migrate", "-v0")
    old.manage("seed_demo")
    ticket = old.manage("shell", "-v0", "-c", BOOK).split()
    said = old.manage(*documented(r"manage\.py backup")[1:])
    assert "all rules hold" in said
    old.python(*documented(r"-m queuesite\.launcher\.postgres pg_dump"))
    return folder, old, ticket


def tickets_there(machine: Machine, ticket, **settings) -> list[str]:
    opened = OPEN.format(*ticket, citizen_id(FIRST_NUMBER))
    return machine.manage("shell", "-v0", "-c", opened, **settings).split()


@pytest.mark.slow
@pytest.mark.real_clock
def test_what_was_backed_up_on_one_machine_is_whole_on_another(backed_up):
    folder, _, ticket = backed_up
    new = Machine(folder / "new")

    refused = new.tried(MANAGE, "restore", "queue.backup", **OTHER)
    assert refused.returncode == 1
    assert "made under another SECRET_KEY" in refused.stderr
    assert "Traceback" not in refused.stderr

    assert "all rules hold" in new.manage(*documented(r"manage\.py restore")[1:])
    assert "rules hold" in new.manage("check_queue")
    assert new.manage("migrate", "--check") == ""
    assert tickets_there(new, ticket) == ["booked", "1"]

    refused = new.tried(MANAGE, "restore", "queue.backup")
    assert refused.returncode == 1
    assert "not empty" in refused.stderr

    said = new.manage("restore", "queue.backup", "--replace", "--new-key", **OTHER)
    assert "links of its tickets" in said
    gone = new.tried(MANAGE, "shell", "-v0", "-c", OPEN.format(*ticket, "1"), **OTHER)
    assert "DoesNotExist" in gone.stderr
    ask = f"from booking.models import Ticket; print(Ticket.objects.get(public_id='{ticket[0]}').secret)"
    secret = new.manage("shell", "-v0", "-c", ask, **OTHER).strip()
    assert tickets_there(new, [ticket[0], secret], **OTHER) == ["booked", "1"]
    assert new.manage("check", "--database=default", **OTHER), "the new key is kept as the one in use"

    databases = "from django.db import connection as c; x = c.cursor(); x.execute('SELECT datname FROM pg_database');"
    names = new.manage("shell", "-v0", "-c", f"{databases} print(*(n for n, in x.fetchall()))", **OTHER).split()
    assert sorted(names) == ["demo", "postgres", "template0", "template1"], "nothing of a trial is left"


@pytest.mark.slow
@pytest.mark.real_clock
def test_the_programs_of_postgresql_do_it_too(backed_up):
    folder, _, ticket = backed_up
    new = Machine(folder / "plain")
    new.python(*documented(r"-m queuesite\.launcher\.postgres pg_restore"))
    assert "rules hold" in new.manage("check_queue")
    assert "rules hold" in new.manage("check_queue", **TOMORROW), "nobody has laid out a day since the dump"
    assert tickets_there(new, ticket) == ["booked", "1"]


@pytest.mark.slow
@pytest.mark.real_clock
def test_only_its_owner_reads_it_and_no_key_is_in_it(backed_up):
    folder, old, _ = backed_up
    file = folder / "queue.backup"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(folder.glob("*.part"))
    manifest = backup.read_manifest(file)
    assert manifest["rows"]["booking_ticket"] > 0
    assert {len(fingerprint) for fingerprint in manifest["keys"].values()} == {64}
    assert "demo-only-and-known" not in json.dumps(manifest)


@pytest.mark.slow
@pytest.mark.real_clock
def test_a_file_that_is_not_whole_is_refused_with_a_sentence(backed_up, tmp_path):
    whole = (backed_up[0] / "queue.backup").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text").write_text("no backup")
    for name in ("cut", "text"):
        with pytest.raises(backup.Refused, match="is no backup, or was cut short"):
            backup.read_manifest(tmp_path / name)
    with pytest.raises(CommandError, match="No such file"):
        call_command("restore", tmp_path / "none")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_dump_that_was_damaged_is_refused_and_nothing_is_left(backed_up, tmp_path):
    at_rest = bytearray((backed_up[0] / "queue.backup").read_bytes())
    at_rest[len(at_rest) // 2] ^= 0xFF
    file = tmp_path / "damaged"
    file.write_bytes(at_rest)
    manifest = backup.read_manifest(file)
    with pytest.raises(backup.Refused), backup._scratch("damaged") as alias:
        backup._fill(alias, file, manifest)
    with backup.connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname LIKE '%%_damaged'")
        assert not cursor.fetchall()


def test_a_newer_release_s_backup_is_refused(tmp_path):
    file = tmp_path / "newer"
    with zipfile.ZipFile(file, "w") as whole:
        manifest = {"format": 1, "release": "9.9.9", "migrations": ["booking.9999_later"], "rows": {}, "keys": {}}
        whole.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(CommandError, match=r"newer release \(9\.9\.9\).*booking\.9999_later"):
        call_command("restore", file)


@pytest.mark.django_db
def test_a_database_that_somebody_uses_is_left_alone():
    somebody = psycopg.connect(os.environ["DATABASE_URL"], dbname=backup.connection.settings_dict["NAME"])
    with somebody, pytest.raises(backup.Refused, match="in use by 1 other"):
        backup._refuse_what_is_in_use(replaces=True)


@pytest.mark.django_db
def test_secrets_are_issued_anew_where_no_key_in_use_makes_them(settings):
    live, gone = make_ticket(slot=make_slot(days_ahead=1)), make_ticket(slot=make_slot(days_ahead=2))
    verbs.cancel(ticket=gone, by=None)
    of_before = {ticket.pk: ticket.secret_hash for ticket in Ticket.objects.all()}
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], OTHER["SECRET_KEY"]
    assert verbs.issue_secrets_anew() == 0, "a fallback still makes them"
    settings.SECRET_KEY_FALLBACKS = []
    assert verbs.issue_secrets_anew() == 1
    changed = {ticket.pk for ticket in Ticket.objects.all() if ticket.secret_hash != of_before[ticket.pk]}
    assert changed == {live.pk}


@pytest.mark.django_db
def test_a_night_leaves_one_backup_and_so_many_are_kept(settings, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(backup, "make", lambda file: (made.append(file.name), file.touch()))
    (tmp_path / "queue-2020-01-01.backup.part").touch()
    (tmp_path / "before-the-update.backup").touch()

    jobs.back_up()
    assert not made, "without a folder there is none"

    settings.BACKUP_DIR, settings.BACKUP_KEEP = str(tmp_path), 2
    midnight = timezone.localtime().replace(hour=0, minute=10)
    for hours in (0, 1, 2, 24, 25, 50, 75):
        with time_machine.travel(midnight + timedelta(hours=hours), tick=False):
            jobs.back_up()
    days = [f"queue-{midnight.date() + timedelta(days=day)}.backup" for day in range(4)]
    assert made == days
    assert sorted(file.name for file in tmp_path.iterdir()) == ["before-the-update.backup", *days[-2:]]
