"""The manager's page of today: each figure against a plain recount of the day, who sees it, and what it costs."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking import roles, verbs
from booking.calling import today as reads
from booking.calling import waits
from booking.models import Department, StaffDepartment, Ticket
from booking.models.tickets import State
from booking.verbs import seats
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_user, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db

TODAY = reverse("admin:booking_today")

clock = standing_still(today_at("8.30"))


@pytest.fixture
def busy(clock):
    """A morning until 10.00 in two departments: counter 1 serves both, counter 2 the second, and counter 3 is left."""
    loans = make_open_department(name="ฝ่ายสินเชื่อ", max_days_ahead=1, late_after_minutes=15, usual_service_minutes=10)
    money = make_open_department(name="ฝ่ายการเงิน", max_days_ahead=1, late_after_minutes=15, usual_service_minutes=5)
    one = make_counter(departments=[loans, money], number=1, clerk=make_user(first_name="มานี", last_name="มีนา"))
    two = make_counter(departments=[money], number=2)
    booked = [make_ticket(slot=make_slot(department=loans, days_ahead=0, nth=nth)) for nth in (1, 2, 3, 4, 9, 9)]
    clock.move_to(today_at("8.40"))
    walk_ins = [make_walk_in(department=loans) for _ in range(5)] + [make_walk_in(department=money)]
    for ticket in booked[1:3]:  # 10.00, 10.30: early
        verbs.check_in(ticket=ticket, by=one.clerk)
    clock.move_to(today_at("8.50"))
    verbs.call_next(counter=one, by=one.clerk)
    verbs.start(counter=one, by=one.clerk)
    clock.move_to(today_at("9.00"))
    verbs.finish(counter=one, by=one.clerk)
    verbs.call_next(counter=one, by=one.clerk)
    verbs.miss(counter=one, by=one.clerk)
    held = verbs.call_next(counter=one, by=one.clerk)
    verbs.start(counter=one, by=one.clerk)
    verbs.hold(counter=one, by=one.clerk, reason="ไปถ่ายสำเนา")
    clock.move_to(today_at("9.05"))
    serving = verbs.call_next(counter=one, by=one.clerk)
    clock.move_to(today_at("9.07"))
    verbs.start(counter=one, by=one.clerk)
    three = make_counter(departments=[money], number=3)
    clock.move_to(today_at("9.10"))
    seats.sign_out(counter=three, by=three.clerk)
    clock.move_to(today_at("9.50"))
    return {"loans": loans, "money": money, "held": held, "serving": serving, "two": two, "walk_ins": walk_ins}


def recount(department, now) -> dict:
    """From the rows one by one, by docs/figures.md."""
    found = dict.fromkeys(["waiting", "served", "missed", "no_shows", "not_arrived", "walk_ins", "to_come"], 0)
    waited = []
    for ticket in Ticket.objects.all():
        if ticket.slot is None and ticket.department == department:
            found["walk_ins"] += 1
        if ticket.queue != department:
            continue
        if ticket.state == "waiting":
            found["waiting"] += 1
            waited.append((now - max(ticket.arrived_at, ticket.due_at)).total_seconds() // 60)
        if ticket.state == "booked":
            is_late = ticket.due_at + dt.timedelta(minutes=department.late_after_minutes) < now
            found["not_arrived" if is_late else "to_come"] += 1
        for name, state in [("served", "served"), ("missed", "missed"), ("no_shows", "no_show")]:
            found[name] += ticket.state == state
    return found | {"longest": max([0, *waited]) if waited else None}


def test_each_figure_is_that_of_a_plain_recount(busy, clock):
    now = today_at("9.50")
    office = reads.office([busy["loans"], busy["money"]])
    for row in office.departments:
        expected = recount(row.department, now)
        assert {name: getattr(row, name) for name in expected} == expected
    loans, money = office.departments
    # By hand: five walk-ins of which four were called; two who checked in early; 9.30 is late, 11.00 and 13.30 are not.
    assert (loans.waiting, loans.longest, loans.served, loans.missed) == (3, 70, 1, 1)
    assert (loans.not_arrived, loans.to_come, loans.walk_ins) == (1, 3, 5)
    assert (money.waiting, money.longest, money.longest_code) == (1, 70, busy["walk_ins"][5].code)
    assert (loans.counters, money.counters) == (1, 2)


def test_what_each_counter_does_and_since_when(busy):
    one, two, three = reads.office([busy["loans"], busy["money"]]).counters
    assert (one.doing, one.code, one.minutes, one.is_forgotten) == ("serving", busy["serving"].code, 43, True)
    assert (two.doing, two.minutes) == ("idle", 80)
    assert (three.doing, three.minutes) == ("free", 40)
    assert [each.counter.number for each in reads.office([busy["loans"]]).counters] == [1]


def test_who_is_held_and_who_is_forgotten(busy, clock):
    office = reads.office([busy["loans"], busy["money"]])
    assert [(one.code, one.minutes) for one in office.on_hold] == [(busy["held"].code, 50)]
    assert [(one.code, one.counter) for one in office.forgotten] == [(busy["serving"].code, 1)]
    clock.move_to(today_at("9.35"))  # three times ten minutes after the call
    assert reads.office([busy["loans"]]).forgotten == []
    clock.move_to(today_at("9.36"))
    assert len(reads.office([busy["loans"]]).forgotten) == 1


def test_half_hours(busy):
    make_walk_in(department=busy["loans"])  # 9.50
    half_hours = reads.office([busy["loans"], busy["money"]]).half_hours
    assert half_hours[0].starts_at == today_at("8.30")
    found = {f"{one.starts_at:%H.%M}": one[1:] for one in half_hours}
    assert found.pop("08.30") == (6, 0)
    assert found.pop("09.30") == (1, 0)
    assert found.pop("11.00") == (0, 1)
    assert found.pop("13.30") == (0, 2)
    assert set(found.values()) == {(0, 0)}
    assert sorted(found)[-1] == "15.00"


def test_the_end_is_when_the_last_has_been_served_by_who_sits_there(clock):
    department = make_open_department(usual_service_minutes=30, max_days_ahead=1, closes=dt.time(10))
    clock.move_to(today_at("9.00"))
    for _ in range(4):
        make_walk_in(department=department)
    [row] = reads.office([department]).departments
    assert (row.end, row.minutes_over) == (waits.End(None, 4), 0)

    Ticket.objects.update(issued_at=today_at("7.30"))  # nobody came within the hour: none are expected
    counter = make_counter(departments=[department])
    [row] = reads.office([department]).departments
    assert (row.end, row.minutes_over) == (waits.End(today_at("11.00"), 0), 60)

    verbs.call_next(counter=counter, by=counter.clerk)
    clock.move_to(today_at("9.10"))
    [row] = reads.office([department]).departments
    assert row.end.at == today_at("11.00")


def test_a_counter_that_closes_leaves_the_rest_to_the_others(clock):
    department = make_open_department(usual_service_minutes=30, max_days_ahead=1)
    clock.move_to(today_at("9.00"))
    for _ in range(6):
        make_walk_in(department=department)
    Ticket.objects.update(issued_at=today_at("7.30"))
    one, two = (make_counter(departments=[department]) for _ in range(2))
    assert waits.ends()[department.pk].at == today_at("10.30")
    assert waits.ends(closing={two.pk: today_at("9.30")})[department.pk].at == today_at("11.30")
    both = {one.pk: today_at("9.30"), two.pk: today_at("10.00")}
    assert waits.ends(closing=both)[department.pk] == waits.End(today_at("10.00"), 3)


def queries_of(client) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(TODAY).status_code == 200
    return len(captured)


def test_many_tickets_take_as_many_queries_as_few(client, manager, clock):
    department = make_open_department(max_days_ahead=1, quota=40)
    counter = make_counter(departments=[department], clerk=make_user(group=roles.CLERK))

    def walk_ins(count):
        for _ in range(count):
            make_walk_in(department=department)
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.start(counter=counter, by=counter.clerk)
        verbs.hold(counter=counter, by=counter.clerk, reason="")

    walk_ins(10)
    client.get(TODAY)
    few = queries_of(client)
    walk_ins(290)
    assert queries_of(client) == few <= 30


@pytest.mark.parametrize(
    ("group", "status"),
    [
        (roles.MANAGER, 200),
        (roles.HEAD, 200),
        (roles.AUDITOR, 200),
        (roles.CLERK, 403),
        (roles.RECEPTION, 403),
        (None, 403),
    ],
)
def test_who_may_open_it(client, group, status):
    make_open_department()
    client.force_login(make_user(group=group))
    assert client.get(TODAY).status_code == status
    listed = [
        item["link"]
        for part in client.get(reverse("admin:index")).context["sidebar_navigation"]
        for item in part["items"]
    ]
    assert (listed[0] == TODAY) is (status == 200)


def test_strangers_are_sent_to_the_log_in(client):
    assert client.get(TODAY)["Location"].startswith(reverse("admin:login"))


def test_a_head_sees_the_departments_that_are_theirs(client, busy):
    head = make_user(group=roles.HEAD)
    StaffDepartment.objects.create(user=head, department=busy["money"])
    client.force_login(head)
    for query in ({}, {"department": busy["loans"].slug}):
        page = client.get(TODAY, query)
        assert [row.department for row in page.context["office"].departments] == [busy["money"]]
        assert busy["loans"].title not in page.text
        assert busy["held"].code not in page.text


def test_one_department_may_be_chosen(client, manager, busy):
    page = client.get(TODAY, {"department": busy["loans"].slug})
    assert [row.department for row in page.context["office"].departments] == [busy["loans"]]
    assert len(client.get(TODAY, {"department": "none"}).context["office"].departments) == Department.objects.count()


def test_no_member_is_named(client, manager, busy):
    text = client.get(TODAY).text
    assert all(
        ticket.member.family_name not in text for ticket in Ticket.objects.select_related("member") if ticket.member
    )


def test_it_is_answered_anew_only_when_a_queue_has_changed(client, manager, busy):
    etag = client.get(TODAY)["ETag"]
    with CaptureQueriesContext(connection) as captured:
        assert client.get(TODAY, headers={"If-None-Match": etag}).status_code == 304
    assert len(captured) <= 12
    verbs.call_next(counter=busy["two"], by=busy["two"].clerk)
    page = client.get(TODAY, headers={"If-None-Match": etag})
    assert page.status_code == 200
    assert [row.doing for row in page.context["office"].counters][1] == "calling"
    assert Ticket.objects.filter(state=State.CALLED).count() == 1


def test_looking_again_by_itself_does_not_keep_anybody_signed_in(client, manager, clock, settings):
    make_open_department()
    settings.STAFF_IDLE_MINUTES = 30
    client.force_login(manager)
    client.get(TODAY)
    for minutes in range(10, 41, 10):
        clock.move_to(today_at("8.30") + dt.timedelta(minutes=minutes))
        last = client.get(TODAY, headers={"X-Looks-Again": "1"})
    assert last.status_code == 302


def test_what_if_a_counter_closed(client, manager, clock):
    department = make_open_department(usual_service_minutes=30, max_days_ahead=1)
    clock.move_to(today_at("9.00"))
    for _ in range(6):
        make_walk_in(department=department)
    Ticket.objects.update(issued_at=today_at("7.30"))
    _one, two = (make_counter(departments=[department]) for _ in range(2))
    page = client.get(TODAY, {"counter": two.number, "at": "09:30"})
    [(_department, before, after)] = page.context["what_if"]
    assert (before.at, after.at) == (today_at("10.30"), today_at("11.30"))
    for asked in ({"counter": 999, "at": "09:30"}, {"counter": two.number, "at": "x"}, {"counter": "x\0"}):
        assert client.get(TODAY, asked).context["what_if"] is None


@pytest.mark.parametrize(("at", "is_refused"), [("08:59", True), ("07:00", True), ("09:00", False), ("09:01", False)])
def test_what_if_it_had_closed_is_refused_and_what_was_typed_stays(client, manager, clock, at, is_refused):
    clock.move_to(today_at("9.00") + dt.timedelta(seconds=40))
    department = make_open_department()
    make_counter(departments=[department])
    two = make_counter(departments=[department])

    page = client.get(TODAY, {"counter": two.number, "at": at})
    assert (page.context["what_if"] is None) is is_refused
    told = f"{at.replace(':', '.')} น. ผ่านไปแล้ว ขณะนี้ 09.00 น. กรุณาเลือกเวลาที่ยังไม่ถึง"
    assert (told in text(page)) is is_refused
    assert f'value="{at}"' in page.text and f'value="{two.number}" selected' in page.text


def test_nothing_is_refused_before_anything_is_asked(client, manager, clock):
    assert client.get(TODAY).context["faults"] == []
    assert client.get(TODAY, {"counter": "1", "at": ""}).context["faults"]
