"""Who sits at which counter."""

from django.db import transaction

from booking import errors
from booking.models import Counter, Ticket


def sign_in(*, counter: Counter, by, takes_over: bool = False) -> Counter:
    """Seat a clerk at a counter, and away from the one they sat at; already seated there, nothing changes.

    `takes_over`: the clerk who sits there now is unseated (a right of its own; the caller has checked it). Locks the
    counters concerned. Raises CounterTaken where somebody else sits there, CounterBusy where the clerk leaves a ticket
    behind that is being called or served.
    """
    with transaction.atomic():
        seats = Counter.objects.select_for_update(no_key=True).filter(pk__in=_concerned(counter, by)).order_by("pk")
        by_pk = {seat.pk: seat for seat in seats}
        chosen = by_pk.pop(counter.pk)
        if chosen.clerk_id == by.pk:
            return chosen
        if not chosen.is_active or (chosen.clerk_id and not takes_over):
            raise errors.CounterTaken
        for left in by_pk.values():
            _leave(left)
        chosen.clerk = by
        chosen.save(update_fields=["clerk"])
        return chosen


def sign_out(*, counter: Counter, by) -> None:
    """Leave a counter. Locks it. Raises NotAtCounter, CounterBusy."""
    with transaction.atomic():
        seat = Counter.objects.select_for_update(no_key=True).get(pk=counter.pk)
        if seat.clerk_id != by.pk:
            raise errors.NotAtCounter
        _leave(seat)


def _concerned(counter: Counter, by) -> list[int]:
    return [counter.pk, *Counter.objects.filter(clerk=by).values_list("pk", flat=True)]


def _leave(counter: Counter) -> None:
    busy_with = Ticket.objects.with_details().at_counter(counter).first()
    if busy_with:
        raise errors.CounterBusy(busy_with)
    counter.clerk = None
    counter.save(update_fields=["clerk"])
