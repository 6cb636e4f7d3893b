"""From a number that somebody typed to a member, and to the signed token that carries the member for 15 minutes."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from members.citizen_id import citizen_id_hmac, parse_citizen_id, parse_member_number
from members.errors import IdentityExpired, NotRegistered
from members.models import Member
from members.phones import phone_proves
from members.throttle import count_attempt

PROOFS = ("none", "phone_last4")
IDENTITY_LASTS = timedelta(minutes=15)
IDENTITY_SALT = "members.identity"


@sensitive_variables("citizen_id", "member_number", "proof", "value")
def identify(
    *,
    citizen_id: str = "",
    member_number: str = "",
    proof: str = "",
    device: str = "",
    address: str,
    asks: str = "",
) -> Member:
    """The registered member with this citizen ID or member number; where both are given, the ID, as the more exact.

    `proof` is what `asks` (one of PROOFS; settings.MEMBER_PROOF where it is not given) asks for besides; `device`
    names the browser ("" before it has a cookie), `address` comes from throttle.client_address().

    Raises InvalidCitizenId or InvalidMemberNumber before anything is counted or looked up; TooManyAttempts; and
    NotRegistered alike for an unknown number, a member who is not registered in i-member, and a wrong proof.
    Counts the try first (throttle.count_attempt says what it locks, and why not inside a transaction).
    """
    field, value = _wanted(citizen_id, member_number)
    count_attempt(identifier=f"{field}:{value}", device=device, address=address)
    member = Member.objects.filter(**{field: value}, is_registered=True).first()
    if not _proven(member, proof, asks or settings.MEMBER_PROOF):
        raise NotRegistered
    return member


@sensitive_variables("citizen_id", "member_number", "proof")
def registration_status(
    *, citizen_id: str = "", member_number: str = "", proof: str = "", device: str = "", address: str
) -> bool:
    """Whether identify() would find this member. Counts, and raises, as it does; False in place of NotRegistered."""
    try:
        identify(citizen_id=citizen_id, member_number=member_number, proof=proof, device=device, address=address)
    except NotRegistered:
        return False
    return True


def issue_identity(member: Member) -> tuple[str, datetime]:
    """A signed token that names the member, and when it ends."""
    return signing.dumps(member.pk, salt=IDENTITY_SALT), timezone.now() + IDENTITY_LASTS


def member_id_of(token: str) -> int:
    """The member's id in a token of issue_identity(). Raises IdentityExpired when it has ended or was not ours."""
    try:
        return signing.loads(token, salt=IDENTITY_SALT, max_age=IDENTITY_LASTS)
    except (signing.BadSignature, UnicodeEncodeError):
        raise IdentityExpired from None


def _wanted(citizen_id: str, member_number: str) -> tuple[str, str]:
    if citizen_id or not member_number:
        return "citizen_id_hmac", citizen_id_hmac(parse_citizen_id(citizen_id))
    return "member_number", parse_member_number(member_number)


def _proven(member: Member | None, proof: str, asks: str) -> bool:
    match asks:
        case "none":
            return member is not None
        case "phone_last4":
            return phone_proves(member.phone if member else "", proof)
    raise ImproperlyConfigured("MEMBER_PROOF")
