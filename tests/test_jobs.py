"""What recurs, and that a real worker does it."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone
from django_q.models import Schedule

from booking import jobs
from booking.models import JobRun, Place, Slot
from members.models import LookupCount
from tests.factories import make_open_department, make_slot, make_ticket

pytestmark = pytest.mark.django_db


def test_every_job_on_the_list_is_scheduled_once():
    jobs.sync_schedules()
    jobs.sync_schedules()

    scheduled = dict(Schedule.objects.values_list("name", "func"))

    assert scheduled == {name: f"booking.jobs.{name}" for name in jobs.RECURRING}


def test_a_job_taken_off_the_list_is_no_longer_scheduled():
    Schedule.objects.create(name="gone", func="booking.jobs.gone", schedule_type=Schedule.MINUTES, minutes=1)

    jobs.sync_schedules()

    assert not Schedule.objects.filter(name="gone").exists()


@pytest.mark.parametrize("name", sorted(jobs.RECURRING))
def test_every_job_runs_and_keeps_when(name):
    getattr(jobs, name)()

    assert JobRun.objects.get(name=name).finished_at <= timezone.now()


@pytest.mark.parametrize(("workers", "without_a_gap"), [(1, False), (2, True), (3, True)])
def test_sending_goes_on_until_the_next_run_unless_it_would_leave_no_worker(settings, workers, without_a_gap):
    settings.Q_CLUSTER = settings.Q_CLUSTER | {"workers": workers}

    assert (jobs.sending_lasts() > 60 * jobs.RECURRING["send_notices"]) == without_a_gap
    assert jobs.sending_lasts() < settings.Q_CLUSTER["timeout"]


def test_open_days_lays_out_the_day_that_has_come_into_the_window():
    department = make_open_department(max_days_ahead=3)
    last = Slot.objects.filter(department=department).latest("date").date

    with time_machine.travel(timezone.now() + dt.timedelta(days=1)):
        jobs.open_days()

    assert Slot.objects.filter(department=department).latest("date").date == last + dt.timedelta(days=1)
    assert Place.objects.filter(slot__date=last + dt.timedelta(days=1)).exists()


def test_a_past_ticket_is_unlinked_from_its_member_when_its_time_has_come(settings):
    settings.UNLINK_AFTER_DAYS = 90
    ticket = make_ticket(slot=make_slot(days_ahead=1))

    with time_machine.travel(timezone.now() + dt.timedelta(days=91)):
        jobs.unlink_members()
        ticket.refresh_from_db()
        assert ticket.member

    with time_machine.travel(timezone.now() + dt.timedelta(days=92)):
        jobs.unlink_members()
        ticket.refresh_from_db()
        assert ticket.member is None
        assert ticket.idempotency_key is None


def test_old_lookups_are_forgotten():
    LookupCount.objects.create(
        scope="missed", key_hmac="0" * 64, count=1, ends_at=timezone.now() - dt.timedelta(days=36)
    )

    jobs.purge_lookups()

    assert not LookupCount.objects.exists()
