"""The rows of who waits, in the console of a counter.

A row is drawn from nothing but its values, so it is drawn once in each process and kept: after a call, ninety-nine of a
hundred rows are what they were.
"""

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from django.template.loader import get_template
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from booking.calling.console import Row
from booking.models.tickets import Priority

MOST_KEPT = 5000


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
