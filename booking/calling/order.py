"""Who is next, and why.

The order of calling, in this one place:

1. The departments of a counter in the counter's order; the first in which somebody is due.
2. Among those who are due (a booking at its slot's start, a walk-in at its arrival, late arrivals by the department's
   rule), priority classes first, unless the department's maximum of priority calls in a row has just been reached.
3. Then by the time at which they were due, then by number.
4. Where nobody is due in any of the departments: who has come early, in the same order, where the department allows it.

Twice the same is said in SQL: a counter's next call is one statement (booking/verbs/next_call.py), and the list at a
counter is read by the first of each class (in_order_at_counter). Property tests hold both to the plain order.
"""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from django.db.models import BooleanField, Case, Q, Value, When
from django.utils import timezone

from booking import prepared
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


class Standing(NamedTuple):
    """A ticket that may be called, with what a list shows of it. `last_calls` says of its queue whether the last calls
    from it were of priority, the latest first."""

    pk: int
    public_id: str
    department_id: int
    queue_id: int
    number: int
    priority: str
    topic_id: int | None
    booked_for: dt.datetime | None
    due_at: dt.datetime
    arrived_at: dt.datetime | None
    is_due: bool
    is_priority: bool
    last_calls: list[bool]


class Turn(NamedTuple):
    """Like NextUp, of a list."""

    ticket: Standing
    why: str


def counts(department_ids: list[int] | None = None, *, now: dt.datetime | None = None) -> dict[int, dict[str, int]]:
    """How many of today's tickets stand in each department's queue (of all departments by default): `waiting` to be
    called, `expected`, `on_hold` and `missed`. One query, without looking at who was served; what is 0 is left out."""
    now = now or timezone.now()
    asked = {"departments": department_ids, "today": timezone.localdate(now), "now": now}
    found: dict[int, dict[str, int]] = {}
    for queue_id, kind, tickets in prepared.rows(COUNTS_OF_ALL if department_ids is None else COUNTS, asked):
        found.setdefault(queue_id, {})[kind] = tickets
    return found


# Who may be called, as may_be_called() says.
COUNTS = """
SELECT queue_id,
       CASE WHEN state <> 'booked' THEN state
            WHEN due_at <= %(now)s AND NOT uses_check_in THEN 'waiting'
            ELSE 'expected' END AS kind,
       count(*)
  FROM booking_ticket ticket JOIN booking_department department ON department.id = ticket.queue_id
 WHERE queue_id = ANY(%(departments)s::bigint[]) AND date = %(today)s
   AND state IN ('waiting', 'booked', 'on_hold', 'missed')
 GROUP BY queue_id, kind
"""
# A statement of its own: one plan for both could not look for the departments in an index.
COUNTS_OF_ALL = COUNTS.replace("queue_id = ANY(%(departments)s::bigint[]) AND ", "")


def in_order_at_counter(departments: list[Department], *, first: int, now: dt.datetime | None = None) -> list[Turn]:
    """The `first` that a counter serving these departments would call, in order, if nobody else came. Last are those
    who came early to a department that does not call early; their `why` is not_yet.

    However many wait, only those are read, in one query.
    """
    now = now or timezone.now()
    by_id = {one.pk: one for one in departments}
    asked = {"departments": list(by_id), "now": now, "today": timezone.localdate(now), "first": first}
    standing = [Standing(*row) for row in prepared.rows(FIRST_OF_EACH_CLASS, asked)]
    turns = [
        turn
        for pk in by_id
        if (of_one := [one for one in standing if one.queue_id == pk])
        for turn in _taking_turns(of_one, by_id[pk], in_a_row=_in_a_row(of_one[0].last_calls))
    ]
    ranks = {"early": 1, "not_yet": 2}
    return sorted(turns, key=lambda turn: ranks.get(turn.why, 0))[:first]


# The first of each department's classes, each through its own index, are enough to know the first of all; booked
# tickets, in departments without check-in, stand in the day's queue by due time. In the order of the groups that
# follow each other, and within a group class beside class, twice as many as are wanted hold all that are wanted.
FIRST_OF_EACH_CLASS = """
WITH office AS MATERIALIZED (
    SELECT department.id, served.position, department.uses_check_in, department.calls_early,
           department.priority_in_a_row AS most
      FROM unnest(%(departments)s::bigint[]) WITH ORDINALITY AS served (id, position)
      JOIN booking_department department ON department.id = served.id
), standing AS (
    SELECT one.id, office.id AS queue_id, office.position, one.due_at <= %(now)s AS is_due, one.is_priority,
           CASE WHEN one.due_at <= %(now)s THEN 0 WHEN office.calls_early THEN 1 ELSE 2 END AS rank,
           row_number() OVER (PARTITION BY office.id, one.due_at <= %(now)s, one.is_priority
                              ORDER BY one.due_at, one.number, one.id) AS nth
      FROM office, LATERAL (
          (SELECT id, false AS is_priority, due_at, number FROM booking_ticket
            WHERE queue_id = office.id AND date = %(today)s AND state = 'waiting' AND priority = ''
            ORDER BY due_at, number, id LIMIT %(first)s)
          UNION ALL
          (SELECT id, true, due_at, number FROM booking_ticket
            WHERE queue_id = office.id AND date = %(today)s AND state = 'waiting' AND priority <> ''
            ORDER BY due_at, number, id LIMIT %(first)s)
          UNION ALL
          (SELECT id, false, due_at, number FROM booking_ticket
            WHERE NOT office.uses_check_in AND queue_id = office.id AND date = %(today)s
              AND due_at <= %(now)s AND state = 'booked' AND priority = ''
            ORDER BY due_at, number, id LIMIT %(first)s)
          UNION ALL
          (SELECT id, true, due_at, number FROM booking_ticket
            WHERE NOT office.uses_check_in AND queue_id = office.id AND date = %(today)s
              AND due_at <= %(now)s AND state = 'booked' AND priority <> ''
            ORDER BY due_at, number, id LIMIT %(first)s)
      ) one
), shown AS MATERIALIZED (
    SELECT * FROM standing ORDER BY rank, position, nth LIMIT 2 * %(first)s
), calls AS MATERIALIZED (
    SELECT id, ARRAY(
               SELECT priority <> '' FROM booking_ticket
                WHERE queue_id = office.id AND date = %(today)s AND called_at IS NOT NULL
                ORDER BY called_at DESC, id DESC LIMIT office.most
           ) AS last
      FROM office WHERE id IN (SELECT queue_id FROM shown)
)
SELECT ticket.id, ticket.public_id, ticket.department_id, shown.queue_id, ticket.number, ticket.priority,
       ticket.topic_id, slot.starts_at, ticket.due_at, ticket.arrived_at, is_due, is_priority, calls.last
  FROM shown
  JOIN calls ON calls.id = shown.queue_id
  JOIN booking_ticket ticket ON ticket.id = shown.id
  LEFT JOIN booking_slot slot ON slot.id = ticket.slot_id
 ORDER BY rank, shown.position, nth
"""


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


def _taking_turns(standing: list[Standing], department: Department, *, in_a_row: int) -> Iterator[Turn]:
    """Those who stand in a department's queue in turn, each with why: first those that are due, then the early ones.
    Within each, an ordinary ticket follows after so many priority ones, of which `in_a_row` were called last."""
    most = department.priority_in_a_row
    for is_due in (True, False):
        priority = deque(one for one in standing if one.is_due == is_due and one.is_priority)
        ordinary = deque(one for one in standing if one.is_due == is_due and not one.is_priority)
        while priority or ordinary:
            had_its_turns = bool(most) and in_a_row >= most
            one = (ordinary if not priority or (ordinary and had_its_turns) else priority).popleft()
            in_a_row = in_a_row + 1 if one.is_priority else 0
            yield Turn(one, _why(one, department, priority_had_its_turns=had_its_turns))


def _priority_has_had_its_turns(department: Department) -> bool:
    most = department.priority_in_a_row
    return bool(most) and _priority_calls_in_a_row(department) == most


def _priority_calls_in_a_row(department: Department) -> int:
    """How many calls there were since the last ordinary one, counted up to the department's maximum."""
    called = Ticket.objects.standing_in(department).filter(called_at__isnull=False).order_by("-called_at", "-pk")
    last = called.values_list("priority", flat=True)[: department.priority_in_a_row]
    return _in_a_row(last)


def _in_a_row(last_calls: Iterable[object]) -> int:
    """How many calls, the latest first, there were before one that was not of priority."""
    return sum(1 for _ in takewhile(bool, last_calls))


def _why(ticket: "FlaggedTicket | Standing", department: Department, *, priority_had_its_turns: bool) -> str:
    if not ticket.is_due:
        return "early" if department.calls_early else "not_yet"
    if ticket.is_priority:
        return "priority"
    return "ordinary_turn" if priority_had_its_turns else "due"


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
