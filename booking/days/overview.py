"""What staff see of days: how much is taken, what is closed, what wants a look.

Reads only, each in a fixed number of queries however many tickets there are.
"""

import calendar
import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Count, Max, Q
from django.utils import timezone

from booking.days import rules
from booking.models import Department, QuotaOverride, Slot
from holidays.models import Holiday


@dataclass(frozen=True)
class Load:
    """How many places there are, and how many of them are taken."""

    taken: int = 0
    places: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(self.taken + other.taken, self.places + other.places)


@dataclass(frozen=True)
class OfficeDay:
    """A day of the office. `closures` are the whole days that departments closed themselves."""

    date: dt.date
    holiday: Holiday | None = None
    draft: Holiday | None = None
    closures: list[QuotaOverride] = field(default_factory=list)
    loads: dict[int, Load] = field(default_factory=dict)

    @property
    def load(self) -> Load:
        return sum(self.loads.values(), Load())

    @property
    def is_past(self) -> bool:
        return self.date < timezone.localdate()

    @property
    def is_today(self) -> bool:
        return self.date == timezone.localdate()


def days(departments: list[Department], first: dt.date, last: dt.date) -> list[OfficeDay]:
    """The days from `first` to `last`, both included, of these departments together. Three queries."""
    holidays = {holiday.date: holiday for holiday in Holiday.objects.between(first, last)}
    closures = defaultdict(list)
    for override in (
        QuotaOverride.objects.filter(department__in=departments, date__range=(first, last), start=None, quota=0)
        .select_related("department")
        .order_by("department__position")
    ):
        closures[override.date].append(override)
    loads = defaultdict(dict)
    for row in (
        Slot.objects.filter(department__in=departments, date__range=(first, last))
        .order_by()
        .values("department_id", "date")
        .annotate(capacity=Count("places"), taken=Count("places", filter=Q(places__ticket__isnull=False)))
    ):
        loads[row["date"]][row["department_id"]] = Load(row["taken"], row["capacity"])
    found = []
    for offset in range((last - first).days + 1):
        date = first + dt.timedelta(days=offset)
        holiday = holidays.get(date)
        in_force = holiday if holiday and holiday.is_confirmed else None
        draft = holiday if holiday and not holiday.is_confirmed else None
        found.append(OfficeDay(date, in_force, draft, closures[date], loads[date]))
    return found


def weeks_of_month(departments: list[Department], month: dt.date) -> list[list[OfficeDay | None]]:
    """The month that `month` lies in, by weeks from Monday; None stands for the days of other months."""
    last_day = calendar.monthrange(month.year, month.month)[1]
    first = month.replace(day=1)
    of_month = days(departments, first, first.replace(day=last_day))
    cells = [None] * first.weekday() + of_month
    cells += [None] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]


def undecided_holidays():
    """Drafts within the longest booking window: until they are confirmed, these days are open for booking."""
    ahead = Department.objects.active().aggregate(longest=Max("max_days_ahead"))["longest"] or 0
    today = timezone.localdate()
    return Holiday.objects.between(today, today + dt.timedelta(days=ahead)).filter(is_confirmed=False)


def overfull_slots():
    """Coming slots whose tickets outnumber the quota that they have now; those closed altogether are not among them."""
    return (
        Slot.objects.filter(date__gte=timezone.localdate(), quota__gt=0)
        .holding_more_than_their_quota()
        .select_related("department")
        .order_by("starts_at")
    )


def slots_short_of_their_rule(department: Department) -> list[Slot]:
    """Slots laid out with fewer numbers than the rules now ask for: the quota was raised past their room."""
    first = timezone.localdate()
    last = first + dt.timedelta(days=department.max_days_ahead)
    plan = rules.plan([department], first, last)[department.pk]
    wanted = {period.starts_at: period.quota for periods in plan.values() for period in periods}
    slots = Slot.objects.filter(department=department, starts_at__in=wanted, starts_at__gt=timezone.now())
    return [slot for slot in slots.order_by("starts_at") if slot.quota < wanted[slot.starts_at]]
