"""When departments serve, and when they issue tickets to walk-ins."""

import datetime as dt
from collections import defaultdict

from booking.models import Department, DepartmentDay

# From when to when, the break left out, in order.
Served = list[tuple[dt.datetime, dt.datetime]]


def serving_periods(date: dt.date) -> dict[int, Served]:
    """When each department that is open on a date serves, by its id: from when to when, without the break, in order.
    One query."""
    return {pk: found[date] for pk, found in serving_periods_between(date, date).items() if date in found}


def serving_periods_between(first: dt.date, last: dt.date) -> dict[int, dict[dt.date, Served]]:
    """Like serving_periods, for each date from `first` to `last`, both included. Days without serving time are left
    out."""
    found: dict[int, dict[dt.date, Served]] = defaultdict(dict)
    for day in DepartmentDay.objects.open().filter(date__range=(first, last)):
        found[day.department_id][day.date] = day.hours
    return found


def walk_in_hours(department: Department, periods: Served) -> tuple[dt.datetime, dt.datetime]:
    """From when until when walk-ins get tickets on a day on which the department serves in these periods."""
    opens = periods[0][0] - dt.timedelta(minutes=department.walk_ins_minutes_before_opening)
    return opens, periods[-1][1] - dt.timedelta(minutes=department.walk_ins_minutes_before_closing)
