"""What a day and a slot look like to a member."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone, translation

from booking.days import availability, opening
from booking.days.availability import DayState, TimeState
from tests.factories import in_days, make_exception, make_holiday, make_open_department, make_slot, make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def early_on_a_monday():
    with time_machine.travel("2026-11-23T00:00:00Z", tick=False):  # 07.00 in Bangkok
        yield


def state(department, days_ahead):
    return availability.day(department, in_days(days_ahead)).state


def test_an_open_day_says_how_many_places_are_left():
    department = make_open_department(quota=4, opens=dt.time(9), closes=dt.time(10))
    make_ticket(slot=make_slot(department=department))

    day = availability.day(department, in_days(1))

    assert (day.state, day.free, day.reason) == (DayState.OPEN, 7, "")


def test_a_holiday_says_its_name_in_the_language_of_the_page():
    department = make_open_department()
    make_holiday(date=in_days(1), name="วันพ่อแห่งชาติ", name_en="Father's Day")

    assert availability.day(department, in_days(1)).reason == "วันพ่อแห่งชาติ"
    with translation.override("en"):
        assert availability.day(department, in_days(1)).reason == "Father's Day"


def test_where_nothing_was_laid_out_for_long_today_is_over_once_it_is():
    department = make_open_department(opens=dt.time(9), closes=dt.time(10))
    for hour, said in (("09:30", DayState.NOT_YET), ("10:00", DayState.PAST)):
        with time_machine.travel(f"2026-12-05T{hour}+07:00", tick=False):
            assert state(department, 0) == said  # nothing has been laid out since
    with time_machine.travel("2026-12-05T17:00+07:00", tick=False):
        opening.rules_changed()
        today = availability.day(department, in_days(0))
        assert (today.state, today.reason) == (DayState.PAST, "หมดเวลาจอง")
        assert state(department, 1) == DayState.OPEN


def test_full_closed_past_and_not_yet_are_told_apart():
    department = make_open_department(
        weekdays=range(5), max_days_ahead=8, quota=1, opens=dt.time(9), closes=dt.time(9, 30)
    )
    make_ticket(slot=make_slot(department=department, days_ahead=1))
    make_exception(department, date=in_days(2), quota=0, reason="ประชุมใหญ่")

    assert state(department, -1) == DayState.PAST
    assert state(department, 0) == DayState.OPEN
    assert state(department, 1) == DayState.FULL
    assert availability.day(department, in_days(2)).reason == "ประชุมใหญ่"
    assert state(department, 2) == DayState.CLOSED
    assert state(department, 5) == DayState.CLOSED
    assert state(department, 8) == DayState.OPEN
    assert state(department, 9) == DayState.NOT_YET


def test_today_is_past_once_the_last_slot_can_no_longer_be_booked():
    department = make_open_department(opens=dt.time(9), closes=dt.time(10), closes_minutes_before=30)

    with time_machine.travel("2026-11-23T02:00:00Z", tick=False):
        assert state(department, 0) == DayState.PAST


def test_times_tell_full_and_past_from_free():
    department = make_open_department(quota=1, opens=dt.time(9), closes=dt.time(11), closes_minutes_before=30)
    make_ticket(slot=make_slot(department=department, days_ahead=0, nth=3))

    with time_machine.travel("2026-11-23T01:45:00Z", tick=False):  # 08.45
        states = [time.state for time in availability.times(department, in_days(0))]

    assert states == [TimeState.PAST, TimeState.OPEN, TimeState.OPEN, TimeState.FULL]


def test_a_closed_slot_is_left_out_of_the_times():
    department = make_open_department(opens=dt.time(9), closes=dt.time(10))
    make_exception(department, date=in_days(1), start=dt.time(9), quota=0)

    starts = [timezone.localtime(time.start).time() for time in availability.times(department, in_days(1))]

    assert starts == [dt.time(9, 30)]


def test_the_number_of_queries_is_fixed(django_assert_num_queries):
    department = make_open_department(max_days_ahead=60)
    for nth in range(5):
        make_ticket(slot=make_slot(department=department, nth=nth))

    with django_assert_num_queries(2):
        availability.days(department, in_days(0), in_days(60))
    with django_assert_num_queries(1):
        availability.times(department, in_days(1))
