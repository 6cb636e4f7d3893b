"""The day ends: open tickets are closed, tickets closed too early are reopened, and old tickets are unlinked from their
members."""

import datetime as dt
from typing import NamedTuple

from django.contrib.auth.models import User
from django.utils import timezone

from booking import errors
from booking.models import Department, Notice, Ticket, TicketEvent, WaitingEntry
from booking.models.tickets import LIVE, MOVES, Cause, State, hash_of
from booking.verbs import locks, moves
from booking.verbs.places import free_places

# What a ticket has no longer, once it is unlinked from its member.
FORGOTTEN = dict.fromkeys(
    ["member", "idempotency_key", "identity_mark", "origin_address", "origin_network", "origin_device"]
)


class Unlinked(NamedTuple):
    """How many tickets lost their members, and how much went with that."""

    tickets: int
    waited: int
    told: int


def close_day(*, department: Department, date: dt.date, by: User | None = None, keeps_reopened: bool = False) -> int:
    """End a day: missed tickets become no-show, booked ones that never arrived not-arrived.

    A day before today is closed completely: a ticket being served becomes served, a called one no-show, and one still
    waiting or on hold is cancelled with that reason. Returns how many tickets changed; a second run finds none.
    `keeps_reopened`: leave the tickets alone that staff have reopened today, until the day is over.

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


@locks.verb
def reopen(*, ticket: Ticket, by: User) -> Ticket:
    """Staff reopen, on the same day, a ticket that was closed as no-show or not-arrived.

    Locks the queue, the ticket and the member. Raises WrongState, NotToday, AlreadyBooked if the member has another
    one by now.
    """
    locked = locks.lock_ticket(ticket)
    moves.require_move(locked, "reopen")
    if locked.date != timezone.localdate():
        raise errors.NotToday
    moves.require_no_other_ticket(member_id=locked.member_id, department_id=locked.department_id, date=locked.date)
    return moves.change(locked, "reopen", by=by)


def unlink_members(*, before: dt.date) -> Unlinked:
    """Unlink the tickets of days before `before` from their members and from where they were booked. What was sent to
    who looks after them goes with it, and who waited for those days. Returns how many; a second run finds none."""
    waited = WaitingEntry.objects.filter(date__lt=before).delete()[1]
    told = Notice.objects.filter(ticket__date__lt=before, carer__isnull=False).delete()[1]
    return Unlinked(
        tickets=Ticket.objects.filter(date__lt=before).exclude(**FORGOTTEN).update(**FORGOTTEN),
        waited=waited.get(WaitingEntry._meta.label, 0),
        told=told.get(Notice._meta.label, 0),
    )


def issue_secrets_anew(*, using: str = "default") -> int:
    """Give each live ticket whose secret no key in use makes one that SECRET_KEY makes: links of before end. Returns
    how many. For a database that nobody uses yet: takes no locks, writes no events."""
    changed = []
    for ticket in Ticket.objects.using(using).live().only("public_id", "secret_hash").iterator(chunk_size=2000):
        secret_hash = hash_of(ticket.secret)
        if secret_hash != ticket.secret_hash:
            ticket.secret_hash = secret_hash
            changed.append(ticket)
    Ticket.objects.using(using).bulk_update(changed, ["secret_hash"], batch_size=1000)
    return len(changed)


@locks.verb
def _close(*, ticket: Ticket, is_over: bool, by: User | None) -> bool:
    locked = locks.lock_ticket(ticket)
    if is_over and locked.state == State.CALLED:
        moves.change(locked, "miss", by=by, counter=locked.counter)
    if locked.may("close_day"):
        moves.change(locked, "close_day", by=by)
    elif is_over and locked.state == State.SERVING:
        moves.change(locked, "finish", by=by, counter=locked.counter)
    elif is_over and locked.may("cancel"):
        slots = locks.lock_slots(locked)
        moves.change(locked, "cancel", by=by, cause=Cause.DAY_OVER)
        free_places(locked, slots)
    else:
        return False
    return True
