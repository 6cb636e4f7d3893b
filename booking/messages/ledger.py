"""Which messages an event owes a member, and sending them.

A notice is written in the transaction of what it tells of. The worker claims it in a transaction of its own before it
sends, and always sends with the notice's retry key: whatever dies in between, the claim ends and the same message is
tried again, and LINE takes it once. A send that fails never changes a ticket.
"""

import datetime as dt
import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Min, Q
from django.utils import timezone

from booking.calling import order, waits
from booking.messages import texts
from booking.models import Department, MessageChoice, Notice, Ticket
from booking.models.notices import TELEPHONED, Kind, NoticeState
from booking.models.tickets import State
from members import line

log = logging.getLogger(__name__)

# How long a message makes sense after what it tells of; a move of the ticket until its new time.
LASTS = {
    Kind.NEARLY: dt.timedelta(minutes=15),
    Kind.YOUR_TURN: dt.timedelta(minutes=5),
    Kind.MISSED: dt.timedelta(hours=2),
    Kind.CANCELLED: dt.timedelta(days=3),
}
# A message is of no use any more once its ticket has left these states.
STILL_TRUE_IN = {
    Kind.ISSUED: [State.BOOKED],
    Kind.DAY_BEFORE: [State.BOOKED],
    Kind.NEARLY: [State.WAITING, State.BOOKED],
    Kind.YOUR_TURN: [State.CALLED],
    Kind.MISSED: [State.MISSED],
    Kind.MOVED: [State.BOOKED],
    Kind.CANCELLED: [State.CANCELLED],
}
# Of these a ticket may be owed several.
REPEATED = [Kind.YOUR_TURN, Kind.MISSED]
# A claim that nobody has ended is taken up again after so long: longer than LINE and the mail server may take together.
CLAIM = dt.timedelta(seconds=40)
# The first wait between tries, which doubles, and the longest.
FIRST_WAIT = dt.timedelta(seconds=5)
LONGEST_WAIT = dt.timedelta(minutes=15)
# What has to reach the member is left to the telephone once it has failed for so long.
TELEPHONE_AFTER = dt.timedelta(hours=2)


def is_on() -> bool:
    """Whether the office can send anything at all."""
    return line.is_on() or bool(settings.EMAIL_HOST)


def owe(ticket: Ticket, kind: Kind) -> None:
    """Write down that a message is owed to a ticket's holder, where the office sends such; in the caller's transaction,
    which holds what it tells of and the ticket's lock. What the holder has to know and the office does not send is left
    to the telephone at once. Nothing is owed to who has left no name."""
    is_sent = _is_chosen(kind)
    if ticket.member_id is None or not (is_sent or kind in TELEPHONED):
        return
    # Which of several: they are told apart by how much had happened to the ticket before.
    window = f"{ticket.events.count()}" if kind in REPEATED else ""
    now = timezone.now()
    left = {} if is_sent else {"state": NoticeState.TO_TELEPHONE, "reason": "not_sent", "ended_at": now}
    Notice.objects.bulk_create(
        [
            Notice(
                ticket=ticket,
                kind=kind,
                window=window,
                next_try_at=now,
                expires_at=ticket.due_at if kind == Kind.MOVED else now + LASTS[kind],
                created_at=now,
                **left,
            )
        ],
        ignore_conflicts=True,
    )


def owe_nearly(department: Department) -> None:
    """Tell those whose turn has come near, each once."""
    if not _is_chosen(Kind.NEARLY):
        return
    for ticket in order.in_calling_order(department)[: department.nearly_when_ahead]:
        owe(ticket, Kind.NEARLY)


def send_owed(*, most: int = 10) -> int:
    """Send what is due, one message after the other, the most urgent first. Returns how many were taken up.

    Several workers may run it at once: each claims other notices (SKIP LOCKED), one before each sending.
    """
    for sent in range(most):
        notice = _claim()
        if notice is None:
            return sent
        try:
            send(notice)
        except Exception:  # a fault of ours in one message must not hold up the others; the log says it loudly
            log.exception("notice %s could not be sent", notice.pk)
            _try_again(notice, "fault")
    return most


def send(notice: Notice) -> None:
    """Send one claimed notice, or end it with the reason why not. A passing fault leaves it owed, to be tried again."""
    ticket = notice.ticket
    if timezone.now() >= notice.expires_at:
        return _give_up(notice, "moment_passed")
    if ticket.state not in STILL_TRUE_IN[notice.kind] or _is_superseded(notice):
        return _end(notice, NoticeState.DROPPED, reason="no_longer_true")
    account = getattr(ticket.member, "line_account", None) if ticket.member else None
    why_not = "unfollowed" if account and not account.can_be_reached else "no_channel"
    if line.is_on() and account and account.can_be_reached:
        try:
            line.push(
                user_id=account.user_id,
                messages=[texts.card(notice, **_facts(notice))],
                retry_key=str(notice.retry_key),
            )
        except line.LineFault as fault:
            log.warning("notice %s: LINE %s", notice.pk, fault)
            if fault.permanent:
                why_not = f"line_{fault.status}"
            elif fault.status == 429 and _quota_is_used_up():
                why_not = "line_quota"
            else:
                return _try_again(notice, f"line_{fault.status or 'silent'}")
        else:
            return _end(notice, NoticeState.SENT, channel="line")
    if settings.EMAIL_HOST and ticket.member and ticket.member.email:
        try:
            _mail(notice, ticket.member.email)
        except smtplib.SMTPRecipientsRefused:
            why_not = "mail_refused"
        except OSError as fault:  # smtplib's faults are OSErrors
            log.warning("notice %s: mail %s", notice.pk, type(fault).__name__)
            return _try_again(notice, "mail_fault")
        else:
            return _end(notice, NoticeState.SENT, channel="email")
    return _give_up(notice, why_not)


def to_telephone():
    """The notices whose members have to be told by telephone, soonest day first; without those that are of no use any
    more, since the day has passed or the ticket has changed."""
    still_true = Q()
    for kind in TELEPHONED:
        still_true |= Q(kind=kind, ticket__state__in=STILL_TRUE_IN[kind])
    found = Notice.objects.to_telephone().filter(still_true, ticket__date__gte=timezone.localdate())
    return found.order_by("ticket__date", "ticket__due_at", "pk")


def telephoned(*, notice: Notice, by) -> bool:
    """A member of staff has told the member by telephone. Returns whether it was still to be done."""
    return bool(
        Notice.objects.to_telephone()
        .filter(pk=notice.pk)
        .update(state=NoticeState.TELEPHONED, channel="phone", reason=f"by {by.pk}", ended_at=timezone.now())
    )


def oldest_unsent() -> dt.datetime | None:
    """Since when the message has been due that has waited longest; None where none is due."""
    now = timezone.now()
    due = Notice.objects.owed().filter(Q(next_try_at__lte=now) | Q(tries__gt=0))
    reminders = Q(kind=Kind.DAY_BEFORE)
    oldest = due.aggregate(
        told=Min("created_at", filter=~reminders),
        reminder=Min("ticket__date", filter=reminders),
    )
    since = [oldest["told"]] if oldest["told"] else []
    if oldest["reminder"]:
        since.append(reminder_at(oldest["reminder"]))
    return min(since, default=None)


def reminder_at(date: dt.date) -> dt.datetime:
    """When a ticket of this date is reminded of: at 17.00 on the day before (verbs/places.py says the same)."""
    return timezone.make_aware(dt.datetime.combine(date - dt.timedelta(days=1), dt.time(17)))


def sync_choices() -> None:
    """A row for each kind of message; runs after each migrate. The office's choices stay."""
    MessageChoice.objects.bulk_create([MessageChoice(kind=kind) for kind in Kind], ignore_conflicts=True)


def _is_chosen(kind: Kind) -> bool:
    return is_on() and MessageChoice.objects.filter(kind=kind, is_on=True).exists()


def _claim() -> Notice | None:
    """The due notice with the least time left; nobody else takes it up before the claim has ended."""
    now = timezone.now()
    with transaction.atomic():
        due = Notice.objects.owed().filter(next_try_at__lte=now).order_by("expires_at", "pk")
        claimed = due.select_for_update(skip_locked=True).first()
        if claimed is None:
            return None
        Notice.objects.filter(pk=claimed.pk).update(tries=F("tries") + 1, next_try_at=now + CLAIM)
    return Notice.objects.select_related(
        "ticket__department", "ticket__queue", "ticket__slot", "ticket__counter", "ticket__member__line_account"
    ).get(pk=claimed.pk)


def _is_superseded(notice: Notice) -> bool:
    """Whether a later message of its kind was owed: the second call makes the first one's message pointless."""
    later = Notice.objects.filter(ticket=notice.ticket_id, kind=notice.kind, pk__gt=notice.pk)
    return notice.kind in REPEATED and later.exists()


def _quota_is_used_up() -> bool:
    """LINE answers 429 both to who is too fast and to who has used up the month's messages."""
    try:
        quota = line.quota()
    except line.LineFault:
        return False
    return quota.limit is not None and quota.used >= quota.limit


def _facts(notice: Notice) -> dict:
    """What the words of a message need to know besides the ticket, as it is at the moment of sending."""
    return {"ahead": waits.ahead(notice.ticket)} if notice.kind == Kind.NEARLY else {}


def _mail(notice: Notice, address: str) -> None:
    subject, body = texts.letter(notice, **_facts(notice))
    headers = {"Message-ID": f"<{notice.retry_key}@queue.invalid>"}
    EmailMessage(subject, body, to=[address], headers=headers).send()


def _try_again(notice: Notice, reason: str) -> None:
    now = timezone.now()
    if notice.kind in TELEPHONED and now >= notice.created_at + TELEPHONE_AFTER:
        return _give_up(notice, reason)
    wait = min(FIRST_WAIT * 2 ** min(notice.tries - 1, 10), LONGEST_WAIT)
    # Once more when its moment has passed, to say so.
    _change(notice, next_try_at=min(now + wait, max(notice.expires_at, now)), reason=reason)
    return None


def _give_up(notice: Notice, reason: str) -> None:
    needs_telephone = notice.kind in TELEPHONED and notice.ticket.member_id is not None
    _end(notice, NoticeState.TO_TELEPHONE if needs_telephone else NoticeState.DROPPED, reason=reason)


def _end(notice: Notice, state: NoticeState, *, channel: str = "", reason: str = "") -> None:
    _change(notice, state=state, channel=channel, reason=reason, ended_at=timezone.now())


def _change(notice: Notice, **fields) -> None:
    """Only while the claim is ours: whoever was so slow that another took the notice up leaves it to the other."""
    for name, value in fields.items():
        setattr(notice, name, value)
    if not Notice.objects.owed().filter(pk=notice.pk, tries=notice.tries).update(**fields):
        log.warning("notice %s: taken up by another meanwhile", notice.pk)
