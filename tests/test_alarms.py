"""Alarms of the manager's page: raised once where a department's minutes are up, ended, acknowledged."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import jobs, roles, verbs
from booking.models import Alarm, Notice, StaffDepartment
from booking.verbs import alarms
from tests.clock import standing_still, today_at
from tests.factories import change, make_counter, make_open_department, make_ticket, make_user, make_walk_in

pytestmark = pytest.mark.django_db

TODAY = reverse("admin:booking_today")
Kind = Alarm.Kind

clock = standing_still(today_at("9.00"))


def raised() -> list[tuple]:
    return sorted((one.kind, one.department_id) for one in Alarm.objects.open())


@pytest.fixture
def department(clock):
    return make_open_department(max_days_ahead=1, alarm_unserved_minutes=0)


def test_a_wait_is_an_alarm_once_and_ends(department, clock):
    counter = make_counter(departments=[department])
    make_walk_in(department=department)
    verbs.call_next(counter=counter, by=counter.clerk)
    make_walk_in(department=department)
    clock.move_to(today_at("9.59"))
    jobs.watch_today()
    assert raised() == []
    for minute in ("10.00", "10.01"):
        clock.move_to(today_at(minute))
        jobs.watch_today()
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.department, alarm.since, alarm.ended_at) == (
        Kind.LONG_WAIT,
        department,
        today_at("10.00"),
        None,
    )
    verbs.miss(counter=counter, by=counter.clerk)
    verbs.call_next(counter=counter, by=counter.clerk)
    jobs.watch_today()
    alarm.refresh_from_db()
    assert (alarm.ended_at, Alarm.objects.count()) == (today_at("10.01"), 1)


def test_nobody_serves_though_somebody_waits(department, clock):
    change(department, alarm_unserved_minutes=10)
    alarms.watch()
    clock.move_to(today_at("9.20"))
    make_walk_in(department=department)
    clock.move_to(today_at("9.29"))
    alarms.watch()
    assert raised() == []
    clock.move_to(today_at("9.30"))
    alarms.watch()
    assert raised() == [(Kind.UNSERVED, department.pk)]
    make_counter(departments=[department])
    alarms.watch()
    assert raised() == []


def test_a_counter_is_silent_while_somebody_waits(department, clock):
    counter = make_counter(departments=[department])
    clock.move_to(today_at("10.00"))
    alarms.watch()
    assert raised() == []
    make_walk_in(department=department)
    clock.move_to(today_at("10.15"))
    alarms.watch()
    assert [(one.kind, one.counter) for one in Alarm.objects.open()] == [(Kind.SILENT, counter)]
    verbs.call_next(counter=counter, by=counter.clerk)
    alarms.watch()
    assert raised() == []


def test_messages_that_are_stuck(clock):
    now = timezone.now()
    notice = Notice.objects.create(
        ticket=make_ticket(),
        kind="nearly",
        window="test",
        next_try_at=now,
        expires_at=now + dt.timedelta(hours=1),
        created_at=now,
    )
    Notice.objects.exclude(pk=notice.pk).delete()
    clock.move_to(today_at("9.10"))
    alarms.watch()
    assert raised() == []
    clock.move_to(today_at("9.11"))
    alarms.watch()
    assert raised() == [(Kind.MESSAGES, None)]
    clock.move_to(today_at("10.00"))
    alarms.watch()
    assert raised() == []


def test_an_office_may_have_none(department, clock):
    change(department, alarm_wait_minutes=0, alarm_unserved_minutes=0, alarm_silent_minutes=0)
    make_counter(departments=[department])
    make_walk_in(department=department)
    clock.move_to(today_at("14.00"))
    alarms.watch()
    assert raised() == []


def test_looking_costs_as_much_for_many_tickets(department, clock, django_assert_max_num_queries):
    for _ in range(60):
        make_walk_in(department=department)
    clock.move_to(today_at("10.30"))
    with django_assert_max_num_queries(60):
        alarms.watch()
    assert raised() == [(Kind.LONG_WAIT, department.pk)]


@pytest.fixture
def alarm(department):
    return Alarm.objects.create(kind=Kind.LONG_WAIT, department=department, since=timezone.now())


def badge(client) -> int:
    return client.get(reverse("admin:index")).context["sidebar_navigation"][0]["items"][0]["badge"]


def test_somebody_acknowledges_it_and_is_kept(client, manager, alarm):
    assert badge(client) == 1
    etag = client.get(TODAY)["ETag"]
    client.post(TODAY, {"alarm": alarm.pk})
    again = make_user(group=roles.MANAGER)
    client.force_login(again)
    client.post(TODAY, {"alarm": alarm.pk})
    alarm.refresh_from_db()
    assert (alarm.acknowledged_by, alarm.acknowledged_at) == (manager, today_at("9.00"))
    assert badge(client) == 0
    client.force_login(manager)
    page = client.get(TODAY, headers={"If-None-Match": etag})
    assert page.status_code == 200
    assert "สมหญิง รับทราบ 09.00 น." in page.text


@pytest.mark.parametrize(
    ("who", "sees", "may"), [("own", True, True), ("other", False, False), ("auditor", True, False)]
)
def test_whose_alarms_are_seen_and_acknowledged(client, alarm, who, sees, may):
    user = make_user(group=roles.AUDITOR if who == "auditor" else roles.HEAD)
    if who != "auditor":
        chosen = alarm.department if who == "own" else make_open_department()
        StaffDepartment.objects.create(user=user, department=chosen)
    client.force_login(user)
    assert (alarm in client.get(TODAY).context["alarms"]) is sees
    client.post(TODAY, {"alarm": alarm.pk})
    alarm.refresh_from_db()
    assert (alarm.acknowledged_by == user) is may


@pytest.mark.parametrize("named", ["", "x", "0", "9" * 30, "²"])
def test_an_alarm_that_is_none(client, manager, alarm, named):
    assert client.post(TODAY, {"alarm": named}).status_code == 302
    assert Alarm.objects.get().acknowledged_at is None
