"""A place that a member has given up comes free after some minutes: real processes want it before, at and after that
moment, while staff book and days are laid out anew. The control leaves the rule out of the statement."""

import datetime as dt
from collections import Counter
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from booking import invariants, verbs
from booking.days import opening
from booking.models import Place, Ticket
from booking.verbs import places
from tests.factories import (
    in_days,
    make_exception,
    make_member,
    make_open_department,
    make_slot,
    make_topic,
    make_user,
)
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

MINUTES, WANT_IT = 20, 32
RULE = "no member has booked a place before it came free"
GUARD = "place.free_from IS NULL OR place.free_from <= %(now)s OR %(by)s::bigint IS NOT NULL"


class Office:
    """A department with one place in each slot of an hour, a member who has one of them, and others who want it."""

    def __init__(self, *, is_long=False):
        settings = {"quota": 1, "slot_minutes": 60, "max_days_ahead": 2, "freed_after_minutes": MINUTES}
        self.department = make_open_department(**settings)
        self.topic = make_topic(department=self.department, minutes=120).pk if is_long else None
        opening.rules_changed()
        self.slot, self.other = (make_slot(department=self.department, nth=nth) for nth in (0, 3))
        theirs = {"member_id": make_member().pk, "slot_id": self.slot.pk, "topic_id": self.topic, "key": "theirs"}
        self.ticket = Ticket.objects.get(pk=verbs.book(**theirs).ticket_id)
        self.members = [make_member() for _ in range(WANT_IT)]
        self.now = timezone.now()
        self.free_from = self.now + dt.timedelta(minutes=MINUTES)

    def at(self, moment, verb, _round=0):
        with time_machine.travel(moment, tick=False):
            return verb()

    def cancel(self):
        verbs.cancel(ticket=self.ticket)
        return "cancelled"

    def move(self, slot):
        return verbs.reschedule(ticket=self.ticket, slot_id=slot.pk, key=f"to-{slot.pk}").state

    def book(self, member, *, by=None):
        verbs.book(
            member_id=member.pk, slot_id=self.slot.pk, topic_id=self.topic, key=f"key-{member.pk}-{bool(by)}", by=by
        )
        return "booked"

    def book_all(self, *moments):
        """The members, each by a clock that shows one of the moments in turn."""
        return [
            partial(self.at, moments[nth % len(moments)], partial(self.book, member))
            for nth, member in enumerate(self.members)
        ]


def without_the_rule(monkeypatch):
    for name in ("TAKE_FREE_PLACE", "WAIT_FOR_PLACE", "TAKE_FREE_PLACES", "WAIT_FOR_PLACES"):
        statement = getattr(places, name)
        assert GUARD in statement
        monkeypatch.setattr(places, name, statement.replace(GUARD, "true OR %(by)s::bigint IS NOT NULL"))


@pytest.mark.parametrize("is_long", [False, True], ids=["one place", "two places"])
def test_nobody_has_it_before_the_minute_and_one_has_it_then(is_long):
    office = Office(is_long=is_long)
    last_second = office.free_from - dt.timedelta(seconds=1)

    cancelled, *meanwhile = race(partial(office.at, office.now, office.cancel), *office.book_all(office.now))[0]
    before = race(*office.book_all(last_second))[0]
    # Two machines whose clocks differ: the one that is late gets nothing by it.
    mixed = race(*office.book_all(last_second, office.free_from))[0]

    assert cancelled == "cancelled"
    assert Counter(meanwhile) == Counter(before) == {"slot_full": WANT_IT}
    assert Counter(mixed[::2]) == {"slot_full": WANT_IT // 2}
    assert Counter(mixed[1::2]) == {"booked": 1, "slot_full": WANT_IT // 2 - 1}
    assert invariants.violations() == {}


@pytest.mark.parametrize("is_long", [False, True], ids=["one place", "two places"])
def test_control_without_the_rule_it_is_traded(monkeypatch, is_long):
    office = Office(is_long=is_long)
    without_the_rule(monkeypatch)

    race(partial(office.at, office.now, office.cancel))
    before = race(*office.book_all(office.now))[0]

    assert Counter(before) == {"booked": 1, "slot_full": WANT_IT - 1}
    assert list(invariants.violations()) == [RULE]


def test_staff_have_it_at_once_and_one_of_them_alone():
    office = Office()
    clerk = make_user()
    office.at(office.now, office.cancel)

    by_staff = [partial(office.at, office.now, partial(office.book, make_member(), by=clerk)) for _ in range(8)]
    answers = race(*by_staff, *office.book_all(office.now))[0]

    assert Counter(answers[:8]) == {"booked": 1, "slot_full": 7}
    assert Counter(answers[8:]) == {"slot_full": WANT_IT}
    assert invariants.violations() == {}


def test_who_moves_away_cannot_come_back_before_the_minute_and_nobody_slips_in():
    office = Office()

    def away_and_back():
        office.move(office.other)
        office.ticket = Ticket.objects.get(moved_from=office.ticket)
        return office.move(office.slot)

    back, *others = race(partial(office.at, office.now, away_and_back), *office.book_all(office.now))[0]

    assert back == "slot_full"
    assert Counter(others) == {"slot_full": WANT_IT}
    assert Ticket.objects.live().get().slot == office.other
    assert race(*office.book_all(office.free_from))[0].count("booked") == 1
    assert invariants.violations() == {}


def test_laying_out_anew_meanwhile_leaves_it_kept():
    office = Office()

    def lay_out():
        for _ in range(5):
            opening.rules_changed()
        return "laid out"

    lays = [partial(office.at, office.now, lay_out)] * 2
    answers = race(partial(office.at, office.now, office.cancel), *lays, *office.book_all(office.now))[0]

    assert Counter(answers[3:]) == {"slot_full": WANT_IT}
    assert Place.objects.get(slot=office.slot).free_from == office.free_from
    assert race(*office.book_all(office.free_from))[0].count("booked") == 1
    assert invariants.violations() == {}
    assert opening.differences().count == 0


def test_a_day_that_closes_meanwhile_has_no_such_place_left():
    office = Office()

    def close():
        make_exception(office.department, date=in_days(1), quota=0)
        return "closed"

    closing = partial(office.at, office.now, close)
    answers = race(partial(office.at, office.now, office.cancel), closing, *office.book_all(office.now))[0]

    assert answers[:2] == ["cancelled", "closed"]
    assert set(answers[2:]) <= {"slot_full", "day_closed"}
    assert set(race(*office.book_all(office.free_from))[0]) == {"day_closed"}
    assert not Ticket.objects.live().exists()
    assert not Place.objects.filter(slot__date=in_days(1)).exists()
    assert invariants.violations() == {}
