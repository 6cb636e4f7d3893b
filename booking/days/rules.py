"""What a day is: the only place that reads weekly hours, exceptions and holidays, and decides between them.

If several exceptions touch the same time, one of them counts. The order:

1. An exception of a single date, or of a time of a single date, displaces those of longer stretches, where they are of
   the same or of a wider scope: closed all August, but open on the 5th; closed all day, but 11.00 has four turns.
2. Of those that are left, the kind decides: closed, then other hours, then so many turns. Where there is none, the
   weekly hours hold.
3. Then a department's own comes before the office's, then the newest.

A holiday is a closure of the whole office. days/opening.py writes the result into slots and DepartmentDay rows;
everything else reads those.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from django.utils import timezone

from booking.models import DayException, Department, DepartmentDay, OpeningHours
from holidays.calendar import closed_days
from holidays.models import Holiday

DAY = 24 * 60  # minutes
NOT_SAVED = 2**63  # newer than all that are

Stretch = tuple[int, int]  # from minute to minute of a day


class Kind(IntEnum):
    """What an exception does to its stretch of time. The lower kind counts before the higher."""

    CLOSED = 0
    HOURS = 1
    QUOTA = 2


@dataclass(frozen=True)
class Hours:
    """A day's opening hours in minutes from midnight: the stretches in which somebody serves, and the slots they are
    cut into, of `quota` turns each."""

    stretches: tuple[tuple[int, int], ...]
    slots: tuple[tuple[int, int], ...]
    quota: int


@dataclass(frozen=True)
class Change:
    """An exception or a holiday, as the order sees it. `starts` and `ends` are minutes of the day."""

    kind: Kind
    first: dt.date
    last: dt.date
    starts: int = 0
    ends: int = DAY
    is_office: bool = False
    age: int = 0  # the higher, the newer
    quota: int = 0
    hours: Hours | None = None
    reason: str = ""
    reason_en: str = ""
    is_holiday: bool = False

    @property
    def length(self) -> tuple[int, int]:
        return (self.last - self.first).days, self.ends - self.starts

    def touches(self, starts: int, ends: int) -> bool:
        return self.starts < ends and starts < self.ends

    def displaces(self, other: "Change") -> bool:
        of_one_date = self.first == self.last
        no_narrower = other.is_office or not self.is_office
        return of_one_date and no_narrower and self.length < other.length


@dataclass(frozen=True)
class Period:
    """A slot as the rules want it. `quota` is what can be booked, without the share of walk-ins."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    quota: int


@dataclass(frozen=True)
class DayPlan:
    """What a day is for a department: `slots` are (start, end, quota), `serving` the stretches in which somebody
    serves, all in minutes of the day. `reason` says why it is closed, or why a part of it is."""

    date: dt.date
    state: str = DepartmentDay.State.NO_HOURS
    reason: str = ""
    reason_en: str = ""
    slots: tuple[tuple[int, int, int], ...] = ()
    serving: tuple[tuple[int, int], ...] = ()

    @property
    def periods(self) -> list[Period]:
        return [Period(self.at(starts), self.at(ends), quota) for starts, ends, quota in self.slots]

    def at(self, minute: int) -> dt.datetime:
        midnight = dt.datetime.combine(self.date, dt.time(), timezone.get_default_timezone())
        return midnight + dt.timedelta(minutes=minute)


def plan(
    departments: Iterable[Department],
    first: dt.date,
    last: dt.date,
    *,
    also: Mapping[int, list[Change]] | None = None,
    without: DayException | None = None,
) -> dict[int, dict[dt.date, DayPlan]]:
    """What each day from `first` to `last` is, by department id. Four queries, however many days and departments.

    `also`: unsaved changes, by department id. `without`: an exception that is to be left out.
    """
    departments = list(departments)
    weekly: dict[tuple[int, int], list[tuple[dt.date, Hours | None]]] = defaultdict(list)
    for rule in OpeningHours.objects.filter(department__in=departments):
        weekly[rule.department_id, rule.weekday].append((rule.from_date or dt.date.min, _hours_of_week(rule)))
    changes = _changes_by_department(departments, first, last, without)
    for department_id, more in (also or {}).items():
        changes[department_id] += more
    dates = [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
    return {
        department.pk: {
            date: what_a_day_is(
                date,
                hours=_in_force(weekly[department.pk, date.weekday()], date),
                changes=[one for one in changes[department.pk] if one.first <= date <= one.last],
                walk_in_percent=department.walk_in_percent,
                is_active=department.is_active and not department.waits_for_counter,
            )
            for date in dates
        }
        for department in departments
    }


def what_a_day_is(
    date: dt.date,
    *,
    hours: Hours | None,
    changes: list[Change],
    walk_in_percent: int = 0,
    is_active: bool = True,
) -> DayPlan:
    """A department's day with these weekly hours (None: no hours on that weekday) and these changes on that date.

    A closed time keeps its slots with quota zero, so that a reopened day keeps its numbers. An exception touches every
    slot that it overlaps, wherever the slot begins.
    """
    other_hours = _what_counts([change for change in changes if change.kind == Kind.HOURS])
    if other_hours:
        hours = other_hours.hours
    changes = [change for change in changes if change.kind != Kind.HOURS or change is other_hours]
    if not is_active:
        return DayPlan(date, slots=tuple((starts, ends, 0) for starts, ends in hours.slots) if hours else ())
    if hours is None:
        closing = _what_counts([change for change in changes if (change.starts, change.ends) == (0, DAY)])
        return _closed(date, closing, ()) if closing and closing.kind == Kind.CLOSED else DayPlan(date)
    turns = [_turns(hours, changes, starts, ends) for starts, ends in hours.slots]
    served = [slot for slot, quota in zip(hours.slots, turns, strict=True) if quota is not None]
    closings = []
    for starts, ends in _pieces(hours.stretches, changes):
        counts = _what_counts([change for change in changes if change.touches(starts, ends)])
        if counts and counts.kind == Kind.CLOSED:
            closings.append(counts)
        else:
            served.append((starts, ends))
    slots = tuple(
        (starts, ends, quota)
        for (starts, ends), quota in zip(hours.slots, without_walk_ins(turns, walk_in_percent), strict=True)
    )
    why = closings[0] if closings else Change(Kind.CLOSED, date, date)
    if not served:
        return _closed(date, why, slots)
    return DayPlan(date, DepartmentDay.State.OPEN, why.reason, why.reason_en, slots, _merged(served))


def _turns(hours: Hours, changes: list[Change], starts: int, ends: int) -> int | None:
    """How many turns a slot has, including those for walk-ins. None if it is closed."""
    counts = _what_counts([change for change in changes if change.touches(starts, ends)])
    if counts is None or counts.kind == Kind.HOURS:
        return hours.quota
    return counts.quota if counts.kind == Kind.QUOTA else None


def without_walk_ins(turns: list[int | None], percent: int) -> list[int]:
    """How many turns of each slot can be booked if this percentage of the day's turns is kept for walk-ins. None is a
    closed slot.

    The share is taken from the day as a whole (largest remainder), so that ten percent of slots with one turn each
    leaves nine in ten of them, not none. If remainders are equal, the turns left out are spread over the day.
    """
    exact = [(quota or 0) * (100 - percent) for quota in turns]  # hundredths of a turn
    booked = [one // 100 for one in exact]
    missing = (sum(exact) + 50) // 100 - sum(booked)
    for remainder in sorted({one % 100 for one in exact} - {0}, reverse=True):
        equal = [nth for nth, one in enumerate(exact) if one % 100 == remainder]
        given = min(missing, len(equal))
        for place, nth in enumerate(equal):
            booked[nth] += (place + 1) * given // len(equal) - place * given // len(equal)
        missing -= given
    return booked


def _what_counts(changes: list[Change]) -> Change | None:
    """The change that counts, by the order at the top of this module."""
    standing = [one for one in changes if not any(other.displaces(one) for other in changes)]
    return min(standing, key=lambda one: (one.kind, one.is_office, -one.age), default=None)


def _closed(date: dt.date, why: Change, slots: tuple[tuple[int, int, int], ...]) -> DayPlan:
    state = DepartmentDay.State.HOLIDAY if why.is_holiday else DepartmentDay.State.CLOSED
    return DayPlan(date, state, why.reason, why.reason_en, slots)


def _pieces(stretches: Iterable[Stretch], changes: list[Change]) -> list[Stretch]:
    """The stretches, cut wherever a change begins or ends."""
    cuts = sorted({cut for change in changes for cut in (change.starts, change.ends)})
    found: list[Stretch] = []
    for starts, ends in stretches:
        bounds = [starts, *(cut for cut in cuts if starts < cut < ends), ends]
        found += zip(bounds, bounds[1:], strict=False)
    return found


def _merged(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    merged: list[Stretch] = []
    for starts, ends in sorted(stretches):
        if merged and starts <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(ends, merged[-1][1]))
        else:
            merged.append((starts, ends))
    return tuple(merged)


def _in_force(rules: list[tuple[dt.date, Hours | None]], date: dt.date) -> Hours | None:
    """The hours in force on a date: the latest that have begun."""
    begun = [rule for rule in rules if rule[0] <= date]
    return max(begun, key=lambda rule: rule[0])[1] if begun else None


def _changes_by_department(
    departments: list[Department], first: dt.date, last: dt.date, without: DayException | None
) -> dict[int, list[Change]]:
    found: dict[int, list[Change]] = defaultdict(list)
    exceptions = DayException.objects.filter(first_date__lte=last, last_date__gte=first)
    if without:
        exceptions = exceptions.exclude(pk=without.pk)
    for exception in exceptions.prefetch_related("departments"):
        change = as_change(exception)
        named = {department.pk for department in exception.departments.all()}
        for department in departments:
            if exception.is_office or department.pk in named:
                found[department.pk].append(change)
    closures = [as_closure(holiday) for holiday in closed_days(first, last).values()]
    for department in departments:
        found[department.pk] += closures
    return found


def as_change(exception: DayException) -> Change:
    change = Change(
        Kind.CLOSED if exception.kind == DayException.Kind.CLOSED else Kind.QUOTA,
        first=exception.first_date,
        last=exception.last_date,
        is_office=exception.is_office,
        age=exception.pk or NOT_SAVED,
        quota=exception.quota or 0,
        reason=exception.reason,
        reason_en=exception.reason_en,
    )
    if exception.kind == DayException.Kind.HOURS:
        # Other hours always touch the whole day, not only the stretch from their opening to their closing.
        return replace(change, kind=Kind.HOURS, quota=0, hours=_other_hours(exception))
    starts, ends = _bounds(exception)
    return replace(change, starts=starts, ends=ends)


def as_closure(holiday: Holiday) -> Change:
    starts, ends = _bounds(holiday)
    return Change(
        Kind.CLOSED,
        first=holiday.date,
        last=holiday.date,
        starts=starts,
        ends=ends,
        is_office=True,
        reason=holiday.name,
        reason_en=holiday.name_en,
        is_holiday=True,
    )


def _bounds(row: DayException | Holiday) -> Stretch:
    return _minutes(row.starts) if row.starts else 0, _minutes(row.ends) if row.ends else DAY


def _hours_of_week(rule: OpeningHours) -> Hours | None:
    periods = rule.periods()
    if not periods:
        return None
    return _hours(rule.opens, rule.closes, rule.break_starts, rule.break_ends, periods, rule.quota)


def _other_hours(exception: DayException) -> Hours | None:
    if exception.starts is None or exception.ends is None:  # the database keeps none such
        return None
    pause = exception.break_starts, exception.break_ends
    return _hours(exception.starts, exception.ends, *pause, exception.periods(), exception.quota or 0)


def _hours(
    opens: dt.time,
    closes: dt.time,
    break_starts: dt.time | None,
    break_ends: dt.time | None,
    periods: list[tuple[dt.time, dt.time]],
    quota: int,
) -> Hours:
    stretches = [(opens, break_starts), (break_ends, closes)] if break_starts and break_ends else [(opens, closes)]
    return Hours(
        stretches=tuple((_minutes(starts), _minutes(ends)) for starts, ends in stretches if starts < ends),
        slots=tuple((_minutes(starts), _minutes(ends)) for starts, ends in periods),
        quota=quota,
    )


def _minutes(time: dt.time) -> int:
    return time.hour * 60 + time.minute
