"""Booking: one ticket, or a reason why not."""

import pytest
import time_machine
from django.utils import timezone

from booking import errors, verbs
from booking.models import Place, Ticket
from booking.models.tickets import State, hash_of
from tests.factories import (
    in_days,
    make_exception,
    make_holiday,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
)

pytestmark = pytest.mark.django_db


def book(member, slot, key="a-key", by=None):
    return verbs.book(member_id=member.pk, slot_id=slot.pk, key=key, by=by)


def test_a_booking_takes_the_first_free_place_of_the_slot():
    slot = make_slot(quota=3)
    member = make_member()

    booking = book(member, slot)

    ticket = Ticket.objects.get(pk=booking.ticket_id)
    assert booking.created
    assert (ticket.member, ticket.slot, ticket.department, ticket.date) == (member, slot, slot.department, slot.date)
    assert (ticket.state, ticket.number, ticket.code) == (State.BOOKED, slot.first_number, booking.code)
    assert ticket.places.get().number == ticket.number
    assert [(e.verb, e.from_state, e.to_state, e.by) for e in ticket.events.all()] == [("book", "", "booked", None)]


def test_numbers_go_up_through_the_slot_and_through_the_day():
    department = make_open_department(quota=2)
    first, second = make_slot(department=department), make_slot(department=department, nth=1)

    numbers = [make_ticket(slot=slot).number for slot in (first, first, second)]

    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 3


def test_the_event_names_the_member_of_staff_who_booked():
    clerk = make_user()

    ticket = make_ticket(by=clerk)

    assert ticket.events.get().by == clerk


def test_a_full_slot_refuses():
    slot = make_slot(quota=1)
    make_ticket(slot=slot)

    with pytest.raises(errors.SlotFull):
        book(make_member(), slot)


def test_one_live_ticket_for_a_member_department_and_day():
    department = make_open_department()
    member = make_member()
    ticket = make_ticket(member=member, slot=make_slot(department=department))

    with pytest.raises(errors.AlreadyBooked) as refused:
        book(member, make_slot(department=department, nth=3))

    assert refused.value.ticket == ticket
    assert Place.objects.taken().count() == 1


def test_other_days_and_other_departments_are_open_to_the_same_member():
    department = make_open_department()
    member = make_member()
    for slot in [
        make_slot(department=department),
        make_slot(department=department, days_ahead=2),
        make_slot(),
    ]:
        make_ticket(member=member, slot=slot)

    assert member.tickets.live().count() == 3


def test_the_same_key_gives_the_same_ticket():
    member, slot = make_member(), make_slot(quota=1)
    first = book(member, slot)

    again = book(member, slot)

    assert not again.created
    assert (again.public_id, again.secret, again.code) == (first.public_id, first.secret, first.code)
    assert Ticket.objects.count() == 1


def test_the_same_key_gives_the_same_ticket_after_it_was_cancelled():
    member, slot = make_member(), make_slot()
    ticket = make_ticket(member=member, slot=slot, key="once")
    verbs.cancel(ticket=ticket)

    again = book(member, slot, key="once")

    assert again.public_id == ticket.public_id
    assert again.state == State.CANCELLED


def test_a_key_used_for_another_slot_is_refused():
    member, department = make_member(), make_open_department()
    book(member, make_slot(department=department))

    with pytest.raises(errors.IdempotencyKeyReused):
        book(member, make_slot(department=department, days_ahead=2))


def test_a_key_used_by_another_member_is_refused_and_tells_nothing():
    slot = make_slot()
    book(make_member(), slot)

    with pytest.raises(errors.IdempotencyKeyReused):
        book(make_member(), slot)


def test_who_is_not_registered_in_i_member_cannot_book():
    slot = make_slot()
    make_member()  # that somebody else is registered does not help

    with pytest.raises(errors.NotRegistered):
        book(make_member(is_registered=False), slot)

    assert not Ticket.objects.exists()


def test_a_holiday_refuses():
    slot = make_slot()
    make_holiday(date=slot.date, name="วันหยุด")

    with pytest.raises(errors.DayClosed):
        book(make_member(), slot)


def test_a_holiday_refuses_although_the_day_has_tickets():
    slot = make_slot()
    make_ticket(slot=slot)
    make_holiday(date=slot.date, name="วันหยุด")

    with pytest.raises(errors.DayClosed):
        book(make_member(), slot)


def test_a_closure_of_the_department_refuses():
    slot = make_slot()
    make_exception(slot.department, date=slot.date, quota=0)

    with pytest.raises(errors.DayClosed):
        book(make_member(), slot)


def test_a_slot_that_is_gone_refuses():
    with pytest.raises(errors.DayClosed):
        verbs.book(member_id=make_member().pk, slot_id=0, key="a-key")


def test_a_passed_window_refuses():
    slot = make_slot(closes_minutes_before=30)

    with time_machine.travel(slot.bookable_until, tick=False), pytest.raises(errors.WindowPassed):
        book(make_member(), slot)


def test_the_window_is_open_until_its_last_moment():
    slot = make_slot(closes_minutes_before=30)

    with time_machine.travel(slot.bookable_until - timezone.timedelta(microseconds=1), tick=False):
        assert book(make_member(), slot).created


def test_a_day_beyond_the_window_refuses():
    department = make_open_department(max_days_ahead=5)
    slot = make_slot(department=department, days_ahead=6)

    with pytest.raises(errors.NotYetOpen):
        book(make_member(), slot)


def test_a_day_nearer_than_the_window_refuses():
    department = make_open_department(min_days_ahead=2)

    with pytest.raises(errors.WindowPassed):
        book(make_member(), make_slot(department=department, days_ahead=1))

    assert book(make_member(), make_slot(department=department, days_ahead=2)).created


def test_the_secret_opens_the_ticket_and_only_its_hash_is_stored():
    ticket = make_ticket()

    assert len(bytes.fromhex(ticket.secret)) == 32
    assert ticket.secret_hash == hash_of(ticket.secret)
    assert Ticket.objects.reached_by(ticket.public_id, ticket.secret) == ticket
    for public_id, secret in [(ticket.public_id, "0" * 64), (ticket.public_id, ""), ("unknown", ticket.secret)]:
        with pytest.raises(Ticket.DoesNotExist):
            Ticket.objects.reached_by(public_id, secret)


def test_a_new_secret_key_leaves_old_links_working(settings):
    ticket = make_ticket()
    link = ticket.secret

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, as long as it should be to be one"

    assert Ticket.objects.reached_by(ticket.public_id, link) == ticket
    assert ticket.secret == link


def test_days_are_bangkok_days():
    with time_machine.travel("2026-12-31T16:59:59Z", tick=False):
        assert in_days(0).isoformat() == "2026-12-31"
    with time_machine.travel("2026-12-31T17:00:00Z", tick=False):
        assert in_days(0).isoformat() == "2027-01-01"
    with time_machine.travel("2028-02-28T17:00:00Z", tick=False):
        slot = make_slot(days_ahead=0)
        assert slot.date.isoformat() == "2028-02-29"
        assert timezone.localtime(slot.starts_at).isoformat() == "2028-02-29T08:30:00+07:00"
