"""Days at an office that is made up, played in memory in a moment: to see how good the waits are that members would be
told. The order of calling and what is told are those of booking/calling/forecast.py; people come and clerks work much
as in simulation.py. Moments are seconds since midnight.
"""

import heapq
import random
from dataclasses import dataclass, replace
from itertools import count
from statistics import median
from typing import NamedTuple

from booking.calling import forecast, pace, times
from booking.calling.forecast import USUAL, Queue, Spread, Turn

MINUTE, HOUR = 60, 3600
PERIODS = [(8.5 * HOUR, 12.0 * HOUR), (13.0 * HOUR, 15.5 * HOUR)]
SLOTS = [moment for opens, closes in PERIODS for moment in range(int(opens), int(closes), 30 * MINUTE)]
LATE_AFTER = 15 * MINUTE
# Of each department: mean minutes of a service, and what part of the members goes there.
DEPARTMENTS = {0: (12, 5), 1: (7, 5), 2: (9, 3), 3: (15, 2), 4: (10, 3)}


@dataclass(frozen=True)
class Kind:
    """What a day is like: how many book, how many walk in and when most of them do (in hours), how many counters are
    manned, and until when the clerks are late."""

    bookings: int
    walk_ins: int
    busiest: float | None = None
    counters: int = 5
    begins: float = 8.5


KINDS = {
    "calm": Kind(50, 35),
    "rush": Kind(75, 85, busiest=9),
    "two clerks missing": Kind(55, 40, counters=3),
    "lunch": Kind(65, 60, busiest=12),
    "late start": Kind(65, 55, begins=9.1),
}


class Told(NamedTuple):
    """A wait that was told on arrival, in minutes, and what it became; `expected` and `served` in seconds of serving
    time, as forecast.spread_of asks."""

    kind: str
    low: int
    high: int
    actual: float
    expected: float
    served: float
    is_early: bool

    @property
    def is_within(self) -> bool:
        return self.low <= self.actual <= self.high


def spreads_of(found: list[Told]) -> dict[bool, Spread]:
    """What an office with such days would tell by."""
    return {
        is_early: forecast.spread_of((told.expected, told.served) for told in found if told.is_early == is_early)
        for is_early in (True, False)
    }


class Share(NamedTuple):
    """Of `count` waits: the shares within the range and below it; medians in minutes of its width and of the wait."""

    count: int
    within: float
    below: float
    width: float
    wait: float

    def __str__(self):
        return (
            f"{self.count} waits: {self.within:.0%} within their range, {self.below:.1%} below it; "
            f"median width {self.width:.0f}, median wait {self.wait:.0f} minutes"
        )


def rehearse(seeds: range, spreads: dict[bool, Spread] = USUAL) -> list[Told]:
    """The waits told on one day of each seed, of the kinds in turn."""
    kinds = list(KINDS)
    return [told for nth, seed in enumerate(seeds) for told in Day(kinds[nth % len(kinds)], seed, spreads).play()]


def by_kind(found: list[Told]) -> dict[str, Share]:
    return {kind: share([told for told in found if told.kind == kind]) for kind in KINDS}


def share(found: list[Told]) -> Share:
    return Share(
        len(found),
        sum(told.is_within for told in found) / len(found),
        sum(told.actual < told.low for told in found) / len(found),
        median(told.high - told.low for told in found),
        median(told.actual for told in found),
    )


class Day:
    """One day of a kind. What was served in a department in the days before is made up first, for its pace."""

    def __init__(self, kind: str, seed: int, spreads: dict[bool, Spread]):
        self.kind, self.name, self.spreads = KINDS[kind], kind, spreads
        self.chance = random.Random(f"{kind} {seed}")
        self.now, self.events, self.order = 0.0, [], count()
        self.queues = {pk: Queue(self._pace(pk), PERIODS, []) for pk in DEPARTMENTS}
        self.expected: dict[int, Turn] = {}  # booked, and not come yet
        self.called_at: dict[int, float] = {}
        self.desks = {nth: self._order_of(nth) for nth in range(self.kind.counters)}
        self.at_desk: dict[int, tuple[float, float]] = {}  # when its ticket was called, and the department's pace
        self.seated: set[int] = set()
        self.told, self.in_queue = [], {}
        self.walked_in: list[tuple[float, int]] = []
        self.numbers = count(501)
        for key in range(self.kind.bookings):
            begins = self.chance.choice(SLOTS)
            # One in five books in the first half of the day, as long as it can.
            booked = self.chance.uniform(8, 12) * HOUR if key % 5 == 0 else 0
            if booked < begins - 30 * MINUTE:
                self.at(booked, self.book, key, begins)
        for _ in range(self.kind.walk_ins):
            self.at(self._when_they_walk_in(), self.arrive, None)
        for desk in self.desks:
            late = self.chance.uniform(-5, 5) if self.kind.begins == 8.5 else self.chance.uniform(-15, 10)
            self.at(self.kind.begins * HOUR + late * MINUTE, self.sit_down, desk)

    def play(self) -> list[Told]:
        while self.events:
            self.now, _, do, arguments = heapq.heappop(self.events)
            do(*arguments)
        found = []
        for key, is_early, arrived_at, expected, low, high in self.told:
            if key in self.called_at:
                called_at = self.called_at[key]
                actual = (called_at - arrived_at) / MINUTE
                served = forecast.serving_seconds(PERIODS, arrived_at, called_at)
                found.append(Told(self.name, low, high, actual, expected, served, is_early))
        return found

    def at(self, moment: float, do, *arguments) -> None:
        heapq.heappush(self.events, (max(moment, self.now), next(self.order), do, arguments))

    def after(self, minutes: float, do, *arguments) -> None:
        self.at(self.now + minutes * MINUTE, do, *arguments)

    # --- members ---

    def book(self, key: int, begins: float) -> None:
        fate = self.chance.random()
        if fate < 0.05:
            return  # cancelled in time
        department = self._department()
        turn = Turn(begins, key, key, is_here=False)
        self.expected[key] = turn
        self.in_queue[key] = department
        if fate < 0.85:
            self.at(begins - self.chance.uniform(2, 30) * MINUTE, self.arrive, turn)
        elif fate < 0.93:
            self.at(begins + self.chance.uniform(3, 25) * MINUTE, self.arrive, turn)

    def arrive(self, booked: Turn | None) -> None:
        """Check in, or walk in; and be told how long it will take."""
        if booked:
            del self.expected[booked.key]
            is_late = self.now > booked.due + LATE_AFTER
            turn = booked._replace(is_here=True, due=self.now if is_late else booked.due)
        else:
            number = next(self.numbers)
            turn = Turn(self.now, number, number, is_priority=self.chance.random() < 0.1)
            self.in_queue[number] = self._department()
            self.walked_in.append((self.now, self.in_queue[number]))
        self.queues[self.in_queue[turn.key]].turns.append(turn)
        self.tell(turn)

    def tell(self, turn: Turn) -> None:
        """Nothing is told while nobody sits at a counter."""
        called_at = self.expected_call(turn.key)
        if called_at is None:
            return
        queue = self.queues[self.in_queue[turn.key]]
        told = forecast.told(called_at, due=turn.due, now=self.now, queue=queue, spreads=self.spreads)
        self.told.append((turn.key, told.is_early, self.now, told.expected, *times.rounded(told.low, told.high)))

    def expected_call(self, key: int) -> float | None:
        queues = {
            pk: replace(
                queue,
                turns=list(queue.turns),
                walk_ins_an_hour=forecast.walk_ins_an_hour(
                    (at for at, where in self.walked_in if where == pk), now=self.now
                ),
            )
            for pk, queue in self.queues.items()
        }
        for turn in self.expected.values():
            if self.now <= turn.due + LATE_AFTER:
                queues[self.in_queue[turn.key]].turns.append(turn)
        desks = []
        for desk in self.seated:
            called_at, seconds = self.at_desk.get(desk, (None, 0))
            desks.append(forecast.desk(self.desks[desk], now=self.now, called_at=called_at, seconds=seconds))
        return forecast.calls(queues, desks, now=self.now, until=key).get(key)

    # --- clerks ---

    def sit_down(self, desk: int) -> None:
        self.seated.add(desk)
        self.call_next(desk)

    def call_next(self, desk: int) -> None:
        """Call; who finds nobody waiting looks again in a while. Nobody calls before opening or over lunch."""
        self.at_desk.pop(desk, None)
        opens_at = forecast.opens_at(PERIODS, self.now)
        if opens_at is not None:
            self.at(opens_at + self.chance.uniform(0, 2) * MINUTE, self.call_next, desk)
            return
        found = forecast.next_call([self.queues[pk] for pk in self.desks[desk]], at=self.now)
        if found is None:
            if self.events and self.now < PERIODS[-1][1]:
                self.after(0.5, self.call_next, desk)
            return
        turn, queue = found
        self.called_at.setdefault(turn.key, self.now)
        self.at_desk[desk] = (self.now, queue.seconds)
        if self.chance.random() < 0.93:
            lasts = self._at_desk(self.in_queue[turn.key])
            self.after(lasts, self.finish, desk, turn)
        else:
            self.after(self.chance.uniform(2, 3.5), self.miss, desk, turn)

    def miss(self, desk: int, turn: Turn) -> None:
        if self.chance.random() < 0.4:
            self.after(self.chance.uniform(3, 15), self.come_back, turn)
        self.call_next(desk)

    def come_back(self, turn: Turn) -> None:
        self.queues[self.in_queue[turn.key]].turns.append(turn._replace(due=self.now))

    def finish(self, desk: int, turn: Turn) -> None:
        if self.chance.random() < 0.06:
            self.in_queue[turn.key] = self._department()
            self.queues[self.in_queue[turn.key]].turns.append(turn._replace(due=self.now))
        self.at_desk.pop(desk, None)
        self.after(self.chance.uniform(0.2, 1), self.call_next, desk)

    # --- chance ---

    def _department(self) -> int:
        return self.chance.choices(list(DEPARTMENTS), [part for _, part in DEPARTMENTS.values()])[0]

    def _at_desk(self, department: int) -> float:
        """Minutes from the call to the end of the service; some take far longer than most."""
        return self.chance.uniform(0.5, 2) + self.chance.gammavariate(4, DEPARTMENTS[department][0] / 4)

    def _pace(self, department: int) -> float:
        before = [pace.Service(department, nth, self._at_desk(department) * MINUTE, None) for nth in range(pace.LAST)]
        return pace.measured(before).seconds

    def _when_they_walk_in(self) -> float:
        if self.kind.busiest and self.chance.random() < 0.6:
            return self.chance.triangular(8 * HOUR, 15 * HOUR, self.kind.busiest * HOUR)
        return self.chance.uniform(8.25, 15.25) * HOUR

    def _order_of(self, desk: int) -> list[int]:
        """Each counter serves all departments, each another one first."""
        departments = list(DEPARTMENTS)
        return departments[desk:] + departments[:desk]
