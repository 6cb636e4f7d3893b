"""What goes on in the office at this moment: each department's queue, each counter, who is held or forgotten, and who
came and is still to come by half hour. Numbers and counters only, no members.

Reads, in a fixed number of queries however many tickets there are. docs/figures.md says what each figure counts.
"""

import datetime as dt
from collections import Counter as Tally
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from booking.calling import pace, times, waits
from booking.models import Counter, CounterDepartment, Department, DepartmentDay, SeatEvent, Ticket, TicketEvent
from booking.models.tickets import AT_COUNTER, State

# A ticket that is at a counter for so many times the department's pace, and for so long at least, has been forgotten.
TIMES_THE_USUAL, AT_LEAST = 3, dt.timedelta(minutes=15)
HALF_HOUR = dt.timedelta(minutes=30)

Pks = dict[int, Department]  # the departments shown, by their ids
Paces = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class DepartmentNow:
    """A department's queue today. `longest`: the minutes that whoever has waited longest has waited, `longest_code`
    who that is; None where nobody waits. `missed`: who was called and not found, and may come back."""

    department: Department
    day: DepartmentDay | None
    waiting: int
    longest: int | None
    longest_code: str
    served: int
    missed: int
    no_shows: int
    not_arrived: int
    walk_ins: int
    to_come: int
    end: waits.End
    counters: int

    @property
    def minutes_over(self) -> int:
        """By how many minutes the queue is expected to end after closing."""
        closes_at = self.day.closes_at if self.day else None
        if self.end.at is None or closes_at is None or self.end.at <= closes_at:
            return 0
        return -int((closes_at - self.end.at).total_seconds() // 60)


@dataclass(frozen=True)
class CounterNow:
    """A counter, and what it does since when: "free" (nobody sits there), "idle", "calling" or "serving"."""

    counter: Counter
    departments: list[Department]
    doing: str
    code: str
    since: dt.datetime | None
    minutes: int | None
    is_forgotten: bool


@dataclass(frozen=True)
class Held:
    """A ticket on hold, or one that is at a counter for far longer than usual."""

    code: str
    counter: int | None
    department: Department
    since: dt.datetime
    minutes: int


class HalfHour(NamedTuple):
    starts_at: dt.datetime
    walk_ins: int
    to_come: int


@dataclass(frozen=True)
class Office:
    """What the page of today shows; the numbers of half hours are those of all its departments together."""

    departments: list[DepartmentNow]
    counters: list[CounterNow]
    on_hold: list[Held]
    forgotten: list[Held]
    half_hours: list[HalfHour]

    @property
    def busiest(self) -> int:
        """The most of a half hour: the length of a whole bar."""
        return max((max(one.walk_ins, one.to_come) for one in self.half_hours), default=0) or 1


class Row(NamedTuple):
    """A ticket of today."""

    pk: int
    queue_id: int
    department_id: int
    department__letter: str
    number: int
    state: str
    due_at: dt.datetime
    arrived_at: dt.datetime | None
    called_at: dt.datetime | None
    issued_at: dt.datetime
    slot_id: int | None
    counter_id: int | None

    @property
    def code(self) -> str:
        return f"{self.department__letter}{self.number:03d}"


def office(departments: list[Department], *, now: dt.datetime | None = None) -> Office:
    """How things stand in these departments. Fifteen queries."""
    now = now or timezone.now()
    pks = {one.pk: one for one in departments}
    days = DepartmentDay.objects.on(timezone.localdate(now)).by_department()
    rows = rows_of_today(pks, now)
    paces = pace.paces_of(departments)
    counters, forgotten = _counters(pks, _served_at(), paces, now)
    manned = [one for one in counters if one.doing != "free"]
    ends = waits.ends(now=now)
    nobody = waits.End(None, 0)
    return Office(
        departments=[
            _department(
                one,
                days.get(one.pk),
                rows,
                end=ends.get(one.pk, nobody),
                counters=sum(one in each.departments for each in manned),
                now=now,
            )
            for one in departments
        ],
        counters=counters,
        on_hold=_on_hold(pks, rows, now),
        forgotten=forgotten,
        half_hours=_half_hours(pks, [days[pk] for pk in pks if pk in days], rows, now),
    )


def rows_of_today(pks: Pks, now: dt.datetime) -> list[Row]:
    """Today's tickets that these departments issued, or that stand in their queues. One query."""
    tickets = Ticket.objects.filter(date=timezone.localdate(now)).filter(Q(queue__in=pks) | Q(department__in=pks))
    return [Row(*row) for row in tickets.order_by("due_at", "number").values_list(*Row._fields)]


def waits_since(row: Row, day: DepartmentDay | None) -> dt.datetime:
    """Since when a ticket that may be called waits: since its member came, but not before its turn was due, nor before
    the department opened."""
    opens_at = day.opens_at if day else None
    return max(one for one in (row.arrived_at, row.due_at, opens_at) if one)


def may_be_called(row: Row, department: Department, now: dt.datetime) -> bool:
    """As order.may_be_called() says of tickets in the database."""
    if row.state == State.BOOKED:
        return not department.uses_check_in and row.due_at <= now
    return row.state == State.WAITING


def _department(
    department: Department,
    day: DepartmentDay | None,
    rows: list[Row],
    *,
    end: waits.End,
    counters: int,
    now: dt.datetime,
) -> DepartmentNow:
    queue = [row for row in rows if row.queue_id == department.pk]
    issued = [row for row in rows if row.department_id == department.pk]
    waiting = [row for row in queue if may_be_called(row, department, now)]
    # Who came early does not wait yet.
    since = {row.code: waits_since(row, day) for row in waiting}
    first = min(since, key=lambda code: since[code], default="")
    states = Tally(row.state for row in queue)
    late = [row for row in queue if row.state == State.BOOKED and times.is_late(department, row.due_at, came_at=now)]
    late = [row for row in late if row not in waiting]
    return DepartmentNow(
        department=department,
        day=day,
        waiting=len(waiting),
        longest=max(0, _minutes(now - since[first])) if first else None,
        longest_code=first,
        served=states[State.SERVED],
        missed=states[State.MISSED],
        no_shows=states[State.NO_SHOW],
        not_arrived=states[State.NOT_ARRIVED] + len(late),
        walk_ins=sum(row.slot_id is None for row in issued),
        to_come=sum(row.state == State.BOOKED for row in queue)
        - len(late)
        - sum(r.state == State.BOOKED for r in waiting),
        end=end,
        counters=counters,
    )


def _served_at() -> dict[int, list[int]]:
    """The departments of each counter, in its order, by their ids."""
    found: dict[int, list[int]] = {}
    rows = CounterDepartment.objects.order_by("counter", "position", "pk").values_list("counter_id", "department_id")
    for counter_id, department_id in rows:
        found.setdefault(counter_id, []).append(department_id)
    return found


def _counters(
    pks: Pks, served_at: dict[int, list[int]], paces: Paces, now: dt.datetime
) -> tuple[list[CounterNow], list[Held]]:
    """The counters in use that serve one of these departments; and the tickets that are forgotten there."""
    shown = [pk for pk, served in served_at.items() if not pks.keys().isdisjoint(served)]
    counters = Counter.objects.filter(pk__in=shown, is_active=True).select_related("clerk").order_by("number")
    # A counter that serves others too may have one of theirs: its number and state are no secret.
    at_counter = Ticket.objects.filter(date=timezone.localdate(now), counter__in=shown, state__in=AT_COUNTER)
    tickets = {row[-1]: Row(*row) for row in at_counter.values_list(*Row._fields)}
    begun = _changed_at([row.pk for row in tickets.values()], "start")
    acted_at = _last(TicketEvent.objects.filter(counter__in=shown, at__gte=_midnight(now)))
    seated_at = _last(SeatEvent.objects.filter(counter__in=shown))
    found, forgotten = [], []
    for counter in counters:
        served = [pks[pk] for pk in served_at[counter.pk] if pk in pks]
        row = tickets.get(counter.pk)
        code, is_forgotten = "", False
        if row:
            code, is_forgotten = row.code, is_forgotten_at(row, paces, now)
            is_serving = row.state == State.SERVING
            doing = "serving" if is_serving else "calling"
            since = begun.get(row.pk, row.called_at) if is_serving else row.called_at
            if is_forgotten and since:
                forgotten.append(Held(code, counter.number, pks[row.queue_id], since, _minutes(now - since)))
        elif counter.clerk_id:
            doing = "idle"
            known = [at[counter.pk] for at in (acted_at, seated_at) if counter.pk in at]
            since = max(known, default=None)
        else:
            doing, since = "free", seated_at.get(counter.pk)
        minutes = None if since is None else _minutes(now - since)
        found.append(CounterNow(counter, served, doing, code, since, minutes, is_forgotten))
    return found, forgotten


def is_forgotten_at(row: Row, paces: Paces, now: dt.datetime) -> bool:
    """Whether a ticket has been at its counter for far longer than its department usually takes."""
    if row.queue_id not in paces or row.called_at is None:
        return False
    usual = dt.timedelta(seconds=paces[row.queue_id][0])
    return now - row.called_at > max(TIMES_THE_USUAL * usual, AT_LEAST)


def _on_hold(pks: Pks, rows: list[Row], now: dt.datetime) -> list[Held]:
    held = [row for row in rows if row.state == State.ON_HOLD and row.queue_id in pks]
    since = _changed_at([row.pk for row in held], "hold")
    numbers = dict(Counter.objects.filter(pk__in=[row.counter_id for row in held]).values_list("pk", "number"))
    found = [
        Held(
            row.code,
            numbers.get(row.counter_id or 0),
            pks[row.queue_id],
            since.get(row.pk, row.due_at),
            _minutes(now - since.get(row.pk, row.due_at)),
        )
        for row in held
    ]
    return sorted(found, key=lambda one: one.since)


def _half_hours(pks: Pks, days: list[DepartmentDay], rows: list[Row], now: dt.datetime) -> list[HalfHour]:
    """From the first opening to the last closing, and as far beyond as somebody came or is to come."""
    walk_ins = Tally(_half_hour(row.issued_at) for row in rows if row.slot_id is None and row.department_id in pks)
    to_come = Tally(
        _half_hour(row.due_at)
        for row in rows
        if row.state == State.BOOKED
        and row.queue_id in pks
        and not may_be_called(row, pks[row.queue_id], now)
        and not times.is_late(pks[row.queue_id], row.due_at, came_at=now)
    )
    begins = [*walk_ins, *to_come]
    for starts, ends in (hours for day in days for hours in day.hours):
        begins += [_half_hour(starts), _half_hour(ends - dt.timedelta(seconds=1))]
    if not begins:
        return []
    count = (max(begins) - min(begins)) // HALF_HOUR + 1
    moments = [min(begins) + nth * HALF_HOUR for nth in range(count)]
    return [HalfHour(moment, walk_ins[moment], to_come[moment]) for moment in moments]


def _changed_at(ticket_pks: list[int], verb: str) -> dict[int, dt.datetime]:
    """When that last happened to each of these tickets."""
    events = TicketEvent.objects.filter(ticket__in=ticket_pks, verb=verb).order_by()
    return dict(events.values_list("ticket_id").annotate(last=Max("at")))


def _last(events: QuerySet[Any]) -> dict[int, dt.datetime]:
    """When the last of these events was at each counter."""
    return dict(events.order_by().values_list("counter_id").annotate(last=Max("at")))


def _half_hour(moment: dt.datetime) -> dt.datetime:
    local = timezone.localtime(moment)
    return local.replace(minute=local.minute // 30 * 30, second=0, microsecond=0)


def _midnight(now: dt.datetime) -> dt.datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def _minutes(duration: dt.timedelta) -> int:
    return int(duration.total_seconds() // 60)
