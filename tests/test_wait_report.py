"""The wait that members were told, beside what it became: kept with each ticket, and shown to staff."""

import datetime as dt

import pytest
from django.urls import reverse

from booking import roles, verbs
from booking.admin.waits import plot
from booking.calling import accuracy
from booking.models import Ticket, WaitPrediction
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_topic, make_user, make_walk_in

pytestmark = pytest.mark.django_db

MORNING = today_at("9.00")
TODAY = MORNING.date()


clock = standing_still(MORNING)


@pytest.fixture
def department(clock):
    return make_open_department(letter="A", name="ฝ่ายสินเชื่อ", usual_service_minutes=10)


def called_after(clock, counter, *minutes):
    """Walk-ins who come together; each is called so many minutes after the one before."""
    department = counter.departments.get()
    tickets = [make_walk_in(department=department) for _ in minutes]
    for wait in minutes:
        clock.shift(dt.timedelta(minutes=wait))
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.miss(counter=counter, by=counter.clerk)
    return tickets


def test_a_wait_is_told_on_arrival_and_ends_at_the_first_call(clock, department):
    counter = make_counter(departments=[department])
    first, second = called_after(clock, counter, 3, 12)
    verbs.come_back(ticket=first, by=counter.clerk)
    clock.shift(dt.timedelta(minutes=30))
    verbs.call_next(counter=counter, by=counter.clerk)  # the first one again: counts no more

    told = [(row.low, row.high) for row in WaitPrediction.objects.order_by("ticket")]
    assert [(wait.low, wait.high) for wait in accuracy.waits(TODAY, TODAY)] == told
    assert [wait.actual for wait in accuracy.waits(TODAY, TODAY)] == [3, 15]


def test_who_was_never_called_and_other_days_do_not_count(clock, department):
    counter = make_counter(departments=[department])
    make_walk_in(department=department)
    assert accuracy.waits(TODAY, TODAY) == []
    called_after(clock, counter, 1)

    assert len(accuracy.waits(TODAY, TODAY)) == 1
    assert accuracy.waits(TODAY + dt.timedelta(days=1), TODAY + dt.timedelta(days=9)) == []
    assert accuracy.waits(TODAY, TODAY, department=make_open_department()) == []


def test_those_of_one_topic(clock, department):
    counter = make_counter(departments=[department])
    about, _other = called_after(clock, counter, 3, 12)
    topic = make_topic(department=department)
    Ticket.objects.filter(pk=about.pk).update(topic=topic)

    assert [wait.actual for wait in accuracy.waits(TODAY, TODAY, topic=topic.pk)] == [3]


def test_the_figures():
    waits = [
        accuracy.Wait(TODAY, 1, low=0, high=10, actual=10),  # told 5, five too long, and still within
        accuracy.Wait(TODAY, 1, low=10, high=20, actual=5),  # told 15, ten too short
        accuracy.Wait(TODAY - dt.timedelta(days=1), 2, low=10, high=20, actual=21),
    ]

    assert accuracy.accuracy(waits[:2]) == accuracy.Accuracy(
        count=2, share_within=0.5, share_below=0.5, told=10, actual=7.5, error=-2.5, distance=7.5
    )
    assert accuracy.accuracy([]) is None
    assert list(accuracy.by(waits, "date")) == [TODAY - dt.timedelta(days=1), TODAY]
    assert {pk: found.count for pk, found in accuracy.by(waits, "department_id").items()} == {1: 2, 2: 1}


def test_the_report_shows_them_by_department_and_day(client, clock, department, django_assert_max_num_queries):
    called_after(clock, make_counter(departments=[department]), 4, 30, 10)
    other = make_open_department(letter="B", name="ฝ่ายการเงิน")
    called_after(clock, make_counter(departments=[other]), 2)
    client.force_login(make_user(group=roles.MANAGER))

    with django_assert_max_num_queries(12):
        page = client.get(reverse("admin:booking_waitprediction_changelist"))

    assert page.status_code == 200
    assert {of.name: found.count for of, found in page.context["by_department"]} == {"ฝ่ายสินเชื่อ": 3, "ฝ่ายการเงิน": 1}
    assert page.context["total"].count == 4
    assert [(date, found.count) for date, found in page.context["by_day"]] == [(TODAY, 4)]
    assert page.text.count("<circle") == 4
    assert "บอกไว้ (นาที)" in page.text and "รอจริง (นาที)" in page.text

    one = client.get(reverse("admin:booking_waitprediction_changelist"), {"department": other.pk, "days": 1})
    assert [found.count for _, found in one.context["by_day"]] == [1]
    odd = client.get(reverse("admin:booking_waitprediction_changelist"), {"department": "x", "days": "999"})
    assert odd.context["scope"] == {"days": 7, "department": None}


def test_a_day_without_waits_has_no_plot_and_no_fault(client, department):
    client.force_login(make_user(group=roles.CLERK))

    page = client.get(reverse("admin:booking_waitprediction_changelist"))

    assert page.status_code == 200
    assert "<svg viewBox" not in page.text
    assert "ยังไม่มีผู้ที่ถูกเรียกในช่วงนี้" in page.text


def test_it_is_for_staff_who_may_see_it(client, department):
    client.force_login(make_user())
    assert client.get(reverse("admin:booking_waitprediction_changelist")).status_code == 403


@pytest.mark.parametrize("longest, most", [(0.2, 1), (5, 5), (13, 15), (29, 30), (61, 75), (700, 720), (5000, 5004)])
def test_the_axes_reach_just_past_the_longest_wait(longest, most):
    drawn = plot([accuracy.Wait(TODAY, 1, low=0, high=0, actual=longest)])

    assert drawn.most == most
    assert 2 <= len(drawn.across) <= 8
    [(x, y)] = drawn.dots
    assert x == drawn.left
    assert drawn.top <= y < drawn.bottom
