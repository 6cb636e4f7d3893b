"""What a call costs: no more queries for a counter that serves many departments, and only its own queue's pages."""

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking import roles, verbs
from booking.calling import order, queues
from booking.models.notices import Kind
from booking.models.tickets import State
from booking.models.tokens import issue_token
from tests.factories import make_counter, make_member, make_open_department, make_walk_in

pytestmark = pytest.mark.django_db


def call_next_at(counter):
    """What was called, and how many queries it took, a savepoint's two among them."""
    with CaptureQueriesContext(connection) as queries:
        called = verbs.call_next(counter=counter, by=counter.clerk)
    return called, len(queries)


def office(departments):
    """A counter serving so many departments, of which somebody has once been called from the last."""
    served = [make_open_department(max_days_ahead=1) for _ in range(departments)]
    counter = make_counter(departments=served)
    make_walk_in(department=served[-1])
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.miss(counter=counter, by=counter.clerk)
    return counter, served


@pytest.mark.parametrize("departments", [1, 5])
def test_a_call_takes_as_many_queries_from_one_department_as_from_the_last_of_five(departments):
    counter, served = office(departments)
    ticket = make_walk_in(department=served[-1])

    assert call_next_at(counter) == (ticket, 6)


def test_by_the_api_with_messages_on_it_takes_two_more(client, settings):
    settings.EMAIL_HOST = "mail.example.coop"
    counter, served = office(5)
    counter.clerk.groups.add(Group.objects.get(name=roles.CLERK))
    headers = {"Authorization": f"Token {issue_token(counter.clerk)}"}
    first, second, _third = (make_walk_in(department=served[-1], member_id=make_member().pk) for _ in range(3))
    asked = [f"/api/v1/counters/{counter.number}/call-next/"]
    client.post(*asked, headers=headers)  # notes the hour in which the token was used
    verbs.miss(counter=counter, by=counter.clerk)

    with CaptureQueriesContext(connection) as queries:
        client.post(*asked, headers=headers)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (State.MISSED, State.CALLED)
    assert set(second.notices.values_list("kind", flat=True)) == {Kind.YOUR_TURN, Kind.NEARLY}
    assert len(queries) == 6 + 2


def test_finding_nobody_takes_few_queries_and_gives_open_pages_nothing_to_fetch():
    counter, _ = office(5)
    before = queues.versions()

    assert call_next_at(counter) == (None, 5)
    assert queues.versions() == before


def test_a_call_gives_pages_that_show_other_queues_nothing_to_fetch():
    counter, served = office(5)
    make_walk_in(department=served[-1])
    before = queues.versions()

    verbs.call_next(counter=counter, by=counter.clerk)

    assert queues.versions() == before | {served[-1].pk: before[served[-1].pk] + 1}


def test_the_console_asks_of_a_department_where_nobody_waits_no_more_than_that():
    _, served = office(5)
    ticket = make_walk_in(department=served[-1])

    with CaptureQueriesContext(connection) as queries:
        turns = order.in_order_at_counter(served, first=100)

    assert [turn.ticket.pk for turn in turns] == [ticket.pk]
    assert len(queries) == 1
