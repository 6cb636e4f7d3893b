"""The channels by which a message reaches a member: LINE, and e-mail."""

import logging
import smtplib
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage

from booking.messages.cards import Flex
from members import line
from members.models import Member

log = logging.getLogger(__name__)


class How(Enum):
    SENT = auto()
    LATER = auto()  # a fault that passes
    NOT_BY_THIS = auto()  # the next channel may do


class Result(NamedTuple):
    """What happened to a message on one channel, and why it was not sent, if that is worth telling. `line_status` is
    LINE's answer, if LINE refused it."""

    how: How
    reason: str = ""
    line_status: int | None = None


def by_line(member: Member | None, card: Callable[[], Flex], *, retry_key: str, about: str) -> Result:
    """Push a card to the member's account; with the same retry key LINE takes it once. `about`: what the log calls
    it."""
    account = getattr(member, "line_account", None) if member else None
    if account and not account.can_be_reached:
        return Result(How.NOT_BY_THIS, "unfollowed")
    if not account or not line.is_on():
        return Result(How.NOT_BY_THIS, "no_channel")
    message = card()
    try:
        line.push(user_id=account.user_id, messages=[message], retry_key=retry_key)
    except line.LineFault as fault:
        log.warning("%s: LINE %s", about, fault)
        return _after(fault)
    return Result(How.SENT)


def by_mail(member: Member | None, letter: Callable[[], tuple[str, str]], *, retry_key: str, about: str) -> Result:
    """Send a letter, (subject, body), to the member's address. The retry key is its Message-ID."""
    if not (settings.EMAIL_HOST and member and member.email):
        return Result(How.NOT_BY_THIS)
    subject, body = letter()
    headers = {"Message-ID": f"<{retry_key}@queue.invalid>"}
    try:
        EmailMessage(subject, body, to=[member.email], headers=headers).send()
    except smtplib.SMTPRecipientsRefused:
        return Result(How.NOT_BY_THIS, "mail_refused")
    except OSError as fault:  # smtplib's faults are OSErrors
        log.warning("%s: mail %s", about, type(fault).__name__)
        return Result(How.LATER, "mail_fault")
    return Result(How.SENT)


def _after(fault: line.LineFault) -> Result:
    if fault.permanent:
        return Result(How.NOT_BY_THIS, "line_refused", fault.status)
    if fault.status == 429 and _quota_is_used_up():
        return Result(How.NOT_BY_THIS, "line_quota")
    return Result(How.LATER, "line_refused" if fault.status else "line_silent", fault.status)


def _quota_is_used_up() -> bool:
    """LINE answers 429 both to too many requests and to a used up monthly quota."""
    try:
        quota = line.quota()
    except line.LineFault:
        return False
    return quota.limit is not None and quota.used >= quota.limit
