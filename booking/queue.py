"""Every write to a ticket. Read from top to bottom to learn what can happen to one.

Locks are taken in one order: slot, ticket, place. A booking takes only its place, so bookings do not wait for each
other.
"""

import secrets
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps

import psycopg
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from booking import errors
from booking.models import Place, Slot, Ticket, TicketEvent
from booking.models.tickets import CANCELLABLE, MOVABLE, State, hash_of, secret_of
from members.models import Member


@dataclass(frozen=True)
class Booking:
    """A ticket just issued, or issued before under the same key (`created` is False then)."""

    ticket_id: int
    public_id: str
    secret: str
    code: str
    department: str
    date: object
    starts_at: object
    state: str
    created: bool


def book(*, member_id: int, slot_id: int, key: str, by=None) -> Booking:
    """Issue a ticket for a member in a slot.

    `key` names the request: the same key again gives the same ticket, whatever has become of it. `by` is the member of
    staff who books for the member, None where members do so themselves. One statement, no lock but the place it takes.

    Raises SlotFull, AlreadyBooked, DayClosed, WindowPassed, NotYetOpen, NotRegistered, IdempotencyKeyReused.
    """
    now = timezone.now()
    try:
        booking = _take_place(member_id=member_id, slot_id=slot_id, key=key, by=by, now=now)
    except IntegrityError as refused:
        violated = refused.__cause__.diag.constraint_name
        issued = _issued_before(key, member_id=member_id, slot_id=slot_id)
        if issued:
            return issued
        if violated == "one_live_ticket_per_member_department_date":
            raise errors.AlreadyBooked(_live_ticket(member_id, slot_id)) from refused
        raise
    if booking:
        return booking
    issued = _issued_before(key, member_id=member_id, slot_id=slot_id)
    if issued:
        return issued
    raise _why_nothing_was_taken(member_id=member_id, slot_id=slot_id, now=now)


def again_after_deadlock(verb):
    """Run a verb again where PostgreSQL ended it to break a deadlock: nothing of it was kept."""

    @wraps(verb)
    def repeated(**arguments):
        for last in (False, False, True):
            try:
                return verb(**arguments)
            except OperationalError as fault:
                deadlock = isinstance(fault.__cause__, psycopg.errors.DeadlockDetected)
                if last or not deadlock or connection.in_atomic_block:
                    raise
        raise AssertionError("unreachable")

    return repeated


@again_after_deadlock
def reschedule(*, ticket: Ticket, slot_id: int, key: str, by=None, reason: str = "") -> Booking:
    """Move a booked ticket to another slot of its department: the new place is taken and the old one freed in one
    transaction, and the new ticket names the old. Where the new slot refuses, the old ticket stays as it was.

    Locks the old slot and the old ticket. Raises WrongState, OtherDepartment and what `book` raises.
    """
    if slot_id == ticket.slot_id:
        return _as_booking(ticket, created=False)
    with transaction.atomic():
        moved = Ticket.objects.with_details().filter(moved_from=ticket, idempotency_key=key).first()
        if moved:
            return _as_booking(moved, created=False)
        with _leaving(ticket, MOVABLE, State.CANCELLED, verb="reschedule", by=by, reason=reason) as old:
            if Slot.objects.filter(pk=slot_id).exclude(department=old.department_id).exists():
                raise errors.OtherDepartment
            if old.member_id is None:
                raise errors.WrongState
            booking = book(member_id=old.member_id, slot_id=slot_id, key=key, by=by)
            Ticket.objects.filter(pk=booking.ticket_id).update(moved_from=old)
        return booking


@again_after_deadlock
def cancel(*, ticket: Ticket, by=None, reason: str = "") -> Ticket:
    """End a ticket's turn at its holder's or the office's wish; its place is free at once.

    Locks the slot and the ticket. Raises WrongState where the turn has been called or is over.
    """
    with (
        transaction.atomic(),
        _leaving(ticket, CANCELLABLE, State.CANCELLED, verb="cancel", by=by, reason=reason) as old,
    ):
        return old


def unlink_members(*, before) -> int:
    """Forget whose tickets of days before `before` were. Returns how many; run again it finds none."""
    return (
        Ticket.objects.filter(date__lt=before)
        .exclude(member=None, idempotency_key=None)
        .update(member=None, idempotency_key=None)
    )


# A booking in one statement; why it is one, and what it was measured against, stands in docs/decisions.md.
# All rules are rows: a holiday has no places, a closed window has passed its bookable_until.
TAKE_PLACE = """
WITH taken AS (
    SELECT place.id, place.number, slot.id AS slot_id, slot.date, slot.starts_at,
           department.id AS department_id, department.slug, department.letter
      FROM booking_place place
      JOIN booking_slot slot ON slot.id = place.slot_id
      JOIN booking_department department ON department.id = slot.department_id
      JOIN members_member member ON member.id = %(member)s AND member.is_registered
     WHERE place.slot_id = %(slot)s
       AND place.ticket_id IS NULL
       AND slot.bookable_from <= %(now)s
       AND slot.bookable_until > %(now)s
     ORDER BY place.number
     LIMIT 1
       FOR UPDATE OF place {skip_locked}
), new AS (
    INSERT INTO booking_ticket (public_id, secret_hash, department_id, date, number, slot_id, member_id,
                                state, idempotency_key, issued_at)
    SELECT %(public_id)s, %(secret_hash)s, department_id, date, number, slot_id, %(member)s,
           'booked', %(key)s, %(now)s
      FROM taken
    RETURNING id
), held AS (
    UPDATE booking_place SET ticket_id = new.id FROM taken, new WHERE booking_place.id = taken.id
), logged AS (
    INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, by_id, reason, at)
    SELECT id, 'book', '', 'booked', %(by)s, '', %(now)s FROM new
)
SELECT new.id, taken.number, taken.letter, taken.slug, taken.date, taken.starts_at FROM new, taken
"""
TAKE_FREE_PLACE = TAKE_PLACE.format(skip_locked="SKIP LOCKED")
WAIT_FOR_PLACE = TAKE_PLACE.format(skip_locked="")


def _take_place(*, member_id, slot_id, key, by, now) -> Booking | None:
    """Take the slot's first free place, or None. Raises IntegrityError where a constraint refuses the ticket."""
    public_id = secrets.token_urlsafe(16)
    secret = secret_of(public_id)
    values = {
        "member": member_id,
        "slot": slot_id,
        "now": now,
        "public_id": public_id,
        "secret_hash": hash_of(secret),
        "key": key,
        "by": by.pk if by else None,
    }
    row = _run(TAKE_FREE_PLACE, values)
    if row is None and Place.objects.free().filter(slot=slot_id).exists():
        # Somebody holds it whose booking may yet be refused: wait and see before saying "full".
        row = _run(WAIT_FOR_PLACE, values)
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


def _run(sql: str, values: dict):
    # A refusal must not spoil the transaction that this may stand in; alone, the statement is its own transaction.
    with transaction.atomic() if connection.in_atomic_block else nullcontext(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def _issued_before(key: str, *, member_id: int, slot_id: int) -> Booking | None:
    ticket = Ticket.objects.with_details().filter(idempotency_key=key).first()
    if ticket is None:
        return None
    if (ticket.member_id, ticket.slot_id) != (member_id, slot_id):
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
        starts_at=ticket.slot.starts_at,
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


def _why_nothing_was_taken(*, member_id: int, slot_id: int, now) -> errors.BookingError:
    slot = Slot.objects.filter(pk=slot_id).first()
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
    return errors.SlotFull()


@contextmanager
def _leaving(ticket: Ticket, allowed, to_state, *, verb: str, by=None, reason: str = ""):
    """Move a ticket to a state in which it holds no place, do what stands in the block, then free the place.

    The place is freed last, so that nobody waits for it while the block waits for another. Yields the locked ticket.
    """
    slot = Slot.objects.select_for_update(no_key=True).get(pk=ticket.slot_id)
    left = _change(ticket, allowed, to_state, verb=verb, by=by, reason=reason)
    yield left
    free_place(left, slot)


def free_place(ticket: Ticket, slot: Slot) -> None:
    """Put a ticket's place back, or take it away where the slot has more than its quota (it was lowered, or the day was
    closed, after the place was booked). The caller holds the slot's lock."""
    places = Place.objects.filter(slot=slot)
    if places.count() > slot.quota:
        places.filter(ticket=ticket).delete()
    else:
        places.filter(ticket=ticket).update(ticket=None)


def _change(ticket: Ticket, allowed, to_state, *, verb: str, by=None, reason: str = "") -> Ticket:
    """Lock a ticket, see that it is in a state it may leave by this verb, change it and write the event."""
    locked = Ticket.objects.select_for_update(no_key=True, of=["self"]).with_details().get(pk=ticket.pk)
    if locked.state not in allowed:
        raise errors.WrongState
    from_state, locked.state = locked.state, to_state
    locked.save(update_fields=["state"])
    TicketEvent.objects.create(
        ticket=locked,
        verb=verb,
        from_state=from_state,
        to_state=to_state,
        by=by,
        reason=reason,
        at=timezone.now(),
    )
    return locked
