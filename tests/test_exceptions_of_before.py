"""The migration of how dates that differ were kept before, on data of then: each means afterwards what it meant."""

import datetime as dt

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from booking.days import availability, opening
from booking.days.availability import DayState
from booking.models import DayException, Department, Slot
from booking.verbs import closures
from tests.factories import in_days, make_open_department, make_slot, make_ticket

BEFORE = [("booking", "0018_booking_may_book"), ("holidays", "0001_initial")]


@pytest.fixture
def migrate(transactional_db):
    """Go to a state of the schema, and answer with its models. In the end the schema is as the code has it."""

    def go(targets):
        executor = MigrationExecutor(connection)
        executor.migrate(targets)
        return MigrationExecutor(connection).loader.project_state(targets).apps

    yield go
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.slow
def test_each_override_means_what_it_meant(migrate, capsys):
    department = make_open_department(name="ฝ่ายสินเชื่อ", max_days_ahead=20)
    tickets = [make_ticket(slot=make_slot(department=department, days_ahead=2, nth=nth)) for nth in (1, 5)]
    last = MigrationExecutor(connection).loader.graph.leaf_nodes()

    before = migrate(BEFORE)
    override = before.get_model("booking", "QuotaOverride").objects.create
    holiday = before.get_model("holidays", "Holiday").objects.create
    rows = [
        {"date": in_days(1), "quota": 2, "reason": "คนน้อย", "reason_en": "Few staff"},
        {"date": in_days(2), "quota": 0, "reason": "ประชุม"},
        {"date": in_days(2), "quota": 4, "start": dt.time(11)},
        {"date": in_days(3), "quota": 0, "start": dt.time(9)},
        {"date": in_days(4), "quota": 0, "start": dt.time(10, 20)},  # no slot starts then: without effect
        {"date": in_days(5), "quota": 3, "start": dt.time(9)},  # on a holiday: without effect
        {"date": in_days(6), "quota": 3, "start": dt.time(9)},  # on a draft
    ]
    for row in rows:
        override(department_id=department.pk, **row)
    holiday(date=in_days(5), name="วันหยุด", is_confirmed=True)
    holiday(date=in_days(6), name="ร่าง", is_confirmed=False)
    capsys.readouterr()
    migrate(last)
    opening.rules_changed()

    def quotas(days_ahead):
        slots = Slot.objects.of_day(department, in_days(days_ahead))
        return {f"{timezone.localtime(slot.starts_at):%H.%M}": slot.quota for slot in slots}

    assert set(quotas(1).values()) == {2}
    assert {start: quota for start, quota in quotas(2).items() if quota} == {"11.00": 4}
    assert [start for start, quota in quotas(3).items() if not quota] == ["09.00"]
    assert set(quotas(4).values()) == {4}
    assert set(quotas(5).values()) == {0}
    assert quotas(6)["09.00"] == 3
    department = Department.objects.get()
    assert availability.day(department, in_days(1)).state == DayState.OPEN
    assert DayException.objects.get(first_date=in_days(1)).reason_en == "Few staff"
    assert list(closures.stranded()) == [tickets[0]]
    said = capsys.readouterr().out
    assert [f"{in_days(nth):%Y-%m-%d}" in said for nth in range(1, 7)] == [False, True, False, True, True, True]
    assert "so it has no effect" in said
    assert "on a holiday" in said
