"""Every refusal of the API has one shape and one language, whoever refuses: the request itself never makes a fault."""

import io
import json

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import translation

from booking.errors import SlotFull
from booking.models import DepartmentDay
from members.errors import NotRegistered
from members.identify import issue_identity
from queuesite.wsgi import application
from tests.factories import make_department, make_member, make_slot, make_ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", ["th", "en"])
def test_the_message_is_in_the_language_of_the_request(client, language):
    slot = make_slot(quota=1)
    make_ticket(slot=slot)
    body = {"identity": issue_identity(make_member())[0], "slot": slot.pk}

    answer = client.post(
        "/api/v1/tickets/", body, content_type="application/json", headers={"Accept-Language": language}
    )

    with translation.override(language):
        assert answer.json() == {"code": "slot_full", "message": str(SlotFull.message)}
    assert answer["Content-Language"] == language


def test_a_member_is_told_in_thai_where_nothing_is_said(client):
    answer = client.post("/api/v1/members/identify/", {"member_number": "1"}, content_type="application/json")

    with translation.override("th"):
        assert answer.json()["message"] == str(NotRegistered.message)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\x00",
        b"NaN",
        b'{"citizen_id": Infinity}',
        b"[" * 5000,
        b'{"citizen_id": ' * 400 + b"1" + b"}" * 400,
        b'{"slot": ' + b"9" * 5000 + b"}",
        b'"text"',
        b"1",
        b"null",
        b"{" + b" " * 20000 + b"}",
    ],
    ids=lambda body: str(body[:16]),
)
@pytest.mark.parametrize("path", ["members/identify/", "tickets/"])
def test_a_body_that_is_no_json_of_ours(client, path, body):
    answer = client.post(f"/api/v1/{path}", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
def test_a_body_of_another_kind(client, content_type):
    answer = client.post("/api/v1/tickets/", b"slot=1", content_type=content_type)

    assert (answer.status_code, answer.json()["code"]) == (415, "invalid")


@pytest.mark.django_db(transaction=True)  # the application itself, which looks after its connections
@pytest.mark.parametrize("charset", ["hex", "idna", "utf-16", "no-such-charset"])
def test_whatever_charset_is_named_a_request_is_read_as_utf8(charset):
    department = make_department()
    statuses = []
    answer = application(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/api/v1/departments/{department.slug}/days/",
            "QUERY_STRING": "from=2026-01-01&to=2026-01-02",
            "CONTENT_TYPE": f"application/json; charset={charset}",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(),
        },
        lambda status, headers: statuses.append(status),
    )

    assert statuses == ["200 OK"]
    assert len(json.loads(b"".join(answer))) == 2


def test_the_answer_is_json_whatever_is_asked_for(client):
    answer = client.get("/api/v1/departments/?format=xml", headers={"Accept": "text/xml"})

    assert (answer.status_code, answer["Content-Type"], answer.json()) == (200, "application/json", [])


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "departments/"),
        ("DELETE", "departments/loans/days/"),
        ("PUT", "departments/loans/days/2026-01-05/slots/"),
        ("GET", "members/identify/"),
        ("GET", "tickets/"),
        ("OPTIONS", "tickets/"),
        ("DELETE", "tickets/some-id/"),
        ("GET", "tickets/some-id/cancel/"),
        ("PATCH", "tickets/some-id/reschedule/"),
    ],
)
def test_a_wrong_method(client, method, path):
    answer = client.generic(method, f"/api/v1/{path}")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer["Allow"]


@pytest.mark.parametrize("path", ["", "nothing/", "tickets", "tickets/../../", "tickets/a%00b/", "departments/ก/days/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address(client, method, path):
    answer = client.generic(method, f"/api/v1/{path}", "{}", content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_post_needs_no_csrf_token_because_no_cookie_counts():
    answer = Client(enforce_csrf_checks=True).post("/api/v1/tickets/", {}, content_type="application/json")

    assert answer.json()["code"] == "invalid"


def test_a_database_out_of_reach_is_a_reason_to_try_again(client, monkeypatch):
    def gone(*arguments):
        raise OperationalError

    monkeypatch.setattr(DepartmentDay.objects, "on", gone)
    answer = client.get("/api/v1/departments/")

    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unavailable", "5")


def test_a_fault_of_ours_crashes_loudly(client, monkeypatch):
    def broken(date):
        raise ZeroDivisionError

    monkeypatch.setattr(DepartmentDay.objects, "on", broken)
    with pytest.raises(ZeroDivisionError):
        client.get("/api/v1/departments/")


def test_a_form_of_the_schema_that_is_not_there(client):
    answer = client.get("/api/schema/", headers={"Accept": "text/xml"})

    assert answer.status_code == 406
