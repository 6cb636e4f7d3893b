"""Who waits, in the console of a counter: how many, who is next, and the rows.

All of it is worked out once for the consoles that serve the same departments. A row is drawn from nothing but its
values, so it is drawn once in each process and kept: after a call, ninety-nine of a hundred rows are what they were.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.core.cache import cache
from django.template.loader import get_template
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from booking.calling import console as reads
from booking.calling import order
from booking.calling.console import Row
from booking.models import Department
from booking.models.tickets import Priority

MOST_KEPT = 5000
SHARED_SECONDS = 5


@dataclass(frozen=True)
class Line:
    """Who would be called next, how many stand in each list of the console, and the rows of those who wait, drawn; no
    rows where another list is open."""

    following: order.NextUp | None
    counts: dict[str, int]
    rows: list[str]


def line(departments: list[Department], versions: dict[int, int], *, is_open: bool, now: dt.datetime) -> Line:
    """Worked out once for all consoles of these departments while their queues have these versions, read before; and
    again every five seconds, since bookings and the clock change it without one."""
    order_served = [(one.pk, versions.get(one.pk, 0)) for one in departments]
    about = (order_served, timezone.localdate(now), int(now.timestamp()) // SHARED_SECONDS, is_open and get_language())
    key = "who_waits." + hashlib.sha256(repr(about).encode()).hexdigest()
    kept = cache.get(key)
    if kept is None:
        kept = _line(departments, is_open=is_open, now=now)
        cache.set(key, kept, SHARED_SECONDS)
    return kept


def _line(departments: list[Department], *, is_open: bool, now: dt.datetime) -> Line:
    turns = order.in_order_at_counter(departments, first=reads.MOST_ROWS if is_open else 1, now=now)
    following = turns[0] if turns and turns[0].why != "not_yet" else None
    rows = [reads.row(turn.ticket, now=now) for turn in turns] if is_open else []
    return Line(following, reads.counts(departments, now=now), drawn(rows, first_is_next=bool(following)))


class _Shown(NamedTuple):
    """All that a row shows, but for its language."""

    public_id: str
    code: str
    title: str
    hue: str
    booked_for: dt.datetime | None
    since: dt.datetime
    minutes: int
    is_next: bool
    priority: str
    topic: str
    was_sent_on: bool
    remark: str


EARLY, NOT_YET, LATE = _("มาก่อนเวลา"), _("ยังไม่ถึงเวลา"), _("มาสาย")


def drawn(rows: Iterable[Row], *, first_is_next: bool) -> list[str]:
    """These rows in the language of the page. Each leads to the console's own address, whichever counter it is."""
    language = get_language()
    return [_drawn(_shown(row, is_next=first_is_next and nth == 0), language) for nth, row in enumerate(rows)]


def _shown(row: Row, *, is_next: bool) -> _Shown:
    ticket = row.ticket
    remark = (EARLY if ticket.queue.calls_early else NOT_YET) if row.is_early else LATE if row.is_late else ""
    return _Shown(
        public_id=ticket.public_id,
        code=ticket.code,
        title=ticket.queue.title,
        hue=ticket.queue.hue,
        booked_for=ticket.slot.starts_at if ticket.slot else None,
        since=row.since,
        minutes=row.minutes,
        is_next=is_next,
        priority=str(Priority(ticket.priority).label) if ticket.priority else "",
        topic=ticket.topic.title if ticket.topic else "",
        was_sent_on=ticket.queue_id != ticket.department_id,
        remark=str(remark),
    )


@lru_cache(MOST_KEPT)
def _drawn(shown: _Shown, language: str) -> str:
    return get_template("counter/_who_waits.html").render({"row": shown})
