"""What a calendar day and a slot look like to a member. Reads only, each in a fixed number of queries."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from booking import replica
from booking.kept import kept
from booking.models import Department, DepartmentDay, Slot, Topic
from booking.models.places import is_open_to


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
    """The days from `first` to `last`, both included, as they are for a topic's members; in two queries, which a
    replica answers where there is one that has all that is committed by now."""
    return replica.as_of_now(lambda: _days(department, first, last, topic))


def _days(department: Department, first: dt.date, last: dt.date, topic: Topic | None) -> list[Day]:
    rows = {row.date: row for row in _laid_out(department=department.pk, first=first, last=last)}
    found = _slots(department, first, last, topic, with_times=topic is not None)
    by_date = {date: _offers(list(slots), topic) for date, slots in groupby(found, lambda slot: slot.date)}
    return [
        _as_day(date, by_date.get(date, []), rows.get(date))
        for date in (first + dt.timedelta(days=offset) for offset in range((last - first).days + 1))
    ]


def day(department: Department, date: dt.date, topic: Topic | None = None) -> Day:
    return days(department, date, date, topic)[0]


def times(
    department: Department,
    date: dt.date,
    topic: Topic | None = None,
    *,
    member_id: int | None = None,
    for_staff: bool = False,
) -> list[Time]:
    """The slots of a day in order of time, without closed ones, nor those that leave too little time for the topic. One
    query. `member_id`: with the place that is offered to this member. `for_staff`: with places that members gave up a
    moment ago, which only staff may book already."""
    slots = _slots(department, date, date, topic, member_id=member_id, for_staff=for_staff)
    return [
        Time(slot.id, slot.starts_at, slot.ends_at, slot.quota, offer.free, offer.state)
        for slot, offer in zip(slots, _offers(slots, topic), strict=False)
        if offer.state != TimeState.CLOSED
    ]


class _Slot(NamedTuple):
    """What is read of a slot; its times, where they are asked for."""

    id: int
    date: dt.date
    quota: int
    free: int
    is_past: bool
    is_not_yet: bool
    starts_at: dt.datetime
    ends_at: dt.datetime


class _Offer(NamedTuple):
    """What a slot offers to a topic's members."""

    state: TimeState
    free: int


def _slots(
    department: Department,
    first: dt.date,
    last: dt.date,
    topic: Topic | None,
    *,
    with_times: bool = True,
    member_id: int | None = None,
    for_staff: bool = False,
) -> list[_Slot]:
    """In order of time. As values, and without times where nobody asks for them: of a month's slots, reading times took
    as long as everything else together."""
    now = timezone.now()
    values: dict[str, Any] = {"department": department.pk, "first": first, "last": last, "now": now}
    if share := topic and topic.places_of:
        values["share"] = share
    if member_id is not None:
        values["member"] = member_id
    rows = _counted(with_times, for_staff, **values)
    return [_Slot._make(row) for row in rows] if with_times else [_Slot._make([*row, now, now]) for row in rows]


@kept
def _counted(
    with_times: bool,
    for_staff: bool,
    *,
    department: int,
    first: dt.date,
    last: dt.date,
    now: dt.datetime,
    share: int | None = None,
    member: int | None = None,
) -> QuerySet[Slot, tuple[Any, ...]]:
    free = Q(places__ticket__isnull=True, places__topic=share)
    free &= is_open_to(now, member_id=member, by_staff=for_staff, prefix="places__")
    slots = Slot.objects.filter(department=department, date__range=(first, last)).order_by("starts_at")
    counted = slots.annotate(
        free=Count("places", filter=free), is_past=Q(bookable_until__lte=now), is_not_yet=Q(bookable_from__gt=now)
    )
    return counted.values_list(*_Slot._fields[: None if with_times else -2])


@kept
def _laid_out(*, department: int, first: dt.date, last: dt.date) -> QuerySet[DepartmentDay]:
    return DepartmentDay.objects.filter(department=department, date__range=(first, last)).order_by()


def _offers(slots: list[_Slot], topic: Topic | None) -> list[_Offer]:
    """What the slots of one day, in order of time, offer to a topic's members, one by one; none where the topic is not
    offered on that day."""
    if topic is None:
        return [_offer(slot, slot.free) for slot in slots]
    if slots and not topic.is_offered(slots[0].date):
        return []
    return [_offer(slot, _free_for(topic, slots[nth:])) for nth, slot in enumerate(slots)]


def _free_for(topic: Topic, slots: list[_Slot]) -> int | None:
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


def _offer(slot: _Slot, free: int | None) -> _Offer:
    state = TimeState.CLOSED if free is None else _state_of(slot, free)
    return _Offer(state, free or 0)


def _state_of(slot: _Slot, free: int) -> TimeState:
    if slot.quota == 0:
        return TimeState.CLOSED
    if slot.is_past:
        return TimeState.PAST
    if slot.is_not_yet:
        return TimeState.NOT_YET
    return TimeState.OPEN if free else TimeState.FULL


def _as_day(date: dt.date, offers: list[_Offer], row: DepartmentDay | None) -> Day:
    """`row` is None if the day has not been laid out: it is too far off, or long past."""
    today = timezone.localdate()
    if row and row.state == DepartmentDay.State.HOLIDAY:
        return Day(date, DayState.HOLIDAY, row.why, 0)
    if date < today:
        return Day(date, DayState.PAST, _("ผ่านไปแล้ว"), 0)
    if row and not row.is_open:
        return Day(date, DayState.CLOSED, row.why or _("ปิด"), 0)
    if row and not offers and row.closes_at and row.closes_at <= timezone.now():
        # What is over is not laid out any more: the service stood still, for longer than it lays out ahead.
        return Day(date, DayState.PAST, _("หมดเวลาจอง"), 0)
    if row is None or not offers:
        return Day(date, DayState.NOT_YET, _("ยังไม่เปิดจอง"), 0)
    states = {offer.state for offer in offers} - {TimeState.CLOSED}
    if TimeState.OPEN in states:
        free = sum(offer.free for offer in offers if offer.state == TimeState.OPEN)
        return Day(date, DayState.OPEN, "", free)
    if TimeState.FULL in states:
        return Day(date, DayState.FULL, _("เต็ม"), 0)
    if TimeState.NOT_YET in states:
        return Day(date, DayState.NOT_YET, _("ยังไม่เปิดจอง"), 0)
    if TimeState.PAST in states:
        return Day(date, DayState.PAST, _("หมดเวลาจอง"), 0)
    # The department serves, but keeps all turns for walk-ins.
    return Day(date, DayState.CLOSED, _("ไม่เปิดให้จองล่วงหน้า"), 0)
