"""The kinds of messages to members, one row each. Nothing else lists them.

The model's `Kind` has their names and labels, for the column. If a kind has no row, or a row lacks a field, the program
does not start.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.functional import Promise, lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking import thai
from booking.calling import waits
from booking.messages import texts, wording
from booking.messages.texts import Said
from booking.models import Notice, Ticket
from booking.models.notices import Kind
from booking.models.tickets import State

# When reminders go out, on the day before.
REMINDED_AT = dt.time(17)


class To(Enum):
    """To whom a verb owes a message."""

    HOLDER = auto()  # of the ticket that it changes
    NEW_HOLDER = auto()  # of the ticket that it issues
    NEXT = auto()  # those whose turn has come near by it


class By(Enum):
    """Who has to act for the message to be owed."""

    ANYONE = auto()
    STAFF = auto()
    MEMBER = auto()


@dataclass(frozen=True)
class Owed:
    """The verb that owes a message, to whom, and who has to act."""

    verb: str
    to: To = To.HOLDER
    by: By = By.ANYONE


@dataclass(frozen=True, kw_only=True)
class MessageKind:
    kind: Kind
    owed_by: list[Owed]
    # When it is sent, as staff read it.
    when_sent: str | Promise
    # Sent at REMINDED_AT of the day before, instead of at once.
    is_reminder: bool
    # How long it is worth sending; None: until the ticket is due.
    lasts: dt.timedelta | None
    # It is useless once its ticket has left these states.
    still_true_in: list[State]
    # Whether a ticket may be owed several. A later one replaces those before it.
    is_repeated: bool
    # Whether a member gets so many of them a day and no more (LINE_CARDS_A_DAY).
    is_limited: bool
    # Whether members who cannot be reached by LINE or e-mail have to be telephoned.
    is_telephoned: bool
    # What it says about a ticket, and the facts that it needs at the moment of sending.
    says: Callable[..., Said]
    facts: Callable[[Ticket], dict[str, Any]]


def said(notice: Notice, **facts: Any) -> Said:
    """What a notice tells its member; `facts` are those of its kind."""
    return KINDS[notice.kind].says(notice.ticket, **facts)


def owed(verb: str, *, to: To, by_staff: bool) -> list[Kind]:
    """The messages that a verb owes. `by_staff` false: the member or the system acted."""
    hand = By.STAFF if by_staff else By.MEMBER
    return [
        row.kind
        for row in KINDS.values()
        for owed in row.owed_by
        if (owed.verb, owed.to) == (verb, to) and owed.by in (By.ANYONE, hand)
    ]


def reminders() -> list[Kind]:
    return [row.kind for row in KINDS.values() if row.is_reminder]


def remind_at(date: dt.date) -> dt.datetime:
    """When the reminder for a ticket of this date goes out."""
    return timezone.make_aware(dt.datetime.combine(date - dt.timedelta(days=1), REMINDED_AT))


# --- what they say ---


def _issued(ticket: Ticket) -> Said:
    lines = [*texts.when(ticket), *texts.to_come(ticket), *_own(ticket, "issued.more")]
    return Said(_say(ticket, "issued.heading"), lines, _buttons(ticket), has_qr=True)


def _day_before(ticket: Ticket) -> Said:
    # It may have had to wait past midnight.
    is_today = ticket.date == timezone.localdate()
    heading = _say(ticket, "day_before.heading_today" if is_today else "day_before.heading")
    lines = [*texts.when(ticket), *texts.to_come(ticket), *_own(ticket, "day_before.more")]
    return Said(heading, lines, _buttons(ticket), has_qr=True)


def _nearly(ticket: Ticket, *, ahead: int = 0) -> Said:
    """`ahead`: how many come before."""
    lines = [texts.before(ahead), _say(ticket, "nearly.text")]
    return Said(_say(ticket, "nearly.heading"), lines, texts.see_ticket(ticket))


def _your_turn(ticket: Ticket) -> Said:
    lines = [_say(ticket, "your_turn.text", counter=ticket.counter.number if ticket.counter else "")]
    return Said(_say(ticket, "your_turn.heading"), lines, texts.see_ticket(ticket))


def _missed(ticket: Ticket) -> Said:
    return Said(_say(ticket, "missed.heading"), [_say(ticket, "missed.text")], texts.see_ticket(ticket))


def _moved(ticket: Ticket) -> Said:
    lines = [_("เวลาใหม่"), *texts.when(ticket), *texts.to_come(ticket), *_own(ticket, "moved.more")]
    return Said(_say(ticket, "moved.heading"), lines, _buttons(ticket), has_qr=True)


def _cancelled(ticket: Ticket, *, reason: str = "") -> Said:
    """`reason`: what staff gave for it."""
    lines = [*texts.when(ticket), *([reason] if reason else []), *_own(ticket, "cancelled.more")]
    return Said(_say(ticket, "cancelled.heading"), lines, texts.book_again(ticket))


def _buttons(ticket: Ticket) -> list[tuple[str, str]]:
    return texts.see_ticket(ticket) + texts.the_way() + texts.cancel(ticket)


def _say(ticket: Ticket, name: str, **facts: Any) -> str:
    """A text of the office's own, or ours (wording.py)."""
    return wording.said(f"cards.{name}", code=ticket.code, department=ticket.department.title, **facts)


def _own(ticket: Ticket, name: str) -> list[str]:
    """What the office adds, if anything."""
    text = _say(ticket, name)
    return [text] if text else []


def _nothing_besides(ticket: Ticket) -> dict[str, Any]:
    return {}


def _why(ticket: Ticket) -> dict[str, Any]:
    reason = ticket.events.filter(verb="cancel").values_list("reason", flat=True).last()
    return {"reason": (reason or "").strip()}


def _ahead_now(ticket: Ticket) -> dict[str, Any]:
    return {"ahead": waits.ahead(ticket)}


# --- the rows, as a ticket's messages follow each other ---

_at = partial(lazy(thai.clock, str), REMINDED_AT)

_ROWS = [
    MessageKind(
        kind=Kind.ISSUED,
        owed_by=[Owed("book", to=To.NEW_HOLDER), Owed("reschedule", to=To.NEW_HOLDER, by=By.MEMBER)],
        when_sent=gettext_lazy("เมื่อจองหรือย้ายคิวเสร็จ"),
        is_reminder=False,
        lasts=None,
        still_true_in=[State.BOOKED],
        is_repeated=False,
        is_limited=True,
        is_telephoned=False,
        says=_issued,
        facts=_nothing_besides,
    ),
    MessageKind(
        kind=Kind.DAY_BEFORE,
        owed_by=[Owed("book", to=To.NEW_HOLDER), Owed("reschedule", to=To.NEW_HOLDER)],
        when_sent=format_lazy(gettext_lazy("{time} ของวันก่อนนัด"), time=_at()),
        is_reminder=True,
        lasts=None,
        still_true_in=[State.BOOKED],
        is_repeated=False,
        is_limited=False,
        is_telephoned=False,
        says=_day_before,
        facts=_nothing_besides,
    ),
    MessageKind(
        kind=Kind.NEARLY,
        owed_by=[Owed("call", to=To.NEXT)],
        when_sent=gettext_lazy("เมื่อเหลือไม่กี่คิวก่อนหน้า ตั้งจำนวนได้ที่หน้าฝ่าย"),
        is_reminder=False,
        lasts=dt.timedelta(minutes=15),
        still_true_in=[State.WAITING, State.BOOKED],
        is_repeated=False,
        is_limited=False,
        is_telephoned=False,
        says=_nearly,
        facts=_ahead_now,
    ),
    MessageKind(
        kind=Kind.YOUR_TURN,
        owed_by=[Owed("call"), Owed("recall"), Owed("resume")],
        when_sent=gettext_lazy("เมื่อเจ้าหน้าที่เรียก"),
        is_reminder=False,
        lasts=dt.timedelta(minutes=5),
        still_true_in=[State.CALLED],
        is_repeated=True,
        is_limited=False,
        is_telephoned=False,
        says=_your_turn,
        facts=_nothing_besides,
    ),
    MessageKind(
        kind=Kind.MISSED,
        owed_by=[Owed("miss")],
        when_sent=gettext_lazy("เมื่อเรียกแล้วไม่พบ"),
        is_reminder=False,
        lasts=dt.timedelta(hours=2),
        still_true_in=[State.MISSED],
        is_repeated=True,
        is_limited=False,
        is_telephoned=False,
        says=_missed,
        facts=_nothing_besides,
    ),
    MessageKind(
        kind=Kind.MOVED,
        owed_by=[Owed("reschedule", to=To.NEW_HOLDER, by=By.STAFF)],
        when_sent=gettext_lazy("เมื่อสหกรณ์ย้ายคิว ปิดไว้หรือส่งไม่ได้ จะอยู่ในรายชื่อที่ต้องโทรแจ้ง"),
        is_reminder=False,
        lasts=None,
        still_true_in=[State.BOOKED],
        is_repeated=False,
        is_limited=False,
        is_telephoned=True,
        says=_moved,
        facts=_nothing_besides,
    ),
    MessageKind(
        kind=Kind.CANCELLED,
        owed_by=[Owed("cancel", by=By.STAFF)],
        when_sent=gettext_lazy("เมื่อสหกรณ์ยกเลิกคิว ปิดไว้หรือส่งไม่ได้ จะอยู่ในรายชื่อที่ต้องโทรแจ้ง"),
        is_reminder=False,
        lasts=dt.timedelta(days=3),
        still_true_in=[State.CANCELLED],
        is_repeated=False,
        is_limited=False,
        is_telephoned=True,
        says=_cancelled,
        facts=_why,
    ),
]

KINDS: dict[str, MessageKind] = {row.kind: row for row in _ROWS}

if [row.kind for row in _ROWS] != list(Kind):
    raise ImproperlyConfigured("Each kind of message has one row in booking/messages/kinds.py, in the order of Kind.")

# What somebody is sent who books, and what has the ticket on it.
OF_THE_TICKET = Kind.ISSUED
WITH_THE_TICKET = [Kind.ISSUED, Kind.MOVED]
