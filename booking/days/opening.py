"""Turns what the rules say into slots, places and days.

The one rule here: a held place is never touched, and a free place exists exactly where the rules say so.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from psycopg.types.range import TimestamptzRange as Range

from booking.days import rules, shares, waiting
from booking.days.rules import DayPlan, Period
from booking.days.shares import Share
from booking.models import Department, DepartmentDay, Place, Slot, Ticket, Topic, WaitingEntry
from booking.models.hours import LAST_BOOKED_NUMBER
from booking.models.waiting import NO_OFFER

# Days laid out beyond the booking window, so that members see the next day at midnight even if the worker is some days
# late.
SPARE_DAYS = 3
# How many days ahead have a row that says what they are, bookable yet or not.
DAYS_SAID = 366

SlotsOf = dict[tuple[int, dt.date], list[Slot]]  # by department and day
LaidOut = tuple[Department, dt.date, list[Period]]
NewPlaces = tuple[Slot, range]  # and their numbers


@dataclass
class Changes:
    """What laying out will write, gathered over all departments and days. Each kind of change is one statement."""

    gone: list[Slot] = field(default_factory=list)
    changed: list[Slot] = field(default_factory=list)
    new: list[Slot] = field(default_factory=list)
    places_gone: int = 0
    places_new: int = 0
    places_dealt: int = 0  # free places that another topic has now, or none
    days: list[DepartmentDay] = field(default_factory=list)
    # Not written: slots with fewer numbers than the rules now want turns.
    short: list[Slot] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"slots: {len(self.gone)} too many, {len(self.changed)} differ, {len(self.new)} missing; "
            f"free places: {self.places_gone} too many, {self.places_new} missing, "
            f"{self.places_dealt} of another topic; days: {len(self.days)} differ"
        )

    @property
    def count(self) -> int:
        # A closed slot that held the second half of a visit, cancelled since, is swept away sometime: it differs for
        # nobody.
        gone = sum(slot.quota > 0 for slot in self.gone)
        rows = gone + len(self.changed) + len(self.new) + len(self.days)
        return rows + self.places_gone + self.places_new + self.places_dealt


def rules_changed(departments: Iterable[Department] | None = None) -> Changes:
    """Bring the days, slots and places of these departments (None: of all) to what their rules say now.

    Whatever changes departments, hours, exceptions or holidays calls this once, in the same transaction. It may run at
    any time, any number of times. It adds what is missing and takes away only free places; slots of today that have
    begun stay as they were. Locks the departments and their slots from today on. Bookings do not wait for it, except
    for a place that it takes away. The number of statements does not grow with departments or days.
    """
    return _lay_out(departments, spare=SPARE_DAYS)


def differences() -> Changes:
    """What laying out would change now, without changing it. If anything, something wrote rules without calling
    rules_changed(): a query's update(), an import, a restore.

    Spare days that are missing are no difference: at midnight there is one more, and nobody books it yet.
    """
    with transaction.atomic():
        found = _lay_out(None, spare=0)
        transaction.set_rollback(True)
    return found


@transaction.atomic
def _lay_out(departments: Iterable[Department] | None, *, spare: int) -> Changes:
    wanted = Department.objects.select_for_update(no_key=True).order_by("pk")
    if departments is not None:
        wanted = wanted.filter(pk__in=[department.pk for department in departments])
    locked = list(wanted)
    changes = Changes()
    if not locked:
        return changes
    now = timezone.now()
    first = timezone.localdate(now)
    slots = _lock_slots(locked, first)
    # Days laid out while the window was longer must not stay open unnoticed.
    last_days = {
        department.pk: max(
            [first + dt.timedelta(days=department.max_days_ahead + spare)]
            + [slot.date for slot in slots if slot.department_id == department.pk]
        )
        for department in locked
    }
    last_said = first + dt.timedelta(days=DAYS_SAID - SPARE_DAYS + spare)
    plans = rules.plan(locked, first, max(last_said, *last_days.values()))
    days = [
        (department, date, [period for period in day.periods if period.starts_at > now])
        for department in locked
        for date, day in plans[department.pk].items()
        if date <= last_days[department.pk]
    ]
    slots_of: SlotsOf = defaultdict(list)
    for slot in slots:
        slots_of[slot.department_id, slot.date].append(slot)
    unused = _take_away_unused(days, slots_of, now)
    for department, date, periods in days:
        _plan_day(changes, department, date, periods, slots_of[department.pk, date], unused, now)
    waited_for = waiting.days_waited_for(locked)
    _write(changes, slots, waited_for, now)
    _deal_out(changes, locked, slots, now)
    _write_days(changes, locked, plans, first)
    _end_offers_without_place(locked, now)
    return changes


def bookable_window(department: Department, date: dt.date, starts_at: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """From when until when a slot may be booked, by its department's settings."""
    midnight = dt.datetime.combine(date, dt.time(), timezone.get_default_timezone())
    opens = midnight - dt.timedelta(days=department.max_days_ahead)
    closes = starts_at - dt.timedelta(minutes=department.closes_minutes_before)
    if department.min_days_ahead:
        closes = min(closes, midnight - dt.timedelta(days=department.min_days_ahead - 1))
    return opens, closes


def _lock_slots(departments: list[Department], first: dt.date) -> list[Slot]:
    locked = Slot.objects.select_for_update(no_key=True).filter(department__in=departments, date__gte=first)
    return list(locked.order_by("pk"))


def _take_away_unused(days: list[LaidOut], slots_of: SlotsOf, now: dt.datetime) -> set[int]:
    """Take away the free places of slots that may have to go altogether. Returns the ids of those slots that never had
    a ticket.

    Whether a slot is unused is asked only after its places are gone: by then a booking under way has its ticket, or has
    found no place.
    """
    doubtful = []
    for department, date, periods in days:
        coming = [slot for slot in slots_of[department.pk, date] if slot.starts_at > now]
        wanted = {period.starts_at for period in periods}
        if coming and {slot.starts_at for slot in coming} != wanted:
            doubtful.append((coming, [slot for slot in coming if slot.starts_at not in wanted]))
    if not doubtful:
        return set()
    all_ids = [slot.pk for coming, _retired in doubtful for slot in coming]
    used = _used(all_ids)
    ids: set[int] = set()
    for coming, retired in doubtful:
        # A day with tickets keeps its numbers: only slots that the rules no longer have go. Any other day is
        # renumbered.
        ids |= {slot.pk for slot in (retired if used & {slot.pk for slot in coming} else coming)} - used
    places = Place.objects.free().filter(slot__in=ids)
    places._raw_delete(places.db)
    return ids - _used(ids)


def _used(slot_ids: Iterable[int]) -> set[int]:
    """Those of these slots that ever had a ticket, or hold a further part of one's visit."""
    tickets = Ticket.objects.filter(slot__in=slot_ids).order_by().values_list("slot_id", flat=True)
    parts = Place.objects.taken().filter(slot__in=slot_ids, part__gt=1).order_by().values_list("slot_id", flat=True)
    return set(tickets.union(parts))


def _plan_day(
    changes: Changes,
    department: Department,
    date: dt.date,
    periods: list[Period],
    slots: list[Slot],
    unused: set[int],
    now: dt.datetime,
) -> None:
    """Gather the changes that bring a day's slots to what the rules say."""
    coming = [slot for slot in slots if slot.starts_at > now]
    begun = [slot for slot in slots if slot.starts_at <= now]
    wanted = {period.starts_at: period for period in periods}
    if {slot.starts_at for slot in coming} != set(wanted) and all(slot.pk in unused for slot in coming):
        # Nobody has a number on this day yet: renumber it, so that numbers rise with the time of day.
        changes.gone += coming
        coming = []
    kept = []
    for slot in coming:
        period = wanted.pop(slot.starts_at, None)
        if period is None and slot.pk in unused:
            changes.gone.append(slot)
            continue
        kept.append(slot)
        if period is None:  # somebody has a ticket in it: closed, but kept
            _adjust(changes, slot, quota=0)
            continue
        opens, closes = bookable_window(department, date, period.starts_at)
        _adjust(changes, slot, ends_at=period.ends_at, quota=period.quota, bookable_from=opens, bookable_until=closes)
    changes.new += _new_slots(department, date, list(wanted.values()), begun + kept, slots_in_day=len(periods))


def _adjust(changes: Changes, slot: Slot, *, quota: int, **times: dt.datetime) -> None:
    if quota > slot.room:
        changes.short.append(slot)
    wanted = {"quota": min(quota, slot.room), **times}
    differing = {name: value for name, value in wanted.items() if getattr(slot, name) != value}
    for name, value in differing.items():
        setattr(slot, name, value)
    if differing:
        changes.changed.append(slot)


def _new_slots(
    department: Department, date: dt.date, periods: list[Period], present: list[Slot], *, slots_in_day: int
) -> list[Slot]:
    taken = [(slot.starts_at, slot.first_number, slot.last_number) for slot in present]
    blocks = _number_blocks(periods, taken, slots_in_day)
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


def _number_blocks(
    new: list[Period], taken: list[tuple[dt.datetime, int, int]], slots_in_day: int
) -> dict[dt.datetime, range | None]:
    """A block of numbers for each new slot: about twice its quota, in tens, so that a quota can grow without
    renumbering the day. None where the day's numbers are used up.

    `taken` has the start, the first and the last number of each slot that the day has already. There a new slot gets
    the gap between its neighbours where that is wide enough, else the next numbers after the day's last.
    """
    taken = list(taken)
    spare = max(0, LAST_BOOKED_NUMBER - sum(period.quota for period in new)) // max(1, slots_in_day)
    blocks: dict[dt.datetime, range | None] = {}
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


def _write(changes: Changes, slots: list[Slot], waited_for: set[tuple[int, dt.date]], now: dt.datetime) -> None:
    if changes.gone:
        gone = Slot.objects.filter(pk__in=[slot.pk for slot in changes.gone])
        gone._raw_delete(gone.db)  # neither places nor tickets hang on them any more
    if changes.changed:
        _update(changes.changed)
    gone_ids = {slot.pk for slot in changes.gone}
    coming = [slot for slot in slots if slot.starts_at > now and slot.pk not in gone_ids]
    _bring_places_to_quota(changes, coming, waited_for, now)
    Slot.objects.bulk_create(changes.new)
    if changes.new:
        added = [(slot, range(slot.first_number, slot.first_number + slot.quota)) for slot in changes.new]
        _add_places(added, waited_for, now)


UPDATE_SLOTS = """
UPDATE booking_slot
   SET ends_at = wanted.ends_at, quota = wanted.quota,
       bookable_from = wanted.bookable_from, bookable_until = wanted.bookable_until
  FROM unnest(%s::bigint[], %s::timestamptz[], %s::smallint[], %s::timestamptz[], %s::timestamptz[])
       AS wanted (id, ends_at, quota, bookable_from, bookable_until)
 WHERE booking_slot.id = wanted.id
"""


def _update(slots: list[Slot]) -> None:
    names = ["pk", "ends_at", "quota", "bookable_from", "bookable_until"]
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_SLOTS, [[getattr(slot, name) for slot in slots] for name in names])


# FOR UPDATE waits for a booking under way. If that succeeds, its place is no longer free and LIMIT takes the next one.
# Only places that go are locked. MATERIALIZED: a subquery with LIMIT and FOR UPDATE that a plan runs once for each row
# would find others each time, and more would go than have to.
TAKE_AWAY_FREE_PLACES = """
WITH going AS MATERIALIZED (
    SELECT free.id
      FROM unnest(%s::bigint[], %s::integer[]) AS surplus (slot_id, count),
           LATERAL (SELECT place.id FROM booking_place place
                     WHERE place.slot_id = surplus.slot_id AND place.ticket_id IS NULL
                     ORDER BY place.offered_until IS NOT NULL, place.number DESC
                     LIMIT surplus.count
                       FOR UPDATE) free
)
DELETE FROM booking_place place USING going
 WHERE place.id = going.id AND place.ticket_id IS NULL
"""


def _bring_places_to_quota(
    changes: Changes, slots: list[Slot], waited_for: set[tuple[int, dt.date]], now: dt.datetime
) -> None:
    """Take away the highest free places of slots with more places than their quota, and add what others lack."""
    found = Counter(Place.objects.filter(slot__in=[slot.pk for slot in slots]).values_list("slot_id", flat=True))
    surplus = {slot.pk: found[slot.pk] - slot.quota for slot in slots if found[slot.pk] > slot.quota}
    if surplus:
        with connection.cursor() as cursor:
            cursor.execute(TAKE_AWAY_FREE_PLACES, [list(surplus), list(surplus.values())])
            changes.places_gone = cursor.rowcount
    short = [slot for slot in slots if found[slot.pk] < slot.quota]
    if short:
        added = _places_for(short, found)
        _add_places(added, waited_for, now)
        changes.places_new = len(added)


def _places_for(slots: list[Slot], found: Counter[int]) -> list[NewPlaces]:
    present = set(Place.objects.filter(slot__in=[slot.pk for slot in slots]).values_list("slot_id", "number"))
    places: list[NewPlaces] = []
    for slot in slots:
        numbers = range(slot.first_number, slot.last_number + 1)
        unused = [number for number in numbers if (slot.pk, number) not in present]
        places += [(slot, range(number, number + 1)) for number in unused[: slot.quota - found[slot.pk]]]
    return places


ADD_PLACES = """
INSERT INTO booking_place (slot_id, number, offered_until)
SELECT slot_id, number, kept_until
  FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::timestamptz[])
           AS added (slot_id, first, last, kept_until),
       generate_series(added.first, added.last) number
"""


def _add_places(places: list[NewPlaces], waited_for: set[tuple[int, dt.date]], now: dt.datetime) -> None:
    """Those of days for which somebody waits are kept until they have been offered."""
    kept_until = now + waiting.KEPT
    with connection.cursor() as cursor:
        cursor.execute(
            ADD_PLACES,
            [
                [slot.pk for slot, _ in places],
                [numbers.start for _, numbers in places],
                [numbers.stop - 1 for _, numbers in places],
                [kept_until if (slot.department_id, slot.date) in waited_for else None for slot, _ in places],
            ],
        )


# A place that was booked meanwhile stays whose it was.
DEAL_OUT = """
UPDATE booking_place SET topic_id = NULLIF(dealt.topic_id, 0), offered_to_id = NULL
  FROM unnest(%s::bigint[], %s::bigint[]) AS dealt (id, topic_id)
 WHERE booking_place.id = dealt.id AND booking_place.ticket_id IS NULL
"""


def _deal_out(changes: Changes, departments: list[Department], found: list[Slot], now: dt.datetime) -> None:
    """Write the topics' shares on the free places of slots that have not begun; those that have count for the day, so
    that what is dealt out does not change while it goes by. Places that are held stay as they are, and count for the
    share that they were booked in. One query where no topic has a share."""
    has_places = Exists(Place.objects.free().filter(topic=OuterRef("pk")))
    topics: dict[int, list[Topic]] = defaultdict(list)
    for topic in Topic.objects.filter(Q(share__gt=0) | has_places, department__in=departments):
        topics[topic.department_id].append(topic)
    gone = {slot.pk for slot in changes.gone}
    there = [slot for slot in [*found, *changes.new] if slot.department_id in topics and slot.pk not in gone]
    slots = sorted(there, key=lambda slot: slot.starts_at)
    if not slots:
        return
    wanted: dict[int, Counter[int]] = defaultdict(Counter)
    by_day: SlotsOf = defaultdict(list)
    for slot in slots:
        by_day[slot.department_id, slot.date].append(slot)
    for (department_id, date), of_day in by_day.items():
        # A closed slot that is kept for its ticket has no turn to deal out, and may lie across those of new hours.
        of_day = [slot for slot in of_day if slot.quota]
        offered = [
            Share(one.pk, one.share, one.minutes) for one in topics[department_id] if one.share and one.is_offered(date)
        ]
        wanted |= dict(zip([slot.pk for slot in of_day], shares.deal_out(of_day, offered), strict=True))
    coming = [slot.pk for slot in slots if slot.starts_at > now]
    places = Place.objects.filter(slot__in=coming).order_by("slot", "-number")
    of_slot: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        of_slot[place.slot_id].append(place)
    dealt = {place: topic for pk, found in of_slot.items() for place, topic in _dealt(found, wanted[pk]).items()}
    if dealt:
        with connection.cursor() as cursor:
            cursor.execute(DEAL_OUT, [list(dealt), list(dealt.values())])
            changes.places_dealt = cursor.rowcount


def _dealt(places: list[Place], wanted: Counter[int]) -> dict[int, int]:
    """Which free places of a slot go to which topic (0: to all others), by the place's id. Those that have it already
    keep it, then the highest numbers are taken, so that common bookings begin with the first."""
    missing = wanted - Counter(place.topic_id for place in places if place.ticket_id and place.topic_id)
    changed: dict[int, int] = {}
    spare = []
    for place in (one for one in places if not one.ticket_id):
        if place.topic_id and missing[place.topic_id] > 0:
            missing[place.topic_id] -= 1
        else:
            spare.append(place)
    for place in spare:
        topic_id = next((one for one, count in missing.items() if count > 0), 0)
        if topic_id:
            missing[topic_id] -= 1
        if topic_id != (place.topic_id or 0):
            changed[place.pk] = topic_id
    return changed


def _end_offers_without_place(departments: list[Department], now: dt.datetime) -> None:
    """Whose offered place went, or went to another topic, waits again. An entry that is locked at this moment is left
    to the job that offers."""
    with_lists = [department for department in departments if department.has_waiting_list]
    if not with_lists:
        return
    offered = Exists(Place.objects.filter(offered_to=OuterRef("pk")))
    entries = WaitingEntry.objects.live().filter(~offered, department__in=with_lists, offer_ends_at__gt=now)
    found = list(entries.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    if found:
        WaitingEntry.objects.filter(pk__in=found).update(**NO_OFFER)


DAY_FIELDS = ["state", "reason", "reason_en", "serving"]


def _write_days(
    changes: Changes, departments: list[Department], plans: dict[int, dict[dt.date, DayPlan]], first: dt.date
) -> None:
    """Bring the rows of the days to what the plans say. Only rows that differ are written."""
    written = {
        (row[0], row[1]): row[2:]
        for row in DepartmentDay.objects.filter(department__in=departments, date__gte=first).values_list(
            "department_id", "date", *DAY_FIELDS
        )
    }
    for department in departments:
        for date, day in plans[department.pk].items():
            serving = [Range(day.at(starts), day.at(ends)) for starts, ends in day.serving]
            if written.get((department.pk, date)) != (str(day.state), day.reason, day.reason_en, serving):
                changes.days.append(
                    DepartmentDay(
                        department=department,
                        date=date,
                        state=day.state,
                        reason=day.reason,
                        reason_en=day.reason_en,
                        serving=serving,
                    )
                )
    DepartmentDay.objects.bulk_create(
        changes.days, update_conflicts=True, unique_fields=["department", "date"], update_fields=DAY_FIELDS
    )
