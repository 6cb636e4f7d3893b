"""What a form sent, read in one place: whatever was sent, each reader gives something of a known kind and length.

A page shows it again beside a refusal, so nothing is made of it that the person did not type. NUL has been taken out
before (queuesite/cleaned.py). What a form sends as a whole to a Django form is read by that.
"""

import uuid
from collections.abc import Container

from django.http import HttpRequest

LONGEST_NUMBER = 40  # a citizen ID with all that people put between its digits
LONGEST_NAME = 40  # of a choice, as a slug has
LONGEST_ADDRESS = 2000
LONGEST_ID = 18  # digits
MOST_TICKED = 5000


def text(request: HttpRequest, name: str, *, most: int) -> str:
    """A text without the spaces around it, so many letters at most."""
    return request.POST.get(name, "").strip()[:most]


def number(request: HttpRequest, name: str) -> str:
    """A number as it was typed, with Thai digits, spaces and dashes: members.citizen_id and others make sense of it."""
    return request.POST.get(name, "")[:LONGEST_NUMBER]


def code(request: HttpRequest, name: str, *, most: int) -> str:
    """What a program made and a person sends back: a token, a signature. One that is longer is none."""
    sent = request.POST.get(name, "")
    return sent if len(sent) <= most else ""


def choice(request: HttpRequest, name: str, among: Container[str] | None = None, *, default: str = "") -> str:
    """One of several, as `among` has them; what is not among them is the default."""
    sent = request.POST.get(name, default)[:LONGEST_NAME]
    return sent if among is None or sent in among else default


def has(request: HttpRequest, name: str) -> bool:
    """Whether the form has such a field: a button that was pressed."""
    return name in request.POST


def says_yes(request: HttpRequest) -> bool:
    return request.POST.get("answer") == "yes"


def slot(request: HttpRequest) -> int | None:
    """The slot chosen in the form, or where it has none, in the address; None for what could be none."""
    return _id(request.POST.get("slot", "")) or _id(request.GET.get("slot", ""))


def id_of(request: HttpRequest, name: str) -> int | None:
    """The row that a field names; None for what could be none."""
    return _id(request.POST.get(name, ""))


def ids(request: HttpRequest, name: str) -> list[int]:
    """The ticked rows; what is no id was never there."""
    return [found for sent in request.POST.getlist(name)[:MOST_TICKED] if (found := _id(sent))]


def texts(request: HttpRequest, name: str) -> list[str]:
    """The ticked rows, where they have names."""
    return request.POST.getlist(name)[:MOST_TICKED]


def key(request: HttpRequest) -> str:
    """The idempotency key of the form; a new one where it was tampered with."""
    try:
        return str(uuid.UUID(request.POST.get("key", "")))
    except ValueError:
        return str(uuid.uuid4())


def onward(request: HttpRequest) -> str:
    """Where the form, or the address, wants to go on; whether it may, the caller has to see."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return wanted if len(wanted) <= LONGEST_ADDRESS else ""


def typed(request: HttpRequest, *, most: int) -> dict[str, str]:
    """All of the form, to be shown again beside a refusal."""
    return {name: value[:most] for name, value in request.POST.items() if isinstance(value, str)}


def _id(sent: str) -> int | None:
    return int(sent) if sent.isdecimal() and len(sent) <= LONGEST_ID else None
