"""The order of calling, as docs/order-of-calling.md explains it."""

import datetime as dt

import pytest

from booking import verbs
from booking.calling import order, pace, waits
from booking.models.tickets import Priority
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_walk_in

pytestmark = pytest.mark.django_db

MONDAY = today_at("8.00")


clock = standing_still(MONDAY)


def at(clock, time: str):
    hour, minute = time.split(".")
    clock.move_to(MONDAY.replace(hour=int(hour), minute=int(minute)))


def department_of(**fields):
    return make_open_department(opens=dt.time(9), closes=dt.time(15), max_days_ahead=1, **fields)


def booked(department, nth):
    return make_ticket(slot=make_slot(department=department, days_ahead=0, nth=nth))


def call_all(*departments):
    """The order in which a counter serving these departments calls everybody who may be called now."""
    counter = make_counter(departments=departments)
    order = []
    while ticket := verbs.call_next(counter=counter, by=counter.clerk):
        order.append(ticket)
        verbs.miss(counter=counter, by=counter.clerk)
    return order


def test_bookings_are_due_at_their_slot_and_walk_ins_at_their_arrival(clock):
    department = department_of()
    at_nine, at_ten = booked(department, 0), booked(department, 2)
    at(clock, "8.50")
    verbs.check_in(ticket=at_nine)
    at(clock, "9.40")
    walk_in = make_walk_in(department=department)
    verbs.check_in(ticket=at_ten)
    at(clock, "10.00")

    assert call_all(department) == [at_nine, walk_in, at_ten]


def test_who_came_early_is_called_when_nobody_is_due(clock):
    department = department_of()
    at_ten, at_eleven = booked(department, 2), booked(department, 4)
    at(clock, "9.55")
    for ticket in (at_eleven, at_ten):
        verbs.check_in(ticket=ticket, by=make_counter().clerk)
    walk_in = make_walk_in(department=department)

    assert call_all(department) == [walk_in, at_ten, at_eleven]


def test_nobody_is_called_early_where_the_department_does_not(clock):
    department = department_of(calls_early=False)
    ticket = booked(department, 2)
    at(clock, "9.30")
    verbs.check_in(ticket=ticket)

    assert call_all(department) == []
    at(clock, "10.00")
    assert call_all(department) == [ticket]


def test_a_late_booking_goes_behind_who_was_there(clock):
    department = department_of(late_after_minutes=15)
    late = booked(department, 0)
    at(clock, "9.20")
    walk_in = make_walk_in(department=department)
    at(clock, "9.25")
    verbs.check_in(ticket=late)

    assert call_all(department) == [walk_in, late]


def test_priority_comes_first_but_not_more_than_so_many_in_a_row(clock):
    department = department_of(priority_in_a_row=2)
    ordinary = [make_walk_in(department=department) for _ in range(2)]
    monks = [make_walk_in(department=department, priority=Priority.MONK) for _ in range(5)]

    expected = [monks[0], monks[1], ordinary[0], monks[2], monks[3], ordinary[1], monks[4]]
    assert call_in_time(clock, department) == expected


def test_priority_comes_always_first_where_there_is_no_maximum(clock):
    department = department_of(priority_in_a_row=0)
    ordinary = make_walk_in(department=department)
    monks = [make_walk_in(department=department, priority=Priority.MONK) for _ in range(4)]

    assert call_in_time(clock, department) == [*monks, ordinary]


def call_in_time(clock, department):
    """Calls a minute apart, so that which were the last is plain."""
    counter = make_counter(departments=[department])
    order = []
    while ticket := verbs.call_next(counter=counter, by=counter.clerk):
        order.append(ticket)
        verbs.start(counter=counter, by=counter.clerk)
        verbs.finish(counter=counter, by=counter.clerk)
        clock.shift(60)
    return order


def test_a_counter_serves_its_own_department_first_and_the_others_when_that_is_empty(clock):
    own, other = department_of(), department_of()
    elsewhere = make_walk_in(department=other)
    at(clock, "9.10")
    here = make_walk_in(department=own)

    assert call_all(own, other) == [here, elsewhere]


def test_who_is_due_elsewhere_comes_before_who_came_early_here(clock):
    own, other = department_of(), department_of()
    early = booked(own, 4)
    at(clock, "10.30")
    verbs.check_in(ticket=early)
    due = make_walk_in(department=other)

    assert call_all(own, other) == [due, early]


def test_a_department_without_check_in_calls_bookings_whose_time_has_come(clock):
    department = department_of(uses_check_in=False)
    at_nine, _at_ten = booked(department, 0), booked(department, 2)
    at(clock, "9.30")

    assert call_all(department) == [at_nine]


@pytest.mark.parametrize(("priority", "why"), [("", "due"), (Priority.ELDERLY, "priority")])
def test_what_the_next_call_is_and_why(clock, priority, why):
    department = department_of()
    ticket = make_walk_in(department=department, priority=priority)

    found = order.next_call([department.pk])

    assert (found.ticket, found.why) == (ticket, why)


def test_ahead_counts_those_whose_turn_is_before(clock):
    department = department_of()
    first, second, third = booked(department, 0), booked(department, 0), booked(department, 1)

    assert [waits.ahead(ticket) for ticket in (first, second, third)] == [0, 1, 2]

    verbs.cancel(ticket=first)
    assert [waits.ahead(ticket) for ticket in (second, third)] == [0, 1]


def test_the_expected_wait_grows_with_who_is_ahead_and_shrinks_with_counters(clock):
    department = department_of(usual_service_minutes=10)
    at(clock, "9.00")
    make_counter(departments=[department])
    tickets = [make_walk_in(department=department) for _ in range(7)]

    def told(ticket):
        wait = waits.told(ticket)
        return wait.low, wait.high

    alone = [told(ticket) for ticket in tickets]
    assert alone == sorted(alone)
    assert all(low <= high for low, high in alone)
    assert alone[6][0] <= 60 <= alone[6][1]

    make_counter(departments=[department])
    assert told(tickets[6])[1] < alone[6][1]


def test_the_pace_is_measured_from_what_was_served(clock):
    department = department_of(usual_service_minutes=10)
    counter = make_counter(departments=[department])
    for _ in range(6):
        make_walk_in(department=department)
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.start(counter=counter, by=counter.clerk)
        clock.shift(180)
        verbs.finish(counter=counter, by=counter.clerk)

    pace.measure_paces(since=MONDAY)

    assert pace.pace_of(department) == (180, 0)
