"""What a counter's console shows: the ticket at the counter, who waits, and the counter's day so far. Reads only."""

import datetime as dt
from dataclasses import dataclass
from statistics import mean

from django.db.models import Case, CharField, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Concat
from django.utils import timezone

from booking import prepared
from booking.calling import order
from booking.models import Counter, Department, Ticket, TicketEvent
from booking.models.tickets import State, TicketQuerySet
from members.thai_text import normalised

MOST_ROWS = 100
MOST_FOUND = 8
# How long a finish can be undone.
UNDO_FINISH_WITHIN = dt.timedelta(seconds=60)
# The lists beside the ticket at the counter.
LISTS = ["waiting", "on_hold", "missed", "expected"]


@dataclass(frozen=True)
class AtCounter:
    """The ticket that a counter is calling or serving, since when, and the notes of its transfers and holds."""

    ticket: Ticket
    since: dt.datetime
    minutes: int
    notes: list[TicketEvent]


@dataclass(frozen=True)
class Row:
    """A ticket in a list; `since` is when it came into it, or when its turn was or will be for one not yet there, and
    `minutes` how long ago that is."""

    ticket: Ticket
    since: dt.datetime
    minutes: int
    note: str = ""


@dataclass(frozen=True)
class Finished:
    """The ticket that a counter finished last, and when."""

    ticket: Ticket
    at: dt.datetime

    @property
    def undo_until(self) -> dt.datetime:
        return self.at + UNDO_FINISH_WITHIN

    def can_be_undone(self, now: dt.datetime) -> bool:
        return now <= self.undo_until


@dataclass(frozen=True)
class Figures:
    """What a counter has done today. `minutes` is the mean length of a service; None before the first. The last finish
    was at `finished_at`."""

    served: int
    missed: int
    minutes: int | None
    finished_at: dt.datetime | None

    def may_be_undone(self, now: dt.datetime) -> bool:
        """Whether there may be a last_finish() that can be undone."""
        return self.finished_at is not None and now <= self.finished_at + UNDO_FINISH_WITHIN


def at_counter(counter: Counter) -> AtCounter | None:
    """Two queries more where there is one."""
    if not prepared.rows(IS_AT_COUNTER, {"counter": counter.pk}):
        return None
    ticket = Ticket.objects.with_details().select_related("member").at_counter(counter).first()
    if ticket is None:
        return None
    events = list(ticket.events.select_related("counter").order_by("-id"))
    begun = next((event.at for event in events if event.verb == "start"), None)
    since = (begun if ticket.state == State.SERVING else None) or ticket.called_at or timezone.now()
    notes = [event for event in events if _says_something(event)][:2]
    return AtCounter(ticket, since, _minutes(timezone.now() - since), notes)


IS_AT_COUNTER = """
SELECT FROM booking_ticket WHERE counter_id = %(counter)s AND state IN ('called', 'serving')
"""


def counts(departments: list[Department], *, now: dt.datetime | None = None) -> dict[str, int]:
    """How many tickets stand in each of LISTS; one query."""
    by_department = order.counts([one.pk for one in departments], now=now)
    return {name: sum(one.get(name, 0) for one in by_department.values()) for name in LISTS}


def rows(name: str, departments: list[Department], *, now: dt.datetime | None = None) -> list[Row]:
    """The first hundred rows of one of LISTS, but of those who wait, who stand in order.in_order_at_counter()."""
    now = now or timezone.now()
    tickets = Ticket.objects.with_details().select_related("member").of_today().filter(queue__in=departments)
    if name == "expected":
        tickets = tickets.filter(Q(state=State.BOOKED) & ~order.may_be_called(now)).order_by(
            "due_at", "queue", "number"
        )
    else:
        tickets = _with_last_event(tickets.filter(state=name)).order_by("changed_at")
    return [row(ticket, now=now) for ticket in tickets[:MOST_ROWS]]


def named(name: str, departments: list[Department]) -> list[Ticket]:
    """Today's tickets in these departments' queues whose member's name holds each word of `name`; who is still to be
    served first. One more than MOST_FOUND, where there are more."""
    tickets = Ticket.objects.with_details().select_related("member").of_today().filter(queue__in=departments)
    full_name = Concat(
        "member__title", "member__given_name", Value(" "), "member__family_name", output_field=CharField()
    )
    alike = tickets.annotate(name=full_name)
    for word in normalised(name).split():
        alike = alike.filter(name__icontains=word)
    return sorted(alike.order_by("due_at", "number"), key=lambda ticket: not ticket.is_live)[: MOST_FOUND + 1]


def found(public_ids: list[str], departments: list[Department], *, now: dt.datetime | None = None) -> list[Row]:
    """Rows of today's tickets that a search found, in its order."""
    tickets = Ticket.objects.with_details().select_related("member").of_today().filter(queue__in=departments)
    by_id = {ticket.public_id: ticket for ticket in tickets.filter(public_id__in=public_ids)}
    return [row(by_id[public_id], now=now) for public_id in public_ids if public_id in by_id]


def row(ticket: Ticket, *, now: dt.datetime | None = None) -> Row:
    now = now or timezone.now()
    since = getattr(ticket, "changed_at", None) or ticket.arrived_at or ticket.due_at
    return Row(ticket, since, _minutes(now - since), note=getattr(ticket, "note", ""))


def last_finish(counter: Counter) -> Finished | None:
    """The last ticket that this counter finished today, if it is still served."""
    events = TicketEvent.objects.filter(counter=counter, at__gte=_midnight(), verb="finish")
    events = events.filter(entered_at=None).order_by("-id")
    last = events.first()
    tickets = Ticket.objects.with_details().select_related("member").filter(state=State.SERVED, counter=counter)
    ticket = tickets.filter(pk=last.ticket_id).first() if last else None
    return Finished(ticket, last.at) if last and ticket else None


def figures(counter: Counter) -> Figures:
    """From today's events at this counter. A finish that was undone does not count."""
    missed, finished_at = 0, None
    begun: dict[int, dt.datetime] = {}
    served: dict[int, float | None] = {}
    for ticket_id, verb, at in prepared.rows(DAY_SO_FAR, {"counter": counter.pk, "since": _midnight()}):
        if verb == "start":
            begun[ticket_id] = at
        elif verb == "finish":
            finished_at = at
            served[ticket_id] = (at - begun[ticket_id]).total_seconds() if ticket_id in begun else None
        elif verb == "undo_finish":
            served.pop(ticket_id, None)
        elif verb == "miss":
            missed += 1
    seconds = [one for one in served.values() if one is not None]
    return Figures(len(served), missed, round(mean(seconds) / 60) if seconds else None, finished_at)


# Without what was entered from paper and taken back, as TicketEvent.objects.standing() says.
DAY_SO_FAR = """
SELECT ticket_id, verb, at
  FROM booking_ticketevent event
 WHERE counter_id = %(counter)s AND at >= %(since)s AND verb IN ('start', 'finish', 'undo_finish', 'miss')
   AND NOT EXISTS (SELECT FROM booking_ticketevent back
                    WHERE back.ticket_id = event.ticket_id AND back.strikes <= event.id AND back.id >= event.id)
 ORDER BY id
"""


def _midnight() -> dt.datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _minutes(duration: dt.timedelta) -> int:
    return int(duration.total_seconds() // 60)


def _says_something(event: TicketEvent) -> bool:
    return event.verb == "transfer" or (event.verb == "hold" and event.reason != "")


def _with_last_event(tickets: TicketQuerySet) -> TicketQuerySet:
    last = TicketEvent.objects.filter(ticket=OuterRef("pk")).order_by("-id")
    return tickets.annotate(
        changed_at=Subquery(last.values("at")[:1]),
        note=Case(When(state=State.ON_HOLD, then=Subquery(last.values("reason")[:1])), default=Value("")),
    )
