"""Every verb that changes a ticket, one row each: its label, the surfaces it is used on and the right it takes, the
move it makes, and the messages it owes.

Consoles, back office, API and the labels of events read these rows. What a verb does is said at its function.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain

from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from booking.messages.kinds import KINDS
from booking.models.notices import Kind
from booking.models.tickets import MOVES
from booking.rights import Right


class Surface(Enum):
    """Where a verb is used."""

    PAGE = auto()  # the member's pages
    CHAT = auto()  # in LINE
    KIOSK = auto()
    CONSOLE = auto()  # the counter's
    BACK_OFFICE = auto()
    API = auto()


@dataclass(frozen=True, kw_only=True)
class Verb:
    # The function in booking.verbs.
    name: str
    # The verb in its events: a move in MOVES, or that the ticket was issued. Several verbs may make the same move.
    event: str
    # As staff read it.
    label: str | Promise
    # Where it is used, and by which rights (one is enough). No rights: the ticket's holder uses it.
    surfaces: Mapping[Surface, tuple[Right, ...]]

    @property
    def owes(self) -> list[Kind]:
        """The messages that it may owe to anybody."""
        return [row.kind for row in KINDS.values() if any(owed.verb == self.event for owed in row.owed_by)]


def may(user: User, name: str, surface: Surface) -> bool:
    """Whether a member of staff may use a verb there."""
    return any(user.has_perm(right) for right in rights(name, surface))


def used_by(user: User, surface: Surface) -> frozenset[str]:
    """The names of the verbs that a member of staff may use there."""
    there = {row.name: row.surfaces[surface] for row in _ROWS if surface in row.surfaces}
    held = {right for right in set(chain(*there.values())) if user.has_perm(right)}
    return frozenset(name for name, asked in there.items() if held.intersection(asked))


def rights(name: str, surface: Surface) -> tuple[Right, ...]:
    return CATALOGUE[name].surfaces[surface]


def label(event: str) -> str | Promise:
    """The label of an event. An event of a verb that no longer exists keeps its name."""
    return LABELS.get(event, event)


_AT_COUNTER = {Surface.CONSOLE: (Right.SERVE,), Surface.API: (Right.SERVE,)}

_ROWS = [
    # --- a turn is taken ---
    Verb(
        name="book",
        event="book",
        label=_("จอง"),
        surfaces={Surface.PAGE: (), Surface.API: (), Surface.BACK_OFFICE: (Right.BOOK_FOR_MEMBER,)},
    ),
    Verb(
        name="reschedule",
        event="reschedule",
        label=_("ย้าย"),
        surfaces={Surface.PAGE: (), Surface.API: (), Surface.BACK_OFFICE: (Right.RESCHEDULE,)},
    ),
    Verb(
        name="cancel",
        event="cancel",
        label=_("ยกเลิก"),
        surfaces={
            Surface.PAGE: (),
            Surface.CHAT: (),
            Surface.API: (),
            Surface.CONSOLE: (Right.CANCEL,),
            Surface.BACK_OFFICE: (Right.CANCEL,),
        },
    ),
    # --- they come ---
    Verb(
        name="walk_in",
        event="walk_in",
        label=_("ออกบัตรให้ผู้ที่ไม่ได้จอง"),
        surfaces={
            Surface.KIOSK: (Right.RECEIVE,),
            Surface.CONSOLE: (Right.RECEIVE,),
            Surface.API: (Right.RECEIVE,),
        },
    ),
    Verb(
        name="check_in",
        event="check_in",
        label=_("แจ้งว่ามาถึง"),
        surfaces={
            Surface.PAGE: (),
            Surface.KIOSK: (Right.RECEIVE,),
            Surface.CONSOLE: (Right.RECEIVE,),
            Surface.API: (Right.RECEIVE,),
        },
    ),
    Verb(
        name="undo_check_in",
        event="undo_check_in",
        label=_("ถอนการแจ้งมาถึง"),
        surfaces={Surface.CONSOLE: (Right.RECEIVE,), Surface.API: (Right.RECEIVE,)},
    ),
    Verb(
        name="come_back",
        event="come_back",
        label=_("กลับมาหลังถูกเรียก"),
        surfaces={Surface.CONSOLE: (Right.SERVE,), Surface.API: (Right.SERVE, Right.RECEIVE)},
    ),
    # --- a counter calls and serves ---
    Verb(name="call_next", event="call", label=_("เรียก"), surfaces=_AT_COUNTER),
    Verb(
        name="call",
        event="call",
        label=_("เรียก"),
        surfaces={Surface.CONSOLE: (Right.CALL_OUT_OF_ORDER,), Surface.API: (Right.CALL_OUT_OF_ORDER,)},
    ),
    Verb(name="recall", event="recall", label=_("เรียกซ้ำ"), surfaces=_AT_COUNTER),
    Verb(name="undo_call", event="undo_call", label=_("ถอนการเรียก"), surfaces=_AT_COUNTER),
    Verb(name="start", event="start", label=_("เริ่มให้บริการ"), surfaces=_AT_COUNTER),
    Verb(name="finish", event="finish", label=_("เสร็จสิ้น"), surfaces=_AT_COUNTER),
    Verb(name="undo_finish", event="undo_finish", label=_("ถอนการเสร็จสิ้น"), surfaces=_AT_COUNTER),
    Verb(name="miss", event="miss", label=_("เรียกแล้วไม่พบ"), surfaces=_AT_COUNTER),
    Verb(name="hold", event="hold", label=_("พักคิว"), surfaces=_AT_COUNTER),
    Verb(name="resume", event="resume", label=_("เรียกต่อจากที่พัก"), surfaces=_AT_COUNTER),
    Verb(name="finish_held", event="finish", label=_("เสร็จสิ้น"), surfaces=_AT_COUNTER),
    Verb(name="put_back", event="put_back", label=_("คืนเข้าคิว"), surfaces=_AT_COUNTER),
    Verb(name="transfer", event="transfer", label=_("ส่งต่อฝ่ายอื่น"), surfaces=_AT_COUNTER),
    Verb(
        name="served_on_paper",
        event="on_paper",
        label=_("กรอกจากกระดาษ"),
        surfaces={Surface.BACK_OFFICE: (Right.CLOSE_DAY,)},
    ),
    Verb(
        name="take_back_paper",
        event="take_back_paper",
        label=_("ถอนที่กรอกจากกระดาษ"),
        surfaces={Surface.BACK_OFFICE: (Right.CLOSE_DAY,)},
    ),
    # --- the day ends ---
    Verb(
        name="close_day",
        event="close_day",
        label=_("ปิดคิวสิ้นวัน"),
        surfaces={Surface.BACK_OFFICE: (Right.CLOSE_DAY,)},
    ),
    Verb(
        name="reopen",
        event="reopen",
        label=_("เปิดอีกครั้ง"),
        surfaces={Surface.CONSOLE: (Right.RECEIVE,), Surface.BACK_OFFICE: (Right.CLOSE_DAY,)},
    ),
]

CATALOGUE: dict[str, Verb] = {row.name: row for row in _ROWS}
LABELS = {row.event: row.label for row in _ROWS}

if missing := MOVES.keys() - LABELS.keys():
    raise ImproperlyConfigured(f"No row in booking/verbs/catalogue.py makes these moves: {', '.join(sorted(missing))}")
