"""What the soak books is an office like any other: its worker's jobs leave it as it is."""

import datetime as dt
import os
import subprocess
import sys

import pytest
from django.utils import timezone

from bench import counters, soak
from booking import jobs, verbs
from booking.days import opening
from booking.models import JobRun, Place, SummarisedDay, Ticket
from tests.clock import today_at
from tests.factories import make_member

pytestmark = pytest.mark.django_db


def test_the_worker_takes_none_of_its_places_away_and_members_come_back_on_other_days():
    for _ in range(3):
        make_member()
    office = soak._office()
    free = Place.objects.filter(slot__department=office).count()
    first = soak._wanted(office, 3)
    for nth, booking in enumerate(first):
        verbs.book(member_id=booking.member, slot_id=booking.slot, key=str(nth))
    jobs.open_days()
    assert opening.differences().count == 0
    assert Place.objects.filter(slot__department=office).count() == free
    second = soak._wanted(soak._office(), 3)
    assert {booking.member for booking in first} == {booking.member for booking in second}
    assert not {(one.member, one.date) for one in first} & {(one.member, one.date) for one in second}


def test_where_little_is_free_what_was_booked_is_cancelled(monkeypatch):
    for _ in range(2):
        make_member()
    monkeypatch.setitem(soak.OPEN, "quota", soak.SPARE + 1)
    monkeypatch.setitem(soak.OPEN, "slot_minutes", 480)
    office = soak._office()
    room = len(soak._free(office, timezone.now() + soak.BOOKED_FROM))
    booking = soak._wanted(office, 1)[0]
    booked = verbs.book(member_id=booking.member, slot_id=booking.slot, key="first")
    soak._wanted(office, room)
    assert Ticket.objects.get(pk=booked.ticket_id).state == "cancelled"


def test_a_job_that_was_due_and_has_not_run_is_told():
    begun = timezone.now()
    before = dict.fromkeys(jobs.RECURRING, begun)
    before["open_days"] -= dt.timedelta(days=1)
    for name, at in before.items():
        JobRun.objects.create(name=name, finished_at=at)
    assert soak._missed(before, begun) == ["open_days"]
    jobs.open_days()
    assert soak._missed(before, begun) == []


def test_what_it_starts_has_a_clock_that_is_faster_by_as_much():
    before = dict(os.environ)
    says = "import time, time_machine as t; real = t.escape_hatch.time.time; print(real(), time.time(), real())"
    with soak._faster_clock(today_at("6.00")):
        since = float(os.environ["TEST_CLOCK_SINCE"])
        said = subprocess.run([sys.executable, "-c", says], check=True, capture_output=True, text=True).stdout
        here = timezone.now()
    first, fast, last = map(float, said.split())
    begins = today_at("6.00").timestamp()
    assert begins + soak.SPEED * (first - since) <= fast <= begins + soak.SPEED * (last - since)
    assert today_at("6.00") <= here
    assert dict(os.environ) == before


def test_a_part_goes_on_at_the_hour_where_the_last_one_ended(clock):
    make_member()
    office = soak._office()
    assert timezone.localtime(soak._goes_on_at()) == today_at("6.00") + dt.timedelta(days=1)
    booking = soak._wanted(office, 1)[0]
    clock.move_to(today_at("9.00"))
    verbs.book(member_id=booking.member, slot_id=booking.slot, key="last")
    clock.move_to(today_at("8.00"))
    assert soak._goes_on_at() == today_at("9.00")


def test_a_day_that_was_not_closed_counted_or_backed_up_is_told(clock, tmp_path):
    make_member()
    office = soak._office()
    begun, (booking,) = timezone.now(), soak._wanted(office, 1)
    verbs.book(member_id=booking.member, slot_id=booking.slot, key="stays")
    clock.move_to(today_at("4.00") + dt.timedelta(days=1))
    assert soak._days(begun, office, tmp_path) == {}  # its night is not over
    clock.move_to(today_at("6.00") + dt.timedelta(days=1))
    day = booking.date.isoformat()
    assert soak._wrong_with_days(soak._days(begun, office, tmp_path)) == [
        f"{day}: 1 booked",
        f"{day}: not counted",
        f"{day}: not backed_up",
    ]
    jobs.close_days()
    SummarisedDay.objects.create(date=booking.date, made_at=timezone.now())
    night = tmp_path / f"queue-{booking.date + dt.timedelta(days=1)}.backup"
    (tmp_path / f"{night.name}.part").touch()
    assert soak._wrong_with_days(soak._days(begun, office, tmp_path)) == [f"{day}: not backed_up"]
    night.touch()
    assert soak._wrong_with_days(soak._days(begun, office, tmp_path)) == []


def test_who_was_served_and_is_not_is_told():
    make_member()
    office, since = soak._office(), timezone.now()
    (booking,) = soak._wanted(office, 1)
    booked = verbs.book(member_id=booking.member, slot_id=booking.slot, key="came")
    served = counters.Served(finished=[booked.public_id])
    assert counters.broken(served, since) == ["1 who were served are not"]
    Ticket.objects.filter(pk=booked.ticket_id).update(state="served")
    assert counters.broken(served, since) == []


def test_how_late_a_job_was_is_noted_in_the_machines_seconds(clock):
    begun, late = timezone.now(), {}
    JobRun.objects.create(name="heartbeat", finished_at=begun)
    clock.shift(dt.timedelta(minutes=jobs.RECURRING["heartbeat"], seconds=soak.SET_BACK + 100 * soak.SPEED))
    soak._note_late_jobs(late, begun)
    assert late["heartbeat"] == 100
    assert late["open_days"] < 100  # a job that has never run is due an interval after the part began
    assert "send_notices" not in late
    JobRun.objects.update(finished_at=timezone.now())
    soak._note_late_jobs(late, begun)
    assert late["heartbeat"] == 100  # at most
