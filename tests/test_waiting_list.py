"""The waiting list of a full day: who waits, to whom a place that comes free is offered, and until when."""

import datetime as dt

import pytest
from django.utils import timezone

from booking import errors, invariants, verbs
from booking.days import availability, opening, waiting
from booking.models import DayException, Place, Slot, Ticket, WaitingEntry
from booking.models.tickets import State
from booking.verbs import waiting as waiting_verbs
from booking.verbs.waiting import accept, join, leave, offer_free_places
from members.origins import origin_of
from office.settings import office
from tests.clock import standing_still, today_at
from tests.factories import (
    in_days,
    make_exception,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
    make_user,
)

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("8.00"), autouse=True)
Ending = WaitingEntry.Ending


@pytest.fixture
def department():
    """Two times tomorrow, of one place each."""
    return make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(10), max_days_ahead=2, has_waiting_list=True, freed_after_minutes=20
    )


@pytest.fixture
def tickets(department):
    """The day is full."""
    return [make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(2)]


@pytest.fixture(autouse=True)
def every_rule_holds():
    yield
    assert invariants.violations() == {}


def wait(department, *, member=None, **more):
    return join(member_id=(member or make_member()).pk, department=department, date=in_days(1), **more)


def book(member, slot, **more):
    return verbs.book(member_id=member.pk, slot_id=slot.pk, key=f"{member.pk}-{slot.pk}", **more)


def now_of(entry):
    entry.refresh_from_db()
    return entry


def states(department):
    return [time.state for time in availability.times(department, in_days(1))]


# --- who may wait ---


def test_without_a_list_nobody_waits():
    slot = make_slot(quota=1)
    make_ticket(slot=slot)
    with pytest.raises(errors.NoWaitingList):
        wait(slot.department)


def test_nobody_waits_for_what_can_be_booked(department, tickets):
    verbs.cancel(ticket=tickets[0], by=make_user())
    with pytest.raises(errors.NotFullYet):
        wait(department)
    assert wait(department, slot_id=tickets[1].slot_id).starts_at == tickets[1].slot.starts_at
    with pytest.raises(errors.NotFullYet):
        wait(department, slot_id=tickets[0].slot_id)


def test_nobody_waits_for_a_closed_day(department, tickets):
    make_exception(department)
    with pytest.raises(errors.DayClosed):
        wait(department)


def test_who_joins_twice_waits_once(department, tickets):
    member = make_member()
    assert wait(department, member=member) == wait(department, member=member)
    assert WaitingEntry.objects.count() == 1


def test_who_has_a_ticket_of_the_day_does_not_wait(department, tickets):
    with pytest.raises(errors.AlreadyBooked):
        wait(department, member=tickets[0].member)


def test_who_is_no_member_any_more_does_not_wait(department, tickets):
    with pytest.raises(errors.NotRegistered):
        wait(department, member=make_member(is_registered=False))


def test_a_topic_of_several_times_has_no_list(department, tickets):
    with pytest.raises(errors.NoWaitingList):
        wait(department, topic_id=make_topic(department=department, minutes=60).pk)


@pytest.mark.parametrize("minutes", [30, 20])
def test_a_topic_that_fits_into_one_time_has_one(department, tickets, minutes):
    member, topic = make_member(), make_topic(department=department, minutes=minutes)
    entry = wait(department, member=member, topic_id=topic.pk)
    verbs.cancel(ticket=tickets[1])
    assert offer_free_places() == 1

    booking = accept(entry=now_of(entry))
    assert (booking.starts_at, now_of(entry).ending) == (tickets[1].slot.starts_at, Ending.BOOKED)
    assert Ticket.objects.get(pk=booking.ticket_id).parts == 1


def test_of_times_of_different_lengths_those_into_which_it_fits_are_offered(department, tickets):
    short, long = (ticket.slot for ticket in tickets)
    meet = short.starts_at + dt.timedelta(minutes=20)
    Slot.objects.filter(pk=short.pk).update(ends_at=meet)
    Slot.objects.filter(pk=long.pk).update(starts_at=meet)
    topic = make_topic(department=department, minutes=25)
    with pytest.raises(errors.NoWaitingList):
        wait(department, topic_id=topic.pk, slot_id=short.pk)
    assert wait(department, topic_id=topic.pk, slot_id=long.pk).starts_at == meet
    whole_day = wait(department, topic_id=topic.pk)
    verbs.cancel(ticket=tickets[0])
    assert offer_free_places() == 0
    assert now_of(whole_day).offered_at is None


def test_a_topic_that_needs_a_proof_needs_it_for_waiting_too(department, tickets):
    topic = make_topic(department=department, needs_proof=True)
    origin = origin_of(address="192.0.2.1", device="d")
    with pytest.raises(errors.ProofNeeded):
        wait(department, topic_id=topic.pk, origin=origin)
    assert wait(department, topic_id=topic.pk, origin=origin, is_proven=True).topic == topic


def test_nobody_waits_for_more_days_than_they_may_book(department, tickets):
    member = make_member()
    for nth in range(office.bookings_live):
        WaitingEntry.objects.create(
            public_id=f"w{nth}", member=member, department=department, date=in_days(nth + 5), joined_at=timezone.now()
        )
    with pytest.raises(errors.WaitsTooOften):
        wait(department, member=member, origin=origin_of(address="192.0.2.1", device="d"))
    assert wait(department, member=member, by=make_user())


# --- what comes free ---


def test_a_cancelled_place_is_offered_to_the_first_and_to_nobody_else(department, tickets, clock):
    first, second = wait(department), wait(department)
    verbs.cancel(ticket=tickets[0])
    assert states(department) == ["full", "full"]  # kept until it is offered
    with pytest.raises(errors.SlotFull):
        book(make_member(), tickets[0].slot)
    assert offer_free_places() == 1
    assert now_of(first).has_offer(timezone.now())
    assert first.offer_ends_at == timezone.now() + dt.timedelta(minutes=10)
    assert not now_of(second).has_offer(timezone.now())
    clock.shift(dt.timedelta(minutes=9))
    for stranger in (second.member, make_member()):
        with pytest.raises(errors.SlotFull):
            book(stranger, tickets[0].slot)
    with pytest.raises(errors.SlotFull):
        book(make_member(), tickets[0].slot, by=make_user())
    assert availability.times(department, in_days(1), member_id=first.member_id)[0].free == 1
    assert states(department) == ["full", "full"]

    booking = accept(entry=first)

    ticket = Ticket.objects.get(pk=booking.ticket_id)
    assert (ticket.member, ticket.slot) == (first.member, tickets[0].slot)
    assert (now_of(first).ending, Place.objects.filter(offered_to__isnull=False).count()) == (Ending.BOOKED, 0)
    assert accept(entry=first).ticket_id == ticket.pk


def test_one_that_was_moved_away_from_is_offered_too(department, tickets):
    entry = wait(department)
    verbs.reschedule(ticket=tickets[0], slot_id=make_slot(department=department, days_ahead=2).pk, key="move")
    assert offer_free_places() == 1
    assert now_of(entry).offered_starts_at == tickets[0].slot.starts_at


def test_an_offer_that_lapses_goes_to_the_next_and_nobody_snatches_it_between(department, tickets, clock):
    first, second = wait(department), wait(department)
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    clock.shift(dt.timedelta(minutes=10, seconds=30))
    with pytest.raises(errors.SlotFull):
        book(make_member(), tickets[0].slot)
    assert offer_free_places() == 1
    assert now_of(first).ending == Ending.LAPSED
    assert now_of(second).has_offer(timezone.now())
    with pytest.raises(errors.OfferOver):
        accept(entry=first)
    assert not Ticket.objects.filter(member=first.member).exists()


def test_after_the_last_it_is_free_to_all(department, tickets, clock):
    entry = wait(department)
    verbs.cancel(ticket=tickets[0], by=make_user())
    offer_free_places()
    clock.shift(dt.timedelta(minutes=11))
    assert offer_free_places() == 0
    assert now_of(entry).ending == Ending.LAPSED
    assert states(department) == ["open", "full"]
    assert book(make_member(), tickets[0].slot).created


def test_without_the_job_nothing_is_kept_for_long(department, tickets, clock):
    wait(department)
    verbs.cancel(ticket=tickets[0], by=make_user())
    clock.shift(waiting.KEPT)
    assert states(department) == ["open", "full"]
    assert book(make_member(), tickets[0].slot).created


@pytest.mark.django_db(transaction=True)
def test_a_fault_on_one_day_does_not_hold_up_another(department, tickets, monkeypatch):
    entry = wait(department)
    WaitingEntry.objects.create(
        public_id="other", member=make_member(), department=department, date=in_days(0), joined_at=timezone.now()
    )
    verbs.cancel(ticket=tickets[0])
    offer = waiting_verbs._offer

    def fails_today(*, department, date):
        if date == in_days(0):
            raise RuntimeError("a fault of ours")
        return offer(department=department, date=date)

    monkeypatch.setattr(waiting_verbs, "_offer", fails_today)
    assert offer_free_places() == 1
    assert now_of(entry).offered_at


def test_who_leaves_passes_the_place_on(department, tickets):
    first, second = wait(department), wait(department)
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    leave(entry=first)
    with pytest.raises(errors.SlotFull):
        book(make_member(), tickets[0].slot)
    assert offer_free_places() == 1
    assert now_of(first).ending == Ending.LEFT
    assert now_of(second).has_offer(timezone.now())
    with pytest.raises(errors.OfferOver):
        accept(entry=first)


def test_who_waits_for_one_time_is_offered_that_alone(department, tickets):
    of_second_time, of_any = wait(department, slot_id=tickets[1].slot_id), wait(department)
    verbs.cancel(ticket=tickets[0])
    assert offer_free_places() == 1
    assert now_of(of_second_time).offered_at is None
    assert now_of(of_any).has_offer(timezone.now())


def test_a_place_of_a_topic_s_share_is_offered_to_its_members(department, tickets):
    topic = make_topic(department=department, share=50)
    Place.objects.filter(ticket=tickets[0]).update(topic=topic)
    common, of_topic = wait(department), wait(department, topic_id=topic.pk)
    verbs.cancel(ticket=tickets[0])
    Place.objects.filter(slot=tickets[0].slot).update(topic=topic)
    offer_free_places()
    assert now_of(common).offered_at is None
    assert now_of(of_topic).has_offer(timezone.now())
    assert Ticket.objects.get(pk=accept(entry=of_topic).ticket_id).topic == topic
    opening.rules_changed()


def test_who_booked_meanwhile_is_offered_nothing(department, tickets):
    first, second = wait(department), wait(department)
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    book(first.member, tickets[0].slot)  # not by the offer, but it is kept for them
    verbs.cancel(ticket=tickets[1])
    assert offer_free_places() == 1
    assert now_of(first).ending == Ending.BOOKED
    assert now_of(second).offered_starts_at == tickets[1].slot.starts_at


def test_who_waits_for_another_day_is_offered_nothing_of_this_one(department, tickets):
    for nth in range(2):
        make_ticket(slot=make_slot(department=department, days_ahead=2, nth=nth))
    of_later = join(member_id=make_member().pk, department=department, date=in_days(2))
    first = wait(department)
    verbs.cancel(ticket=tickets[0])
    assert offer_free_places() == 1
    assert now_of(of_later).offered_at is None
    assert now_of(first).has_offer(timezone.now())


def test_two_places_go_to_two(department, tickets):
    entries = [wait(department) for _ in range(3)]
    for ticket in tickets:
        verbs.cancel(ticket=ticket)
    assert offer_free_places() == 2
    assert offer_free_places() == 0
    assert [now_of(entry).offered_at is not None for entry in entries] == [True, True, False]


def test_a_raised_quota_is_offered_before_anybody_books_it(department, tickets):
    entry = wait(department)
    department.hours.update(quota=2)
    opening.rules_changed([department])
    with pytest.raises(errors.SlotFull):
        book(make_member(), tickets[0].slot)
    assert offer_free_places() == 1
    assert now_of(entry).has_offer(timezone.now())
    assert states(department) == ["full", "open"]  # the other is kept for nobody any more


def test_an_offer_ends_with_its_place(department, tickets, clock):
    entry = wait(department)
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    make_exception(department)
    assert now_of(entry).is_live and entry.offered_at is None
    with pytest.raises(errors.OfferOver):
        accept(entry=entry)
    DayException.objects.all().delete()
    opening.rules_changed()
    clock.shift(dt.timedelta(seconds=1))
    assert offer_free_places() == 1


def test_of_several_free_places_the_offered_one_goes_last(department, tickets):
    entry = wait(department, slot_id=tickets[0].slot_id)
    department.hours.update(quota=2)
    opening.rules_changed([department])
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    assert tickets[0].slot.places.free().count() == 2
    for quota in (1, 0):
        department.hours.update(quota=quota)
        opening.rules_changed([department])
        assert now_of(entry).has_offer(timezone.now()) == bool(quota)


def test_at_the_day_s_end_the_list_ends(department, tickets, clock):
    entry = wait(department)
    clock.shift(dt.timedelta(days=1, hours=4))
    assert offer_free_places() == 0
    assert now_of(entry).ending == Ending.DAY_OVER


def test_an_offer_lasts_no_longer_than_the_time_can_be_booked(department, tickets, clock):
    entry = wait(department)
    clock.move_to(tickets[0].slot.bookable_until - dt.timedelta(minutes=4))
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    assert now_of(entry).offer_ends_at == tickets[0].slot.bookable_until


def test_staff_book_what_is_offered_for_the_member_it_is_offered_to(department, tickets):
    entry = wait(department, by=make_user())
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    booking = accept(entry=entry, by=make_user())
    assert Ticket.objects.get(pk=booking.ticket_id).state == State.BOOKED


# --- who is forgotten ---


def test_who_is_erased_waits_no_more(department, tickets):
    first, second = wait(department), wait(department)
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    verbs.erase_member(member=first.member, by=make_user())
    assert not WaitingEntry.objects.filter(pk=first.pk).exists()
    assert offer_free_places() == 1
    assert now_of(second).has_offer(timezone.now())


def test_old_entries_are_deleted_with_the_names_on_tickets(department, tickets):
    entry = wait(department)
    verbs.unlink_members(before=in_days(1))
    assert WaitingEntry.objects.filter(pk=entry.pk).exists()
    verbs.unlink_members(before=in_days(2))
    assert not WaitingEntry.objects.exists()
