"""How many are ahead of a member who waits: who is there or may still come, not who never came."""

import datetime as dt

import pytest

from booking import verbs
from booking.calling import waits
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_user, make_walk_in

pytestmark = pytest.mark.django_db

MONDAY = today_at("8.00")


clock = standing_still(MONDAY)


def department_of(**fields):
    return make_open_department(opens=dt.time(9), closes=dt.time(15), max_days_ahead=1, late_after_minutes=15, **fields)


def booked_at_nine(department):
    return make_ticket(slot=make_slot(department=department, days_ahead=0))


def test_who_booked_is_ahead_until_they_count_as_late(clock):
    department = department_of()
    booked_at_nine(department)
    clock.move_to(MONDAY.replace(hour=9, minute=10))
    walk_in = make_walk_in(department=department)

    clock.move_to(MONDAY.replace(hour=9, minute=15))
    assert waits.ahead(walk_in) == 1

    clock.move_to(MONDAY.replace(hour=9, minute=16))
    assert waits.ahead(walk_in) == 0
    make_counter(departments=[department])
    assert (waits.told(walk_in).low, waits.told(walk_in).high) == (0, 5)


def test_who_came_is_ahead_however_late_it_gets(clock):
    department = department_of()
    ticket = booked_at_nine(department)
    verbs.check_in(ticket=ticket, by=make_user())
    clock.move_to(MONDAY.replace(hour=10))

    assert waits.ahead(make_walk_in(department=department)) == 1


def test_where_nobody_checks_in_a_booking_stays_ahead(clock):
    department = department_of(uses_check_in=False)
    booked_at_nine(department)
    clock.move_to(MONDAY.replace(hour=10))

    assert waits.ahead(make_walk_in(department=department)) == 1
