"""Sending owed messages, by LINE or else by e-mail.

Before it sends, the worker claims the notice in a transaction of its own, and it always sends with the notice's retry
key. If anything dies in between, the claim runs out and the same message is tried again; LINE accepts it only once. A
failed send never changes a ticket.
"""

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from booking.messages import cards, channels
from booking.messages.channels import How, Result
from booking.messages.kinds import KINDS
from booking.models import Notice
from booking.models.notices import NoticeState
from booking.models.tickets import State
from members import family
from members.models import Member
from office.settings import office

log = logging.getLogger(__name__)

# A claim that nobody ended is taken over after so long: longer than LINE and the mail server may take together.
CLAIM = dt.timedelta(seconds=40)
# The first wait between tries (it doubles each time), and the longest.
FIRST_WAIT = dt.timedelta(seconds=5)
LONGEST_WAIT = dt.timedelta(minutes=15)
# A message that must reach the member goes to the telephone list after failing for so long.
TELEPHONE_AFTER = dt.timedelta(hours=2)
# Whoever booked and cancelled gets no card for booking again so soon.
CANCELLED_LATELY = dt.timedelta(minutes=10)


def send_owed(*, most: int = 10) -> int:
    """Send what is due, one message after the other, most urgent first. Returns how many were claimed.

    Several workers may run it at once: each claims different notices (SKIP LOCKED), one at a time.
    """
    for sent in range(most):
        notice = _claim()
        if notice is None:
            return sent
        try:
            send(notice)
        except Exception:  # our own fault in one message must not hold up the others; it is logged with its traceback
            log.exception("notice %s could not be sent", notice.pk)
            _try_again(notice, "fault")
    return most


def send(notice: Notice) -> None:
    """Send one claimed notice, or end it with the reason why not. After a passing fault it stays owed and is tried
    again."""
    if timezone.now() >= notice.expires_at:
        return _give_up(notice, "moment_passed")
    if notice.ticket.state not in KINDS[notice.kind].still_true_in or _is_superseded(notice):
        return _end(notice, NoticeState.DROPPED, reason="no_longer_true")
    if KINDS[notice.kind].is_limited and (why := _why_not_another_card(notice)):
        return _end(notice, NoticeState.DROPPED, reason=why)
    if notice.carer_id is None:
        _owe_carers(notice, everybody=False)
    elif not _consents(notice):
        return _end(notice, NoticeState.DROPPED, reason="consent_ended")
    why_not = Result(How.NOT_BY_THIS)
    for channel, send_by in CHANNELS.items():
        result = send_by(notice)
        if result.how == How.SENT:
            return _end(notice, NoticeState.SENT, channel=channel)
        if result.how == How.LATER:
            return _try_again(notice, result.reason, line_status=result.line_status)
        why_not = result if result.reason else why_not
    if notice.carer_id is None:
        _owe_carers(notice, everybody=True)
    return _give_up(notice, why_not.reason, line_status=why_not.line_status)


def _claim() -> Notice | None:
    """Claim the due notice with the least time left. Nobody else takes it before the claim runs out."""
    now = timezone.now()
    with transaction.atomic():
        due = Notice.objects.owed().filter(next_try_at__lte=now).order_by("expires_at", "pk")
        claimed = due.select_for_update(skip_locked=True).first()
        if claimed is None:
            return None
        Notice.objects.filter(pk=claimed.pk).update(tries=F("tries") + 1, next_try_at=now + CLAIM)
    return Notice.objects.select_related(
        "ticket__department",
        "ticket__queue",
        "ticket__slot",
        "ticket__counter",
        "ticket__member__line_account",
        "carer__line_account",
    ).get(pk=claimed.pk)


def _is_superseded(notice: Notice) -> bool:
    """Whether a later message of the same kind replaces this one: after a second call, the first one's message is
    useless."""
    later = Notice.objects.filter(ticket=notice.ticket_id, kind=notice.kind, carer=notice.carer_id, pk__gt=notice.pk)
    return KINDS[notice.kind].is_repeated and later.exists()


def _why_not_another_card(notice: Notice) -> str:
    """Cards of a member's own bookings and moves are not to be a nuisance, whoever makes them: so many a day, and none
    for a booking that follows another which has just been cancelled. "" where the card may be sent."""
    sent = Notice.objects.filter(
        kind=notice.kind,
        carer=notice.carer_id,
        state=NoticeState.SENT,
        ticket__member=notice.ticket.member_id,
        ticket__member__isnull=False,
    )
    now = timezone.now()
    if sent.filter(ended_at__gt=now - dt.timedelta(days=1)).count() >= office.cards_of_day:
        return "too_many"
    cancelled = sent.filter(ended_at__gt=now - CANCELLED_LATELY, ticket__state=State.CANCELLED, ticket__moved_to=None)
    return "just_cancelled" if cancelled.exists() else ""


# --- who looks after the member ---


def _owe_carers(notice: Notice, *, everybody: bool) -> None:
    """Owe the same message to those who look after the member: to who chose to have all; or to everybody, where it
    reaches the member by no channel. Nothing is owed twice."""
    if notice.ticket.member is None:
        return
    carers = family.of_member(notice.ticket.member)
    now = timezone.now()
    Notice.objects.bulk_create(
        [
            Notice(
                ticket=notice.ticket,
                kind=notice.kind,
                window=f"{notice.window} {care.pk}",
                carer=care.carer,
                next_try_at=now,
                expires_at=notice.expires_at,
                created_at=notice.created_at,
            )
            for care in (carers if everybody else carers.filter(tells_always=True))
        ],
        ignore_conflicts=True,
    )


def _consents(notice: Notice) -> bool:
    """Whether the member still lets this carer look after them. Asked right before it is sent."""
    member = notice.ticket.member
    return member is not None and family.of_member(member).filter(carer=notice.carer_id).exists()


def _recipient(notice: Notice) -> Member | None:
    return notice.carer or notice.ticket.member


# --- the channels ---


def _by_line(notice: Notice) -> Result:
    return channels.by_line(
        _recipient(notice),
        lambda: cards.card(notice, **_facts(notice)),
        retry_key=str(notice.retry_key),
        about=f"notice {notice.pk}",
    )


def _by_mail(notice: Notice) -> Result:
    return channels.by_mail(
        _recipient(notice),
        lambda: cards.letter(notice, **_facts(notice)),
        retry_key=str(notice.retry_key),
        about=f"notice {notice.pk}",
    )


def _facts(notice: Notice) -> dict[str, Any]:
    """What a message needs to know besides the ticket, at the moment of sending."""
    return KINDS[notice.kind].facts(notice.ticket)


# In the order in which they are tried.
CHANNELS = {"line": _by_line, "email": _by_mail}


# --- what becomes of a notice ---


def _try_again(notice: Notice, reason: str, *, line_status: int | None = None) -> None:
    now = timezone.now()
    if KINDS[notice.kind].is_telephoned and now >= notice.created_at + TELEPHONE_AFTER:
        return _give_up(notice, reason, line_status=line_status)
    wait = min(FIRST_WAIT * 2 ** min(notice.tries - 1, 10), LONGEST_WAIT)
    # One more try after it has expired, to end it with that reason.
    next_try_at = min(now + wait, max(notice.expires_at, now))
    _change(notice, next_try_at=next_try_at, reason=reason, line_status=line_status)
    return None


def _give_up(notice: Notice, reason: str, *, line_status: int | None = None) -> None:
    """End it unsent. Where somebody has to be told by telephone, it goes on that list, unless the member or a carer has
    been told of the same, or is still to be: the last of them that is given up goes there. Locks all of these."""
    needs_telephone = KINDS[notice.kind].is_telephoned and notice.ticket.member_id is not None
    with transaction.atomic():
        same = Notice.objects.filter(ticket=notice.ticket_id, kind=notice.kind).order_by("pk").select_for_update()
        told = [
            one
            for one in same
            if one.pk != notice.pk and _event(one) == _event(notice) and one.state != NoticeState.DROPPED
        ]
        if told and needs_telephone:
            _end(notice, NoticeState.DROPPED, reason="another_told", line_status=line_status)
        else:
            state = NoticeState.TO_TELEPHONE if needs_telephone else NoticeState.DROPPED
            _end(notice, state, reason=reason, line_status=line_status)


def _event(notice: Notice) -> str:
    """What of the ticket's it tells: the same for the member and for all carers."""
    return notice.window.partition(" ")[0]


def _end(
    notice: Notice, state: NoticeState, *, channel: str = "", reason: str = "", line_status: int | None = None
) -> None:
    _change(notice, state=state, channel=channel, reason=reason, line_status=line_status, ended_at=timezone.now())


def _change(notice: Notice, **fields: Any) -> None:
    """Only while the claim is ours: a worker so slow that another took over leaves the notice to that one."""
    for name, value in fields.items():
        setattr(notice, name, value)
    if not Notice.objects.owed().filter(pk=notice.pk, tries=notice.tries).update(**fields):
        log.warning("notice %s: taken up by another meanwhile", notice.pk)
