"""The list at a counter stands in the order in which the counter then calls."""

import datetime as dt

import pytest
import time_machine

from booking import queue, waiting
from booking.models.tickets import Priority
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_walk_in

pytestmark = pytest.mark.django_db

MORNING = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.timezone(dt.timedelta(hours=7)))


@pytest.fixture
def clock():
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize("priority_in_a_row", [0, 1, 2])
@pytest.mark.parametrize("calls_early", [True, False])
def test_the_list_is_the_order_of_the_calls(clock, priority_in_a_row, calls_early):
    fields = {"opens": dt.time(9), "closes": dt.time(15), "calls_early": calls_early, "max_days_ahead": 1}
    own = make_open_department(priority_in_a_row=priority_in_a_row, **fields)
    other = make_open_department(priority_in_a_row=priority_in_a_row, **fields)
    counter = make_counter(departments=[own, other])
    for department in (other, own):
        for nth in (0, 0, 4, 6):
            ticket = make_ticket(slot=make_slot(department=department, days_ahead=0, nth=nth))
            queue.check_in(ticket=ticket, by=counter.clerk)
        for priority in ("", Priority.MONK, Priority.ELDERLY, Priority.MONK, "", Priority.DISABLED):
            make_walk_in(department=department, priority=priority)
    clock.shift(90 * 60)

    while (listed := waiting.in_order_at_counter(counter.department_ids())) and listed[0].is_due | calls_early:
        assert [one.pk for one in listed] == [listed[0].pk, *expected_after(counter, listed)]
        queue.finish(counter=counter, by=counter.clerk)
        clock.shift(1)

    assert bool(listed) != calls_early
    assert queue.call_next(counter=counter, by=counter.clerk) is None


def expected_after(counter, listed):
    """What the list is once its first ticket has been called."""
    called = queue.call_next(counter=counter, by=counter.clerk)
    assert called == listed[0]
    queue.start(counter=counter, by=counter.clerk)
    return [one.pk for one in waiting.in_order_at_counter(counter.department_ids())]
