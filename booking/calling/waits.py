"""How many are ahead of a ticket, and how long it is told to wait.

forecast.py works out when each ticket would be called. This module gathers what that needs, and says what is told.
"""

import datetime as dt
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from booking import thai
from booking.calling import forecast, pace, times
from booking.calling.forecast import Desk, Periods, Queue, Spread, Turn
from booking.days import serving
from booking.kept import kept
from booking.models import CounterDepartment, Department, SeatEvent, Ticket, WaitSpread
from booking.models.tickets import AT_COUNTER, State

NEXT_WALK_IN = -2  # in place of a ticket's id

InTurn = tuple[float, int]  # when it is due, in POSIX seconds, and its number


class Standing(NamedTuple):
    """Those still to be called from a queue on a day, each as (due, number), in order: everybody, those with a priority
    class, and those of them who have arrived."""

    everybody: list[InTurn]
    priority: list[InTurn]
    priority_here: list[InTurn]

    def ahead(self, ticket: Ticket) -> int:
        """How many others come before this ticket of the queue."""
        turn = _turn(ticket.due_at, ticket.number)
        if ticket.priority:
            return bisect_left(self.priority, turn)
        later_but_first = len(self.priority_here) - bisect_left(self.priority_here, turn)
        return bisect_left(self.everybody, turn) + later_but_first


@dataclass(frozen=True)
class Told:
    """What a member is told about a ticket's wait.

    From `low` to `high` minutes; None if no wait is told. `opens_at`: when the department serves again, if it does not
    now. `unserved_since`: since when no counter has served it although one should. `can_be_called`: the department is
    open, and the ticket is due or may be called early. `expected` (seconds of serving time) and `is_early` (the ticket
    was not due yet) are kept, to compare them with the real wait.
    """

    low: int | None = None
    high: int | None = None
    expected: int | None = None
    is_early: bool = False
    opens_at: dt.datetime | None = None
    unserved_since: dt.datetime | None = None
    can_be_called: bool = False

    @property
    def middle(self) -> int | None:
        return None if self.low is None or self.high is None else round((self.low + self.high) / 2)

    def in_words(self) -> str:
        """For the member, in the language of the page. Empty if there is nothing to say."""
        words = [_("เปิดให้บริการ %(time)s") % {"time": thai.clock(self.opens_at)}] if self.opens_at else []
        if self.unserved_since:
            since = {"time": thai.clock(self.unserved_since)}
            words.append(_("ขณะนี้ไม่มีช่องบริการที่ให้บริการฝ่ายนี้ ตั้งแต่ %(time)s จึงยังบอกเวลารอไม่ได้") % since)
        elif self.low:
            words.append(_("คาดว่าจะถึงคิวในอีก %(low)s ถึง %(high)s นาที") % {"low": self.low, "high": self.high})
        elif self.high:
            words.append(_("คาดว่าจะถึงคิวภายใน %(high)s นาที") % {"high": self.high})
        return " ".join(words)

    def in_short(self) -> str:
        """The same for the kiosk's buttons and slip."""
        words = [_("เปิด %(time)s") % {"time": thai.clock(self.opens_at)}] if self.opens_at else []
        if self.unserved_since:
            words.append(_("ไม่มีช่องบริการเปิด ตั้งแต่ %(time)s") % {"time": thai.clock(self.unserved_since)})
        elif self.low:
            words.append(_("รอราว %(low)s ถึง %(high)s นาที") % {"low": self.low, "high": self.high})
        elif self.high:
            words.append(_("รอไม่เกิน %(high)s นาที") % {"high": self.high})
        return " ".join(words)


@dataclass(frozen=True)
class Outlook:
    """A department's queue today at one moment: who stands there, and when each is expected to be called (POSIX seconds
    by the ticket's id)."""

    standing: Standing
    expected: dict[int, float]
    queue: Queue
    is_manned: bool
    unserved_since: float
    spreads: dict[bool, Spread]

    def ahead(self, ticket: Ticket) -> int:
        return self.standing.ahead(ticket)

    def told(self, ticket: Ticket, *, now: dt.datetime | None = None) -> Told:
        """What a ticket of this queue is told."""
        return self._told(ticket.pk, ticket.due_at.timestamp(), (now or timezone.now()).timestamp())

    def told_to_who_comes_now(self, *, now: dt.datetime | None = None) -> Told:
        """What a walk-in would be told who came now. Only if office() was asked to expect one."""
        seconds = (now or timezone.now()).timestamp()
        return self._told(NEXT_WALK_IN, seconds, seconds)

    def _told(self, key: int, due: float, now: float) -> Told:
        opening = forecast.opens_at(self.queue.periods, now)
        can_be_called = opening is None and (due <= now or self.queue.calls_early)
        opens_at = None if opening is None else _moment(opening)
        if not self.is_manned:
            since = None if opens_at else _moment(self.unserved_since)
            return Told(opens_at=opens_at, unserved_since=since, can_be_called=can_be_called)
        called_at = self.expected.get(key)
        if called_at is None:
            return Told(opens_at=opens_at, can_be_called=can_be_called)
        told = forecast.told(called_at, due=due, now=now, queue=self.queue, spreads=self.spreads)
        minutes = times.rounded(told.low, told.high)
        return Told(*minutes, round(told.expected), told.is_early, opens_at, None, can_be_called)


def ahead(ticket: Ticket, *, now: dt.datetime | None = None) -> int:
    """How many live tickets of the same queue and day come before this one."""
    return standing_of(ticket.queue, ticket.date, now=now).ahead(ticket)


def told(ticket: Ticket, *, now: dt.datetime | None = None) -> Told:
    """What a ticket of today is told. To ask who is ahead as well, use outlook(); for several tickets, office()."""
    return outlook(ticket.queue_id, now=now).told(ticket, now=now)


def outlook(department_id: int, *, now: dt.datetime | None = None) -> Outlook:
    return office(now=now)[department_id]


def standing_of(department: Department, date: dt.date, *, now: dt.datetime | None = None) -> Standing:
    """Those who stand in a department's queue on a day, in one query. Booked members who are late and have not come are
    left out: they hold up nobody."""
    now = now or timezone.now()
    rows = _standing_on(queue=department.pk, date=date)
    return _standing(row for row in rows if _counts(department, row[0], row[3], now))


@kept
def _standing_on(*, queue: int, date: dt.date) -> QuerySet[Ticket, tuple[dt.datetime, int, str, str]]:
    tickets = Ticket.objects.filter(queue=queue, date=date, state__in=[State.BOOKED, State.WAITING])
    return tickets.order_by().values_list("due_at", "number", "priority", "state")


def office(*, now: dt.datetime | None = None, expects_walk_ins: bool = False) -> dict[int, Outlook]:
    """The outlook of every department's queue today, by the department's id. Worked out together, because counters
    serve several departments. Ten queries, however many tickets.

    `expects_walk_ins`: each queue gets one more person who comes now, and who takes nobody's time.
    """
    now = now or timezone.now()
    today = timezone.localdate(now)
    departments = {one.pk: one for one in Department.objects.all()}
    tickets = _tickets_by_queue(today)
    queues = _queues(departments, tickets, today, now)
    desks, unserved_since = _desks(queues, tickets, now)
    manned = {pk for desk in desks for pk in desk.queues}
    spreads = _spreads(departments, now)
    expected = forecast.calls(queues, desks, now=now.timestamp())
    found = {}
    for pk, department in departments.items():
        standing = [row for row in tickets[pk] if row.state in (State.BOOKED, State.WAITING)]
        standing = [row for row in standing if _counts(department, row.due_at, row.state, now)]
        calls = {row.pk: expected[row.pk] for row in standing if row.pk in expected}
        if expects_walk_ins and pk in manned:
            calls[NEXT_WALK_IN] = _call_of_a_walk_in(pk, queues, desks, now.timestamp())
        found[pk] = Outlook(
            standing=_standing((row.due_at, row.number, row.priority, row.state) for row in standing),
            expected=calls,
            queue=queues[pk],
            is_manned=pk in manned,
            unserved_since=_unserved_since(queues[pk].periods, unserved_since.get(pk), now.timestamp()),
            spreads=spreads[pk],
        )
    return found


class End(NamedTuple):
    """When the last of those who stand in a queue today is expected to have been served, as the counters are manned;
    None where none of them is. `uncalled`: how many would be called by no counter."""

    at: dt.datetime | None
    uncalled: int


def ends(*, now: dt.datetime | None = None, closing: dict[int, dt.datetime] | None = None) -> dict[int, End]:
    """The end of every department's queue today, by the department's id. Six queries, however many tickets.

    `closing`: from when on a counter, by its id, calls nobody any more.
    """
    now = now or timezone.now()
    today = timezone.localdate(now)
    departments = {one.pk: one for one in Department.objects.all()}
    tickets = _tickets_by_queue(today)
    queues = _queues(departments, tickets, today, now)
    desks, _unserved_since = _desks(queues, tickets, now, closing)
    expected = forecast.calls(queues, desks, now=now.timestamp())
    found = {}
    for pk, queue in queues.items():
        called = [expected[turn.key] + queue.seconds for turn in queue.turns if turn.key in expected]
        at_counter = [
            forecast.free_at(called_at=row.called_at.timestamp(), seconds=queue.seconds, now=now.timestamp())
            for row in tickets[pk]
            if row.state in AT_COUNTER and row.called_at
        ]
        last = max([*called, *at_counter], default=None)
        found[pk] = End(None if last is None else _moment(last), len(queue.turns) - len(called))
    return found


def part_of_day(moment: dt.datetime) -> WaitSpread.Part:
    hour = timezone.localtime(moment).hour
    return WaitSpread.Part.MORNING if hour < 10 else WaitSpread.Part.NOON if hour < 13 else WaitSpread.Part.AFTERNOON


class _Row(NamedTuple):
    queue_id: int
    pk: int
    due_at: dt.datetime
    number: int
    priority: str
    state: str
    counter_id: int | None
    called_at: dt.datetime | None
    issued_at: dt.datetime
    slot_id: int | None
    topic_id: int | None


def _tickets_by_queue(today: dt.date) -> dict[int, list[_Row]]:
    """All of today's tickets. The finished ones show who was called, and how many walk in."""
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in Ticket.objects.filter(date=today).order_by().values_list(*_Row._fields):
        found[row[0]].append(_Row(*row))
    return found


def _queues(
    departments: dict[int, Department], tickets: dict[int, list[_Row]], today: dt.date, now: dt.datetime
) -> dict[int, Queue]:
    paces, topics = pace.paces_of(list(departments.values())), pace.of_topics()
    periods = serving.serving_periods(today)
    queues = {}
    for pk, department in departments.items():
        called = sorted(
            (row for row in tickets[pk] if row.called_at), key=lambda row: row.called_at or now, reverse=True
        )
        queues[pk] = Queue(
            seconds=paces[pk][0],
            periods=[(opens.timestamp(), closes.timestamp()) for opens, closes in periods.get(pk, [])],
            turns=[
                Turn(
                    row.due_at.timestamp(),
                    row.number,
                    row.pk,
                    bool(row.priority),
                    row.state == State.WAITING,
                    topics.get(row.topic_id or 0),
                )
                for row in tickets[pk]
                if row.state in (State.BOOKED, State.WAITING) and _counts(department, row.due_at, row.state, now)
            ],
            calls_early=department.calls_early,
            priority_in_a_row=department.priority_in_a_row,
            in_a_row=len(list(takewhile(lambda row: row.priority, called[: department.priority_in_a_row]))),
            walk_ins_an_hour=forecast.walk_ins_an_hour(
                (row.issued_at.timestamp() for row in tickets[pk] if row.slot_id is None), now=now.timestamp()
            ),
        )
    return queues


def _desks(
    queues: dict[int, Queue],
    tickets: dict[int, list[_Row]],
    now: dt.datetime,
    closing: dict[int, dt.datetime] | None = None,
) -> tuple[list[Desk], dict[int, dt.datetime]]:
    """The manned counters, and when a counter of each department was last left, if that is known."""
    changed = SeatEvent.objects.filter(counter=OuterRef("counter")).order_by("-id").values("at")[:1]
    rows = CounterDepartment.objects.filter(counter__is_active=True).annotate(changed_at=Subquery(changed))
    served: dict[int, list[int]] = defaultdict(list)
    left_at: dict[int, dt.datetime] = {}
    for counter_id, clerk_id, vacated_at, department_id in rows.order_by("counter", "position", "pk").values_list(
        "counter_id", "counter__clerk_id", "changed_at", "department_id"
    ):
        if clerk_id:
            served[counter_id].append(department_id)
        elif vacated_at:
            left_at[department_id] = max(vacated_at, left_at.get(department_id, vacated_at))
    moment = now.timestamp()
    at_counter = {
        row.counter_id: (row.called_at.timestamp(), queues[pk].seconds)
        for pk, rows in tickets.items()
        for row in rows
        if row.state in AT_COUNTER and row.called_at
    }
    closes_at = {counter_id: at.timestamp() for counter_id, at in (closing or {}).items()}
    desks = []
    for counter_id, pks in served.items():
        called_at, seconds = at_counter.get(counter_id, (None, 0))
        closes = closes_at.get(counter_id, math.inf)
        desks.append(forecast.desk(pks, now=moment, called_at=called_at, seconds=seconds, closes_at=closes))
    return desks, left_at


def _spreads(departments: Iterable[int], now: dt.datetime) -> dict[int, dict[bool, Spread]]:
    """The spread by which each department tells waits now: its own at this time of day, else its own of all day, else
    the usual one."""
    found = {pk: dict(forecast.USUAL) for pk in departments}
    # Those of the whole day come first, so that those of the time of day replace them.
    rows = WaitSpread.objects.filter(part_of_day__in=["", part_of_day(now)]).order_by("part_of_day")
    for row in rows:
        found[row.department_id][row.is_early] = Spread(row.low, row.high)
    return found


def _call_of_a_walk_in(pk: int, queues: dict[int, Queue], desks: list[Desk], now: float) -> float:
    queues[pk].turns.append(Turn(now, 10**9, NEXT_WALK_IN))
    called_at = forecast.calls(queues, desks, now=now, until=NEXT_WALK_IN)[NEXT_WALK_IN]
    queues[pk].turns.pop()
    return called_at


def _unserved_since(periods: Periods, left_at: dt.datetime | None, now: float) -> float:
    """Since when no counter serves: the last one was left then, or the department opened without one."""
    began = max((opens for opens, _ in periods if opens <= now), default=now)
    return max(began, left_at.timestamp()) if left_at else began


def _counts(department: Department, due_at: dt.datetime, state: str, now: dt.datetime) -> bool:
    """Whether a booked or waiting ticket still counts in its queue."""
    return state == State.WAITING or not department.uses_check_in or not times.is_late(department, due_at, came_at=now)


def _standing(rows: Iterable[tuple[dt.datetime, int, str, str]]) -> Standing:
    found = Standing([], [], [])
    for due_at, number, priority, state in rows:
        found.everybody.append(_turn(due_at, number))
        if priority:
            found.priority.append(found.everybody[-1])
        if priority and state == State.WAITING:
            found.priority_here.append(found.everybody[-1])
    for turns in found:
        turns.sort()
    return found


def _turn(due_at: dt.datetime, number: int) -> InTurn:
    return due_at.timestamp(), number


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, timezone.get_current_timezone())
