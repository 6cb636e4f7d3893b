"""Checking in: from when, where, and what becomes of who comes late."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from booking import errors, verbs
from booking.models import WaitPrediction
from booking.models.tickets import State
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_user

pytestmark = pytest.mark.django_db


def ticket_of(**fields):
    """A ticket for 10.00 tomorrow, and its department's settings."""
    department = make_open_department(opens=dt.time(10), closes=dt.time(12), **fields)
    return make_ticket(slot=make_slot(department=department))


def at(ticket, minutes):
    """So many minutes after the slot's start."""
    return time_machine.travel(ticket.slot.starts_at + dt.timedelta(minutes=minutes), tick=False)


def test_the_ticket_waits_and_is_due_at_its_slot():
    ticket = ticket_of()
    make_counter(departments=[ticket.department])

    with at(ticket, -20):
        arrived = verbs.check_in(ticket=ticket)

    assert (arrived.state, arrived.due_at) == (State.WAITING, ticket.slot.starts_at)
    assert arrived.arrived_at == ticket.slot.starts_at - dt.timedelta(minutes=20)
    assert WaitPrediction.objects.filter(ticket=ticket).exists()


def test_not_earlier_than_the_department_says_but_staff_may():
    ticket = ticket_of(check_in_minutes_before=60)

    with at(ticket, -61):
        with pytest.raises(errors.TooEarly):
            verbs.check_in(ticket=ticket)
        assert verbs.check_in(ticket=ticket, by=make_user()).state == State.WAITING


def test_not_on_another_day():
    ticket = ticket_of()

    with pytest.raises(errors.NotToday):
        verbs.check_in(ticket=ticket)


def test_presence_is_shown_where_the_department_asks_for_it():
    ticket = ticket_of(check_in_needs_presence=True)

    with at(ticket, -5):
        with pytest.raises(errors.PresenceNeeded):
            verbs.check_in(ticket=ticket)
        assert verbs.check_in(ticket=ticket, present=True).state == State.WAITING


@pytest.mark.parametrize(("minutes", "is_late"), [(15, False), (16, True)])
def test_who_comes_late_goes_behind_who_was_there(minutes, is_late):
    ticket = ticket_of(late_after_minutes=15)

    with at(ticket, minutes):
        arrived = verbs.check_in(ticket=ticket)
        assert arrived.due_at == (timezone.now() if is_late else ticket.slot.starts_at)


def test_who_comes_late_keeps_the_turn_where_the_department_says_so():
    ticket = ticket_of(late_rule="keep")

    with at(ticket, 50):
        assert verbs.check_in(ticket=ticket).due_at == ticket.slot.starts_at


def test_staff_may_take_a_check_in_back():
    ticket = ticket_of()

    with at(ticket, 20):
        verbs.check_in(ticket=ticket)
        again = verbs.undo_check_in(ticket=ticket, by=make_user())

    assert (again.state, again.due_at, again.arrived_at) == (State.BOOKED, ticket.slot.starts_at, None)
    assert not WaitPrediction.objects.exists()


def test_twice_is_refused():
    ticket = ticket_of()

    with at(ticket, 0):
        verbs.check_in(ticket=ticket)
        with pytest.raises(errors.WrongState):
            verbs.check_in(ticket=ticket)
