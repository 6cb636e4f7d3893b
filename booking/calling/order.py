"""Who is next, and why.

The order of calling, in this one place:

1. The departments of a counter in the counter's order; the first in which somebody is due.
2. Among those who are due (a booking at its slot's start, a walk-in at its arrival, late arrivals by the department's
   rule), priority classes first, unless the department's maximum of priority calls in a row has just been reached.
3. Then by the time at which they were due, then by number.
4. Where nobody is due in any of the departments: who has come early, in the same order, where the department allows it.

A counter's next call is one statement, which says the same in SQL (booking/verbs/next_call.py).
"""

import datetime as dt
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, TypedDict

from django.db.models import BooleanField, Case, Q, Value, When
from django.utils import timezone

from booking.models import Department, Ticket
from booking.models.tickets import Priority, State, TicketQuerySet

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django_stubs_ext import WithAnnotations

    class _Flags(TypedDict):
        is_due: bool
        is_priority: bool

    FlaggedTicket = WithAnnotations[Ticket, _Flags]


@dataclass(frozen=True)
class NextUp:
    """A call that a counter would make. `why` is priority, ordinary_turn, due or early; in a list also not_yet."""

    ticket: Ticket
    why: str


def next_up(department_ids: list[int], *, now: dt.datetime | None = None) -> Ticket | None:
    """The next ticket for a counter that serves these departments in this order."""
    found = next_call(department_ids, now=now)
    return found.ticket if found else None


def next_call(department_ids: list[int], *, now: dt.datetime | None = None) -> NextUp | None:
    """Like next_up, with the reason. Without a lock this is only what would be called right now."""
    now = now or timezone.now()
    # Asked first, so that the order is worked out only for the department in which somebody is called.
    stand = _where_somebody_stands(department_ids, now=now)
    departments = Department.objects.in_bulk({pk for pk, _ in stand})
    for is_due in (True, False):
        for pk in department_ids:
            if (pk, is_due) not in stand or not (is_due or departments[pk].calls_early):
                continue
            had_its_turns = _priority_has_had_its_turns(departments[pk])
            ticket = _by_turn(departments[pk], now=now, ordinary_first=had_its_turns).filter(is_due=is_due).first()
            if ticket:
                return NextUp(ticket, _why(ticket, departments[pk], priority_had_its_turns=had_its_turns))
    return None


def in_calling_order(department: Department, *, now: dt.datetime | None = None) -> "QuerySet[FlaggedTicket]":
    """The tickets that may be called from a department's queue, in calling order."""
    now = now or timezone.now()
    return _by_turn(department, now=now, ordinary_first=_priority_has_had_its_turns(department))


def may_be_called(now: dt.datetime) -> Q:
    """Tickets that wait; in departments without check-in also booked ones, once they are due."""
    return Q(state=State.WAITING) | Q(state=State.BOOKED, queue__uses_check_in=False, due_at__lte=now)


def in_order_at_counter(departments: list[Department], *, now: dt.datetime | None = None) -> list[NextUp]:
    """Everybody a counter serving these departments would call, in order, if nobody else came. Last are those who came
    early to a department that does not call early; their `why` is not_yet."""
    now = now or timezone.now()
    standing: dict[int, list[FlaggedTicket]] = defaultdict(list)
    for ticket in _with_flags(Ticket.objects.of_today().filter(queue__in=departments), now=now):
        standing[ticket.queue_id].append(ticket)
    turns = [turn for one in departments for turn in _taking_turns(standing[one.pk], one)]
    ranks = {"early": 1, "not_yet": 2}
    return sorted(turns, key=lambda turn: ranks.get(turn.why, 0))


def _where_somebody_stands(department_ids: list[int], *, now: dt.datetime) -> set[tuple[int, bool]]:
    """The departments in whose queues somebody may be called, each with whether that ticket is due."""
    standing = _with_flags(Ticket.objects.of_today().filter(queue__in=department_ids), now=now)
    return set(standing.order_by().values_list("queue", "is_due").distinct())


def _by_turn(department: Department, *, now: dt.datetime, ordinary_first: bool) -> "QuerySet[FlaggedTicket]":
    by_class = "is_priority" if ordinary_first else "-is_priority"
    standing = _with_flags(Ticket.objects.standing_in(department), now=now)
    return standing.order_by("-is_due", by_class, "due_at", "number", "pk")


def _with_flags(tickets: TicketQuerySet, *, now: dt.datetime) -> "QuerySet[FlaggedTicket]":
    """The tickets that may be called, by due time, with the flags that the order of calling needs."""
    flags = {"is_due": _flag(Q(due_at__lte=now)), "is_priority": _flag(~Q(priority=Priority.NONE))}
    found = tickets.with_details().live().filter(may_be_called(now)).order_by("due_at", "number", "pk")
    # What annotate() returns has a type of django-stubs' own.
    return found.annotate(**flags)  # type: ignore[return-value]


def _taking_turns(tickets: "list[FlaggedTicket]", department: Department) -> Iterator[NextUp]:
    """These tickets of a department in turn: first those that are due, then the early ones. Within each, an ordinary
    ticket follows after so many priority ones."""
    if not tickets:
        return
    most, in_a_row = department.priority_in_a_row, _priority_calls_in_a_row(department)
    for is_due in (True, False):
        priority = deque(ticket for ticket in tickets if ticket.is_due == is_due and ticket.is_priority)
        ordinary = deque(ticket for ticket in tickets if ticket.is_due == is_due and not ticket.is_priority)
        while priority or ordinary:
            had_its_turns = bool(most) and in_a_row >= most
            ticket = (ordinary if not priority or (ordinary and had_its_turns) else priority).popleft()
            in_a_row = in_a_row + 1 if ticket.is_priority else 0
            yield NextUp(ticket, _why(ticket, department, priority_had_its_turns=had_its_turns))


def _priority_has_had_its_turns(department: Department) -> bool:
    most = department.priority_in_a_row
    return bool(most) and _priority_calls_in_a_row(department) == most


def _priority_calls_in_a_row(department: Department) -> int:
    """How many calls there were since the last ordinary one, counted up to the department's maximum."""
    called = Ticket.objects.standing_in(department).filter(called_at__isnull=False).order_by("-called_at", "-pk")
    last = called.values_list("priority", flat=True)[: department.priority_in_a_row]
    return sum(1 for _ in takewhile(bool, last))


def _why(ticket: "FlaggedTicket", department: Department, *, priority_had_its_turns: bool) -> str:
    if not ticket.is_due:
        return "early" if department.calls_early else "not_yet"
    if ticket.priority:
        return "priority"
    return "ordinary_turn" if priority_had_its_turns else "due"


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
