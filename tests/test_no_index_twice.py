"""What a booking writes has no index that another one makes needless. Each is written with every booking, and
PostgreSQL once took places by the one that knows neither which are free nor their order."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

# An index without a condition, whose columns another one without a condition begins with.
TWICE = """
SELECT less.indexrelid::regclass::text, more.indexrelid::regclass::text
  FROM pg_index less
  JOIN pg_index more ON more.indrelid = less.indrelid AND more.indexrelid <> less.indexrelid
 WHERE less.indrelid = ANY (%s::regclass[])
   AND NOT less.indisunique AND less.indpred IS NULL AND more.indpred IS NULL
   AND less.indclass[0] = more.indclass[0]
   AND more.indkey::text || ' ' LIKE less.indkey::text || ' %%'
"""
WRITTEN = ["booking_slot", "booking_place", "booking_ticket", "booking_ticketevent", "booking_notice"]


def indexes_twice() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(TWICE, [WRITTEN])
        return cursor.fetchall()


def test_no_index_is_the_beginning_of_another():
    assert indexes_twice() == []


def test_one_that_is_would_be_found():
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX needless ON booking_place (slot_id)")

    assert indexes_twice() == [("needless", "one_place_per_number")]
