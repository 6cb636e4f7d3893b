"""The list at a counter stands in the order in which the counter then calls."""

import datetime as dt

import pytest

from booking import verbs
from booking.calling import order
from booking.models.tickets import Priority
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_walk_in

pytestmark = pytest.mark.django_db

MORNING = today_at("8.00")


clock = standing_still(MORNING)


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
            verbs.check_in(ticket=ticket, by=counter.clerk)
        for priority in ("", Priority.MONK, Priority.ELDERLY, Priority.MONK, "", Priority.DISABLED):
            make_walk_in(department=department, priority=priority)
    clock.shift(90 * 60)

    listed = order.in_order_at_counter([own, other], first=100)
    called = []
    while following := order.next_call(counter.department_ids()):
        assert verbs.call_next(counter=counter, by=counter.clerk) == following.ticket
        called.append(following)
        verbs.start(counter=counter, by=counter.clerk)
        verbs.finish(counter=counter, by=counter.clerk)
        clock.shift(1)

    calls = [(turn.ticket.pk, turn.why) for turn in called]
    assert [(turn.ticket.pk, turn.why) for turn in listed if turn.why != "not_yet"] == calls
    assert len(listed) == 20
    assert len(called) == (20 if calls_early else 16)
