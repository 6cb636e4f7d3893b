"""Ending a day: once, whenever it runs, and undoable on the same day."""

import datetime as dt

import pytest

from booking import errors, jobs, verbs
from booking.models import Ticket
from booking.models.tickets import State
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_member, make_open_department, make_slot, make_ticket, make_walk_in

pytestmark = pytest.mark.django_db

MONDAY = today_at("8.00")


clock = standing_still(MONDAY, autouse=True)


@pytest.fixture
def department():
    return make_open_department(opens=dt.time(9), closes=dt.time(12), max_days_ahead=2)


def one_in_each_state(department):
    """Tickets of today by the state that the day leaves them in."""
    tickets = {State.BOOKED: make_ticket(slot=make_slot(department=department, days_ahead=0))}
    for state, presses in {
        State.MISSED: ["miss"],
        State.ON_HOLD: ["hold"],
        State.SERVED: ["start", "finish"],
        State.SERVING: ["start"],
        State.CALLED: [],
    }.items():
        counter = make_counter(departments=[department])
        make_walk_in(department=department)
        tickets[state] = verbs.call_next(counter=counter, by=counter.clerk)
        for verb in presses:
            getattr(verbs, verb)(counter=counter, by=counter.clerk)
    tickets[State.WAITING] = make_walk_in(department=department)
    return tickets


def states(tickets):
    return {before: Ticket.objects.get(pk=ticket.pk).state for before, ticket in tickets.items()}


def test_today_ends_for_who_missed_the_call_or_never_came_and_for_nobody_else(department):
    tickets = one_in_each_state(department)

    changed = verbs.close_day(department=department, date=MONDAY.date())

    assert changed == 2
    assert states(tickets) == {state: state for state in tickets} | {
        State.BOOKED: State.NOT_ARRIVED,
        State.MISSED: State.NO_SHOW,
    }


def test_a_day_that_is_over_leaves_nothing_open(department, clock):
    tickets = one_in_each_state(department)
    clock.shift(dt.timedelta(days=1))

    verbs.close_day(department=department, date=MONDAY.date())

    assert states(tickets) == {
        State.BOOKED: State.NOT_ARRIVED,
        State.MISSED: State.NO_SHOW,
        State.CALLED: State.NO_SHOW,
        State.SERVING: State.SERVED,
        State.SERVED: State.SERVED,
        State.ON_HOLD: State.CANCELLED,
        State.WAITING: State.CANCELLED,
    }


def test_running_again_changes_nothing(department, clock):
    one_in_each_state(department)
    clock.shift(dt.timedelta(days=1))
    verbs.close_day(department=department, date=MONDAY.date())

    assert verbs.close_day(department=department, date=MONDAY.date()) == 0


def test_the_job_ends_today_an_hour_after_the_last_slot_and_days_it_has_missed(department, clock):
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=0))
    later = make_ticket(slot=make_slot(department=department, days_ahead=1))

    clock.move_to(MONDAY.replace(hour=13, minute=0))
    jobs.close_days()
    assert states({"ticket": ticket}) == {"ticket": State.BOOKED}

    clock.move_to(MONDAY.replace(hour=13, minute=1))
    jobs.close_days()
    assert states({"ticket": ticket, "later": later}) == {"ticket": State.NOT_ARRIVED, "later": State.BOOKED}

    clock.shift(dt.timedelta(days=9))
    jobs.close_days()
    assert states({"later": later}) == {"later": State.NOT_ARRIVED}


def test_staff_may_take_it_back_on_the_same_day(department, clock):
    tickets = one_in_each_state(department)
    verbs.close_day(department=department, date=MONDAY.date())
    clerk = make_counter().clerk

    verbs.reopen(ticket=tickets[State.BOOKED], by=clerk)
    verbs.reopen(ticket=tickets[State.MISSED], by=clerk)

    found = states(tickets)
    assert (found[State.BOOKED], found[State.MISSED]) == (State.BOOKED, State.MISSED)

    verbs.close_day(department=department, date=MONDAY.date())
    clock.shift(dt.timedelta(days=1))
    with pytest.raises(errors.NotToday):
        verbs.reopen(ticket=tickets[State.BOOKED], by=clerk)


def test_it_is_not_taken_back_where_the_member_has_another_ticket_by_now(department):
    member = make_member()
    ticket = make_ticket(member=member, slot=make_slot(department=department, days_ahead=0))
    verbs.close_day(department=department, date=MONDAY.date())
    make_walk_in(department=department, member_id=member.pk)

    with pytest.raises(errors.AlreadyBooked):
        verbs.reopen(ticket=ticket, by=make_counter().clerk)


def test_the_job_leaves_alone_what_staff_have_reopened_until_the_day_is_over(department, clock):
    tickets = one_in_each_state(department)
    clock.move_to(MONDAY.replace(hour=13, minute=1))
    jobs.close_days()
    for state in (State.BOOKED, State.MISSED):
        verbs.reopen(ticket=tickets[state], by=make_counter().clerk)

    clock.shift(dt.timedelta(minutes=10))
    jobs.close_days()
    found = states(tickets)
    assert (found[State.BOOKED], found[State.MISSED]) == (State.BOOKED, State.MISSED)

    clock.shift(dt.timedelta(days=1))
    jobs.close_days()
    found = states(tickets)
    assert (found[State.BOOKED], found[State.MISSED]) == (State.NOT_ARRIVED, State.NO_SHOW)


def test_staff_may_close_by_hand_what_was_reopened(department):
    ticket = one_in_each_state(department)[State.BOOKED]
    clerk = make_counter().clerk
    verbs.close_day(department=department, date=MONDAY.date(), by=clerk)
    verbs.reopen(ticket=ticket, by=clerk)

    verbs.close_day(department=department, date=MONDAY.date(), by=clerk)

    assert states({"ticket": ticket}) == {"ticket": State.NOT_ARRIVED}
