"""What a waiting member is told by the API: how many are ahead, and how long it takes."""

import datetime as dt

import pytest

from booking import verbs
from booking.models import Counter
from booking.models.tickets import Priority
from tests.clock import today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_user, make_walk_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def department():
    return make_open_department(
        opens=dt.time(9), closes=dt.time(15), max_days_ahead=1, usual_service_minutes=10, check_in_minutes_before=90
    )


def told(client, ticket) -> tuple[int, int]:
    """How many are ahead, and the minutes."""
    headers = {"Authorization": f"Ticket {ticket.secret}"}
    answer = client.get(f"/api/v1/tickets/{ticket.public_id}/", headers=headers).json()
    return answer["ahead"], answer["expected_wait_minutes"]


def booked_at_nine(department):
    return make_ticket(slot=make_slot(department=department, days_ahead=0))


def test_who_came_with_priority_is_ahead_of_who_came_before(client, clock, department):
    clock.move_to(today_at("9.00"))
    ordinary = make_walk_in(department=department)
    clock.shift(60)
    monk = make_walk_in(department=department, priority=Priority.MONK, reason="พระภิกษุ")
    clock.shift(60)
    old = make_walk_in(department=department, priority=Priority.ELDERLY, reason="อายุ 92 ปี")

    assert [told(client, ticket)[0] for ticket in (monk, old, ordinary)] == [0, 1, 2]


def test_nobody_is_told_a_time_before_their_own(client, clock, department):
    first, second = booked_at_nine(department), booked_at_nine(department)
    make_counter(departments=[department])
    clock.move_to(today_at("8.00"))
    for ticket in (first, second):
        verbs.check_in(ticket=ticket)

    assert told(client, second)[0] == 1
    assert told(client, second)[1] >= 60


def test_only_counters_with_somebody_at_them_count(client, clock, department):
    clock.move_to(today_at("9.00"))
    make_counter(departments=[department])
    for _ in range(6):
        make_walk_in(department=department)
    last = make_walk_in(department=department)
    alone = told(client, last)

    empty = make_counter(departments=[department])
    Counter.objects.filter(pk=empty.pk).update(clerk=None)
    assert told(client, last) == alone

    Counter.objects.filter(pk=empty.pk).update(clerk=make_user())
    assert told(client, last)[1] < alone[1]
