"""The tablet at reception: tickets for who comes without one, checking in who has one, and who may use it."""

import datetime as dt
import re

import pytest
import time_machine
from django.urls import reverse

from booking import roles, verbs
from booking.days import opening
from booking.models import Department, Ticket
from booking.models.tickets import Priority, State
from tests.clock import today_at
from tests.factories import (
    in_days,
    make_counter,
    make_holiday,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)
from tests.pages import text

pytestmark = pytest.mark.django_db

KEY = "0b5f1f5e-6f0c-4f7e-9a53-2f6f5a3f9b11"


@pytest.fixture
def loans():
    return make_open_department(slug="loans", letter="A", name="ฝ่ายสินเชื่อ", max_days_ahead=2)


def issue(client, slug="loans", *, key=KEY, **form):
    return client.post(reverse("kiosk_issue", args=[slug]), {"key": key} | form)


def shown(client):
    return client.get(reverse("kiosk_ticket"))


def key_of(client, slug="loans") -> str:
    return re.search(r'name="key" value="([^"]+)"', client.get(reverse("kiosk_issue", args=[slug])).content.decode())[1]


# --- who may use it ---


@pytest.mark.parametrize("address", ["/kiosk/", "/kiosk/issue/loans/", "/kiosk/ticket/"])
def test_it_is_for_staff_who_receive(client, loans, address):
    assert client.get(address)["Location"] == f"{reverse('admin:login')}?next={address}"
    client.force_login(make_user())
    assert client.get(address).status_code == 403
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(address, follow=True).status_code == 200


def test_a_stranger_and_staff_without_the_right_issue_nothing(client, loans):
    assert issue(client).status_code == 302
    client.force_login(make_user())
    assert issue(client).status_code == 403
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("post", "/kiosk/"),
        ("post", "/kiosk/ticket/"),
        ("put", "/kiosk/check-in/"),
        ("put", "/kiosk/issue/loans/"),
    ],
)
def test_other_methods_are_refused(client, loans, clerk, method, address):
    assert getattr(client, method)(address).status_code == 405


# --- the first page ---


def test_it_says_who_is_open_how_many_wait_and_for_how_long(client, loans, clerk):
    closed = make_open_department(slug="legal", letter="D", name="ฝ่ายกฎหมาย", max_days_ahead=1)
    closed.hours.all().delete()
    opening.rules_changed([closed])
    make_counter(departments=[loans])
    with time_machine.travel(today_at("9.00"), tick=False):
        for _ in range(4):
            make_walk_in(department=loans)

        answer = client.get(reverse("kiosk"))

    assert "ฝ่ายสินเชื่อ รออยู่ 4 คิว รอราว 15 ถึง 65 นาที" in text(answer)
    assert "ฝ่ายกฎหมาย วันนี้ปิด" in text(answer)
    assert reverse("kiosk_issue", args=["loans"]) in answer.content.decode()
    assert reverse("kiosk_issue", args=["legal"]) not in answer.content.decode()


# --- issuing ---


def test_a_ticket_in_one_tap(client, loans, clerk):
    make_walk_in(department=loans)

    answer = issue(client)

    ticket = Ticket.objects.get(number=502)
    assert (ticket.state, ticket.department, ticket.member) == (State.WAITING, loans, None)
    assert ticket.events.get().by == clerk
    page = client.get(answer["Location"])
    assert "A502" in text(page)
    assert "ก่อนหน้าท่านมี 1 คิว" in text(page)
    assert page.content.decode().count("<svg") == 3  # the brand's, and the QR on the screen and on the slip


def test_the_qr_opens_the_ticket_by_its_secret(client, loans, clerk, monkeypatch):
    links = []
    monkeypatch.setattr("booking.views.qr.qr", lambda link, **how: links.append(link) or "")

    issue(client)
    shown(client)

    ticket = Ticket.objects.get()
    assert links == [f"http://testserver/t/{ticket.public_id}/#{ticket.secret}"]


def test_a_double_tap_gives_one_ticket(client, loans, clerk):
    key = key_of(client)

    first, second = issue(client, key=key), issue(client, key=key)

    assert first["Location"] == second["Location"]
    assert Ticket.objects.count() == 1
    assert "A501" in text(shown(client))


def test_the_form_opened_again_issues_another_ticket(client, loans, clerk):
    issue(client, key=key_of(client))
    issue(client, key=key_of(client))

    assert Ticket.objects.count() == 2


def test_a_form_already_used_for_somebody_else_says_to_start_again(client, loans, clerk):
    issue(client)

    answer = issue(client, priority="monk", reason="พระภิกษุ")

    assert answer.status_code == 422
    assert "หน้านี้ออกบัตรคิวไปแล้ว กรุณาเริ่มใหม่" in text(answer)
    assert Ticket.objects.count() == 1


def test_with_a_member_number(client, loans, clerk):
    member = make_member(member_number="100007")

    issue(client, member_number="๑๐๐-๐๐๗")

    assert Ticket.objects.get().member == member
    assert member.given_name not in text(shown(client))


def test_an_unknown_member_number_is_no_obstacle(client, loans, clerk):
    issue(client, member_number="999999")

    assert Ticket.objects.get().member is None
    assert "ไม่พบเลขทะเบียนสมาชิกนี้" in text(shown(client))


def test_what_is_no_number_is_said_beside_the_field(client, loans, clerk):
    answer = issue(client, member_number="abc", priority="monk", reason="พระภิกษุ")

    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'value="abc"' in page
    assert 'aria-invalid="true"' in page
    assert 'value="พระภิกษุ"' in page
    assert f'value="{KEY}"' in page
    assert not Ticket.objects.exists()


def test_a_priority_class_needs_its_reason(client, loans, clerk):
    answer = issue(client, priority="elderly", reason="  ")

    assert answer.status_code == 422
    assert "กรุณาบอกเหตุผลของคิวพิเศษ" in text(answer)
    assert re.search(r'value="elderly" id="class-elderly" checked', answer.content.decode())
    assert not Ticket.objects.exists()

    issue(client, priority="elderly", reason="อายุ 92 ปี")
    ticket = Ticket.objects.get()
    assert (ticket.priority, ticket.priority_reason) == (Priority.ELDERLY, "อายุ 92 ปี")
    assert "ผู้สูงอายุมาก" in text(shown(client))
    assert "อายุ 92 ปี" not in text(shown(client))


def test_a_zero_byte_in_the_reason_is_left_out(client, loans, clerk):
    assert issue(client, priority="elderly", reason=" \0 ").status_code == 422
    issue(client, priority="elderly", reason="อายุ\0 92 ปี")
    assert Ticket.objects.get().priority_reason == "อายุ 92 ปี"


@pytest.mark.parametrize("form", [{"priority": "king"}, {"reason": "x" * 5000}, {"key": "no-key"}])
def test_what_the_form_does_not_offer_is_left_out(client, loans, clerk, form):
    assert issue(client, **form).status_code == 302
    ticket = Ticket.objects.get()
    assert (ticket.priority, ticket.priority_reason) == ("", "")


def test_a_department_that_closed_meanwhile_says_so(client, loans, clerk):
    make_holiday(date=in_days(0), name="วันหยุด")

    answer = issue(client)

    assert answer.status_code == 422
    assert "วันนี้ฝ่ายนี้ปิด กรุณาเลือกฝ่ายอื่น" in text(answer)


def test_no_form_of_a_department_that_is_not_there(client, clerk):
    assert issue(client, "nowhere").status_code == 404


# --- the ticket on the tablet ---


def test_back_at_the_start_the_ticket_is_gone(client, loans, clerk):
    issue(client)
    assert shown(client).status_code == 200

    client.get(reverse("kiosk"))

    assert shown(client)["Location"] == reverse("kiosk")


def test_the_start_that_looks_again_by_itself_takes_no_ticket_away(client, loans, clerk):
    issue(client)

    client.get(reverse("kiosk"), {"again": ""})

    assert shown(client).status_code == 200


def test_nothing_of_it_stays_in_the_browsers_memory(client, loans, clerk):
    issue(client)

    for address in ["/kiosk/", "/kiosk/issue/loans/"]:
        assert "no-store" in client.get(address)["Cache-Control"]


# --- checking in ---


@pytest.fixture
def booked(client):
    """A ticket for 10.00 tomorrow; it is five to ten, and a clerk is signed in."""
    department = make_open_department(slug="loans", letter="A", opens=dt.time(10), closes=dt.time(12))
    ticket = make_ticket(slot=make_slot(department=department))
    with time_machine.travel(ticket.slot.starts_at - dt.timedelta(minutes=5), tick=False):
        client.force_login(make_user(group=roles.CLERK))
        yield ticket


def check_in(client, typed):
    return client.post(reverse("kiosk_check_in"), {"ticket": typed})


@pytest.mark.parametrize("typed", ["A001", "a001", " a 001 ", "A๐๐๑", "A-1"])
def test_by_its_number_however_typed(client, booked, typed):
    answer = check_in(client, typed)

    assert answer["Location"] == reverse("kiosk_ticket")
    booked.refresh_from_db()
    assert booked.state == State.WAITING
    assert booked.events.last().by == client.get(reverse("kiosk")).wsgi_request.user


def test_by_its_link(client, booked):
    check_in(client, f"https://queue.example.org/t/{booked.public_id}/#{booked.secret}")

    booked.refresh_from_db()
    assert booked.state == State.WAITING


@pytest.mark.parametrize("secret_is_in_it", [True, False])
def test_what_the_scanner_reads_of_a_line_card_checks_in_and_no_more(client, booked, secret_is_in_it):
    """The QR code of a message's card has the link without the secret (views/ticket.py)."""
    link = f"https://queue.example.org/t/{booked.public_id}/"
    check_in(client, f"{link}#{booked.secret}\r\n" if secret_is_in_it else f"{link}\r\n")

    booked.refresh_from_db()
    assert booked.state == State.WAITING
    assert booked.secret not in shown(client).content.decode()


def test_who_types_a_number_does_not_get_the_ticket_itself(client, booked):
    check_in(client, "A001")

    page = shown(client)
    assert "แจ้งมาถึงแล้ว กรุณารอเรียก" in text(page)
    assert page.content.decode().count("<svg") == 1  # the brand's
    assert booked.secret not in page.content.decode()


@pytest.mark.parametrize("typed", ["", "A999", "Z001", "สวัสดี", "https://queue.example.org/t/nobody-has-this/#x"])
def test_a_number_that_nobody_has_says_so(client, booked, typed):
    answer = check_in(client, typed)

    assert answer.status_code == 422
    assert "ไม่พบบัตรคิวนี้ของวันนี้ กรุณาตรวจหมายเลขบนบัตร" in text(answer)


def test_a_member_number_tells_nobody_who_has_a_ticket(client, booked):
    answer = check_in(client, booked.member.member_number)

    assert answer.status_code == 422
    assert booked.code not in text(answer)


def test_a_ticket_of_another_day_says_so(client, booked):
    other = make_ticket(slot=make_slot(department=booked.department, days_ahead=1))

    answer = check_in(client, f"https://queue.example.org/t/{other.public_id}/#{other.secret}")

    assert answer.status_code == 422
    assert "บัตรคิวนี้ไม่ใช่ของวันนี้" in text(answer)
    assert other.secret not in answer.content.decode()


def test_twice_shows_the_ticket_again(client, booked):
    check_in(client, "A001")

    assert check_in(client, "A001")["Location"] == reverse("kiosk_ticket")
    assert booked.events.filter(verb="check_in").count() == 1


def test_a_ticket_that_was_called_already_says_so(client, booked):
    check_in(client, "A001")
    counter = make_counter(departments=[booked.department])
    verbs.call_next(counter=counter, by=counter.clerk)

    answer = check_in(client, "A001")

    assert answer.status_code == 422
    assert "บัตรคิว A001 กำลังเรียก แจ้งมาถึงไม่ได้" in text(answer)


def test_a_member_who_has_a_ticket_is_checked_in_with_it(client, booked):
    answer = issue(client, member_number=booked.member.member_number)

    assert answer.status_code == 422
    assert "สมาชิกท่านนี้มีบัตรคิว A001 ของฝ่ายนี้ในวันนี้แล้ว" in text(answer)
    assert "แจ้งว่า A001 มาถึงแล้ว" in text(answer)
    assert '<input type="hidden" name="ticket" value="A001">' in answer.content.decode()
    assert Ticket.objects.count() == 1


def test_a_stranger_checks_nobody_in(client, booked):
    client.logout()

    assert check_in(client, "A001")["Location"].startswith(reverse("admin:login"))
    booked.refresh_from_db()
    assert booked.state == State.BOOKED


def test_a_kiosk_with_nothing_to_offer_says_why(client, clerk, loans):
    Department.objects.update(is_active=False)
    assert "ยังไม่มีฝ่ายที่ออกบัตรคิวจากเครื่องนี้ได้" in client.get(reverse("kiosk")).content.decode()
