"""A finish that was pressed too early is taken back within a minute: it is served again, at the same counter."""

import datetime as dt

import pytest
import time_machine

from booking import errors, invariants, verbs
from booking.calling import console, pace
from booking.models import QueueVersion, Ticket
from booking.models.tickets import State
from tests.factories import make_counter, make_member, make_open_department, make_user, make_walk_in

pytestmark = pytest.mark.django_db

MORNING = dt.datetime(2026, 11, 23, 10, 0, tzinfo=dt.timezone(dt.timedelta(hours=7)))


@pytest.fixture
def clock():
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def department(clock):
    return make_open_department(letter="A")


@pytest.fixture
def counter(department):
    return make_counter(departments=[department], number=3)


def serve(counter, clock, *, seconds=300):
    """Call the next ticket, serve it so long, finish it."""
    ticket = verbs.call_next(counter=counter, by=counter.clerk)
    verbs.start(counter=counter, by=counter.clerk)
    clock.shift(seconds)
    verbs.finish(counter=counter, by=counter.clerk)
    return ticket


def undo(counter):
    return verbs.undo_finish(counter=counter, by=counter.clerk)


def state_of(ticket):
    return Ticket.objects.get(pk=ticket.pk).state


def test_the_ticket_is_served_again_at_the_same_counter(department, counter, clock):
    make_walk_in(department=department)
    ticket = serve(counter, clock)
    clock.shift(60)

    undone = undo(counter)

    assert (undone.pk, undone.state, undone.counter) == (ticket.pk, State.SERVING, counter)
    event = ticket.events.last()
    assert (event.verb, event.from_state, event.to_state) == ("undo_finish", State.SERVED, State.SERVING)
    assert (event.by, event.counter) == (counter.clerk, counter)
    verbs.finish(counter=counter, by=counter.clerk)
    assert state_of(ticket) == State.SERVED
    assert invariants.violations() == {}


def test_after_a_minute_it_stays_served(department, counter, clock):
    make_walk_in(department=department)
    ticket = serve(counter, clock)
    clock.shift(61)

    with pytest.raises(errors.TooLateToUndo):
        undo(counter)

    assert state_of(ticket) == State.SERVED


def test_who_was_called_since_then_goes_back_where_they_stood(department, counter, clock):
    first, second, third = (make_walk_in(department=department) for _ in range(3))
    serve(counter, clock)
    assert verbs.call_next(counter=counter, by=counter.clerk) == second

    assert undo(counter) == first

    second.refresh_from_db()
    assert (second.state, second.counter, second.called_at) == (State.WAITING, None, None)
    assert second.events.last().verb == "undo_call"
    verbs.finish(counter=counter, by=counter.clerk)
    assert [verbs.call_next(counter=counter, by=counter.clerk)] == [second]
    assert state_of(third) == State.WAITING
    assert invariants.violations() == {}


def test_pages_of_both_queues_learn_of_it(department, counter, clock):
    other = make_open_department(letter="B")
    counter.serves.create(department=other, position=1)
    make_walk_in(department=department)
    make_walk_in(department=other)
    serve(counter, clock)
    verbs.call_next(counter=counter, by=counter.clerk)
    before = dict(QueueVersion.objects.values_list("department", "version"))

    undo(counter)

    after = dict(QueueVersion.objects.values_list("department", "version"))
    assert all(after[pk] > before[pk] for pk in (department.pk, other.pk))


def test_whom_one_is_serving_already_is_not_sent_away(department, counter, clock):
    first, second = make_walk_in(department=department), make_walk_in(department=department)
    serve(counter, clock)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.start(counter=counter, by=counter.clerk)

    with pytest.raises(errors.CounterBusy) as refused:
        undo(counter)

    assert refused.value.ticket == second
    assert (state_of(first), state_of(second)) == (State.SERVED, State.SERVING)


def test_a_refusal_leaves_the_called_ticket_called(department, counter, clock):
    member = make_member()
    make_walk_in(department=department, member_id=member.pk)
    called = make_walk_in(department=department)
    serve(counter, clock, seconds=10)
    verbs.call_next(counter=counter, by=counter.clerk)
    again = make_walk_in(department=department, member_id=member.pk)

    with pytest.raises(errors.AlreadyBooked) as refused:
        undo(counter)

    assert refused.value.ticket == again
    assert state_of(called) == State.CALLED


def test_another_counter_takes_back_nothing_of_this_one(department, counter, clock):
    make_walk_in(department=department)
    ticket = serve(counter, clock)
    there = make_counter(departments=[department], number=4)

    with pytest.raises(errors.WrongState):
        undo(there)
    with pytest.raises(errors.NotAtCounter):
        verbs.undo_finish(counter=counter, by=make_user())

    assert state_of(ticket) == State.SERVED


def test_only_the_last_one_and_once(department, counter, clock):
    first, second = make_walk_in(department=department), make_walk_in(department=department)
    serve(counter, clock, seconds=5)
    serve(counter, clock, seconds=5)

    assert undo(counter) == second
    with pytest.raises(errors.WrongState):
        undo(counter)

    assert state_of(first) == State.SERVED


def test_what_was_set_aside_and_finished_there_is_not_at_the_counter(department, counter, clock):
    held = make_walk_in(department=department)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.hold(counter=counter, by=counter.clerk)
    verbs.finish_held(ticket=held, by=counter.clerk)

    with pytest.raises(errors.WrongState):
        undo(counter)


def test_figures_and_pace_count_the_service_once_and_whole(department, counter, clock):
    for _ in range(2):
        make_walk_in(department=department)
    serve(counter, clock, seconds=120)
    serve(counter, clock, seconds=120)
    clock.shift(30)
    undo(counter)
    assert console.figures(counter).served == 1

    clock.shift(330)
    verbs.finish(counter=counter, by=counter.clerk)

    figures = console.figures(counter)
    assert (figures.served, figures.minutes) == (2, 5)  # 2 and 8
    seconds = [service.seconds for service in pace.services(since=MORNING)]
    assert seconds == [120, 480]
