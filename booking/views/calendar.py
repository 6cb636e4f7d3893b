"""What the pages of days and of times show, for a booking and for a move alike."""

import datetime as dt
from itertools import dropwhile

from django.utils import timezone
from django.utils.translation import gettext as _

from booking.days import availability
from booking.days.availability import DayState, TimeState
from booking.models import Topic

NOT_WORTH_STARTING_WITH = {DayState.PAST, DayState.NOT_YET, DayState.CLOSED}


def days_context(department, *, days_url: str, topic: Topic | None = None) -> dict:
    """The strip: from the first day that says something to the last of the booking window, for a topic's members."""
    found = availability.days(department, *availability.booking_window(department), topic)
    first_open = next((day.date for day in found if day.state == DayState.OPEN), None)
    if first_open:
        found = list(dropwhile(lambda day: day.state in NOT_WORTH_STARTING_WITH, found))
    today = timezone.localdate()
    sunday = today - dt.timedelta(days=today.isoweekday() % 7)
    return {
        "department": department,
        "days": found,
        "first_open": first_open,
        # Told below the strip once more: names of holidays may be longer than their box.
        "holidays": [day for day in found if day.state == DayState.HOLIDAY],
        "days_url": days_url,
        "today": today,
        "tomorrow": today + dt.timedelta(days=1),
        "week": [sunday + dt.timedelta(days=nth) for nth in range(7)],
    }


def times_context(
    department, date, *, wanted: int | None, days_url: str, topic: Topic | None = None, query: str = ""
) -> dict:
    """The times of a day for a topic's members. `wanted` is the slot chosen earlier: it stays chosen if it is free,
    else the nearest is. `query` leads back to the topic's days."""
    found = availability.times(department, date, topic)
    nearest = _nearest(found, wanted)
    return {
        "department": department,
        "date": date,
        "days_url": days_url,
        "back": f"{days_url}{query}#day-{date.isoformat()}",
        "parts": _parts_of_day(found),
        "nearest": nearest,
        "chosen": nearest.id if nearest else wanted,
        "is_open": any(time.state == TimeState.OPEN for time in found),
        "is_full": any(time.state == TimeState.FULL for time in found),
    }


def _nearest(times, wanted):
    """The free time nearest to one that is no longer free; None if there is nothing to suggest."""
    lost = next((time for time in times if time.id == wanted and time.state != TimeState.OPEN), None)
    free = [time for time in times if time.state == TimeState.OPEN]
    return min(free, key=lambda time: abs(time.start - lost.start)) if lost and free else None


def _parts_of_day(times) -> list[dict]:
    noon = dt.time(12)
    morning = [time for time in times if timezone.localtime(time.start).time() < noon]
    afternoon = [time for time in times if time not in morning]
    parts = [{"name": _("เช้า"), "times": morning}, {"name": _("บ่าย"), "times": afternoon}]
    return [part for part in parts if part["times"]]
