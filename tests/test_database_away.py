"""The database cannot be reached: whatever is asked, and whoever asks, is told so in the way of its own kind, and when
to try again. Above all those who are signed in, whose session is read before any page is."""

import contextlib
import re

import pytest
from django.db import OperationalError, connection

from booking import prepared
from booking.roles import CLERK, KIOSK, MANAGER
from tests import sitemap
from tests.factories import make_member, make_open_department, make_user

pytestmark = pytest.mark.django_db

WHOM = [None, CLERK, KIOSK, MANAGER]
FILLED = {"date": "2026-11-26", "slug": "somebody", "public_id": "somebody", "verb": "finish"}
ADDRESSES = sorted({address.filled(FILLED) for address in sitemap.addresses()})


@contextlib.contextmanager
def away(monkeypatch):
    def refuse(*_any, **_more):
        raise OperationalError("connection refused")

    with monkeypatch.context() as patched, connection.execute_wrapper(refuse):
        patched.setattr(prepared, "_execute", refuse)
        yield


@pytest.fixture
def visitor(client):
    client.raise_request_exception = False

    def somebody(group):
        if group:
            client.force_login(make_user(group=group))
        return client

    return somebody


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("group", WHOM)
def test_no_address_fails(visitor, monkeypatch, group, method):
    client = visitor(group)
    told = 0
    with away(monkeypatch):
        for path in ADDRESSES:
            answer = getattr(client, method)(path)
            assert answer.status_code != 500, path
            if answer.status_code == 503:
                told += 1
                assert answer["Retry-After"] == "5", path
                is_json = answer["Content-Type"].startswith("application/json")
                assert is_json == path.startswith(("/api/", "/readyz", "/workerz")), path
    assert told > 20 or method == "post"
    if group:
        assert told > 200


KINDS = [
    ("/", "text/html", "บัตรคิวที่ได้รับแล้วยังใช้ได้"),
    ("/api/v1/departments/", "application/json", '"code": *"unavailable"'),
    ("/counter/1/live/", "text/plain", "^ระบบขัดข้องชั่วคราว กรุณาลองใหม่"),
    ("/line/webhook/", "text/html", "^$"),
    ("/board/", "text/html", 'http-equiv="refresh" content="10"'),
    ("/counter/1/", "text/html", 'http-equiv="refresh" content="10"(?s:.)*กรุณาตรวจก่อนทำซ้ำ'),
    ("/admin/booking/ticket/", "text/html", 'http-equiv="refresh" content="10"(?s:.)*กรุณาตรวจก่อนทำซ้ำ'),
]


@pytest.mark.parametrize(("path", "kind", "said"), KINDS)
def test_each_is_told_in_the_way_of_its_kind(visitor, monkeypatch, path, kind, said):
    client = visitor(MANAGER)
    with away(monkeypatch):
        answer = client.get(path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"].startswith(kind)
    assert re.search(said, answer.content.decode())


def test_a_kiosk_goes_back_to_its_first_page_by_itself(visitor, monkeypatch):
    client = visitor(KIOSK)
    with away(monkeypatch):
        answer = client.post("/kiosk/check-in/", {"code": "x"})
    assert 'content="10;url=/kiosk/"' in answer.content.decode()


def test_a_form_that_staff_sent_is_not_asked_for_again(visitor, monkeypatch):
    client = visitor(MANAGER)
    with away(monkeypatch):
        page = client.post("/admin/booking/department/add/", {"name": "x"}).content.decode()
    assert "ตรวจก่อนทำซ้ำ" in page
    assert "refresh" not in page


def test_health_is_told_with_a_session_too(visitor, monkeypatch):
    client = visitor(MANAGER)
    with away(monkeypatch):
        assert client.get("/healthz").status_code == 200


def test_a_fault_of_the_api_itself_is_json(visitor, monkeypatch):
    def broken(*_any):
        raise ZeroDivisionError

    monkeypatch.setattr("booking.api.views.availability.booking_window", broken)
    monkeypatch.setattr("booking.api.views.DepartmentDay.objects.on", broken)
    answer = visitor(None).get("/api/v1/departments/")
    assert (answer.status_code, answer.json()["code"]) == (500, "fault")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "kind"),
    [("/book/{slug}/", {}), ("/api/v1/members/identify/", {"content_type": "application/json"})],
)
def test_so_is_who_would_write_where_nothing_may_be_written(visitor, path, kind):
    """As on a server that has become the copy of another."""
    address, number = path.format(slug=make_open_department().slug), make_member().member_number
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            answer = visitor(None).post(address, {"by": "member_number", "member_number": number}, **kind)
        finally:
            cursor.execute("SET default_transaction_read_only = off")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
