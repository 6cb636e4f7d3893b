"""The hourly check of the queue's rules: what it finds stands where somebody looks."""

import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from booking import jobs
from booking.models import JobRun, Place, Ticket
from booking.models.tickets import State
from tests.factories import make_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def broken():
    ticket = make_ticket()
    Place.objects.filter(ticket=ticket).update(ticket=None)
    return ticket


def scraped(client, settings) -> str:
    settings.METRICS_TOKEN = "metrics-token-of-the-tests"
    return client.get("/metrics", headers={"Authorization": "Bearer metrics-token-of-the-tests"}).content.decode()


def test_nothing_is_said_where_all_is_well(client, manager, settings):
    make_ticket()
    jobs.check_queue()
    assert JobRun.objects.get(name="check_queue").found == ""
    assert "การตรวจประจำชั่วโมง" not in client.get(reverse("admin:index")).content.decode()
    assert "queue_rules_broken 0.0" in scraped(client, settings)


def test_what_is_broken_is_said_until_it_is_mended(client, manager, settings, broken):
    jobs.check_queue()
    assert str(broken.pk) in JobRun.objects.get(name="check_queue").found
    assert "การตรวจประจำชั่วโมง" in client.get(reverse("admin:index")).content.decode()
    assert str(broken.pk) in client.get(reverse("admin:booking_jobrun_changelist")).content.decode()
    count = len(JobRun.objects.get(name="check_queue").found.splitlines())
    assert count and f"queue_rules_broken {count}.0" in scraped(client, settings)
    Place.objects.filter(slot=broken.slot, number=broken.number).update(ticket=broken)
    assert Ticket.objects.get().state == State.BOOKED
    jobs.check_queue()
    assert "การตรวจประจำชั่วโมง" not in client.get(reverse("admin:index")).content.decode()


def test_sessions_that_have_ended_are_deleted():
    now = timezone.now()
    Session.objects.create(session_key="ended", expire_date=now - dt.timedelta(minutes=1))
    Session.objects.create(session_key="lasting", expire_date=now + dt.timedelta(minutes=1))
    jobs.forget_sessions()
    assert [session.session_key for session in Session.objects.all()] == ["lasting"]
