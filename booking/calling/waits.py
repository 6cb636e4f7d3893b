"""How many are ahead of a ticket, and how long it will still wait."""

import math
from bisect import bisect_left
from typing import NamedTuple

from django.utils import timezone

from booking.calling import pace, times
from booking.models import Counter, Department, Ticket
from booking.models.tickets import State


class Standing(NamedTuple):
    """Those who are still to be called from a queue on a day, each as (due, number) in order: all of them, those with a
    priority class, and of these those who have come."""

    everybody: list[tuple]
    priority: list[tuple]
    priority_here: list[tuple]

    def ahead(self, ticket: Ticket) -> int:
        """How many others have their turn before this ticket of the queue."""
        turn = _turn(ticket.due_at, ticket.number)
        if ticket.priority:
            return bisect_left(self.priority, turn)
        later_but_first = len(self.priority_here) - bisect_left(self.priority_here, turn)
        return bisect_left(self.everybody, turn) + later_but_first


class Tempo(NamedTuple):
    """How fast a queue goes: seconds that a ticket takes, their spread, and how many counters serve it now."""

    seconds: int
    spread: int
    counters: int


def standing_of(department: Department, date, *, now=None) -> Standing:
    """Those who stand in a department's queue on a day, in one query. Who booked and has not come by the time when
    they become late is not among them: they hold up nobody."""
    standing = Ticket.objects.filter(queue=department, date=date, state__in=[State.BOOKED, State.WAITING])
    if department.uses_check_in:
        in_time = times.earliest_in_time(department, now=now or timezone.now())
        standing = standing.exclude(state=State.BOOKED, due_at__lt=in_time)
    found = Standing([], [], [])
    for due_at, number, priority, state in standing.values_list("due_at", "number", "priority", "state"):
        found.everybody.append(_turn(due_at, number))
        if priority:
            found.priority.append(found.everybody[-1])
        if priority and state == State.WAITING:
            found.priority_here.append(found.everybody[-1])
    for turns in found:
        turns.sort()
    return found


def tempo_of(department: Department) -> Tempo:
    counters = Counter.objects.filter(departments=department, clerk__isnull=False).count()
    return Tempo(*pace.pace_of(department), max(1, counters))


def ahead(ticket: Ticket, *, now=None) -> int:
    """How many live tickets of the same queue and day have their turn before this one."""
    return standing_of(ticket.queue, ticket.date, now=now).ahead(ticket)


def expected_wait(
    ticket: Ticket, *, now=None, before: int | None = None, tempo: Tempo | None = None
) -> tuple[int, int]:
    """How long this ticket will still wait, as the range in minutes that is told: from those ahead (`before`) and the
    queue's tempo, where these are known already. A booking waits at least until its time, where somebody else waits."""
    now = now or timezone.now()
    before = ahead(ticket, now=now) if before is None else before
    seconds, spread, counters = tempo or tempo_of(ticket.queue)
    middle = before * seconds / counters
    margin = math.sqrt(before) * spread / counters + seconds / counters / 2
    until_due = (ticket.due_at - now).total_seconds() if before else 0
    low = max(middle - margin, until_due, 0)
    high = max(middle + margin, low)
    return times.rounded(low, high)


def _turn(due_at, number: int) -> tuple[float, int]:
    return due_at.timestamp(), number
