"""What the pages of days and of times show, for a booking and for a move alike."""

import datetime as dt
from functools import lru_cache
from itertools import dropwhile
from typing import NamedTuple

from django.template.loader import get_template
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from booking import thai
from booking.days import availability, waiting
from booking.days.availability import Day, DayState, TimeState
from booking.models import Topic

NOT_WORTH_STARTING_WITH = {DayState.PAST, DayState.NOT_YET, DayState.CLOSED}


FITS_THE_BOX = 30  # letters of a reason
MOST_KEPT = 64  # some 50 kB each
MOST_DAYS_KEPT, MOST_TIMES_KEPT = 2048, 4096  # some 2 kB, and 1 kB each


class Strip(NamedTuple):
    """All that the strip shows, but for its language. `query` follows each day's address; `waits`: days that one may
    wait for; `is_move`: for a ticket that is moved."""

    days: tuple[Day, ...]
    first_open: dt.date | None
    days_url: str
    query: str
    waits: frozenset[dt.date]
    is_move: bool
    today: dt.date


def days_context(
    department, *, days_url: str, topic: Topic | None = None, query: str = "", is_move: bool = False
) -> dict:
    """The strip: from the first day that says something to the last of the booking window, for a topic's members. It is
    drawn once for all who are shown the same."""
    found = availability.days(department, *availability.booking_window(department), topic)
    first_open = next((day.date for day in found if day.state == DayState.OPEN), None)
    if first_open:
        found = list(dropwhile(lambda day: day.state in NOT_WORTH_STARTING_WITH, found))
    full = [day.date for day in found if day.state == DayState.FULL]
    waits = frozenset(waiting.one_may_wait_for(department, topic, full))
    strip = Strip(tuple(found), first_open, days_url, query, waits, is_move, timezone.localdate())
    return {"department": department, "first_open": first_open, "strip": _drawn(strip, get_language())}


@lru_cache(MOST_KEPT)
def _drawn(strip: Strip, language: str) -> str:
    sunday = strip.today - dt.timedelta(days=strip.today.isoweekday() % 7)
    context = {
        "days": [_day_drawn(_box(strip, day), language) for day in strip.days],
        # Told below the strip once more: names of holidays, and reasons, may be longer than their box.
        "holidays": [day for day in strip.days if day.state == DayState.HOLIDAY or _is_long(day)],
        "week": [sunday + dt.timedelta(days=nth) for nth in range(7)],
    }
    return get_template("booking/_strip.html").render(context)


def _is_long(day: Day) -> bool:
    return day.state == DayState.CLOSED and len(day.reason) > FITS_THE_BOX


class _Box(NamedTuple):
    """All that a day shows, but for its language. `is_first`: the first of the strip that can be booked."""

    day: Day
    is_first: bool
    days_url: str
    query: str
    may_wait: bool
    is_move: bool
    today: dt.date
    tomorrow: dt.date


def _box(strip: Strip, day: Day) -> _Box:
    tomorrow = strip.today + dt.timedelta(days=1)
    is_first = day.date == strip.first_open
    return _Box(
        day, is_first, strip.days_url, strip.query, day.date in strip.waits, strip.is_move, strip.today, tomorrow
    )


class _DrawnDay(NamedTuple):
    date: dt.date
    month: str
    in_strip: str
    in_sheet: str


@lru_cache(MOST_DAYS_KEPT)
def _day_drawn(box: _Box, _language: str) -> _DrawnDay:
    """Kept apart from its strip: a booking changes one day of it."""
    context = box._asdict()
    in_strip, in_sheet = (get_template(f"booking/{one}.html").render(context) for one in ("_strip_day", "_glance_day"))
    return _DrawnDay(box.day.date, thai.month(box.day.date), in_strip, in_sheet)


def times_context(
    department,
    date,
    *,
    wanted: int | None,
    days_url: str,
    topic: Topic | None = None,
    query: str = "",
    member_id: int | None = None,
) -> dict:
    """The times of a day for a topic's members. `wanted` is the slot chosen earlier: it stays chosen if it is free,
    else the nearest is. `query` leads back to the topic's days. What is offered to `member_id` is free to them."""
    found = availability.times(department, date, topic, member_id=member_id)
    full = [time for time in found if time.state == TimeState.FULL]
    nearest = _nearest(found, wanted)
    chosen = nearest.id if nearest else wanted
    return {
        "department": department,
        "date": date,
        "days_url": days_url,
        "back": f"{days_url}{query}#day-{date.isoformat()}",
        "parts": _parts_of_day(found, date, nearest=nearest, chosen=chosen),
        "nearest": nearest,
        "is_open": any(time.state == TimeState.OPEN for time in found),
        "is_full": bool(full),
        # Those that one may wait for.
        "full": [time for time in full if department.has_waiting_list and waiting.fits(topic, time.start, time.end)],
    }


def _nearest(times, wanted):
    """The free time nearest to one that is no longer free; None if there is nothing to suggest."""
    lost = next((time for time in times if time.id == wanted and time.state != TimeState.OPEN), None)
    free = [time for time in times if time.state == TimeState.OPEN]
    return min(free, key=lambda time: abs(time.start - lost.start)) if lost and free else None


def _parts_of_day(times, date, *, nearest, chosen) -> list[dict]:
    noon = dt.time(12)
    morning = [time for time in times if timezone.localtime(time.start).time() < noon]
    afternoon = [time for time in times if time not in morning]
    language = get_language()
    return [
        {
            "name": name,
            "times": [_time_drawn(time, date, time == nearest, time.id == chosen, language) for time in part],
        }
        for name, part in ((_("เช้า"), morning), (_("บ่าย"), afternoon))
        if part
    ]


@lru_cache(MOST_TIMES_KEPT)
def _time_drawn(time: availability.Time, date: dt.date, is_near: bool, is_chosen: bool, _language: str) -> str:
    """Once in each process: of a day's times, a booking changes one."""
    context = {"time": time, "date": date, "is_near": is_near, "is_chosen": is_chosen}
    return get_template("booking/_time.html").render(context)
