"""Alarms of the manager's page: raised once where a department's minutes are up, ended, acknowledged."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import jobs, roles, verbs
from booking.models import Alarm, Department, Notice, StaffDepartment, WaitingEntry
from booking.models.notices import NoticeState
from booking.verbs import alarms
from booking.verbs.waiting import join, offer_free_places
from tests.clock import standing_still, today_at
from tests.factories import (
    change,
    in_days,
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

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


def test_a_silent_counter_is_one_alarm_whichever_of_its_departments_waits(department, clock):
    """It is told once: the first wait ends, another goes on, and nothing has changed at that counter."""
    other = make_open_department(max_days_ahead=1, alarm_unserved_minutes=0)
    counter, helper = make_counter(departments=[department, other]), make_counter(departments=[department])
    make_walk_in(department=department)
    make_walk_in(department=other)
    clock.move_to(today_at("9.20"))
    alarms.watch()
    first = Alarm.objects.open().filter(counter=counter)
    assert [(one.kind, one.department) for one in first] == [(Kind.SILENT, department)]
    verbs.call_next(counter=helper, by=helper.clerk)
    clock.move_to(today_at("9.21"))
    alarms.watch()
    assert [one.ended_at for one in Alarm.objects.filter(counter=counter)] == [None]
    verbs.call_next(counter=counter, by=counter.clerk)
    alarms.watch()
    assert not Alarm.objects.open().exists()


def test_of_two_open_alarms_about_one_counter_the_second_ends(department, clock):
    """Two workers that looked at once may each have raised it, for another department."""
    other = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department, other])
    make_walk_in(department=department)
    clock.move_to(today_at("9.20"))
    for one in (department, other):
        Alarm.objects.create(kind=Kind.SILENT, department=one, counter=counter, since=timezone.now())
    alarms.watch()
    assert Alarm.objects.open().count() == 1


@pytest.fixture
def notice(department, clock):
    """A message that should leave at 9.00."""
    ticket = make_ticket(department=department)
    Notice.objects.all().delete()
    now = timezone.now()
    expires_at = now + dt.timedelta(hours=1)
    return Notice.objects.create(
        ticket=ticket, kind="nearly", window="test", next_try_at=now, expires_at=expires_at, created_at=now
    )


def test_messages_that_are_stuck(notice, clock):
    for minute, expected in [("9.09", []), ("9.10", [(Kind.MESSAGES, None)]), ("10.00", [])]:
        clock.move_to(today_at(minute))
        alarms.watch()
        assert raised() == expected


@pytest.mark.parametrize(("minutes", "at", "is_raised"), [(25, "9.24", False), (25, "9.25", True), (0, "9.59", False)])
def test_how_long_a_message_may_be_late_is_the_departments(notice, department, clock, minutes, at, is_raised):
    make_open_department(alarm_messages_minutes=1)
    change(department, alarm_messages_minutes=minutes)
    clock.move_to(today_at(at))
    alarms.watch()
    assert bool(raised()) is is_raised


@pytest.mark.parametrize(
    ("minutes", "after", "is_raised"), [(10, 3, False), (10, 4, True), (60, 4, True), (0, 4, False)]
)
def test_an_offer_of_which_nobody_is_told_is_stuck_before_it_lapses(clock, settings, minutes, after, is_raised):
    settings.EMAIL_HOST = "mail.example.org"
    make_offer(alarm_messages_minutes=minutes)
    clock.shift(dt.timedelta(minutes=after))
    alarms.watch()
    assert bool(raised()) is is_raised


def test_an_offer_that_is_told_or_over_is_not_stuck(clock, settings):
    settings.EMAIL_HOST = "mail.example.org"
    entry = make_offer()
    clock.shift(dt.timedelta(minutes=5))
    entry.messages.update(state=NoticeState.TO_TELEPHONE)
    alarms.watch()
    assert raised() == []
    entry.messages.update(state=NoticeState.OWED)
    clock.shift(dt.timedelta(minutes=5))
    alarms.watch()
    assert raised() == []


def make_offer(**fields) -> WaitingEntry:
    """Of a place that came free, to a member with an e-mail address."""
    department = make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(9, 30), max_days_ahead=2, has_waiting_list=True, **fields
    )
    ticket = make_ticket(slot=make_slot(department=department))
    entry = join(member_id=make_member(email="a@example.com").pk, department=department, date=in_days(1))
    verbs.cancel(ticket=ticket)
    Notice.objects.all().delete()
    assert offer_free_places() == 1
    assert entry.messages.owed().count() == 1
    return entry


def test_an_office_may_have_none(department, clock):
    none = dict.fromkeys([field.name for field in Department._meta.fields if field.name.startswith("alarm_")], 0)
    change(department, **none)
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
