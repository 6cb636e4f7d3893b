"""Every write to a ticket. Read from top to bottom to learn what can happen to one.

Locks are taken in one order: counter, queue (the QueueVersion rows of the departments concerned), slot, ticket, place.
A booking takes only its place, so bookings do not wait for each other. Every verb is one transaction and writes one
event for each ticket it changes; `by` is the member of staff who acts, None a member for themselves, or the system.
"""

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps

import psycopg
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F, Max
from django.utils import timezone

from booking import errors
from booking.calling import waiting
from booking.days import opening
from booking.messages import ledger
from booking.models import Counter, Department, Place, QueueVersion, Slot, Ticket, TicketEvent, WaitPrediction
from booking.models.notices import Kind
from booking.models.tickets import FIRST_WALK_IN_NUMBER, LIVE, MOVES, State, hash_of, secret_of
from members.models import Member

_KEEP = object()  # where None is a value of its own


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


def book(*, member_id: int, slot_id: int, key: str, by=None, notice: str = Kind.ISSUED) -> Booking:
    """Issue a ticket for a member in a slot.

    `notice` is the message that is owed for it; none where it is empty.
    `key` names the request: the same key again gives the same ticket, whatever has become of it. `by` is the member of
    staff who books for the member, None where members do so themselves. One statement, no lock but the place it takes.

    Raises SlotFull, AlreadyBooked, DayClosed, WindowPassed, NotYetOpen, NotRegistered, IdempotencyKeyReused.
    """
    now = timezone.now()
    try:
        booking = _take_place(member_id=member_id, slot_id=slot_id, key=key, by=by, now=now, notice=notice)
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

    Locks the queue where the ticket is of today, the old slot and the old ticket. Raises WrongState, OtherDepartment
    and what `book` raises.
    """
    if slot_id == ticket.slot_id:
        return _as_booking(ticket, created=False)
    with transaction.atomic():
        moved = Ticket.objects.with_details().filter(moved_from=ticket, idempotency_key=key).first()
        if moved:
            return _as_booking(moved, created=False)
        with _giving_up_its_place(ticket, "reschedule", by=by, reason=reason) as old:
            if Slot.objects.filter(pk=slot_id).exclude(department=old.department_id).exists():
                raise errors.OtherDepartment
            if old.member_id is None or old.is_walk_in:
                raise errors.WrongState
            notice = "" if by else Kind.ISSUED
            booking = book(member_id=old.member_id, slot_id=slot_id, key=key, by=by, notice=notice)
            Ticket.objects.filter(pk=booking.ticket_id).update(
                moved_from=old, priority=old.priority, priority_reason=old.priority_reason
            )
            if by:
                ledger.owe(Ticket.objects.get(pk=booking.ticket_id), Kind.MOVED)
        return booking


@again_after_deadlock
def cancel(*, ticket: Ticket, by=None, reason: str = "") -> Ticket:
    """End a ticket's turn at its holder's or the office's wish; its place is free at once.

    Locks the queue where the ticket is of today, the slot and the ticket. Raises WrongState where the turn has been
    called or is over.
    """
    with transaction.atomic(), _giving_up_its_place(ticket, "cancel", by=by, reason=reason) as cancelled:
        if by:
            ledger.owe(cancelled, Kind.CANCELLED)
        return cancelled


@again_after_deadlock
def check_in(*, ticket: Ticket, by=None, present: bool = False) -> Ticket:
    """The member has come: a booked ticket of today waits to be called. Who comes late is due by the department's rule.

    `present`: the member has shown to stand in the office, by the changing QR code there; staff who check somebody in
    see that for themselves. Locks the queue and the ticket. Raises WrongState, NotToday, TooEarly, PresenceNeeded.
    """
    now = timezone.now()
    with transaction.atomic(), _in_queue(ticket) as locked:
        _require_move(locked, "check_in")
        department = locked.department
        if locked.date != timezone.localdate(now):
            raise errors.NotToday
        if not by and now < locked.due_at - timedelta(minutes=department.check_in_minutes_before):
            raise errors.TooEarly
        if not by and not present and department.check_in_needs_presence:
            raise errors.PresenceNeeded
        is_late = now > locked.due_at + timedelta(minutes=department.late_after_minutes)
        _change(
            locked,
            "check_in",
            by=by,
            arrived_at=now,
            due_at=_due_again(locked, department, now) if is_late else locked.due_at,
        )
        _keep_prediction(locked, now)
        return locked


@again_after_deadlock
def undo_check_in(*, ticket: Ticket, by) -> Ticket:
    """Staff take back a check-in made by mistake. Locks the queue and the ticket. Raises WrongState."""
    with transaction.atomic(), _in_queue(ticket) as locked:
        if locked.is_walk_in or locked.queue_id != locked.department_id:
            raise errors.WrongState
        _change(locked, "undo_check_in", by=by, arrived_at=None, due_at=locked.slot.starts_at)
        WaitPrediction.objects.filter(ticket=locked).delete()
        return locked


@again_after_deadlock
def walk_in(
    *,
    department: Department,
    by,
    member_id: int | None = None,
    priority: str = "",
    reason: str = "",
    key: str | None = None,
) -> Ticket:
    """Issue a ticket to somebody who has come without one; it waits at once, with the next number from 501 up.

    `reason` says why a `priority` class was given. `key` names the request: the same key again gives the same ticket,
    whatever has become of it. Locks the queue. Raises DayClosed where the department does not open today, AlreadyBooked
    where the member has a live ticket of this department today, IdempotencyKeyReused.
    """
    now = timezone.now()
    today = timezone.localdate(now)
    if department.pk not in opening.open_on(today):
        raise errors.DayClosed
    public_id = secrets.token_urlsafe(16)
    with transaction.atomic():
        _lock_queues(department.pk)
        _raise_versions(department.pk)
        issued = Ticket.objects.with_details().filter(idempotency_key=key).first() if key else None
        if issued:
            wanted = (department.pk, None, member_id, priority)
            if (issued.department_id, issued.slot_id, issued.member_id, issued.priority) != wanted:
                raise errors.IdempotencyKeyReused
            return issued
        held = Ticket.objects.with_details().live().of_day(department, today).filter(member=member_id).first()
        if member_id and held:
            raise errors.AlreadyBooked(held)
        last = Ticket.objects.of_day(department, today).filter(slot=None).aggregate(last=Max("number"))["last"]
        ticket = Ticket.objects.create(
            public_id=public_id,
            secret_hash=hash_of(secret_of(public_id)),
            department=department,
            queue=department,
            date=today,
            number=last + 1 if last else FIRST_WALK_IN_NUMBER,
            member_id=member_id,
            state=State.WAITING,
            issued_at=now,
            arrived_at=now,
            due_at=now,
            priority=priority,
            priority_reason=reason,
            idempotency_key=key,
        )
        _write_event(ticket, "walk_in", "", by=by, reason=reason, at=now)
        _keep_prediction(ticket, now)
        return ticket


@again_after_deadlock
def call_next(*, counter: Counter, by) -> Ticket | None:
    """Call the ticket whose turn it is (the order stands in waiting.py) to a counter, or None where nobody waits.

    The departments are asked in the counter's order. Locks the counter and the queues it serves, so that two counters
    never call the same ticket and none is passed over. Raises NotAtCounter, CounterBusy.
    """
    with transaction.atomic():
        _lock_counter(counter, by)
        department_ids = counter.department_ids()
        _lock_queues(*department_ids)
        ticket = waiting.next_up(department_ids)
        if ticket:
            _call(ticket, counter, by=by)
            # Only its own queue has changed: pages that show the others have nothing to fetch.
            _raise_versions(ticket.queue_id)
        return ticket


@again_after_deadlock
def call(*, ticket: Ticket, counter: Counter, by, reason: str) -> Ticket:
    """Call a certain ticket, whoever else is waiting; the event keeps why.

    Locks the counter, the queue and the ticket. Raises NotAtCounter, CounterBusy, NotServedHere, ReasonNeeded,
    WrongState.
    """
    if not reason.strip():
        raise errors.ReasonNeeded
    with transaction.atomic():
        _lock_counter(counter, by)
        with _in_queue(ticket) as locked:
            if locked.queue_id not in counter.department_ids():
                raise errors.NotServedHere
            if locked.date != timezone.localdate():
                raise errors.NotToday
            _call(locked, counter, by=by, reason=reason.strip())
            return locked


@again_after_deadlock
def recall(*, counter: Counter, by) -> Ticket:
    """Call the counter's ticket again; past the department's maximum it is missed instead.

    Locks the counter, the queue and the ticket. Raises NotAtCounter, WrongState.
    """
    with _at_counter(counter, by) as ticket:
        if ticket.recalls >= ticket.queue.max_recalls:
            return _miss(ticket, counter=counter, by=by)
        ledger.owe(ticket, Kind.YOUR_TURN)
        return _change(ticket, "recall", by=by, counter=counter, recalls=ticket.recalls + 1, called_at=timezone.now())


@again_after_deadlock
def undo_call(*, counter: Counter, by) -> Ticket:
    """Take back the counter's call: the ticket waits where it stood. Locks and raises as recall."""
    with _at_counter(counter, by) as ticket:
        return _change(ticket, "undo_call", by=by, counter=None, at_counter=counter, called_at=None, recalls=0)


@again_after_deadlock
def start(*, counter: Counter, by) -> Ticket:
    """The called member stands at the counter. Locks and raises as recall."""
    with _at_counter(counter, by) as ticket:
        return _change(ticket, "start", by=by, counter=counter)


@again_after_deadlock
def finish(*, counter: Counter, by) -> Ticket:
    """The member has been served. Locks and raises as recall."""
    with _at_counter(counter, by) as ticket:
        return _change(ticket, "finish", by=by, counter=counter)


@again_after_deadlock
def miss(*, counter: Counter, by) -> Ticket:
    """The called member did not come. Locks and raises as recall."""
    with _at_counter(counter, by) as ticket:
        return _miss(ticket, counter=counter, by=by)


@again_after_deadlock
def hold(*, counter: Counter, by, reason: str = "") -> Ticket:
    """Set the counter's ticket aside (a form to fill in, a paper to fetch); the counter is free for the next.

    Locks and raises as recall.
    """
    with _at_counter(counter, by) as ticket:
        return _change(ticket, "hold", by=by, counter=counter, reason=reason)


@again_after_deadlock
def put_back(*, counter: Counter, by, reason: str = "") -> Ticket:
    """Put the counter's ticket back into its queue, where it stood. Locks and raises as recall."""
    with _at_counter(counter, by) as ticket:
        return _change(
            ticket, "put_back", by=by, counter=None, at_counter=counter, called_at=None, recalls=0, reason=reason
        )


@again_after_deadlock
def transfer(*, counter: Counter, to: Department, by, note: str = "") -> Ticket:
    """Send the member being served on to another department, under the same number; due now, the note goes with it.

    Locks the counter, both queues and the ticket. Raises NotAtCounter, WrongState, DayClosed where that department is
    not in use.
    """
    if not to.is_active:
        raise errors.DayClosed
    with _at_counter(counter, by, to.pk) as ticket:
        if ticket.queue_id == to.pk:
            raise errors.WrongState
        return _change(
            ticket,
            "transfer",
            by=by,
            counter=None,
            at_counter=counter,
            reason=note,
            queue=to,
            due_at=timezone.now(),
            called_at=None,
            recalls=0,
        )


@again_after_deadlock
def resume(*, ticket: Ticket, counter: Counter, by) -> Ticket:
    """Call a ticket that was set aside to a counter again.

    Locks the counter, the queue and the ticket. Raises NotAtCounter, CounterBusy, NotServedHere, WrongState.
    """
    with transaction.atomic():
        _lock_counter(counter, by)
        with _in_queue(ticket) as locked:
            _require_move(locked, "resume")
            if locked.queue_id not in counter.department_ids():
                raise errors.NotServedHere
            _require_free(counter)
            ledger.owe(locked, Kind.YOUR_TURN)
            return _change(locked, "resume", by=by, counter=counter, called_at=timezone.now(), recalls=0)


@again_after_deadlock
def finish_held(*, ticket: Ticket, by) -> Ticket:
    """A ticket that was set aside needs no more. Locks the queue and the ticket. Raises WrongState."""
    with transaction.atomic(), _in_queue(ticket) as locked:
        if locked.state != State.ON_HOLD:
            raise errors.WrongState
        return _change(locked, "finish", by=by)


@again_after_deadlock
def come_back(*, ticket: Ticket, by) -> Ticket:
    """A member who missed the call has come back, and waits again by the department's rule for late arrivals.

    Locks the queue and the ticket. Raises WrongState, NotToday.
    """
    now = timezone.now()
    with transaction.atomic(), _in_queue(ticket) as locked:
        _require_move(locked, "come_back")
        if locked.date != timezone.localdate(now):
            raise errors.NotToday
        return _change(
            locked,
            "come_back",
            by=by,
            counter=None,
            called_at=None,
            recalls=0,
            arrived_at=now,
            due_at=_due_again(locked, locked.queue, now),
        )


@again_after_deadlock
def reopen(*, ticket: Ticket, by) -> Ticket:
    """Staff take back, on the same day, that a ticket was closed as no-show or not-arrived.

    Locks the queue and the ticket. Raises WrongState, NotToday, AlreadyBooked where the member has another by now.
    """
    with transaction.atomic(), _in_queue(ticket) as locked:
        _require_move(locked, "reopen")
        if locked.date != timezone.localdate():
            raise errors.NotToday
        other = Ticket.objects.live().of_day(locked.department_id, locked.date).filter(member=locked.member_id).first()
        if locked.member_id and other:
            raise errors.AlreadyBooked(other)
        return _change(locked, "reopen", by=by)


def close_day(*, department: Department, date, by=None, keeps_reopened: bool = False) -> int:
    """End a day: missed tickets become no-show, booked ones that never arrived not-arrived.

    Of a day before today nothing is left open: who was being served is served, who was called is no-show, who was left
    waiting or set aside is cancelled with that reason. Returns how many tickets changed; run again it finds none.
    `keeps_reopened`: what staff have reopened today is left to them until the day is over.

    Each ticket is a transaction of its own, with the locks of its verb.
    """
    left = Ticket.objects.filter(queue=department, date=date, state__in=MOVES["close_day"])
    is_over = date < timezone.localdate()
    if is_over:
        left = Ticket.objects.filter(queue=department, date=date, state__in=LIVE)
    elif keeps_reopened:
        reopened = TicketEvent.objects.filter(verb="reopen", ticket__queue=department, ticket__date=date)
        left = left.exclude(pk__in=reopened.values("ticket"))
    return sum(_close(ticket=ticket, is_over=is_over, by=by) for ticket in left)


@again_after_deadlock
def _close(*, ticket: Ticket, is_over: bool, by) -> bool:
    with transaction.atomic(), _in_queue(ticket) as locked:
        if is_over and locked.state == State.CALLED:
            _change(locked, "miss", by=by, counter=locked.counter)
        if locked.may("close_day"):
            _change(locked, "close_day", by=by)
        elif is_over and locked.state == State.SERVING:
            _change(locked, "finish", by=by, counter=locked.counter)
        elif is_over and locked.may("cancel"):
            slot = _lock_slot(locked)
            _change(locked, "cancel", by=by, reason="ปิดวันโดยไม่ได้เรียก")
            free_place(locked, slot)
        else:
            return False
        return True


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
    INSERT INTO booking_ticket (public_id, secret_hash, department_id, queue_id, date, number, slot_id, due_at,
                                member_id, state, idempotency_key, issued_at)
    SELECT %(public_id)s, %(secret_hash)s, department_id, department_id, date, number, slot_id, starts_at,
           %(member)s, 'booked', %(key)s, %(now)s
      FROM taken
    RETURNING id, queue_id
), held AS (
    UPDATE booking_place SET ticket_id = new.id FROM taken, new WHERE booking_place.id = taken.id
), owed AS (
    INSERT INTO booking_notice (ticket_id, kind, retry_key, next_try_at, expires_at, created_at)
    SELECT new.id, choice.kind, gen_random_uuid(),
           CASE choice.kind WHEN 'day_before' THEN day_before.at ELSE %(now)s END, taken.starts_at, %(now)s
      FROM new, taken, booking_messagechoice choice,
           LATERAL (SELECT (taken.date - 1 + time '17:00') AT TIME ZONE 'Asia/Bangkok' AS at) day_before
     WHERE %(messages)s AND choice.is_on
       AND (choice.kind = %(notice)s OR (choice.kind = 'day_before' AND day_before.at > %(now)s))
), logged AS (
    INSERT INTO booking_ticketevent (ticket_id, verb, from_state, to_state, queue_id, by_id, reason, at)
    SELECT id, 'book', '', 'booked', queue_id, %(by)s, '', %(now)s FROM new
)
SELECT new.id, taken.number, taken.letter, taken.slug, taken.date, taken.starts_at FROM new, taken
"""
TAKE_FREE_PLACE = TAKE_PLACE.format(skip_locked="SKIP LOCKED")
WAIT_FOR_PLACE = TAKE_PLACE.format(skip_locked="")


def _take_place(*, member_id, slot_id, key, by, now, notice) -> Booking | None:
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
        "messages": ledger.is_on(),
        "notice": notice,
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
    if connection.in_atomic_block:
        # A refusal must not spoil the transaction that this stands in; alone, the statement is its own transaction.
        with transaction.atomic():
            return _execute(sql, values)
    try:
        return _execute(sql, values)
    except OperationalError:
        if connection.connection is None or connection.is_usable():
            raise
        # The kept connection had ended, as when PostgreSQL was started again. Should the statement have been carried
        # out all the same, its key says so.
        connection.close()
        return _execute(sql, values)


def _execute(sql: str, values: dict):
    """Run a prepared statement, without the question that Django asks a kept connection before its first one."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, values, prepare=True).fetchone()


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


def _call(ticket: Ticket, counter: Counter, *, by, reason: str = "") -> None:
    _require_free(counter)
    if ticket.state == State.BOOKED and ticket.queue.uses_check_in:
        raise errors.WrongState
    ledger.owe(ticket, Kind.YOUR_TURN)
    _change(ticket, "call", by=by, counter=counter, reason=reason, called_at=timezone.now(), recalls=0)
    ledger.owe_nearly(ticket.queue)


def _miss(ticket: Ticket, *, counter: Counter, by) -> Ticket:
    ledger.owe(ticket, Kind.MISSED)
    return _change(ticket, "miss", by=by, counter=counter)


def _due_again(ticket: Ticket, department: Department, now):
    return now if department.late_rule == Department.LateRule.AS_WALK_IN else ticket.due_at


def _keep_prediction(ticket: Ticket, now) -> None:
    low, high = waiting.expected_wait(ticket, now=now)
    WaitPrediction.objects.update_or_create(ticket=ticket, defaults={"at": now, "low": low, "high": high})


@contextmanager
def _giving_up_its_place(ticket: Ticket, verb: str, *, by, reason: str):
    """Change a ticket into a state in which it holds no place, do what stands in the block, then free the place.

    The place is freed last, so that nobody waits for it while the block waits for another. Yields the locked ticket.
    """
    is_of_today = ticket.date == timezone.localdate()
    with _in_queue(ticket, locks_queue=is_of_today) as locked:
        _change(locked, verb, by=by, reason=reason)
        yield locked
        free_place(locked, locked.locked_slot)


def free_place(ticket: Ticket, slot: Slot | None) -> None:
    """Put a ticket's place back, or take it away where the slot has more than its quota (it was lowered, or the day was
    closed, after the place was booked). The caller holds the slot's lock. A walk-in has no place."""
    if slot is None:
        return
    places = Place.objects.filter(slot=slot)
    if places.count() > slot.quota:
        places.filter(ticket=ticket).delete()
    else:
        places.filter(ticket=ticket).update(ticket=None)


@contextmanager
def _at_counter(counter: Counter, by, *other_queues: int):
    """One transaction on the ticket that a counter is calling or serving."""
    with transaction.atomic():
        _lock_counter(counter, by)
        ticket = Ticket.objects.at_counter(counter).first()
        if ticket is None:
            raise errors.WrongState
        with _in_queue(ticket, *other_queues) as locked:
            yield locked


def _lock_counter(counter: Counter, by) -> None:
    locked = Counter.objects.select_for_update(no_key=True).get(pk=counter.pk)
    if by is None or locked.clerk_id != by.pk:
        raise errors.NotAtCounter


def _require_free(counter: Counter) -> None:
    busy_with = Ticket.objects.with_details().at_counter(counter).first()
    if busy_with:
        raise errors.CounterBusy(busy_with)


@contextmanager
def _in_queue(ticket: Ticket, *other_queues: int, locks_queue: bool = True):
    """Lock the ticket's queue (and others), its slot and the ticket, in this order. Yields the ticket as it is now."""
    if locks_queue:
        _lock_queues(ticket.queue_id, *other_queues)
        _raise_versions(ticket.queue_id, *other_queues)
    slot = _lock_slot(ticket)
    locked = Ticket.objects.select_for_update(no_key=True, of=["self"]).with_details().get(pk=ticket.pk)
    if locked.queue_id != ticket.queue_id:
        raise errors.WrongState  # it was transferred since it was read: another queue would have to be locked
    locked.locked_slot = slot
    yield locked


def _lock_slot(ticket: Ticket) -> Slot | None:
    return Slot.objects.select_for_update(no_key=True).get(pk=ticket.slot_id) if ticket.slot_id else None


def _lock_queues(*department_ids: int) -> None:
    """Lock the queues of these departments, always in the same order."""
    wanted = set(department_ids)
    rows = QueueVersion.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    if len(rows) < len(wanted):  # a department's first day
        QueueVersion.objects.bulk_create(map(QueueVersion, sorted(wanted)), ignore_conflicts=True)
        list(rows.all())


def _raise_versions(*department_ids: int) -> None:
    """Let the versions of these queues go up, whose locks are held: open pages fetch them anew."""
    QueueVersion.objects.filter(pk__in=department_ids).update(version=F("version") + 1)


def _require_move(ticket: Ticket, verb: str) -> None:
    if not ticket.may(verb):
        raise errors.WrongState


def _change(ticket: Ticket, verb: str, *, by, counter=_KEEP, at_counter=None, reason: str = "", **fields) -> Ticket:
    """Make a move of a locked ticket and write its event. `counter` is where the ticket is now; `at_counter` where it
    happened, when the ticket leaves it. Raises WrongState where the verb has no move from its state."""
    _require_move(ticket, verb)
    from_state, ticket.state = ticket.state, MOVES[verb][ticket.state]
    if counter is not _KEEP:
        fields["counter"] = counter
    for name, value in fields.items():
        setattr(ticket, name, value)
    ticket.save(update_fields=["state", *fields])
    where = at_counter or (counter if counter is not _KEEP else None)
    _write_event(ticket, verb, from_state, by=by, counter=where, reason=reason, at=timezone.now())
    return ticket


def _write_event(ticket: Ticket, verb: str, from_state: str, *, by, at, counter=None, reason: str = "") -> None:
    TicketEvent.objects.create(
        ticket=ticket,
        verb=verb,
        from_state=from_state,
        to_state=ticket.state,
        queue_id=ticket.queue_id,
        counter=counter,
        by=by,
        reason=reason,
        at=at,
    )
