"""From hours, quotas and holidays to slots and places.

The one rule of this module: a place that is held is never touched, a free one exists exactly where the rules say so.
"""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from booking.models import Department, OpeningHours, Place, QuotaOverride, Slot, Ticket
from booking.models.hours import LAST_BOOKED_NUMBER
from holidays.calendar import closed_days

# Days beyond the booking window that are laid out already, so that members see the next day at midnight even where the
# worker is late by some days.
SPARE_DAYS = 3


def open_days() -> None:
    """Lay out the booking window of every department. May run at any time, and again."""
    for department_id in Department.objects.order_by("pk").values_list("pk", flat=True):
        lay_out(department_id=department_id)


@transaction.atomic
def lay_out(*, department_id: int) -> None:
    """Bring the slots and places of a department's booking window to what its rules say now.

    Adds what is missing and takes away free places only; slots of today that have begun stay as they were. Locks the
    department and the window's slots. Bookings do not wait for it, except for the very place that it takes away.
    """
    department = Department.objects.select_for_update(no_key=True).filter(pk=department_id).first()
    if department is None:
        return
    now = timezone.now()
    first = timezone.localdate(now)
    last = first + dt.timedelta(days=department.max_days_ahead + SPARE_DAYS)
    # Days laid out while the window was longer: they must not stay open behind its back.
    last = max(last, Slot.objects.filter(department=department).aggregate(last=Max("date"))["last"] or last)
    existing = _slots_by_date(department, first, last)
    plans = planned_days(department, first, last)
    new = [slot for date, plan in plans.items() for slot in _lay_out_day(department, date, plan, existing[date], now)]
    Slot.objects.bulk_create(new)
    Place.objects.bulk_create(
        Place(slot=slot, number=slot.first_number + nth) for slot in new for nth in range(slot.quota)
    )


@dataclass(frozen=True)
class Period:
    """A slot as the rules want it."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    quota: int


def planned_days(department: Department, first: dt.date, last: dt.date) -> dict[dt.date, list[Period]]:
    """What the rules say of each day from `first` to `last`. Three queries, however many days.

    A holiday or a closure keeps its slots, with quota zero, so that a day which is opened again keeps its numbers.
    """
    hours = {rule.weekday: rule for rule in OpeningHours.objects.filter(department=department)}
    overrides = defaultdict(dict)
    for override in QuotaOverride.objects.filter(department=department, date__range=(first, last)):
        overrides[override.date][override.start] = override.quota
    closed = closed_days(first, last)
    zone = timezone.get_default_timezone()

    def plan(date):
        rule = hours.get(date.weekday())
        periods = []
        for start, end in rule.periods() if rule else []:
            quota = overrides[date].get(start, overrides[date].get(None, rule.quota))
            # The share kept for walk-ins is not offered in advance.
            quota = quota * (100 - department.walk_in_percent) // 100
            if date in closed or not department.is_active:
                quota = 0
            periods.append(Period(dt.datetime.combine(date, start, zone), dt.datetime.combine(date, end, zone), quota))
        return periods

    return {date: plan(date) for date in _dates(first, last)}


def bookable_window(department: Department, date: dt.date, starts_at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """From when until when a slot may be booked, by its department's settings."""
    midnight = dt.datetime.combine(date, dt.time(), timezone.get_default_timezone())
    opens = midnight - dt.timedelta(days=department.max_days_ahead)
    closes = starts_at - dt.timedelta(minutes=department.closes_minutes_before)
    if department.min_days_ahead:
        closes = min(closes, midnight - dt.timedelta(days=department.min_days_ahead - 1))
    return opens, closes


def open_on(date: dt.date) -> set[int]:
    """The ids of the departments that serve anybody on a date, whether booked or not: those in use that have hours, and
    neither a holiday nor a closure. Two queries."""
    return set(closing_times(date))


def closing_times(date: dt.date) -> dict[int, dt.datetime]:
    """Until when each department that is open on a date serves, by its id. Two queries."""
    if closed_days(date, date):
        return {}
    closed = QuotaOverride.objects.filter(date=date, start=None, quota=0).values("department")
    rules = OpeningHours.objects.filter(weekday=date.weekday(), department__is_active=True)
    zone = timezone.get_default_timezone()
    return {
        rule.department_id: dt.datetime.combine(date, rule.closes, zone)
        for rule in rules.exclude(department__in=closed)
        if rule.periods()
    }


def tickets_on(date: dt.date, department: Department | None = None):
    """The live tickets that closing a day would touch, for staff to see before they close it."""
    tickets = Ticket.objects.live().with_details().select_related("member").filter(date=date)
    return tickets.filter(department=department) if department else tickets


def _slots_by_date(department, first, last) -> dict[dt.date, list[Slot]]:
    locked = (
        Slot.objects.select_for_update(no_key=True)
        .filter(department=department, date__range=(first, last))
        .order_by("pk")
    )
    used = set(
        Ticket.objects.filter(department=department, date__range=(first, last)).values_list("slot_id", flat=True)
    )
    places = Counter(
        Place.objects.filter(slot__department=department, slot__date__range=(first, last)).values_list(
            "slot_id", flat=True
        )
    )
    slots = defaultdict(list)
    for slot in locked:
        slot.is_used = slot.pk in used
        slot.place_count = places[slot.pk]
        slots[slot.date].append(slot)
    return slots


def _lay_out_day(department, date, plan, slots, now) -> list[Slot]:
    """Adjust a day's slots to the plan; returns the slots that are still to be made."""
    plan = [period for period in plan if period.starts_at > now]
    slots = [slot for slot in slots if slot.starts_at > now]
    wanted = {period.starts_at for period in plan}
    if {slot.starts_at for slot in slots} != wanted and not any(slot.is_used for slot in slots):
        # Nobody has a number of this day yet: number it anew, so that numbers rise with the time of day.
        Slot.objects.filter(pk__in=[slot.pk for slot in slots]).delete()
        slots = []
    for slot in slots:
        if slot.starts_at not in wanted:
            _retire(slot)
    kept = {slot.starts_at: slot for slot in slots}
    for period in plan:
        if period.starts_at in kept:
            opens, closes = bookable_window(department, date, period.starts_at)
            _adjust(
                kept[period.starts_at],
                ends_at=period.ends_at,
                quota=period.quota,
                bookable_from=opens,
                bookable_until=closes,
            )
    new = [period for period in plan if period.starts_at not in kept]
    return _new_slots(department, date, new, slots_in_day=len(plan))


def _new_slots(department, date, periods: list[Period], *, slots_in_day: int) -> list[Slot]:
    blocks = _number_blocks(department, date, periods, slots_in_day)
    slots = []
    for period in periods:
        block = blocks[period.starts_at]
        if block is None:
            continue
        opens, closes = bookable_window(department, date, period.starts_at)
        slots.append(
            Slot(
                department=department,
                date=date,
                starts_at=period.starts_at,
                ends_at=period.ends_at,
                quota=min(period.quota, len(block)),
                first_number=block.start,
                last_number=block.stop - 1,
                bookable_from=opens,
                bookable_until=closes,
            )
        )
    return slots


def _retire(slot: Slot) -> None:
    """Take a slot away that the rules no longer have, or close it where it has tickets."""
    if slot.is_used:
        _adjust(slot, quota=0)
    else:
        slot.delete()


def _adjust(slot: Slot, **wanted) -> None:
    wanted["quota"] = min(wanted["quota"], slot.room)
    changed = [field for field, value in wanted.items() if getattr(slot, field) != value]
    for field in changed:
        setattr(slot, field, wanted[field])
    if changed:
        slot.save(update_fields=changed)
    if slot.place_count > slot.quota:
        _take_away_free_places(slot, slot.place_count - slot.quota)
    elif slot.place_count < slot.quota:
        _add_places(slot, slot.quota - slot.place_count)


def _take_away_free_places(slot: Slot, count: int) -> None:
    # FOR UPDATE waits for a booking under way; if it goes through, its place is no longer free and is passed over.
    free = Place.objects.free().filter(slot=slot).select_for_update().order_by("-number")[:count]
    Place.objects.free().filter(pk__in=[place.pk for place in free]).delete()


def _add_places(slot: Slot, count: int) -> None:
    present = set(slot.places.values_list("number", flat=True))
    unused = (number for number in range(slot.first_number, slot.last_number + 1) if number not in present)
    Place.objects.bulk_create(Place(slot=slot, number=number) for number, _ in zip(unused, range(count), strict=False))


def _number_blocks(department, date, new: list[Period], slots_in_day: int) -> dict[dt.datetime, range | None]:
    """A block of numbers for each new slot: about twice its quota, in tens, so that a quota can grow without
    renumbering the day. None where the day's numbers are used up.

    On a day that has numbers already a new slot gets the gap between its neighbours where that is wide enough, else the
    next numbers after the day's last.
    """
    if not new:
        return {}
    taken = list(Slot.objects.of_day(department, date).values_list("starts_at", "first_number", "last_number"))
    spare = max(0, LAST_BOOKED_NUMBER - sum(period.quota for period in new)) // max(1, slots_in_day)
    blocks = {}
    for period in sorted(new, key=lambda period: period.starts_at):
        wish = max(10, -(-period.quota * 2 // 10) * 10)
        size = min(wish, max(1, period.quota) + spare)
        before = max((last for starts, _, last in taken if starts < period.starts_at), default=0)
        after = min((first for starts, first, _ in taken if starts > period.starts_at), default=LAST_BOOKED_NUMBER + 1)
        start = before + 1
        room = after - start
        if room < max(1, period.quota):
            start = max((last for _, _, last in taken), default=0) + 1
            room = LAST_BOOKED_NUMBER + 1 - start
        if room < 1:
            blocks[period.starts_at] = None
            continue
        block = range(start, start + min(size, room))
        blocks[period.starts_at] = block
        taken.append((period.starts_at, block.start, block.stop - 1))
    return blocks


def _dates(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
