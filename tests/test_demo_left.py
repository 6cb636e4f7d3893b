"""The demo does not follow into the office."""

import contextlib
import os
import shutil
import subprocess

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.core.management.base import CommandError, SystemCheckError
from django.db import connection

from booking import invariants, verbs
from booking.models import Counter, Department, Slot
from members.models import Member
from queuesite.demo import office
from queuesite.launcher import demo_left, postgres
from tests.clock import today_at
from tests.factories import in_days, make_counter, make_member, make_ticket, make_user, make_walk_in


@pytest.fixture
def is_office(settings, db):
    settings.DEMO = False


def faults() -> list[str]:
    return [fault.msg for fault in run_checks(tags=[Tags.database], databases=["default"])]


def test_everything_that_the_demo_makes_is_found(is_office, settings):
    office.seed()
    with connection.cursor() as cursor:
        assert demo_left.is_all_there_is(cursor)
    (said,) = faults()
    assert f"{Member.objects.count()} members" in said
    for user in get_user_model().objects.all():
        assert user.username in said
    with pytest.raises(SystemCheckError, match="DEMO=off"):
        call_command("migrate", skip_checks=False, verbosity=0)


def test_one_member_of_the_demo_is_enough(is_office):
    office._made_up_member(100042).save()
    assert "1 members" in faults()[0]


def test_a_log_in_is_told_by_its_password_where_its_name_was_changed(is_office):
    user = make_user(username="manager", password=demo_left.PASSWORD)
    assert "the log-ins manager" in faults()[0]
    user.set_password("another-long-one")
    user.save()
    assert faults() == []


def test_an_office_is_not_taken_for_a_demo(is_office):
    make_user(username="manager", first_name="สาธิต")
    make_member(member_number="100042", phone="0812345678")
    assert faults() == []
    with connection.cursor() as cursor:
        assert not demo_left.is_all_there_is(cursor)


def test_the_demo_itself_starts(db, settings):
    office.seed()
    assert settings.DEMO and faults() == []


def test_it_is_taken_out_and_what_the_office_made_stays(is_office, capsys):
    office.seed()
    theirs = make_member(member_number="5")
    counter = Counter.objects.first()
    Counter.objects.filter(pk=counter.pk).update(clerk=get_user_model().objects.get(username="counter1"))
    slot = Slot.objects.filter(date__gt=in_days(0), quota__gt=0).first()
    ticket = make_ticket(slot=slot, member=Member.objects.get(member_number="100001"))
    own = make_ticket(slot=slot, member=theirs)

    call_command("remove_demo")
    assert "remove_demo --yes" in capsys.readouterr().out
    assert faults()
    call_command("remove_demo", "--yes")

    assert faults() == []
    assert list(Member.objects.all()) == [theirs]
    assert not get_user_model().objects.filter(is_active=True).exists()
    ticket.refresh_from_db()
    own.refresh_from_db()
    counter.refresh_from_db()
    assert (ticket.state, ticket.member, own.state, counter.clerk) == ("cancelled", None, "booked", None)
    assert Department.objects.exists()
    assert invariants.faults() == []
    call_command("remove_demo", "--yes")
    assert "Nothing of the demo" in capsys.readouterr().out


def test_a_ticket_at_a_counter_is_finished_first(is_office):
    office.seed()
    member = Member.objects.get(member_number="100001")
    clerk = make_user()
    counter = make_counter(departments=[Department.objects.first()], clerk=clerk)
    with time_machine.travel(today_at("10.00")):
        ticket = make_walk_in(department=Department.objects.first(), member_id=member.pk)
        verbs.call_next(counter=counter, by=clerk)

    with pytest.raises(CommandError, match=ticket.code):
        call_command("remove_demo", "--yes")
    assert Member.objects.filter(pk=member.pk).exists()


@pytest.mark.long
def test_a_folder_from_before_is_set_right():
    """A demo's folder whose data lies in `queue`: it goes on as the demo's, and the office begins empty."""
    folder = postgres.BASE_DIR / "var" / "test" / "demo-left" / "postgres"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder.resolve())
    make = "CREATE TABLE members_member (member_number text, phone text);"
    demo = "INSERT INTO members_member VALUES ('100001', '0800100001')"
    with postgres.running(folder, database="queue", durable=False) as url:
        psql(url, make + demo)
    with postgres.running(folder, database="demo", durable=False) as url:
        assert psql(url, "SELECT count(*) FROM members_member") == "1"
    with postgres.running(folder, database="queue", durable=False) as url:
        assert psql(url, "SELECT to_regclass('members_member')") == ""
        psql(url, make + "INSERT INTO members_member VALUES ('100001', '0800100001'), ('5', '0812345678')")
        psql(url, "SELECT 1")
    with postgres.running(folder, database="demo", durable=False) as url:
        assert psql(url, "SELECT count(*) FROM members_member") == "1", "nothing is renamed over what is there"


def test_the_demo_and_the_office_have_each_their_own(monkeypatch):
    monkeypatch.setenv("DEMO", "on")
    assert "/demo?" in postgres.embedded_url()
    monkeypatch.setenv("DEMO", "off")
    assert "/queue?" in postgres.embedded_url()


def test_env_is_made_for_its_owner_alone(tmp_path):
    (tmp_path / "Makefile").write_text((postgres.BASE_DIR / "Makefile").read_text())
    (tmp_path / ".env.example").write_text("DEMO=on\n")
    subprocess.run(["make", ".env"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def psql(url: str, statement: str) -> str:
    environment = {"PATH": os.environ["PATH"]}
    command = [postgres.binaries() / "psql", "-XAtqc", statement, url]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
