"""Which messages an event owes: one for each ticket, kind and window, in the event's own transaction."""

import datetime as dt

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from booking import errors, verbs
from booking.messages import ledger
from booking.models import MessageChoice, Notice
from booking.models.notices import Kind
from tests.factories import (
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def messages_on(settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "a-token"


def kinds(ticket):
    return sorted(ticket.notices.values_list("kind", flat=True))


def test_a_booking_owes_its_ticket_and_a_reminder_the_day_before():
    ticket = make_ticket(slot=make_slot(days_ahead=3))

    assert kinds(ticket) == [Kind.DAY_BEFORE, Kind.ISSUED]
    reminder = ticket.notices.get(kind=Kind.DAY_BEFORE)
    local = timezone.localtime(reminder.next_try_at)
    assert (local.date(), local.time()) == (ticket.date - dt.timedelta(days=1), dt.time(17))
    assert ticket.notices.get(kind=Kind.ISSUED).next_try_at <= timezone.now()


def test_a_booking_for_today_owes_no_reminder():
    with time_machine.travel("2026-11-23T00:30:00Z", tick=False):
        assert kinds(make_ticket(slot=make_slot(days_ahead=0))) == [Kind.ISSUED]


def test_nothing_is_owed_where_the_office_can_send_nothing(settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = ""

    assert kinds(make_ticket()) == []


def test_the_office_s_choices_stay_when_rows_are_added_for_new_kinds():
    MessageChoice.objects.filter(kind=Kind.ISSUED).update(is_on=False)
    MessageChoice.objects.filter(kind=Kind.MISSED).delete()

    ledger.sync_choices()

    chosen = dict(MessageChoice.objects.values_list("kind", "is_on"))
    assert not chosen[Kind.ISSUED]
    assert Kind.MISSED in chosen


def test_who_nothing_reaches_was_told_what_is_telephoned_and_nothing_else():
    ticket = make_ticket()
    verbs.cancel(ticket=ticket, by=make_user())

    ledger.told(ticket=ticket, by=make_user())

    states = dict(ticket.notices.values_list("kind", "state"))
    assert (states[Kind.CANCELLED], states[Kind.ISSUED]) == ("telephoned", "owed")


def test_nothing_is_owed_that_the_office_does_not_pay_for():
    MessageChoice.objects.filter(kind=Kind.ISSUED).update(is_on=False)

    assert kinds(make_ticket(slot=make_slot(days_ahead=3))) == [Kind.DAY_BEFORE]


def test_a_refused_booking_owes_nothing():
    slot = make_slot(quota=1)
    make_ticket(slot=slot)
    before = Notice.objects.count()

    with pytest.raises(errors.SlotFull):
        verbs.book(member_id=make_member().pk, slot_id=slot.pk, key="refused")

    assert Notice.objects.count() == before


def test_a_verb_that_is_rolled_back_owes_nothing():
    ticket = make_ticket()
    before = kinds(ticket)

    with pytest.raises(RuntimeError), transaction.atomic():
        verbs.cancel(ticket=ticket, by=make_user())
        raise RuntimeError

    assert kinds(ticket) == before


def test_the_office_cancelling_owes_word_and_the_member_cancelling_does_not():
    by_office, by_member = make_ticket(), make_ticket()

    verbs.cancel(ticket=by_office, by=make_user(), reason="ปิดสำนักงาน")
    verbs.cancel(ticket=by_member)

    assert Kind.CANCELLED in kinds(by_office)
    assert Kind.CANCELLED not in kinds(by_member)


def test_the_office_moving_a_ticket_says_so_in_place_of_a_new_ticket():
    department = make_open_department()
    ticket = make_ticket(slot=make_slot(department=department))
    later = make_slot(department=department, days_ahead=3)

    moved = verbs.reschedule(ticket=ticket, slot_id=later.pk, key="move", by=make_user())

    found = sorted(Notice.objects.filter(ticket=moved.ticket_id).values_list("kind", flat=True))
    assert found == [Kind.DAY_BEFORE, Kind.MOVED]


def test_word_of_a_move_is_of_use_until_the_new_time():
    department = make_open_department(max_days_ahead=9)
    ticket = make_ticket(slot=make_slot(department=department))
    later = make_slot(department=department, days_ahead=9)

    moved = verbs.reschedule(ticket=ticket, slot_id=later.pk, key="move", by=make_user())

    assert Notice.objects.get(ticket=moved.ticket_id, kind=Kind.MOVED).expires_at == later.starts_at


@pytest.fixture(params=["the office does not pay for it", "the office can send nothing"])
def not_sent(request, settings):
    """Two ways in which no message on a moved or cancelled ticket is sent."""
    if request.param == "the office can send nothing":
        settings.LINE_CHANNEL_ACCESS_TOKEN = settings.EMAIL_HOST = ""
    else:
        MessageChoice.objects.filter(kind__in=[Kind.MOVED, Kind.CANCELLED]).update(is_on=False)


def to_telephone():
    return list(ledger.to_telephone().values_list("kind", "ticket", "reason"))


def test_who_is_not_told_of_a_cancellation_by_the_office_is_telephoned(not_sent):
    by_office, by_member = make_ticket(), make_ticket()

    verbs.cancel(ticket=by_office, by=make_user(), reason="ปิดสำนักงาน")
    verbs.cancel(ticket=by_member)

    assert to_telephone() == [(Kind.CANCELLED, by_office.pk, "not_sent")]


def test_who_is_not_told_of_a_move_by_the_office_is_telephoned_once(not_sent):
    department = make_open_department()
    by_office, by_member = (make_ticket(slot=make_slot(department=department)) for _ in range(2))
    later = make_slot(department=department, days_ahead=3)

    moved = [
        verbs.reschedule(ticket=by_office, slot_id=later.pk, key="move", by=make_user()) for _same_key_again in range(2)
    ]
    verbs.reschedule(ticket=by_member, slot_id=later.pk, key="own move")

    assert to_telephone() == [(Kind.MOVED, moved[0].ticket_id, "not_sent")]
    assert Kind.MOVED not in kinds(by_office)


def test_nobody_sends_what_is_left_to_the_telephone(not_sent):
    ticket = make_ticket()
    verbs.cancel(ticket=ticket, by=make_user())

    assert not Notice.objects.owed().filter(kind=Kind.CANCELLED).exists()


def test_what_is_not_owed_is_not_telephoned_either(not_sent):
    department = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department])
    nameless = make_walk_in(department=department)
    verbs.cancel(ticket=nameless, by=make_user())
    make_walk_in(department=department, member_id=make_member().pk)
    verbs.call_next(counter=counter, by=counter.clerk)

    assert to_telephone() == []


def test_each_call_is_told_and_who_missed_it():
    department = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department, member_id=make_member().pk)

    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.recall(counter=counter, by=counter.clerk)
    verbs.miss(counter=counter, by=counter.clerk)

    assert kinds(ticket) == [Kind.MISSED, Kind.YOUR_TURN, Kind.YOUR_TURN]


def test_those_whose_turn_comes_near_are_told_once():
    department = make_open_department(max_days_ahead=1, nearly_when_ahead=2)
    counter = make_counter(departments=[department])
    tickets = [make_walk_in(department=department, member_id=make_member().pk) for _ in range(5)]

    for _ in range(2):
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.start(counter=counter, by=counter.clerk)
        verbs.finish(counter=counter, by=counter.clerk)

    told = Notice.objects.filter(kind=Kind.NEARLY).values_list("ticket", flat=True)
    assert sorted(told) == [ticket.pk for ticket in tickets[1:4]]


def test_who_comes_next_is_told_though_another_has_priority():
    """One with priority has been called, and no more than one in a row goes before the others."""
    department = make_open_department(max_days_ahead=1, nearly_when_ahead=1, priority_in_a_row=1)
    counter = make_counter(departments=[department], clerk=make_user())
    first, second = (make_walk_in(department=department, member_id=make_member().pk, priority="monk") for _ in range(2))
    ordinary = make_walk_in(department=department, member_id=make_member().pk)

    assert verbs.call_next(counter=counter, by=counter.clerk) == first

    assert {notice.ticket_id for notice in Notice.objects.filter(kind=Kind.NEARLY)} == {ordinary.pk}
    assert not second.notices.filter(kind=Kind.NEARLY).exists()


def test_a_walk_in_without_a_name_is_owed_nothing():
    department = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department])
    make_walk_in(department=department)

    verbs.call_next(counter=counter, by=counter.clerk)

    assert not Notice.objects.exists()


def test_a_missed_call_is_told_for_two_hours_and_a_call_for_five_minutes():
    department = make_open_department()
    counter = make_counter(departments=[department])
    with time_machine.travel(timezone.now(), tick=False):
        ticket = make_walk_in(department=department, member_id=make_member().pk)
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.miss(counter=counter, by=counter.clerk)
        lasts = {one.kind: one.expires_at - timezone.now() for one in ticket.notices.all()}
    assert lasts[Kind.MISSED] == dt.timedelta(hours=2)
    assert lasts[Kind.YOUR_TURN] == dt.timedelta(minutes=5)
