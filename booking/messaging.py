"""Which messages an event owes a member, and sending them.

A notice is written in the transaction of what it tells of. The worker claims it in a transaction of its own before it
sends, and always sends with the notice's retry key: whatever dies in between, the claim ends and the same message is
tried again, and LINE takes it once. A send that fails never changes a ticket.
"""

import datetime as dt
import logging
from collections.abc import Iterable

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from booking import waiting, words
from booking.models import Department, MessageChoice, Notice, Ticket
from booking.models.notices import TELEPHONED, Kind, NoticeState
from booking.models.tickets import State
from members import line

log = logging.getLogger(__name__)

# How long a message makes sense after what it tells of.
LASTS = {
    Kind.NEARLY: dt.timedelta(minutes=15),
    Kind.YOUR_TURN: dt.timedelta(minutes=5),
    Kind.MISSED: dt.timedelta(hours=2),
    Kind.MOVED: dt.timedelta(days=3),
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
# A claim that nobody has ended is taken up again after so long; also the first wait between tries, which doubles.
CLAIM = dt.timedelta(seconds=30)
LONGEST_WAIT = dt.timedelta(minutes=15)


def is_on() -> bool:
    """Whether the office can send anything at all."""
    return line.is_on() or bool(settings.EMAIL_HOST)


def owe(ticket: Ticket, kind: Kind, *, window: str = "") -> None:
    """Write down that a message is owed to a ticket's holder, where the office sends such; in the caller's transaction,
    which holds what it tells of. Nothing is owed to who has left no name."""
    if ticket.member_id is None or not _is_chosen(kind):
        return
    now = timezone.now()
    Notice.objects.bulk_create(
        [
            Notice(
                ticket=ticket,
                kind=kind,
                window=window,
                next_try_at=now,
                expires_at=now + LASTS[kind],
                created_at=now,
            )
        ],
        ignore_conflicts=True,
    )


def owe_nearly(department: Department) -> None:
    """Tell those whose turn has come near, each once."""
    if not _is_chosen(Kind.NEARLY):
        return
    for ticket in waiting.in_calling_order(department)[: department.nearly_when_ahead]:
        owe(ticket, Kind.NEARLY)


def send_owed(*, most: int = 10) -> int:
    """Send what is due, one message after the other. Returns how many were taken up.

    Several workers may run it at once: each claims other notices (SKIP LOCKED), before anything is sent.
    """
    claimed = _claim(most)
    for notice in claimed:
        send(notice)
    return len(claimed)


def send(notice: Notice) -> None:
    """Send one claimed notice, or end it with the reason why not. A passing fault leaves it owed, to be tried again."""
    ticket = notice.ticket
    if timezone.now() >= notice.expires_at:
        return _give_up(notice, "moment_passed")
    if ticket.state not in STILL_TRUE_IN[notice.kind]:
        return _end(notice, NoticeState.DROPPED, reason="no_longer_true")
    account = getattr(ticket.member, "line_account", None) if ticket.member else None
    if line.is_on() and account and account.can_be_reached:
        return _send_by_line(notice, account)
    if settings.EMAIL_HOST and ticket.member and ticket.member.email:
        return _send_by_email(notice, ticket.member.email)
    return _give_up(notice, "unfollowed" if account else "no_channel")


def telephoned(*, notice: Notice, by) -> bool:
    """A member of staff has told the member by telephone. Returns whether it was still to be done."""
    return bool(
        Notice.objects.to_telephone()
        .filter(pk=notice.pk)
        .update(state=NoticeState.TELEPHONED, channel="phone", reason=f"by {by.pk}", ended_at=timezone.now())
    )


def sync_choices() -> None:
    """A row for each kind of message; runs after each migrate. The office's choices stay."""
    MessageChoice.objects.bulk_create([MessageChoice(kind=kind) for kind in Kind], ignore_conflicts=True)


def _is_chosen(kind: Kind) -> bool:
    return is_on() and MessageChoice.objects.filter(kind=kind, is_on=True).exists()


def _claim(most: int) -> list[Notice]:
    now = timezone.now()
    with transaction.atomic():
        due = Notice.objects.owed().filter(next_try_at__lte=now).order_by("next_try_at")
        keys = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:most])
        Notice.objects.filter(pk__in=keys).update(tries=F("tries") + 1, next_try_at=now + CLAIM)
    return _with_what_is_told(Notice.objects.filter(pk__in=keys))


def _with_what_is_told(notices) -> Iterable[Notice]:
    return list(
        notices.select_related(
            "ticket__department", "ticket__queue", "ticket__slot", "ticket__counter", "ticket__member__line_account"
        ).order_by("pk")
    )


def _send_by_line(notice: Notice, account) -> None:
    try:
        line.push(user_id=account.user_id, messages=[words.card(notice)], retry_key=str(notice.retry_key))
    except line.LineFault as fault:
        log.warning("notice %s: LINE %s", notice.pk, fault)
        if fault.permanent:
            return _give_up(notice, f"line_{fault.status}")
        return _try_again(notice, f"line_{fault.status or 'silent'}")
    return _end(notice, NoticeState.SENT, channel="line")


def _send_by_email(notice: Notice, address: str) -> None:
    subject, body = words.letter(notice)
    message = EmailMultiAlternatives(
        subject, body, to=[address], headers={"Message-ID": f"<{notice.retry_key}@queue.invalid>"}
    )
    try:
        message.send()
    except OSError as fault:  # smtplib's faults are OSErrors
        log.warning("notice %s: mail %s", notice.pk, type(fault).__name__)
        return _try_again(notice, "mail_fault")
    return _end(notice, NoticeState.SENT, channel="email")


def _try_again(notice: Notice, reason: str) -> None:
    wait = min(CLAIM * 2 ** min(notice.tries, 10), LONGEST_WAIT)
    notice.next_try_at = timezone.now() + wait
    notice.reason = reason
    notice.save(update_fields=["next_try_at", "reason"])


def _give_up(notice: Notice, reason: str) -> None:
    needs_telephone = notice.kind in TELEPHONED and notice.ticket.member_id is not None
    _end(notice, NoticeState.TO_TELEPHONE if needs_telephone else NoticeState.DROPPED, reason=reason)


def _end(notice: Notice, state: NoticeState, *, channel: str = "", reason: str = "") -> None:
    notice.state, notice.channel, notice.reason, notice.ended_at = state, channel, reason, timezone.now()
    notice.save(update_fields=["state", "channel", "reason", "ended_at"])
