"""Backup and restore with the very commands of docs/operations.md: on another machine everything is there again."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from queuesite.demo.office import FIRST_NUMBER, citizen_id
from queuesite.launcher import postgres

pytestmark = pytest.mark.real_clock

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
OPEN = """
from booking.models import Ticket
from members.citizen_id import citizen_id_hmac
from members.models import Member
print(Ticket.objects.reached_by("{}", "{}").state, Member.objects.filter(citizen_id_hmac=citizen_id_hmac("{}")).count())
"""


@pytest.fixture
def machines(tmp_path):
    """Two data folders, as on two machines with the same `.env`."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return [kept | {"VAR_DIR": str(tmp_path / name)} for name in ("old", "new")]


def documented(program: str) -> list[str]:
    """The command that the page says for an office, on the demo's database."""
    line = re.search(
        rf"^ +\.venv/bin/python (-m queuesite\.launcher\.postgres {program} .+)$", DOCS, flags=re.MULTILINE
    )[1]
    return shlex.split(line.replace("--dbname=queue", "--dbname=demo"))


def run(machine, *command: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=machine | {"PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(postgres.BASE_DIR)])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_dumped_on_one_machine_is_whole_on_another(machines, tmp_path):
    old, new = machines
    manage = str(postgres.BASE_DIR / "manage.py")
    run(old, manage, "migrate", "-v0", folder=tmp_path)
    run(old, manage, "seed_demo", folder=tmp_path)
    public_id, secret = run(old, manage, "shell", "-v0", "-c", BOOK, folder=tmp_path).split()

    run(old, *documented("pg_dump"), folder=tmp_path)
    run(new, *documented("pg_restore"), folder=tmp_path)

    assert "rules hold" in run(new, manage, "check_queue", folder=tmp_path)
    assert run(new, manage, "migrate", "--check", folder=tmp_path) == ""
    opened = OPEN.format(public_id, secret, citizen_id(FIRST_NUMBER))
    assert run(new, manage, "shell", "-v0", "-c", opened, folder=tmp_path).split() == ["booked", "1"]
