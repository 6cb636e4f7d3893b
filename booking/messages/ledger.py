"""Which messages an event owes a member, what happened to them, and whom to telephone.

A notice is written in the same transaction as the event it tells of; sending.py sends it.
"""

import datetime as dt

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from booking import errors
from booking.calling import order
from booking.messages import kinds
from booking.messages.kinds import KINDS
from booking.models import Department, MessageChoice, Notice, NoticeCall, Ticket
from booking.models.notices import Kind, NoticeQuerySet, NoticeState
from members import line


def is_on() -> bool:
    """Whether the office can send anything at all."""
    return line.is_on() or bool(settings.EMAIL_HOST)


def reaches(ticket: Ticket) -> bool:
    """Whether a ticket's holder is sent the ticket when it is booked: the office sends it, and the member can be
    reached."""
    member = ticket.member
    if member is None or not _is_chosen(Kind.ISSUED):
        return False
    account = getattr(member, "line_account", None)
    by_line = line.is_on() and account is not None and account.can_be_reached
    return by_line or bool(settings.EMAIL_HOST and member.email)


def owe(ticket: Ticket, kind: Kind) -> None:
    """Record that a ticket's holder is owed a message, if the office sends this kind. Runs in the caller's transaction,
    which makes the change and holds the ticket's lock. A message that the holder must get but the office does not send
    goes straight to the telephone list. A ticket without a member gets no message."""
    row = KINDS[kind]
    is_sent = _is_chosen(kind)
    if ticket.member_id is None or not (is_sent or row.is_telephoned):
        return
    # A repeated message is told apart by the number of the ticket's events so far.
    window = f"{ticket.events.count()}" if row.is_repeated else ""
    now = timezone.now()
    left = {} if is_sent else {"state": NoticeState.TO_TELEPHONE, "reason": "not_sent", "ended_at": now}
    Notice.objects.bulk_create(
        [
            Notice(
                ticket=ticket,
                kind=kind,
                window=window,
                next_try_at=now,
                expires_at=now + row.lasts if row.lasts else ticket.due_at,
                created_at=now,
                **left,
            )
        ],
        ignore_conflicts=True,
    )


def owe_next(department: Department, kind: Kind) -> None:
    """Record that those whose turn is near are owed a message, once each."""
    if not _is_chosen(kind):
        return
    for ticket in order.in_calling_order(department)[: department.nearly_when_ahead]:
        owe(ticket, kind)


def to_telephone() -> NoticeQuerySet:
    """The notices whose members have to be telephoned, soonest day first. Notices that are useless by now are left out:
    the day has passed, or the ticket has changed."""
    still_true = Q()
    for row in KINDS.values():
        if row.is_telephoned:
            still_true |= Q(kind=row.kind, ticket__state__in=row.still_true_in)
    found = Notice.objects.to_telephone().filter(still_true, ticket__date__gte=timezone.localdate())
    return found.order_by("ticket__date", "ticket__due_at", "pk")


@transaction.atomic
def called(
    *, notice: Notice, by: User, result: str, again_at: dt.datetime | None = None, note: str = ""
) -> NoticeCall | None:
    """A member of staff telephones the member, or has done so: `result` (NoticeCall.Result). `again_at`: when to call
    again, for CALL_AGAIN.

    Locks the notice. Returns None where nobody has to telephone any more; raises BeingCalled while a colleague does.
    """
    locked = Notice.objects.select_for_update(no_key=True).to_telephone().filter(pk=notice.pk).first()
    if locked is None:
        return None
    now = timezone.now()
    last = locked.calls.select_related("by").last()
    if last and last.by != by and last.is_going_on(now):
        raise errors.BeingCalled(last.by.get_full_name() or last.by.get_username() if last.by else "")
    call = NoticeCall.objects.create(notice=locked, by=by, at=now, result=result, again_at=again_at, note=note)
    if result == NoticeCall.Result.REACHED:
        locked.state, locked.channel, locked.reason, locked.ended_by, locked.ended_at = (
            NoticeState.TELEPHONED,
            "phone",
            "",
            by,
            now,
        )
        locked.save(update_fields=["state", "channel", "reason", "ended_by", "ended_at"])
    return call


def oldest_unsent() -> dt.datetime | None:
    """When the longest waiting message became due, or None if none is due."""
    now = timezone.now()
    due = Notice.objects.owed().filter(Q(next_try_at__lte=now) | Q(tries__gt=0))
    reminders = Q(kind__in=kinds.reminders())
    oldest = due.aggregate(
        told=Min("created_at", filter=~reminders),
        reminder=Min("ticket__date", filter=reminders),
    )
    since = [oldest["told"]] if oldest["told"] else []
    if oldest["reminder"]:
        since.append(kinds.remind_at(oldest["reminder"]))
    return min(since, default=None)


def sync_choices() -> None:
    """Add a row for each kind of message. Runs after each migrate, and keeps the office's choices."""
    MessageChoice.objects.bulk_create([MessageChoice(kind=kind) for kind in Kind], ignore_conflicts=True)


def _is_chosen(kind: Kind) -> bool:
    return is_on() and MessageChoice.objects.filter(kind=kind, is_on=True).exists()
