"""From when until when walk-ins are issued tickets: at the kiosk, through the API, and what they are told outside."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse

from booking import errors, roles, verbs
from booking.days import serving
from booking.models import Ticket
from booking.models.tokens import issue_token
from tests.clock import MORNING
from tests.factories import make_exception, make_open_department, make_user, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock():
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def legal(clock):
    """Open from 8.30 to 15.30 with a break at noon, by the settings that a new department has."""
    return make_open_department(
        slug="legal",
        name="ฝ่ายกฎหมาย",
        break_starts=dt.time(12),
        break_ends=dt.time(13),
        walk_ins_minutes_before_opening=30,
        max_days_ahead=1,
    )


def at(hour, minute=0, second=0):
    return MORNING.replace(hour=hour, minute=minute, second=second)


@pytest.mark.parametrize("moment", [at(7, 18), at(7, 59, 59), at(15, 30), at(16, 5)])
def test_before_and_after_its_hours_no_ticket_is_issued(clock, legal, moment):
    clock.move_to(moment)

    with pytest.raises(errors.WalkInsClosed) as refusal:
        make_walk_in(department=legal)

    assert str(refusal.value) == "วันนี้ฝ่ายนี้ออกบัตรคิวหน้าสำนักงานตั้งแต่ 08.00 น. ถึง 15.30 น."
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("moment", [at(8), at(12, 30), at(15, 29, 59)])
def test_within_its_hours_a_ticket_is_issued_over_the_break_too(clock, legal, moment):
    clock.move_to(moment)
    assert make_walk_in(department=legal).due_at == moment


def test_the_department_says_how_long_before_closing(clock, legal):
    legal.walk_ins_minutes_before_closing = 20
    legal.save()
    clock.move_to(at(15, 9))
    make_walk_in(department=legal)
    clock.move_to(at(15, 10))
    with pytest.raises(errors.WalkInsClosed):
        make_walk_in(department=legal)


def test_what_was_issued_under_a_key_is_shown_after_closing(clock, legal):
    clock.move_to(at(15, 29))
    ticket = make_walk_in(department=legal, key="the same")
    clock.move_to(at(15, 31))
    assert make_walk_in(department=legal, key="the same") == ticket


def test_the_kiosk_says_why_there_is_nothing_to_tap(client, clock, legal):
    client.force_login(make_user(group=roles.CLERK))
    address = reverse("kiosk_issue", args=["legal"])

    page = client.get(reverse("kiosk"))
    assert "ฝ่ายกฎหมาย เริ่มออกบัตรคิว 08.00 น." in text(page)
    assert address not in page.content.decode()

    clock.move_to(at(8))
    assert address in client.get(reverse("kiosk")).content.decode()

    clock.move_to(at(15, 30))
    page = client.get(reverse("kiosk"))
    assert "ฝ่ายกฎหมาย วันนี้เลิกออกบัตรคิวแล้ว ตั้งแต่ 15.30 น." in text(page)
    assert address not in page.content.decode()

    refused = client.post(address, {"key": "0b5f1f5e-6f0c-4f7e-9a53-2f6f5a3f9b11", "member_number": "123"})
    assert refused.status_code == 422
    assert "ตั้งแต่ 08.00 น. ถึง 15.30 น." in text(refused)
    assert 'value="123"' in refused.content.decode()


def test_the_api_refuses_with_the_same_words(client, clock, legal):
    token = issue_token(make_user(group=roles.CLERK))
    headers = {"Authorization": f"Token {token}", "Idempotency-Key": "0b5f1f5e-6f0c-4f7e-9a53-2f6f5a3f9b11"}

    answer = client.post("/api/v1/walk-ins/", {"department": "legal"}, "application/json", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "walk_ins_closed")
    assert "08.00 น. ถึง 15.30 น." in answer.json()["message"]


def test_a_closed_day_is_closed_whatever_the_hour(clock, legal):
    clock.move_to(at(10))
    make_exception(legal, date=MORNING.date(), quota=0)
    with pytest.raises(errors.DayClosed):
        verbs.walk_in(department=legal, by=None)


def test_when_departments_serve(clock, legal):
    monday, tuesday = MORNING.date(), MORNING.date() + dt.timedelta(days=1)
    make_exception(legal, date=tuesday, quota=0)

    assert serving.serving_periods(monday) == {legal.pk: [(at(8, 30), at(12)), (at(13), at(15, 30))]}
    assert serving.serving_periods(tuesday) == {}
    between = serving.serving_periods_between(monday, tuesday + dt.timedelta(days=1))
    assert list(between[legal.pk]) == [monday, tuesday + dt.timedelta(days=1)]
