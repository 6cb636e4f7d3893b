"""What a booking costs the web server: psycopg keeps what it has read of the statement, as it does up to a length."""

import pytest
from psycopg import _queries

from booking import verbs
from booking.verbs import places
from tests.factories import make_member, make_slot

pytestmark = pytest.mark.django_db
STATEMENTS = [places.TAKE_FREE_PLACE, places.WAIT_FOR_PLACE, places.TAKE_FREE_PLACES, places.WAIT_FOR_PLACES]


@pytest.mark.parametrize("statement", STATEMENTS[:2])
def test_the_statement_is_short_enough_to_be_kept(statement):
    assert len(statement) <= _queries.MAX_CACHED_STATEMENT_LENGTH


def test_a_booking_does_not_have_its_statement_read_anew(monkeypatch):
    asked = []
    monkeypatch.setattr(
        places, "_execute", lambda sql, values, run=places._execute: asked.append(values) or run(sql, values)
    )
    slot = make_slot(quota=4)

    verbs.book(member_id=make_member().pk, slot_id=slot.pk, key="one")
    kept = _queries._query2pg.cache_info().hits
    verbs.book(member_id=make_member().pk, slot_id=slot.pk, key="another")

    assert _queries._query2pg.cache_info().hits > kept
    assert len(asked[0]) <= _queries.MAX_CACHED_STATEMENT_PARAMS
