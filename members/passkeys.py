"""Passkeys: a member signs in with the finger, the face or the lock of the telephone, and types nothing.

What is kept is a public key, which opens nothing. The challenge stands in a signed cookie of the browser that asked for
it, and counts once, within five minutes. The browser ties a passkey to our own address: PUBLIC_URL names it.
"""

import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import webauthn
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django_q.tasks import async_task
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from members import accounts
from members.errors import TooManyPasskeys, WrongPasskey
from members.models import Member, MemberSession, Passkey, UsedChallenge
from members.throttle import count_attempt, count_miss, give_back
from office.settings import office

CHALLENGE_LASTS = timedelta(minutes=5)
MOST = 10  # of one member
LONGEST_ANSWER = 20_000


def is_on() -> bool:
    """Whether members sign in here, and browsers know by which address: https, or this very machine."""
    where = urlsplit(settings.PUBLIC_URL)
    return accounts.is_on() and bool(where.hostname) and (where.scheme == "https" or where.hostname == "localhost")


# --- a new one ---


def begin_registering(member: Member) -> tuple[str, bytes]:
    """What the browser is asked to make, as JSON, and the challenge in it."""
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name=office.name,
        user_id=_handle(member),
        user_name=member.full_name,
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id)) for one in member.passkeys.all()
        ],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return webauthn.options_to_json(options), options.challenge


def register(*, member: Member, answer: str, challenge: bytes, name: str) -> Passkey:
    """Keep the passkey that the browser has made, and tell the member. Raises WrongPasskey, TooManyPasskeys."""
    _use_up(challenge)
    try:
        made = webauthn.verify_registration_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=_rp_id(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError) as wrong:
        raise WrongPasskey from wrong
    with transaction.atomic():
        Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        if member.passkeys.count() >= MOST:
            raise TooManyPasskeys
        try:
            with transaction.atomic():
                passkey = Passkey.objects.create(
                    member=member,
                    credential_id=bytes_to_base64url(made.credential_id),
                    public_key=made.credential_public_key,
                    sign_count=made.sign_count,
                    name=name or _("พาสคีย์"),
                    made_at=timezone.now(),
                )
        except IntegrityError as taken:
            raise WrongPasskey from taken
        async_task("members.accounts.tell_of_passkey", member.pk, str(uuid.uuid4()), get_language())
    return passkey


def remove(*, member: Member, passkey_id: int) -> bool:
    """Forget one of the member's own. False where it is none of theirs."""
    return bool(Passkey.objects.filter(member=member, pk=passkey_id).delete()[0])


# --- signing in ---


def begin_signing_in() -> tuple[str, bytes]:
    """What the browser is asked, as JSON, and the challenge in it. Nobody is named: the passkey says who it is."""
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(), user_verification=UserVerificationRequirement.REQUIRED
    )
    return webauthn.options_to_json(options), options.challenge


def sign_in(*, answer: str, challenge: bytes, device: str, address: str, agent: str) -> tuple[MemberSession, str]:
    """Begin a session by a passkey, as a password does. Counts the try first, like those of passwords.

    Locks the passkey's row. Raises TooManyAttempts; WrongPasskey alike for one that is unknown, removed or another's, a
    challenge that is old, used or another browser's, another address, and a counter that runs back (a copied passkey).
    """
    credential = _read(answer)
    counted_as = f"passkey:{str(credential.get('id', ''))[:200]} {address}"
    count_attempt(identifier=counted_as, device=device, address=address)
    try:
        member = _proved(credential, challenge)
    except WrongPasskey:
        count_miss(address)
        raise
    give_back(identifier=counted_as)
    return accounts.begin(member, agent)


def _proved(credential: dict[str, Any], challenge: bytes) -> Member:
    _use_up(challenge)
    with transaction.atomic():
        found = (
            Passkey.objects.select_for_update(of=["self"])
            .select_related("member")
            .filter(credential_id=str(credential.get("id", "")), member__left_at=None)
            .first()
        )
        if found is None or not _is_handle_of(found.member, credential):
            raise WrongPasskey
        try:
            proof = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=_rp_id(),
                expected_origin=_origin(),
                credential_public_key=bytes(found.public_key),
                credential_current_sign_count=found.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError) as wrong:
            raise WrongPasskey from wrong
        found.sign_count, found.used_at = proof.new_sign_count, timezone.now()
        found.save(update_fields=["sign_count", "used_at"])
    return found.member


def _is_handle_of(member: Member, credential: dict[str, Any]) -> bool:
    response = credential.get("response")
    sent = response.get("userHandle") if isinstance(response, dict) else None
    return sent == bytes_to_base64url(_handle(member))


# --- challenges ---


def _use_up(challenge: bytes) -> None:
    """Let a challenge count once. Raises WrongPasskey where there is none, or it has counted."""
    if not challenge:
        raise WrongPasskey
    try:
        with transaction.atomic():
            UsedChallenge.objects.create(
                challenge_hash=hashlib.sha256(challenge).hexdigest(), ends_at=timezone.now() + CHALLENGE_LASTS
            )
    except IntegrityError as used:
        raise WrongPasskey from used


def forget_challenges() -> int:
    """Delete the used challenges whose cookie has ended by now. Returns how many."""
    return UsedChallenge.objects.filter(ends_at__lt=timezone.now()).delete()[0]


# --- small things ---


def _read(answer: str) -> dict[str, Any]:
    try:
        read = json.loads(answer)
    except ValueError as wrong:
        raise WrongPasskey from wrong
    if not isinstance(read, dict):
        raise WrongPasskey
    return read


def _handle(member: Member) -> bytes:
    """What a passkey calls its member: nothing that anybody else knows them by."""
    return salted_hmac("members.passkeys", str(member.pk), algorithm="sha256").digest()


def _rp_id() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def _origin() -> str:
    where = urlsplit(settings.PUBLIC_URL)
    return f"{where.scheme}://{where.netloc}".lower()
