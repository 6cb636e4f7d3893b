"""Telling members of a place that is offered to them, by LINE or else by e-mail; whom nothing reaches is telephoned.

As with messages about tickets (sending.py), who looks after the member is told in their place, or as well; a message is
claimed in a transaction of its own and always sent under its retry key. It is worth sending only while the offer lasts:
what fails for TELEPHONE_AFTER, has no channel, or is not sent by the office goes on the telephone list.
"""

import datetime as dt
import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking import errors, thai
from booking.messages import cards, channels, ledger
from booking.messages.channels import How, Result
from booking.messages.texts import Said
from booking.models import NoticeCall, OfferMessage, WaitingEntry
from booking.models.notices import OFFER, NoticeState
from members import family
from members.models import Member

# A claim that nobody ended is taken over after so long: longer than LINE and the mail server may take together.
CLAIM = dt.timedelta(seconds=40)
# Of the ten minutes that an offer lasts, somebody needs some to telephone.
TELEPHONE_AFTER = dt.timedelta(minutes=2)
# When it is sent, as staff read it.
WHEN_SENT = gettext_lazy("เมื่อมีคิวว่างให้ผู้รอ ปิดไว้หรือส่งไม่ได้ จะอยู่ในรายชื่อที่ต้องโทรแจ้ง")

log = logging.getLogger(__name__)


def reaches(member: Member) -> bool:
    """Whether an offer is told by a message: the office sends it, and it has a way to the member or to who looks after
    them."""
    if not ledger.is_chosen(OFFER):
        return False
    carers = family.of_member(member).select_related("carer__line_account")
    return ledger.can_reach(member) or any(ledger.can_reach(care.carer) for care in carers)


def owe(entry: WaitingEntry) -> None:
    """Owe the member of an entry the message of its offer, or put them on the telephone list. Runs in the transaction
    that makes the offer and holds the entry's lock. Raises ValueError where nothing is offered."""
    if entry.offered_at is None:
        raise ValueError(f"{entry.pk} has no offer")
    left: dict[str, Any] = {}
    if not reaches(entry.member):
        why = "no_channel" if ledger.is_chosen(OFFER) else "not_sent"
        left = {"state": NoticeState.TO_TELEPHONE, "reason": why, "ended_at": entry.offered_at}
    OfferMessage.objects.create(entry=entry, offered_at=entry.offered_at, next_try_at=entry.offered_at, **left)


def send_owed(*, most: int = 100) -> int:
    """Send what is due, the offers that end soonest first, and drop what is of no use any more. Returns how many were
    claimed. Several workers may run it at once: each claims different ones (SKIP LOCKED)."""
    now = timezone.now()
    over = OfferMessage.objects.owed().exclude(pk__in=OfferMessage.objects.lasting(now).values("pk"))
    over.update(state=NoticeState.DROPPED, reason="moment_passed", ended_at=now)
    for sent in range(most):
        message = _claim()
        if message is None:
            return sent
        try:
            send(message)
        except Exception:  # our own fault in one message must not hold up the others; it is logged with its traceback
            log.exception("offer message %s could not be sent", message.pk)
            _try_again(message, Result(How.LATER, "fault"))
    return most


def send(message: OfferMessage) -> None:
    """Send one claimed message, or end it with the reason why not. After a passing fault it stays owed, and is tried
    again when the claim runs out."""
    if message.carer is None:
        _owe_carers(message, everybody=False)
    elif not _consents(message):
        return _give_up(message, Result(How.NOT_BY_THIS, "consent_ended"))
    why_not = Result(How.NOT_BY_THIS)
    # An offer is short: the next channel is tried at once, even where a fault of this one may pass.
    for channel, send_by in CHANNELS.items():
        result = send_by(message)
        if result.how == How.SENT:
            return _end(message, NoticeState.SENT, channel=channel)
        if result.how == How.LATER or (result.reason and why_not.how != How.LATER):
            why_not = result
    if why_not.how == How.LATER:
        return _try_again(message, why_not)
    return _give_up(message, why_not)


def said(entry: WaitingEntry) -> Said:
    """What the member is told, in the language that is active. By LINE and e-mail it is Thai. Two of its buttons act in
    the chat (line/answers.py). Raises ValueError where nothing is offered."""
    if entry.offered_starts_at is None or entry.offer_ends_at is None:
        raise ValueError(f"{entry.pk} has no offer")
    lines = [
        entry.department.title,
        thai.long_date(entry.date),
        _("เวลา %(time)s") % {"time": thai.clock(entry.offered_starts_at)},
        *([_("เรื่อง %(topic)s") % {"topic": entry.topic.title}] if entry.topic else []),
        _("เก็บไว้ให้ท่านถึง %(time)s หลังจากนั้นจะเสนอให้ผู้รอคนต่อไป และท่านจะออกจากรายการรอ")
        % {"time": thai.until(entry.offer_ends_at)},
    ]
    link = f"{settings.PUBLIC_URL}/wait/{entry.public_id}/#{entry.secret}"
    answers = [(_("รับคิวนี้"), f"offer-take:{entry.public_id}"), (_("ไม่รับคิวนี้"), f"offer-leave:{entry.public_id}")]
    see = [(_("เปิดดูคิวนี้"), link)] if settings.PUBLIC_URL else []
    return Said(_("มีคิวว่างสำหรับท่าน"), lines, answers + see)


def to_telephone() -> list[OfferMessage]:
    """Whom to telephone about an offer that still lasts, the one that ends soonest first."""
    found = OfferMessage.objects.to_telephone().lasting(timezone.now())
    found = found.select_related("entry__department", "entry__member", "entry__topic").prefetch_related("calls__by")
    return list(found.order_by("entry__offer_ends_at", "pk"))


@transaction.atomic
def called(
    *, message: OfferMessage, by: User, result: str, again_at: dt.datetime | None = None, note: str = ""
) -> NoticeCall | None:
    """A member of staff telephones the member about an offer, or has done so; as ledger.called() of a ticket's message.

    Locks the member and the message. Returns None where nobody has to telephone any more: it was told, or the offer is
    over. Raises BeingCalled while a colleague calls the member, CallAgainTooLate where the offer ends before.
    """
    Member.objects.select_for_update(no_key=True).filter(pk=message.entry.member_id).first()
    now = timezone.now()
    found = OfferMessage.objects.to_telephone().lasting(now).select_related("entry")
    locked = found.select_for_update(no_key=True, of=["self"]).filter(pk=message.pk).first()
    if locked is None:
        return None
    ledger.refuse_a_second_caller(locked.entry.member_id, by=by, now=now)
    ends_at = locked.entry.offer_ends_at
    if again_at and ends_at and again_at >= ends_at:
        raise errors.CallAgainTooLate(ends_at)
    call = NoticeCall.objects.create(offer=locked, by=by, at=now, result=result, again_at=again_at, note=note)
    if result == NoticeCall.Result.REACHED:
        _end_as_telephoned(locked, by=by, now=now)
    return call


def answered(entry: WaitingEntry, *, by: User) -> None:
    """A member of staff has the member's answer to the offer: nobody has to telephone. Runs in the transaction of the
    answer, and locks the messages."""
    now = timezone.now()
    found = entry.messages.to_telephone().filter(offered_at=F("entry__offered_at"))
    for message in found.select_for_update(no_key=True, of=["self"]).order_by("pk"):
        NoticeCall.objects.create(offer=message, by=by, at=now, result=NoticeCall.Result.REACHED)
        _end_as_telephoned(message, by=by, now=now)


def _end_as_telephoned(message: OfferMessage, *, by: User, now: dt.datetime) -> None:
    message.state, message.channel, message.reason = NoticeState.TELEPHONED, "phone", ""
    message.ended_by, message.ended_at = by, now
    message.save(update_fields=["state", "channel", "reason", "ended_by", "ended_at"])


def _claim() -> OfferMessage | None:
    now = timezone.now()
    with transaction.atomic():
        due = OfferMessage.objects.owed().lasting(now).filter(next_try_at__lte=now)
        due = due.order_by("entry__offer_ends_at", "pk").select_for_update(skip_locked=True, no_key=True, of=["self"])
        claimed = due.first()
        if claimed is None:
            return None
        OfferMessage.objects.filter(pk=claimed.pk).update(tries=F("tries") + 1, next_try_at=now + CLAIM)
    return OfferMessage.objects.select_related(
        "entry__department", "entry__topic", "entry__member__line_account", "carer__line_account"
    ).get(pk=claimed.pk)


# --- who looks after the member ---


def _owe_carers(message: OfferMessage, *, everybody: bool) -> None:
    """Owe the same to those who look after the member: to who chose to have all; or to everybody, where it reaches the
    member by no channel. Nothing is owed twice."""
    carers = family.of_member(message.entry.member)
    now = timezone.now()
    OfferMessage.objects.bulk_create(
        [
            OfferMessage(entry=message.entry, offered_at=message.offered_at, carer=care.carer, next_try_at=now)
            for care in (carers if everybody else carers.filter(tells_always=True))
        ],
        ignore_conflicts=True,
    )


def _consents(message: OfferMessage) -> bool:
    """Whether the member still lets this carer look after them. Asked right before it is sent."""
    return family.of_member(message.entry.member).filter(carer=message.carer_id).exists()


# --- the channels ---


def _by_line(message: OfferMessage) -> Result:
    return channels.by_line(
        message.carer or message.entry.member,
        lambda: cards.plain(_said_to(message)),
        retry_key=str(message.retry_key),
        about=f"offer message {message.pk}",
    )


def _by_mail(message: OfferMessage) -> Result:
    return channels.by_mail(
        message.carer or message.entry.member,
        lambda: cards.plain_letter(_said_to(message)),
        retry_key=str(message.retry_key),
        about=f"offer message {message.pk}",
    )


def _said_to(message: OfferMessage) -> Said:
    with translation.override("th"):
        what = said(message.entry)
        return what if message.carer is None else cards.for_carer(message.entry.member, what)


# In the order in which they are tried.
CHANNELS = {"line": _by_line, "email": _by_mail}


# --- what becomes of a message ---


def _try_again(message: OfferMessage, result: Result) -> None:
    if timezone.now() >= message.offered_at + TELEPHONE_AFTER:
        return _give_up(message, result)
    _change(message, reason=result.reason, line_status=result.line_status)
    return None


def _give_up(message: OfferMessage, result: Result) -> None:
    """End it unsent, and tell the carers in the member's place. The last of them that is given up goes on the telephone
    list. Locks all messages of the offer."""
    if message.carer is None:
        _owe_carers(message, everybody=True)
    with transaction.atomic():
        same = OfferMessage.objects.filter(entry=message.entry, offered_at=message.offered_at).order_by("pk")
        others = [one for one in same.select_for_update(no_key=True) if one.pk != message.pk]
        if any(one.state != NoticeState.DROPPED for one in others):
            _end(message, NoticeState.DROPPED, reason="another_told", line_status=result.line_status)
        else:
            _end(message, NoticeState.TO_TELEPHONE, reason=result.reason, line_status=result.line_status)


def _end(
    message: OfferMessage, state: NoticeState, *, channel: str = "", reason: str = "", line_status: int | None = None
) -> None:
    _change(message, state=state, channel=channel, reason=reason, line_status=line_status, ended_at=timezone.now())


def _change(message: OfferMessage, **fields: Any) -> None:
    """Only while the claim is ours: a worker so slow that another took over leaves the message to that one."""
    for name, value in fields.items():
        setattr(message, name, value)
    if not OfferMessage.objects.owed().filter(pk=message.pk, tries=message.tries).update(**fields):
        log.warning("offer message %s: taken up by another meanwhile", message.pk)
