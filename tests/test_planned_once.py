"""What is asked most is planned once in each connection, however dear PostgreSQL takes the plan for any values to be:
planning a booking or a call takes longer than running it."""

import operator

import pytest
from django.db import connection

from booking import verbs
from tests.consoles import console, sit
from tests.factories import make_member, make_open_department, make_slot, make_walk_in

pytestmark = pytest.mark.django_db

TIMES = 7  # PostgreSQL decides after five


def planned() -> dict[str, tuple[int, int]]:
    """How often each prepared statement of this connection has been run by the plan for any values, and by one that
    was made for those it was given."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
        return {statement: (once, anew) for statement, once, anew in cursor.fetchall()}


def test_bookings_calls_and_consoles_are_planned_once(client):
    before = planned()  # other tests have used this connection
    department = make_open_department(letter="Q")
    counter = sit(client, departments=[department])
    slot = make_slot(quota=TIMES)
    for nth in range(TIMES):
        verbs.book(member_id=make_member().pk, slot_id=slot.pk, key=f"{nth}")
        make_walk_in(department=department, by=counter.clerk)
        console(client, counter)
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.miss(counter=counter, by=counter.clerk)

    since = {
        statement: tuple(map(operator.sub, counted, before.get(statement, (0, 0))))
        for statement, counted in planned().items()
    }

    assert sum(once >= TIMES for once, _anew in since.values()) > 5
    assert {statement: anew for statement, (_once, anew) in since.items() if anew} == {}
