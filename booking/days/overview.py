"""What staff see of days: how much is taken, what is closed, what needs attention.

Reads only, each in a fixed number of queries however many tickets there are.
"""

import calendar
import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from booking.models import Department, DepartmentDay, Slot
from holidays.models import Holiday

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Held(TypedDict):
        held: int

    OverfullSlot = WithAnnotations[Slot, _Held]


@dataclass(frozen=True)
class Load:
    """How many places there are, and how many of them are taken."""

    taken: int = 0
    places: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(self.taken + other.taken, self.places + other.places)


@dataclass(frozen=True)
class OfficeDay:
    """A day of the office: its state for each department by id (missing if not laid out yet), and how much of it is
    taken. `draft` is an unconfirmed holiday, which closes nothing."""

    date: dt.date
    draft: Holiday | None = None
    rows: dict[int, DepartmentDay] = field(default_factory=dict)
    loads: dict[int, Load] = field(default_factory=dict)

    @property
    def load(self) -> Load:
        return sum(self.loads.values(), Load())

    @property
    def holiday(self) -> DepartmentDay | None:
        """A row that says why, if the day is a holiday for all of these departments."""
        rows = list(self.rows.values())
        is_holiday = bool(rows) and all(row.state == DepartmentDay.State.HOLIDAY for row in rows)
        return rows[0] if is_holiday else None

    @property
    def closures(self) -> list[DepartmentDay]:
        """The days that an exception closes, fully or partly, by department. Holidays are left out."""
        if self.holiday:
            return []
        return [row for row in self.rows.values() if row.state == DepartmentDay.State.CLOSED or row.reason]

    @property
    def is_past(self) -> bool:
        return self.date < timezone.localdate()

    @property
    def is_today(self) -> bool:
        return self.date == timezone.localdate()


def days(departments: list[Department], first: dt.date, last: dt.date) -> list[OfficeDay]:
    """The days from `first` to `last`, both included, of these departments together. Three queries."""
    drafts = {draft.date: draft for draft in Holiday.objects.between(first, last).filter(is_confirmed=False)}
    rows: dict[dt.date, dict[int, DepartmentDay]] = defaultdict(dict)
    for row in (
        DepartmentDay.objects.filter(department__in=departments, date__range=(first, last))
        .select_related("department")
        .order_by("department__position", "department__letter")
    ):
        rows[row.date][row.department_id] = row
    loads: dict[dt.date, dict[int, Load]] = defaultdict(dict)
    for load in (
        Slot.objects.filter(department__in=departments, date__range=(first, last))
        .order_by()
        .values("department_id", "date")
        .annotate(capacity=Count("places"), taken=Count("places", filter=Q(places__ticket__isnull=False)))
    ):
        loads[load["date"]][load["department_id"]] = Load(load["taken"], load["capacity"])
    dates = [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
    return [OfficeDay(date, drafts.get(date), rows[date], loads[date]) for date in dates]


def weeks_of_month(departments: list[Department], month: dt.date) -> list[list[OfficeDay | None]]:
    """The month of `month`, by weeks from Monday. None stands for days of other months."""
    last_day = calendar.monthrange(month.year, month.month)[1]
    first = month.replace(day=1)
    of_month = days(departments, first, first.replace(day=last_day))
    cells: list[OfficeDay | None] = [*[None] * first.weekday(), *of_month]
    cells += [None] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]


def undecided_holidays() -> QuerySet[Holiday]:
    """Unconfirmed holidays within the longest booking window. Until they are confirmed, these days can be booked."""
    ahead = Department.objects.active().aggregate(longest=Max("max_days_ahead"))["longest"] or 0
    today = timezone.localdate()
    return Holiday.objects.between(today, today + dt.timedelta(days=ahead)).filter(is_confirmed=False)


def overfull_slots() -> "QuerySet[OverfullSlot]":
    """Coming slots with more tickets than their quota now allows. Slots that are closed altogether are left out."""
    coming = Slot.objects.filter(date__gte=timezone.localdate(), quota__gt=0).select_related("department")
    # What annotate() returns has a type of django-stubs' own.
    return coming.order_by("starts_at").holding_more_than_their_quota()  # type: ignore[return-value]
