"""All days that can be seen stand as a calendar beside the strip; and pages without anybody's data may be kept."""

import re

import pytest
from django.urls import reverse

from tests.factories import make_holiday, make_open_department
from tests.pages import confirm_name

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(max_days_ahead=40)


def test_each_day_of_the_strip_stands_in_the_calendar_under_its_weekday(client, department):
    make_holiday(days_ahead=3, name="วันหยุดที่มีชื่อยาวมากจนเกินกล่องในปฏิทิน")
    answer = client.get(reverse("days", args=[department.slug]))
    glance = re.search(r'<details class="glance">.*?</details>', answer.text, re.S)[0]
    days = answer.context["days"]
    assert len(days) > 35 and len(re.findall(r"<li", glance)) == len(days)
    assert "วันหยุดที่มีชื่อยาวมากจนเกินกล่องในปฏิทิน" in glance, "a closed day says why"
    for day in days:
        address = reverse("times", args=[department.slug, day.date])
        assert (f'href="{address}' in glance) == (day.state == "open")
    first = days[0].date
    assert f"from-{first.isoweekday() % 7}" in glance
    assert glance.count("<h") == len({(day.date.year, day.date.month) for day in days})


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
