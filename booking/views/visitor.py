"""What is known about a visitor: what they typed, and what their device has in signed cookies."""

import datetime as dt
import secrets
from typing import Any

from django.conf import settings
from django.core import signing
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from booking import thai
from booking.errors import ProofNeeded
from booking.kept import kept
from booking.models import Ticket, WaitingEntry
from booking.verbs import limits
from booking.views import sent
from members import accounts, directory, passkeys
from members.errors import IdentityExpired
from members.family import of_carer
from members.identify import IDENTITY_LASTS, Identity, issue_identity, read_identity
from members.models import LineAccount, Member, MemberSession
from members.origins import Origin, origin_of
from members.throttle import client_address

YEAR = 365 * 24 * 60 * 60
LINE_LASTS = 30 * 24 * 60 * 60
LOG_IN_LASTS = 10 * 60
CHOSEN_LASTS = 60 * 60
MOST_TICKETS = 20


# --- what they typed ---


def typed(request) -> dict:
    """The identify form as it was sent, to be shown again beside a refusal."""
    return {
        "by": sent.choice(request, "by", ("citizen_id", "member_number"), default="citizen_id"),
        "citizen_id": sent.number(request, "citizen_id"),
        "member_number": sent.number(request, "member_number"),
        "proof": sent.number(request, "proof"),
    }


def claim(request) -> dict:
    """What members.identify needs to know: the one number chosen, the proof, device and address. Raises ProofNeeded
    where one is asked for here and none was given: whether there is such a member is not told then."""
    form = typed(request)
    if not form["proof"] and limits.look_up_needs_proof(origin(request), now=timezone.now()):
        raise ProofNeeded
    return {
        form["by"]: form[form["by"]],
        "proof": form["proof"],
        "device": device(request),
        "address": client_address(request),
    }


def form_context(request) -> dict:
    """What the identify form shows besides."""
    is_asked = limits.look_up_needs_proof(origin(request), now=timezone.now())
    return {
        "asks_proof": settings.MEMBER_PROOF != "none" or is_asked,
        "directory_silent_since": _since(directory.silent_since()),
    }


def _since(at: dt.datetime | None) -> str:
    if at is None:
        return ""
    return thai.clock(at) if timezone.localdate(at) == timezone.localdate() else thai.moment(at)


# --- who they are: one cookie, whose salt says whether the name has been confirmed ---


def asked(request) -> Identity:
    """The identity whose name is to be confirmed, or is. Raises IdentityExpired."""
    return read_identity(_cookie(request, "identity", salt="asked") or identity(request))


def confirmed(request) -> Identity:
    """The identity whose name was confirmed, else that of the member signed in. Raises IdentityExpired."""
    try:
        return read_identity(identity(request))
    except IdentityExpired:
        who = member(request)
        if who is None:
            raise
        if cared := chosen_cared(request):
            return Identity(cared.pk, proved_by="family")
        return Identity(who.pk, proved_by="password" if member_session(request) else "line")


def booked_for(request) -> Member | None:
    """The member for whom a ticket would be booked now; None if somebody has to say first who they are."""
    try:
        who = confirmed(request)
    except IdentityExpired:
        return None
    if who.mark and _booked_by(mark=who.mark):
        return None
    return member_with(who.member_id)


def member_with(pk: int) -> Member | None:
    return next(iter(_members(pk=pk)), None)


@kept
def _members(*, pk):
    return Member.objects.filter(pk=pk)


@kept
def _booked_by(*, mark):
    """The ticket that an identity has booked, if it has."""
    return Ticket.objects.filter(identity_mark=mark).order_by().values_list("pk")[:1]


def has_begun_anew(request) -> bool:
    """Whether another number was typed on this device and its name is not confirmed yet."""
    return bool(_cookie(request, "identity", salt="asked"))


def identity(request) -> str:
    """The confirmed identity token, or an empty text."""
    return _cookie(request, "identity", salt="confirmed")


def sign_name(member_id: int) -> str:
    """What a page carries to tell for whom it was shown, without naming anybody."""
    return salted_hmac("visitor.name", str(member_id)).hexdigest()


def remember_asked(response, found) -> None:
    token, _ends = issue_identity(found.member, proved_by=found.proved_by, found_by=found.by)
    _set_cookie(response, "identity", token, salt="asked", max_age=IDENTITY_LASTS.total_seconds())


def remember_confirmed(response, request) -> None:
    token = _cookie(request, "identity", salt="asked") or identity(request)
    _set_cookie(response, "identity", token, salt="confirmed", max_age=IDENTITY_LASTS.total_seconds())


def forget_identity(response) -> None:
    _delete_cookie(response, "identity")


# --- the member who is signed in ---


def member(request) -> Member | None:
    """The member who is signed in on this device: with a password, or by a LINE account that is surely theirs."""
    session = member_session(request)
    if session:
        return session.member
    account = line_account(request)
    return account.member if account else None


def family(request) -> list[Member]:
    """Whom the member who is signed in looks after, by their consent."""
    if not hasattr(request, "family"):
        who = member(request)
        request.family = [care.member for care in of_carer(who)] if who else []
    return request.family


def chosen_cared(request) -> Member | None:
    """For whom of the family the member who is signed in books now; None for themselves, and once consent has ended."""
    kept = _json_cookie(request, "family", max_age=CHOSEN_LASTS)
    who = member(request) if kept else None
    if who is None or kept[0] != who.pk:
        return None
    return next((one for one in family(request) if one.pk == kept[1]), None)


def choose_cared(response, who: Member, cared: Member) -> None:
    _set_json_cookie(response, "family", (who.pk, cared.pk), max_age=CHOSEN_LASTS)
    forget_identity(response)


def choose_oneself(response) -> None:
    _delete_cookie(response, "family")
    forget_identity(response)


def member_session(request) -> MemberSession | None:
    """The session that a password began on this device; None once it has ended, here or from another device."""
    if not hasattr(request, "member_session"):
        token = _cookie(request, "member") if accounts.is_on() else ""
        request.member_session = accounts.session_of(token) if token else None
    return request.member_session


def remember_member(response, token: str) -> None:
    _set_cookie(response, "member", token, max_age=accounts.SESSION_LASTS.total_seconds())


def forget_member(response) -> None:
    for name in ("member", "member_claim"):
        _delete_cookie(response, name)


def member_claim(request) -> accounts.Claim | None:
    """The numbers of somebody who asked for a code less than 15 minutes ago. The cookie says no more than was typed:
    not whether there is such a member."""
    kept = _json_cookie(request, "member_claim", max_age=IDENTITY_LASTS.total_seconds())
    return accounts.Claim(*kept) if kept else None


def remember_member_claim(response, claim: accounts.Claim) -> None:
    _set_json_cookie(response, "member_claim", claim, max_age=IDENTITY_LASTS.total_seconds())


def passkey_challenge(request, what_for: str) -> bytes:
    """The challenge that this browser asked for less than five minutes ago, for signing in or for a new passkey."""
    kept = _json_cookie(request, "passkey", max_age=passkeys.CHALLENGE_LASTS.total_seconds())
    return bytes.fromhex(kept[1]) if kept and kept[0] == what_for else b""


def remember_passkey_challenge(response, what_for: str, challenge: bytes) -> None:
    kept = (what_for, challenge.hex())
    _set_json_cookie(response, "passkey", kept, max_age=passkeys.CHALLENGE_LASTS.total_seconds())


def forget_passkey_challenge(response) -> None:
    _delete_cookie(response, "passkey")


# --- their LINE account ---


def line_account(request) -> LineAccount | None:
    """The linked account that is signed in on this device; None once that link has ended, even if another began, once
    the member has signed out everywhere, and if nothing proved that it is the member's."""
    if not hasattr(request, "line_account"):
        request.line_account = _line_account(request)
    return request.line_account


def _line_account(request) -> LineAccount | None:
    kept = _json_cookie(request, "line", max_age=LINE_LASTS)
    if kept is None:
        return None
    found = LineAccount.objects.select_related("member").exclude(proved_by="").filter(pk=kept["account"]).first()
    if found is None or found.linked_at.isoformat() != kept["linked_at"]:
        return None
    # Cookies from before they had the number are those of members who have signed out nowhere since.
    return found if found.member.sign_outs == kept.get("sign_outs", 0) else None


def remember_line(response, account: LineAccount) -> None:
    kept = {
        "account": account.pk,
        "linked_at": account.linked_at.isoformat(),
        "sign_outs": account.member.sign_outs,
    }
    _set_json_cookie(response, "line", kept, max_age=LINE_LASTS)


def forget_line(response) -> None:
    for name in ("line", "line_user", "line_claim"):
        _delete_cookie(response, name)


def line_user(request) -> dict | None:
    """{user_id, next} of somebody who signed in by LINE less than 15 minutes ago and is not linked yet."""
    return _json_cookie(request, "line_user", max_age=IDENTITY_LASTS.total_seconds())


def remember_line_user(response, user_id: str, onward: str) -> None:
    kept = {"user_id": user_id, "next": onward}
    _set_json_cookie(response, "line_user", kept, max_age=IDENTITY_LASTS.total_seconds())


def line_claim(request) -> str:
    """The claim of members.line_accounts, once a number has been typed to link to."""
    return _cookie(request, "line_claim")


def remember_line_claim(response, token: str) -> None:
    _set_cookie(response, "line_claim", token, max_age=IDENTITY_LASTS.total_seconds())


def log_in_begun(request) -> dict | None:
    """{state, nonce, code_verifier, next} of the log-in that this device began less than 10 minutes ago."""
    return _json_cookie(request, "line_log_in", max_age=LOG_IN_LASTS)


def remember_log_in(response, begun: dict) -> None:
    _set_json_cookie(response, "line_log_in", begun, max_age=LOG_IN_LASTS)


def forget_log_in(response) -> None:
    _delete_cookie(response, "line_log_in")


# --- which tickets the device holds ---


def ticket_ids(request) -> list[str]:
    """The public ids of the tickets that were booked, or opened by their secret, on this device; newest first."""
    held = _cookie(request, "tickets")
    # Before cookies had a prefix, a device kept its tickets under the bare name. The next ticket moves them.
    return (held or request.get_signed_cookie("tickets", default="", salt="visitor.")).split()


def my_tickets(request):
    """The tickets that this device holds, and those of the member who is signed in and of whom they look after. A
    ticket that was moved, by anybody, is replaced by the one it became."""
    device_ids, who = ticket_ids(request), member(request)
    if not device_ids and not who:
        return Ticket.objects.none()
    ours = Ticket.objects.followed_from(device_ids) if device_ids else Ticket.objects.none()
    if who:
        ours |= Ticket.objects.filter(member__in=[who, *family(request)], moved_to=None)
    return ours.with_details()


def holds(request, ticket) -> bool:
    """Whether a ticket, or one that became it by a move, is this device's; or it is the signed-in member's, or of one
    whom they look after."""
    if ticket.member_id and ticket.member_id in _ours(request):
        return True
    return keeps(request, ticket)


def keeps(request, ticket) -> bool:
    """Whether a ticket, or one that became it by a move, was booked or opened by its secret on this device: that it
    shows whoever is signed in."""
    device_ids = ticket_ids(request)
    if not device_ids or ticket.public_id in device_ids:
        return bool(device_ids)
    return not set(device_ids).isdisjoint(ticket.was_once())


def name_shown(request, ticket) -> str:
    """The name that a ticket's page may show on this device: in full to its member who is signed in, and to
    who looks after that member; masked if it was booked here, none if it was opened by its secret."""
    if ticket.member is None:
        return ""
    if ticket.member_id in _ours(request):
        return ticket.member.full_name
    booked = set(_cookie(request, "booked").split())
    if ticket.public_id in booked or (booked and not booked.isdisjoint(ticket.was_once())):
        return ticket.member.masked_name
    return ""


def _ours(request) -> set[int]:
    who = member(request)
    return {who.pk, *(one.pk for one in family(request))} if who else set()


def remember_booked(response, request, public_id: str) -> None:
    """Keep the ticket, and that it was booked on this device."""
    remember_ticket(response, request, public_id)
    others = [other for other in _cookie(request, "booked").split() if other != public_id]
    _set_cookie(response, "booked", " ".join([public_id, *others][:MOST_TICKETS]), max_age=YEAR)


def remember_ticket(response, request, public_id: str) -> None:
    remember_tickets(response, request, [public_id])


def remember_tickets(response, request, public_ids: list[str]) -> None:
    others = [other for other in ticket_ids(request) if other not in public_ids]
    _set_cookie(response, "tickets", " ".join([*public_ids, *others][:MOST_TICKETS]), max_age=YEAR)


def forget_tickets(response) -> None:
    for name in ("tickets", "booked", "waiting"):
        _delete_cookie(response, name)


def forget_pages(response) -> None:
    """Make the browser drop the pages that it has kept, including those for when there is no connection."""
    response["Clear-Site-Data"] = '"cache", "storage"'


# --- what the device waits for ---


def waiting_ids(request) -> list[str]:
    """The public ids of the entries of waiting lists that were made, or opened by their secret, on this device; newest
    first."""
    return _cookie(request, "waiting").split()


def remember_waiting(response, request, public_id: str) -> None:
    others = [other for other in waiting_ids(request) if other != public_id]
    _set_cookie(response, "waiting", " ".join([public_id, *others][:MOST_TICKETS]), max_age=LINE_LASTS)


def my_waiting(request):
    """The entries that this device holds, and those of the member who is signed in and of whom they look after, as long
    as they wait or have an offer; soonest day first."""
    entries = WaitingEntry.objects.live().filter(date__gte=timezone.localdate())
    ours = Q(public_id__in=waiting_ids(request)) | Q(member__in=_ours(request))
    return entries.filter(ours).select_related("department", "topic", "member").order_by("date", "pk")


def waiter_shown(request, entry) -> str:
    """The name that an entry's page may show on this device: to its member who is signed in, and to who looks after
    that member."""
    return entry.member.full_name if entry.member_id in _ours(request) else ""


def carer_for(request, entry) -> int | None:
    """The member who is signed in, where they reach the entry as its member's carer alone."""
    who = member(request)
    if who is None or who.pk == entry.member_id or entry.public_id in waiting_ids(request):
        return None
    return who.pk


def waits_as(request, entry) -> bool:
    """Whether an entry is this device's, or the signed-in member's, or of one whom they look after."""
    return entry.public_id in waiting_ids(request) or entry.member_id in _ours(request)


# --- the device, for counting ---


def device(request) -> str:
    """This browser's random name, or an empty text before it has one."""
    return _cookie(request, "device")


def origin(request) -> Origin:
    """Where the request comes from, as a ticket keeps it."""
    return origin_of(address=client_address(request), device=device(request))


def ensure_device(response, request) -> None:
    if not device(request):
        _set_cookie(response, "device", secrets.token_urlsafe(16), max_age=YEAR)


def _cookie(request, name: str, *, salt: str = "") -> str:
    return request.get_signed_cookie(f"{_prefix()}{name}", default="", salt=f"visitor.{salt}")


def _set_cookie(response, name: str, value: str, *, max_age: float, salt: str = "") -> None:
    response.set_signed_cookie(
        f"{_prefix()}{name}", value, salt=f"visitor.{salt}", max_age=int(max_age), **_out_of_reach()
    )


def _json_cookie(request, name: str, *, max_age: float) -> Any:
    sent = request.COOKIES.get(f"{_prefix()}{name}", "")
    try:
        return signing.loads(sent, salt=f"visitor.{name}", max_age=dt.timedelta(seconds=max_age))
    except (signing.BadSignature, UnicodeEncodeError):
        return None


def _set_json_cookie(response, name: str, value: dict | tuple, *, max_age: float) -> None:
    signed = signing.dumps(value, salt=f"visitor.{name}")
    response.set_cookie(f"{_prefix()}{name}", signed, max_age=int(max_age), **_out_of_reach())


def _delete_cookie(response, name: str) -> None:
    response.delete_cookie(f"{_prefix()}{name}", samesite="Lax")
    if _prefix():  # a browser lets a secure cookie be replaced by a secure one alone
        response.cookies[f"{_prefix()}{name}"]["secure"] = True


def _prefix() -> str:
    """Over https the cookie's name ensures that this host set it: no neighbour in the same domain can."""
    return "__Host-" if settings.SESSION_COOKIE_SECURE else ""


def _out_of_reach() -> dict:
    """Hidden from scripts, and from other sites' requests that change something."""
    return {"secure": settings.SESSION_COOKIE_SECURE, "httponly": True, "samesite": "Lax"}
