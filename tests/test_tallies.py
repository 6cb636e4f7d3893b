"""Refusals and visits are counted without saying whose, written together, and put together at night."""

import datetime as dt

import pytest
from django.db import DatabaseError
from django.urls import reverse

from booking import errors, verbs
from booking.models import Tally, tallies
from tests.clock import MORNING
from tests.factories import make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import confirm_name

pytestmark = pytest.mark.django_db


def counted() -> dict:
    tallies.write()
    return {(row.what, row.name, row.department_id): row.count for row in Tally.objects.all()}


@pytest.fixture
def full():
    slot = make_slot(quota=1)
    make_ticket(slot=slot)
    return slot


def book(slot, key, by=None):
    with pytest.raises(errors.SlotFull):
        verbs.book(member_id=make_member().pk, slot_id=slot.pk, key=key, by=by)


def test_who_wanted_a_full_time_is_counted_for_its_department(full):
    book(full, "1")
    book(full, "2")
    assert not Tally.objects.exists()  # nobody's request writes
    assert counted() == {("refused", "slot_full", full.department_id): 2}
    row = Tally.objects.get()
    assert (row.date, row.hour) == (MORNING.date(), 7)


def test_what_staff_try_is_not_a_members_refusal(full):
    book(full, "1", by=make_user())
    assert counted() == {}


def test_a_refusal_that_a_page_shows_counts_once(client, full):
    member, _answer = confirm_name(client, full.department)
    address = reverse("take", args=[full.department.slug, full.date])
    client.post(address, {"slot": full.pk, "key": "k"})
    assert counted() == {("refused", "slot_full", full.department_id): 1}


def test_visits_are_counted_by_page_and_department_without_robots(client):
    department = make_open_department()
    for agent in ("Mozilla/5.0", "Mozilla/5.0", "Googlebot/2.1"):
        client.get("/", headers={"User-Agent": agent})
        client.get(reverse("days", args=[department.slug]), headers={"User-Agent": agent})
    assert counted() == {("visited", "home", None): 2, ("visited", "days", department.pk): 2}


def test_what_could_not_be_written_is_counted_on(full, monkeypatch):
    book(full, "1")

    def broken(_taken):
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(tallies, "_rows", broken)
        tallies.write()
    assert counted() == {("refused", "slot_full", full.department_id): 1}


def test_rows_of_one_hour_are_put_together(full):
    for nth in range(3):
        book(full, str(nth))
        tallies.write()
    assert Tally.objects.count() == 3
    tallies.put_together(first=MORNING.date(), last=MORNING.date() + dt.timedelta(days=1))
    assert [row.count for row in Tally.objects.all()] == [3]
