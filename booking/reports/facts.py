"""From the events of tickets to counts by hour: the one place where it stands what a figure of the reports counts.
docs/figures.md says the same in words. tests/test_recount.py counts again by other ways, and has to agree."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from django.db.models import Count, Sum
from django.utils import timezone

from booking.calling import accuracy, pace
from booking.days import serving
from booking.models import HourSummary, MessageSummary, Notice, Slot, TicketEvent
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


def hours(first: dt.date, last: dt.date) -> list[HourSummary]:
    """The hours of these days, both included, not stored. Four queries, however many days and tickets."""
    found: Hours = defaultdict(Hour)
    opened = serving.serving_periods_between(first, last)
    for _ticket, events in groupby(_events(first, last), key=lambda event: event.ticket_id):
        history = list(events)
        opens = opened.get(history[0].department_id, {}).get(history[0].date)
        _of_ticket(found, history, opens[0][0] if opens else None)
    slots = Slot.objects.filter(date__range=(first, last)).order_by()
    for date, department_id, starts_at, quota in slots.values_list("date", "department", "starts_at").annotate(
        quota=Sum("quota")
    ):
        found[Key(date, department_id, _hour(starts_at))].counts["places"] += quota
    for wait in accuracy.waits(first, last):
        name = "told_within" if wait.is_within else "told_before" if wait.is_below else "told_after"
        found[Key(wait.date, wait.department_id, _hour(wait.at or dt.datetime.now(dt.UTC)))].counts[name] += 1
    return [
        HourSummary(**key._asdict(), **hour.counts, **{name: sorted(all_) for name, all_ in hour.durations.items()})
        for key, hour in sorted(found.items(), key=lambda one: [part or 0 for part in one[0][1:]])
        if any(hour.counts.values()) or hour.durations
    ]


def messages(first: dt.date, last: dt.date) -> list[MessageSummary]:
    """The messages about tickets of these days, not stored. One query."""
    rows = Notice.objects.filter(ticket__date__range=(first, last)).order_by()
    named = ["ticket__date", "ticket__department", "kind", "channel", "state"]
    return [
        MessageSummary(date=date, department_id=department, kind=kind, channel=channel, state=state, count=count)
        for date, department, kind, channel, state, count in rows.values_list(*named).annotate(count=Count("pk"))
    ]


def _events(first: dt.date, last: dt.date) -> Iterator[Event]:
    rows = TicketEvent.objects.filter(ticket__date__range=(first, last)).order_by("ticket_id", "id")
    of_ticket = ["ticket__date", "ticket__department", "ticket__slot__starts_at", "ticket__issued_at"]
    of_ticket += ["ticket__slot__ends_at", "ticket__parts", "entered_at"]
    named = ["ticket_id", "verb", "to_state", "queue_id", "counter_id", "by_id", "cause", "at", *of_ticket]
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
