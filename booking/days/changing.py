"""What a change of rules would do, before it is saved: how days would change, which tickets it touches, and where they
could move. Reads only, and locks nothing."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone

from booking.days import opening, rules
from booking.days.rules import Change, DayPlan
from booking.models import DayException, Department, Place, Slot, Ticket
from booking.models.days import in_closed_time


@dataclass(frozen=True)
class ChangedDay:
    department: Department
    before: DayPlan
    after: DayPlan


class WhatIf:
    """The days that a change of the rules touches, as they would be: with the unsaved changes `new` for `departments`,
    and without the exception `old`, as it still stands. At least one of the two is given."""

    def __init__(
        self, *, departments: Iterable[Department] = (), new: Iterable[Change] = (), old: DayException | None = None
    ):
        new = list(new)
        concerned = list(departments)
        left = old.concerned() if old else []
        self.departments = sorted({*concerned, *left}, key=lambda department: (department.position, department.pk))
        bounds = [(change.first, change.last) for change in new]
        bounds += [(old.first_date, old.last_date)] if old else []
        self.first = max(min(first for first, _last in bounds), timezone.localdate())
        self.last = max(last for _first, last in bounds)
        # A ticket may move to any day of the window, not only to one that changes.
        ahead = max((department.max_days_ahead for department in self.departments), default=0)
        until = max(self.last, timezone.localdate() + dt.timedelta(days=ahead))
        self.before = rules.plan(self.departments, self.first, until)
        also = {department.pk: new for department in concerned}
        self.after = rules.plan(self.departments, self.first, until, also=also, without=old)

    def changed_days(self) -> list[ChangedDay]:
        """The days that would change, soonest first."""
        found = []
        for offset in range((self.last - self.first).days + 1):
            date = self.first + dt.timedelta(days=offset)
            for department in self.departments:
                before, after = self.before[department.pk][date], self.after[department.pk][date]
                if (before.slots, before.serving) != (after.slots, after.serving):
                    found.append(ChangedDay(department, before, after))
        return found

    def touches(self, slot: Slot) -> bool:
        """Whether a slot is of a day and a department that may change."""
        return self.first <= slot.date <= self.last and any(one.pk == slot.department_id for one in self.departments)

    def tickets(self) -> list[Ticket]:
        """The live tickets for minutes at which nobody would be served any more. Tickets in a time that is closed
        already are left out: those are settled elsewhere."""
        tickets = (
            Ticket.objects.live()
            .with_details()
            .select_related("member")
            .filter(department__in=self.departments, date__range=(self.first, self.last))
            .exclude(in_closed_time())
            .prefetch_related("places__slot")
            .order_by("date", "department__position", "department__letter", "number")
        )
        return [ticket for ticket in tickets if not self._serves(ticket)]

    def free_times_for(self, tickets: list[Ticket]) -> dict[int, dt.datetime]:
        """A free time for each ticket that can have one, by its id: on the same day first, nearest to its own time.
        Each turn is proposed only once."""
        free = self._free_turns({ticket.department_id for ticket in tickets})
        held = set(
            Ticket.objects.live()
            .filter(member__in=[ticket.member_id for ticket in tickets if ticket.member_id])
            .values_list("member_id", "department_id", "date")
        )
        found: dict[int, dt.datetime] = {}
        for ticket in tickets:
            if not ticket.can_move or ticket.slot is None or ticket.member_id is None:
                continue
            times = [
                (day_distance, abs(_minute(starts_at) - _minute(ticket.slot.starts_at)), starts_at)
                for starts_at, count in free[ticket.department_id].items()
                if count > 0
                and (day_distance := (timezone.localdate(starts_at) - ticket.date).days) >= 0
                and (
                    day_distance == 0
                    or (ticket.member_id, ticket.department_id, timezone.localdate(starts_at)) not in held
                )
            ]
            if times:
                found[ticket.pk] = min(times)[2]
                free[ticket.department_id][found[ticket.pk]] -= 1
        return found

    def _serves(self, ticket: Ticket) -> bool:
        day = self.after[ticket.department_id][ticket.date]
        if ticket.slot is None:
            return bool(day.serving)
        minutes = [_minute(place.slot.starts_at) for place in ticket.places.all()] or [_minute(ticket.slot.starts_at)]
        return all(any(starts <= minute < ends for starts, ends in day.serving) for minute in minutes)

    def _free_turns(self, department_ids: set[int]) -> dict[int, Counter[dt.datetime]]:
        """How many turns could be booked now at each time if the change were in force, by department."""
        now = timezone.now()
        taken = Counter(
            Place.objects.taken()
            .filter(slot__department__in=department_ids, slot__date__gte=self.first)
            .values_list("slot__department", "slot__starts_at")
        )
        free: dict[int, Counter[dt.datetime]] = defaultdict(Counter)
        for department in self.departments:
            if department.pk not in department_ids:
                continue
            for date, day in self.after[department.pk].items():
                for period in day.periods:
                    opens, closes = opening.bookable_window(department, date, period.starts_at)
                    if opens <= now < closes:
                        free[department.pk][period.starts_at] = period.quota - taken[department.pk, period.starts_at]
        return free


def _minute(moment: dt.datetime) -> int:
    local = timezone.localtime(moment)
    return local.hour * 60 + local.minute
