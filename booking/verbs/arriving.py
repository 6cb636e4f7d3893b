"""The member has come: check in, walk in, come back after a missed call."""

import secrets

from django.contrib.auth.models import User
from django.db.models import Max
from django.utils import timezone

from booking import errors
from booking.calling import times
from booking.days import serving
from booking.models import Department, Ticket, WaitPrediction
from booking.models.tickets import FIRST_WALK_IN_NUMBER, State, hash_of, secret_of
from booking.verbs import locks, moves


@locks.verb
def check_in(*, ticket: Ticket, by: User | None = None, present: bool = False) -> Ticket:
    """The member has arrived: a ticket booked for today now waits to be called. The department's rule decides when a
    late member is due.

    `present`: the member has scanned the changing QR code in the office. Staff who check somebody in see the member
    for themselves. Locks the queue and the ticket. Raises WrongState, NotToday, TooEarly, PresenceNeeded.
    """
    now = timezone.now()
    locked = locks.lock_ticket(ticket)
    moves.require_move(locked, "check_in")
    department = locked.department
    if locked.date != timezone.localdate(now):
        raise errors.NotToday
    if not by and now < times.check_in_opens_at(locked):
        raise errors.TooEarly
    if not by and not present and department.check_in_needs_presence:
        raise errors.PresenceNeeded
    is_late = times.is_late(department, locked.due_at, came_at=now)
    moves.change(
        locked,
        "check_in",
        by=by,
        arrived_at=now,
        due_at=moves.due_again(locked, department, now) if is_late else locked.due_at,
    )
    moves.keep_prediction(locked, now)
    return locked


@locks.verb
def undo_check_in(*, ticket: Ticket, by: User) -> Ticket:
    """Staff take back a check-in made by mistake. Locks the queue and the ticket. Raises WrongState."""
    locked = locks.lock_ticket(ticket)
    if locked.slot is None or locked.queue_id != locked.department_id:
        raise errors.WrongState
    moves.change(locked, "undo_check_in", by=by, arrived_at=None, due_at=locked.slot.starts_at)
    WaitPrediction.objects.filter(ticket=locked).delete()
    return locked


@locks.verb
def walk_in(
    *,
    department: Department,
    by: User | None,
    member_id: int | None = None,
    priority: str = "",
    reason: str = "",
    key: str | None = None,
) -> Ticket:
    """Issue a ticket to somebody who comes without one. It waits at once, under the next number from 501 up.

    `reason` says why a `priority` class was given. `key` names the request: the same key always gives the same ticket,
    whatever has happened to it since. Locks the queue and the member. Raises DayClosed if the department does not open
    today, WalkInsClosed outside the hours for walk-ins, AlreadyBooked if the member has a live ticket of this
    department today, NotRegistered where the member is gone, IdempotencyKeyReused.
    """
    now = timezone.now()
    today = timezone.localdate(now)
    public_id = secrets.token_urlsafe(16)
    locks.lock_queues(department.pk)
    locks.raise_versions(department.pk)
    issued = Ticket.objects.with_details().filter(idempotency_key=key).first() if key else None
    if issued:
        wanted = (department.pk, None, member_id, priority)
        if (issued.department_id, issued.slot_id, issued.member_id, issued.priority) != wanted:
            raise errors.IdempotencyKeyReused
        return issued
    # Read last: the day may have been closed while this waited for the queue.
    periods = serving.serving_periods(today).get(department.pk)
    if not periods:
        raise errors.DayClosed
    opens_at, closes_at = serving.walk_in_hours(department, periods)
    if not opens_at <= now < closes_at:
        raise errors.WalkInsClosed(opens_at, closes_at)
    moves.require_no_other_ticket(member_id=member_id, department_id=department.pk, date=today)
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
    moves.write_event(ticket, "walk_in", "", by=by, reason=reason, at=now)
    moves.keep_prediction(ticket, now)
    return ticket


@locks.verb
def come_back(*, ticket: Ticket, by: User | None) -> Ticket:
    """A member who missed the call is back, and waits again under the department's rule for late arrivals.

    Locks the queue and the ticket. Raises WrongState, NotToday.
    """
    now = timezone.now()
    locked = locks.lock_ticket(ticket)
    moves.require_move(locked, "come_back")
    if locked.date != timezone.localdate(now):
        raise errors.NotToday
    return moves.change(
        locked,
        "come_back",
        by=by,
        counter=None,
        called_at=None,
        recalls=0,
        arrived_at=now,
        due_at=moves.due_again(locked, locked.queue, now),
    )
