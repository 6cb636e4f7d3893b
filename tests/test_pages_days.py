"""The strip of days: what can be booked, and in words why the rest cannot."""

import datetime as dt
import re

import pytest
from django.urls import reverse

from booking import thai
from booking.days import opening
from booking.models import Place
from tests.factories import in_days, make_department, make_exception, make_holiday, make_open_department, make_ticket
from tests.pages import text

pytestmark = pytest.mark.django_db


def days_page(client, department):
    return client.get(reverse("days", args=[department.slug]))


def boxes(page) -> dict[dt.date, str]:
    """The open boxes' sentences by date."""
    found = re.findall(
        r'<a class="day [^"]*" href="[^"]*/([-\d]+)/"[^>]*>\s*<span class="unseen">([^<]+)', page.content.decode()
    )
    return {dt.date.fromisoformat(date): said for date, said in found}


def test_each_open_day_is_one_sentence_and_leads_to_its_times(client):
    department = make_open_department(quota=1, max_days_ahead=3)
    page = days_page(client, department)
    free = department.slots.filter(date=in_days(2)).count()
    assert boxes(page)[in_days(2)] == f"จองคิว {thai.long_date(in_days(2))} ว่าง {free} คิว"
    assert reverse("times", args=[department.slug, in_days(2)]) in page.content.decode()
    assert "ขั้นตอนที่ 4 จาก 6" in text(page)


def test_grey_days_say_why(client):
    department = make_open_department(quota=1, max_days_ahead=9)
    make_holiday(date=in_days(2), name="วันพ่อแห่งชาติ", name_en="Father's Day")
    make_exception(department, date=in_days(3), quota=0, reason="ประชุมใหญ่")
    make_exception(department, date=in_days(4), quota=0)
    ticket = make_ticket(department=department, days_ahead=5)
    opening.rules_changed()
    Place.objects.filter(slot__date=in_days(5), slot__department=department).exclude(ticket=ticket).delete()

    page = days_page(client, department)
    said = text(page)

    assert f"{thai.long_date(in_days(2))} จองไม่ได้ วันพ่อแห่งชาติ" in said
    assert f"{thai.long_date(in_days(3))} จองไม่ได้ ประชุมใหญ่" in said
    assert f"{thai.long_date(in_days(4))} จองไม่ได้ ปิด" in said
    assert f"{thai.long_date(in_days(5))} จองไม่ได้ เต็ม" in said
    assert not {in_days(2), in_days(3), in_days(4), in_days(5)} & set(boxes(page))


def test_it_goes_as_far_as_the_booking_window(client):
    department = make_open_department(max_days_ahead=5, min_days_ahead=2)
    assert sorted(boxes(days_page(client, department))) == [in_days(2), in_days(3), in_days(4), in_days(5)]


def test_it_starts_with_the_first_day_that_says_something(client):
    department = make_open_department(max_days_ahead=5)
    for days in (0, 1):
        make_exception(department, date=in_days(days), quota=0)
    opening.rules_changed()
    page = days_page(client, department)
    assert thai.long_date(in_days(1)) not in text(page)
    assert re.search(r'day-first" href="[^"]*/([-\d]+)/"', page.content.decode())[1] == str(in_days(2))


def test_an_office_without_a_free_day_says_so(client):
    assert "ช่วงนี้ไม่มีวันว่าง" in text(days_page(client, make_department()))


def test_a_day_page_costs_the_same_however_many_tickets(client, django_assert_max_num_queries):
    department = make_open_department()
    for _ in range(3):
        make_ticket(department=department)
    with django_assert_max_num_queries(4):
        days_page(client, department)


def test_a_long_reason_of_a_closed_day_is_told_in_full_below_the_strip(client):
    department = make_open_department(max_days_ahead=5)
    reason = "ปิดบริการเนื่องจากเจ้าหน้าที่ทั้งหมดไปอบรมการให้บริการผู้สูงอายุที่จังหวัดระยอง ขออภัยในความไม่สะดวก"
    make_exception(department, date=in_days(2), reason=reason)
    make_exception(department, date=in_days(3), reason="ประชุม")
    below = days_page(client, department).content.decode().partition('class="holidays"')[2].partition("</section>")[0]
    assert f"<dd>{reason}</dd>" in below
    assert "ประชุม" not in below
