"""The databases that are measured on, made anew for each run: an office with its members, bookings and history."""

import datetime as dt

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from psycopg import sql

from booking import verbs
from booking.models import Department, Slot
from members.models import Member
from queuesite.demo import office

MEMBERS = 20_000
STORM = "storm"  # the slug of the department that storms are made on
READ, READ_TICKET = "loans", "the ticket whose page is read"
TICKETS_A_SLOT = (
    13  # in history; with twelve half-hours a day and five departments a million tickets go back five years
)


def make_small(tickets: int) -> None:
    """Fill the database that Django is connected to: the demo, a cooperative's members, and `tickets` tickets of the
    coming days and of the last ones."""
    call_command("migrate", interactive=False, verbosity=0)
    office.seed()
    with connection.cursor() as cursor:
        cursor.execute(ADD_MEMBERS, {"members": MEMBERS})
        cursor.execute(BOOK_FREE_PLACES, {"tickets": tickets})
        cursor.execute("ANALYZE")
    member = Member.objects.latest("pk")
    open_slots = Slot.objects.filter(department__slug=READ, places__ticket=None, bookable_from__lte=timezone.now())
    verbs.book(member_id=member.pk, slot_id=open_slots.latest("starts_at").pk, key=READ_TICKET)


def add_history(url: str, tickets: int) -> None:
    """Add past working days, each one full, until the database has `tickets` tickets."""
    with psycopg.connect(url, autocommit=True) as own:
        own.execute("SELECT set_config('TimeZone', %s, false)", [settings.TIME_ZONE])
        have = own.execute("SELECT count(*) FROM booking_ticket").fetchone()[0]
        wanted = {"tickets": tickets - have, "a_slot": TICKETS_A_SLOT, "today": timezone.localdate()}
        with own.transaction():
            for statement in (HISTORY_SLOTS, HISTORY_TICKETS, HISTORY_EVENTS, HISTORY_PLACES):
                own.execute(statement, wanted)
        own.execute("VACUUM ANALYZE")


def add_slots(*, places: int, spare: int, days: int, slots_a_day: int, first_date: dt.date) -> list[int]:
    """Free places in a department of the bench's own, in slots open for booking. Gives the slots' ids in order.

    `places` in all, and `spare` more in each slot.
    """
    Department.objects.get_or_create(slug=STORM, defaults={"name": STORM, "letter": "S"})
    with connection.cursor() as cursor:
        cursor.execute(
            STORM_SLOTS,
            {
                "slug": STORM,
                "first": first_date,
                "days": days,
                "slots": slots_a_day,
                "quota": places // (days * slots_a_day) + spare,
            },
        )
        return [row[0] for row in cursor.fetchall()]


def fresh(url: str, name: str, *, template: str = "template1") -> str:
    """Make the database `name` anew on the server of `url`, a copy of `template`, to which nobody may be connected.
    Gives its address."""
    begins, _slash, rest = url.rpartition("/")
    query = rest.partition("?")[2]
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    with psycopg.connect(url, autocommit=True) as own:
        own.execute(sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(**names))
        own.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
    return f"{begins}/{name}?{query}"


def same_or_fresh(url: str, name: str, *, template: str) -> str:
    """The database `name` as it was left, or made anew as `fresh` does where there is none."""
    with psycopg.connect(url, autocommit=True) as own:
        if not own.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return fresh(url, name, template=template)
    begins, _slash, rest = url.rpartition("/")
    return f"{begins}/{name}?{rest.partition('?')[2]}"


def use(name: str) -> None:
    """Connect Django to another database of the same server from now on."""
    connection.close()
    connection.settings_dict["NAME"] = name


ADD_MEMBERS = """
INSERT INTO members_member (member_number, title, given_name, family_name, phone, email, is_registered, created_at)
SELECT (500000 + n)::text, 'นาง', 'สมศรี', 'ใจดี', '0812345678', '', true, now()
  FROM generate_series(1, %(members)s) n
"""

BOOK_FREE_PLACES = """
WITH chosen AS (
    SELECT place.number, slot.id AS slot_id, slot.date, slot.starts_at, slot.department_id,
           row_number() OVER (ORDER BY random()) AS nth
      FROM booking_place place JOIN booking_slot slot ON slot.id = place.slot_id
     WHERE place.ticket_id IS NULL AND slot.bookable_until > now()
     LIMIT %(tickets)s
), new AS (
    INSERT INTO booking_ticket (public_id, secret_hash, department_id, queue_id, date, number, slot_id, due_at,
                                member_id, state, idempotency_key, issued_at)
    SELECT md5('coming' || nth), md5('a' || nth) || md5('b' || nth), department_id, department_id, date, number,
           slot_id, starts_at, member.id, 'booked', md5('key' || nth), now()
      FROM chosen JOIN members_member member ON member.member_number = (500000 + nth)::text
    RETURNING id, slot_id, number, queue_id
), logged AS (
    INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, queue_id, reason, at)
    SELECT id, 'book', '', 'booked', queue_id, '', now() FROM new
)
UPDATE booking_place place SET ticket_id = new.id
  FROM new WHERE place.slot_id = new.slot_id AND place.number = new.number
"""

HISTORY_SLOTS = """
INSERT INTO booking_slot (department_id, date, starts_at, ends_at, quota, first_number, last_number,
                          bookable_from, bookable_until)
SELECT department.id, date, date + start, date + start + interval '30 minutes', %(a_slot)s, 40 * nth + 1, 40 * nth + 40,
       date - interval '30 days', date + start - interval '30 minutes'
  FROM (SELECT %(today)s::date - n AS date FROM generate_series(1, 10000) n) day
  CROSS JOIN (SELECT n AS nth, time '08:30' + n * interval '30 minutes' + (n / 7) * interval '1 hour' AS start
                FROM generate_series(0, 11) n) period
  CROSS JOIN booking_department department
 WHERE extract(isodow FROM date) < 6
 ORDER BY date DESC, department.id, nth
 LIMIT ceil(%(tickets)s::numeric / %(a_slot)s)
"""

HISTORY_TICKETS = """
INSERT INTO booking_ticket (public_id, secret_hash, department_id, queue_id, date, number, slot_id, due_at,
                            member_id, state, idempotency_key, issued_at)
SELECT md5(slot.id || '-' || n), md5('a' || slot.id || n) || md5('b' || slot.id || n), department_id, department_id,
       date, first_number + n, slot.id, starts_at,
       CASE WHEN date >= %(today)s::date - 90 THEN member.id END,
       (ARRAY['served', 'served', 'served', 'served', 'served', 'served', 'served', 'cancelled', 'no_show',
              'not_arrived'])[1 + abs(hashint8(slot.id * 40 + n)) %% 10],
       CASE WHEN date >= %(today)s::date - 90 THEN md5('key' || slot.id || '-' || n) END,
       starts_at - interval '3 days'
  FROM booking_slot slot CROSS JOIN generate_series(0, %(a_slot)s - 1) n
  JOIN members_member member ON member.member_number = (500001 + (first_number + n + slot.id * 7) %% 20000)::text
 WHERE date < %(today)s
 ORDER BY starts_at
 LIMIT %(tickets)s
"""

HISTORY_EVENTS = """
INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, queue_id, reason, at)
SELECT ticket.id, verb, from_state, to_state, queue_id, '', issued_at
  FROM booking_ticket ticket
  CROSS JOIN LATERAL (VALUES (1, 'book', '', 'booked'), (2, 'close_day', 'booked', state))
          event (nth, verb, from_state, to_state)
 WHERE date < %(today)s
 ORDER BY ticket.id, nth
"""

HISTORY_PLACES = """
INSERT INTO booking_place (slot_id, number, ticket_id)
SELECT ticket.slot_id, ticket.number, CASE WHEN ticket.state <> 'cancelled' THEN ticket.id END
  FROM booking_ticket ticket
 WHERE ticket.date < %(today)s
"""

STORM_SLOTS = """
WITH slot AS (
    INSERT INTO booking_slot (department_id, date, starts_at, ends_at, quota, first_number, last_number,
                              bookable_from, bookable_until)
    SELECT department.id, %(first)s::date + day, %(first)s::date + day + nth * interval '30 minutes',
           %(first)s::date + day + (nth + 1) * interval '30 minutes', %(quota)s,
           %(quota)s * nth + 1, %(quota)s * (nth + 1), now() - interval '1 day', now() + interval '1 day'
      FROM generate_series(0, %(days)s - 1) day CROSS JOIN generate_series(0, %(slots)s - 1) nth
      JOIN booking_department department ON department.slug = %(slug)s
    RETURNING id, first_number, last_number
), place AS (
    INSERT INTO booking_place (slot_id, number)
    SELECT slot.id, number FROM slot CROSS JOIN LATERAL generate_series(first_number, last_number) number
)
SELECT id FROM slot ORDER BY id
"""
