"""Who sits at which counter. Each change writes one event: who came or went, by whose hand, when."""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from booking import errors
from booking.models import Counter, SeatEvent, Ticket, TicketEvent
from booking.models.staff import has_department
from booking.models.tickets import State
from booking.rights import Right
from booking.verbs import locks, moves

# A counter unused for so long may be freed by colleagues.
AWAY_AFTER = timedelta(minutes=5)


def sign_in(*, counter: Counter, by: User, takes_over: bool = False) -> Counter:
    """Seat a clerk at a counter; they leave the one they sat at. If they already sit there, nothing changes.

    `takes_over`: unseat the clerk who sits there now (this needs a right, which the caller has checked). Locks the
    counters concerned. Raises NotYourCounter if it serves a department that is not theirs, CounterTaken if somebody
    else sits there, CounterBusy if the clerk would leave a ticket behind that is being called or served.
    """
    with transaction.atomic():
        seats = Counter.objects.select_for_update(no_key=True).filter(pk__in=_concerned(counter, by)).order_by("pk")
        by_pk = {seat.pk: seat for seat in seats}
        chosen = by_pk.pop(counter.pk)
        if chosen.clerk_id == by.pk:
            return chosen
        if not has_department(by, *chosen.department_ids()):
            raise errors.NotYourCounter
        if not chosen.is_active or (chosen.clerk_id and not takes_over):
            raise errors.CounterTaken
        for left in by_pk.values():
            _leave(left, by=by)
        if chosen.clerk_id:
            _unseat(chosen, SeatEvent.Kind.TAKEN_OVER, by=by)
        chosen.clerk = by
        chosen.save(update_fields=["clerk"])
        _write_event(chosen, SeatEvent.Kind.SAT, clerk_id=by.pk, by=by)
        return chosen


def sign_out(*, counter: Counter, by: User) -> None:
    """Leave a counter. Locks it. Raises NotAtCounter, CounterBusy."""
    with transaction.atomic():
        seat = Counter.objects.select_for_update(no_key=True).get(pk=counter.pk)
        if seat.clerk_id != by.pk:
            raise errors.NotAtCounter
        _leave(seat, by=by)


@locks.verb
def free(*, counter: Counter, by: User) -> None:
    """A colleague frees the counter of a clerk who went away. A ticket left there goes back to where it stood in the
    queue. A counter that is already free stays as it is.

    Locks the counter and, if a ticket was left, its queue and the ticket. Raises NotAColleague if `by` may not take
    over and sits at no counter that shares a department with it, CounterInUse if the counter was used less than
    AWAY_AFTER ago.
    """
    seat = Counter.objects.select_for_update(no_key=True).get(pk=counter.pk)
    if seat.clerk_id is None:
        return
    if not may_free(seat, by):
        raise errors.NotAColleague
    if timezone.now() - last_used(seat) < AWAY_AFTER:
        raise errors.CounterInUse
    _free(seat, by=by)


@locks.verb
def free_of(*, clerk: User, by: User) -> int:
    """Free the counters at which somebody sits who may not any more: because their log-in was switched off, or a
    department of the counter is not theirs now. Who changes log-ins need be no colleague, and nothing is waited for.
    How many were freed. Locks as free() does."""
    seats = Counter.objects.select_for_update(no_key=True).filter(clerk=clerk).order_by("pk")
    lost = [seat for seat in seats if not clerk.is_active or not has_department(clerk, *seat.department_ids())]
    for seat in lost:
        _free(seat, by=by)
    return len(lost)


def may_free(counter: Counter, by: User) -> bool:
    """Whether they sit at a counter that shares a department with this one, or may take over."""
    shared = Counter.objects.filter(clerk=by, departments__in=counter.department_ids()).exclude(pk=counter.pk)
    return by.has_perm(Right.TAKE_OVER) or shared.exists()


def last_used(counter: Counter) -> datetime:
    """When the counter was last used: a ticket's event, or somebody sat down."""
    times = [
        TicketEvent.objects.filter(counter=counter, entered_at=None)
        .order_by("-id")
        .values_list("at", flat=True)
        .first(),
        SeatEvent.objects.filter(counter=counter).values_list("at", flat=True).first(),
    ]
    return max((at for at in times if at), default=timezone.now() - AWAY_AFTER)


def _concerned(counter: Counter, by: User) -> list[int]:
    return [counter.pk, *Counter.objects.filter(clerk=by).values_list("pk", flat=True)]


def _free(seat: Counter, *, by: User) -> None:
    left = Ticket.objects.with_details().at_counter(seat).first()
    if left:
        ticket = locks.lock_ticket(left)
        verb = "undo_call" if ticket.state == State.CALLED else "put_back"
        moves.change(ticket, verb, by=by, counter=None, at_counter=seat, called_at=None, recalls=0)
    _unseat(seat, SeatEvent.Kind.FREED, by=by)


def _leave(counter: Counter, *, by: User) -> None:
    busy_with = Ticket.objects.with_details().at_counter(counter).first()
    if busy_with:
        raise errors.CounterBusy(busy_with)
    _unseat(counter, SeatEvent.Kind.LEFT, by=by)


def _unseat(counter: Counter, kind: SeatEvent.Kind, *, by: User) -> None:
    if counter.clerk_id is not None:
        _write_event(counter, kind, clerk_id=counter.clerk_id, by=by)
    counter.clerk = None
    counter.save(update_fields=["clerk"])


def _write_event(counter: Counter, kind: SeatEvent.Kind, *, clerk_id: int, by: User) -> None:
    SeatEvent.objects.create(counter=counter, kind=kind, clerk_id=clerk_id, by=by, at=timezone.now())
