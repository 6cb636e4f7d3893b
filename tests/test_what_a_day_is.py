"""What the rules make of a day, by example: the order in which exceptions count, and what everyone then reads."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from booking.admin.exceptions import times_in_words
from booking.days import availability, opening, overview
from booking.days.availability import DayState
from booking.days.rules import without_walk_ins
from booking.models import DepartmentDay, Slot
from booking.verbs import closures
from tests.factories import (
    change,
    in_days,
    make_exception,
    make_holiday,
    make_open_department,
    make_slot,
    make_ticket,
)

pytestmark = pytest.mark.django_db

MORNING, NOON, EVENING = dt.time(9), dt.time(12), dt.time(16)


@pytest.fixture
def department():
    """Open from 09.00 until 16.00, four turns in each half hour."""
    return make_open_department(opens=MORNING, closes=EVENING, quota=4, max_days_ahead=40)


def quotas(department, days_ahead=1) -> dict[str, int]:
    """The turns of each slot that has some, by its start."""
    slots = Slot.objects.of_day(department, in_days(days_ahead)).filter(quota__gt=0)
    return {f"{timezone.localtime(slot.starts_at):%H.%M}": slot.quota for slot in slots}


def serving(department, days_ahead=1) -> list[str]:
    day = department.days.get(date=in_days(days_ahead))
    return [f"{starts:%H.%M}-{ends:%H.%M}" for starts, ends in day.hours]


def test_a_time_of_its_own_stays_as_it_is_when_its_whole_day_is_closed_and_all_agree(department, client):
    make_exception(department, start=dt.time(11), quota=4)
    at_eleven = make_ticket(slot=make_slot(department=department, nth=4))
    at_nine = make_ticket(slot=make_slot(department=department, nth=0))

    make_exception(department, quota=0, reason="ประชุม")

    day = f"{in_days(1):%Y-%m-%d}"
    assert quotas(department) == {"11.00": 4}
    assert serving(department) == ["11.00-11.30"]
    assert availability.day(department, in_days(1)).state == DayState.OPEN
    [in_api] = client.get(f"/api/v1/departments/{department.slug}/days/?from={day}&to={day}").json()
    assert (in_api["state"], in_api["free"]) == ("open", 3)
    [time] = client.get(f"/api/v1/departments/{department.slug}/days/{day}/slots/").json()
    assert time["id"] == at_eleven.slot_id
    [of_office] = overview.days([department], in_days(1), in_days(1))
    assert of_office.rows[department.pk].is_open
    assert list(closures.stranded()) == [at_nine]


def test_closed_all_month_but_open_on_one_day(department):
    make_exception(days_ahead=1, until=in_days(30), reason="ปรับปรุงอาคาร")
    make_exception(department, days_ahead=5, hours=(MORNING, NOON), quota=2)

    assert quotas(department, 4) == {}
    assert availability.day(department, in_days(4)).reason == "ปรับปรุงอาคาร"
    assert quotas(department, 5) == dict.fromkeys(["09.00", "09.30", "10.00", "10.30", "11.00", "11.30"], 2)
    assert serving(department, 5) == ["09.00-12.00"]


def test_a_single_date_of_the_office_does_not_displace_what_a_department_said_of_itself(department):
    make_exception(department, days_ahead=1, until=in_days(30))
    make_exception(days_ahead=5, hours=(MORNING, NOON))

    assert quotas(department, 5) == {}


@pytest.mark.parametrize("first", ["closed", "quota"])
def test_of_the_same_stretch_the_kind_decides_whichever_came_first(department, first):
    for quota in (0, 2) if first == "closed" else (2, 0):
        make_exception(department, quota=quota)

    assert quotas(department) == {}


def test_other_hours_count_before_so_many_turns(department):
    make_exception(department, hours=(dt.time(10), dt.time(11)), quota=3)
    make_exception(department, quota=1)

    assert quotas(department) == {"10.00": 3, "10.30": 3}


def test_a_departments_own_counts_before_the_offices_and_then_the_newest(department):
    make_exception(department, quota=2)
    make_exception(quota=1)
    assert set(quotas(department).values()) == {2}

    make_exception(department, quota=3)
    assert set(quotas(department).values()) == {3}


def test_one_afternoon_of_many_departments_is_one_exception(department):
    others = [make_open_department(opens=MORNING, closes=EVENING) for _ in range(4)]
    untouched = make_open_department(opens=MORNING, closes=EVENING)

    make_exception(department, *others, starts=dt.time(13), reason="ประชุมใหญ่")

    for one in [department, *others]:
        assert serving(one) == ["09.00-13.00"]
        assert max(quotas(one)) == "12.30"
        assert one.days.get(date=in_days(1)).why == "ประชุมใหญ่"
    assert serving(untouched) == ["09.00-16.00"]


def test_one_saturday_can_be_opened():
    saturday = next(nth for nth in range(1, 8) if in_days(nth).weekday() == 5)
    department = make_open_department(weekdays=range(5), max_days_ahead=10)
    assert availability.day(department, in_days(saturday)).state == DayState.CLOSED

    make_exception(department, days_ahead=saturday, hours=(MORNING, NOON), quota=2)

    assert availability.day(department, in_days(saturday)).state == DayState.OPEN
    assert serving(department, saturday) == ["09.00-12.00"]


def test_a_holiday_may_be_half_a_day(department):
    make_holiday(days_ahead=1, name="ครึ่งบ่าย", starts=NOON)
    make_holiday(days_ahead=2, name="ครึ่งเช้า", ends=NOON)

    assert serving(department, 1) == ["09.00-12.00"]
    assert serving(department, 2) == ["12.00-16.00"]
    assert availability.day(department, in_days(1)).state == DayState.OPEN


def test_an_exception_stays_in_force_when_the_slots_change_and_blocks_no_later_change(department):
    make_exception(department, start=dt.time(10, 30), quota=1)
    department.hours.update(slot_minutes=45)
    opening.rules_changed([department])

    assert quotas(department)["10.30"] == 1

    department.hours.update(slot_minutes=60)
    opening.rules_changed([department])

    assert quotas(department)["10.00"] == 1
    assert quotas(department)["11.00"] == 4


def test_a_ticket_whose_minute_is_still_served_is_not_in_a_closed_time(department):
    kept = make_ticket(slot=make_slot(department=department, nth=1))  # 09.30
    closed = make_ticket(slot=make_slot(department=department, nth=13))  # 15.30

    department.hours.update(slot_minutes=60, closes=dt.time(15))
    opening.rules_changed([department])

    kept.slot.refresh_from_db()
    assert kept.slot.quota == 0, "no slot starts at 09.30 any more"
    assert list(closures.stranded()) == [closed]


@pytest.mark.whole_year
def test_hours_that_begin_later():
    department = make_open_department(opens=MORNING, closes=NOON, max_days_ahead=20)
    for rule in department.hours.all():
        rule.pk, rule.from_date = None, in_days(10)
        rule.opens, rule.closes = dt.time(13), EVENING
        rule.save()
    opening.rules_changed([department])

    assert serving(department, 9) == ["09.00-12.00"]
    assert serving(department, 10) == serving(department, 300) == ["13.00-16.00"]


@pytest.mark.whole_year
def test_a_day_beyond_the_booking_window_is_not_open_yet_and_says_already_that_it_is_closed(department):
    make_exception(department, days_ahead=200, reason="สัมมนา")

    assert availability.day(department, in_days(199)).state == DayState.NOT_YET
    found = availability.day(department, in_days(200))
    assert (found.state, found.reason) == (DayState.CLOSED, "สัมมนา")


@pytest.mark.parametrize(
    ("turns", "percent", "booked"),
    [
        ([1] * 10, 10, 9),
        ([1], 10, 1),
        ([1] * 14, 50, 7),
        ([4] * 14, 25, 42),
        ([4, None, 4], 50, 4),
        ([3, 3], 100, 0),
        ([3, 3], 0, 6),
        ([5, 1, 1], 20, 6),
        ([], 30, 0),
    ],
)
def test_the_share_of_walk_ins_is_taken_from_the_day_as_a_whole(turns, percent, booked):
    found = without_walk_ins(turns, percent)

    assert sum(found) == booked
    assert all(0 <= one <= (most or 0) for one, most in zip(found, turns, strict=True))


def test_what_is_left_for_walk_ins_is_spread_over_the_day():
    assert without_walk_ins([1] * 6, 50) == [0, 1, 0, 1, 0, 1]


def test_ten_percent_of_slots_with_one_turn_each_does_not_close_the_department():
    department = make_open_department(quota=1)
    change(department, walk_in_percent=10)

    assert availability.day(department, in_days(1)).free == 13
    assert department.days.get(date=in_days(1)).is_open


def test_a_department_that_keeps_all_turns_for_walk_ins_is_open_and_says_so(client):
    department = make_open_department(walk_in_percent=100)

    assert department.days.get(date=in_days(0)).is_open
    found = availability.day(department, in_days(1))
    assert (found.state, found.reason) == (DayState.CLOSED, "ไม่เปิดให้จองล่วงหน้า")


def test_an_exception_in_words(department):
    assert times_in_words(make_exception(department)) == "ทั้งวัน"
    assert times_in_words(make_exception(department, starts=dt.time(13))) == "ตั้งแต่ 13.00 น."
    assert times_in_words(make_exception(department, ends=dt.time(13))) == "ถึง 13.00 น."


def test_rows_are_written_only_where_they_differ(department):
    pks = set(DepartmentDay.objects.values_list("pk", flat=True))

    make_exception(department, days_ahead=3)

    assert set(DepartmentDay.objects.values_list("pk", flat=True)) == pks
    assert opening.differences().count == 0


def test_the_list_of_exceptions_and_deleting_one_gives_the_places_back(client, department, admin_client):
    exception = make_exception(department, reason="ประชุม")
    assert not quotas(department)

    page = admin_client.get(reverse("admin:booking_dayexception_changelist")).content.decode()
    assert "ประชุม" in page
    assert "ทั้งวัน" in page
    deletion = reverse("admin:booking_dayexception_delete", args=[exception.pk])
    looked = admin_client.get(deletion).context
    admin_client.post(deletion, {"save": "1", "seen": looked["seen"], "looked_at": looked["looked_at"]})

    assert len(quotas(department)) == 14
