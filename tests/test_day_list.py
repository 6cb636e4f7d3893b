"""The day on paper: who is on it, whose, and which day it is."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse

from booking import roles, verbs
from booking.models import StaffDepartment
from tests.clock import MORNING
from tests.factories import in_days, make_holiday, make_open_department, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:booking_ticket_day_list")


@pytest.fixture
def loans():
    return make_open_department(name="ฝ่ายสินเชื่อ", letter="A", closes=dt.time(15, 30))


def shown(client, **asked) -> list[list[str]]:
    page = client.get(PAGE, asked)
    assert page.status_code == 200
    return [[ticket.code for ticket in tickets] for _department, tickets in page.context["sheets"]]


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


def test_a_time_makes_it_print_by_itself_and_show_the_next_day(client, manager, loans):
    page = client.get(PAGE, {"date": f"{in_days(3)}", "at": "16:30"})

    assert 'data-print-at="16:30"' in page.content.decode()
    assert page.context["date"] == in_days(0)
    assert "data-print-at" not in client.get(PAGE, {"date": f"{in_days(3)}", "at": ""}).content.decode()


def test_a_clerk_sees_the_departments_that_are_theirs(client, loans):
    money = make_open_department(name="ฝ่ายการเงิน", letter="B")
    clerk = make_user(group=roles.CLERK)
    StaffDepartment.objects.create(user=clerk, department=money)
    client.force_login(clerk)

    assert [one.name for one, _tickets in client.get(PAGE).context["sheets"]] == ["ฝ่ายการเงิน"]
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
