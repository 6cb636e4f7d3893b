"""A day changes while 32 members book in it: every ticket that was committed is kept, and on the list where its time is
closed."""

import datetime as dt
import multiprocessing
import time
from functools import partial

import pytest

from booking import invariants, verbs
from booking.days import opening
from booking.models import Place, Slot, Ticket
from booking.verbs import closures
from tests.factories import in_days, make_exception, make_member, make_open_department
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

BOOKERS = 32
CHANGES = {
    "closure": {"quota": 0},
    "closed afternoon": {"quota": 0, "starts": dt.time(12)},
    "quota": {"quota": 2},
    "hours": {"hours": (dt.time(10), dt.time(14)), "slot_minutes": 45, "quota": 4},
}


def run(change, rounds, *, apart=0.01):
    """Each round is a day of its own, with six places in each hour from nine to four. However slow the machine, the
    last member comes too late."""
    changed = [multiprocessing.get_context("fork").Event() for _ in range(rounds)]
    department = make_open_department(
        opens=dt.time(9), closes=dt.time(16), slot_minutes=60, quota=6, max_days_ahead=rounds + 1
    )
    members = [make_member() for _ in range(BOOKERS)]
    slots = [list(Slot.objects.of_day(department, in_days(nth + 1))) for nth in range(rounds)]

    def book(nth, number):
        time.sleep(nth * apart)
        if nth == BOOKERS - 1:
            assert changed[number].wait(60)
        slot = slots[number][nth % len(slots[number])]
        return verbs.book(member_id=members[nth].pk, slot_id=slot.pk, key=f"{nth}-{number}").ticket_id

    def change_the_day(number):
        time.sleep(0.03)
        try:
            make_exception(department, date=in_days(number + 1), **CHANGES[change])
        finally:
            changed[number].set()
        return set(closures.stranded().filter(date=in_days(number + 1)).values_list("pk", flat=True))

    table = race(*(partial(book, nth) for nth in range(BOOKERS)), change_the_day, rounds=rounds)
    return department, table


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_every_ticket_is_kept_and_who_must_be_told_is_on_the_list(change, rounds):
    department, table = run(change, rounds)

    days = {day.date: day for day in department.days.all()}
    for number, (*answers, listed) in enumerate(table):
        booked = {answer for answer in answers if isinstance(answer, int)}
        assert set(answers) - booked <= {"slot_full", "day_closed"}
        tickets = {
            ticket.pk: ticket for ticket in Ticket.objects.live().with_details().filter(date=in_days(number + 1))
        }
        assert set(tickets) == booked
        served = {pk for pk, one in tickets.items() if days[one.date].serves_at(one.slot.starts_at)}
        assert listed == booked - served
        assert Place.objects.taken().filter(slot__date=in_days(number + 1)).count() == len(booked)
    if change == "closure":
        assert any(isinstance(answer, str) for *answers, _listed in table for answer in answers), "nobody came too late"
    assert invariants.violations() == {}
    assert opening.differences().count == 0


def test_control_whether_a_slot_is_used_asked_before_its_places_are_gone(monkeypatch):
    """New hours take slots away: without the guard one goes with a ticket that was booked meanwhile."""

    def unguarded(days, slots_of, now):
        ids = {
            slot.pk
            for department, date, periods in days
            for slot in slots_of[department.pk, date]
            if slot.starts_at not in {period.starts_at for period in periods}
        }
        ids -= set(Ticket.objects.filter(slot__in=ids).values_list("slot_id", flat=True))
        time.sleep(0.1)
        places = Place.objects.filter(slot__in=ids)
        places._raw_delete(places.db)
        return ids

    monkeypatch.setattr(opening, "_take_away_unused", unguarded)

    with pytest.raises(AssertionError, match="crashed"):
        run("hours", 4, apart=0.04)
