"""A counter calls a ticket, serves it, puts it on hold, transfers it."""

from django.contrib.auth.models import User
from django.utils import timezone

from booking import errors
from booking.calling import console
from booking.models import Counter, Department, Ticket
from booking.models.tickets import Outcome, State
from booking.verbs import locks, moves, next_call


@locks.verb
def call_next(*, counter: Counter, by: User) -> Ticket | None:
    """Call the next ticket to a counter (order.py has the order). Returns None if nobody waits.

    Asks the departments in the counter's order. Locks the counter and the queues it serves, so that two counters never
    call the same ticket and no ticket is skipped. Raises NotAtCounter, CounterBusy.
    """
    locks.lock_counter(counter, by)
    return next_call.call(counter, locks.lock_queues_served_at(counter), by=by)


@locks.verb
def call(*, ticket: Ticket, counter: Counter, by: User, reason: str) -> Ticket:
    """Call a chosen ticket out of order. The event keeps the reason.

    Locks the counter, the queue and the ticket. Raises NotAtCounter, CounterBusy, NotServedHere, ReasonNeeded,
    WrongState.
    """
    if not reason.strip():
        raise errors.ReasonNeeded
    locks.lock_counter(counter, by)
    locked = locks.lock_ticket(ticket)
    if locked.queue_id not in counter.department_ids():
        raise errors.NotServedHere
    if locked.date != timezone.localdate():
        raise errors.NotToday
    _call(locked, counter, by=by, reason=reason.strip())
    return locked


@locks.verb
def recall(*, counter: Counter, by: User) -> Ticket:
    """Call the counter's ticket again. Past the department's maximum it becomes missed instead.

    Locks the counter, the queue and the ticket. Raises NotAtCounter, WrongState.
    """
    ticket = locks.lock_ticket_at(counter, by)
    if ticket.recalls >= ticket.queue.max_recalls:
        return moves.change(ticket, "miss", by=by, counter=counter)
    return moves.change(ticket, "recall", by=by, counter=counter, recalls=ticket.recalls + 1, called_at=timezone.now())


@locks.verb
def undo_call(*, counter: Counter, by: User) -> Ticket:
    """Undo the counter's call: the ticket goes back to where it stood in the queue. Locks and raises as recall."""
    return _undo_call(locks.lock_ticket_at(counter, by), counter, by=by)


@locks.verb
def start(*, counter: Counter, by: User) -> Ticket:
    """The called member stands at the counter. Locks and raises as recall."""
    ticket = locks.lock_ticket_at(counter, by)
    return moves.change(ticket, "start", by=by, counter=counter)


@locks.verb
def finish(*, counter: Counter, by: User, outcome: str = Outcome.DONE) -> Ticket:
    """The member has been served; `outcome` is what came of it. Locks and raises as recall."""
    ticket = locks.lock_ticket_at(counter, by)
    return moves.change(ticket, "finish", by=by, counter=counter, outcome=outcome)


@locks.verb
def undo_finish(*, counter: Counter, by: User) -> Ticket:
    """Undo the counter's last finish: the ticket is being served there again. A ticket that the counter has called
    since goes back to where it stood in the queue.

    Locks the counter, the queues, the tickets and the member. Raises NotAtCounter; WrongState if the counter has
    finished no ticket today, or that ticket is no longer served; TooLateToUndo after a minute; CounterBusy if the next
    ticket is already being served; AlreadyBooked if the member has another ticket by now.
    """
    locks.lock_counter(counter, by)
    finished = console.last_finish(counter)
    if finished is None:
        raise errors.WrongState
    if not finished.can_be_undone(timezone.now()):
        raise errors.TooLateToUndo
    called = Ticket.objects.with_details().at_counter(counter).first()
    ticket = locks.lock_ticket(finished.ticket, *([called.queue_id] if called else []))
    moves.require_move(ticket, "undo_finish")
    if called and called.state != State.CALLED:
        raise errors.CounterBusy(called)
    moves.require_no_other_ticket(member_id=ticket.member_id, department_id=ticket.department_id, date=ticket.date)
    if called:
        _undo_call(locks.lock_ticket(called), counter, by=by)
    return moves.change(ticket, "undo_finish", by=by, counter=counter)


@locks.verb
def miss(*, counter: Counter, by: User) -> Ticket:
    """The called member did not come. Locks and raises as recall."""
    ticket = locks.lock_ticket_at(counter, by)
    return moves.change(ticket, "miss", by=by, counter=counter)


@locks.verb
def hold(*, counter: Counter, by: User, reason: str = "") -> Ticket:
    """Put the counter's ticket on hold (a form to fill in, a paper to fetch). The counter is free for the next one.

    Locks and raises as recall.
    """
    ticket = locks.lock_ticket_at(counter, by)
    return moves.change(ticket, "hold", by=by, counter=counter, reason=reason)


@locks.verb
def resume(*, ticket: Ticket, counter: Counter, by: User) -> Ticket:
    """Call a ticket on hold back to a counter.

    Locks the counter, the queue and the ticket. Raises NotAtCounter, CounterBusy, NotServedHere, WrongState.
    """
    locks.lock_counter(counter, by)
    locked = locks.lock_ticket(ticket)
    moves.require_move(locked, "resume")
    if locked.queue_id not in counter.department_ids():
        raise errors.NotServedHere
    _require_free(counter)
    return moves.change(locked, "resume", by=by, counter=counter, called_at=timezone.now(), recalls=0)


@locks.verb
def finish_held(*, ticket: Ticket, by: User) -> Ticket:
    """Finish a ticket on hold without calling it again. Locks the queue and the ticket. Raises WrongState."""
    locked = locks.lock_ticket(ticket)
    if locked.state != State.ON_HOLD:
        raise errors.WrongState
    return moves.change(locked, "finish", by=by, outcome=Outcome.DONE)


@locks.verb
def put_back(*, counter: Counter, by: User, reason: str = "") -> Ticket:
    """Put the counter's ticket back to where it stood in the queue. Locks and raises as recall."""
    ticket = locks.lock_ticket_at(counter, by)
    return moves.change(
        ticket, "put_back", by=by, counter=None, at_counter=counter, called_at=None, recalls=0, reason=reason
    )


@locks.verb
def transfer(*, counter: Counter, to: Department, by: User, note: str = "") -> Ticket:
    """Transfer the member being served to another department under the same number. The ticket is due now; the note
    goes with it.

    Locks the counter, both queues and the ticket. Raises NotAtCounter, WrongState, DayClosed if that department is not
    in use.
    """
    if not to.is_active:
        raise errors.DayClosed
    ticket = locks.lock_ticket_at(counter, by, to.pk)
    if ticket.queue_id == to.pk:
        raise errors.WrongState
    return moves.change(
        ticket,
        "transfer",
        by=by,
        counter=None,
        at_counter=counter,
        reason=note,
        queue=to,
        due_at=timezone.now(),
        called_at=None,
        recalls=0,
    )


def _call(ticket: Ticket, counter: Counter, *, by: User, reason: str = "") -> None:
    _require_free(counter)
    if ticket.state == State.BOOKED and ticket.queue.uses_check_in:
        raise errors.WrongState
    moves.change(ticket, "call", by=by, counter=counter, reason=reason, called_at=timezone.now(), recalls=0)


def _undo_call(ticket: Ticket, counter: Counter, *, by: User) -> Ticket:
    return moves.change(ticket, "undo_call", by=by, counter=None, at_counter=counter, called_at=None, recalls=0)


def _require_free(counter: Counter) -> None:
    busy_with = Ticket.objects.with_details().at_counter(counter).first()
    if busy_with:
        raise errors.CounterBusy(busy_with)
