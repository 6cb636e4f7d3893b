import datetime as dt

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone

from booking.messages import ledger
from booking.models import JobRun
from queuesite import health
from tests.factories import make_slot, make_ticket


@pytest.fixture
def ready(db, monkeypatch):
    """Everything is as it should be; each test breaks one thing."""
    monkeypatch.setattr(health._migrations, "done", False)
    JobRun.objects.create(name="heartbeat", finished_at=timezone.now())


def test_ready(ready, client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok", "disk": "ok"}
    assert "no-store" in answer["Cache-Control"]


def test_asking_again_costs_three_queries(ready, client, django_assert_num_queries):
    client.get("/readyz")
    with django_assert_num_queries(3):
        client.get("/readyz")


@pytest.mark.parametrize(("minutes", "warned"), [(9, False), (11, True)])
def test_a_message_that_waits_too_long_is_a_warning_and_no_more(ready, client, settings, minutes, warned):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "a-token"
    make_ticket(slot=make_slot(days_ahead=3))  # its reminder is not yet due
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=minutes)):
        JobRun.objects.update(finished_at=timezone.now())
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json().get("warnings", {}) == (
        {
            "messages": "the oldest unsent message has been due for 11 minutes: see the messages in the back office",
        }
        if warned
        else {}
    )


def test_a_reminder_waits_from_its_time_on(ready, client, settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "a-token"
    ticket = make_ticket(slot=make_slot(days_ahead=3))
    ticket.notices.exclude(kind="day_before").delete()
    reminder = ticket.notices.get()
    with time_machine.travel(reminder.next_try_at - dt.timedelta(minutes=1)):
        assert ledger.oldest_unsent() is None
    with time_machine.travel(reminder.next_try_at + dt.timedelta(minutes=1)):
        assert ledger.oldest_unsent() == reminder.next_try_at


@pytest.mark.parametrize("name", ["heartbeat", "open_days"])
def test_the_worker_s_silence_is_an_alarm_of_its_own(ready, client, name):
    finished_at = timezone.now() - dt.timedelta(minutes=3, seconds=1 if name == "heartbeat" else -1)
    JobRun.objects.update(name=name, finished_at=finished_at)
    assert client.get("/workerz").status_code == 503
    assert "queuesite.launcher.worker" in client.get("/workerz").json()["status"]
    answer = client.get("/readyz")
    assert answer.status_code == 200, "a balancer would take every web node out"
    assert "queuesite.launcher.worker" in answer.json()["warnings"]["worker"]


def test_while_the_worker_works_there_is_no_alarm(ready, client):
    assert client.get("/workerz").status_code == 200
    assert "warnings" not in client.get("/readyz").json()


def test_not_ready_before_every_migration_is_applied(ready, client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'booking'")
    checks = _refused(client)
    assert "manage.py migrate" in checks.pop("migrations")
    assert set(checks.values()) == {"ok"}


def test_not_ready_without_the_database_but_alive(ready, client, monkeypatch, django_assert_num_queries):
    def gone(*args, **kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200
    with monkeypatch.context() as broken:
        broken.setattr(connection, "cursor", gone)
        said = _refused(client)
        assert said.pop("disk") == "ok"
        assert set(said.values()) == {"the database does not answer"}
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("address", ["/healthz", "/readyz", "/workerz"])
def test_nothing_is_asked_by_post(client, address):
    assert client.post(address).status_code == 405


def _refused(client) -> dict:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer["Retry-After"]
    return answer.json()["checks"]
