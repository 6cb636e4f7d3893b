"""What Prometheus is told, and that nobody else is."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import settings as project
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from booking import errors, verbs
from booking.models import JobRun, tallies
from members import throttle
from queuesite import checks
from tests.factories import make_open_department, make_slot, make_ticket

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-enough-letters-for-this"
DEPLOY = Path(project.BASE_DIR) / "deploy"


@pytest.fixture
def ask(client, settings):
    settings.METRICS_TOKEN = TOKEN

    def answer() -> dict:
        text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
        families = text_string_to_metric_families(text)
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}

    return answer


def test_without_the_setting_there_is_no_such_page(client):
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Token {TOKEN}", "Bearer ก"])
def test_another_token_is_refused(client, settings, sent):
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"Authorization": sent})
    assert answer.status_code == 401
    assert b"queue_" not in answer.content


def test_a_short_token_stops_the_start(settings):
    assert not checks.check_serving(None)
    settings.METRICS_TOKEN = "guess"
    assert [fault.id for fault in checks.check_serving(None)] == ["queuesite.E005"]


def test_the_figures_are_those_of_the_database(ask):
    department = make_open_department()
    before = ask()
    waiting = make_ticket(slot=make_slot(department=department, days_ahead=0))
    verbs.check_in(ticket=waiting, by=None)
    gone = make_ticket(slot=make_slot(department=department, days_ahead=3))
    verbs.cancel(ticket=gone, by=None)
    JobRun.objects.create(name="heartbeat", finished_at=timezone.now() - timedelta(minutes=5))

    now = ask()

    assert before["queue_waiting", department.slug] == 0
    assert now["queue_waiting", department.slug] == 1
    assert now["queue_tickets_today", "waiting"] == 1
    assert now["queue_events_today", "cancel"] == before["queue_events_today", "cancel"] + 1
    assert timezone.now().timestamp() - now["queue_job_finished_timestamp_seconds", "heartbeat"] > 299
    assert now["queue_job_interval_seconds", "heartbeat"] == 60
    assert now["queue_database_connections", "active"] >= 1


def test_what_open_pages_are_answered_is_told_by_kind(ask, client):
    department = make_open_department()
    board = reverse("board")
    version = client.get(board)["ETag"]  # has no version yet: not counted
    client.get(board, headers={"If-None-Match": version})
    client.get(board, headers={"If-None-Match": version})
    verbs.check_in(ticket=make_ticket(slot=make_slot(department=department, days_ahead=0)), by=None)
    client.get(board, headers={"If-None-Match": version})
    client.get(reverse("ticket_live", args=["nobody-s"]), headers={"If-None-Match": '"1"'})
    tallies.write()

    told = ask()

    assert told["queue_poll_answers_today", "unchanged", "board"] == 2
    assert told["queue_poll_answers_today", "changed", "board"] == 1
    assert told["queue_poll_answers_today", "refused", "ticket"] == 1
    assert told["queue_poll_answers_today", "unchanged", "counter"] == 0


# What is to be watched, and the figure that tells it.
WATCHED = {
    "bookings": ("queue_events_today", "book"),
    "refusals by code": ("queue_refusals_today", "slot_full"),
    "look-ups": ("queue_lookup_tries", "address"),
    "look-ups in vain": ("queue_lookups_missed",),
    "calls": ("queue_events_today", "call"),
    "who waits": ("queue_waiting", "loans"),
    "waits": ("queue_longest_wait_seconds", "loans"),
    "messages by state": ("queue_notices_of_today", "sent"),
    "their age": ("queue_oldest_notice_seconds",),
    "when jobs ran": ("queue_job_finished_timestamp_seconds", "heartbeat"),
    "when they are to": ("queue_job_interval_seconds", "heartbeat"),
    "the worker's list": ("queue_background_tasks",),
    "answers to open pages by kind": ("queue_poll_answers_today", "unchanged", "ticket"),
    "connections": ("queue_database_connections", "active"),
    "what the hourly check found": ("queue_rules_broken",),
    "room on the disk": ("queue_disk_free_ratio", str(project.VAR_DIR)),
}


@pytest.fixture
def some_of_each():
    make_open_department(slug="loans")
    JobRun.objects.create(name="heartbeat", finished_at=timezone.now())
    tallies.refused(errors.SlotFull)
    tallies.write()
    throttle.count_attempt(identifier="100001", device="of-a-test", address="192.0.2.1")


@pytest.mark.parametrize("what", WATCHED)
def test_all_that_is_to_be_watched_is_there(ask, what, some_of_each):
    assert WATCHED[what] in ask()


def test_more_rows_take_no_more_queries(ask, django_assert_num_queries):
    ask()
    for _ in range(3):
        make_ticket(slot=make_slot(days_ahead=0))
    with django_assert_num_queries(13):
        ask()


def test_alerts_and_dashboard_ask_for_figures_that_there_are(ask, some_of_each):
    there = {name for name, *_ in ask()}
    rules = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"][0]["rules"]
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]
    asked = [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(asked) > 12
    used = {name for expression in asked for name in re.findall(r"\bqueue_\w+", expression)}
    assert used <= there


def test_no_name_and_no_number_of_a_member_is_told(client, ask):
    ticket = make_ticket(slot=make_slot(days_ahead=0))
    text = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content.decode()
    for private in (ticket.public_id, ticket.member.member_number, ticket.member.given_name):
        assert private not in text
