"""The locks that verbs take, always in one order: counter, queue, slot, ticket, waiting entry, member,
place.

A department's queue is locked by its `QueueVersion` row. One order, so that verbs do not deadlock each other.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import psycopg
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.db.models import F, Q

from booking import errors, prepared
from booking.models import Counter, Place, QueueVersion, Slot, Ticket
from members.models import Member

P = ParamSpec("P")
T = TypeVar("T")


def verb(function: Callable[P, T]) -> Callable[P, T]:
    """Run a verb as one transaction. If PostgreSQL rolls it back to break a deadlock, run it again."""

    @wraps(function)
    def repeated(*none: P.args, **arguments: P.kwargs) -> T:
        for last in (False, False, True):
            try:
                with transaction.atomic():
                    return function(*none, **arguments)
            except OperationalError as fault:
                deadlock = isinstance(fault.__cause__, psycopg.errors.DeadlockDetected)
                if last or not deadlock or connection.in_atomic_block:
                    raise
        raise AssertionError("unreachable")

    return repeated


def lock_counter(counter: Counter, by: User | None) -> None:
    """Raises NotAtCounter unless `by` sits there."""
    found = prepared.first_row(LOCK_COUNTER, {"counter": counter.pk})
    if found is None:
        raise Counter.DoesNotExist
    if by is None or found != (by.pk,):
        raise errors.NotAtCounter


LOCK_COUNTER = "SELECT clerk_id FROM booking_counter WHERE id = %(counter)s FOR NO KEY UPDATE"


def lock_queues(*department_ids: int) -> None:
    """Lock the queues of these departments, always in the same order."""
    wanted = set(department_ids)
    rows = QueueVersion.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk")
    if len(rows) < len(wanted):  # a department's first day
        QueueVersion.objects.bulk_create(map(QueueVersion, sorted(wanted)), ignore_conflicts=True)
        list(rows.all())


def lock_queues_served_at(counter: Counter) -> list[int]:
    """Lock the queues of the departments that the counter serves, and return their ids in the counter's order. The
    caller holds the counter's lock, so what it serves stays as it is."""
    locked = prepared.rows(LOCK_QUEUES_SERVED, {"counter": counter.pk})
    department_ids: list[int] = locked[0][0] if locked else []
    if locked and len(locked) == len(department_ids):
        return department_ids
    department_ids = counter.department_ids()
    lock_queues(*department_ids)  # a department's first day
    return department_ids


LOCK_QUEUES_SERVED = """
SELECT ARRAY(SELECT department_id FROM booking_counterdepartment
              WHERE counter_id = %(counter)s ORDER BY position, id)
  FROM booking_queueversion
 WHERE department_id IN (SELECT department_id FROM booking_counterdepartment WHERE counter_id = %(counter)s)
 ORDER BY department_id
   FOR NO KEY UPDATE
"""


def raise_versions(*department_ids: int) -> None:
    """Raise the versions of these queues, so that open pages fetch them again. The caller holds their locks."""
    QueueVersion.objects.filter(pk__in=department_ids).update(version=F("version") + 1)


def lock_member(member_id: int) -> None:
    """Raises NotRegistered where the member is gone: merged with another, or forgotten."""
    if Member.objects.select_for_update(no_key=True).filter(pk=member_id).first() is None:
        raise errors.NotRegistered


def lock_slots(ticket: Ticket) -> list[Slot]:
    """The slots in which the ticket holds a place, locked in the order of their ids; none for a walk-in."""
    if ticket.slot_id is None:
        return []
    wanted = Q(pk=ticket.slot_id)
    if ticket.parts > 1:
        wanted |= Q(pk__in=Place.objects.filter(ticket=ticket.pk).values("slot"))
    return list(Slot.objects.select_for_update(no_key=True).filter(wanted).order_by("pk"))


def lock_ticket_and_slots(ticket: Ticket, *other_queues: int, locks_queue: bool = True) -> tuple[Ticket, list[Slot]]:
    """Lock the ticket's queue (and others), its slots and the ticket, and raise the queues' versions. Returns the
    ticket and its slots as they are now.

    Raises WrongState if the ticket was transferred after it was read: it would need another queue's lock.
    """
    if locks_queue:
        lock_queues(ticket.queue_id, *other_queues)
        raise_versions(ticket.queue_id, *other_queues)
    slots = lock_slots(ticket)
    locked = Ticket.objects.select_for_update(no_key=True, of=["self"]).with_details().get(pk=ticket.pk)
    if locked.queue_id != ticket.queue_id:
        raise errors.WrongState
    return locked, slots


def lock_ticket(ticket: Ticket, *other_queues: int) -> Ticket:
    """Like lock_ticket_and_slots, for verbs that do not touch the ticket's places."""
    return lock_ticket_and_slots(ticket, *other_queues)[0]


def lock_ticket_at(counter: Counter, by: User | None, *other_queues: int) -> Ticket:
    """Lock the counter, then lock the ticket that it is calling or serving, like lock_ticket.

    Raises NotAtCounter, and WrongState if the counter has no ticket.
    """
    lock_counter(counter, by)
    ticket = Ticket.objects.at_counter(counter).first()
    if ticket is None:
        raise errors.WrongState
    return lock_ticket(ticket, *other_queues)
