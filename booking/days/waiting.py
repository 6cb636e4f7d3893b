"""Who waits for a place, and how long one that came free is kept until it has been offered to the first in line."""

import datetime as dt
from collections.abc import Collection, Iterable

from django.db.models import F

from booking.models import Department, Slot, Topic, WaitingEntry

# A place that comes free, or whose offer has lapsed, is kept from everybody for so long: the job that offers it runs
# each minute. Should it not run, the place is free to all after that.
KEPT = dt.timedelta(minutes=2)


def kept_until(department: Department, date: dt.date, now: dt.datetime) -> dt.datetime | None:
    """Until when a place of this day that comes free now is kept for who waits; None where nobody does. One query where
    the department has a waiting list, else none."""
    if not department.has_waiting_list:
        return None
    waits = WaitingEntry.objects.without_offer().filter(department=department, date=date).exists()
    return now + KEPT if waits else None


def days_waited_for(departments: Iterable[Department]) -> set[tuple[int, dt.date]]:
    """Departments and days for which somebody waits without an offer. One query, none where no department has a waiting
    list."""
    wanted = [department for department in departments if department.has_waiting_list]
    if not wanted:
        return set()
    return set(WaitingEntry.objects.without_offer().filter(department__in=wanted).values_list("department", "date"))


def one_may_wait_for(department: Department, topic: Topic | None, dates: Collection[dt.date]) -> set[dt.date]:
    """Of full days, those that have a list for the topic: a visit of several times is not offered. One query for a
    topic with minutes, else none."""
    if not department.has_waiting_list or not dates:
        return set()
    if topic is None or topic.minutes is None:
        return set(dates)
    slots = Slot.objects.filter(department=department, date__in=dates, quota__gt=0)
    fitting = slots.filter(ends_at__gte=F("starts_at") + dt.timedelta(minutes=topic.minutes))
    return set(fitting.values_list("date", flat=True).order_by().distinct())


def fits(topic: Topic | None, starts_at: dt.datetime, ends_at: dt.datetime) -> bool:
    """Whether a visit for the topic takes no more than this one time."""
    return topic is None or ends_at - starts_at >= dt.timedelta(minutes=topic.minutes or 0)


def offer_ends_at(department: Department, slot: Slot, now: dt.datetime) -> dt.datetime:
    """Until when a place of the slot that is offered now is kept for the member."""
    return min(now + dt.timedelta(minutes=department.offer_minutes), slot.bookable_until)


def place_in_line(entry: WaitingEntry) -> int:
    """1 for who is the next to be offered a place of the day. Counts all who wait longer for it, for whichever time."""
    return (
        WaitingEntry.objects.without_offer()
        .filter(department=entry.department_id, date=entry.date, joined_at__lte=entry.joined_at)
        .exclude(joined_at=entry.joined_at, pk__gt=entry.pk)
        .count()
    )
