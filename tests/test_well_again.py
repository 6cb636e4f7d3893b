"""Faults that somebody has to be told of, and those that end by themselves."""

import datetime as dt
from io import StringIO
from multiprocessing import Queue, Value
from unittest.mock import Mock

import pytest
import time_machine
from django.core.management import call_command
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ, Success
from django_q.monitor import monitor
from django_q.signing import SignedPackage
from django_q.tasks import async_task
from django_q.worker import worker

from booking import errors
from booking.management.commands import work
from booking.models import Alarm, JobRun, Slot, tallies
from holidays.models import Holiday
from queuesite.demo import office
from queuesite.launcher import run
from tests.consoles import console, sit
from tests.factories import make_holiday, make_open_department

pytestmark = pytest.mark.django_db
ASKED = "ยังไม่มีวันหยุดของปี พ.ศ. 2570"


@pytest.mark.parametrize(("date", "asked"), [("2026-09-30", False), ("2026-10-01", True), ("2026-12-31", True)])
def test_from_october_on_the_first_page_asks_for_next_years_holidays(client, manager, date, asked):
    with time_machine.travel(f"{date}T03:00:00Z"):
        client.force_login(manager)
        assert (ASKED in client.get(reverse("admin:index")).content.decode()) is asked


def test_it_asks_no_more_once_there_is_one(client, manager):
    make_holiday(date=dt.date(2027, 1, 1), is_confirmed=False)
    assert ASKED not in client.get(reverse("admin:index")).content.decode()


def test_a_clerk_is_not_asked(client, clerk):
    assert ASKED not in client.get(reverse("admin:index"), follow=True).content.decode()


def test_a_demo_starts_in_a_year_of_whose_holidays_nothing_is_known():
    with time_machine.travel("2028-03-01T03:00:00Z"):
        office._seed_holidays()
    assert set(Holiday.objects.dates("date", "year")) == {dt.date(2028, 1, 1)}


def test_after_two_months_switched_off_days_are_laid_out_before_it_is_ready(monkeypatch):
    department = make_open_department(max_days_ahead=5)
    monkeypatch.setattr(run, "call_command", lambda *_any, **_more: None)
    monkeypatch.setattr(run.files, "collect", lambda **_any: None)
    with time_machine.travel(timezone.now() + dt.timedelta(days=60)):
        today = timezone.localdate()
        assert not Slot.objects.filter(department=department, date__gte=today).exists()
        run._prepare(lambda _said: None)
        dates = set(Slot.objects.filter(department=department, date__gte=today).values_list("date", flat=True))
        assert {today + dt.timedelta(days=nth) for nth in range(6)} <= dates


def test_refusals_are_told_to_prometheus_by_their_code(client, settings):
    settings.METRICS_TOKEN = "metrics-token-of-the-tests"
    for _ in range(2):
        tallies.refused(errors.SlotFull)
    tallies.write()
    said = client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"}).content.decode()
    assert f'queue_refusals_today{{code="{errors.SlotFull.code}"}} 2.0' in said


@pytest.mark.parametrize("answers", [True, False])
def test_a_worker_that_was_started_again_sends_at_once(monkeypatch, answers):
    """The schedule is looked at after half a minute, and what a killed worker had begun is locked for six."""
    begun = []
    monkeypatch.setattr(work.Cluster, "start", lambda _self: begun.append("cluster"))
    monkeypatch.setattr(work.connection, "close", lambda: None)
    if not answers:
        monkeypatch.setattr(work, "async_task", Mock(side_effect=OperationalError))
    call_command("work", stderr=StringIO())
    waiting = [SignedPackage.loads(task.payload)["func"] for task in OrmQ.objects.order_by("pk")]
    assert waiting == (["booking.jobs.heartbeat", "booking.jobs.send_notices"] if answers else [])
    assert begun == ["cluster"]


def on_the_list() -> list[str]:
    return sorted(SignedPackage.loads(task.payload)["func"] for task in OrmQ.objects.exclude(payload="of an older key"))


@pytest.mark.parametrize("kills", [1, 6])
def test_workers_that_are_killed_leave_one_job_of_sending(monkeypatch, kills):
    """What each had begun stays on the list, locked, and would be run again six minutes later: enough of them would
    keep all processes of the worker for a minute."""
    broker = get_broker()

    def is_killed(_cluster):
        while broker.queue_size():
            broker.dequeue()
        async_task("booking.jobs.send_notices")  # of the schedule; nobody takes it any more

    monkeypatch.setattr(work.Cluster, "start", is_killed)
    monkeypatch.setattr(work.connection, "close", lambda: None)
    async_task("booking.jobs.open_days")
    OrmQ.objects.create(key="queuesite", payload="of an older key", lock=timezone.now() + dt.timedelta(minutes=5))
    for _ in range(kills):
        call_command("work")
    monkeypatch.setattr(work.Cluster, "start", lambda _cluster: None)
    call_command("work")

    OrmQ.objects.exclude(payload="of an older key").update(lock=timezone.now() - dt.timedelta(seconds=1))  # six minutes
    assert on_the_list().count("booking.jobs.send_notices") == 1
    assert on_the_list().count("booking.jobs.open_days") == 1, "what else was begun is run again"


def test_who_is_still_at_sending_elsewhere_ends_as_ever(monkeypatch):
    for module in ("worker", "monitor"):
        monkeypatch.setattr(f"django_q.{module}.close_old_django_connections", lambda: None)
    monkeypatch.setattr("booking.jobs.send_notices", lambda: work.take_off("booking.jobs.send_notices"))
    async_task("booking.jobs.send_notices")
    work_once()
    assert not OrmQ.objects.exists()
    assert Success.objects.filter(func="booking.jobs.send_notices").count() == 1


def newer_job():
    """Of the next release."""
    JobRun.objects.create(name="newer", finished_at=timezone.now())


def test_a_job_that_an_older_worker_does_not_know_waits_for_a_newer_one(monkeypatch):
    # They would close the connection that the test's transaction is on.
    for module in ("worker", "monitor"):
        monkeypatch.setattr(f"django_q.{module}.close_old_django_connections", lambda: None)
    newer = newer_job
    monkeypatch.delattr("tests.test_well_again.newer_job")
    async_task("tests.test_well_again.newer_job")
    work_once()
    assert OrmQ.objects.count() == 1, "left on the list"
    monkeypatch.setattr("tests.test_well_again.newer_job", newer, raising=False)
    OrmQ.objects.update(lock=timezone.now() - dt.timedelta(minutes=1))  # after Q_CLUSTER's `retry`
    work_once()
    assert not OrmQ.objects.exists()
    assert JobRun.objects.filter(name="newer").exists() and Success.objects.count() == 1


def work_once():
    """What the cluster does with the first task on the list, in this process."""
    tasks, results = Queue(), Queue()
    broker = get_broker()
    OrmQ.objects.update(lock=timezone.now() - dt.timedelta(seconds=1))
    for ack_id, package in broker.dequeue():
        tasks.put(SignedPackage.loads(package) | {"ack_id": ack_id})
    tasks.put("STOP")
    worker(tasks, results, Value("f", -1))
    results.put("STOP")
    monitor(results, broker)


STUCK = "ข้อความถึงสมาชิกยังส่งไม่ออก"


@pytest.mark.parametrize("broken", ["nothing", "a message is stuck", "no worker", "nothing is sent at all"])
def test_the_counter_says_when_messages_do_not_go_out(client, settings, broken):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "" if broken == "nothing is sent at all" else "a-token"
    if broken in ("nothing", "a message is stuck"):
        JobRun.objects.create(name="heartbeat", finished_at=timezone.now())
    if broken == "a message is stuck":
        Alarm.objects.create(kind=Alarm.Kind.MESSAGES, since=timezone.now())
    page = console(client, sit(client, departments=[make_open_department()]))
    assert (STUCK in page.content.decode()) is (broken in ("a message is stuck", "no worker"))
