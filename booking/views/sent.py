"""What a form sent, read in one place. Whatever was sent, each reader returns something of a known kind and length.

A page shows it again beside a refusal, so it stays what the person typed. NUL was removed before
(queuesite/cleaned.py). Django forms read their own fields.
"""

import uuid
from collections.abc import Callable, Container

from django.http import HttpRequest

LONGEST_NUMBER = 40  # a citizen ID with all that people put between its digits
LONGEST_NAME = 40  # of a choice, as a slug has
LONGEST_ADDRESS = 2000
LONGEST_ID = 18  # digits
MOST_TICKED = 5000


def text(request: HttpRequest, name: str, *, most: int) -> str:
    """A text without surrounding spaces, of at most so many letters."""
    return request.POST.get(name, "").strip()[:most]


def number(request: HttpRequest, name: str) -> str:
    """A number as it was typed, with Thai digits, spaces and dashes: members.citizen_id and others make sense of it."""
    return request.POST.get(name, "")[:LONGEST_NUMBER]


def code(request: HttpRequest, name: str, *, most: int) -> str:
    """What a program made and a person sends back: a token, a signature. "" if it is too long."""
    sent = request.POST.get(name, "")
    return sent if len(sent) <= most else ""


def choice(request: HttpRequest, name: str, among: Container[str] | None = None, *, default: str = "") -> str:
    """One of the values in `among`; anything else becomes the default."""
    sent = request.POST.get(name, default)[:LONGEST_NAME]
    return sent if among is None or sent in among else default


def has(request: HttpRequest, name: str) -> bool:
    """Whether the form has such a field: a button that was pressed."""
    return name in request.POST


def says_yes(request: HttpRequest) -> bool:
    return request.POST.get("answer") == "yes"


def slot(request: HttpRequest) -> int | None:
    """The slot chosen in the form or else in the address; None if it cannot be one."""
    return _id(request.POST.get("slot", "")) or _id(request.GET.get("slot", ""))


def topic(request: HttpRequest) -> int | None:
    """The topic chosen in the form or else in the address; None if it cannot be one."""
    return _id(request.POST.get("topic", "")) or _id(request.GET.get("topic", ""))


def chosen(request: HttpRequest) -> dict[str, int]:
    """The topic and the time chosen so far, for the next address."""
    found = {"topic": topic(request), "slot": slot(request)}
    return {name: pk for name, pk in found.items() if pk}


def id_of(request: HttpRequest, name: str) -> int | None:
    """The row that a field names; None if it cannot be one."""
    return _id(request.POST.get(name, ""))


def ids(request: HttpRequest, name: str) -> list[int]:
    """The ticked rows. What is not an id is ignored."""
    return _ids(request.POST.getlist(name))


def named(request: HttpRequest, name: str) -> list[int]:
    """The rows that an address names. What is not an id is ignored."""
    return _ids(request.GET.getlist(name))


def texts(request: HttpRequest, name: str) -> list[str]:
    """The ticked rows, where they have names."""
    return request.POST.getlist(name)[:MOST_TICKED]


def keep_rows(request: HttpRequest, name: str, is_row: Callable[[str], bool]) -> None:
    """Leave out the ticked rows that cannot be any, before a library's view queries for whatever was sent."""
    kept = request.POST.copy()
    kept.setlist(name, [one for one in request.POST.getlist(name)[:MOST_TICKED] if is_row(one)])
    request.POST = kept  # type: ignore[assignment]  # as Django's own request does


def key(request: HttpRequest) -> str:
    """The idempotency key of the form; a new one if somebody tampered with it."""
    try:
        return str(uuid.UUID(request.POST.get("key", "")))
    except ValueError:
        return str(uuid.uuid4())


def onward(request: HttpRequest) -> str:
    """Where the form, or the address, wants to go next. The caller checks whether it may."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return wanted if len(wanted) <= LONGEST_ADDRESS else ""


def typed(request: HttpRequest, *, most: int) -> dict[str, str]:
    """All of the form, to be shown again beside a refusal."""
    return {name: value[:most] for name, value in request.POST.items() if isinstance(value, str)}


def _ids(sent: list[str]) -> list[int]:
    return [found for one in sent[:MOST_TICKED] if (found := _id(one))]


def _id(sent: str) -> int | None:
    return int(sent) if sent.isdecimal() and len(sent) <= LONGEST_ID else None
