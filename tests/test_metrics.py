"""What Prometheus is told, and that nobody else is."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import settings as project
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from booking import verbs
from booking.models import JobRun
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


def test_more_rows_take_no_more_queries(ask, django_assert_num_queries):
    ask()
    for _ in range(3):
        make_ticket(slot=make_slot(days_ahead=0))
    with django_assert_num_queries(13):
        ask()


def test_alerts_and_dashboard_ask_for_figures_that_there_are(ask):
    make_open_department()
    there = {name for name, *_ in ask()} | {"queue_lookup_tries", "queue_job_finished_timestamp_seconds"}
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
