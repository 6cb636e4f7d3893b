"""All days that can be seen stand as a calendar beside the strip; and pages without anybody's data may be kept."""

import re
from itertools import dropwhile

import pytest
from django.urls import reverse

from booking import verbs
from booking.days import availability
from booking.models import Slot
from booking.views import calendar
from tests.factories import in_days, make_holiday, make_member, make_open_department
from tests.pages import confirm_name

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(max_days_ahead=40)


def test_each_day_of_the_strip_stands_in_the_calendar_under_its_weekday(client, department):
    make_holiday(days_ahead=3, name="วันหยุดที่มีชื่อยาวมากจนเกินกล่องในปฏิทิน")
    answer = client.get(reverse("days", args=[department.slug]))
    glance = re.search(r'<details class="glance">.*?</details>', answer.text, re.S)[0]
    window = availability.days(department, *availability.booking_window(department))
    days = list(dropwhile(lambda day: day.state in calendar.NOT_WORTH_STARTING_WITH, window))
    assert len(days) > 35 and len(re.findall(r"<li", glance)) == len(days)
    assert "วันหยุดที่มีชื่อยาวมากจนเกินกล่องในปฏิทิน" in glance, "a closed day says why"
    for day in days:
        address = reverse("times", args=[department.slug, day.date])
        assert (f'href="{address}' in glance) == (day.state == "open")
    first = days[0].date
    assert f"from-{first.isoweekday() % 7}" in glance
    assert glance.count("<h") == len({(day.date.year, day.date.month) for day in days})


def test_the_strip_is_drawn_once_until_a_booking_or_the_language_changes_it(client, department):
    def strip():
        return client.get(reverse("days", args=[department.slug])).context["strip"]

    first, before = strip(), calendar._drawn.cache_info().misses
    assert strip() == first
    assert calendar._drawn.cache_info().misses == before

    slot = Slot.objects.filter(department=department, date=in_days(2)).first()
    verbs.book(member_id=make_member().pk, slot_id=slot.pk, key="one")
    days_before = calendar._day_drawn.cache_info().misses
    booked = strip()
    assert calendar._day_drawn.cache_info().misses == days_before + 1, "of the days, the one that was booked"
    client.cookies["django_language"] = "en"
    assert "จองคิว" in booked != first
    assert "จองคิว" not in strip()
    assert calendar._drawn.cache_info().misses == before + 2


@pytest.mark.parametrize("name", ["home", "guide", "status", "identify", "days"])
def test_a_page_without_anybodys_data_may_be_kept_by_the_browser_alone(client, department, name):
    page = reverse(name, args=[department.slug] if name in ("identify", "days") else [])
    kept = client.get(page)["Cache-Control"]
    assert "no-store" not in kept and "private" in kept and "no-cache" in kept


def test_a_page_that_knows_somebody_is_not_kept(client, department):
    confirm_name(client, department)
    for page in (reverse("days", args=[department.slug]), reverse("tickets")):
        assert "no-store" in client.get(page)["Cache-Control"]
    refused = client.post(reverse("identify", args=[department.slug]), {"by": "member_number", "member_number": "x"})
    assert "no-store" in refused["Cache-Control"]
