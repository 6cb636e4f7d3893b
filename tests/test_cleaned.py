"""What no form and no address can carry past the door: NULs, other charsets, numbers beyond range."""

import datetime as dt
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest
from axes.models import AccessAttempt
from django.urls import reverse

from booking import roles
from booking.models import Ticket
from members.citizen_id import ascii_digits
from queuesite.cleaned import addresses_and_cookies
from tests.factories import make_citizen_id, make_member, make_open_department, make_ticket, make_user
from tests.pages import hold

pytestmark = pytest.mark.django_db

BEYOND = ["date__year=99999999999", "date__year=0", "date__month=13&date__year=2026", "date__day=99&date__month=1"]


@pytest.fixture
def manager(client):
    client.force_login(make_user(group=roles.MANAGER))
    return client


@pytest.mark.parametrize("query", BEYOND)
def test_a_number_beyond_range_is_refused_with_a_sentence(manager, query):
    make_ticket()
    answer = manager.get(f"{reverse('admin:booking_ticket_changelist')}?{query}", follow=True)
    assert answer.status_code in (200, 400)


def test_a_year_that_nothing_can_hold_is_answered_400(manager):
    answer = manager.get(f"{reverse('admin:booking_ticket_changelist')}?date__year=99999999999")
    assert answer.status_code == 400
    assert "กรุณาทำรายการอีกครั้ง" in answer.text


def test_a_field_without_a_name_is_answered_400(manager):
    attempt = AccessAttempt.objects.create(username="x", ip_address="127.0.0.1", failures_since_start=1)
    for row in (attempt, make_open_department()):
        address = f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"
        assert manager.get(f"{address}?_to_field=").status_code == 400
        assert manager.get(f"{address}?_to_field=id").status_code != 500


def test_a_nul_in_the_kiosks_reason_is_left_out_and_the_rest_kept(manager):
    department = make_open_department(opens=dt.time(0, 0), closes=dt.time(23, 30))
    manager.post(reverse("kiosk_issue", args=[department.slug]), {"priority": "monk", "reason": "พระ\0ภิกษุ"})
    assert Ticket.objects.get().priority_reason == "พระภิกษุ"


def test_a_nul_in_a_search_finds_what_is_left_of_it(manager):
    member = make_member(given_name="มาลี")
    answer = manager.get(reverse("admin:members_member_changelist"), {"q": "มา\0ลี"})
    assert member.member_number in answer.text


def test_a_nul_in_an_address_leads_nowhere(manager):
    assert manager.get("/admin/booking/messagechoice/%00/change/").status_code == 404
    assert manager.get("/t/%00/").status_code == 404


def test_a_nul_in_a_cookie_is_no_cookie(client):
    client.cookies["sessionid"] = "\0" * 32
    assert client.get(reverse("admin:index")).status_code == 302
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("charset", ["rot13", "hex", "utf-7", "nothing", "raw_unicode_escape"])
def test_a_form_in_another_charset_is_read_as_utf_8(client, charset):
    department = make_open_department()
    member = make_member()
    answer = client.generic(
        "POST",
        reverse("identify", args=[department.slug]),
        f"by=member_number&member_number={member.member_number}".encode(),
        content_type=f"application/x-www-form-urlencoded; charset={charset}",
    )
    assert answer.status_code == 302


def test_what_was_typed_is_kept_beside_the_refusal(client):
    department = make_open_department()
    answer = client.post(
        reverse("identify", args=[department.slug]), {"by": "member_number", "member_number": "12a\0bc"}
    )
    assert answer.status_code == 422
    assert "12abc" in answer.text


def test_a_department_with_a_word_that_never_ends_still_has_pictures(client):
    ticket = make_ticket(name="ฝ" * 100, bring="ก" * 4000 + "\nสมุด")
    hold(client, ticket)
    assert client.get(reverse("ticket_picture", args=[ticket.public_id])).status_code == 200


@pytest.mark.parametrize("typed", [make_citizen_id(7), f"{make_citizen_id(7)[:1]} {make_citizen_id(7)[1:]}"])
@pytest.mark.parametrize("path", ["/", "/admin/members/member/", "/tickets/", "//evil.example/"])
def test_an_address_with_a_citizen_id_leads_to_the_same_without_it(client, path, typed):
    answer = client.get(path, QUERY_STRING=urlencode({"when": "all", "q": typed}))
    assert answer.status_code == 302
    onward = urlsplit(answer["Location"])
    assert (onward.netloc, parse_qs(onward.query)["when"]) == ("", ["all"])
    assert make_citizen_id(7) not in ascii_digits(unquote(answer["Location"]))
    again = client.get(answer["Location"])
    assert make_citizen_id(7) not in ascii_digits(unquote(f"{again.headers}{again.text}"))


def test_a_form_sent_to_an_address_with_a_citizen_id_is_read_without_it(manager, rf):
    kept = []
    door = addresses_and_cookies(lambda request: kept.append(request.GET["q"]))
    door(rf.post(f"/?q={make_citizen_id(7)}"))
    assert kept == ["•" * 13]


@pytest.mark.parametrize(
    "query", ["v=1.2-2026-11-23-30-th", f"code=a{make_citizen_id(7)}b", "day=2026-11-23&slot=1234567890123"]
)
def test_what_is_no_citizen_id_stays_in_an_address(rf, query):
    kept = []
    addresses_and_cookies(lambda request: kept.append(request.META["QUERY_STRING"]))(rf.get(f"/?{query}"))
    assert kept == [query]
