"""Codes: eight digits that prove, once and within 15 minutes, who somebody is. A clerk hands one to a member who stands
at the counter or has answered the telephone at the number that the office has; or it is sent to the member's own LINE
account or e-mail address."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from members.citizen_id import ascii_digits
from members.errors import CodeNeeded, WrongCode
from members.models import LinkingCode, Member
from members.throttle import forget_proofs

CODE_LASTS = timedelta(minutes=15)
CODE_DIGITS = 8


def issue_code(*, member: Member, by: User | None, code: str = "") -> str:
    """A new code for a member, which ends earlier ones of its kind: `by` a clerk, or None for one that is sent (then
    `code` may be one of code_of()). Only its HMAC is stored, so it can be read only here."""
    code = code or f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    now = timezone.now()
    with transaction.atomic():
        earlier = LinkingCode.objects.filter(member=member, used_at=None, expires_at__gt=now)
        # Who asks for one to be sent must not end the one that a clerk has just handed out.
        earlier.filter(issued_by__isnull=by is None).update(expires_at=now)
        LinkingCode.objects.create(
            member=member, code_hmac=_code_hmac(member, code), issued_by=by, expires_at=now + CODE_LASTS
        )
        if by is not None:
            forget_proofs(member.pk, "code")
    return code


def code_of(member: Member, key: str) -> str:
    """The code that a job with this key sends to a member: the same each time it is tried. Nobody makes it without
    CITIZEN_ID_KEY."""
    made = salted_hmac("members.sent_code", f"{member.pk}:{key}", secret=settings.CITIZEN_ID_KEY, algorithm="sha256")
    return f"{int(made.hexdigest(), 16) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


@sensitive_variables("code")
def is_valid(member: Member, code: str) -> bool:
    """Whether this code would prove the member now."""
    return _valid(member).filter(code_hmac=_code_hmac(member, code)).exists()


@sensitive_variables("code")
def use_code(member: Member, code: str, *, counted: str) -> None:
    """Use up a member's code. `counted`: what throttle.count_proof_or_code() has said of this try; as "code" a clerk's
    alone is right. Raises CodeNeeded if none was typed, WrongCode unless it is a valid one."""
    if not code:
        raise CodeNeeded
    right = _valid(member).filter(code_hmac=_code_hmac(member, ascii_digits(code)))
    if counted != "proof":
        right = right.exclude(issued_by=None)
    if not counted or not right.update(used_at=timezone.now()):
        raise WrongCode


def _valid(member: Member) -> QuerySet[LinkingCode]:
    return LinkingCode.objects.filter(member=member, used_at=None, expires_at__gt=timezone.now())


def _code_hmac(member: Member, code: str) -> str:
    return salted_hmac(
        "members.line_code", f"{member.pk}:{code}", secret=settings.CITIZEN_ID_KEY, algorithm="sha256"
    ).hexdigest()
