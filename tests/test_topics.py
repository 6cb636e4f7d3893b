"""Topics: what a member comes for. A long one takes a place in each of the slots that follow, all of them or none."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from booking import errors, invariants, verbs
from booking.calling import pace, waits
from booking.days import availability, changing, opening
from booking.days.availability import TimeState
from booking.days.rules import Change, Kind
from booking.models import Place, Slot, Ticket, Topic
from booking.verbs import closures
from members.origins import origin_of
from tests.factories import (
    change,
    in_days,
    make_counter,
    make_exception,
    make_member,
    make_open_department,
    make_ticket,
    make_topic,
    make_walk_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    """Two turns each half hour from 9 to 12 and from 13 to 14."""
    return make_open_department(
        quota=2, opens=dt.time(9), closes=dt.time(14), break_starts=dt.time(12), break_ends=dt.time(13)
    )


@pytest.fixture
def slots(department):
    return list(Slot.objects.of_day(department, in_days(1)))


@pytest.fixture
def long(department):
    return make_topic(department=department, minutes=70)


def book(slot, topic=None, *, member=None, key=None, **more) -> Ticket:
    member = member or make_member()
    booking = verbs.book(
        member_id=member.pk, slot_id=slot.pk, topic_id=topic and topic.pk, key=key or f"key-{member.pk}", **more
    )
    return Ticket.objects.with_details().get(pk=booking.ticket_id)


def held(ticket) -> list[tuple]:
    """Where its parts lie, in order."""
    return list(ticket.places.order_by("part").values_list("part", "slot"))


def test_a_long_topic_takes_a_place_in_each_slot_it_reaches_into(slots, long):
    ticket = book(slots[1], long)

    assert held(ticket) == [(1, slots[1].pk), (2, slots[2].pk), (3, slots[3].pk)]
    assert (ticket.parts, ticket.topic, ticket.slot) == (3, long, slots[1])
    assert ticket.number == ticket.places.get(part=1).number
    assert ticket.ends_at == slots[1].starts_at + dt.timedelta(minutes=70)
    assert invariants.violations() == {}


def test_a_short_topic_takes_one_place(department, slots):
    ticket = book(slots[0], make_topic(department=department))
    assert held(ticket) == [(1, slots[0].pk)]
    assert ticket.ends_at == slots[0].ends_at


def test_all_or_none(slots, long):
    for _ in range(2):
        make_ticket(slot=slots[3])

    with pytest.raises(errors.SlotFull):
        book(slots[1], long)

    assert Place.objects.taken().count() == 2
    assert held(book(slots[0], long)) == [(1, slots[0].pk), (2, slots[1].pk), (3, slots[2].pk)]


@pytest.mark.parametrize("nth", [4, 5, 6, 7])
def test_not_over_the_break_nor_past_closing(slots, long, nth):
    """Half hours 4 and 5 are the last before noon, 6 and 7 the only ones after it."""
    with pytest.raises(errors.SlotFull):
        book(slots[nth], long)
    assert not Ticket.objects.exists()


def test_times_are_those_at_which_the_whole_visit_fits(department, slots, long):
    for _ in range(2):
        make_ticket(slot=slots[2])

    offered = {time.id: time for time in availability.times(department, in_days(1), long)}

    assert set(offered) == {slot.pk for slot in slots[:4]}
    assert [offered[slot.pk].state for slot in slots[:4]] == [TimeState.FULL] * 3 + [TimeState.OPEN]
    assert [time.free for time in availability.times(department, in_days(1))] == [2, 2, 0, 2, 2, 2, 2, 2]


def test_what_is_offered_can_be_booked_and_nothing_else(department, slots, long):
    make_ticket(slot=slots[1])
    book(slots[1], long)
    offered = {time.id for time in availability.times(department, in_days(1), long) if time.state == TimeState.OPEN}

    for slot in slots:
        if slot.pk in offered:
            ticket = book(slot, long)
            verbs.cancel(ticket=ticket)
        else:
            with pytest.raises(errors.SlotFull):
                book(slot, long)


def test_a_day_without_room_for_it_is_full(department, slots, long):
    for slot in (slots[2], slots[2], slots[3], slots[3]):
        make_ticket(slot=slot)
    assert availability.day(department, in_days(1), long).state == "full"
    assert availability.day(department, in_days(1)).state == "open"


def test_cancelling_frees_every_part(slots, long):
    ticket = book(slots[0], long)

    verbs.cancel(ticket=ticket)

    assert not Place.objects.taken().exists()
    assert set(Place.objects.values_list("part", flat=True)) == {1}
    assert invariants.violations() == {}


def test_a_move_takes_and_frees_every_part(slots, long):
    ticket = book(slots[0], long)

    moved = verbs.reschedule(ticket=ticket, slot_id=slots[1].pk, key="move")

    new = Ticket.objects.get(pk=moved.ticket_id)
    assert (new.topic, new.parts) == (long, 3)
    assert held(new) == [(1, slots[1].pk), (2, slots[2].pk), (3, slots[3].pk)]
    assert Place.objects.taken().count() == 3
    assert invariants.violations() == {}


def test_a_move_without_room_leaves_all_as_it_was(slots, long):
    ticket = book(slots[0], long)
    with pytest.raises(errors.SlotFull):
        verbs.reschedule(ticket=ticket, slot_id=slots[5].pk, key="move")
    assert len(held(ticket)) == 3


def test_places_over_a_lowered_quota_go_when_the_visit_is_cancelled(department, slots, long):
    tickets = [book(slots[0], long), book(slots[0], long)]
    make_exception(department, start=dt.time(9, 30), quota=1)
    assert slots[1].places.count() == 2

    verbs.cancel(ticket=tickets[0])

    assert [slot.places.count() for slot in slots[:3]] == [2, 1, 2]
    assert invariants.violations() == {}


def test_laying_out_again_leaves_the_parts(department, slots, long):
    ticket = book(slots[0], long)
    change(department, walk_in_percent=100)
    assert len(held(ticket)) == 3
    assert not Place.objects.free().filter(slot__date=in_days(1)).exists()
    change(department, walk_in_percent=0)
    assert len(held(ticket)) == 3
    assert str(opening.differences()) == str(opening.Changes())
    assert invariants.violations() == {}


def test_a_visit_whose_second_half_is_closed_is_on_the_list(department, slots, long):
    ticket, whole = book(slots[0], long), make_ticket(slot=slots[0])
    fewer_turns = Change(Kind.QUOTA, first=in_days(1), last=in_days(1), quota=1)
    assert changing.WhatIf(departments=[department], new=[fewer_turns]).tickets() == []

    make_exception(department, start=dt.time(10))

    assert list(closures.stranded()) == [ticket]
    verbs.cancel(ticket=whole)
    assert list(closures.stranded()) == [ticket]


def test_the_same_key_gives_the_same_ticket_for_the_same_topic_only(department, slots, long):
    member = make_member()
    first = book(slots[0], long, member=member, key="once")
    assert book(slots[0], long, member=member, key="once") == first
    with pytest.raises(errors.IdempotencyKeyReused):
        book(slots[0], None, member=member, key="once")


def test_a_topic_of_another_department_or_day_is_refused(department, slots, long):
    elsewhere = make_topic(department=make_open_department())
    over = make_topic(department=department, name="โครงการเดือนก่อน", active_until=in_days(0))
    later = make_topic(department=department, name="โครงการเดือนหน้า", active_from=in_days(2))
    for topic in (elsewhere, over, later):
        with pytest.raises(errors.TopicNotOffered):
            book(slots[0], topic)
        if topic.department == department:
            assert availability.times(department, in_days(1), topic) == []
    assert not Ticket.objects.exists()


def test_a_topic_for_those_who_prove_who_they_are(department, slots):
    topic = make_topic(department=department, needs_proof=True)
    origin = origin_of(address="192.0.2.1", device="a telephone")
    with pytest.raises(errors.ProofNeeded):
        book(slots[0], topic, origin=origin)
    assert book(slots[0], topic, origin=origin, is_proven=True).topic == topic
    assert book(slots[0], topic).topic == topic  # by staff, who have no origin


def test_a_department_without_topics_is_as_before(slots):
    ticket = make_ticket(slot=slots[0])
    assert (ticket.topic, ticket.parts, held(ticket)) == (None, 1, [(1, slots[0].pk)])


def test_a_wait_counts_the_minutes_of_the_topics_before_it(department):
    """Measured as a department's pace is: until then they take its usual time."""
    make_counter(departments=[department])
    slow = make_topic(department=department, name="ขอกู้สามัญ")
    first, last = make_walk_in(department=department), make_walk_in(department=department)
    Ticket.objects.filter(pk=first.pk).update(topic=slow)
    usual = waits.told(last).expected
    Topic.objects.update(pace_seconds=40 * 60)
    assert waits.told(last).expected == usual + 30 * 60


def test_a_topic_s_pace_is_measured_from_its_own_services(department):
    slow, quick = make_topic(department=department), make_topic(department=department, name="ชำระหนี้")
    counter = make_counter(departments=[department])
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for nth in range(12):
            ticket = make_walk_in(department=department)
            Ticket.objects.filter(pk=ticket.pk).update(topic=slow if nth < 6 else quick if nth < 10 else None)
            verbs.call_next(counter=counter, by=counter.clerk)
            verbs.start(counter=counter, by=counter.clerk)
            clock.shift(dt.timedelta(minutes=20 if nth < 6 else 4))
            verbs.finish(counter=counter, by=counter.clerk)
        pace.measure_paces(since=timezone.now() - dt.timedelta(days=1))
    assert pace.of_topics() == {slow.pk: 20 * 60}  # four services of the other are too few


def test_changed_hours_leave_the_slot_of_a_second_half(department, slots, long):
    """Its slot has no ticket of its own, and must not go with those that nobody uses."""
    ticket = book(slots[0], long)
    department.hours.update(slot_minutes=45)
    opening.rules_changed([department])
    assert len(held(ticket)) == 3
    assert invariants.violations() == {}
    assert opening.differences().count == 0


def test_a_closed_slot_of_a_cancelled_second_half_differs_for_nobody(department, slots, long):
    """It goes the next time days are laid out; nobody is told meanwhile that something is wrong."""
    ticket = book(slots[0], long)
    department.hours.update(slot_minutes=45)
    opening.rules_changed([department])
    verbs.cancel(ticket=ticket)
    assert opening.differences().count == 0
    opening.rules_changed([department])
    assert not Slot.objects.filter(department=department, date=in_days(1), quota=0, places=None, tickets=None).exists()
