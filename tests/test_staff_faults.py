"""Where a page of staff fails, it says so in their words and leads back to where they were."""

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client
from django.urls import reverse

from booking.models import Counter
from booking.roles import CLERK, MANAGER
from tests.factories import make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

HOST = "http://testserver"


@pytest.fixture
def manager(client):
    client.force_login(make_user(group=MANAGER))
    client.raise_request_exception = False
    return client


def back(answer) -> str:
    """Where the first button leads."""
    return answer.content.decode().partition("office-button")[2].partition('href="')[2].partition('"')[0]


def test_what_is_not_there_leads_back_to_the_list(manager):
    came_from = reverse("admin:booking_department_changelist")

    answer = manager.get("/admin/no/such/page/", headers={"Referer": f"{HOST}{came_from}?page=2"})

    assert answer.status_code == 404
    assert "ไม่พบหน้าหรือรายการนี้" in text(answer)
    assert back(answer) == f"{came_from}?page=2"


def test_what_may_not_be_done(client):
    client.force_login(make_user(group=CLERK))
    came_from = reverse("admin:booking_ticket_changelist")

    answer = client.get(reverse("admin:booking_counter_add"), headers={"Referer": HOST + came_from})

    assert answer.status_code == 403
    assert "บัญชีนี้ไม่มีสิทธิ์ทำรายการนี้" in text(answer)
    assert back(answer) == came_from


def test_a_form_with_too_many_fields_leads_back_to_the_form(manager, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 5
    form = reverse("admin:booking_boardnotice_add")

    answer = manager.post(form, {f"field-{nth}": "x" for nth in range(9)}, headers={"Referer": HOST + form})

    assert answer.status_code == 400
    assert "ข้อมูลที่ส่งมาไม่ครบ หรือมากเกินไป" in text(answer)
    assert form in answer.content.decode()
    assert "กลับหน้าแรก" not in text(answer)


def test_a_form_that_stood_open_too_long(client):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user(group=MANAGER))
    form = reverse("admin:booking_boardnotice_add")

    answer = strict.post(form, {"text": "x"}, headers={"Referer": HOST + form})

    assert (answer.status_code, "หน้านี้เปิดไว้นานเกินไป" in text(answer)) == (403, True)
    assert back(answer) == form


@pytest.mark.parametrize("path", ["admin/", "counter/"])
def test_a_fault_of_ours_says_to_check_before_repeating(manager, monkeypatch, path):
    def broken(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("booking.views.counter.refusals.why", broken)
    monkeypatch.setattr("django.contrib.admin.sites.AdminSite.each_context", broken)
    came_from = reverse("counters") + "7/"

    answer = manager.get(f"/{path}", headers={"Referer": HOST + came_from})

    assert answer.status_code == 500
    assert "กรุณากลับไปตรวจก่อนทำซ้ำ" in text(answer)
    assert f'href="{came_from}"' in answer.content.decode()


def test_at_the_counters(client):
    client.force_login(make_user(group=CLERK))

    answer = client.get("/counter/999/", headers={"Referer": f"{HOST}/counter/"})

    assert answer.status_code == 404
    assert 'class="button" href="/counter/"' in answer.content.decode()


@pytest.mark.parametrize(
    "came_from",
    ["", "https://elsewhere.example/admin/x/", f"{HOST}/book/loans/", f"{HOST}/counter/999/", "http://[", "//x"],
)
def test_never_back_to_another_site_or_to_the_page_that_failed(client, came_from):
    client.force_login(make_user(group=CLERK))
    answer = client.get("/counter/999/", headers={"Referer": came_from})
    assert 'class="button" href="/counter/"' in answer.content.decode()


def test_a_host_that_is_not_ours(manager, settings):
    settings.ALLOWED_HOSTS = ["queue.example.org"]
    assert manager.get("/counter/", headers={"Host": "elsewhere.example"}).status_code == 400


def test_strangers_see_the_same_and_no_menu(client):
    Counter.objects.create(number=1)
    answer = client.post("/counter/abc/x/")
    assert answer.status_code == 404
    assert reverse("counter_log_out") not in answer.content.decode()


def test_members_are_led_home_as_before(client):
    answer = client.get("/no-such-page/")
    assert (answer.status_code, "กลับหน้าแรก" in text(answer)) == (404, True)


def test_suspicious_requests_are_no_fault_of_ours(manager, monkeypatch):
    def suspicious(*args, **kwargs):
        raise SuspiciousOperation

    monkeypatch.setattr("booking.views.counter.refusals.why", suspicious)
    assert manager.get("/counter/").status_code == 400


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("https://testserver:8443", "https://testserver:8443"),
        ("https://elsewhere.example.org", ""),
        ("null", ""),
        (HOST, ""),
    ],
)
@pytest.mark.parametrize(("form", "known_by"), [("/admin/login/", "CSRF_TRUSTED_ORIGINS"), ("/status/", "แจ้งสำนักงาน")])
def test_a_port_that_the_front_hides_is_told_and_another_site_is_not(client, origin, said, form, known_by):
    """Behind something that does not pass on the port no form works: the page says which setting is missing."""
    strict = Client(enforce_csrf_checks=True)

    page = text(strict.post(form, {"username": "x"}, headers={"Origin": origin}))

    assert (known_by in page) is bool(said)
    assert (said or "เปิดไว้นานเกินไป") in page
    assert "elsewhere" not in page
