"""From the events of tickets to counts by hour: the one place where it stands what a figure of the reports counts.
docs/figures.md says the same in words. tests/test_recount.py counts again by other ways, and has to agree."""

import datetime as dt
from collections import defaultdict
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.expressions import RawSQL
from django.utils import timezone

from booking import replica, time_limits
from booking.calling import accuracy, pace
from booking.days import serving
from booking.models import (
    HourSummary,
    MessageSummary,
    Notice,
    OfferMessage,
    Slot,
    Ticket,
    TicketEvent,
    TicketSummary,
)
from booking.models.notices import OFFER
from booking.models.tickets import LIVE, Cause, State

COUNTS = (
    "booked booked_by_staff walk_ins served cancelled cancelled_by_staff moved left_over no_shows not_arrived"
    " still_open came places taken told_within told_before told_after missed"
).split()
DURATIONS = ["leads", "waits", "services", "totals"]
# What a ticket has become, where its last event does not have to say by whom.
BECAME = {
    State.SERVED: "served",
    State.NO_SHOW: "no_shows",
    State.NOT_ARRIVED: "not_arrived",
    **dict.fromkeys(LIVE, "still_open"),
}
# A cancelled ticket gave its place back; no other state does.
GAVE_UP = {"cancelled", "cancelled_by_staff", "moved"}


class Key(NamedTuple):
    """By what everything is counted; counter and clerk are None for what belongs to a ticket, not to who served it."""

    date: dt.date
    department_id: int
    hour: int
    counter_id: int | None = None
    clerk_id: int | None = None


class Event(NamedTuple):
    """One event, with what its ticket does not change any more."""

    ticket_id: int
    verb: str
    to_state: str
    queue_id: int | None
    counter_id: int | None
    by_id: int | None
    cause: str
    at: dt.datetime
    date: dt.date
    department_id: int
    slot_starts_at: dt.datetime | None
    issued_at: dt.datetime
    slot_ends_at: dt.datetime | None
    parts: int
    entered_at: dt.datetime | None

    @property
    def clerk_id(self) -> int | None:
        """Who did it; None for what was entered from paper: who served is not known there."""
        return None if self.entered_at else self.by_id

    def part_begins_at(self, part: int) -> dt.datetime:
        """A long visit's further places lie in slots as long as its first."""
        assert self.slot_starts_at and self.slot_ends_at
        return self.slot_starts_at + part * (self.slot_ends_at - self.slot_starts_at)


@dataclass
class Hour:
    """What is counted of one key: by the names of COUNTS and DURATIONS."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    durations: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


Hours = dict[Key, Hour]


# Rounded as Python rounds: a half to the even second.
def _seconds(interval: str) -> str:
    return f"greatest(0, round(extract(epoch FROM {interval})::float8))::int"


_WHEN = " ".join(f"WHEN '{state.value}' THEN '{name}'" for state, name in BECAME.items())
_BECAME = f"CASE state {_WHEN} END"

# Nothing was taken back, moved, handed on or entered from paper.
STRAIGHT = r"^(book|book check_in|walk_in)( cancel| close_day| call start finish| call miss close_day)?$"
OTHERS = "others"
# Each row: a key, the name of a count or of durations, how many, and the durations in order. By the same rules as
# `_of_ticket`, below.
PLAIN = f"""
WITH ticket AS MATERIALIZED (
    SELECT ticket.id, ticket.date, ticket.department_id, ticket.parts, ticket.issued_at, slot.starts_at, slot.ends_at,
           coalesce(slot.starts_at, ticket.issued_at) AS turn, event.*,
           event.verbs ~ '{STRAIGHT}' AND (event.verbs ~ '^walk_in') = (slot.id IS NULL) AND NOT event.is_odd
               AS is_plain
      FROM booking_ticket ticket
      LEFT JOIN booking_slot slot ON slot.id = ticket.slot_id AND slot.date BETWEEN %(first)s AND %(last)s
      CROSS JOIN LATERAL (
          SELECT string_agg(verb, ' ' ORDER BY id) AS verbs,
                 bool_or(entered_at IS NOT NULL OR strikes IS NOT NULL OR (verb = 'start' AND queue_id IS NULL))
                     AS is_odd,
                 (array_agg(to_state ORDER BY id DESC))[1] AS state,
                 (array_agg(cause ORDER BY id DESC))[1] AS cause,
                 (array_agg(by_id ORDER BY id DESC))[1] AS ended_by,
                 max(by_id) FILTER (WHERE verb = 'book') AS booked_by,
                 max(at) FILTER (WHERE verb IN ('walk_in', 'check_in')) AS came_at,
                 max(at) FILTER (WHERE verb = 'call') AS called_at,
                 max(queue_id) FILTER (WHERE verb = 'call') AS called_in,
                 max(by_id) FILTER (WHERE verb = 'call') AS called_by,
                 max(counter_id) FILTER (WHERE verb = 'call') AS called_to,
                 max(at) FILTER (WHERE verb = 'miss') AS missed_at,
                 max(queue_id) FILTER (WHERE verb = 'miss') AS missed_in,
                 max(by_id) FILTER (WHERE verb = 'miss') AS missed_by,
                 max(counter_id) FILTER (WHERE verb = 'miss') AS missed_to,
                 max(queue_id) FILTER (WHERE verb = 'start') AS served_in,
                 max(at) FILTER (WHERE verb = 'finish') AS finished_at,
                 max(by_id) FILTER (WHERE verb = 'finish') AS finished_by,
                 (array_agg(counter_id ORDER BY id DESC) FILTER (WHERE counter_id IS NOT NULL))[1] AS finished_to
            FROM booking_ticketevent WHERE ticket_id = ticket.id) event
     WHERE ticket.date BETWEEN %(first)s AND %(last)s
       AND (%(topic)s::bigint IS NULL OR ticket.topic_id = %(topic)s::bigint)
), plain AS (
    SELECT ticket.*, extract(hour FROM turn AT TIME ZONE %(zone)s)::int AS hour,
           CASE WHEN came_at IS NULL THEN starts_at ELSE greatest(came_at, starts_at, opens.at) END AS begins,
           CASE WHEN state <> 'cancelled' THEN {_BECAME}
                WHEN cause = 'day_over' THEN 'left_over'
                WHEN ended_by IS NOT NULL THEN 'cancelled_by_staff'
                ELSE 'cancelled' END AS became
      FROM ticket
      LEFT JOIN unnest(%(departments)s::bigint[], %(dates)s::date[], %(opens)s::timestamptz[])
                opens (department_id, date, at)
             ON opens.department_id = ticket.department_id AND opens.date = ticket.date
     WHERE is_plain
), counted AS (
    SELECT date, department_id, hour, NULL::bigint AS counter_id, NULL::bigint AS clerk_id, name, NULL::int AS value
      FROM plain CROSS JOIN LATERAL (VALUES
           (became),
           (CASE WHEN came_at IS NOT NULL OR called_at IS NOT NULL THEN 'came' END),
           (CASE WHEN starts_at IS NULL THEN 'walk_ins' WHEN booked_by IS NULL THEN 'booked' ELSE 'booked_by_staff' END)
           ) own (name)
     WHERE name IS NOT NULL
    UNION ALL
    SELECT date, department_id,
           extract(hour FROM (starts_at + part * (ends_at - starts_at)) AT TIME ZONE %(zone)s)::int,
           NULL, NULL, 'taken', NULL
      FROM plain CROSS JOIN LATERAL generate_series(0, parts - 1) part
     WHERE starts_at IS NOT NULL AND became NOT IN ('cancelled', 'cancelled_by_staff')
    UNION ALL
    SELECT date, department_id, hour, NULL, NULL, 'leads', date - (issued_at AT TIME ZONE %(zone)s)::date
      FROM plain WHERE starts_at IS NOT NULL
    UNION ALL
    SELECT date, coalesce(missed_in, department_id), extract(hour FROM missed_at AT TIME ZONE %(zone)s)::int,
           missed_to, missed_by, 'missed', NULL
      FROM plain WHERE missed_by IS NOT NULL
    UNION ALL
    SELECT date, coalesce(called_in, department_id), extract(hour FROM begins AT TIME ZONE %(zone)s)::int,
           called_to, called_by, 'waits', {_seconds("called_at - begins")}
      FROM plain WHERE called_at IS NOT NULL
    UNION ALL
    SELECT date, served_in, extract(hour FROM finished_at AT TIME ZONE %(zone)s)::int, finished_to, finished_by,
           'services', {_seconds("finished_at - called_at")}
      FROM plain WHERE finished_by IS NOT NULL
    UNION ALL
    SELECT date, department_id, extract(hour FROM finished_at AT TIME ZONE %(zone)s)::int, finished_to, finished_by,
           'totals', {_seconds("finished_at - begins")}
      FROM plain WHERE finished_by IS NOT NULL
)
SELECT date, department_id, hour, counter_id, clerk_id, name, count(*),
       array_agg(value ORDER BY value) FILTER (WHERE value IS NOT NULL)
  FROM counted GROUP BY 1, 2, 3, 4, 5, 6
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, '{OTHERS}', count(*), array_agg(id) FROM ticket WHERE NOT is_plain
"""


def hours(first: dt.date, last: dt.date, *, topic: int | None = None) -> list[HourSummary]:
    """The hours of these days, both included, not stored. With the id of a topic: of its tickets alone, beside the
    whole quota of its department. Five queries, however many days and tickets."""
    found: Hours = defaultdict(Hour)
    opened = serving.serving_periods_between(first, last)
    others = _plain(found, first, last, opened, topic)
    # Closed while its transaction lasts: the cursor ends with that.
    with closing(_events(others)) as all_events:
        for _ticket, events in groupby(all_events, key=lambda event: event.ticket_id):
            time_limits.check()
            history = list(events)
            opens = opened.get(history[0].department_id, {}).get(history[0].date)
            _of_ticket(found, history, opens[0][0] if opens else None)
    slots = Slot.objects.filter(date__range=(first, last), **_of_topic("department__topics", topic)).order_by()
    for date, department_id, starts_at, quota in slots.values_list("date", "department", "starts_at").annotate(
        quota=Sum("quota")
    ):
        found[Key(date, department_id, _hour(starts_at))].counts["places"] += quota
    for wait in accuracy.waits(first, last, topic=topic):
        name = "told_within" if wait.is_within else "told_before" if wait.is_below else "told_after"
        found[Key(wait.date, wait.department_id, _hour(wait.at or dt.datetime.now(dt.UTC)))].counts[name] += 1
    return [
        HourSummary(**key._asdict(), **hour.counts, **{name: sorted(all_) for name, all_ in hour.durations.items()})
        for key, hour in sorted(found.items(), key=lambda one: [part or 0 for part in one[0][1:]])
        if any(hour.counts.values()) or hour.durations
    ]


def messages(first: dt.date, last: dt.date, *, topic: int | None = None) -> list[MessageSummary]:
    """The messages about tickets of these days, and of free places to those who wait for them, not stored; of a topic
    alone where its id is given. Two queries."""
    days = (first, last)
    notices = Notice.objects.filter(ticket__date__range=days, **_of_topic("ticket__topic", topic)).order_by()
    entries = {"entry__date__range": days} | _of_topic("entry__topic", topic)
    offers = OfferMessage.objects.filter(**entries).order_by().annotate(kind=Value(OFFER))
    of_notices = notices.values_list("ticket__date", "ticket__department", "kind", "channel", "state")
    of_offers = offers.values_list("entry__date", "entry__department", "kind", "channel", "state")
    return [
        MessageSummary(date=date, department_id=department, kind=kind, channel=channel, state=state, count=count)
        for rows in (of_notices, of_offers)
        for date, department, kind, channel, state, count in rows.annotate(count=Count("pk"))
    ]


def tickets(first: dt.date, last: dt.date, *, topic: int | None = None) -> list[TicketSummary]:
    """How tickets of these days were asked for, what they were about, what came of it, and why they were cancelled; not
    stored. Of a topic alone where its id is given. Four queries."""
    What = TicketSummary.What
    of_days = {"ticket__date__range": (first, last)} | _of_topic("ticket__topic", topic)
    day = ["ticket__date", "ticket__department"]
    asked = TicketEvent.objects.filter(**of_days, verb="book", by__isnull=False, ticket__moved_from=None)
    topics = Ticket.objects.filter(date__range=(first, last), topic__isnull=False, **_of_topic("topic", topic))
    topics = topics.exclude(state=State.CANCELLED)
    # A finish that was taken back does not count: only a ticket's last.
    last_finish = TicketEvent.objects.filter(ticket=OuterRef("ticket"), verb="finish").order_by("-pk").values("pk")[:1]
    ends = TicketEvent.objects.filter(
        **of_days, verb="finish", ticket__topic__isnull=False, ticket__state=State.SERVED, pk=Subquery(last_finish)
    )
    cancels = TicketEvent.objects.filter(**of_days, verb="cancel").exclude(cause=Cause.DAY_OVER)

    def counted(rows: QuerySet[Any], *named: str) -> Iterable[tuple[Any, ...]]:
        found: Iterable[tuple[Any, ...]] = rows.order_by().values_list(*named).annotate(count=Count("pk"))
        return found

    found = [
        TicketSummary(date=date, department_id=department, what=What.ASKED, name=name, count=count)
        for date, department, name, count in counted(asked, *day, "asked")
    ]
    found += [
        TicketSummary(date=date, department_id=department, what=What.TOPIC, topic_id=about, count=count)
        for date, department, about, count in counted(topics, "date", "department", "topic")
    ]
    found += [
        TicketSummary(date=date, department_id=department, what=What.OUTCOME, name=outcome, topic_id=about, count=count)
        for date, department, outcome, about, count in counted(ends, *day, "outcome", "ticket__topic")
    ]
    by_member = cancels.annotate(by_member=Q(by=None))
    found += [
        TicketSummary(
            date=date,
            department_id=department,
            what=What.BY_MEMBER if is_member else What.BY_STAFF,
            name=cause,
            count=count,
        )
        for date, department, cause, is_member, count in counted(by_member, *day, "cause", "by_member")
    ]
    return found


def _of_topic(where: str, topic: int | None) -> dict[str, int]:
    return {} if topic is None else {where: topic}


def _plain(
    found: Hours,
    first: dt.date,
    last: dt.date,
    opened: dict[int, dict[dt.date, serving.Served]],
    topic: int | None = None,
) -> list[int]:
    """Count the tickets of these days with which everything went straight on, by one statement: most of them are. Gives
    the ids of the others, which `_of_ticket` counts; it would count these the same."""
    opens = [(pk, date, periods[0][0]) for pk, days in opened.items() for date, periods in days.items()]
    departments, dates, moments = ([*each] for each in zip(*opens, strict=True)) if opens else ([], [], [])
    asked: dict[str, Any] = {"first": first, "last": last, "departments": departments, "dates": dates, "opens": moments}
    others: list[int] = []
    with connections[replica.alias()].cursor() as cursor:
        cursor.execute(PLAIN, asked | {"zone": timezone.get_current_timezone_name(), "topic": topic})
        for *key, name, count, values in cursor:
            if name == OTHERS:
                others = values or []
            elif name in DURATIONS:
                found[Key(*key)].durations[name] += values
            else:
                found[Key(*key)].counts[name] += count
    return others


def _events(ticket_ids: list[int]) -> Generator[Event]:
    rows = TicketEvent.objects.standing().filter(ticket_id__in=RawSQL("SELECT unnest(%s::bigint[])", [ticket_ids]))
    of_ticket = ["ticket__date", "ticket__department", "ticket__slot__starts_at", "ticket__issued_at"]
    of_ticket += ["ticket__slot__ends_at", "ticket__parts", "entered_at"]
    named = ["ticket_id", "verb", "to_state", "queue_id", "counter_id", "by_id", "cause", "at", *of_ticket]
    rows = rows.order_by("ticket_id", "id")
    return (Event(*row) for row in rows.values_list(*named).iterator(5000))


def _of_ticket(found: Hours, history: list[Event], opens_at: dt.datetime | None) -> None:
    """Count one ticket, from its events in order."""
    one = history[0]
    own = found[Key(one.date, one.department_id, _hour(one.slot_starts_at or one.issued_at))].counts
    became = _became(history[-1])
    own[became] += 1
    own["came"] += _came(history)
    if one.slot_starts_at:
        own["booked_by_staff" if one.by_id else "booked"] += 1
        for part in range(0 if became in GAVE_UP else one.parts):
            found[Key(one.date, one.department_id, _hour(one.part_begins_at(part)))].counts["taken"] += 1
        lead = (one.date - timezone.localdate(one.issued_at)).days
        found[Key(one.date, one.department_id, _hour(one.slot_starts_at))].durations["leads"].append(lead)
    else:
        own["walk_ins"] += 1
    for event in history:
        if event.verb == "miss" and event.by_id:
            found[_at(event, event.at)].counts["missed"] += 1
    first_turn = _waits(found, history, opens_at)
    _services(found, history, first_turn if became == "served" else None)


def _became(last: Event) -> str:
    if last.verb == "reschedule":
        return "moved"
    if last.to_state == State.CANCELLED:
        if last.cause == Cause.DAY_OVER:
            return "left_over"
        return "cancelled_by_staff" if last.by_id else "cancelled"
    return BECAME[State(last.to_state)]


def _came(history: list[Event]) -> bool:
    came = False
    for event in history:
        if event.verb in ("walk_in", "check_in", "call"):
            came = True
        elif event.verb == "undo_check_in":
            came = False
    return came


def _waits(found: Hours, history: list[Event], opens_at: dt.datetime | None) -> dt.datetime | None:
    """Count the wait of each queue that the ticket stood in, up to the first call there that nobody took back. Returns
    when the first of them began; None for who never waited."""
    begins: dt.datetime | None = None  # of the wait that goes on
    counted: tuple[Key, int, dt.datetime] | None = None  # the one that the last call ended
    first_turn = None
    for event in history:
        if event.verb in ("book", "reschedule", "undo_check_in"):
            begins = event.slot_starts_at
        elif event.verb in ("walk_in", "check_in"):
            begins = max(filter(None, [event.at, event.slot_starts_at, opens_at]))
        elif event.verb == "transfer":
            begins = event.at
        elif event.verb == "call" and begins:
            seconds = max(0, round((event.at - begins).total_seconds()))
            key = _at(event, begins)
            found[key].durations["waits"].append(seconds)
            first_turn = first_turn or begins
            counted, begins = (key, seconds, begins), None
        elif event.verb == "undo_call" and counted:
            key, seconds, begins = counted
            found[key].durations["waits"].remove(seconds)
            if not found[key].durations["waits"]:
                del found[key].durations["waits"]
        if event.verb != "recall":
            counted = counted if event.verb == "call" else None
    return first_turn


def _services(found: Hours, history: list[Event], began: dt.datetime | None) -> None:
    """Count the time at each counter, as the pace does (calling/pace.py); and from `began`, where it is given, to the
    end of the last."""
    followed = [(one.verb, one.queue_id, one.by_id, one.at) for one in history if one.verb in pace.FOLLOWED]
    services = pace.services_of(history[0].ticket_id, followed)
    for service in services:
        if service.left_out:
            continue
        ended = next(one for one in reversed(history) if one.at == service.ended_at and one.verb in pace.FOLLOWED)
        counter_id = next((one.counter_id for one in _until(history, ended) if one.counter_id), None)
        key = Key(ended.date, service.department_id, _hour(ended.at), counter_id, ended.clerk_id)
        found[key].durations["services"].append(round(service.seconds))
        if began and service is services[-1]:
            whole = max(0, round((service.ended_at - began).total_seconds()))
            found[key._replace(department_id=ended.department_id)].durations["totals"].append(whole)


def _until(history: list[Event], last: Event) -> list[Event]:
    """The events up to `last`, the latest first."""
    return history[: history.index(last) + 1][::-1]


def _at(event: Event, moment: dt.datetime) -> Key:
    """Who did it where, by the hour of a moment."""
    return Key(event.date, event.queue_id or event.department_id, _hour(moment), event.counter_id, event.clerk_id)


def _hour(moment: dt.datetime) -> int:
    return timezone.localtime(moment).hour
