"""A line that was entered wrongly from paper is taken back and entered anew: the ticket is what it was before, and
nothing counts what was struck out, though its history keeps it."""

import datetime as dt

import pytest
from django.db import transaction

from booking import errors, invariants, verbs
from booking.calling import console
from booking.models import Ticket
from booking.models.tickets import State
from booking.reports import stored
from booking.verbs.on_paper import Line, NotEntered
from tests.clock import MORNING, standing_still
from tests.factories import make_counter, make_member, make_open_department, make_user
from tests.test_on_paper import TODAY, at, booked, enter, figures, line, pace_now

pytestmark = pytest.mark.django_db

clock = standing_still(MORNING)


@pytest.fixture
def department():
    return make_open_department(letter="A", quota=4, max_days_ahead=9)


@pytest.fixture
def counter(department):
    return make_counter(departments=[department], number=1, clerk=make_user())


@pytest.fixture
def second(department):
    return make_counter(departments=[department], number=2, clerk=make_user())


def take_back(department, *tickets, reason="อ่านเวลาผิด", by=None, date=TODAY) -> int:
    pks = [ticket.pk for ticket in tickets]
    return verbs.take_back_paper(department=department, date=date, tickets=pks, reason=reason, by=by or make_user())


def fault(department, ticket) -> str:
    with pytest.raises(NotEntered) as refused:
        take_back(department, ticket)
    return refused.value.faults[0]


def all_of(ticket) -> dict:
    return Ticket.objects.filter(pk=ticket.pk).values().get()


def furnish(department, counter, clock, state) -> Ticket:
    """A ticket in this state at one o'clock."""
    ticket = booked(department, 2)
    if state not in ("booked", "not_arrived"):
        clock.move_to(at("9.30"))  # late: it is due anew
        verbs.check_in(ticket=ticket)
    if state in ("called", "serving", "on_hold", "missed", "no_show"):
        verbs.call_next(counter=counter, by=counter.clerk)
    for verb in {"serving": ["start"], "on_hold": ["hold"], "missed": ["miss"], "no_show": ["miss"]}.get(state, []):
        getattr(verbs, verb)(counter=counter, by=counter.clerk)
    clock.move_to(at("13.00"))
    if state in ("no_show", "not_arrived"):
        verbs.close_day(department=department, date=TODAY)
    if state == "cancelled":
        clock.shift(dt.timedelta(days=1))
        verbs.close_day(department=department, date=TODAY)
    ticket.refresh_from_db()
    assert ticket.state == state
    return ticket


STATES = ["booked", "waiting", "called", "serving", "on_hold", "missed", "no_show", "not_arrived", "cancelled"]


@pytest.mark.parametrize("state", STATES)
def test_a_ticket_is_again_what_it_was_and_so_are_all_figures(clock, department, counter, second, state):
    ticket = furnish(department, counter, clock, state)
    before, counted, pace = all_of(ticket), figures(), pace_now()
    arrived = "" if state in ("called", "serving", "on_hold", "waiting") else "10.00"
    called = "" if state in ("called", "serving") else "10.05"
    enter(department, line(ticket, counter, arrived, called))
    assert all_of(ticket) != before

    assert take_back(department, ticket) == 1

    assert all_of(ticket) == before
    assert figures() == counted
    assert pace_now() == pace
    assert invariants.violations() == {}


def test_what_is_entered_anew_counts_as_if_it_had_been_right_at_once(clock, department, counter, second):
    ticket = booked(department)
    clock.move_to(at("13.00"))
    right = line(ticket, counter, "9.30", "10.05", "10.15")
    with transaction.atomic():
        enter(department, right)
        at_once = figures(), pace_now(), console.figures(counter), all_of(ticket)
        transaction.set_rollback(True)
    enter(department, line(ticket, second, "10.00", "10.40", "10.55"))
    assert figures() != at_once[0]

    take_back(department, ticket)
    enter(department, right)

    assert (figures(), pace_now(), console.figures(counter), all_of(ticket)) == at_once
    assert console.figures(second).served == 0
    assert console.figures(counter).minutes == 10
    assert invariants.violations() == {}


def test_it_is_kept_who_took_it_back_why_and_what_it_was(clock, department, counter):
    ticket, manager = booked(department), make_user()
    clock.move_to(at("13.00"))
    enter(department, line(ticket, counter))
    count = ticket.events.count()

    take_back(department, ticket, reason="อ่านเวลาผิด", by=manager)

    last = ticket.events.last()
    assert ticket.events.count() == count + 1
    assert (last.verb, last.from_state, last.to_state) == ("take_back_paper", State.SERVED, State.BOOKED)
    assert (last.by, last.why, last.at) == (manager, "อ่านเวลาผิด", at("13.00"))


def test_a_wrong_number_is_taken_back_and_the_number_is_free(clock, department, counter):
    clock.move_to(at("13.00"))
    counted = figures()
    enter(department, line(None, counter, number=501))
    wrong = Ticket.objects.get()

    take_back(department, wrong, reason="เลขผิด")

    wrong.refresh_from_db()
    assert wrong.state == State.CANCELLED
    assert figures() == counted
    assert enter(department, line(None, counter, number=502)) == 1
    assert enter(department, line(None, counter, "10.20", "10.30", "10.40", number=501)) == 1
    assert invariants.violations() == {}


def test_times_at_a_counter_that_were_taken_back_are_in_nobody_s_way(clock, department, counter):
    first, second = booked(department, 2), booked(department, 3)
    clock.move_to(at("13.00"))
    enter(department, line(first, counter))
    with pytest.raises(NotEntered):
        enter(department, line(second, counter))

    take_back(department, first)

    assert enter(department, line(second, counter)) == 1


def test_what_the_night_did_after_it_is_taken_back_with_it(clock, department, counter):
    """Entered as missed, closed as no-show at the end of the day; in truth it had been served."""
    ticket = booked(department)
    clock.move_to(at("13.00"))
    enter(department, line(ticket, counter, "10.00", "10.05", "", ending=State.MISSED))
    clock.move_to(at("9.00") + dt.timedelta(days=1))
    verbs.close_day(department=department, date=TODAY)
    assert stored.count([TODAY]) == 1
    clock.shift(dt.timedelta(hours=1))

    take_back(department, ticket)

    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED
    assert stored._changed(TODAY + dt.timedelta(days=1)) == {TODAY}
    assert enter(department, line(ticket, counter)) == 1
    assert invariants.violations() == {}


# --- what cannot be taken back ---


def test_what_was_not_entered_from_paper_is_left_alone(clock, department, counter):
    ticket = booked(department)
    assert "ไม่มีสิ่งที่กรอกจากกระดาษ" in fault(department, ticket)
    clock.move_to(at("13.00"))
    enter(department, line(ticket, counter))
    take_back(department, ticket)
    assert "ไม่มีสิ่งที่กรอกจากกระดาษ" in fault(department, ticket)
    assert fault(make_open_department(), ticket) == str(errors.WrongState())


def test_what_went_on_in_the_system_since_is_not_undone(clock, department, counter):
    ticket = booked(department)
    clock.move_to(at("13.00"))
    enter(department, Line(ticket_id=ticket.pk, ending=State.WAITING, arrived_at=at("12.50")))
    verbs.call_next(counter=counter, by=counter.clerk)

    assert "มีการทำรายการ" in fault(department, ticket)
    ticket.refresh_from_db()
    assert ticket.state == State.CALLED


def test_one_that_was_at_a_counter_waits_until_that_is_free(clock, department, counter, second):
    ticket = furnish(department, counter, clock, "serving")
    enter(department, line(ticket, counter, "", "", "10.15"))
    verbs.walk_in(department=department, by=counter.clerk)
    verbs.call_next(counter=counter, by=counter.clerk)

    assert "มีบัตรอื่น" in fault(department, ticket)
    verbs.miss(counter=counter, by=counter.clerk)
    assert take_back(department, ticket) == 1
    assert invariants.violations() == {}


def test_a_member_who_has_another_ticket_by_now_keeps_that_one(clock, department, counter):
    member = make_member()
    ticket = booked(department, member=member)
    clock.move_to(at("13.00"))
    enter(department, line(ticket, counter))
    verbs.walk_in(department=department, by=counter.clerk, member_id=member.pk)

    assert fault(department, ticket) == str(errors.AlreadyBooked())
    ticket.refresh_from_db()
    assert ticket.state == State.SERVED


def test_all_are_taken_back_or_none(clock, department, counter):
    entered, not_entered = booked(department, 2), booked(department, 3)
    clock.move_to(at("13.00"))
    enter(department, line(entered, counter))

    with pytest.raises(NotEntered) as refused:
        take_back(department, entered, not_entered)

    assert list(refused.value.faults) == [1]
    entered.refresh_from_db()
    assert entered.state == State.SERVED


def test_after_a_week_it_stands(clock, department, counter):
    ticket = booked(department)
    clock.move_to(at("13.00"))
    enter(department, line(ticket, counter))
    clock.shift(dt.timedelta(days=8))
    with pytest.raises(errors.DayClosed):
        take_back(department, ticket)
