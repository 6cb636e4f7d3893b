"""What a calendar day and a slot look like to a member. Reads only, each in a fixed number of queries."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.models import Department, DepartmentDay, Slot, Topic

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django_stubs_ext import WithAnnotations

    class _Counted(TypedDict):
        free: int

    CountedSlot = WithAnnotations[Slot, _Counted]


class DayState(StrEnum):
    OPEN = "open"
    FULL = "full"
    HOLIDAY = "holiday"
    CLOSED = "closed"
    PAST = "past"
    NOT_YET = "not_yet"


class TimeState(StrEnum):
    OPEN = "open"
    FULL = "full"
    CLOSED = "closed"
    PAST = "past"
    NOT_YET = "not_yet"


@dataclass(frozen=True)
class Time:
    """A slot as a member sees it."""

    id: int
    start: dt.datetime
    end: dt.datetime
    quota: int
    free: int
    state: TimeState


@dataclass(frozen=True)
class Day:
    """A day as a member sees it. `reason` says why it cannot be booked, in the language of the page."""

    date: dt.date
    state: DayState
    reason: str
    free: int


def booking_window(department: Department) -> tuple[dt.date, dt.date]:
    """The first and the last day that a member may book now."""
    today = timezone.localdate()
    return (
        today + dt.timedelta(days=department.min_days_ahead),
        today + dt.timedelta(days=department.max_days_ahead),
    )


def days(department: Department, first: dt.date, last: dt.date, topic: Topic | None = None) -> list[Day]:
    """The days from `first` to `last`, both included, as they are for a topic's members; in two queries."""
    rows = {row.date: row for row in DepartmentDay.objects.filter(department=department, date__range=(first, last))}
    times_by_date: dict[dt.date, list[Time]] = {}
    for date, slots in groupby(_slots(department, topic).filter(date__range=(first, last)), lambda slot: slot.date):
        times_by_date[date] = _as_times(list(slots), topic)
    return [
        _as_day(date, times_by_date.get(date, []), rows.get(date))
        for date in (first + dt.timedelta(days=offset) for offset in range((last - first).days + 1))
    ]


def day(department: Department, date: dt.date, topic: Topic | None = None) -> Day:
    return days(department, date, date, topic)[0]


def times(department: Department, date: dt.date, topic: Topic | None = None, *, for_staff: bool = False) -> list[Time]:
    """The slots of a day in order of time, without closed ones, nor those that leave too little time for the topic. One
    query. `for_staff`: with places that members gave up a moment ago, which only staff may book already."""
    found = _as_times(list(_slots(department, topic, for_staff=for_staff).filter(date=date)), topic)
    return [time for time in found if time.state != TimeState.CLOSED]


def _slots(department: Department, topic: Topic | None, *, for_staff: bool = False) -> "QuerySet[CountedSlot]":
    free = Q(places__ticket__isnull=True, places__topic=topic and topic.places_of)
    if not for_staff:
        free &= Q(places__free_from=None) | Q(places__free_from__lte=timezone.now())
    slots = Slot.objects.filter(department=department).order_by("starts_at")
    # What annotate() returns has a type of django-stubs' own.
    return slots.annotate(free=Count("places", filter=free))  # type: ignore[return-value]


def _as_times(slots: "list[CountedSlot]", topic: Topic | None) -> list[Time]:
    """The slots of one day, in order of time, as a topic's members see them."""
    if topic is None:
        return [_as_time(slot, slot.free) for slot in slots]
    if slots and not topic.is_offered(slots[0].date):
        return []
    return [_as_time(slot, _free_for(topic, slots[nth:])) for nth, slot in enumerate(slots)]


def _free_for(topic: Topic, slots: "list[CountedSlot]") -> int | None:
    """How many visits could begin in the first of these slots, at most; None if too little time follows without a gap.
    What places.SEVERAL_PLACES asks of the slots."""
    ends = slots[0].starts_at + dt.timedelta(minutes=topic.minutes or 0)
    free, until = slots[0].free, slots[0].ends_at
    for slot in slots[1:]:
        if until >= ends:
            break
        if slot.starts_at != until:
            return None
        free, until = min(free, slot.free), slot.ends_at
    return free if until >= ends else None


def _as_time(slot: "CountedSlot", free: int | None) -> Time:
    state = TimeState.CLOSED if free is None else _state_of(slot, free)
    return Time(slot.pk, slot.starts_at, slot.ends_at, slot.quota, free or 0, state)


def _state_of(slot: "CountedSlot", free: int) -> TimeState:
    now = timezone.now()
    if slot.quota == 0:
        return TimeState.CLOSED
    if now >= slot.bookable_until:
        return TimeState.PAST
    if now < slot.bookable_from:
        return TimeState.NOT_YET
    return TimeState.OPEN if free else TimeState.FULL


def _as_day(date: dt.date, day_times: list[Time], row: DepartmentDay | None) -> Day:
    """`row` is None if the day has not been laid out: it is too far off, or long past."""
    today = timezone.localdate()
    if row and row.state == DepartmentDay.State.HOLIDAY:
        return Day(date, DayState.HOLIDAY, row.why, 0)
    if date < today:
        return Day(date, DayState.PAST, _("ผ่านไปแล้ว"), 0)
    if row and not row.is_open:
        return Day(date, DayState.CLOSED, row.why or _("ปิด"), 0)
    if row is None or not day_times:
        return Day(date, DayState.NOT_YET, _("ยังไม่เปิดจอง"), 0)
    states = {time.state for time in day_times} - {TimeState.CLOSED}
    if TimeState.OPEN in states:
        free = sum(time.free for time in day_times if time.state == TimeState.OPEN)
        return Day(date, DayState.OPEN, "", free)
    if TimeState.FULL in states:
        return Day(date, DayState.FULL, _("เต็ม"), 0)
    if TimeState.NOT_YET in states:
        return Day(date, DayState.NOT_YET, _("ยังไม่เปิดจอง"), 0)
    if TimeState.PAST in states:
        return Day(date, DayState.PAST, _("หมดเวลาจอง"), 0)
    # The department serves, but keeps all turns for walk-ins.
    return Day(date, DayState.CLOSED, _("ไม่เปิดให้จองล่วงหน้า"), 0)
