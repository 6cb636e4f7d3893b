"""What a verb leaves of a ticket's turn: when it is due, in which class, how often it was called, and its place."""

import datetime as dt

import pytest

from booking import errors, verbs
from booking.calling import order
from booking.models import Ticket
from booking.models.notices import Kind
from booking.models.tickets import Priority, State
from tests.clock import MORNING, today_at
from tests.factories import make_counter, make_member, make_open_department, make_slot, make_ticket, make_walk_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def department_of(**fields):
    return make_open_department(opens=dt.time(9), closes=dt.time(12), max_days_ahead=1, **fields)


def booked_today(department, nth=0):
    return make_ticket(slot=make_slot(department=department, days_ahead=0, nth=nth))


def test_who_may_be_called_early_stands_before_who_may_not_yet(clock):
    strict, lenient = department_of(calls_early=False), department_of(calls_early=True)
    not_yet, early = booked_today(strict), booked_today(lenient)
    clock.move_to(today_at("8.40"))
    for ticket in (not_yet, early):
        verbs.check_in(ticket=ticket)

    turns = order.in_order_at_counter([strict, lenient], first=10)

    assert [(turn.ticket.pk, turn.why) for turn in turns] == [(early.pk, "early"), (not_yet.pk, "not_yet")]


def test_a_transfer_is_due_now_behind_who_came_before(clock):
    loans, finance = department_of(), department_of()
    first, second = make_counter(departments=[loans]), make_counter(departments=[finance])
    passed_on = make_walk_in(department=loans)
    verbs.call_next(counter=first, by=first.clerk)
    verbs.start(counter=first, by=first.clerk)
    clock.shift(600)
    was_there = make_walk_in(department=finance)
    clock.shift(60)

    verbs.transfer(counter=first, to=finance, by=first.clerk)

    passed_on.refresh_from_db()
    assert passed_on.due_at == MORNING + dt.timedelta(minutes=11)
    assert verbs.call_next(counter=second, by=second.clerk) == was_there


def test_a_ticket_that_is_moved_keeps_its_priority():
    department = department_of()
    ticket = make_ticket(slot=make_slot(department=department))
    Ticket.objects.filter(pk=ticket.pk).update(priority=Priority.MONK, priority_reason="พระภิกษุ")
    ticket.refresh_from_db()

    moved = verbs.reschedule(ticket=ticket, slot_id=make_slot(department=department, nth=3).pk, key="move")

    found = Ticket.objects.get(pk=moved.ticket_id)
    assert (found.priority, found.priority_reason) == (Priority.MONK, "พระภิกษุ")


@pytest.mark.parametrize("verb", ["put_back", "undo_call"])
def test_who_goes_back_to_the_queue_is_recalled_as_often_as_anybody(verb):
    department = department_of(max_recalls=1)
    counter = make_counter(departments=[department])
    make_walk_in(department=department)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.recall(counter=counter, by=counter.clerk)

    waiting = getattr(verbs, verb)(counter=counter, by=counter.clerk)

    assert (waiting.recalls, waiting.called_at) == (0, None)
    verbs.call_next(counter=counter, by=counter.clerk)
    assert verbs.recall(counter=counter, by=counter.clerk).state == State.CALLED


def test_who_was_set_aside_is_told_that_it_is_their_turn_again(settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "a-token"
    department = department_of()
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department, member_id=make_member().pk)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.hold(counter=counter, by=counter.clerk)

    verbs.resume(ticket=ticket, counter=counter, by=counter.clerk)

    assert ticket.notices.filter(kind=Kind.YOUR_TURN).count() == 2


def test_a_ticket_of_another_day_is_not_called(clock):
    department = department_of()
    counter = make_counter(departments=[department])
    left_waiting = make_walk_in(department=department)
    clock.shift(dt.timedelta(days=1))

    with pytest.raises(errors.NotToday):
        verbs.call(ticket=left_waiting, counter=counter, by=counter.clerk, reason="ขอความช่วยเหลือ")

    left_waiting.refresh_from_db()
    assert left_waiting.state == State.WAITING


def test_the_place_of_who_waited_to_the_end_is_free_when_the_day_is_closed(clock):
    department = department_of()
    ticket = booked_today(department)
    clock.move_to(today_at("8.45"))
    verbs.check_in(ticket=ticket)
    clock.shift(dt.timedelta(days=1))

    verbs.close_day(department=department, date=ticket.date)

    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED
    assert not ticket.slot.places.taken().exists()
    assert ticket.slot.places.count() == ticket.slot.quota
