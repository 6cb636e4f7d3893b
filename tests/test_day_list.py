"""The day on paper: who is on it, whose, and which day it is."""

import datetime as dt

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from booking import roles, verbs
from booking.models import StaffDepartment
from tests.clock import MORNING
from tests.factories import (
    in_days,
    make_holiday,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
    make_user,
)
from tests.pages import text

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:booking_ticket_day_list")


@pytest.fixture
def loans():
    return make_open_department(name="ฝ่ายสินเชื่อ", letter="A", closes=dt.time(15, 30))


def shown(client, **asked) -> list[list[str]]:
    page = client.get(PAGE, asked)
    assert page.status_code == 200
    return [[ticket.code for ticket in tickets] for _department, tickets, _topics in page.context["sheets"]]


def test_those_who_come_in_the_order_of_the_day_with_masked_names(client, manager, loans):
    late, early, gone = (make_ticket(department=loans, days_ahead=0, nth=nth) for nth in (4, 3, 5))
    verbs.cancel(ticket=gone, by=manager)
    make_ticket(department=loans, days_ahead=1)

    assert shown(client) == [[early.code, late.code]]
    page = text(client.get(PAGE))
    assert early.member.masked_name in page
    assert early.member.full_name not in page


@pytest.mark.parametrize(("clock", "days"), [((7, 30), 0), ((15, 29), 0), ((15, 31), 1)])
def test_it_is_today_until_the_last_department_closes(client, loans, clock, days):
    with time_machine.travel(MORNING.replace(hour=clock[0], minute=clock[1]), tick=False):
        client.force_login(make_user(group=roles.MANAGER))
        assert client.get(PAGE).context["date"] == (MORNING + dt.timedelta(days=days)).date()


def test_the_next_day_is_one_on_which_somebody_serves(client, loans):
    make_holiday(date=in_days(1))
    with time_machine.travel(MORNING.replace(hour=18)):
        client.force_login(make_user(group=roles.MANAGER))
        assert client.get(PAGE).context["date"] == in_days(2)


def test_a_day_that_is_asked_for_and_a_department(client, manager, loans):
    money = make_open_department(name="ฝ่ายการเงิน", letter="B")
    ticket = make_ticket(department=money, days_ahead=2)

    assert shown(client, date=f"{in_days(2)}") == [[], [ticket.code]]
    assert shown(client, date=f"{in_days(2)}", department=money.pk) == [[ticket.code]]


def test_a_time_makes_it_print_by_itself_what_is_to_come_then(client, manager, loans):
    page = client.get(PAGE, {"date": f"{in_days(3)}", "at": "16:30"})

    assert 'data-print-at="16:30"' in page.content.decode()
    assert page.context["date"] == in_days(1), "the department closes at 15.30"
    assert client.get(PAGE, {"at": "15:00"}).context["date"] == in_days(0)
    assert "data-print-at" not in client.get(PAGE, {"date": f"{in_days(3)}", "at": ""}).content.decode()


def kept(key) -> HttpResponse:
    """What a page that waits to print is answered, without a session."""
    return Client().get(reverse("kept_day_list"), headers={"Authorization": f"DayList {key}"})


@pytest.fixture
def key(client, manager, loans):
    return client.get(PAGE, {"at": "16:30"}).context["key"]


def test_its_key_opens_the_list_of_that_day_alone(key, loans):
    theirs = make_ticket(department=loans, days_ahead=1)
    make_ticket(department=loans, days_ahead=2)

    page = kept(key)
    (_department, tickets, _has_topics) = page.context["sheets"][0]
    assert tickets == [theirs]
    assert theirs.member.full_name not in page.text
    assert Client().get(PAGE, headers={"Authorization": f"DayList {key}"}).status_code == 302
    assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize("sent", ["", "x", "DayList ", "DayList x", "DayList ก", "Bearer x"])
def test_without_a_key_it_opens_to_nobody(client, manager, loans, sent):
    headers = {"Authorization": sent.encode().decode("latin-1")}
    assert client.get(reverse("kept_day_list"), headers=headers).status_code == 403


@pytest.mark.parametrize("what", ["the day is over", "new password", "no longer staff", "other secret", "no right"])
def test_its_key_ends(key, manager, settings, what):
    assert kept(key).status_code == 200
    if what == "new password":
        manager.set_password("another-one-2569")
    if what == "no right":
        manager.groups.clear()
    manager.is_active = what != "no longer staff"
    manager.save()
    if what == "other secret":
        settings.SECRET_KEY = "another"
    later = MORNING.replace(hour=1) + dt.timedelta(days=1)
    with time_machine.travel(later if what == "the day is over" else MORNING):
        assert kept(key).status_code == 403


def test_its_key_shows_the_departments_that_are_still_theirs(client, loans):
    money = make_open_department(name="ฝ่ายการเงิน", letter="B")
    clerk = make_user(group=roles.CLERK)
    StaffDepartment.objects.create(user=clerk, department=money)
    client.force_login(clerk)
    key = client.get(PAGE, {"at": "16:30", "department": money.pk}).context["key"]

    StaffDepartment.objects.filter(user=clerk).update(department=loans)
    assert [one[0] for one in kept(key).context["sheets"]] == []


def test_topics_stand_on_the_list_of_a_department_that_has_them(client, manager, loans):
    money = make_open_department(name="ฝ่ายการเงิน", letter="B")
    topic = make_topic(department=loans, name="ขอกู้สามัญ", minutes=25)
    make_topic(department=loans, name="ขอดูยอด")
    slot = make_slot(department=loans, days_ahead=0, nth=4)
    verbs.book(member_id=make_member().pk, slot_id=slot.pk, key="with a topic", topic_id=topic.pk)
    make_ticket(department=money, days_ahead=0, nth=4)

    page = client.get(PAGE)
    assert "ขอกู้สามัญ (25 นาที)" in text(page)
    assert [has_topics for _department, _tickets, has_topics in page.context["sheets"]] == [True, False]
    assert page.text.count('<th scope="col">เรื่อง</th>') == 1


def test_a_clerk_sees_the_departments_that_are_theirs(client, loans):
    money = make_open_department(name="ฝ่ายการเงิน", letter="B")
    clerk = make_user(group=roles.CLERK)
    StaffDepartment.objects.create(user=clerk, department=money)
    client.force_login(clerk)

    assert [one.name for one, *_ in client.get(PAGE).context["sheets"]] == ["ฝ่ายการเงิน"]
    refused = client.get(PAGE, {"department": loans.pk})
    assert "department" in refused.context["form"].errors


@pytest.mark.parametrize("asked", [{"date": "x"}, {"department": "x\0"}, {"at": "25:00"}, {"date": "9999999-01-01"}])
def test_a_question_that_is_none_is_told(client, manager, loans, asked):
    page = client.get(PAGE, asked)

    assert page.status_code == 200
    assert page.context["form"].errors


def test_who_sees_no_tickets_and_who_writes(client):
    client.force_login(make_user(group=roles.KIOSK))
    assert client.get(PAGE).status_code in (302, 403)
    client.force_login(make_user(group=roles.MANAGER))
    assert client.post(PAGE).status_code == 405


def test_it_takes_as_many_queries_for_many_tickets_as_for_one(client, manager, loans, django_assert_max_num_queries):
    for nth in range(6):
        make_ticket(department=loans, days_ahead=0, nth=nth + 2)

    with django_assert_max_num_queries(16):
        shown(client)
