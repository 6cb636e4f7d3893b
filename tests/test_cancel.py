"""Cancelling: the turn ends, and its place is free at once."""

import pytest

from booking import errors, verbs
from booking.models import Place
from booking.models.tickets import State
from tests.factories import make_counter, make_exception, make_holiday, make_member, make_slot, make_ticket, make_user

pytestmark = pytest.mark.django_db


def test_the_place_is_free_at_once_and_may_be_booked_again():
    member, slot = make_member(), make_slot(quota=1)
    ticket = make_ticket(member=member, slot=slot)

    cancelled = verbs.cancel(ticket=ticket)

    assert cancelled.state == State.CANCELLED
    assert not Place.objects.taken().exists()
    assert make_ticket(member=member, slot=slot).number == ticket.number


def test_the_event_keeps_who_and_why():
    manager = make_user()
    ticket = make_ticket()

    verbs.cancel(ticket=ticket, by=manager, reason="ปิดสำนักงาน")

    event = ticket.events.last()
    assert (event.verb, event.from_state, event.to_state) == ("cancel", "booked", "cancelled")
    assert (event.by, event.reason) == (manager, "ปิดสำนักงาน")


def test_a_cancelled_ticket_is_not_cancelled_twice():
    ticket = make_ticket()
    verbs.cancel(ticket=ticket)

    with pytest.raises(errors.WrongState):
        verbs.cancel(ticket=ticket)

    assert ticket.events.count() == 2


def test_an_old_copy_of_the_ticket_does_not_decide():
    ticket = make_ticket()
    stale = type(ticket).objects.get(pk=ticket.pk)
    verbs.cancel(ticket=ticket)

    assert stale.state == State.BOOKED
    with pytest.raises(errors.WrongState):
        verbs.cancel(ticket=stale)


@pytest.mark.parametrize("state", [State.CALLED, State.SERVING, State.SERVED, State.NO_SHOW, State.NOT_ARRIVED])
def test_a_turn_that_was_called_or_is_over_cannot_be_cancelled(state):
    ticket = make_ticket()
    type(ticket).objects.filter(pk=ticket.pk).update(state=state, counter=make_counter())

    with pytest.raises(errors.WrongState):
        verbs.cancel(ticket=ticket)


def test_a_place_above_a_lowered_quota_goes_with_its_ticket():
    slot = make_slot(quota=3)
    tickets = [make_ticket(slot=slot) for _ in range(3)]
    make_exception(slot.department, date=slot.date, quota=2)
    assert slot.places.count() == 3

    verbs.cancel(ticket=tickets[0])
    assert (slot.places.count(), slot.places.free().count()) == (2, 0)

    verbs.cancel(ticket=tickets[1])
    assert (slot.places.count(), slot.places.free().count()) == (2, 1)


def test_a_place_of_a_holiday_goes_with_its_ticket():
    slot = make_slot()
    ticket = make_ticket(slot=slot)
    make_holiday(date=slot.date, name="วันหยุด")

    verbs.cancel(ticket=ticket)

    assert not slot.places.exists()
