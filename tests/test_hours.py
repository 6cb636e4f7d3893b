"""Hours and quotas that cannot work are refused where they are typed, with what to do instead."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError

from booking.models import DayException, OpeningHours
from tests.factories import in_days, make_department

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


def exception(**fields):
    fields = {name: in_days(value) if name.endswith("_date") else value for name, value in fields.items()}
    return DayException(**({"first_date": in_days(1), "last_date": in_days(1), "kind": "closed"} | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"starts": dt.time(13)},
        {"ends": dt.time(12)},
        {"kind": "quota", "quota": 2, "starts": dt.time(10, 30), "ends": dt.time(11)},
        {"kind": "hours", "quota": 2, "slot_minutes": 30, "starts": dt.time(9), "ends": dt.time(12)},
    ],
)
def test_ordinary_exceptions_pass(fields):
    exception(**fields).full_clean()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"first_date": 3}, "last_date", "ก่อนวันแรก"),
        ({"last_date": 400}, "last_date", "366"),
        ({"first_date": -2, "last_date": -1}, "last_date", "ผ่านไปแล้ว"),
        ({"starts": dt.time(12), "ends": dt.time(12)}, "ends", "หลังเวลาเริ่ม"),
        ({"kind": "quota"}, "quota", "กรุณากรอก"),
        ({"kind": "quota", "quota": 0}, "quota", "1"),
        ({"kind": "hours", "quota": 2, "slot_minutes": 30}, "starts", "กรุณากรอก"),
        (
            {"kind": "hours", "quota": 2, "slot_minutes": 60, "starts": dt.time(9), "ends": dt.time(9, 30)},
            "slot_minutes",
            "ลดจำนวนนาที",
        ),
        (
            {"kind": "hours", "quota": 200, "slot_minutes": 30, "starts": dt.time(9), "ends": dt.time(12)},
            "quota",
            "500 คิว",
        ),
    ],
)
def test_exceptions_that_cannot_work(fields, field, words):
    assert words in refusal(exception(**fields))[field][0]
