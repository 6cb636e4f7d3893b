"""What the soak books is an office like any other: its worker's jobs leave it as it is."""

import datetime as dt

import pytest
from django.utils import timezone

from bench import soak
from booking import jobs, verbs
from booking.days import opening
from booking.models import JobRun, Place, Ticket
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
    room = len(soak._free(office, timezone.localdate() + dt.timedelta(days=soak.BOOKED_FROM)))
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
