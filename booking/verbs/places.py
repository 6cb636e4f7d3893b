"""Members take a turn before they come: book, move, cancel.

A booking locks only its places and its member's row, so bookings of different members do not wait for each other.
"""

import datetime as dt
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, IntegrityError, OperationalError, connection, transaction
from django.db.models import Count, F
from django.utils import timezone

from booking import errors, prepared
from booking.days import no_shows, waiting
from booking.messages import kinds, ledger
from booking.messages.kinds import KINDS, REMINDED_AT, To
from booking.models import Place, Slot, Ticket, Topic, tallies
from booking.models.tickets import State, hash_of, secret_of
from booking.prepared import array
from booking.verbs import limits, locks, moves
from members.free_text import masked
from members.models import Member
from members.origins import Origin
from office.settings import office


@dataclass(frozen=True)
class Booking:
    """A ticket issued just now, or earlier under the same key (then `created` is False)."""

    ticket_id: int
    public_id: str
    secret: str
    code: str
    department: str
    date: dt.date
    starts_at: dt.datetime
    state: str
    created: bool


def book(
    *,
    member_id: int,
    slot_id: int,
    key: str,
    topic_id: int | None = None,
    by: User | None = None,
    asked: str = "",
    reason: str = "",
    verb: str = "book",
    origin: Origin | None = None,
    identity_mark: str | None = None,
    is_proven: bool = False,
) -> Booking:
    """Issue a ticket for a member in a slot. With a topic that takes longer than the slot, the ticket holds a place in
    each of the slots that follow as well: all of them or none.

    `verb` names what owes the messages: "reschedule" if the ticket replaces another.
    `key` names the request: the same key always gives the same ticket, whatever has happened to it since. `by` is the
    member of staff who books for the member; None means that members book for themselves. `asked` (Asked) is how the
    member asked staff for it, `reason` what staff wrote of it. `origin` is where the member
    books from; the limits of limits.py apply only to bookings with an origin. `is_proven`: ask for no further proof.
    `identity_mark` names the identity that books. It is good for one ticket; a refusal does not use it up.
    One statement. Locks the member's row, so that one member's bookings come one after the other, and the places taken.

    Raises SlotFull, AlreadyBooked, DayClosed, WindowPassed, NotYetOpen, NotRegistered, IdempotencyKeyReused,
    IdentityUsed, TooManyBookings, ProofNeeded, TopicNotOffered, MissedTooOften.
    """
    now = timezone.now()
    topic = _offered(topic_id, slot_id) if topic_id else None
    if topic and topic.needs_proof and origin and not is_proven:
        raise _counted(errors.ProofNeeded(), slot_id, by)
    try:
        booking = _take_places(
            member_id=member_id,
            slot_id=slot_id,
            topic=topic,
            key=key,
            by=by,
            asked=asked,
            reason=reason,
            now=now,
            verb=verb,
            origin=origin,
            identity_mark=identity_mark,
            is_proven=is_proven,
        )
    except IntegrityError as refused:
        violated = _violated(refused)
        issued = _issued_before(key, member_id=member_id, slot_id=slot_id, topic_id=topic_id)
        if issued:
            return issued
        if violated == "one_live_ticket_per_member_department_date":
            raise _counted(errors.AlreadyBooked(_live_ticket(member_id, slot_id)), slot_id, by) from refused
        if violated == "one_ticket_per_identity":
            raise _counted(errors.IdentityUsed(), slot_id, by) from refused
        raise
    if booking:
        return booking
    issued = _issued_before(key, member_id=member_id, slot_id=slot_id, topic_id=topic_id)
    if issued:
        return issued
    refusal = _why_nothing_was_taken(
        member_id=member_id,
        slot_id=slot_id,
        topic=topic,
        now=now,
        origin=origin,
        is_proven=is_proven,
        by=by,
        is_move=verb == "reschedule",
    )
    raise _counted(refusal, slot_id, by)


def book_at_once(
    *, member_id: int, slot_id: int, key: str, origin: Origin, identity_mark: str | None, is_proven: bool
) -> Booking | None:
    """Issue a ticket where nothing stands in the way. None: nothing was issued now, and book(), asked the same under
    the same key, says why, or finds the ticket of before. One statement; locks what book() locks."""
    try:
        return _take_places(
            member_id=member_id,
            slot_id=slot_id,
            key=key,
            now=timezone.now(),
            origin=origin,
            identity_mark=identity_mark,
            is_proven=is_proven,
        )
    except Error:
        return None


@locks.verb
def reschedule(
    *, ticket: Ticket, slot_id: int, key: str, by: User | None = None, reason: str = "", origin: Origin | None = None
) -> Booking:
    """Move a booked ticket to another slot of its department, for the same topic. One transaction takes the new place
    and frees the old one, and the new ticket points to the old. If the new slot refuses, the old ticket stays as it
    was.

    `origin` is where its holder moves it from. A move counts as a booking, and the ticket is the proof.
    Locks the queue if the ticket is for today, the old slots and the old ticket. Raises WrongState, OtherDepartment,
    TooManyMoves if the holder has moved it as often as the office allows, and whatever `book` raises.
    """
    if slot_id == ticket.slot_id:
        return _as_booking(ticket, created=False)
    moved = Ticket.objects.with_details().filter(moved_from=ticket, idempotency_key=key).first()
    if moved:
        return _as_booking(moved, created=False)
    with _giving_up_its_place(ticket, "reschedule", by=by, reason=reason) as old:
        if Slot.objects.filter(pk=slot_id).exclude(department=old.department_id).exists():
            raise errors.OtherDepartment
        if old.member_id is None or old.is_walk_in:
            raise errors.WrongState
        if not by and len(old.was_once()) >= office.moves:
            raise errors.TooManyMoves
        booking = book(
            member_id=old.member_id,
            slot_id=slot_id,
            topic_id=old.topic_id,
            key=key,
            by=by,
            verb="reschedule",
            origin=origin,
            is_proven=True,
        )
        Ticket.objects.filter(pk=booking.ticket_id).update(
            moved_from=old, priority=old.priority, priority_reason=old.priority_reason
        )
        # A message that must reach the member goes to the telephone list if it cannot be sent: no work for the
        # statement.
        for kind in kinds.owed("reschedule", to=To.NEW_HOLDER, by_staff=by is not None):
            if KINDS[kind].is_telephoned:
                ledger.owe(Ticket.objects.get(pk=booking.ticket_id), kind)
    return booking


@locks.verb
def cancel(*, ticket: Ticket, by: User | None = None, reason: str = "", cause: str = "") -> Ticket:
    """Cancel a ticket for its holder or the office, with a reason in words or a `cause` (Cause) to be counted. Its
    places are free at once or, given up by a member, after the minutes that the department sets.

    Locks the queue if the ticket is for today, its slots and the ticket. Raises WrongState if the ticket has been
    called or is over.
    """
    with _giving_up_its_place(ticket, "cancel", by=by, reason=reason, cause=cause) as cancelled:
        return cancelled


def free_places(ticket: Ticket, slots: list[Slot], *, free_from: dt.datetime | None = None) -> None:
    """Free a ticket's places, or delete those of slots that have more places than their quota (which was lowered, or
    the day was closed, after the booking). `free_from`: when members may book them again; None: at once. Where somebody
    waits for the day, the places are kept until they have been offered (verbs/waiting.py). The caller holds the slots'
    locks. A walk-in has no place."""
    if not slots:
        return
    with_places = Slot.objects.filter(pk__in=[slot.pk for slot in slots]).annotate(found=Count("places"))
    overfull = with_places.filter(found__gt=F("quota")).values_list("pk", flat=True)
    held = Place.objects.filter(ticket=ticket)
    held.filter(slot__in=list(overfull)).delete()
    kept_until = waiting.kept_until(ticket.department, ticket.date, timezone.now())
    held.update(ticket=None, part=1, free_from=free_from, offered_until=kept_until)


REMINDERS = array(kinds.reminders())

# A booking is one statement; docs/decisions.md says why, and what it was measured against.
# All rules are rows: a holiday has no places, a closed window has passed its bookable_until.
#
# The member's row is locked before anything is counted, so two bookings of one member cannot both be the last one
# allowed. booking_may_book() counts with a snapshot of its own, taken after the lock. The statement itself counts what
# was there when it began: that is close enough for devices and addresses, and needs no lock.
TAKE_PLACE = """
WITH who AS MATERIALIZED (
    SELECT id FROM members_member WHERE id = %(member)s AND is_registered FOR NO KEY UPDATE
), allowed AS MATERIALIZED (
    SELECT who.id FROM who
     WHERE %(address)s::text IS NULL
        OR (booking_may_book(who.id, %(now)s, %(most_live)s, %(most_a_day)s)
            AND (SELECT count(*) FROM (SELECT FROM booking_ticket own
                                        WHERE own.origin_device = %(device)s AND own.issued_at > %(hour_ago)s
                                        LIMIT %(most_of_device)s) one) < %(most_of_device)s
            AND (%(is_proven)s
                 OR (NOT (EXISTS (SELECT FROM booking_proofasked asked
                                   WHERE asked.until > %(now)s AND asked.block = ANY(%(blocks)s::text[]))
                          AND NOT EXISTS (SELECT FROM booking_ticket own
                                           WHERE own.origin_device = %(device)s AND own.issued_at < %(day_ago)s))
                     AND (SELECT count(*) FROM (SELECT FROM booking_ticket own
                                             WHERE own.origin_address = %(address)s AND own.issued_at > %(hour_ago)s
                                             LIMIT %(most_of_address)s) one) < %(most_of_address)s
                     AND (%(device)s::text IS NOT NULL
                          OR (SELECT count(*) FROM (SELECT FROM booking_ticket own
                                                     WHERE own.origin_address = %(address)s
                                                       AND own.issued_at > %(hour_ago)s AND own.origin_device IS NULL
                                                     LIMIT %(most_of_device)s) one) < %(most_of_device)s)
                     AND (SELECT count(*) FROM (SELECT FROM booking_ticket own
                                                 WHERE own.origin_network = %(network)s AND own.issued_at > %(hour_ago)s
                                                 LIMIT %(most_of_address)s) one) < %(most_of_address)s)))
), {taken}
), first AS (
    SELECT * FROM taken WHERE part = 1 {and_whole}
), new AS (
    INSERT INTO booking_ticket (public_id, secret_hash, department_id, queue_id, date, number, slot_id, due_at,
                                member_id, state, idempotency_key, issued_at, topic_id, parts,
                                identity_mark, origin_address, origin_network, origin_device)
    SELECT %(public_id)s, %(secret_hash)s, department_id, department_id, date, number, slot_id, starts_at,
           %(member)s, %(state)s, %(key)s, %(now)s, %(topic)s, {parts},
           %(mark)s, %(address)s, %(network)s, %(device)s
      FROM first
    RETURNING id, queue_id
), held AS (
    UPDATE booking_place SET ticket_id = new.id, part = taken.part, offered_to_id = NULL, offered_until = NULL
      FROM taken, new WHERE booking_place.id = taken.id
), owed AS (
    INSERT INTO booking_notice (ticket_id, kind, retry_key, next_try_at, expires_at, created_at)
    SELECT new.id, choice.kind, gen_random_uuid(),
           CASE WHEN choice.kind = ANY(%(reminders)s::text[]) THEN day_before.at ELSE %(now)s END,
           first.starts_at, %(now)s
      FROM new, first, booking_messagechoice choice,
           LATERAL (SELECT (first.date - 1 + %(reminded_at)s::time) AT TIME ZONE %(zone)s::text AS at) day_before
     WHERE %(messages)s AND choice.is_on
       AND choice.kind = ANY(%(owed)s::text[])
       AND (choice.kind <> ALL(%(reminders)s) OR day_before.at > %(now)s)
), logged AS (
    INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, queue_id, by_id, asked, reason, at)
    SELECT id, 'book', '', %(state)s, queue_id, %(by)s, %(asked)s, %(reason)s, %(now)s FROM new
)
SELECT new.id, first.number, first.letter, first.slug, first.date, first.starts_at FROM new, first
"""

# Whether a free place may be booked at this moment. One that is offered, or about to be, is the offered member's alone,
# and theirs before it comes free to others: the offer lapses by time, here and nowhere else. The same in Python:
# models/places.py. One expression, which PostgreSQL takes to be true of every other place: of more conditions, each of
# them rarer, it expects one place to be left, and then sorts all of a slot's places to find the first.
IS_OPEN = """
CASE WHEN place.topic_id IS DISTINCT FROM %(places_of)s THEN false
                WHEN place.offered_until > %(now)s THEN booking_is_offered_to(place.offered_to_id, %(member)s)
                ELSE place.free_from IS NULL OR place.free_from <= %(now)s OR %(by)s::bigint IS NOT NULL END"""

# Looked for once the member's row is locked, as `allowed` sees to: everybody locks in that order. In the order of the
# index of free places, so that a slot's many taken ones cost nothing.
FREE_PLACE = """LATERAL (SELECT place.id, place.number
                      FROM booking_place place
                     WHERE place.slot_id = slot.id
                       AND allowed.id = %(member)s
                       AND place.ticket_id IS NULL
                       AND {is_open}
                     ORDER BY place.number
                     LIMIT 1
                       FOR UPDATE {skip_locked}) free"""

ONE_PLACE = """taken AS MATERIALIZED (
    SELECT free.id, 1 AS part, free.number, slot.id AS slot_id, slot.date, slot.starts_at,
           department.id AS department_id, department.slug, department.letter
      FROM allowed
      JOIN booking_slot slot
        ON slot.id = %(slot)s
       AND slot.bookable_from <= %(now)s
       AND slot.bookable_until > %(now)s
      JOIN booking_department department
        ON department.id = slot.department_id
       AND {may_come}
      JOIN {free_place} ON true"""

# The first free place of each slot that the visit covers. Only the first slot has to be bookable at this moment.
# Places are locked in the order in which laying out locks them, so that neither waits for the other.
SEVERAL_PLACES = """covered AS MATERIALIZED (
    SELECT slot.id, slot.date, slot.starts_at, slot.ends_at, slot.department_id,
           row_number() OVER (ORDER BY slot.starts_at) AS part
      FROM booking_slot first
      JOIN booking_slot slot ON slot.department_id = first.department_id
                            AND slot.date = first.date
                            AND slot.starts_at >= first.starts_at
                            AND slot.starts_at < first.starts_at + %(minutes)s * interval '1 minute'
     WHERE first.id = %(slot)s
       AND first.bookable_from <= %(now)s
       AND first.bookable_until > %(now)s
     ORDER BY slot.id
), whole AS (
    SELECT count(*) AS parts
      FROM covered
    HAVING max(ends_at) - min(starts_at) >= %(minutes)s * interval '1 minute'
       AND max(ends_at) - min(starts_at) = sum(ends_at - starts_at)
), taken AS MATERIALIZED (
    SELECT free.id, slot.part, free.number, slot.id AS slot_id, slot.date, slot.starts_at,
           department.id AS department_id, department.slug, department.letter
      FROM allowed
      JOIN whole ON true
      JOIN covered slot ON true
      JOIN booking_department department
        ON department.id = slot.department_id
       AND {may_come}
      JOIN {free_place} ON true"""

# The same in Python: days/no_shows.py.
MAY_COME = """(department.no_show_limit = 0 OR %(by)s::bigint IS NOT NULL OR %(verb)s = 'reschedule'
            OR booking_may_come(%(member)s, department.id, slot.date, %(now)s))"""

ONE = {"taken": ONE_PLACE, "parts": "1", "and_whole": ""}
SEVERAL = {
    "taken": SEVERAL_PLACES,
    "parts": "(SELECT parts FROM whole)",
    "and_whole": "AND (SELECT count(*) FROM taken) = (SELECT parts FROM whole)",
}


def _statement(pieces: dict[str, str], *, skip_locked: str) -> str:
    """`skip_locked`: whether to wait for a place that somebody else holds at this moment. In one line, so that tests
    can change a part of it, wherever its lines end."""
    free_place = FREE_PLACE.format(skip_locked=skip_locked, is_open=IS_OPEN)
    return " ".join(TAKE_PLACE.format(**pieces).format(free_place=free_place, may_come=MAY_COME).split())


TAKE_FREE_PLACE = _statement(ONE, skip_locked="SKIP LOCKED")
WAIT_FOR_PLACE = _statement(ONE, skip_locked="")
TAKE_FREE_PLACES = _statement(SEVERAL, skip_locked="SKIP LOCKED")
WAIT_FOR_PLACES = _statement(SEVERAL, skip_locked="")


def _take_places(
    *,
    member_id: int,
    slot_id: int,
    key: str,
    now: dt.datetime,
    origin: Origin | None,
    identity_mark: str | None,
    is_proven: bool,
    topic: Topic | None = None,
    by: User | None = None,
    asked: str = "",
    reason: str = "",
    verb: str = "book",
) -> Booking | None:
    """Take the slot's first free place, and those of the slots that the topic's minutes reach into; or return None.
    Raises IntegrityError if a constraint refuses the ticket."""
    public_id = secrets.token_urlsafe(16)
    secret = secret_of(public_id)
    values = {
        "member": member_id,
        "slot": slot_id,
        "state": State.BOOKED.value,
        "now": now,
        "public_id": public_id,
        "secret_hash": hash_of(secret),
        "key": key,
        "by": by.pk if by else None,
        "verb": verb,
        "asked": asked,
        "reason": masked(reason),
        "messages": ledger.is_on(),
        "owed": _sent(verb, by_staff=by is not None),
        "reminders": REMINDERS,
        "reminded_at": REMINDED_AT,
        "zone": settings.TIME_ZONE,
        "mark": identity_mark,
        "is_proven": is_proven,
        "topic": topic and topic.pk,
        "places_of": topic and topic.places_of,
        "minutes": topic and topic.minutes,
        **limits.in_the_statement(origin, now=now),
    }
    # A topic that fits into any slot needs no look at those that follow.
    is_long = topic is not None and topic.minutes is not None
    row = _run(TAKE_FREE_PLACES if is_long else TAKE_FREE_PLACE, values)
    if row is None:
        places = Place.objects.open_to(now, member_id=member_id, by_staff=by is not None)
        if not places.kept_for(values["places_of"]).filter(slot=slot_id).exists():
            return None
        # Another booking holds it, and may still be refused: wait for it before saying "full".
        row = _run(WAIT_FOR_PLACES if is_long else WAIT_FOR_PLACE, values)
    if row is None:
        return None
    ticket_id, number, letter, slug, date, starts_at = row
    return Booking(
        ticket_id=ticket_id,
        public_id=public_id,
        secret=secret,
        code=f"{letter}{number:03d}",
        department=slug,
        date=date,
        starts_at=starts_at,
        state=State.BOOKED,
        created=True,
    )


@cache
def _sent(verb: str, *, by_staff: bool) -> str:
    """The messages that a booking owes and that can be sent."""
    return array(
        kind for kind in kinds.owed(verb, to=To.NEW_HOLDER, by_staff=by_staff) if not KINDS[kind].is_telephoned
    )


def _violated(refused: IntegrityError) -> str | None:
    """The name of the constraint."""
    return refused.__cause__.diag.constraint_name if isinstance(refused.__cause__, psycopg.Error) else None


def _run(sql: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
    """Without the query with which Django checks a kept connection."""
    if connection.in_atomic_block:
        # A refusal must not break the transaction around this. Alone, the statement is its own transaction.
        with transaction.atomic():
            return prepared.first_row(sql, values)
    try:
        return prepared.first_row(sql, values)
    except OperationalError as fault:
        if isinstance(fault.__cause__, psycopg.errors.DeadlockDetected):
            return prepared.first_row(sql, values)
        if connection.connection is None or connection.is_usable():
            raise
        # The kept connection is gone, because PostgreSQL was restarted for example. If the statement went through after
        # all, its key tells.
        connection.close()
        return prepared.first_row(sql, values)


def _offered(topic_id: int, slot_id: int) -> Topic:
    """The topic, if members may come for it in this slot."""
    topic = Topic.objects.filter(pk=topic_id, department__slots=slot_id).first()
    slot = Slot.objects.filter(pk=slot_id).first()
    if topic is None or slot is None or not topic.is_offered(slot.date):
        raise errors.TopicNotOffered
    return topic


def _issued_before(key: str, *, member_id: int, slot_id: int, topic_id: int | None) -> Booking | None:
    ticket = Ticket.objects.with_details().filter(idempotency_key=key).first()
    if ticket is None:
        return None
    if (ticket.member_id, ticket.slot_id, ticket.topic_id) != (member_id, slot_id, topic_id):
        raise errors.IdempotencyKeyReused
    return _as_booking(ticket, created=False)


def _as_booking(ticket: Ticket, *, created: bool) -> Booking:
    return Booking(
        ticket_id=ticket.pk,
        public_id=ticket.public_id,
        secret=ticket.secret,
        code=ticket.code,
        department=ticket.department.slug,
        date=ticket.date,
        starts_at=ticket.slot.starts_at if ticket.slot else ticket.due_at,
        state=ticket.state,
        created=created,
    )


def _live_ticket(member_id: int, slot_id: int) -> Ticket | None:
    slot = Slot.objects.get(pk=slot_id)
    return (
        Ticket.objects.with_details()
        .live()
        .filter(member=member_id, department=slot.department_id, date=slot.date)
        .first()
    )


def _counted(refusal: errors.BookingError, slot_id: int, by: User | None) -> errors.BookingError:
    """Members who wanted a turn and could not have it are counted; who they are is not kept."""
    if by is None:
        tallies.refused(refusal, slot_id=slot_id)
    return refusal


def _why_nothing_was_taken(
    *,
    member_id: int,
    slot_id: int,
    topic: Topic | None,
    now: dt.datetime,
    origin: Origin | None,
    is_proven: bool,
    by: User | None,
    is_move: bool,
) -> errors.BookingError:
    slot = Slot.objects.select_related("department").filter(pk=slot_id).first()
    if slot is None or (slot.quota == 0 and not slot.places.exists()):
        return errors.DayClosed()
    if not Member.objects.filter(pk=member_id, is_registered=True).exists():
        return errors.NotRegistered()
    live = _live_ticket(member_id, slot_id)
    if live:
        return errors.AlreadyBooked(live)
    if now >= slot.bookable_until:
        return errors.WindowPassed()
    if now < slot.bookable_from:
        return errors.NotYetOpen()
    if slot.quota == 0:
        return errors.DayClosed()
    kept_away = None if by or is_move else no_shows.is_kept_away(member_id, slot.department, slot.date)
    if kept_away and kept_away.until:
        return errors.MissedTooOften(kept_away.missed, kept_away.until, slot.department.no_show_rule)
    free = slot.places.open_to(now, member_id=member_id, by_staff=by is not None)
    if not free.kept_for(topic.places_of if topic else None).exists():
        return errors.SlotFull()
    limited = limits.refusal(member_id=member_id, origin=origin, is_proven=is_proven, now=now)
    return limited or errors.SlotFull()


@contextmanager
def _giving_up_its_place(
    ticket: Ticket, verb: str, *, by: User | None, reason: str, cause: str = ""
) -> Iterator[Ticket]:
    """Move a ticket to a state without a place, run the block, then free its places.

    They are freed last, so that nobody waits for them while the block waits for another. Yields the locked ticket.
    """
    is_of_today = ticket.date == timezone.localdate()
    locked, slots = locks.lock_ticket_and_slots(ticket, locks_queue=is_of_today)
    moves.change(locked, verb, by=by, reason=reason, cause=cause)
    yield locked
    minutes = 0 if by else locked.department.freed_after_minutes
    free_places(locked, slots, free_from=timezone.now() + dt.timedelta(minutes=minutes) if minutes else None)
