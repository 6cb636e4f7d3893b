"""From hours, quotas and holidays to places: made once, never a held one lost."""

import datetime as dt

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from booking import invariants
from booking.days import opening
from booking.models import Department, DepartmentDay, OpeningHours, Place, Slot, Ticket
from holidays.models import Holiday
from tests.factories import (
    change,
    in_days,
    make_department,
    make_exception,
    make_holiday,
    make_open_department,
    make_slot,
    make_ticket,
)

pytestmark = pytest.mark.django_db

TOMORROW = 1


def day(department, days_ahead=TOMORROW):
    return list(Slot.objects.of_day(department, in_days(days_ahead)))


def starts(slots):
    return [f"{timezone.localtime(slot.starts_at):%H:%M}" for slot in slots]


def layout():
    return sorted(Place.objects.values_list("slot__department", "slot__starts_at", "number", "ticket"))


def test_a_day_has_a_slot_for_each_period_but_for_the_break():
    department = make_open_department(break_starts=dt.time(12), break_ends=dt.time(13))

    assert starts(day(department)) == (
        ["08:30", "09:00", "09:30", "10:00", "10:30", "11:00", "11:30"] + ["13:00", "13:30", "14:00", "14:30", "15:00"]
    )


def test_a_slot_that_would_run_past_closing_is_left_out():
    department = make_open_department(opens=dt.time(9), closes=dt.time(10, 50), slot_minutes=30)

    assert starts(day(department)) == ["09:00", "09:30", "10:00"]


def test_places_are_as_many_as_the_quota_and_numbers_leave_room():
    department = make_open_department(quota=4)

    slots = day(department)

    assert [list(slot.places.values_list("number", flat=True)) for slot in slots[:2]] == [
        [1, 2, 3, 4],
        [11, 12, 13, 14],
    ]
    assert all(slot.room >= 8 for slot in slots)
    assert slots[-1].last_number <= 500


def test_all_numbers_of_a_day_can_be_used():
    """A slot takes none beyond its quota where the others need them all."""
    department = make_department(max_days_ahead=1)
    for weekday in range(7):
        department.hours.create(weekday=weekday, opens=dt.time(9), closes=dt.time(10), slot_minutes=30, quota=1)
    make_exception(department, start="09:30", quota=499)

    assert [slot.places.count() for slot in day(department)] == [1, 499]


def test_weekends_have_no_places_where_the_rule_has_none():
    department = make_open_department(weekdays=range(5))

    weekdays = {slot.date.weekday() for slot in Slot.objects.filter(department=department)}

    assert weekdays <= {0, 1, 2, 3, 4}


def test_the_window_is_laid_out_with_some_days_to_spare_and_no_further():
    department = make_open_department(max_days_ahead=10)

    dates = set(Slot.objects.filter(department=department).values_list("date", flat=True))

    assert max(dates) == in_days(10 + opening.SPARE_DAYS)


def test_running_again_changes_nothing():
    make_ticket(slot=make_slot(department=make_open_department()))
    before = layout()

    opening.rules_changed()
    opening.rules_changed()

    assert layout() == before


def test_the_next_day_adds_the_next_day_only():
    department = make_open_department(max_days_ahead=10)
    before = set(layout())

    with time_machine.travel(timezone.now() + dt.timedelta(days=1)):
        opening.rules_changed()

    added = set(layout()) - before
    assert before <= set(layout())
    assert {timezone.localtime(start).date() for _, start, _, _ in added} == {in_days(10 + opening.SPARE_DAYS + 1)}
    assert department.slots.exists()


def test_a_raised_quota_adds_places_within_the_block():
    department = make_open_department(quota=2)
    ticket = make_ticket(slot=make_slot(department=department))

    department.hours.get(weekday=in_days(TOMORROW).weekday()).delete()
    OpeningHours.objects.create(department=department, weekday=in_days(TOMORROW).weekday(), quota=5)
    opening.rules_changed([department])

    slot = day(department)[0]
    assert list(slot.places.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert ticket.places.get().number == 1


def test_a_lowered_quota_takes_free_places_only_and_tells_which_slots_hold_more():
    department = make_open_department(quota=4)
    slot = make_slot(department=department)
    tickets = [make_ticket(slot=slot) for _ in range(3)]

    make_exception(department, date=slot.date, quota=2)

    assert {place.ticket for place in slot.places.all()} == set(tickets)
    assert list(Slot.objects.holding_more_than_their_quota()) == [slot]


def test_an_override_of_one_slot_leaves_the_others():
    department = make_open_department(quota=4)
    first, second = day(department)[:2]

    make_exception(department, date=first.date, start=dt.time(8, 30), quota=1)

    assert (first.places.count(), second.places.count()) == (1, 4)


def test_an_override_taken_back_gives_the_places_back():
    department = make_open_department(quota=4)
    before = layout()

    override = make_exception(department, date=in_days(TOMORROW), quota=0)
    assert not Place.objects.filter(slot__date=in_days(TOMORROW)).exists()
    override.delete()
    opening.rules_changed([department])

    assert layout() == before


def test_a_confirmed_holiday_has_no_places_and_an_unconfirmed_one_changes_nothing():
    make_open_department()
    before = layout()

    holiday = make_holiday(date=in_days(TOMORROW), name="วันหยุด", is_confirmed=False)
    assert layout() == before

    holiday.is_confirmed = True
    holiday.save(update_fields=["is_confirmed"])
    opening.rules_changed()
    assert not Place.objects.filter(slot__date=in_days(TOMORROW)).exists()

    holiday.delete()
    opening.rules_changed()
    assert layout() == before


def test_a_holiday_keeps_the_places_of_tickets_and_lists_them():
    ticket = make_ticket()

    make_holiday(date=ticket.date, name="วันหยุด")

    assert list(Place.objects.filter(slot__date=ticket.date).values_list("ticket", flat=True)) == [ticket.pk]
    assert list(Ticket.objects.live().filter(date=ticket.date)) == [ticket]


def test_an_inactive_department_has_no_free_places():
    department = make_open_department()
    ticket = make_ticket(slot=make_slot(department=department))

    change(department, is_active=False)

    assert list(Place.objects.values_list("ticket", flat=True)) == [ticket.pk]


def test_new_hours_renumber_a_day_without_tickets():
    department = make_open_department(opens=dt.time(9), closes=dt.time(11))

    department.hours.update(opens=dt.time(8))
    opening.rules_changed([department])

    assert starts(day(department)) == ["08:00", "08:30", "09:00", "09:30", "10:00", "10:30"]
    numbers = [slot.first_number for slot in day(department)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(("quota", "first_numbers"), [(4, [1, 11, 21, 31]), (5, [1, 11, 21, 31]), (6, [1, 21, 41, 61])])
def test_a_time_has_numbers_for_twice_its_quota_in_tens(quota, first_numbers):
    slots = day(make_open_department(opens=dt.time(9), closes=dt.time(11), quota=quota))

    assert [slot.first_number for slot in slots] == first_numbers
    assert [slot.last_number for slot in slots[:-1]] == [number - 1 for number in first_numbers[1:]]


def test_new_hours_keep_the_slots_of_tickets_and_close_what_is_no_more():
    department = make_open_department(opens=dt.time(9), closes=dt.time(11), quota=2)
    kept = make_ticket(slot=make_slot(department=department))
    stranded = make_ticket(slot=make_slot(department=department, nth=3))

    department.hours.update(opens=dt.time(8, 30), closes=dt.time(10, 30))
    opening.rules_changed([department])

    slots = day(department)
    assert starts(slots) == ["08:30", "09:00", "09:30", "10:00", "10:30"]
    kept.refresh_from_db()
    stranded.refresh_from_db()
    assert (kept.places.get().number, stranded.places.get().number) == (kept.number, stranded.number)
    assert (stranded.slot.quota, stranded.slot.places.free().count()) == (0, 0)
    blocks = [set(range(slot.first_number, slot.last_number + 1)) for slot in slots]
    assert sum(len(block) for block in blocks) == len(set.union(*blocks))


def test_what_has_begun_today_stays_as_it_was():
    with time_machine.travel("2026-11-23T03:00:00Z", tick=False):  # 10.00 in Bangkok
        department = make_open_department(quota=3)
        assert starts(day(department, 0))[0] == "10:30"
    with time_machine.travel("2026-11-23T05:00:00Z", tick=False):  # 12.00
        make_exception(department, date=in_days(0), quota=0)
        by_start = {f"{timezone.localtime(slot.starts_at):%H:%M}": slot for slot in day(department, 0)}
        assert by_start["12:00"].places.count() == 3
        assert by_start["12:30"].places.count() == 0


def test_laying_out_takes_as_many_statements_for_many_days_as_for_one(django_assert_max_num_queries):
    for _ in range(5):
        make_open_department(max_days_ahead=40)
    for days_ahead in range(1, 11):
        Holiday.objects.create(date=in_days(days_ahead), name="วันหยุด", is_confirmed=True)

    with django_assert_max_num_queries(16):
        opening.rules_changed()

    assert not Place.objects.filter(slot__date__range=(in_days(1), in_days(10))).exists()
    with django_assert_max_num_queries(10):
        assert opening.rules_changed().count == 0


def test_rules_written_past_the_forms_are_found_by_the_check(capsys):
    department = make_open_department()
    call_command("check_queue")

    department.hours.update(quota=2)
    with pytest.raises(CommandError, match="differs from the rules"):
        call_command("check_queue")
    assert department.slots.filter(quota=2).count() == 0, "the check changes nothing"

    opening.rules_changed([department])
    call_command("check_queue")


def test_the_window_of_a_slot_follows_the_department():
    department = make_open_department(min_days_ahead=0, max_days_ahead=5, closes_minutes_before=30)
    slot = day(department)[0]
    midnight = dt.datetime.combine(slot.date, dt.time(), timezone.get_default_timezone())
    assert (slot.bookable_from, slot.bookable_until) == (
        midnight - dt.timedelta(days=5),
        slot.starts_at - dt.timedelta(minutes=30),
    )

    change(department, min_days_ahead=1)

    assert day(department)[0].bookable_until == midnight


def test_more_numbers_than_a_day_has_are_refused_in_thai():
    hours = OpeningHours(department=make_department(), weekday=0, quota=50)

    with pytest.raises(ValidationError, match="เกินจำนวนนี้"):
        hours.full_clean()


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"opens": dt.time(12), "closes": dt.time(9)}, "hours_open_before_close"),
        ({"break_starts": dt.time(12)}, "hours_break_within_opening"),
        ({"break_starts": dt.time(7), "break_ends": dt.time(9)}, "hours_break_within_opening"),
        ({"weekday": 7}, "hours_weekday_exists"),
    ],
)
def test_hours_that_make_no_sense_are_refused_by_the_database(fields, constraint):
    department = make_department()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        OpeningHours.objects.create(department=department, **{"weekday": 0} | fields)


def test_who_is_open_on_a_day(django_assert_num_queries):
    opened, closed, unused = (make_open_department() for _ in range(3))
    for_walk_ins = make_open_department(walk_in_percent=100)
    without_hours = make_department()
    make_exception(closed, days_ahead=0)
    change(unused, is_active=False)
    opening.rules_changed([without_hours])

    def open_on(days_ahead):
        return set(DepartmentDay.objects.on(in_days(days_ahead)).open().by_department())

    with django_assert_num_queries(1):
        assert open_on(0) == {opened.pk, for_walk_ins.pk}
    assert closed.pk in open_on(1)
    make_holiday(days_ahead=0)
    assert open_on(0) == set()


@pytest.mark.whole_year
def test_each_day_of_a_year_ahead_says_what_it_is_also_where_there_are_no_hours():
    department = make_open_department(
        weekdays=range(5), closes=dt.time(16), break_starts=dt.time(12), break_ends=dt.time(13)
    )
    make_holiday(days_ahead=300, name="วันหยุดไกล")

    rows = {row.date: row for row in department.days.all()}

    assert set(rows) == {in_days(nth) for nth in range(opening.DAYS_SAID + 1)}
    assert {row.state for row in rows.values() if row.date.weekday() >= 5 and row.date != in_days(300)} == {"no_hours"}
    assert (rows[in_days(300)].state, rows[in_days(300)].why) == ("holiday", "วันหยุดไกล")
    weekday = next(row for row in rows.values() if row.is_open)
    assert [(f"{starts:%H:%M}", f"{ends:%H:%M}") for starts, ends in weekday.hours] == [
        ("08:30", "12:00"),
        ("13:00", "16:00"),
    ]


def test_a_spare_day_that_midnight_adds_is_no_difference_a_bookable_one_is():
    department = make_open_department(weekdays=range(7), max_days_ahead=10)
    assert opening.differences().count == 0

    with time_machine.travel(timezone.now() + dt.timedelta(days=opening.SPARE_DAYS)):
        assert opening.differences().count == 0
        assert invariants.faults() == []

    with time_machine.travel(timezone.now() + dt.timedelta(days=opening.SPARE_DAYS + 1)):
        late = opening.differences()
        assert {slot.date for slot in late.new} == {timezone.localdate() + dt.timedelta(days=department.max_days_ahead)}


def test_looking_for_differences_changes_nothing():
    department = make_open_department(max_days_ahead=5)
    Department.objects.update(max_days_ahead=8)
    missing = opening.differences().count
    assert missing > 0
    assert opening.differences().count == missing
    assert opening.rules_changed([department]).count >= missing
    assert opening.differences().count == 0
