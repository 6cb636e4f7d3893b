"""Sheets entered at once, in real processes: a line is entered once, and a counter serves one at a time. With a
control."""

import multiprocessing
import time
from functools import partial

import pytest

from booking import invariants, verbs
from booking.models import Ticket, TicketEvent
from booking.models.tickets import TicketQuerySet
from booking.verbs import locks, moves, on_paper
from booking.verbs.on_paper import Line
from tests.clock import MORNING, today_at
from tests.factories import make_counter, make_open_department, make_ticket, make_user
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def office(clock):
    """Two departments with a booked ticket each, and the counter that serves both; it is one o'clock."""
    departments = [make_open_department(opens=today_at("9.00").time(), slot_minutes=60) for _ in range(2)]
    for department in departments:
        make_ticket(slot=department.slots.filter(date=MORNING.date()).first())
    counter = make_counter(departments=departments)
    clock.move_to(today_at("13.00"))
    return departments, counter, make_user()


def enter(department, counter, by, called, finished, number, _round) -> int:
    served = {"arrived_at": today_at("9.00"), "called_at": today_at(called), "finished_at": today_at(finished)}
    ticket = Ticket.objects.get(department=department, slot__isnull=False)
    walk_in = {"arrived_at": today_at("11.00"), "called_at": today_at("11.10"), "finished_at": today_at("11.20")}
    lines = [Line(ticket_id=ticket.pk, counter=counter, **served)]
    if number:
        lines.append(Line(number=number, counter=counter, **walk_in))
    return verbs.served_on_paper(department=department, date=MORNING.date(), lines=lines, by=by)


def test_a_sheet_sent_by_many_at_once_is_entered_once(office):
    (department, _other), counter, by = office

    (answers,) = race(*[partial(enter, department, counter, by, "10.00", "10.10", 501)] * 6)

    assert sorted(answers) == [0, 0, 0, 0, 0, 2]
    assert Ticket.objects.filter(slot=None).count() == 1
    assert invariants.violations() == {}


def overlapping(office) -> list:
    departments, counter, by = office
    (answers,) = race(*[partial(enter, one, counter, by, "10.00", "10.10", None) for one in departments])
    return sorted(answers, key=str)


def test_two_departments_do_not_enter_the_same_minutes_of_a_counter(office):
    assert overlapping(office) == [1, "not_entered"]


def test_control_without_the_counter_s_lock_both_would(office, monkeypatch):
    barrier, busy = multiprocessing.get_context("fork").Barrier(2), on_paper._busy

    def both_look_first(*arguments):
        found = busy(*arguments)
        barrier.wait(60)
        return found

    monkeypatch.setattr(on_paper, "_lock_counters", lambda pks: None)
    monkeypatch.setattr(on_paper, "_busy", both_look_first)

    assert overlapping(office) == [1, 1]


def taken_back_by_many(office) -> list:
    (department, _other), counter, by = office
    enter(department, counter, by, "10.00", "10.10", None, 0)
    ticket = Ticket.objects.get(department=department)
    what = {"department": department, "date": MORNING.date(), "tickets": [ticket.pk], "reason": "ผิด", "by": by}
    (answers,) = race(*[lambda _round: verbs.take_back_paper(**what)] * 6)
    return sorted(answers, key=str)


def test_what_many_take_back_at_once_is_taken_back_once(office):
    assert taken_back_by_many(office) == [1, *["not_entered"] * 5]
    assert TicketEvent.objects.filter(verb="take_back_paper").count() == 1
    assert invariants.violations() == {}


def test_control_without_locks_it_is_taken_back_by_each(office, monkeypatch):
    restored = on_paper._restored

    def slowly(before):
        time.sleep(1)
        return restored(before)

    monkeypatch.setattr(on_paper, "_restored", slowly)
    for name in ("lock_queues", "raise_versions"):
        monkeypatch.setattr(locks, name, lambda *_: None)
    monkeypatch.setattr(on_paper, "_lock_counters", lambda pks: None)
    monkeypatch.setattr(moves, "require_no_other_ticket", lambda **_: None)
    monkeypatch.setattr(TicketQuerySet, "select_for_update", lambda tickets, **_: tickets)

    assert taken_back_by_many(office).count(1) > 1
    assert TicketEvent.objects.filter(verb="take_back_paper").count() > 1
