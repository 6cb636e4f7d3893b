"""What the rules say of a day: from hours, quotas and holidays to the periods that can be booked."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from booking.models import Department, OpeningHours, QuotaOverride
from holidays.calendar import closed_days


@dataclass(frozen=True)
class Period:
    """A slot as the rules want it."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    quota: int


def plan(departments: Iterable[Department], first: dt.date, last: dt.date) -> dict[int, dict[dt.date, list[Period]]]:
    """What the rules say of each day from `first` to `last`, by department id. Three queries, however many days.

    A holiday or a closure keeps its slots, with quota zero, so that a day which is opened again keeps its numbers.
    """
    departments = list(departments)
    hours = {
        (rule.department_id, rule.weekday): rule for rule in OpeningHours.objects.filter(department__in=departments)
    }
    overrides = defaultdict(dict)
    for override in QuotaOverride.objects.filter(department__in=departments, date__range=(first, last)):
        overrides[override.department_id, override.date][override.start] = override.quota
    closed = closed_days(first, last)
    zone = timezone.get_default_timezone()

    def plan_day(department, date):
        rule = hours.get((department.pk, date.weekday()))
        of_day = overrides[department.pk, date]
        periods = []
        for start, end in rule.periods() if rule else []:
            quota = of_day.get(start, of_day.get(None, rule.quota))
            # The share kept for walk-ins is not offered in advance.
            quota = quota * (100 - department.walk_in_percent) // 100
            if date in closed or not department.is_active:
                quota = 0
            periods.append(Period(dt.datetime.combine(date, start, zone), dt.datetime.combine(date, end, zone), quota))
        return periods

    days = [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
    return {department.pk: {date: plan_day(department, date) for date in days} for department in departments}
