"""No statement takes longer than its kind of page may, and whoever waited is told so in the page's own style."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from booking import replica, roles, time_limits
from booking.api import views as api_views
from booking.reports import facts
from booking.views import public
from members import throttle
from queuesite.launcher import run
from tests.factories import make_open_department, make_user, make_walk_in

READ = (
    "import django, json; django.setup(); from django.db import connection;"
    "cursor = connection.cursor(); cursor.execute('SELECT current_setting(%s), current_setting(%s)',"
    " ['statement_timeout', 'lock_timeout']); print(json.dumps(cursor.fetchone()))"
)


def limits_of(kind: str, options: str = "") -> list[str]:
    """What holds on a connection of such a process."""
    params = connection.get_connection_params()
    where = f"host={params['host']}&passfile={params.get('passfile', '')}" + (f"&options={options}" if options else "")
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "queuesite.settings",
        "PROCESS_KIND": kind,
        "DATABASE_URL": f"postgres://{params['user']}@:{params.get('port') or 5432}/{params['dbname']}?{where}",
    }
    done = subprocess.run([sys.executable, "-c", READ], env=env, capture_output=True, text=True, cwd=settings.BASE_DIR)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "expected"),
    [("public", ["5s", "5s"]), ("staff", ["5s", "5s"]), ("", ["0", "0"]), ("worker", ["0", "0"])],
)
def test_each_kind_of_process_has_its_limits(kind, expected):
    assert limits_of(kind) == expected


@pytest.mark.django_db
def test_what_the_office_says_of_its_database_wins():
    assert limits_of("public", "-c%20statement_timeout%3D9s") == ["9s", "5s"]


def test_the_launcher_names_each_process():
    named = {
        child.name: child.environment.get("PROCESS_KIND") for child in run._web("127.0.0.1", 8000, {}, lambda _: None)
    }
    assert {"public", "staff"} & set(named.values())
    assert named.get("web server") in ("public", "staff")


def slow(*_any, **_more):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '50ms'")
        cursor.execute("SELECT pg_sleep(5)")


@pytest.mark.django_db
def test_a_page_that_takes_too_long_says_so_in_its_own_style(client, monkeypatch):
    monkeypatch.setattr(public.line, "log_in_is_on", slow)
    answer = client.get("/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    said = answer.content.decode()
    assert "กรุณาลองใหม่ในอีกสักครู่" in said and "Please try again" in said and "site.css" in said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "slows"),
    [
        ("admin:booking_today", "booking.admin.today.departments_shown"),
        ("admin:booking_waitprediction_changelist", "booking.admin.waits.accuracy.waits"),
        ("admin:booking_ticket_changelist", "booking.admin.tickets.TicketAdmin.get_queryset"),
        ("counters", "booking.views.counter.render"),
    ],
)
def test_so_does_each_kind_of_page_of_staff(client, monkeypatch, name, slows):
    client.force_login(make_user(group=roles.MANAGER))
    monkeypatch.setattr(slows, slow)
    answer = client.get(reverse(name))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "ระบบยังไม่ตอบ" in answer.content.decode()


def limit_now() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        return cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "in_a_report"), [("5s", "1min"), ("2min", "2min"), ("0", "0")])
@pytest.mark.parametrize(
    ("name", "asks"),
    [
        ("admin:booking_report", "booking.admin.reports.tables.tables"),
        ("admin:booking_waitprediction_changelist", "booking.admin.waits.accuracy.waits"),
    ],
)
def test_a_report_may_think_for_a_minute(client, monkeypatch, name, asks, limit, in_a_report):
    client.force_login(make_user(group=roles.MANAGER))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
    monkeypatch.setattr(time_limits, "monotonic", lambda: 0)
    found = []
    monkeypatch.setattr(asks, lambda *_any, **_more: found.append(limit_now()) or [])
    assert client.get(reverse(name)).status_code == 200
    assert found == [in_a_report]


@pytest.fixture
def clock_of_reports(monkeypatch):
    """Goes on by so many seconds; a statement may take five as elsewhere."""
    now = [1000.0]
    monkeypatch.setattr(time_limits, "monotonic", lambda: now[0])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5s'")

    def goes_on(seconds):
        now[0] += seconds

    return goes_on


@pytest.mark.django_db
def test_a_report_has_a_minute_in_all(clock_of_reports):
    found = []

    @time_limits.may_think
    def read():
        for _ in range(5):
            found.append(limit_now())
            clock_of_reports(25)

    with pytest.raises(replica.TookTooLong):
        read()
    assert found == ["1min", "35s", "10s"]
    # The next one has a minute of its own, and what follows it none.
    assert time_limits.may_think(limit_now)() == "1min"
    time_limits.check()


@pytest.mark.django_db
def test_what_a_report_does_between_its_statements_counts_too(clock_of_reports, monkeypatch):
    tickets = [make_walk_in().pk for _ in range(3)]
    counted = []
    monkeypatch.setattr(facts, "_plain", lambda *_asked: tickets)
    monkeypatch.setattr(facts, "_of_ticket", lambda *_asked: counted.append(1) or clock_of_reports(40))
    today = timezone.localdate()
    with pytest.raises(replica.TookTooLong):
        time_limits.may_think(facts.hours)(today, today)
    assert len(counted) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["", "paper", "xlsx"])
def test_a_report_that_takes_too_long_says_what_to_choose(client, monkeypatch, way):
    client.force_login(make_user(group=roles.MANAGER))
    ran = []
    monkeypatch.setattr("booking.admin.reports.tables.tables", lambda *_any, **_more: ran.append(1) or slow())
    answer = client.get(reverse("admin:booking_report"), {"first": "2022-01-01", "last": "2026-12-31", "as": way})
    assert (answer.status_code, len(ran)) == (503, 1)
    said = answer.content.decode()
    assert "กรุณาเลือกช่วงวันให้สั้นลง" in said and 'value="2022-01-01"' in said
    assert "Retry-After" not in answer  # it would take as long


@pytest.mark.django_db
def test_so_does_the_api(client, monkeypatch):
    department = make_open_department()
    monkeypatch.setattr(api_views.availability, "times", slow)
    answer = client.get(f"/api/v1/departments/{department.slug}/days/2026-11-24/slots/")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.django_db
def test_a_look_up_without_the_database_is_not_called_too_many(client, monkeypatch):
    department = make_open_department()

    def gone(*_any):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(throttle, "_count", gone)
    typed = {"by": "member_number", "member_number": "100001"}
    assert client.post(reverse("identify", args=[department.slug]), typed).status_code == 503
    answer = client.post("/api/v1/members/identify/", {"member_number": "100001"}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
