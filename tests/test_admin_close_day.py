"""Ending the day by hand in the back office, and taking it back."""

import datetime as dt

import pytest
from django.urls import reverse

from booking import roles, verbs
from booking.models import Ticket
from booking.models.tickets import State
from tests.clock import standing_still, today_at
from tests.factories import (
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

pytestmark = pytest.mark.django_db

MORNING = today_at("8.00")
PAGE = reverse("admin:booking_ticket_close_day")


clock = standing_still(MORNING)


@pytest.fixture
def department(clock):
    return make_open_department(opens=dt.time(9), closes=dt.time(12), max_days_ahead=1)


@pytest.fixture
def tickets(department, clock):
    """Two booked, one missed, one waiting; by now it is ten o'clock."""
    slots = [make_slot(department=department, days_ahead=0, nth=nth) for nth in (0, 4)]
    booked = [make_ticket(slot=slot) for slot in slots]
    counter = make_counter(departments=[department])
    missed, waiting = make_walk_in(department=department), make_walk_in(department=department)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.miss(counter=counter, by=counter.clerk)
    clock.shift(dt.timedelta(hours=2))
    return [*booked, missed, waiting]


def states(tickets):
    return [Ticket.objects.get(pk=ticket.pk).state for ticket in tickets]


def test_what_closing_would_do_stands_there_first(client, manager, department, tickets):
    [row] = client.get(PAGE).context["departments"]

    assert (row.not_arrived, row.still_to_come, row.missed, row.going_on) == (2, 1, 1, 1)
    assert states(tickets) == [State.BOOKED, State.BOOKED, State.MISSED, State.WAITING]


def test_closed_and_taken_back(client, manager, department, tickets):
    told = client.post(PAGE, {"do": "close", "department": department.pk}, follow=True)

    assert "ปิดคิวสิ้นวันแล้ว บัตรคิวที่ปิด 3 ใบ" in told.text
    assert states(tickets) == [State.NOT_ARRIVED, State.NOT_ARRIVED, State.NO_SHOW, State.WAITING]
    assert tickets[0].events.last().by == manager
    assert [ticket.pk for ticket in told.context["closed"]] == [ticket.pk for ticket in tickets[:3]]

    told = client.post(PAGE, {"do": "reopen", "ticket": [tickets[0].pk, tickets[2].pk]}, follow=True)

    assert "เปิดอีกครั้งแล้ว 2 ใบ" in told.text
    assert states(tickets) == [State.BOOKED, State.NOT_ARRIVED, State.MISSED, State.WAITING]


def test_a_department_that_is_not_ticked_goes_on(client, manager, department, tickets):
    other = make_open_department()

    client.post(PAGE, {"do": "close", "department": other.pk})

    assert states(tickets) == [State.BOOKED, State.BOOKED, State.MISSED, State.WAITING]


@pytest.mark.parametrize(
    "form", [{}, {"do": "close"}, {"do": "close", "department": "x"}, {"do": "reopen"}, {"do": "reopen", "ticket": "x"}]
)
def test_a_form_without_a_choice_changes_nothing(client, manager, tickets, form):
    assert client.post(PAGE, form, follow=True).status_code == 200
    assert states(tickets) == [State.BOOKED, State.BOOKED, State.MISSED, State.WAITING]


def test_a_ticket_whose_member_has_another_by_now_says_so(client, manager, department, clock):
    member = make_member()
    ticket = make_ticket(member=member, slot=make_slot(department=department, days_ahead=0))
    clock.shift(dt.timedelta(hours=2))
    client.post(PAGE, {"do": "close", "department": department.pk})
    make_walk_in(department=department, member_id=member.pk)

    told = client.post(PAGE, {"do": "reopen", "ticket": ticket.pk}, follow=True)

    assert f"{ticket.code}: ท่านมีบัตรคิวของฝ่ายนี้ในวันเดียวกันแล้ว" in told.text
    assert states([ticket]) == [State.NOT_ARRIVED]


def test_yesterdays_tickets_are_past_taking_back(client, manager, department, tickets, clock):
    client.post(PAGE, {"do": "close", "department": department.pk})
    clock.shift(dt.timedelta(days=1))
    client.force_login(manager)

    assert not list(client.get(PAGE).context["closed"])
    client.post(PAGE, {"do": "reopen", "ticket": tickets[0].pk})
    assert states(tickets)[0] == State.NOT_ARRIVED


def test_clerks_may_not(client, department, tickets):
    client.force_login(make_user(group=roles.CLERK))

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"do": "close", "department": department.pk}).status_code == 403
    assert states(tickets)[0] == State.BOOKED
