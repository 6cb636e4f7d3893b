"""Dates in words: the Buddhist Era in Thai, the Gregorian calendar in English, and always the office's own day."""

import datetime as dt

import pytest
from django.template import Context, Template
from django.utils import translation

from booking import thai
from booking.models import Slot

WEDNESDAY = dt.date(2026, 11, 25)
# 09.00 in Bangkok
MORNING = dt.datetime(2026, 11, 25, 2, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("say", "in_thai", "in_english"),
    [
        (thai.long_date, "วันพุธที่ 25 พฤศจิกายน 2569", "Wednesday 25 November 2026"),
        (thai.short_date, "พ. 25 พ.ย. 2569", "Wed 25 Nov 2026"),
        (thai.weekday, "พุธ", "Wednesday"),
        (thai.month, "พฤศจิกายน 2569", "November 2026"),
        (thai.month_name, "พ.ย.", "Nov"),
    ],
)
def test_a_date_in_the_language_of_the_page(say, in_thai, in_english):
    assert say(WEDNESDAY) == in_thai
    with translation.override("en"):
        assert say(WEDNESDAY) == in_english


def test_a_time_of_day():
    assert thai.clock(MORNING) == "09.00 น."
    assert thai.clock(Slot(starts_at=MORNING)) == "09.00 น."
    with translation.override("en"):
        assert thai.clock(MORNING) == "09:00"


def test_a_leap_day_has_its_year_in_the_buddhist_era():
    # 2571 itself is no leap year by Gregorian counting, so the date cannot be moved there.
    assert thai.long_date(dt.date(2028, 2, 29)) == "วันอังคารที่ 29 กุมภาพันธ์ 2571"


def test_the_day_is_bangkoks():
    late = dt.datetime(2026, 12, 31, 17, 30, tzinfo=dt.UTC)
    assert thai.long_date(late) == "วันศุกร์ที่ 1 มกราคม 2570"


def test_two_digits_of_the_year_are_of_the_era_too():
    assert thai.BuddhistFormat(dt.date(2000, 1, 1)).format("y Y") == "43 2543"


def test_the_filters():
    template = Template("{% load thai %}{{ day|thai_date }} {{ slot|thai_time }}")
    said = template.render(Context({"day": WEDNESDAY, "slot": Slot(starts_at=MORNING)}))
    assert said == "วันพุธที่ 25 พฤศจิกายน 2569 09.00 น."
