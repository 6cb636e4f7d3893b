"""When departments serve, and when they issue tickets to walk-ins."""

import datetime as dt
from collections import defaultdict

from django.utils import timezone

from booking.models import Department, OpeningHours, QuotaOverride
from holidays.calendar import closed_days


def serving_periods(date: dt.date) -> dict[int, list[tuple[dt.datetime, dt.datetime]]]:
    """When each department that is open on a date serves, by its id: from when to when, the break left out, in order.
    Three queries at most."""
    return {pk: found[date] for pk, found in serving_periods_between(date, date).items() if date in found}


def serving_periods_between(first: dt.date, last: dt.date) -> dict[int, dict[dt.date, list]]:
    """As serving_periods, for each date from `first` to `last`, both included; days without are left out."""
    closed_for_all = closed_days(first, last)
    closed = set(
        QuotaOverride.objects.filter(date__range=(first, last), start=None, quota=0).values_list("department", "date")
    )
    dates = [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
    dates = [date for date in dates if date not in closed_for_all]
    zone = timezone.get_default_timezone()
    found = defaultdict(dict)
    for rule in OpeningHours.objects.filter(department__is_active=True):
        if not rule.periods():
            continue
        for date in dates:
            if date.weekday() == rule.weekday and (rule.department_id, date) not in closed:
                found[rule.department_id][date] = [
                    (dt.datetime.combine(date, opens, zone), dt.datetime.combine(date, closes, zone))
                    for opens, closes in rule.stretches()
                ]
    return found


def walk_in_hours(department: Department, periods) -> tuple[dt.datetime, dt.datetime]:
    """From when until when walk-ins are issued tickets on a day on which the department serves in these periods."""
    opens = periods[0][0] - dt.timedelta(minutes=department.walk_ins_minutes_before_opening)
    return opens, periods[-1][1] - dt.timedelta(minutes=department.walk_ins_minutes_before_closing)
