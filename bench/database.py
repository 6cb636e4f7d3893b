"""The databases that are measured on, made anew for each run: an office with its members, bookings and history."""

import contextlib
import datetime as dt
import time

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone
from psycopg import sql

from booking import verbs
from booking.models import Department, Slot
from members.models import Member
from queuesite.demo import office

MEMBERS = 20_000
STORM = "storm"  # the slug of the department that storms are made on
READ, READ_TICKET = "loans", "the ticket whose page is read"
# The office's last weeks fill the small database: 360 tickets a day. The many years before them were busier: 2,400 a
# day, as many as the numbers of five departments allow; ten million go back 16 years.
A_SLOT, A_SLOT_OF_OLD = 6, 40
FILLED = ["booking_slot", "booking_ticket", "booking_ticketevent", "booking_place"]
SLOTS_AT_ONCE = 25_000


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


def add_history(url: str, tickets: int, *, a_slot: int) -> None:
    """Add working days before the earliest, each one full with `a_slot` tickets in each of its sixty slots, until the
    database has `tickets` tickets. Indexes and constraints of the four tables are made when the rows are there: ten
    million tickets take minutes, not hours."""
    with psycopg.connect(url, autocommit=True) as own, _without_indexes(own):
        own.execute("SELECT set_config('TimeZone', %s, false)", [settings.TIME_ZONE])
        own.execute("SET work_mem = '512MB'")
        have = own.execute("SELECT count(*) FROM booking_ticket").fetchone()[0]
        first = own.execute("SELECT min(date) FROM booking_slot WHERE date <= %s", [timezone.localdate()]).fetchone()[0]
        wanted = {"tickets": tickets - have, "a_slot": a_slot, "today": timezone.localdate()}
        before = own.execute("SELECT coalesce(max(id), 0) FROM booking_slot").fetchone()[0]
        own.execute(HISTORY_SLOTS, wanted | {"before": first or timezone.localdate()})
        last = own.execute("SELECT max(id) FROM booking_slot").fetchone()[0]
        for after in range(before, last, SLOTS_AT_ONCE):
            _fill(own, wanted | {"after": after, "until": min(after + SLOTS_AT_ONCE, last)})


def history(url: str, name: str, tickets: int, *, template: str, a_slot: int) -> str:
    """A copy of `template` with a history of so many tickets in all, or as an earlier run left it. Gives its
    address."""
    address = same_or_fresh(url, name, template=template)
    with psycopg.connect(address, autocommit=True) as own:
        if own.execute(COMMENT, [name]).fetchone()[0] == f"{tickets}":
            return address
    add_history(fresh(url, name, template=template), tickets, a_slot=a_slot)
    with psycopg.connect(address, autocommit=True) as own:
        own.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(f"{tickets}")))
    return address


def drop(url: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as own:
        for name in names:
            own.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _fill(own: psycopg.Connection, wanted: dict) -> None:
    """Tickets, events and places of the slots with these ids."""
    began = time.perf_counter()
    known = own.execute("SELECT coalesce(max(id), 0) FROM booking_ticket").fetchone()[0]
    with own.transaction():
        made = own.execute(HISTORY_TICKETS, wanted).rowcount
        for statement in (HISTORY_EVENTS, HISTORY_PLACES):
            own.execute(statement, wanted | {"known": known})
    _say(f"  {made:,} tickets in {time.perf_counter() - began:.0f} s")


@contextlib.contextmanager
def _without_indexes(own: psycopg.Connection):
    """Drop the indexes and foreign keys of the tables that are filled, but for their primary keys, and make them again
    at the end exactly as they were."""
    constraints = own.execute(CONSTRAINTS, [FILLED]).fetchall()
    indexes = own.execute(INDEXES, [FILLED]).fetchall()
    for table, name, _definition in reversed(constraints):
        own.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name)))
    for name, _definition in indexes:
        own.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    own.execute("SET maintenance_work_mem = '1GB'")
    for _name, definition in indexes:
        own.execute(definition)
    for table, name, definition in constraints:
        made = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(sql.Identifier(table), sql.Identifier(name))
        own.execute(made + sql.SQL(definition))
    began = time.perf_counter()
    own.execute("VACUUM ANALYZE")
    _say(f"  vacuumed in {time.perf_counter() - began:.0f} s")


def _say(line: str) -> None:
    print(line, flush=True)


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
        found = [row[0] for row in cursor.fetchall()]
        # As autovacuum does within a minute, in an office long before anybody books.
        cursor.execute("ANALYZE booking_slot, booking_place")
        return found


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


_turns: dict[str, BaseDatabaseWrapper] = {}


def turn_to(name: str) -> None:
    """Like `use`, but the connection to each database stays open, so that one can go from one to the other and back."""
    if name not in _turns:
        _turns[name] = connections.create_connection(DEFAULT_DB_ALIAS)
        _turns[name].settings_dict = connections.settings[DEFAULT_DB_ALIAS] | {"NAME": name}
    connections[DEFAULT_DB_ALIAS] = _turns[name]


def leave_turns() -> None:
    """Close the connections that `turn_to` opened. Django is then connected to the first of them."""
    for each in _turns.values():
        each.close()
    _turns.clear()


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

COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"

# Unique constraints before foreign keys, which may refer to them.
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('u', 'f')
 ORDER BY contype DESC, conname
"""

INDEXES = """
SELECT index.relname, pg_get_indexdef(index.oid)
  FROM pg_index JOIN pg_class index ON index.oid = pg_index.indexrelid
 WHERE indrelid = ANY(%s::regclass[])
   AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
 ORDER BY index.relname
"""

HISTORY_SLOTS = """
INSERT INTO booking_slot (department_id, date, starts_at, ends_at, quota, first_number, last_number,
                          bookable_from, bookable_until)
SELECT * FROM (
    SELECT department.id, date, date + start AS starts_at, date + start + interval '30 minutes', %(a_slot)s,
           40 * nth + 1, 40 * nth + 40, date - interval '30 days', date + start - interval '30 minutes'
      FROM (SELECT %(before)s::date - n AS date FROM generate_series(1, 10000) n) day
      CROSS JOIN (SELECT n AS nth, time '08:30' + n * interval '30 minutes' + (n / 7) * interval '1 hour' AS start
                    FROM generate_series(0, 11) n) period
      CROSS JOIN booking_department department
     WHERE extract(isodow FROM date) < 6
     ORDER BY date DESC, department.id, nth
     LIMIT ceil(%(tickets)s::numeric / %(a_slot)s)
) slot
 ORDER BY starts_at, id
"""

# Six of ten are served, by the five counters in turn; two are cancelled, one does not come when called, one not at all.
# Where a department has topics that take one place, its tickets have these in turn.
HISTORY_TICKETS = """
INSERT INTO booking_ticket (public_id, secret_hash, department_id, queue_id, date, number, slot_id, due_at,
                            member_id, state, idempotency_key, issued_at, counter_id, called_at, topic_id)
SELECT md5(slot.id || '-' || n), md5('a' || slot.id || n) || md5('b' || slot.id || n), department_id, department_id,
       date, first_number + n, slot.id, starts_at,
       CASE WHEN date >= %(today)s::date - 90 THEN member.id END, state,
       CASE WHEN date >= %(today)s::date - 90 THEN md5('key' || slot.id || '-' || n) END,
       starts_at - interval '3 days', CASE WHEN state IN ('served', 'no_show') THEN counter.id END,
       CASE WHEN state IN ('served', 'no_show') THEN starts_at + n * interval '30 minutes' / %(a_slot)s END,
       topics.ids[1 + n %% cardinality(topics.ids)]
  FROM (SELECT * FROM booking_slot WHERE id > %(after)s AND id <= %(until)s ORDER BY id) slot
  CROSS JOIN generate_series(0, %(a_slot)s - 1) n
  CROSS JOIN LATERAL (SELECT (ARRAY['served', 'served', 'served', 'served', 'served', 'served', 'cancelled',
                                    'cancelled', 'no_show', 'not_arrived'])
                             [1 + abs(hashint8(slot.id * 40 + n)::bigint) %% 10] AS state) became
  JOIN members_member member ON member.member_number = (500001 + (first_number + n + slot.id * 7) %% 20000)::text
  JOIN (SELECT id, row_number() OVER (ORDER BY number) - 1 AS nth FROM booking_counter WHERE number <= 5) counter
       ON counter.nth = (slot.id + n) %% 5
  LEFT JOIN (SELECT department_id, array_agg(id ORDER BY position) AS ids FROM booking_topic
              WHERE coalesce(minutes, 0) <= 30 GROUP BY department_id) topics USING (department_id)
"""

# Called when its time is there, served for two to nine minutes; who was not there is closed at the end of the day.
HISTORY_EVENTS = """
INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, queue_id, counter_id, by_id, reason, at)
SELECT ticket.id, verb, from_state, to_state, queue_id, CASE WHEN is_at_counter THEN counter_id END,
       CASE WHEN is_at_counter THEN clerk.id END, '', event.at
  FROM booking_ticket ticket
  LEFT JOIN booking_counter counter ON counter.id = ticket.counter_id
  LEFT JOIN auth_user clerk ON clerk.username = 'counter' || counter.number
  CROSS JOIN LATERAL (VALUES
      (1, 'book', '', 'booked', '*', false, issued_at),
      (2, 'cancel', 'booked', 'cancelled', 'cancelled', false, due_at - interval '1 day'),
      (2, 'close_day', 'booked', 'not_arrived', 'not_arrived', false, date + time '17:00'),
      (2, 'call', 'booked', 'called', 'served no_show', true, called_at),
      (3, 'start', 'called', 'serving', 'served', true, called_at + interval '30 seconds'),
      (4, 'finish', 'serving', 'served', 'served', true,
       called_at + (120 + abs(hashint8(ticket.id)::bigint) %% 420) * interval '1 second'),
      (3, 'miss', 'called', 'missed', 'no_show', true, called_at + interval '3 minutes'),
      (4, 'close_day', 'missed', 'no_show', 'no_show', false, date + time '17:00'))
      event (nth, verb, from_state, to_state, states, is_at_counter, at)
 WHERE ticket.id > %(known)s AND (states = '*' OR position(state IN states) > 0)
 ORDER BY ticket.id, nth
"""

HISTORY_PLACES = """
INSERT INTO booking_place (slot_id, number, ticket_id)
SELECT ticket.slot_id, ticket.number, CASE WHEN ticket.state <> 'cancelled' THEN ticket.id END
  FROM booking_ticket ticket
 WHERE ticket.id > %(known)s
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
