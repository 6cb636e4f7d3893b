"""The forecast calls in the order in which counters do."""

import datetime as dt
import random

import pytest

from booking import verbs
from booking.calling import forecast, waits
from booking.models.tickets import Priority
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_user, make_walk_in

pytestmark = pytest.mark.django_db

clock = standing_still(today_at("9.00"), autouse=True)


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 20))])
def test_it_calls_in_the_order_in_which_a_counter_does(clock, seed):
    chance = random.Random(seed)
    departments = [
        make_open_department(
            max_days_ahead=1,
            calls_early=chance.random() < 0.5,
            priority_in_a_row=chance.choice([0, 1, 2]),
            usual_service_minutes=10,
        )
        for _ in range(2)
    ]
    clerk = make_user()
    for _ in range(12):
        department = chance.choice(departments)
        clock.shift(chance.randint(1, 90))
        if chance.random() < 0.6:
            make_walk_in(department=department, priority=chance.choice(["", "", Priority.MONK]))
        else:
            slot = make_slot(department=department, days_ahead=0, nth=chance.choice([2, 3, 4]))
            verbs.check_in(ticket=make_ticket(slot=slot), by=clerk)
    clock.shift(61 * 60)  # so that no more walk-ins are expected
    counter = make_counter(departments=departments)
    expected = {pk: at for outlook in waits.office().values() for pk, at in outlook.expected.items()}

    called = []
    while len(called) < 12:
        ticket = verbs.call_next(counter=counter, by=counter.clerk)
        if ticket is None:
            clock.shift(60)
            continue
        called.append(ticket.pk)
        verbs.start(counter=counter, by=counter.clerk)
        clock.shift(10 * 60)
        verbs.finish(counter=counter, by=counter.clerk)

    assert sorted(expected, key=expected.get) == called


def queue(*turns, **fields):
    return forecast.Queue(600, [(0, 36000)], list(turns), **fields)


def turn(due, key, **fields):
    return forecast.Turn(due, key, key, **fields)


def order_of(queues, *, desk=None, now=1000):
    found = forecast.calls(queues, [forecast.Desk(desk or list(queues), now)], now=now)
    return sorted(found, key=found.get)


def test_the_due_before_the_early_and_priority_not_too_often():
    monks = [turn(10 + nth, nth, is_priority=True) for nth in range(4)]
    ordinary = [turn(1, 10), turn(2, 11), turn(5000, 12)]
    assert order_of({1: queue(*monks, *ordinary)}) == [0, 1, 10, 2, 3, 11, 12]
    assert order_of({1: queue(*monks, *ordinary, in_a_row=2)})[:2] == [10, 0]
    assert order_of({1: queue(*monks, *ordinary, priority_in_a_row=0)})[:4] == [0, 1, 2, 3]


def test_a_counter_s_own_department_first_but_the_due_before_its_early():
    queues = {1: queue(turn(9000, 1)), 2: queue(turn(500, 2))}
    assert order_of(queues, desk=[1, 2]) == [2, 1]


def test_who_has_not_come_is_called_when_due_and_takes_less():
    found = forecast.calls(
        {1: queue(turn(2000, 1, is_here=False), turn(2001, 2))}, [forecast.Desk([1], 1000)], now=1000
    )
    assert found == {2: 1000, 1: 2000}


def test_nobody_is_called_over_the_break_and_the_rest_after_closing():
    periods = [(0, 1500), (3000, 3500)]
    one = forecast.Queue(600, periods, [turn(1, key) for key in range(5)])
    found = forecast.calls({1: one}, [forecast.Desk([1], 1000)], now=1000)
    assert list(found.values()) == [1000, 3000, 3600, 4200, 4800]
    assert forecast.serving_seconds(periods, 1000, 3600) == 500 + 600
    assert forecast.after_serving(periods, 1000, 1100) == 3600
    assert forecast.opens_at(periods, 1600) == 3000
    assert forecast.opens_at(periods, 9999) is None


def test_a_department_that_no_counter_serves_is_left_out():
    assert forecast.calls({1: queue(turn(1, 1))}, [], now=1000) == {}


@pytest.mark.parametrize(("due", "called_at"), [(2799, 2799), (2800, 2800 + 600)])
def test_walk_ins_come_in_the_middles_of_equal_parts_of_the_hour(due, called_at):
    one = queue(turn(due, 1, is_here=False), walk_ins_an_hour=1)  # who walks in at 2800 goes first
    assert forecast.calls({1: one}, [forecast.Desk([1], 1000)], now=1000) == {1: called_at}


def test_the_shortest_wait_may_end_at_once():
    assert forecast.bounds(0, forecast.Spread(0.5, 1.5)) == (0, 100)


def test_whose_turn_it_is_goes_by_the_last_calls_not_by_the_last_tickets(clock):
    department = make_open_department(max_days_ahead=1, priority_in_a_row=2)
    counter = make_counter(departments=[department])
    for priority in ("", Priority.MONK, Priority.MONK):  # the ordinary one came first and is called last
        make_walk_in(department=department, priority=priority)
    for _ in range(3):
        clock.shift(60)
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.miss(counter=counter, by=counter.clerk)

    assert waits.outlook(department.pk).queue.in_a_row == 0


def test_opening_hours_are_those_of_the_department(clock):
    department = make_open_department(break_starts=dt.time(12), break_ends=dt.time(13))
    opens, closes = waits.outlook(department.pk).queue.periods[1]
    assert (opens, closes) == (today_at("13.00").timestamp(), today_at("15.30").timestamp())
