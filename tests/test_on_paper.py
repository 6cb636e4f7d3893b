"""What was served on paper during an outage, entered afterwards, is as if it had been called."""

import datetime as dt
from collections import defaultdict

import pytest
from django.db import transaction

from booking import errors, invariants, verbs
from booking.calling import console, pace
from booking.models import Notice, Ticket, TicketEvent
from booking.models.tickets import State
from booking.reports import facts, stored
from booking.verbs.on_paper import Line, NotEntered
from tests.clock import MORNING, standing_still
from tests.factories import make_counter, make_member, make_open_department, make_ticket, make_user

pytestmark = pytest.mark.django_db

clock = standing_still(MORNING)
TODAY = MORNING.date()


def at(text: str, *, day=TODAY) -> dt.datetime:
    hour, minute = map(int, text.split("."))
    return MORNING.replace(year=day.year, month=day.month, day=day.day, hour=hour, minute=minute, second=0)


@pytest.fixture
def department():
    return make_open_department(letter="A", quota=4, max_days_ahead=9)


@pytest.fixture
def counter(department):
    return make_counter(departments=[department], number=1, clerk=make_user())


@pytest.fixture
def second(department):
    return make_counter(departments=[department], number=2, clerk=make_user())


def booked(department, nth=3, **fields) -> Ticket:
    slots = department.slots.filter(date=TODAY).order_by("starts_at")
    return make_ticket(slot=slots[nth], **fields)


def enter(department, *lines, date=TODAY, by=None) -> int:
    return verbs.served_on_paper(department=department, date=date, lines=list(lines), by=by or make_user())


def line(ticket, counter, arrived="10.00", called="10.05", finished="10.15", **fields) -> Line:
    times = {"arrived_at": arrived, "called_at": called, "finished_at": finished}
    known = {name: at(text) if text else None for name, text in times.items()}
    return Line(ticket_id=ticket and ticket.pk, counter=counter, **known | fields)


def faults(department, *lines) -> dict[int, str]:
    with pytest.raises(NotEntered) as refused:
        enter(department, *lines)
    return refused.value.faults


def figures() -> dict:
    """All that reports read of the day, but for who did it and what was told: on paper nobody is told a wait."""
    found = defaultdict(list)
    for row in facts.hours(TODAY, TODAY):
        for name in [*facts.COUNTS, *facts.DURATIONS]:
            value = getattr(row, name)
            if value and not name.startswith("told_"):
                found[row.department_id, row.hour, row.counter_id, name] += (
                    value if isinstance(value, list) else [value]
                )
    return {key: sorted(values) for key, values in found.items()}


def tickets() -> list:
    rows = Ticket.objects.order_by("department", "number")
    return list(
        rows.values_list("department", "number", "state", "counter__number", "called_at", "arrived_at", "due_at")
    )


# --- an outage from 10.00 to 12.00 ---


def furnish(clock):
    clock.move_to(at("7.30"))
    loans = make_open_department(letter="A", quota=2, max_days_ahead=9)
    law = make_open_department(letter="B", quota=1, max_days_ahead=9, uses_check_in=False)
    counters = [
        make_counter(departments=[one], number=nth, clerk=make_user()) for nth, one in enumerate([loans, law], 1)
    ]
    for department in (loans, law):
        for slot in department.slots.filter(date=TODAY, starts_at__lt=at("12.00")).order_by("starts_at"):
            make_ticket(slot=slot)
    return (loans, counters[0]), (law, counters[1])


def before(clock, places) -> None:
    """Until 10.00 the system works; when it stops, one is being served and another waits."""
    for department, counter in places:
        for nth, ticket in enumerate(department.tickets.order_by("number")[:3]):
            clock.move_to(at("8.40") + dt.timedelta(minutes=20 * nth))
            if department.uses_check_in:
                verbs.check_in(ticket=ticket)
            elif nth == 2:
                break
            if nth == 2:
                continue
            clock.move_to(at("9.00") + dt.timedelta(minutes=25 * nth))
            verbs.call_next(counter=counter, by=counter.clerk)
            verbs.start(counter=counter, by=counter.clerk)
            if nth == 0:
                clock.shift(dt.timedelta(minutes=9))
                verbs.finish(counter=counter, by=counter.clerk)


def played_live(clock, places) -> list:
    """From 10.00 to 12.00, by the buttons. What a sheet of paper would say of it."""
    sheet = []
    for department, counter in places:
        who = {"counter": counter, "by": counter.clerk}
        clock.move_to(at("10.02"))
        serving = Ticket.objects.at_counter(counter).get()
        verbs.finish(**who)
        sheet.append((department, serving.pk, None, "", "", "10.02", State.SERVED, counter))
        arrived = {}
        for nth in range(6):
            minutes = 10 * nth
            clock.move_to(at("10.03") + dt.timedelta(minutes=minutes))
            if nth in (1, 4):
                walk_in = verbs.walk_in(department=department, by=counter.clerk)
                arrived[walk_in.pk] = clock_text(minutes + 3)
            elif department.uses_check_in:
                ticket = department.tickets.filter(state=State.BOOKED).order_by("number").first()
                verbs.check_in(ticket=ticket, by=counter.clerk)
                arrived[ticket.pk] = clock_text(minutes + 3)
            clock.move_to(at("10.05") + dt.timedelta(minutes=minutes))
            called = verbs.call_next(**who)
            if called is None:
                continue
            came, at_counter = arrived.get(called.pk), clock_text(minutes + 5)
            if nth == 3:
                verbs.miss(**who)
                sheet.append((department, called.pk, called.number, came, at_counter, "", State.MISSED, counter))
                continue
            verbs.start(**who)
            clock.move_to(at("10.12") + dt.timedelta(minutes=minutes))
            verbs.finish(**who)
            done = clock_text(minutes + 12)
            sheet.append((department, called.pk, called.number, came, at_counter, done, State.SERVED, counter))
        for pk in arrived.keys() - {one[1] for one in sheet}:
            number = Ticket.objects.get(pk=pk).number
            sheet.append((department, pk, number, arrived[pk], "", "", State.WAITING, None))
    return sheet


def clock_text(minutes: int) -> str:
    return f"{10 + minutes // 60}.{minutes % 60:02d}"


def entered_from_paper(places, sheet) -> None:
    for department, _counter in places:
        lines = []
        for where, pk, number, arrived, called, finished, ending, counter in sheet:
            if where == department:
                is_walk_in = number is not None and number > 500
                lines.append(
                    line(
                        None if is_walk_in else Ticket.objects.get(pk=pk),
                        counter,
                        arrived,
                        called,
                        finished,
                        ending=ending,
                        number=number if is_walk_in else None,
                    )
                )
        enter(department, *lines)


def test_an_outage_from_10_to_12_entered_from_paper_is_as_if_it_had_been_called(clock):
    places = furnish(clock)
    before(clock, places)
    with transaction.atomic():
        sheet = played_live(clock, places)
        clock.move_to(at("12.30"))
        live = figures(), tickets(), pace_now()
        transaction.set_rollback(True)
    notices = Notice.objects.count()
    assert figures() != live[0]

    entered_from_paper(places, sheet)

    assert invariants.violations() == {}
    assert tickets() == live[1]
    assert figures() == live[0]
    assert pace_now() == live[2]
    assert Notice.objects.count() == notices
    # And the day goes on, from the state that the paper left.
    assert len(sheet) > 8
    for department, counter in places:
        walk_in = verbs.walk_in(department=department, by=counter.clerk)
        assert walk_in.number == 503
        assert verbs.call_next(counter=counter, by=counter.clerk)
    assert invariants.violations() == {}


def pace_now() -> list:
    services = pace.services(since=at("0.00"))
    return sorted((one.department_id, one.seconds, one.ended_at, one.left_out) for one in services)


# --- what is kept ---


def test_the_events_have_the_times_on_paper_who_entered_them_and_when(clock, department, counter):
    ticket, manager = booked(department), make_user()
    clock.move_to(at("13.00"))

    assert enter(department, line(ticket, counter), by=manager) == 1

    ticket.refresh_from_db()
    assert (ticket.state, ticket.counter, ticket.called_at) == (State.SERVED, counter, at("10.05"))
    events = list(ticket.events.all())[1:]
    assert [(one.verb, one.at) for one in events] == [
        ("check_in", at("10.00")),
        ("call", at("10.05")),
        ("start", at("10.05")),
        ("finish", at("10.15")),
    ]
    assert {(one.by, one.entered_at) for one in events} == {(manager, at("13.00"))}
    assert [one.counter for one in events] == [None, counter, counter, counter]
    assert "จากกระดาษ" in events[0].why
    # The clerk at the counter can not take it back for their own last finish.
    assert console.last_finish(counter) is None


def test_the_same_sheet_sent_twice_changes_nothing(clock, department, counter):
    ticket = booked(department)
    clock.move_to(at("13.00"))
    sheet = [line(ticket, counter), line(None, counter, "10.10", "10.20", "10.30", number=501)]

    assert enter(department, *sheet) == 2
    assert enter(department, *sheet) == 0

    assert Ticket.objects.filter(slot=None).count() == 1
    assert TicketEvent.objects.filter(verb="finish").count() == 2


def test_what_the_night_has_closed_is_entered_on_the_days_after(clock, department, counter):
    waiting, absent, missed = (booked(department, nth) for nth in range(3))
    clock.move_to(at("8.40"))
    verbs.check_in(ticket=waiting)
    clock.move_to(at("9.00") + dt.timedelta(days=1))
    verbs.close_day(department=department, date=TODAY)
    assert stored.count([TODAY]) == 1
    clock.shift(dt.timedelta(hours=1))

    lines = [
        line(waiting, counter),
        line(absent, counter, "9.00", "10.20", "10.30"),
        line(missed, counter, "9.00", "10.40", "", ending=State.MISSED),
        line(None, counter, "10.40", "10.50", "", number=501, ending=State.MISSED),
    ]
    assert enter(department, *lines) == 4

    states = [State.SERVED, State.SERVED, State.NO_SHOW, State.NO_SHOW]
    assert list(Ticket.objects.order_by("number").values_list("state", flat=True)) == states
    assert invariants.violations() == {}
    # The day that was counted is counted again.
    clock.shift(dt.timedelta(days=1))
    assert TODAY in stored._changed(TODAY + dt.timedelta(days=2))


def test_a_day_that_was_counted_long_ago_is_counted_again(clock, department, counter):
    clock.shift(dt.timedelta(days=6))
    assert stored.count(TODAY + dt.timedelta(days=nth) for nth in range(6)) == 6
    clock.shift(dt.timedelta(hours=1))

    enter(department, line(None, counter, number=501))

    assert stored._changed(TODAY + dt.timedelta(days=6)) == {TODAY}


@pytest.mark.parametrize("state", ["called", "serving", "on_hold", "missed"])
def test_what_was_under_way_when_the_power_failed_goes_on_on_paper(clock, department, counter, state):
    ticket = booked(department, 2)
    clock.move_to(at("9.30"))
    verbs.check_in(ticket=ticket)
    verbs.call_next(counter=counter, by=counter.clerk)
    for verb in {"called": [], "serving": ["start"], "on_hold": ["hold"], "missed": ["miss"]}[state]:
        getattr(verbs, verb)(counter=counter, by=counter.clerk)
    clock.move_to(at("13.00"))
    known = {"called": "", "serving": ""}.get(state, "10.05")

    assert enter(department, line(ticket, counter, "10.00" if state == "missed" else "", known)) == 1

    ticket.refresh_from_db()
    assert ticket.state == State.SERVED
    assert ticket.events.last().at == at("10.15")
    assert invariants.violations() == {}


def test_who_did_not_come_is_not_arrived(clock, department):
    ticket = booked(department)
    clock.move_to(at("13.00"))

    assert enter(department, Line(ticket_id=ticket.pk, ending=State.NOT_ARRIVED)) == 1

    ticket.refresh_from_db()
    assert ticket.state == State.NOT_ARRIVED


def test_a_counter_that_serves_now_is_not_in_the_way(clock, department, counter):
    ticket, now_there = booked(department, 2), booked(department, 8)
    clock.move_to(at("12.30"))
    verbs.check_in(ticket=now_there)
    assert verbs.call_next(counter=counter, by=counter.clerk) == now_there

    assert enter(department, line(ticket, counter)) == 1

    now_there.refresh_from_db()
    assert (now_there.state, now_there.counter) == (State.CALLED, counter)
    assert invariants.violations() == {}


# --- what is not entered ---


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (("", "10.05", "10.15"), "เวลามาถึง"),
        (("10.00", "", "10.15"), "เวลาเรียก"),
        (("10.00", "10.05", ""), "เวลาเสร็จ"),
        (("10.06", "10.05", "10.15"), "เรียงตามลำดับ"),
        (("10.00", "10.05", "10.05"), "เรียงตามลำดับ"),
        (("10.00", "10.05", "13.01"), "ยังไม่ถึง"),
        (("5.00", "10.05", "10.15"), "ก่อนเวลาทำการ"),
    ],
)
def test_times_have_to_be_there_in_order_within_the_day_and_past(clock, department, counter, times, words):
    ticket = booked(department)
    clock.move_to(at("13.00"))

    assert words in faults(department, line(ticket, counter, *times))[0]
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_all_lines_are_entered_or_none_and_each_fault_stands_at_its_line(clock, department, counter):
    first, second = booked(department, 2), booked(department, 3)
    clock.move_to(at("13.00"))

    found = faults(department, line(first, counter), line(second, None, "10.00", "10.20", "10.30"))

    assert list(found) == [1] and "ช่องบริการ" in found[1]
    assert not TicketEvent.objects.filter(verb="finish").exists()


def test_two_are_not_served_at_one_counter_at_once(clock, department, counter, second):
    tickets = [booked(department, nth) for nth in range(1, 5)]
    clock.move_to(at("9.30"))
    verbs.check_in(ticket=tickets[3])
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.start(counter=counter, by=counter.clerk)
    clock.move_to(at("9.50"))
    verbs.finish(counter=counter, by=counter.clerk)
    clock.move_to(at("13.00"))

    found = faults(
        department,
        line(tickets[0], counter, "9.00", "10.00", "10.10"),
        line(tickets[1], counter, "9.00", "10.09", "10.20"),
        line(tickets[2], counter, "9.00", "9.40", "9.55"),
    )
    assert list(found) == [1, 2]
    assert tickets[0].code in found[1] and tickets[3].code in found[2]
    enter(
        department,
        line(tickets[0], counter, "9.00", "10.00", "10.10"),
        line(tickets[1], second, "9.00", "10.09", "10.20"),
        line(tickets[2], counter, "9.00", "10.10", "10.20"),
    )


@pytest.mark.parametrize(("number", "words"), [(12, "เริ่มที่ 501"), (501, "502"), (1000, "เริ่มที่ 501")])
def test_a_walk_in_has_a_number_of_its_own(clock, department, counter, number, words):
    verbs.walk_in(department=department, by=None)
    clock.move_to(at("13.00"))

    assert words in faults(department, line(None, counter, number=number))[0]


def test_two_walk_ins_have_two_numbers(clock, department, counter):
    clock.move_to(at("13.00"))
    later = line(None, counter, "10.00", "10.20", "10.30", number=501)

    assert list(faults(department, line(None, counter, number=501), later)) == [1]


def test_a_member_who_has_a_ticket_is_not_entered_as_a_walk_in(clock, department, counter):
    member = make_member()
    ticket = booked(department, member=member)
    clock.move_to(at("13.00"))

    assert ticket.code in faults(department, line(None, counter, number=501, member_id=member.pk))[0]


def test_what_the_system_knows_is_not_contradicted(clock, department, counter, second):
    waiting, cancelled = booked(department, 2), booked(department, 3)
    verbs.cancel(ticket=cancelled)
    clock.move_to(at("10.10"))
    verbs.check_in(ticket=waiting)
    clock.move_to(at("13.00"))

    assert "10.10" in faults(department, line(waiting, counter, ""))[0]
    assert faults(department, Line(ticket_id=waiting.pk, ending=State.NOT_ARRIVED))
    assert faults(department, line(cancelled, counter))[0] == str(errors.WrongState())
    assert faults(make_open_department(), line(waiting, counter))[0] == str(errors.WrongState())
    verbs.call_next(counter=counter, by=counter.clerk)
    assert "ช่อง 1" in faults(department, line(waiting, second, "", "", "13.00"))[0]


@pytest.mark.parametrize("days", [8, -1])
def test_only_the_last_days_are_entered(clock, department, counter, days):
    clock.move_to(at("13.00") + dt.timedelta(days=days))
    with pytest.raises(errors.DayClosed):
        enter(department, line(None, counter, number=501))
