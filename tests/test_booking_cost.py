"""What bookings and calls cost the web server: psycopg reads none of their long statements, and one cursor asks them.
That a new connection gets a cursor of its own, tests/test_lost_connection.py shows."""

import re

import psycopg
import pytest

from booking import prepared, verbs
from booking.verbs import next_call, places
from tests.factories import make_counter, make_member, make_open_department, make_slot, make_walk_in

pytestmark = pytest.mark.django_db
STATEMENTS = [places.TAKE_FREE_PLACE, places.WAIT_FOR_PLACE, places.TAKE_FREE_PLACES, places.WAIT_FOR_PLACES]


def test_bookings_and_calls_share_a_cursor_that_reads_no_statement(monkeypatch):
    slot, department = make_slot(quota=4), make_open_department(max_days_ahead=1)
    counter, ticket = make_counter(departments=[department]), make_walk_in(department=department)
    asked, execute = [], psycopg.RawCursor.execute

    def note(cursor, statement, *values, **how):
        asked.append((statement, cursor))
        return execute(cursor, statement, *values, **how)

    monkeypatch.setattr(psycopg.RawCursor, "execute", note)
    for key in ("one", "another"):
        verbs.book(member_id=make_member().pk, slot_id=slot.pk, key=key)
    assert verbs.call_next(counter=counter, by=counter.clerk) == ticket

    statements, cursors = zip(*asked, strict=True)
    assert statements[0] is statements[1]
    assert len(statements) == 6  # a call has two locks before it, and then reads its ticket
    assert len({id(cursor) for cursor in cursors}) == 1


@pytest.mark.parametrize("statement", [*STATEMENTS, next_call.CALL])
def test_each_name_becomes_one_number(statement):
    numbered, names = prepared._numbered(statement)

    assert len(set(names)) == len(names)
    numbers = re.findall(r"\$(\d+)", numbered.decode())
    assert [names[int(number) - 1] for number in numbers] == re.findall(r"%\((\w+)\)s", statement)
