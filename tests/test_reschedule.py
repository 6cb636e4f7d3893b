"""Moving a ticket: both happen, the new place and the freed one, or neither."""

import pytest

from booking import errors, verbs
from booking.models import Place, Ticket
from booking.models.tickets import State
from tests.factories import make_member, make_open_department, make_slot, make_ticket, make_user, make_walk_in

pytestmark = pytest.mark.django_db


def move(ticket, slot, key="move-key", by=None):
    return verbs.reschedule(ticket=ticket, slot_id=slot.pk, key=key, by=by)


@pytest.fixture
def department():
    return make_open_department(quota=1)


def test_the_new_ticket_names_the_old_and_the_old_place_is_free(department):
    old = make_ticket(slot=make_slot(department=department))
    later = make_slot(department=department, days_ahead=2)

    booking = move(old, later, by=make_user())

    new = Ticket.objects.get(pk=booking.ticket_id)
    old.refresh_from_db()
    assert (old.state, new.state, new.moved_from, new.slot) == (State.CANCELLED, State.BOOKED, old, later)
    assert list(Place.objects.taken().values_list("slot", flat=True)) == [later.pk]
    assert [event.verb for event in old.events.all()] == ["book", "reschedule"]
    assert new.secret != old.secret


def test_moving_within_the_same_day(department):
    old = make_ticket(slot=make_slot(department=department))

    booking = move(old, make_slot(department=department, nth=5))

    assert booking.created


@pytest.mark.parametrize("days_ahead", [1, 2])
def test_a_full_slot_leaves_the_old_ticket_as_it_was(department, days_ahead):
    old = make_ticket(slot=make_slot(department=department))
    full = make_slot(department=department, days_ahead=days_ahead, nth=2)
    make_ticket(slot=full)

    with pytest.raises(errors.SlotFull):
        move(old, full)

    old.refresh_from_db()
    assert old.state == State.BOOKED
    assert old.places.get().slot == old.slot
    assert old.events.count() == 1


def test_another_ticket_on_the_new_day_refuses(department):
    member = make_member()
    old = make_ticket(member=member, slot=make_slot(department=department))
    make_ticket(member=member, slot=make_slot(department=department, days_ahead=2))

    with pytest.raises(errors.AlreadyBooked):
        move(old, make_slot(department=department, days_ahead=2, nth=3))

    old.refresh_from_db()
    assert old.state == State.BOOKED


def test_the_same_slot_changes_nothing(department):
    old = make_ticket(slot=make_slot(department=department))

    booking = move(old, old.slot)

    assert (booking.created, booking.public_id) == (False, old.public_id)
    assert Ticket.objects.count() == 1


def test_the_same_key_again_gives_the_ticket_it_was_moved_to(department):
    old = make_ticket(slot=make_slot(department=department))
    later = make_slot(department=department, days_ahead=2)

    first, again = move(old, later), move(old, later)

    assert (again.created, again.public_id) == (False, first.public_id)


def test_another_department_is_refused(department):
    old = make_ticket(slot=make_slot(department=department))

    with pytest.raises(errors.OtherDepartment):
        move(old, make_slot())


def test_a_cancelled_ticket_is_not_moved(department):
    old = make_ticket(slot=make_slot(department=department))
    verbs.cancel(ticket=old)

    with pytest.raises(errors.WrongState):
        move(old, make_slot(department=department, days_ahead=2))


def test_neither_a_walk_in_nor_an_unlinked_ticket_can_be_moved(department):
    """Each alone: a walk-in has a member, an unlinked booking a slot."""
    walk_in = make_walk_in(department=department, member_id=make_member().pk)
    unlinked = make_ticket(slot=make_slot(department=department))
    Ticket.objects.filter(pk=unlinked.pk).update(member=None)
    Ticket.objects.filter(pk=walk_in.pk).update(state=State.BOOKED)
    for ticket in (walk_in, unlinked):
        with pytest.raises(errors.WrongState):
            move(Ticket.objects.get(pk=ticket.pk), make_slot(department=department, days_ahead=2))
