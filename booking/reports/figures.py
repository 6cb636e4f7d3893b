"""The figures of a report: the stored hours of a range, those of days not stored yet read live, and what they amount to
in all and by department, day, hour, counter or clerk. A fixed number of queries, however long the history."""

import datetime as dt
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NamedTuple, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, Case, Min, PositiveIntegerField, Q, QuerySet, Sum, When
from django.db.models.functions import ExtractIsoWeekDay, TruncMonth

from booking.models import Department, HourSummary, MessageSummary, SummarisedDay, Tally, TicketSummary
from booking.reports import facts

# Up to so many days each has a row of its own, then each month.
MOST_DAYS = 62

Row = TypeVar("Row", HourSummary, MessageSummary, TicketSummary)


@dataclass(frozen=True)
class Scope:
    """What a report is about. `departments`: the ids of those that it may count. None or empty is all."""

    first: dt.date
    last: dt.date
    departments: frozenset[int] | None = None
    counter: int | None = None
    clerk: int | None = None
    weekday: int | None = None  # 0 is Monday
    hour: int | None = None
    topic: int | None = None

    @property
    def is_by_month(self) -> bool:
        """Whether the range is too long for a row for each day."""
        return (self.last - self.first).days >= MOST_DAYS

    def has(self, row: HourSummary) -> bool:
        return (
            self.first <= row.date <= self.last
            and self.has_day(row.department_id, row.date)
            and self.counter in (None, row.counter_id)
            and self.clerk in (None, row.clerk_id)
            and self.hour in (None, row.hour)
        )

    def has_day(self, department_id: int, date: dt.date) -> bool:
        """Whether the department and the weekday are in scope."""
        is_theirs = self.departments is None or department_id in self.departments
        return is_theirs and self.weekday in (None, date.weekday())

    @property
    def is_of_somebody(self) -> bool:
        """Whether only what belongs to a counter or a clerk is counted, and so no tickets."""
        return self.counter is not None or self.clerk is not None


@dataclass
class Durations:
    """Seconds (days for lead times), in any order."""

    all: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.all)

    def at(self, share: float) -> int | None:
        """The shortest that at least this share of all does not exceed; None where there are none."""
        return self._sorted()[ceil(share * len(self.all)) - 1] if self.all else None

    @property
    def median(self) -> int | None:
        return self.at(0.5)

    @property
    def p90(self) -> int | None:
        return self.at(0.9)

    def _sorted(self) -> list[int]:
        self.all.sort()  # quick where nothing was added since
        return self.all


class Figures:
    """What some hours amount to: each of facts.COUNTS as an attribute, and the durations."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.leads, self.waits, self.services, self.totals = Durations(), Durations(), Durations(), Durations()
        self.in_time = 0

    def __getattr__(self, name: str) -> int:
        if name not in facts.COUNTS:
            raise AttributeError(name)
        return self.counts[name]

    def add(self, row: HourSummary, promises: dict[int, int]) -> None:
        for name in facts.COUNTS:
            if counted := getattr(row, name):
                self.counts[name] += counted
        self.leads.all += row.leads
        self.waits.all += row.waits
        self.services.all += row.services
        self.totals.all += row.totals
        self.in_time += bisect_right(row.waits, promises.get(row.department_id, 0) * 60)

    @property
    def tickets(self) -> int:
        return self.booked + self.booked_by_staff + self.walk_ins

    @property
    def told(self) -> int:
        return self.told_within + self.told_before + self.told_after

    @property
    def share_in_time(self) -> float | None:
        return share(self.in_time, len(self.waits))

    @property
    def share_taken(self) -> float | None:
        return share(self.taken, self.places)

    @property
    def share_not_come(self) -> float | None:
        """Of the tickets that have ended, without those cancelled or moved: who did not come, or not when called."""
        not_come = self.no_shows + self.not_arrived
        return share(not_come, not_come + self.served + self.left_over)

    @property
    def share_told_right(self) -> float | None:
        return share(self.told_within, self.told)


class Sent(NamedTuple):
    kind: str
    channel: str
    state: str
    many: int


def hours(scope: Scope) -> list[HourSummary]:
    """What falls into the hours in scope, in no order; where the scope is shown by month, with the hours of a month put
    together under the first of their dates. At most eight queries."""
    stored, live = days(scope)
    found = HourSummary.objects.filter(_in_rows(scope), date__in=stored).order_by()
    if scope.counter is not None:
        found = found.filter(counter=scope.counter)
    if scope.clerk is not None:
        found = found.filter(clerk=scope.clerk)
    if scope.hour is not None:
        found = found.filter(hour=scope.hour)
    rows = _of_months(found) if scope.is_by_month else list(found)
    return rows + [row for row in _live(scope, live, facts.hours) if scope.has(row)]


def days(scope: Scope) -> tuple[set[dt.date], set[dt.date]]:
    """The days in scope that are stored, and those that are not: today and those to come, and yesterday until the
    night's job. Before the first that is stored there are no tickets. Of one topic no day is stored. Two queries."""
    if scope.topic is not None:
        return set(), _days(scope.first, scope.last)
    stored = SummarisedDay.objects.filter(has_tickets=True)
    first = max(scope.first, stored.aggregate(first=Min("pk"))["first"] or scope.first)
    there = set(stored.filter(pk__range=(first, scope.last)).values_list("pk", flat=True))
    return there, _days(first, scope.last) - there


def _days(first: dt.date, last: dt.date) -> set[dt.date]:
    return {first + dt.timedelta(days=nth) for nth in range((last - first).days + 1)}


def _of_months(found: QuerySet[HourSummary]) -> list[HourSummary]:
    """Not saved. PostgreSQL puts them together: to add up the single hours of a year took three times as long."""
    keys = ["department_id", "hour", "counter_id", "clerk_id"]
    # Weekdays are shown of the use of quotas alone, which no counter or clerk has.
    weekday = Case(When(counter=None, clerk=None, then=ExtractIsoWeekDay("date")))
    together = found.values(*keys, month=TruncMonth("date"), weekday=weekday).annotate(
        first=Min("date"),
        **{f"all_{name}": Sum(name) for name in facts.COUNTS},
        **{f"all_{name}": _AllOf(name) for name in facts.DURATIONS},
    )
    return [
        HourSummary(
            date=row["first"],
            **{name: row[name] for name in keys},
            **{name: row[f"all_{name}"] for name in facts.COUNTS},
            **{name: sorted(row[f"all_{name}"] or []) for name in facts.DURATIONS},
        )
        for row in together
    ]


class _AllOf(Aggregate):
    """What stands in all arrays, as one; None where they are empty. By way of text: PostgreSQL has no sum of arrays."""

    template = "string_to_array(string_agg(nullif(array_to_string(%(expressions)s, ','), ''), ','), ',')::int[]"
    output_field = ArrayField(PositiveIntegerField())


def figures(rows: Iterable[HourSummary], promises: dict[int, int]) -> Figures:
    """`promises`: minutes in which each department means to call, by its id."""
    found = Figures()
    for row in rows:
        found.add(row, promises)
    return found


def by(rows: Iterable[HourSummary], what: Callable[[HourSummary], Any], promises: dict[int, int]) -> dict[Any, Figures]:
    """The figures for each value of `what`, in order of the values; those without one are left out."""
    found: dict[Any, Figures] = defaultdict(Figures)
    for row in rows:
        if (value := what(row)) is not None:
            found[value].add(row, promises)
    return {value: found[value] for value in sorted(found)}


def promises_of(departments: Iterable[Department]) -> dict[int, int]:
    return {one.pk: one.promise_minutes for one in departments}


def messages(scope: Scope) -> list[Sent]:
    """How many messages went which way. Weekdays are heeded; hours, counters and clerks messages have none. At most
    five queries."""
    stored, live = days(scope)
    found = MessageSummary.objects.filter(_in_rows(scope), date__in=stored).order_by()
    counted = Counter[tuple[str, str, str]]()
    for kind, channel, state, count in found.values_list("kind", "channel", "state").annotate(total=Sum("count")):
        counted[kind, channel, state] += count
    for row in _live(scope, live, facts.messages):
        counted[row.kind, row.channel, row.state] += row.count
    return [Sent(*key, count) for key, count in sorted(counted.items())]


def tickets(scope: Scope) -> dict[tuple[str, str, int | None], int]:
    """How many tickets, by what is counted (TicketSummary.What), its value and the topic's id; those of coming days
    too. Weekdays are heeded, hours are not. At most seven queries."""
    stored, live = days(scope)
    found = TicketSummary.objects.filter(_in_rows(scope), date__in=stored).order_by()
    counted = Counter[tuple[str, str, int | None]]()
    for what, name, topic, count in found.values_list("what", "name", "topic").annotate(total=Sum("count")):
        counted[what, name, topic] += count
    for row in _live(scope, live, facts.tickets):
        counted[row.what, row.name, row.topic_id] += row.count
    return counted


def tallies(scope: Scope, what: Tally.What) -> list[tuple[str, int | None, int]]:
    """(code or page, id of the department or None, how many), the most first. What is of no department is there for who
    may see all. One query."""
    rows = Tally.objects.filter(_in_rows(scope), what=what)
    if scope.hour is not None:
        rows = rows.filter(hour=scope.hour)
    return list(rows.values_list("name", "department").annotate(total=Sum("count")).order_by("-total", "name"))


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _live(scope: Scope, live: set[dt.date], counted: Callable[..., list[Row]]) -> list[Row]:
    """What `counted` counts of these days, of the departments and on the weekday in scope."""
    if not live:
        return []
    found = counted(min(live), max(live), topic=scope.topic)
    return [row for row in found if row.date in live and scope.has_day(row.department_id, row.date)]


def _in_rows(scope: Scope) -> Q:
    found = Q(date__range=(scope.first, scope.last))
    if scope.departments is not None:
        found &= Q(department__in=scope.departments)
    if scope.weekday is not None:
        found &= Q(date__iso_week_day=scope.weekday + 1)
    return found
