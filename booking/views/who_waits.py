"""Who waits, in the console of a counter: how many, who is next, and the rows.

All of it is worked out once for the consoles that serve the same departments. A row is drawn from nothing but its
values, so it is drawn once in each process and kept: after a call, ninety-nine of a hundred rows are what they were.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from django.core.cache import cache
from django.db.models import QuerySet
from django.template.loader import get_template
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from booking.calling import console as reads
from booking.calling import order, times
from booking.kept import kept
from booking.models import Department, Ticket, Topic
from booking.models.tickets import Priority, code_of

MOST_KEPT = 5000
SHARED_SECONDS = 5


@dataclass(frozen=True)
class Line:
    """The departments, in the counter's order; who would be called next, and why; how many stand in each list of the
    console; and the rows of those who wait, drawn, where that list is open."""

    departments: list[Department]
    following: order.NextUp | None
    counts: dict[str, int]
    rows: SafeString


def line(versions: dict[int, int], *, is_open: bool, now: dt.datetime) -> Line:
    """Worked out once for all consoles of the departments with these versions of their queues, read before, in the
    counter's order; and again every five seconds, since bookings, the clock and the office change it without one."""
    about = (versions, timezone.localdate(now), int(now.timestamp()) // SHARED_SECONDS, is_open and get_language())
    key = "who_waits." + hashlib.sha256(repr(about).encode()).hexdigest()
    kept = cache.get(key)
    if kept is None:
        kept = _line(list(versions), is_open=is_open, now=now)
        cache.set(key, kept, SHARED_SECONDS)
    return kept


def _line(department_ids: list[int], *, is_open: bool, now: dt.datetime) -> Line:
    ids = {f"nth_{nth}": pk for nth, pk in enumerate(department_ids)}
    known = {one.pk: one for one in _departments(**ids)} if ids else {}
    departments = [known[pk] for pk in department_ids if pk in known]
    turns = order.in_order_at_counter(departments, first=reads.MOST_ROWS if is_open else 1, now=now)
    is_next = bool(turns) and turns[0].why != "not_yet"
    return Line(
        departments,
        following=order.NextUp(_loaded(turns[0].ticket.pk, known), turns[0].why) if is_next else None,
        counts=reads.counts(departments, now=now),
        rows=_rows([turn.ticket for turn in turns], known, first_is_next=is_next, now=now) if is_open else SafeString(),
    )


def _loaded(ticket_id: int, known: dict[int, Department]) -> Ticket:
    """The departments are loaded already, but for one that has sent the ticket on."""
    ticket = _tickets(pk=ticket_id)[0]
    ticket.queue = known.get(ticket.queue_id) or ticket.queue
    ticket.department = known.get(ticket.department_id) or ticket.department
    return ticket


@kept
def _departments(**ids: int) -> QuerySet[Department]:
    return Department.objects.filter(pk__in=list(ids.values())).order_by()


@kept
def _tickets(*, pk: int) -> QuerySet[Ticket]:
    return Ticket.objects.select_related("slot", "topic", "member").filter(pk=pk)


def _rows(
    tickets: list[order.Standing], known: dict[int, Department], *, first_is_next: bool, now: dt.datetime
) -> SafeString:
    """In the language of the page. Each leads to the console's own address, whichever counter it is."""
    issuers = {ticket.department_id for ticket in tickets} - known.keys()
    known = known | (Department.objects.in_bulk(issuers) if issuers else {})
    titles = {pk: department.title for pk, department in known.items()}
    topic_ids = {ticket.topic_id for ticket in tickets} - {None}
    topics = {pk: topic.title for pk, topic in Topic.objects.in_bulk(topic_ids).items()} if topic_ids else {}
    language = get_language()
    return SafeString(
        "".join(
            _drawn(_shown(ticket, known, titles, topics, is_next=first_is_next and nth == 0, now=now), language)
            for nth, ticket in enumerate(tickets)
        )
    )


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


def _shown(
    ticket: order.Standing,
    known: dict[int, Department],
    titles: dict[int, str],
    topics: dict[int, str],
    *,
    is_next: bool,
    now: dt.datetime,
) -> _Shown:
    """`titles` of departments and of topics: which language they are in is asked once, not for each row."""
    issuer, queue = known[ticket.department_id], known[ticket.queue_id]
    since = ticket.arrived_at or ticket.due_at
    came_at = ticket.arrived_at or now
    remark = ""
    if not ticket.is_due:
        remark = str(EARLY if queue.calls_early else NOT_YET)
    elif ticket.booked_for and times.is_late(issuer, ticket.booked_for, came_at=came_at):
        remark = str(LATE)
    return _Shown(
        public_id=ticket.public_id,
        code=code_of(issuer.letter, ticket.number),
        title=titles[ticket.queue_id],
        hue=queue.hue,
        booked_for=ticket.booked_for,
        since=since,
        minutes=int((now - since).total_seconds() // 60),
        is_next=is_next,
        priority=str(Priority(ticket.priority).label) if ticket.priority else "",
        topic=topics[ticket.topic_id] if ticket.topic_id else "",
        was_sent_on=ticket.queue_id != ticket.department_id,
        remark=remark,
    )


@lru_cache(MOST_KEPT)
def _drawn(shown: _Shown, language: str) -> str:
    return get_template("counter/_who_waits.html").render({"row": shown})
