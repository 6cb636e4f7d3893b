"""A year's holidays come in as drafts; only what staff confirm closes a day."""

import datetime as dt
from functools import partial

import pytest
from django.db import IntegrityError

from holidays import calendar
from holidays.calendar import closed_days, confirm, load_year, years_with_data
from holidays.errors import YearWithoutData
from holidays.models import Holiday, Kind
from queuesite.settings import BASE_DIR
from tests.factories import make_user
from tests.racing import race

YEARS = [2026, 2027, 2028]


def all_days(year):
    return closed_days(dt.date(year, 1, 1), dt.date(year, 12, 31))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("year", "substitutions"),
    [
        (2026, [(6, 1), (12, 7)]),
        (2027, [(2, 22), (5, 3), (7, 20), (10, 25), (12, 6)]),
        (2028, [(1, 3), (4, 17), (6, 5), (8, 14), (12, 11)]),
    ],
)
def test_substitution_days(year, substitutions):
    drafts = load_year(year)
    found = [holiday for holiday in drafts if holiday.kind == Kind.SUBSTITUTION]
    assert [(holiday.date.month, holiday.date.day) for holiday in found] == substitutions
    assert all(holiday.name.startswith("ชดเชย") and holiday.date.weekday() < 5 for holiday in found)


@pytest.mark.django_db
@pytest.mark.parametrize("year", YEARS)
def test_every_year_has_the_days_everybody_knows(year):
    by_day = {(holiday.date.month, holiday.date.day): holiday for holiday in load_year(year)}
    for month, day, name in [
        (1, 1, "วันขึ้นปีใหม่"),
        (4, 13, "วันสงกรานต์"),
        (4, 14, "วันสงกรานต์"),
        (4, 15, "วันสงกรานต์"),
        (5, 1, "วันแรงงานแห่งชาติ"),
        (10, 23, "วันปิยมหาราช"),
        (12, 10, "วันรัฐธรรมนูญ"),
    ]:
        assert by_day[month, day].name == name
        assert by_day[month, day].kind == Kind.PUBLIC
    assert {holiday.date.year for holiday in by_day.values()} == {year}
    assert all(holiday.name_en and ";" not in holiday.name for holiday in by_day.values())


@pytest.mark.django_db
@pytest.mark.parametrize("year", YEARS)
def test_teachers_day_is_for_the_office_to_choose(year):
    optional = [holiday for holiday in load_year(year) if holiday.is_optional]
    assert [(holiday.date, holiday.name) for holiday in optional] == [(dt.date(year, 1, 16), "วันครู")]


@pytest.mark.django_db
def test_drafts_close_nothing_until_confirmed():
    drafts = load_year(2027)
    assert all_days(2027) == {}
    songkran = [holiday for holiday in drafts if holiday.date.month == 4 and holiday.date.day >= 13]
    assert confirm(songkran) == songkran
    assert list(all_days(2027)) == [dt.date(2027, 4, 13), dt.date(2027, 4, 14), dt.date(2027, 4, 15)]
    assert all_days(2027)[dt.date(2027, 4, 14)].name_en == "Songkran Festival"
    assert confirm(drafts[:2] + songkran) == drafts[:2], "those that were not before"


@pytest.mark.django_db
def test_the_edges_of_a_range_are_in_it(django_assert_num_queries):
    for day in (1, 2, 3, 4):
        Holiday.objects.create(date=dt.date(2027, 8, day), name="ปิดปรับปรุง", is_confirmed=True)
    with django_assert_num_queries(1):
        assert [date.day for date in closed_days(dt.date(2027, 8, 2), dt.date(2027, 8, 3))] == [2, 3]


@pytest.mark.django_db
def test_loading_again_changes_nothing_that_staff_did():
    load_year(2027)
    renamed, removed, confirmed = Holiday.objects.order_by("date")[2:5]
    renamed.name, renamed.kind = "วันหยุดของเรา", Kind.OFFICE
    renamed.save(update_fields=["name", "kind"])
    confirm([confirmed])
    removed_date = removed.date
    removed.delete()
    Holiday.objects.create(date=dt.date(2028, 1, 1), name="มีอยู่ก่อน")

    assert [(holiday.date, holiday.is_confirmed) for holiday in load_year(2027)] == [(removed_date, False)]
    assert load_year(2027) == []
    renamed.refresh_from_db()
    assert (renamed.name, renamed.kind) == ("วันหยุดของเรา", Kind.OFFICE)
    assert list(all_days(2027)) == [confirmed.date]
    load_year(2028)
    assert Holiday.objects.get(date=dt.date(2028, 1, 1)).name == "มีอยู่ก่อน"


@pytest.mark.django_db
def test_the_history_says_who():
    clerk, manager = make_user(), make_user()
    holiday = load_year(2027, by=clerk)[0]
    confirm([holiday], by=manager)
    assert list(holiday.history.values_list("history_type", "history_user", "is_confirmed")) == [
        ("~", manager.pk, True),
        ("+", clerk.pk, False),
    ]


@pytest.mark.django_db
def test_a_year_without_data_is_refused_in_words():
    assert years_with_data()[:3] == YEARS
    with pytest.raises(YearWithoutData) as refusal:
        load_year(2099)
    assert "พ.ศ. 2642" in str(refusal.value)
    assert not Holiday.objects.exists()


@pytest.mark.django_db
def test_one_holiday_a_date():
    Holiday.objects.create(date=dt.date(2027, 8, 1), name="ปิดปรับปรุง")
    with pytest.raises(IntegrityError):
        Holiday.objects.create(date=dt.date(2027, 8, 1), name="อีกครั้ง")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_who_load_the_same_year_do_not_collide():
    for year in YEARS:
        Holiday.objects.all().delete()
        (new,) = race(*[partial(_load, year)] * 8)
        assert sorted(new)[:7] == [0] * 7
        assert max(new) == Holiday.objects.count() > 20


def _load(year, number):
    return len(load_year(year))


def test_the_package_of_the_same_name_is_not_on_our_path():
    assert calendar.DATA == BASE_DIR / "holidays" / "data"
    for file in BASE_DIR.glob("requirements*.txt"):
        names = [line.split("=")[0].strip().lower() for line in file.read_text().splitlines()]
        assert "holidays" not in names
    assert "holidays" not in (BASE_DIR / "constraints.txt").read_text()
