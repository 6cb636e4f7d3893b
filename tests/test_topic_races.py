"""Visits of several places against visits of one and changed quotas, in real processes: never two tickets on a place,
never half a visit. With a control."""

import datetime as dt
from collections import Counter
from functools import partial

import pytest
from django.db import connection

from booking import invariants, verbs
from booking.models import DayException, Place, Slot, Ticket
from booking.verbs import places
from tests.factories import in_days, make_exception, make_member, make_open_department, make_topic
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

PROCESSES = 24
ROUNDS = 6


@pytest.fixture
def department():
    """Three turns each half hour from 9 to 12."""
    return make_open_department(quota=3, opens=dt.time(9), closes=dt.time(12), max_days_ahead=ROUNDS + 1)


@pytest.fixture
def members():
    return [make_member() for _ in range(PROCESSES)]


def slots_of(department, number) -> list[Slot]:
    return list(Slot.objects.of_day(department, in_days(number + 1)))


def book(department, topic, nth, member, number) -> str:
    slot = slots_of(department, number)[nth]
    verbs.book(member_id=member.pk, slot_id=slot.pk, topic_id=topic and topic.pk, key=f"key-{member.pk}-{number}")
    return "booked"


def bookers(department, members):
    """Long visits, an hour and a half from each time, amid short ones."""
    long = make_topic(department=department, minutes=90)
    return [partial(book, department, long if nth % 2 else None, nth % 4, member) for nth, member in enumerate(members)]


def assert_whole(table):
    for answers in table:
        assert set(answers) <= {"booked", "slot_full", "changed"}
    booked = sum(Counter(answers)["booked"] for answers in table)
    assert Ticket.objects.live().count() == booked > 0
    assert Place.objects.taken().count() == sum(Ticket.objects.live().values_list("parts", flat=True))
    assert set(Ticket.objects.live().values_list("parts", flat=True)) == {1, 3}
    assert invariants.violations() == {}


def test_long_visits_amid_short_ones(department, members):
    table = race(*bookers(department, members), rounds=ROUNDS)
    assert_whole(table)


def test_who_is_told_full_could_not_have_had_it(department, members):
    """Nobody waits in vain: after the race no visit that was refused would fit."""
    table = race(*bookers(department, members), rounds=ROUNDS)
    for number, answers in enumerate(table):
        free = [slot.places.free().count() for slot in slots_of(department, number)]
        for nth, answer in enumerate(answers):
            if answer == "slot_full":
                assert min(free[nth % 4 : nth % 4 + (3 if nth % 2 else 1)]) == 0


def test_long_visits_against_a_changed_quota_and_cancelling(department, members):
    def lower_and_raise(number):
        for quota in (1, 3, 2):
            DayException.objects.filter(departments=department, first_date=in_days(number + 1)).delete()
            make_exception(department, date=in_days(number + 1), quota=quota)
        return "changed"

    def book_and_cancel(number):
        """Whoever booked before lets a visit go at the same moment."""
        for ticket in Ticket.objects.live().filter(department=department, date=in_days(number + 1))[:2]:
            verbs.cancel(ticket=ticket)
        return "changed"

    race(lower_and_raise, book_and_cancel, *bookers(department, members), rounds=ROUNDS)

    assert Place.objects.taken().count() == sum(Ticket.objects.live().values_list("parts", flat=True)) > 0
    assert invariants.violations() == {}


def test_control_without_the_lock_places_are_sold_twice(department, members, monkeypatch):
    unguarded = places.TAKE_FREE_PLACES.replace("FOR UPDATE SKIP LOCKED", "")
    assert unguarded != places.TAKE_FREE_PLACES
    slowly = unguarded.replace("FROM taken, new WHERE", "FROM taken, new, pg_sleep(0.01) WHERE")
    monkeypatch.setattr(places, "TAKE_FREE_PLACES", slowly)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE booking_ticket DROP CONSTRAINT IF EXISTS one_live_ticket_per_code_and_date")
        cursor.execute("DROP INDEX IF EXISTS one_live_ticket_per_code_and_date")
    try:
        race(*bookers(department, members), rounds=ROUNDS)
        parts = sum(Ticket.objects.live().values_list("parts", flat=True))
        assert parts > Place.objects.taken().count()
    finally:
        Place.objects.update(ticket=None, part=1)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE booking_ticket CASCADE")
        constraint = next(c for c in Ticket._meta.constraints if c.name == "one_live_ticket_per_code_and_date")
        with connection.schema_editor() as editor:
            editor.add_constraint(Ticket, constraint)


def test_control_without_the_whole_there_are_halves(department, members, monkeypatch):
    for name in ("TAKE_FREE_PLACES", "WAIT_FOR_PLACES"):
        whole = getattr(places, name)
        half = whole.replace("AND (SELECT count(*) FROM taken) = (SELECT parts FROM whole)", "")
        assert half != whole
        monkeypatch.setattr(places, name, half)

    race(*bookers(department, members), rounds=ROUNDS)

    assert any("as many places as it has parts" in rule for rule in invariants.violations())
