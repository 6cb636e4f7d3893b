"""What is known of the one who asks: what they typed, and what their device holds in signed cookies."""

import secrets
import uuid

from django.conf import settings

from booking.demo import example_ids
from members.identify import IDENTITY_LASTS, issue_identity, member_id_of
from members.throttle import client_address

YEAR = 365 * 24 * 60 * 60
MOST_TICKETS = 20
LONGEST_NUMBER = 40


# --- what they typed ---


def typed(request) -> dict:
    """The identify form as it was sent, to be shown again beside a refusal."""
    by = request.POST.get("by")
    return {
        "by": by if by in ("citizen_id", "member_number") else "citizen_id",
        "citizen_id": request.POST.get("citizen_id", "")[:LONGEST_NUMBER],
        "member_number": request.POST.get("member_number", "")[:LONGEST_NUMBER],
        "proof": request.POST.get("proof", "")[:LONGEST_NUMBER],
    }


def claim(request) -> dict:
    """What members.identify needs to know: the one number chosen, the proof, device and address."""
    form = typed(request)
    return {
        form["by"]: form[form["by"]],
        "proof": form["proof"],
        "device": device(request),
        "address": client_address(request),
    }


def chosen_slot(values) -> int | None:
    """The slot in a form or an address, or None where there is none that could be one."""
    text = values.get("slot", "")
    return int(text) if text.isdecimal() and len(text) <= 18 else None


def sent_key(request) -> str:
    """The idempotency key of a form; a new one where it was tampered with."""
    try:
        return str(uuid.UUID(request.POST.get("key", "")))
    except ValueError:
        return str(uuid.uuid4())


def form_context() -> dict:
    """What the identify form shows besides."""
    return {
        "asks_proof": settings.MEMBER_PROOF != "none",
        "example_ids": example_ids() if settings.DEMO else [],
    }


# --- who they are: one cookie, whose salt says whether the name has been confirmed ---


def asked_member(request) -> int:
    """The member whose name is to be confirmed, or is. Raises IdentityExpired."""
    return member_id_of(_cookie(request, "identity", salt="asked") or identity(request))


def confirmed_member(request) -> int:
    """The member who confirmed the name. Raises IdentityExpired, also where nobody has."""
    return member_id_of(identity(request))


def identity(request) -> str:
    """The confirmed identity token, or an empty text."""
    return _cookie(request, "identity", salt="confirmed")


def remember_asked(response, member) -> None:
    token, _ends = issue_identity(member)
    _set_cookie(response, "identity", token, salt="asked", max_age=IDENTITY_LASTS.total_seconds())


def remember_confirmed(response, request) -> None:
    token = _cookie(request, "identity", salt="asked") or identity(request)
    _set_cookie(response, "identity", token, salt="confirmed", max_age=IDENTITY_LASTS.total_seconds())


def forget_identity(response) -> None:
    response.delete_cookie("identity", samesite="Lax")


# --- which tickets the device holds ---


def ticket_ids(request) -> list[str]:
    """The public ids of the tickets that were booked, or opened by their secret, on this device; newest first."""
    return _cookie(request, "tickets").split()


def remember_ticket(response, request, public_id: str) -> None:
    others = [other for other in ticket_ids(request) if other != public_id]
    _set_cookie(response, "tickets", " ".join([public_id, *others][:MOST_TICKETS]), max_age=YEAR)


# --- the device, for counting look-ups ---


def device(request) -> str:
    """This browser's random name, or an empty text before it has one."""
    return _cookie(request, "device")


def ensure_device(response, request) -> None:
    if not device(request):
        _set_cookie(response, "device", secrets.token_urlsafe(16), max_age=YEAR)


def _cookie(request, name: str, *, salt: str = "") -> str:
    return request.get_signed_cookie(name, default="", salt=f"visitor.{salt}")


def _set_cookie(response, name: str, value: str, *, max_age: float, salt: str = "") -> None:
    response.set_signed_cookie(
        name,
        value,
        salt=f"visitor.{salt}",
        max_age=int(max_age),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
