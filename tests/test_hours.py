"""Hours and quotas that cannot work are refused where they are typed, with what to do instead."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError

from booking.models import OpeningHours, QuotaOverride
from tests.factories import in_days, make_department, make_open_department, make_slot

pytestmark = pytest.mark.django_db


def refusal(row) -> dict:
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    return refused.value.message_dict


def hours(**fields):
    defaults = {"opens": dt.time(8, 30), "closes": dt.time(15, 30), "weekday": 0}
    return OpeningHours(department=make_department(), **(defaults | fields))


def test_ordinary_hours_pass():
    hours(break_starts=dt.time(12), break_ends=dt.time(13)).full_clean()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"closes": dt.time(8)}, "closes", "หลังเวลาเปิด"),
        ({"break_starts": dt.time(12)}, "break_ends", "ให้ครบ"),
        ({"break_ends": dt.time(12)}, "break_starts", "ให้ครบ"),
        ({"break_starts": dt.time(7), "break_ends": dt.time(9)}, "break_starts", "ระหว่างเวลาเปิดและเวลาปิด"),
        ({"break_starts": dt.time(13), "break_ends": dt.time(12)}, "break_starts", "ระหว่างเวลาเปิดและเวลาปิด"),
        ({"closes": dt.time(9), "slot_minutes": 60}, "slot_minutes", "ลดจำนวนนาที"),
        ({"quota": 40}, "quota", "500 คิว"),
    ],
)
def test_hours_that_cannot_work(fields, field, words):
    found = refusal(hours(**fields))

    assert words in found[field][0]


def override(department, **fields):
    return QuotaOverride(department=department, **({"date": in_days(1), "quota": 2} | fields))


def test_an_ordinary_override_passes():
    department = make_open_department()
    override(department).full_clean()
    override(department, start=dt.time(9), quota=make_slot(department=department).room).full_clean()


def test_a_quota_beyond_the_numbers_of_a_slot_says_how_many_fit():
    department = make_open_department(quota=4)
    room = make_slot(department=department).room

    assert f"ไม่เกิน {room} คิว" in refusal(override(department, quota=room + 1))["quota"][0]


def test_a_quota_beyond_the_numbers_of_a_day_not_laid_out_yet():
    department = make_open_department(max_days_ahead=1)

    assert "500 คิว" in refusal(override(department, date=in_days(40), quota=100))["quota"][0]


def test_a_time_at_which_no_slot_starts_is_told_with_those_that_do():
    department = make_open_department(opens=dt.time(9), closes=dt.time(10))

    assert "09.00 09.30" in refusal(override(department, start=dt.time(9, 15)))["start"][0]


def test_a_weekday_without_hours():
    department = make_open_department(weekdays=[])

    assert "เวลาทำการ" in refusal(override(department))["date"][0]


def test_a_day_gone_by():
    department = make_open_department()

    assert "ผ่านไปแล้ว" in refusal(override(department, date=in_days(-1)))["date"][0]
