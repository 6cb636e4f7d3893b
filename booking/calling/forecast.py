"""When each ticket would be called if everything went on as usual: the manned counters call in their order, each
service takes the department's pace, and for an hour walk-ins keep coming as they did in the last one.

There is no database here: waits.py feeds it from the database, queuesite/demo/rehearsal.py from invented days. What is
told is worked out here for both, so that the rehearsal tries what members are told. Moments are POSIX seconds.
"""

import bisect
import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Periods = list[tuple[float, float]]

# How likely a booked member who is not there yet will come: before the due time, and after it.
COMES, COMES_LATE = 0.85, 0.5
# A service that lasts longer than usual goes on for at least this share of the usual time.
LEAST_LEFT = 0.3
# Walk-ins who have not come yet; for how many seconds back those who came are counted, and for how many ahead as many
# are expected.
WALK_IN = -1
LOOKS_BACK = LOOKS_AHEAD = 3600


class Turn(NamedTuple):
    """A ticket still to be called. A booked member who has not come (`is_here` is False) is called no earlier than the
    due time. `seconds`: how long its topic takes, where that was measured; else it takes the queue's pace."""

    due: float
    number: int
    key: int
    is_priority: bool = False
    is_here: bool = True
    seconds: float | None = None


@dataclass
class Queue:
    """A department's queue: how many seconds a ticket takes, when the department serves, who stands there, and the
    rules of docs/order-of-calling.md that decide the order. `in_a_row`: priority calls since the last ordinary one.
    `walk_ins_an_hour`: how many came within the last hour."""

    seconds: float
    periods: Periods
    turns: list[Turn] = field(default_factory=list)
    calls_early: bool = True
    priority_in_a_row: int = 2
    in_a_row: int = 0
    walk_ins_an_hour: float = 0


class Desk(NamedTuple):
    """A manned counter: the departments it serves, in its order, when it should be free, and from when on it calls
    nobody any more."""

    queues: list[int]
    free_at: float
    closes_at: float = math.inf


def calls(queues: dict[int, Queue], desks: list[Desk], *, now: float, until: int | None = None) -> dict[int, float]:
    """When each ticket should be called, by its key. A ticket that none of the desks can call is left out. `until`:
    stop after that key's call."""
    standing = {pk: _Standing(queue) for pk, queue in queues.items()}
    found: dict[int, float] = {}
    for one in standing.values():
        one.expect_walk_ins(now)
    free = [(max(desk.free_at, now), nth) for nth, desk in enumerate(desks)]
    heapq.heapify(free)
    while free:
        at, nth = heapq.heappop(free)
        if at >= desks[nth].closes_at:
            continue
        served = [standing[pk] for pk in desks[nth].queues if pk in standing]
        call = _next(served, at)
        if call is None:
            later = min((moment for one in served for moment in one.next_moments(at)), default=None)
            if later is not None:
                heapq.heappush(free, (later, nth))
            continue
        turn, queue = call
        if turn.key != WALK_IN:
            found[turn.key] = at
        if turn.key == until:
            break
        likely = 1 if turn.is_here or turn.key == WALK_IN else COMES if turn.due >= now else COMES_LATE
        heapq.heappush(free, (at + (turn.seconds or queue.seconds) * likely, nth))
    return found


def next_call(queues: list[Queue], *, at: float) -> tuple[Turn, Queue] | None:
    """Whom a counter serving these queues in this order would call at that moment. Takes the ticket out of its
    queue."""
    call = _next([_Standing(queue) for queue in queues], at)
    if call is None:
        return None
    turn, queue = call
    queue.turns.remove(turn)
    queue.in_a_row = queue.in_a_row + 1 if turn.is_priority else 0
    return turn, queue


def walk_ins_an_hour(came_at: Iterable[float], *, now: float) -> int:
    """How many of the walk-ins who came at these moments came within the last hour."""
    return sum(moment > now - LOOKS_BACK for moment in came_at)


def desk(
    queues: list[int], *, now: float, called_at: float | None, seconds: float, closes_at: float = math.inf
) -> Desk:
    """A manned counter, which called the ticket that is there at `called_at`, of a queue that takes `seconds` for one;
    None if nobody is there."""
    busy_until = now if called_at is None else free_at(called_at=called_at, seconds=seconds, now=now)
    return Desk(queues, busy_until, closes_at)


def free_at(*, called_at: float, seconds: float, now: float) -> float:
    """When a counter that called its ticket at `called_at` should be free."""
    return now + max(called_at + seconds - now, seconds * LEAST_LEFT)


def serving_seconds(periods: Periods, start: float, end: float) -> float:
    """For how much of the time from `start` to `end` the department serves. Whoever is still there at closing is served
    after it, so the last period has no end. Without periods all time counts."""
    return sum(max(0, min(end, closes) - max(start, opens)) for opens, closes in _open_ended(periods))


def after_serving(periods: Periods, start: float, seconds: float) -> float:
    """The moment at which the department has served for `seconds` since `start`."""
    for opens, closes in _open_ended(periods):
        begins = max(start, opens)
        if begins < closes and seconds <= closes - begins:
            return begins + seconds
        seconds -= max(0, closes - begins)
    raise AssertionError("the last period has no end")


def opens_at(periods: Periods, now: float) -> float | None:
    """When the department serves again, if it does not now. None while it serves and after closing."""
    if not periods or any(opens <= now < closes for opens, closes in periods):
        return None
    return next((opens for opens, _ in periods if opens > now), None)


class Spread(NamedTuple):
    """The range of real waits, as multiples of the expected wait, with STEADY added to both."""

    low: float
    high: float


# Up to here a wait is off by minutes, beyond it by a share of its length (in seconds).
STEADY = 200
# The shares of waits that end before the range and after it. Very short waits, of which there are many, nearly always
# lie within theirs, so in all more waits lie within than these shares suggest.
BELOW, ABOVE = 0.06, 0.12
# A call within a moment says nothing about the spread of waits.
A_MOMENT = 60
# Whoever comes early may be called early or may have to wait until the due time, so such waits spread more (True).
# These are used until an office has waits of its own. Measured on the 100 days of rehearse(range(1, 101)).
USUAL = {True: Spread(0.53, 1.84), False: Spread(0.49, 1.55)}


def spread_of(waited: Iterable[tuple[float, float]], *, at_least: int = 1) -> Spread | None:
    """The spread of past waits, each as (expected, actual) in seconds of serving time. None if too few of them say
    anything."""
    multiples = sorted((actual + STEADY) / (expected + STEADY) for expected, actual in waited if expected > A_MOMENT)
    if len(multiples) < at_least:
        return None
    last = len(multiples) - 1
    return Spread(multiples[math.floor(last * BELOW)], multiples[math.ceil(last * (1 - ABOVE))])


def bounds(expected: float, spread: Spread) -> tuple[float, float]:
    """The range in which a wait of `expected` seconds of serving time usually ends, in such seconds."""
    low = max(0, spread.low * (expected + STEADY) - STEADY)
    return low, max(low, spread.high * (expected + STEADY) - STEADY)


class Range(NamedTuple):
    """What a ticket is told: that it is called in `low` to `high` seconds, breaks included. `expected` (seconds of
    serving time) and `is_early` (the ticket was not due yet) are what it was worked out from."""

    low: float
    high: float
    expected: float
    is_early: bool


def told(called_at: float, *, due: float, now: float, queue: Queue, spreads: dict[bool, Spread]) -> Range:
    """The range for a ticket due at `due` that should be called at `called_at`."""
    # Before its due time a ticket is not called, if the department does not call early: that part is certain.
    start = now if queue.calls_early else max(now, due)
    expected = serving_seconds(queue.periods, start, max(called_at, start))
    is_early = due > start
    low, high = (after_serving(queue.periods, start, bound) - now for bound in bounds(expected, spreads[is_early]))
    return Range(low, high, expected, is_early)


def _open_ended(periods: Periods) -> Periods:
    if not periods:
        return [(float("-inf"), float("inf"))]
    return [*periods[:-1], (periods[-1][0], float("inf"))]


class _Standing:
    """Who is left in a queue while the calls are simulated, by class, in order."""

    def __init__(self, queue: Queue):
        self.queue, self.in_a_row, self.seconds = queue, queue.in_a_row, queue.seconds
        turns = sorted(queue.turns)
        self.classes = {
            True: [turn for turn in turns if turn.is_priority],
            False: [turn for turn in turns if not turn.is_priority],
        }

    def expect_walk_ins(self, now: float) -> None:
        """Add walk-ins to the queue at the times at which they should come."""
        rate = self.queue.walk_ins_an_hour
        if not rate:
            return
        last = min(now + LOOKS_AHEAD, self.queue.periods[-1][1] if self.queue.periods else now)
        due = now + 3600 / rate / 2
        while due < last:
            bisect.insort(self.classes[False], Turn(due, 0, WALK_IN, is_here=False), key=lambda turn: turn[:2])
            due += 3600 / rate

    def serves_at(self, at: float) -> bool:
        return opens_at(self.queue.periods, at) is None

    def first(self, at: float, *, is_due: bool) -> Turn | None:
        """Whom a counter would call now: among those who are due, or among those who came early."""
        best = {kind: next(self._candidates(kind, at, is_due=is_due), None) for kind in (True, False)}
        most = self.queue.priority_in_a_row
        has_had_its_turns = bool(most) and self.in_a_row >= most
        if best[True] and (not has_had_its_turns or not best[False]):
            return best[True]
        return best[False]

    def take(self, turn: Turn) -> None:
        self.classes[turn.is_priority].remove(turn)
        self.in_a_row = self.in_a_row + 1 if turn.is_priority else 0

    def next_moments(self, at: float) -> Iterable[float]:
        """The next moments at which somebody may be called who may not be called at `at`."""
        again = opens_at(self.queue.periods, at)
        if again is not None and (self.classes[True] or self.classes[False]):
            yield again
            return
        for turns in self.classes.values():
            yield from (turn.due for turn in turns if turn.due > at)

    def _candidates(self, is_priority: bool, at: float, *, is_due: bool) -> Iterator[Turn]:
        if is_due:
            return (turn for turn in self.classes[is_priority][:1] if turn.due <= at)
        return (turn for turn in self.classes[is_priority] if turn.is_here and turn.due > at)


def _next(served: list[_Standing], at: float) -> tuple[Turn, Queue] | None:
    """A counter's next call: in the first of its departments where somebody is due, else whoever came early."""
    open_now = [one for one in served if one.serves_at(at)]
    for is_due in (True, False):
        for one in open_now:
            turn = one.first(at, is_due=is_due) if is_due or one.queue.calls_early else None
            if turn:
                one.take(turn)
                return turn, one.queue
    return None
