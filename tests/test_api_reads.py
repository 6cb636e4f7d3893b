"""What anyone may read of the API: departments, days and times; its schema and its pages."""

import datetime as dt

import pytest
from django.utils import timezone

from tests.factories import in_days, make_department, make_open_department, make_slot, make_ticket

pytestmark = pytest.mark.django_db


def test_departments_in_the_office_s_order(client):
    make_department(slug="later", letter="B", name="ฝ่ายหลัง", position=2)
    make_open_department(slug="first", letter="A", name="ฝ่ายแรก", description="ขอกู้เงิน", position=1)
    make_department(slug="gone", letter="C", is_active=False)

    answer = client.get("/api/v1/departments/")

    assert answer.status_code == 200
    assert answer.json() == [
        {
            "slug": "first",
            "letter": "A",
            "name": "ฝ่ายแรก",
            "description": "ขอกู้เงิน",
            "is_open_today": True,
            "has_waiting_list": False,
            "topics": [],
        },
        {
            "slug": "later",
            "letter": "B",
            "name": "ฝ่ายหลัง",
            "description": "",
            "is_open_today": False,
            "has_waiting_list": False,
            "topics": [],
        },
    ]


def test_names_in_the_language_of_the_request(client):
    make_department(name="ฝ่ายสินเชื่อ", name_en="Loans")

    assert client.get("/api/v1/departments/").json()[0]["name"] == "ฝ่ายสินเชื่อ"
    assert client.get("/api/v1/departments/", headers={"Accept-Language": "en"}).json()[0]["name"] == "Loans"
    client.cookies["django_language"] = "en"
    assert client.get("/api/v1/departments/").json()[0]["name"] == "Loans"


def test_days_and_why_one_cannot_be_booked(client):
    department = make_open_department(quota=1, max_days_ahead=5)
    for slot in department.slots.filter(date=in_days(2)):
        make_ticket(slot=slot)

    answer = client.get(f"/api/v1/departments/{department.slug}/days/?from={in_days(-1)}&to={in_days(7)}")

    days = {day["date"]: day for day in answer.json()}
    assert len(days) == 9
    assert days[str(in_days(1))] == {"date": str(in_days(1)), "state": "open", "reason": "", "free": 14}
    assert days[str(in_days(2))] == {"date": str(in_days(2)), "state": "full", "reason": "เต็ม", "free": 0}
    assert days[str(in_days(-1))]["state"] == "past"
    for date in map(str, [in_days(6), in_days(7)]):  # laid out already, and not yet
        assert days[date] == {"date": date, "state": "not_yet", "reason": "ยังไม่เปิดจอง", "free": 0}


def test_days_are_those_of_the_booking_window_where_none_are_named(client):
    department = make_open_department(max_days_ahead=5)

    days = client.get(f"/api/v1/departments/{department.slug}/days/").json()

    assert [day["date"] for day in days] == [str(in_days(ahead)) for ahead in range(6)]


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-02-30&to=2026-03-01",
        "from=20260101&to=20260102",
        "from=2026-W01-1",
        "from=&to=",
        "from=๒๕๖๙-๐๑-๐๑",
        "from=2026-01-02&to=2026-01-01",
        "from=2026-01-01&to=2027-01-02",
        "from=0001-01-01&to=9999-12-31",
        "from=%00&to=%FF",
        "from=2026-01-01%00",
    ],
)
def test_a_range_that_is_none_is_refused(client, query):
    department = make_open_department()

    answer = client.get(f"/api/v1/departments/{department.slug}/days/?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_longest_range_is_a_leap_year(client):
    address = f"/api/v1/departments/{make_open_department().slug}/days/?from=2026-01-01&to="
    assert len(client.get(address + "2027-01-01").json()) == 366
    assert client.get(address + "2027-01-02").status_code == 400


@pytest.mark.parametrize("first, last", [("0001-01-01", "0001-12-31"), ("9999-01-01", "9999-12-31")])
def test_the_ends_of_the_calendar_are_days_like_others(client, first, last):
    department = make_open_department()

    answer = client.get(f"/api/v1/departments/{department.slug}/days/?from={first}&to={last}")

    assert (answer.status_code, len(answer.json())) == (200, 365)


def test_times_of_a_day(client):
    department = make_open_department(quota=4)
    slot = make_slot(department=department)
    make_ticket(slot=slot)

    times = client.get(f"/api/v1/departments/{department.slug}/days/{in_days(1)}/slots/").json()

    assert len(times) == 14
    assert times[0] == {
        "id": slot.pk,
        "start": f"{in_days(1)}T08:30:00+07:00",
        "end": f"{in_days(1)}T09:00:00+07:00",
        "quota": 4,
        "free": 3,
        "state": "open",
    }


def test_a_closed_day_has_no_times(client):
    closed = in_days(1)
    department = make_open_department(weekdays=set(range(7)) - {closed.weekday()})

    answer = client.get(f"/api/v1/departments/{department.slug}/days/{closed}/slots/")

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("path", ["days/", f"days/{dt.date(2026, 1, 5)}/slots/"])
@pytest.mark.parametrize("slug", ["no-such-department", "closed-down"])
def test_an_unknown_department_is_not_found(client, path, slug):
    make_open_department(slug="closed-down", is_active=False)

    answer = client.get(f"/api/v1/departments/{slug}/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_day_that_is_none_is_refused(client):
    department = make_open_department()

    for date in ("2026-13-01", "tomorrow", "%00", "2026-1-1"):
        answer = client.get(f"/api/v1/departments/{department.slug}/days/{date}/slots/")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), date


@pytest.mark.parametrize("tickets", [0, 20])
def test_days_cost_the_same_queries_however_many_tickets(client, tickets, django_assert_max_num_queries):
    department = make_open_department(quota=20)
    for _ in range(tickets):
        make_ticket(slot=make_slot(department=department))

    with django_assert_max_num_queries(6):
        client.get(f"/api/v1/departments/{department.slug}/days/?from={timezone.localdate()}&to={in_days(14)}")


def test_no_cookie_and_no_session(client):
    make_open_department()

    answer = client.get("/api/v1/departments/")

    assert not answer.cookies


def test_the_pages_come_from_here_and_widen_the_policy_for_themselves_only(client):
    page = client.get("/api/docs/")
    policy = page["Content-Security-Policy"]

    assert page.status_code == 200
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src 'self';" in policy + ";"
    assert "http" not in page.content.decode().replace('"/', "")
    assert "unsafe-inline" not in client.get("/api/v1/departments/")["Content-Security-Policy"]


def test_the_schema_has_every_operation(client):
    schema = client.get("/api/schema/?format=json").json()

    assert {(path, method) for path, methods in schema["paths"].items() for method in methods} == {
        ("/api/v1/departments/", "get"),
        ("/api/v1/departments/{slug}/days/", "get"),
        ("/api/v1/departments/{slug}/days/{date}/slots/", "get"),
        ("/api/v1/members/identify/", "post"),
        ("/api/v1/waiting/", "post"),
        ("/api/v1/waiting/{public_id}/", "get"),
        ("/api/v1/waiting/{public_id}/accept/", "post"),
        ("/api/v1/waiting/{public_id}/leave/", "post"),
        ("/api/v1/tickets/", "post"),
        ("/api/v1/tickets/{public_id}/", "get"),
        ("/api/v1/tickets/{public_id}/cancel/", "post"),
        ("/api/v1/tickets/{public_id}/reschedule/", "post"),
        ("/api/v1/tickets/{public_id}/check-in/", "post"),
        ("/api/v1/tickets/{public_id}/undo-check-in/", "post"),
        ("/api/v1/tickets/{public_id}/finish/", "post"),
        ("/api/v1/tickets/{public_id}/come-back/", "post"),
        ("/api/v1/walk-ins/", "post"),
        ("/api/v1/board/", "get"),
        ("/api/v1/board/{slug}/", "get"),
        ("/api/v1/counters/{number}/call-next/", "post"),
        ("/api/v1/counters/{number}/call/", "post"),
        ("/api/v1/counters/{number}/recall/", "post"),
        ("/api/v1/counters/{number}/undo-call/", "post"),
        ("/api/v1/counters/{number}/start/", "post"),
        ("/api/v1/counters/{number}/finish/", "post"),
        ("/api/v1/counters/{number}/undo-finish/", "post"),
        ("/api/v1/counters/{number}/miss/", "post"),
        ("/api/v1/counters/{number}/hold/", "post"),
        ("/api/v1/counters/{number}/resume/", "post"),
        ("/api/v1/counters/{number}/put-back/", "post"),
        ("/api/v1/counters/{number}/transfer/", "post"),
    }
