"""Which messages an event owes a member, what happened to them, and whom to telephone.

A notice is written in the same transaction as the event it tells of; sending.py sends it.
"""

import datetime as dt

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from booking import errors
from booking.calling import order
from booking.messages import kinds
from booking.messages.kinds import KINDS
from booking.models import Department, MessageChoice, Notice, NoticeCall, Ticket
from booking.models.notices import CALLING_LASTS, MESSAGES, Kind, NoticeQuerySet, NoticeState
from members import line
from members.models import Member

# The window of a card that its holder asked for.
ASKED_FOR = "asked"


def is_on() -> bool:
    """Whether the office can send anything at all."""
    return line.is_on() or bool(settings.EMAIL_HOST)


def reaches(ticket: Ticket) -> bool:
    """Whether a ticket's holder is sent the ticket when it is booked: the office sends it, and the member can be
    reached."""
    return ticket.member is not None and is_chosen(kinds.OF_THE_TICKET) and can_reach(ticket.member)


def can_reach(member: Member) -> bool:
    """Whether a message has a way to this member: LINE or e-mail."""
    account = getattr(member, "line_account", None)
    by_line = line.is_on() and account is not None and account.can_be_reached
    return by_line or bool(settings.EMAIL_HOST and member.email)


def send_card(*, ticket: Ticket) -> None:
    """Owe the holder of a booked ticket its card because they asked for it, also where the office sends none by itself.
    Asked for twice, it is owed once."""
    now = timezone.now()
    card = Notice(ticket=ticket, kind=kinds.OF_THE_TICKET, window=ASKED_FOR, next_try_at=now, created_at=now)
    card.expires_at = ticket.due_at
    Notice.objects.bulk_create([card], ignore_conflicts=True)


def has_card(ticket: Ticket) -> bool:
    """Whether a message with the ticket on it is on its way to the holder, or has arrived."""
    cards = ticket.notices.filter(kind__in=kinds.WITH_THE_TICKET)
    return cards.filter(state__in=[NoticeState.OWED, NoticeState.SENT]).exists()


@transaction.atomic
def told(*, ticket: Ticket, by: User) -> None:
    """Who asked for a change of the ticket, there or on the telephone, has been told of it: nobody has to telephone.
    Messages that can be sent are sent all the same. Locks the notices."""
    telephoned = [row.kind for row in KINDS.values() if row.is_telephoned]
    found = Notice.objects.select_for_update(no_key=True).filter(ticket=ticket, kind__in=telephoned)
    left = [NoticeState.TO_TELEPHONE]
    if ticket.member is None or not can_reach(ticket.member):
        left.append(NoticeState.OWED)
    now = timezone.now()
    for notice in found.filter(state__in=left).order_by("pk"):
        NoticeCall.objects.create(notice=notice, by=by, at=now, result=NoticeCall.Result.REACHED)
        _end_as_telephoned(notice, by=by, now=now)


def owe(ticket: Ticket, kind: Kind) -> None:
    """Record that a ticket's holder is owed a message, if the office sends this kind. Runs in the caller's transaction,
    which makes the change and holds the ticket's lock. A message that the holder must get but the office does not send
    goes straight to the telephone list. A ticket without a member gets no message."""
    row = KINDS[kind]
    is_sent = is_chosen(kind)
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
    if not is_chosen(kind):
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

    Locks the member and the notice: a member of whom several messages tell is called by one. Returns None where nobody
    has to telephone any more; raises BeingCalled while a colleague does.
    """
    if notice.ticket.member_id:
        Member.objects.select_for_update(no_key=True).filter(pk=notice.ticket.member_id).first()
    locked = Notice.objects.select_for_update(no_key=True).to_telephone().filter(pk=notice.pk).first()
    if locked is None:
        return None
    now = timezone.now()
    if locked.ticket.member_id:
        refuse_a_second_caller(locked.ticket.member_id, by=by, now=now)
    call = NoticeCall.objects.create(notice=locked, by=by, at=now, result=result, again_at=again_at, note=note)
    if result == NoticeCall.Result.REACHED:
        _end_as_telephoned(locked, by=by, now=now)
    return call


def refuse_a_second_caller(member_id: int, *, by: User, now: dt.datetime) -> None:
    """Raises BeingCalled while a colleague telephones the member, about whatever they still have to be told: a ticket
    or an offer. The caller holds the member's lock."""
    of_member = Q(notice__ticket__member=member_id) | Q(offer__entry__member=member_id)
    last = _calls().filter(of_member).select_related("by").order_by("pk").last()
    if last and last.by != by and last.is_going_on(now):
        raise errors.BeingCalled(last.by.get_full_name() or last.by.get_username() if last.by else "")


def callers(now: dt.datetime) -> dict[int | None, User | None]:
    """Who is calling which member at this moment, by the member's id. One query."""
    lately = _calls().filter(at__gt=now - CALLING_LASTS).select_related("by", "notice__ticket", "offer__entry")
    last = {call.member_id: call for call in lately.order_by("pk")}
    return {member: call.by for member, call in last.items() if call.is_going_on(now)}


def _calls() -> QuerySet[NoticeCall]:
    """About what somebody still has to be told."""
    to_tell = NoticeState.TO_TELEPHONE
    return NoticeCall.objects.filter(Q(notice__state=to_tell) | Q(offer__state=to_tell))


def _end_as_telephoned(notice: Notice, *, by: User, now: dt.datetime) -> None:
    notice.state, notice.channel, notice.reason = NoticeState.TELEPHONED, "phone", ""
    notice.ended_by, notice.ended_at = by, now
    notice.save(update_fields=["state", "channel", "reason", "ended_by", "ended_at"])


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
    MessageChoice.objects.bulk_create([MessageChoice(kind=kind) for kind, _label in MESSAGES], ignore_conflicts=True)


def is_chosen(kind: str) -> bool:
    """Whether the office sends this message at all."""
    return is_on() and MessageChoice.objects.filter(kind=kind, is_on=True).exists()
