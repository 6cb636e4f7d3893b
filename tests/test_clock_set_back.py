"""A machine's clock is set back: what recurs goes on, though its next time was written down by the clock of before."""

import datetime as dt
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from booking import jobs
from booking.models import JobRun
from queuesite.launcher import postgres, worker

pytestmark = [pytest.mark.real_clock, pytest.mark.django_db(transaction=True)]

HOUR = 3600
MOVED_CLOCK = postgres.BASE_DIR / "tests" / "moved_clock"


def next_runs_in(**intervals) -> None:
    """Write so many minutes, from now, as the next run of each job that is named."""
    jobs.sync_schedules()
    now = timezone.now()
    for name, minutes in intervals.items():
        assert Schedule.objects.filter(name=name).update(next_run=now + dt.timedelta(minutes=minutes))


def due() -> set[str]:
    return set(Schedule.objects.filter(next_run__lte=timezone.now()).values_list("name", flat=True))


def test_a_job_whose_next_run_is_further_away_than_its_interval_is_due_now(capsys):
    Schedule.objects.all().delete()
    next_runs_in(**dict.fromkeys(jobs.RECURRING, 0.5))
    next_runs_in(watch_today=2.5, check_queue=62, forget_old=24 * 60 + 2, open_days=15.5, close_days=9)
    connection.close()

    worker._heartbeat()

    assert due() == {"watch_today", "check_queue", "forget_old"}
    assert "3 jobs are due now" in capsys.readouterr().out


def test_what_a_dead_worker_had_taken_is_locked_no_longer_than_ever(settings):
    now, retry = timezone.now(), settings.Q_CLUSTER["retry"]
    for key, seconds in (("of before", retry + HOUR), ("just taken", retry - 1)):
        OrmQ.objects.create(key=key, payload="", lock=now + dt.timedelta(seconds=seconds))
    connection.close()

    worker._heartbeat()

    free = OrmQ.objects.filter(lock__lte=timezone.now())
    assert [task.key for task in free] == ["of before"]


def test_it_is_said_once(capsys):
    next_runs_in(watch_today=60)
    connection.close()
    worker._heartbeat()
    capsys.readouterr()

    worker._heartbeat()

    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_real_worker_whose_clock_was_set_back_by_an_hour_goes_on():
    next_runs_in(**dict.fromkeys(jobs.RECURRING, 1))
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    connection.close()
    offset = float(os.environ.get("TEST_CLOCK_OFFSET", 0)) - HOUR
    path = os.pathsep.join([str(MOVED_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])])
    moved = {"PYTHONPATH": path, "TEST_CLOCK_OFFSET": str(offset), "DATABASE_URL": url, "WORKERS": "2"}
    process = subprocess.Popen(
        [sys.executable, "-m", "queuesite.launcher.worker"],
        cwd=postgres.BASE_DIR,
        env=os.environ | moved,
        stdin=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 180  # of which django-q sleeps for half a minute
        while not JobRun.objects.filter(name="watch_today").exists():
            assert time.monotonic() < until, "the job has not run"
            assert process.poll() is None
            connection.close()
            time.sleep(1)
    finally:
        process.terminate()
        process.wait(30)
    assert JobRun.objects.get(name="watch_today").finished_at < timezone.now() - dt.timedelta(minutes=30)
