"""i-member of our own, for an office that has none: a member signs in with number and password, on any device.

The two numbers on a member's papers (member number, citizen ID) never set a password, nor does anything else that
stands on an identity card: whoever knows both gets a code sent to the LINE account or the e-mail address that the
member has given before, or goes to a clerk. What a page says is the same whether there is such a member or not.
"""

import hashlib
import logging
import secrets
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import hashers
from django.contrib.auth.password_validation import get_password_validators, validate_password
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task

from members import directory
from members.citizen_id import citizen_id_hmacs, parse_citizen_id, parse_member_number
from members.codes import code_of, is_valid, issue_code, use_code
from members.errors import CodeNeeded, NotSignedIn, WeakPassword, WrongPassword
from members.models import LinkingCode, Member, MemberAccount, MemberSession, Passkey
from members.nobody import nobody
from members.numbers import significant
from members.reaching import in_words, of_office, send, ways
from members.throttle import (
    count_attempt,
    count_miss,
    count_proof,
    count_proof_or_code,
    forget_proofs,
    give_back,
    give_back_proof,
)
from office.settings import office

log = logging.getLogger(__name__)

SESSION_LASTS = timedelta(days=30)  # without a visit
SEEN_EVERY = timedelta(hours=1)
CODES_AN_HOUR = 3  # sent to one member


def is_on() -> bool:
    """Whether members sign in here: i-member's members are in our own table, and the office names no other place."""
    return settings.OWN_IMEMBER and not directory.is_elsewhere() and not office.login_url


# --- signing in ---


@sensitive_variables("password")
def sign_in(*, member_number: str, password: str, device: str, address: str, agent: str) -> tuple[MemberSession, str]:
    """Begin a session, and the token that the device holds from now on. `agent` is what the browser calls itself.

    Raises InvalidMemberNumber; TooManyAttempts; WrongPassword alike for an unknown number, a member without a password,
    and a wrong one. Counts the try first: by number and address together, so that nobody far away locks a member out;
    and the wrong ones of a member from wherever.
    """
    number = parse_member_number(member_number)
    counted_as = f"sign_in:{significant(number)} {address}"
    count_attempt(identifier=counted_as, device=device, address=address)
    account = MemberAccount.objects.select_related("member").filter(member=_there_with(number)).first()
    is_counted = count_proof(account.pk if account else nobody(number).pk, "password")
    # Where there is no password one is compared all the same: the answer takes as long.
    is_right = hashers.check_password(password, account.password if account else _no_password())
    if account is None or not is_counted or not is_right:
        count_miss(address)
        raise WrongPassword
    give_back(identifier=counted_as)
    give_back_proof(account.pk, "password")
    if hashers.identify_hasher(account.password).must_update(account.password):
        MemberAccount.objects.filter(pk=account.pk).update(password=hashers.make_password(password))
    return begin(account.member, agent)


def session_of(token: str) -> MemberSession | None:
    """The session whose token this is; None where it has ended. Writes once an hour that it is in use."""
    found = MemberSession.objects.select_related("member").filter(token_hash=_hash(token)).first()
    now = timezone.now()
    if found is None or found.seen_at < now - SESSION_LASTS or found.member.left_at:
        return None
    if found.seen_at < now - SEEN_EVERY:
        MemberSession.objects.filter(pk=found.pk).update(seen_at=now)
    return found


def end(*, member: Member, session_id: int | None = None) -> int:
    """Sign a member out of one device; or of all, those that LINE signed in too. Returns how many sessions ended."""
    sessions = MemberSession.objects.filter(member=member)
    if session_id is not None:
        return sessions.filter(pk=session_id).delete()[0]
    _end_by_line(member)
    return sessions.delete()[0]


def _end_by_line(member: Member) -> None:
    """Sign a member out wherever LINE signed them in: those devices alone know that they are."""
    Member.objects.filter(pk=member.pk).update(sign_outs=F("sign_outs") + 1)


def forget_ended() -> int:
    """Delete the sessions that nobody has used for their time. Returns how many."""
    return MemberSession.objects.filter(seen_at__lt=timezone.now() - SESSION_LASTS).delete()[0]


def begin(member: Member, agent: str) -> tuple[MemberSession, str]:
    """A session for a member who has proved to be it, and the token that the device holds from now on."""
    token, now = secrets.token_urlsafe(32), timezone.now()
    session = MemberSession.objects.create(
        member=member, token_hash=_hash(token), device=device_name(agent), began_at=now, seen_at=now
    )
    return session, token


# --- a new password ---


class Claim(NamedTuple):
    """Both numbers that somebody typed; the citizen ID as its HMACs, under the keys in use."""

    member_number: str
    citizen_id_hmacs: list[str]

    def member(self) -> Member | None:
        """The member whose numbers these are."""
        found = _there_with(self.member_number)
        return found if found and found.citizen_id_hmac in self.citizen_id_hmacs else None


@sensitive_variables("citizen_id", "digits")
def ask_code(*, member_number: str, citizen_id: str, device: str, address: str) -> Claim:
    """Somebody who types both numbers wants to set a password: have a code sent, where the member can be reached. What
    is returned, and how long it takes, does not depend on whether there is such a member.

    Raises InvalidMemberNumber, InvalidCitizenId, TooManyAttempts."""
    number, digits = parse_member_number(member_number), parse_citizen_id(citizen_id)
    count_attempt(identifier=f"member_number:{significant(number)}", device=device, address=address)
    claim = Claim(number, citizen_id_hmacs(digits))
    member = claim.member()
    count_miss(address, is_miss=member is None)
    # A job in either case. No code and no address is in its arguments.
    async_task("members.accounts.send_code", member.pk if member else 0, str(uuid.uuid4()), translation.get_language())
    return claim


def send_code(member_id: int, key: str, language: str = "th") -> None:
    """The job that sends a code to a member, by LINE or else by e-mail; nothing where there is neither, or enough have
    been sent. `language`: the page's. Raises LineFault to be tried again: `key` makes the same code, and LINE takes it
    once."""
    member = Member.objects.filter(pk=member_id, left_at=None).first()
    if member is None or not ways(member):
        return
    code = code_of(member, key)
    if not is_valid(member, code):
        since = timezone.now() - timedelta(hours=1)
        if LinkingCode.objects.filter(member=member, issued_by=None, issued_at__gt=since).count() >= CODES_AN_HOUR:
            return
        issue_code(member=member, by=None, code=code)

    def say() -> tuple[str, str]:
        text = _("รหัส %s ใช้ตั้งรหัสผ่านบัตรคิวออนไลน์ ภายใน 15 นาที อย่าบอกผู้อื่น หากท่านไม่ได้ขอ ไม่ต้องทำอะไร") % code
        return _("รหัสตั้งรหัสผ่าน"), text

    subject, text = in_words(say, language)
    send(member, subject=subject, text=text, key=key)


@sensitive_variables("code", "password")
def set_password(
    *, claim: Claim, code: str, password: str, device: str, address: str, agent: str
) -> tuple[MemberSession, str]:
    """Set the password of the member of a claim, whom a code proves; every device is signed out but this one, which is
    signed in, and passkeys end: whoever asks for a code may have lost a telephone. Who has a password is registered in
    i-member from then on. Tells the member.

    Raises WeakPassword before the code is used up; CodeNeeded, WrongCode (also where there is no such member);
    TooManyAttempts."""
    counted_as = f"code:{significant(claim.member_number)} {address}"
    count_attempt(identifier=counted_as, device=device, address=address)
    # Nothing that is asked before the code may depend on the member: it would tell whether the numbers are right.
    if not code:
        raise CodeNeeded
    _require_strong(password, None)
    member = claim.member() or nobody(claim.member_number)
    counted = count_proof_or_code(member.pk)
    try:
        begun = _set_by_code(member, code, counted, password, agent)
    except WeakPassword:
        give_back_proof(member.pk, counted)  # the code was right, and is not used up
        raise
    give_back_proof(member.pk, counted)
    return begun


@sensitive_variables("code", "password")
@transaction.atomic
def _set_by_code(member: Member, code: str, counted: str, password: str, agent: str) -> tuple[MemberSession, str]:
    use_code(member, code, counted=counted)
    _require_strong(password, member)
    _set(member, password)
    if not member.is_registered:
        member.is_registered = True
        member._change_reason = _("สมัครไอเมมเบอร์เอง")  # type: ignore[attr-defined]  # of simple_history
        member.save(update_fields=["is_registered"])
    end(member=member)
    Passkey.objects.filter(member=member).delete()
    return begin(member, agent)


@sensitive_variables("old", "password")
def change_password(*, session: MemberSession, old: str, password: str) -> None:
    """Set another password, by who knows the one of now; every other device is signed out. Tells the member. Raises
    WrongPassword, WeakPassword, NotSignedIn where there is none yet."""
    account = MemberAccount.objects.filter(member=session.member).first()
    if account is None:
        raise NotSignedIn
    if not count_proof(account.pk, "password") or not hashers.check_password(old, account.password):
        raise WrongPassword
    give_back_proof(account.pk, "password")
    _require_strong(password, session.member)
    with transaction.atomic():
        _set(session.member, password)
        MemberSession.objects.filter(member=session.member).exclude(pk=session.pk).delete()
        _end_by_line(session.member)


def _set(member: Member, password: str) -> None:
    MemberAccount.objects.update_or_create(
        member=member, defaults={"password": hashers.make_password(password), "set_at": timezone.now()}
    )
    forget_proofs(member.pk, "password")  # those were guesses at the one before
    async_task("members.accounts.tell_of_password", member.pk, str(uuid.uuid4()), translation.get_language())


def tell_of_password(member_id: int, key: str, language: str = "th") -> None:
    """The job that tells a member of a new password. `language`: the page's. Raises LineFault to be tried again: by
    `key` LINE takes it once."""
    _tell(member_id, key, language, _of_password)


def tell_of_passkey(member_id: int, key: str, language: str = "th") -> None:
    """The job that tells a member of a new passkey, as tell_of_password() does."""
    _tell(member_id, key, language, _of_passkey)


def _tell(member_id: int, key: str, language: str, say: Callable[[], tuple[str, str]]) -> None:
    member = Member.objects.filter(pk=member_id).first()
    if member is None or not ways(member):
        return
    subject, text = in_words(say, language)
    send(member, subject=subject, text=text, key=key)


def _of_password() -> tuple[str, str]:
    text = _("ตั้งรหัสผ่านบัตรคิวออนไลน์ใหม่แล้ว หากท่านไม่ได้ทำ กรุณาติดต่อสหกรณ์ทันที")
    return _("ตั้งรหัสผ่านใหม่แล้ว"), f"{text} {of_office()}"


def _of_passkey() -> tuple[str, str]:
    text = _("เพิ่มพาสคีย์ของบัตรคิวออนไลน์แล้ว หากท่านไม่ได้ทำ กรุณาติดต่อสหกรณ์ทันที")
    return _("เพิ่มพาสคีย์แล้ว"), f"{text} {of_office()}"


@sensitive_variables("password")
def _require_strong(password: str, member: Member | None) -> None:
    try:
        # Django's validators look at any object's attributes; its stubs name its own user.
        validate_password(password, member, get_password_validators(settings.MEMBER_PASSWORD_VALIDATORS))  # type: ignore[arg-type]
    except ValidationError as refused:
        raise WeakPassword(" ".join(refused.messages)) from None


# --- telephone and e-mail ---


def change_contact(*, member: Member, phone: str, email: str) -> list[str] | None:
    """Keep another telephone number or e-mail address. Returns by which ways the member is told, of "email" (the old
    address) and "line"; None where nothing changed. Raises ValidationError, whose dictionary names the field."""
    with transaction.atomic():
        locked = Member.objects.select_for_update(no_key=True).get(pk=member.pk)
        before = locked.phone, locked.email
        locked.phone, locked.email = phone, email.strip()
        locked.full_clean(exclude=["member_number", "citizen_id_hmac", "title", "given_name", "family_name"])
        if (locked.phone, locked.email) == before:
            return None
        locked._change_reason = _("สมาชิกแก้ไขเอง")  # type: ignore[attr-defined]  # of simple_history
        locked.save(update_fields=["phone", "email"])
        newest = locked.history.latest()
    # Two jobs: where one is tried again, the other has been done.
    language = translation.get_language()
    async_task("members.accounts.tell_of_contact", newest.history_id, language)
    async_task("members.accounts.tell_of_contact_by_line", newest.history_id, str(uuid.uuid4()), language)
    _phone, old_email = before
    by_email = ["email"] if _can_be_mailed(old_email) else []
    return by_email + (["line"] if "line" in ways(member) else [])


def tell_of_contact(history_id: int, language: str = "th") -> None:
    """The job that tells the old e-mail address that telephone or e-mail was changed. The address is read from the
    history: no job's arguments have one."""
    change = Member.history.filter(pk=history_id).select_related("history_user").first()
    before = change.prev_record if change else None
    if before is not None and _can_be_mailed(before.email):
        EmailMessage(*in_words(_of_contact, language), to=[before.email]).send()


def tell_of_contact_by_line(history_id: int, key: str, language: str = "th") -> None:
    """The job that tells the same by LINE. Raises LineFault to be tried again; by `key` LINE takes it once."""
    change = Member.history.filter(pk=history_id).first()
    member = Member.objects.filter(pk=change.id).first() if change else None
    if member is not None and "line" in ways(member):
        subject, text = in_words(_of_contact, language)
        send(member, subject=subject, text=text, key=key)


def _can_be_mailed(email: str) -> bool:
    return bool(email and settings.EMAIL_HOST)


def _of_contact() -> tuple[str, str]:
    text = _("มีการเปลี่ยนโทรศัพท์หรืออีเมลของท่านในบัตรคิวออนไลน์ หากท่านไม่ได้ทำ กรุณาติดต่อสหกรณ์ทันที")
    return _("เปลี่ยนโทรศัพท์หรืออีเมลแล้ว"), f"{text} {of_office()}"


# --- small things ---


def _there_with(number: str) -> Member | None:
    """The member with this number who has not left, registered in i-member or not."""
    return Member.objects.filter(left_at=None).with_number(number)


def _hash(token: str) -> str:
    # 256 random bits: a plain hash is enough.
    return hashlib.sha256(token.encode()).hexdigest()


_made: dict[str, str] = {}


def _no_password() -> str:
    """The hash of a password that nobody has, as dear to compare as the members'."""
    kind = settings.PASSWORD_HASHERS[0]
    if kind not in _made:
        _made[kind] = hashers.make_password(secrets.token_urlsafe(16))
    return _made[kind]


def device_name(agent: str) -> str:
    """What kind of device it is, in words that its owner knows it by."""
    inside = _("ใน LINE") if "Line/" in agent else ""
    kinds = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Macintosh": "Mac"}
    kind = next((name for sign, name in kinds.items() if sign in agent), _("อุปกรณ์"))
    return f"{kind} {inside}".strip()
