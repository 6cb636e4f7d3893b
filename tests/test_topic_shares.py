"""A topic's share: places of the day that are kept for it, and that others cannot have."""

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking import errors, invariants, verbs
from booking.days import availability, opening, shares
from booking.days.shares import Share
from booking.models import Place, Slot
from tests.factories import (
    change,
    in_days,
    make_exception,
    make_member,
    make_open_department,
    make_ticket,
    make_topic,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    """Four turns each half hour from 9 to 12: 24 a day."""
    return make_open_department(quota=4, opens=dt.time(9), closes=dt.time(12), max_days_ahead=2)


def lay_out(department):
    return opening.rules_changed([department])


def kept(topic, days_ahead=1) -> list[int]:
    """How many places each slot of a day keeps for the topic."""
    slots = Slot.objects.of_day(topic.department, in_days(days_ahead))
    return [slot.places.kept_for(topic.pk).count() for slot in slots]


def book(slot, topic=None):
    member = make_member()
    return verbs.book(
        member_id=member.pk, slot_id=slot.pk, topic_id=topic.pk if topic else None, key=f"key-{member.pk}"
    )


def test_a_share_is_spread_over_the_day(department):
    topic = make_topic(department=department, share=25)
    lay_out(department)
    assert kept(topic) == [1, 1, 1, 1, 1, 1]
    topic.share = 50
    topic.save()
    lay_out(department)
    assert kept(topic) == [2] * 6
    assert invariants.faults() == []


def test_a_long_topic_keeps_whole_visits(department):
    topic = make_topic(department=department, share=25, minutes=60)
    lay_out(department)
    assert kept(topic) == [1] * 6
    slot = Slot.objects.of_day(department, in_days(1))[2]
    assert book(slot, topic)
    offered = [time.free for time in availability.times(department, in_days(1), topic)]
    assert offered == [1, 0, 0, 0, 1]


def test_any_share_keeps_at_least_one_visit(department):
    topic = make_topic(department=department, share=1, minutes=90)
    lay_out(department)
    assert sorted(kept(topic)) == [0, 0, 0, 1, 1, 1]


def test_nobody_else_has_these_places_and_the_topic_has_no_others(department):
    topic = make_topic(department=department, share=25)
    other = make_topic(department=department, name="ชำระหนี้")
    lay_out(department)
    slot = Slot.objects.of_day(department, in_days(1))[0]
    for about in (None, other, None):
        book(slot, about)
    with pytest.raises(errors.SlotFull):
        book(slot, other)
    assert book(slot, topic)
    with pytest.raises(errors.SlotFull):
        book(slot, topic)


def test_the_common_places_are_shown_without_those_kept(department):
    topic = make_topic(department=department, share=50)
    lay_out(department)
    assert [time.free for time in availability.times(department, in_days(1))] == [2] * 6
    assert [time.free for time in availability.times(department, in_days(1), topic)] == [2] * 6


def test_laying_out_again_changes_nothing(department):
    topic = make_topic(department=department, share=25)
    lay_out(department)
    slots = Slot.objects.of_day(department, in_days(1))
    book(slots[0], topic)
    for _ in range(3):
        book(slots[1])
    assert opening.differences().count == 0
    assert kept(topic) == [1] * 6


def test_a_share_that_was_not_laid_out_is_a_difference(department):
    make_topic(department=department, share=50)
    found = opening.differences()
    assert found.places_dealt > 0
    assert found.count == found.places_dealt


def test_a_cancelled_visit_s_place_is_the_topic_s_again(department):
    topic = make_topic(department=department, share=25)
    lay_out(department)
    slot = Slot.objects.of_day(department, in_days(1))[0]
    ticket = Place.objects.get(slot=slot, ticket=book(slot, topic).ticket_id).ticket
    verbs.cancel(ticket=ticket)
    assert opening.differences().count == 0
    assert book(slot, topic)


def test_places_come_back_when_the_share_is_taken_away(department):
    topic = make_topic(department=department, share=50)
    lay_out(department)
    topic.share = 0
    topic.save()
    lay_out(department)
    assert not Place.objects.filter(topic__isnull=False).exists()
    assert lay_out(department).count == 0


def test_a_share_holds_from_its_topic_s_first_day_to_its_last(department):
    topic = make_topic(department=department, share=50, active_from=in_days(2))
    lay_out(department)
    assert kept(topic, 1) == [0] * 6
    assert kept(topic, 2) == [2] * 6


def test_a_lowered_quota_and_a_closed_time(department):
    topic = make_topic(department=department, share=50)
    lay_out(department)
    change(department, walk_in_percent=50)
    assert sum(kept(topic)) == 6
    make_exception(department, start=dt.time(10))
    assert kept(topic)[2] == 0
    assert invariants.faults() == []


def test_what_was_booked_before_the_share_stays(department):
    slot = Slot.objects.of_day(department, in_days(1))[0]
    tickets = [make_ticket(slot=slot) for _ in range(3)]
    topic = make_topic(department=department, share=100)
    lay_out(department)
    assert kept(topic) == [1, 4, 4, 4, 4, 4]
    assert {place.ticket for place in slot.places.taken()} == set(tickets)
    assert invariants.faults() == []


class Stretch:
    def __init__(self, start: int, minutes: int, quota: int):
        self.starts_at = dt.datetime(2026, 11, 23, 8) + dt.timedelta(minutes=start)
        self.ends_at = self.starts_at + dt.timedelta(minutes=minutes)
        self.quota = quota


@st.composite
def days(draw) -> list[Stretch]:
    found, at = [], 0
    for _ in range(draw(st.integers(0, 12))):
        at += draw(st.sampled_from([0, 0, 0, 60]))
        minutes = draw(st.sampled_from([15, 30, 30]))
        found.append(Stretch(at, minutes, draw(st.integers(0, 5))))
        at += minutes
    return found


dealt = st.lists(
    st.builds(Share, st.integers(1, 9), st.integers(1, 100), st.sampled_from([None, 20, 60, 90])),
    max_size=3,
    unique_by=lambda share: share.topic_id,
)


@given(slots=days(), wanted=dealt)
def test_no_place_is_kept_twice_and_no_visit_is_halved(slots, wanted):
    kept = shares.deal_out(slots, wanted)
    for slot, topics in zip(slots, kept, strict=True):
        assert sum(topics.values()) <= slot.quota
    for share in wanted:
        counts = [topics[share.topic_id] for topics in kept]
        total = sum(slot.quota for slot in slots)
        assert sum(counts) <= max(total * share.percent / 100, len(slots))
        for visit in shares._visits(slots, share.minutes):
            # All slots of a visit keep the same number of places for it.
            assert len(Counter(counts[nth] for nth in visit)) == 1


def test_a_closed_slot_that_is_kept_for_its_ticket_deals_out_nothing():
    """It lies across the slots of the new hours, and would part those that follow each other."""
    department = make_open_department(quota=2, opens=dt.time(9), closes=dt.time(13), slot_minutes=45, max_days_ahead=2)
    topic = make_topic(department=department, minutes=90, share=40)
    lay_out(department)
    ticket = make_ticket(slot=Slot.objects.of_day(department, in_days(1))[1])  # 9.45

    department.hours.update(slot_minutes=60)
    lay_out(department)

    assert kept(topic) == [0, 0, 0, 1, 1]  # 9.00, 9.45 closed, 10.00, 11.00, 12.00
    verbs.cancel(ticket=ticket)
    assert opening.differences().count == 0
