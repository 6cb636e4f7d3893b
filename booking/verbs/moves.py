"""One move of one ticket: its new state, the messages it owes the member, and its event. Every verb ends here."""

import datetime as dt
from enum import Enum, auto
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from booking import errors
from booking.calling import waits
from booking.messages import kinds, ledger
from booking.messages.kinds import To
from booking.models import Counter, Department, Ticket, TicketEvent, WaitPrediction
from booking.models.tickets import MOVES, Outcome, State
from booking.verbs import locks

# Of these the event names the counter.
AT_A_COUNTER = {"call", "resume", "start", "finish", "miss"}


class Keep(Enum):
    """A field that is left alone, where None is a value of its own."""

    AS_IT_IS = auto()


def require_move(ticket: Ticket, verb: str) -> None:
    """Raises WrongState if the verb has no move from the ticket's state."""
    if not ticket.may(verb):
        raise errors.WrongState


def require_no_other_ticket(*, member_id: int | None, department_id: int, date: dt.date) -> None:
    """Raises AlreadyBooked where the member has a live ticket of the department and day; without a member, nothing is
    asked. Locks the member, as a booking does, so that none comes in between."""
    if member_id is None:
        return
    locks.lock_member(member_id)
    held = Ticket.objects.with_details().live().of_day(department_id, date).filter(member=member_id).first()
    if held:
        raise errors.AlreadyBooked(held)


def change(
    ticket: Ticket,
    verb: str,
    *,
    by: User | None,
    counter: Counter | Keep | None = Keep.AS_IT_IS,
    at_counter: Counter | None = None,
    reason: str = "",
    cause: str = "",
    outcome: str = "",
    **fields: Any,
) -> Ticket:
    """Move a locked ticket, owe the messages that follow, and write its event.

    `counter` is where the ticket is now; `at_counter` is the counter that it leaves. `reason` is what staff wrote;
    `cause` (Cause) is why it is made, and `outcome` (Outcome) what came of it, where that is to be counted. Raises
    WrongState if the verb has no move from the ticket's state.
    """
    require_move(ticket, verb)
    from_state, ticket.state = ticket.state, MOVES[verb][ticket.state]
    where = at_counter
    if counter is not Keep.AS_IT_IS:
        fields["counter"] = counter
        where = at_counter or counter
    for name, value in fields.items():
        setattr(ticket, name, value)
    ticket.save(update_fields=["state", *fields])
    # Before the event: what tells a repeated message from the last one is the number of events so far.
    # Closing a day that is over sends nothing to its members.
    if ticket.date >= timezone.localdate():
        for kind in kinds.owed(verb, to=To.HOLDER, by_staff=by is not None):
            ledger.owe(ticket, kind)
    write_event(
        ticket, verb, from_state, by=by, counter=where, reason=reason, cause=cause, outcome=outcome, at=timezone.now()
    )
    for kind in kinds.owed(verb, to=To.NEXT, by_staff=by is not None):
        ledger.owe_next(ticket.queue, kind)
    return ticket


def replay(
    ticket: Ticket,
    steps: list[tuple[str, dt.datetime]],
    *,
    by: User,
    at_counter: Counter | None,
    entered_at: dt.datetime,
    before: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Make moves of a locked ticket that happened before, each with its time: what is entered from paper. No messages
    are owed, and the ticket is saved once: on the way it never stands at a counter beside the one that is there now.
    `before` is kept with the first: what the ticket was.

    Raises WrongState if a verb has no move from the state before it."""
    for verb, at in steps:
        require_move(ticket, verb)
        from_state, ticket.state = ticket.state, MOVES[verb][State(ticket.state)]
        write_event(
            ticket,
            verb,
            from_state,
            by=by,
            at=at,
            counter=at_counter if verb in AT_A_COUNTER else None,
            outcome=Outcome.DONE if verb == "finish" else "",
            entered_at=entered_at,
            before=before,
        )
        before = None
    for name, value in fields.items():
        setattr(ticket, name, value)
    ticket.save(update_fields=["state", *fields])


def write_event(
    ticket: Ticket,
    verb: str,
    from_state: str,
    *,
    by: User | None,
    at: dt.datetime,
    counter: Counter | None = None,
    reason: str = "",
    cause: str = "",
    outcome: str = "",
    entered_at: dt.datetime | None = None,
    before: dict[str, Any] | None = None,
    strikes: int | None = None,
) -> None:
    TicketEvent.objects.create(
        ticket=ticket,
        verb=verb,
        from_state=from_state,
        to_state=ticket.state,
        queue_id=ticket.queue_id,
        counter=counter,
        by=by,
        reason=reason,
        cause=cause,
        outcome=outcome,
        at=at,
        entered_at=entered_at,
        before=before,
        strikes=strikes,
    )


def due_again(ticket: Ticket, department: Department, now: dt.datetime) -> dt.datetime:
    """When a late ticket is due, under the department's rule for late arrivals."""
    return now if department.late_rule == Department.LateRule.AS_WALK_IN else ticket.due_at


def keep_prediction(ticket: Ticket, now: dt.datetime) -> None:
    """Keep the wait that the member is told on arrival, if any, to compare it with the real one."""
    told = waits.told(ticket, now=now)
    if told.low is None or told.high is None:
        WaitPrediction.objects.filter(ticket=ticket).delete()
        return
    kept = {"at": now, "low": told.low, "high": told.high, "expected": told.expected, "is_early": told.is_early}
    WaitPrediction.objects.update_or_create(ticket=ticket, defaults=kept)
