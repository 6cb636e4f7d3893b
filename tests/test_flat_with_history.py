"""What is asked of the database reads as few rows after many years as after one: no statement of these goes through a
table that grows. Said by PostgreSQL itself (EXPLAIN ANALYZE), statement by statement."""

import datetime as dt
import json

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking import jobs, roles
from booking.admin.paging import MOST
from booking.days import availability
from booking.models import Ticket
from booking.reports import facts, stored
from tests.clock import MORNING, standing_still
from tests.factories import make_open_department, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("history")]

clock = standing_still(MORNING)

DAYS, A_DAY = 2_500, 12
GROWING = {"booking_slot", "booking_ticket", "booking_ticketevent", "booking_place"}
# A list counts so many at most, and each joins others.
FEW = MOST + 1_000

HISTORY = """
WITH member AS (
    INSERT INTO members_member (member_number, title, given_name, family_name, phone, email, is_registered, created_at)
    SELECT (100000 + n)::text, 'นาง', 'สมศรี', 'ใจดี', '', '', true, now() FROM generate_series(1, 2000) n
    RETURNING id, member_number::int - 100000 AS nth
), slot AS (
    INSERT INTO booking_slot (department_id, date, starts_at, ends_at, quota, first_number, last_number, bookable_from,
                              bookable_until)
    SELECT %(department)s, day, day + nth * interval '30 minutes', day + (nth + 1) * interval '30 minutes', 1, nth, nth,
           day - interval '30 days', day
      FROM (SELECT %(today)s::date - 40 - n AS day FROM generate_series(1, %(days)s) n) days,
           generate_series(1, %(a_day)s) nth
    RETURNING *
), ticket AS (
    INSERT INTO booking_ticket (public_id, secret_hash, department_id, queue_id, date, number, slot_id, due_at, state,
                                issued_at, member_id)
    SELECT md5('old' || slot.id), md5('secret' || slot.id), department_id, department_id, date, first_number, slot.id,
           starts_at, 'not_arrived', starts_at, member.id
      FROM slot LEFT JOIN member ON date >= %(today)s::date - 90 AND nth = slot.id %% 2000 + 1
    RETURNING *
), place AS (
    INSERT INTO booking_place (slot_id, number, ticket_id) SELECT slot_id, number, id FROM ticket
)
INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, queue_id, reason, at)
SELECT id, verb, from_state, to_state, queue_id, '', due_at
  FROM ticket, (VALUES (1, 'book', '', 'booked'), (2, 'close_day', 'booked', 'not_arrived'))
               event (nth, verb, from_state, to_state)
 ORDER BY id, nth
"""


@pytest.fixture(scope="module")
def history(django_db_setup, django_db_blocker):
    """The department of all these years: written once, in a transaction around the tests' own."""
    with django_db_blocker.unblock(), transaction.atomic():
        with time_machine.travel(MORNING, tick=False), connection.cursor() as cursor:
            made = make_open_department(letter="A", quota=2)
            asked = {"department": made.pk, "today": MORNING.date(), "days": DAYS, "a_day": A_DAY}
            cursor.execute(HISTORY, asked)
            first = MORNING.date() - dt.timedelta(days=40 + DAYS)
            cursor.execute(
                "INSERT INTO booking_summarisedday (date, made_at, has_tickets)"
                " SELECT day, %s, true FROM generate_series(%s::date, %s::date - 1, interval '1 day') day",
                [MORNING, first, MORNING.date()],
            )
            cursor.execute("ANALYZE")
            connection.check_constraints()  # here, once: else after every test for all of these rows
        yield made
        transaction.set_rollback(True)


@pytest.fixture
def department(history, clock):
    return history


def rows_read(sql: str) -> dict[str, int]:
    """How many rows a statement reads of each table, those that a filter removes included. Thirty thousand rows are few
    enough to be read from end to end, ten millions are not: so that is done here, too, only where there is no index."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql)
        found = cursor.fetchone()[0]
        cursor.execute("RESET enable_seqscan")
    left = [(json.loads(found) if isinstance(found, str) else found)[0]["Plan"]]
    read: dict[str, int] = {}
    while left:
        node = left.pop()
        left += node.get("Plans", [])
        if table := node.get("Relation Name"):
            rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read[table] = read.get(table, 0) + round(rows * node["Actual Loops"])
    return read


def assert_reads_few(ask) -> None:
    with CaptureQueriesContext(connection) as captured:
        ask()
    asked = [one["sql"] for one in captured if one["sql"].lstrip(" \n(").startswith(("SELECT", "WITH", "UPDATE"))]
    assert asked
    for sql in asked:
        read = {table: rows for table, rows in rows_read(sql).items() if table in GROWING}
        assert max(read.values(), default=0) <= FEW, f"{read} by {sql[:2000]}"


def test_the_measure_sees_a_statement_that_reads_everything(department):
    with pytest.raises(AssertionError, match="booking_ticket"):
        assert_reads_few(lambda: list(Ticket.objects.filter(member=None, state="served")))


@pytest.mark.parametrize(
    "job", [jobs.check_queue, jobs.close_days, jobs.measure_pace, jobs.unlink_members, jobs.count_days, jobs.open_days]
)
def test_a_job_reads_no_history(department, job):
    assert_reads_few(job)


def test_the_statement_that_counts_a_week_reads_that_week(department):
    last = MORNING.date() - dt.timedelta(days=60)
    assert_reads_few(lambda: facts.hours(last - dt.timedelta(days=6), last))


def test_days_that_are_counted_are_found_without_their_tickets(department):
    assert_reads_few(stored.bring_up_to_date)


def test_the_days_of_a_department_are_found_without_the_past(department):
    assert_reads_few(lambda: availability.days(department, *availability.booking_window(department)))


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("today", ""),
        ("report", "?first=2026-10-24&last=2026-11-24"),
        ("ticket_changelist", ""),
        ("ticket_changelist", "?when=all"),
        ("ticket_changelist", "?when=all&p=100"),
        ("ticket_changelist", "?when=all&state__exact=not_arrived"),
        ("ticket_changelist", "?q=100001"),
        ("ticket_changelist", "?q=สมศรี"),
        ("slot_changelist", ""),
        ("notice_changelist", ""),
    ],
)
def test_a_page_of_the_back_office_reads_no_history(department, client, name, asked):
    client.force_login(make_user(group=roles.MANAGER))
    assert_reads_few(lambda: client.get(reverse(f"admin:booking_{name}") + asked))
