"""Finds the member for a number that somebody typed, and makes the identity that books one ticket for that member."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from members import directory
from members.citizen_id import citizen_id_hmac, parse_citizen_id, parse_member_number
from members.codes import use_code
from members.errors import DirectorySilent, IdentityExpired, NotRegistered, WrongCode
from members.models import Member
from members.nobody import nobody
from members.numbers import significant
from members.phones import phone_proves
from members.throttle import count_attempt, count_miss, count_proof_or_code, give_back, give_back_proof

PROOFS = ("none", "phone_last4")
IDENTITY_LASTS = timedelta(minutes=15)
IDENTITY_SALT = "members.identity"


class Found(NamedTuple):
    """A member, the kind of number that found them, and what proved that they are asking: "", "phone" or "code"."""

    member: Member
    by: str
    proved_by: str


@sensitive_variables()
def identify(**asked: str) -> Member:
    """The member whom look_up() finds."""
    return look_up(**asked).member


@sensitive_variables("citizen_id", "member_number", "proof", "wanted")
def look_up(
    *,
    citizen_id: str = "",
    member_number: str = "",
    proof: str = "",
    device: str = "",
    address: str,
    asks: str = "",
) -> Found:
    """The registered member with this citizen ID or member number; if both are given, the ID decides, being more exact.
    Leading zeros of a member number may be missing if that leaves one member (Member.objects.with_number()).

    `proof` is the last four digits of the member's telephone number, or a clerk's code, which is used up. A proof that
    is given must be right; `asks` (one of PROOFS, or "code"; by default settings.MEMBER_PROOF) says whether one must be
    given. `device` names the browser ("" before it has a cookie), `address` comes from throttle.client_address().

    Raises InvalidCitizenId or InvalidMemberNumber before anything is counted or looked up; TooManyAttempts;
    NotRegistered alike for an unknown number, a member who is not registered in i-member, and a wrong proof; and while
    i-member is silent DirectorySilent in its place.
    Counts the try first (throttle.count_attempt says what it locks, and why not inside a transaction).
    """
    wanted = _wanted(citizen_id, member_number)
    field = next(iter(wanted))
    count_attempt(identifier=_counted_as(field, wanted[field]), device=device, address=address)
    try:
        member = directory.find(**wanted)
        proved_by = _proved_by(member or nobody(wanted[field]), proof, asks or settings.MEMBER_PROOF)
        if member is None:
            raise NotRegistered
        return Found(member, field, proved_by)
    except NotRegistered:
        count_miss(address)
        if directory.silent_since():
            raise DirectorySilent from None
        raise


def name_confirmed(identity: "Identity") -> None:
    """The person found has confirmed the name: that look-up no longer counts against the number. So nobody who knows a
    member's number can lock the member out by booking with it."""
    if not identity.found_by:
        return
    member = Member.objects.only(identity.found_by).filter(pk=identity.member_id).first()
    if member:
        give_back(identifier=_counted_as(identity.found_by, getattr(member, identity.found_by)))


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


@dataclass(frozen=True)
class Identity:
    """Who somebody says they are. It books one ticket, which keeps `mark`, so that there is no second.

    `proved_by`: "" if only a number was given; else "phone", "code", "line", "password", or "family" where who is
    signed in looks after the member. No proof is asked for again.
    `found_by`: the kind of number that was typed.
    `mark` is None for somebody signed in by LINE: that account books as often as the member's limits allow.
    """

    member_id: int
    mark: str | None = None
    proved_by: str = ""
    found_by: str = ""


def issue_identity(member: Member, *, proved_by: str = "", found_by: str = "") -> tuple[str, datetime]:
    """A signed token for one booking, and when it ends."""
    kept = [member.pk, secrets.token_urlsafe(16), proved_by, found_by]
    return signing.dumps(kept, salt=IDENTITY_SALT), timezone.now() + IDENTITY_LASTS


def read_identity(token: str) -> Identity:
    """The identity in a token of issue_identity(). Raises IdentityExpired if it has ended or is not ours."""
    try:
        kept = _signer(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).unsign_object(token, max_age=IDENTITY_LASTS)
    except (signing.BadSignature, UnicodeEncodeError):
        raise IdentityExpired from None
    if not isinstance(kept, list):  # issued before an identity was good for one booking only
        raise IdentityExpired
    member_id, nonce, proved_by, found_by = kept
    # The nonce has 128 random bits, so a plain hash is enough.
    return Identity(member_id, hashlib.sha256(nonce.encode()).hexdigest()[:32], proved_by, found_by)


@lru_cache(maxsize=2)
def _signer(key: str, *fallbacks: str) -> signing.TimestampSigner:
    """What signing.dumps() and loads() make anew each time."""
    return signing.TimestampSigner(key=key, salt=IDENTITY_SALT, fallback_keys=list(fallbacks))


def _counted_as(field: str, value: str) -> str:
    """The name under which tries are counted. A member's number has one, however many zeros are typed."""
    return f"{field}:{significant(value) if field == 'member_number' else value}"


@sensitive_variables("citizen_id", "digits")
def _wanted(citizen_id: str, member_number: str) -> dict[str, str]:
    """The arguments of directory.find(). Tries are counted by the first."""
    if citizen_id or not member_number:
        digits = parse_citizen_id(citizen_id)
        return {"citizen_id_hmac": citizen_id_hmac(digits), "citizen_id": digits}
    return {"member_number": parse_member_number(member_number)}


@sensitive_variables("proof")
def _proved_by(member: Member, proof: str, asks: str) -> str:
    """What the proof is. Raises NotRegistered if it is wrong, or if it is asked for and missing.

    The try is counted before the proof is compared, so that simultaneous tries count too.
    """
    if asks not in (*PROOFS, "code"):
        raise ImproperlyConfigured("MEMBER_PROOF")
    if not proof:
        if asks == "none":
            return ""
        raise NotRegistered
    counted = count_proof_or_code(member.pk)
    is_phone = counted == "proof" and asks != "code" and phone_proves(member.phone, proof)
    if not is_phone and not _is_code(member, proof, counted):
        raise NotRegistered
    give_back_proof(member.pk, counted)
    return "phone" if is_phone else "code"


@sensitive_variables("proof")
def _is_code(member: Member, proof: str, counted: str) -> bool:
    try:
        use_code(member, proof, counted=counted)
    except WrongCode:
        return False
    return True
