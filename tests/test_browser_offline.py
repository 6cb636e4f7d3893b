"""Without a line: tickets that this telephone has opened can be read, everything else says what is the matter, and what
was chosen is kept."""

import time

import pytest
from django.utils.translation import get_language
from playwright.sync_api import expect

from booking.models import Ticket
from booking.views import offline
from tests.factories import make_member, make_open_department, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def phone(new_phone):
    page = new_phone(service_workers="allow")
    page.goto("/guide/")
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("navigator.serviceWorker.controller")
    return page


def cut(page) -> None:
    page.context.set_offline(True)


def test_a_ticket_that_was_opened_can_be_read_with_the_time_of_what_it_says(phone):
    ticket = make_ticket(bring="บัตรประชาชน")
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    expect(phone.get_by_role("heading", level=1)).to_contain_text(ticket.code)
    phone.goto("/tickets/")
    cut(phone)

    phone.goto(f"/t/{ticket.public_id}/?booked=1")
    expect(phone.get_by_role("heading", level=1)).to_contain_text(ticket.code)
    expect(phone.locator("[data-as-of]")).to_contain_text("ข้อมูลเมื่อ")
    phone.goto("/tickets/")
    expect(phone.get_by_text(ticket.code)).to_be_visible()
    expect(phone.locator("[data-as-of]")).to_contain_text("ข้อมูลเมื่อ")
    phone.troubles.clear()  # the browser says of each request that it has no line


def test_a_form_that_cannot_be_sent_says_so_and_what_was_chosen_is_kept(phone):
    member, department = make_member(), make_open_department(name="ฝ่ายสินเชื่อ")
    phone.goto(f"/book/{department.slug}/")
    phone.locator("label[for=by-member-number]").click()
    phone.locator("#member-number").fill(member.member_number)
    phone.get_by_role("button", name="ต่อไป").click()
    phone.get_by_role("button", name="ใช่", exact=True).click()
    phone.locator("a.day").first.click()
    phone.locator(".time input:not(:disabled) + label").nth(1).click()
    chosen = phone.locator("[data-chosen]").inner_text()
    cut(phone)

    phone.get_by_role("button", name="จองคิว").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("ไม่มีสัญญาณอินเทอร์เน็ต")
    assert not Ticket.objects.exists()

    phone.context.set_offline(False)
    phone.get_by_role("button", name="กลับไปหน้าก่อน แล้วลองอีกครั้ง").click()
    expect(phone.locator("[data-chosen]")).to_have_text(chosen)
    phone.get_by_role("button", name="จองคิว").click()
    phone.wait_for_url("**/t/**")
    assert Ticket.objects.get().member == member
    phone.troubles.clear()


@pytest.mark.parametrize("address", ["/wait/nobody/", "/member/", "/member/first/", "/privacy/", "/line/", "/status/"])
def test_every_page_of_members_says_that_there_is_no_line(phone, address):
    cut(phone)
    phone.goto(address)
    expect(phone.get_by_role("heading", level=1)).to_have_text("ไม่มีสัญญาณอินเทอร์เน็ต")
    phone.troubles.clear()


def test_the_page_speaks_the_members_language(phone):
    phone.goto("/guide/")
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_role("button", name="ภาษาไทย")).to_be_visible()
    phone.wait_for_function(
        "caches.match('/offline/').then((page) => page.text()).then((text) => text.includes('No internet connection'))"
    )
    cut(phone)
    phone.goto("/status/")
    expect(phone.get_by_role("heading", level=1)).to_have_text("No internet connection")
    phone.troubles.clear()


def test_the_language_chosen_last_stays_on_a_slow_line(phone, monkeypatch):
    """The page of the language before, asked for first, is answered last."""
    in_time = offline.render

    def late_in_thai(request, *args, **options):
        response = in_time(request, *args, **options)
        if get_language() == "th":
            time.sleep(1.5)
        return response

    monkeypatch.setattr(offline, "render", late_in_thai)
    phone.goto("/guide/")
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_role("button", name="ภาษาไทย")).to_be_visible()
    phone.wait_for_timeout(2_500)
    cut(phone)
    phone.goto("/status/")
    expect(phone.get_by_role("heading", level=1)).to_have_text("No internet connection")
    phone.troubles.clear()


def test_an_open_ticket_says_when_it_has_lost_its_line(phone):
    ticket = make_ticket()
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    expect(phone.locator("#live")).to_be_visible()
    phone.clock.install()
    phone.reload()
    cut(phone)
    phone.clock.fast_forward(361_000)
    expect(phone.get_by_text("ขาดการติดต่อ")).to_be_visible()
    phone.context.set_offline(False)
    phone.clock.fast_forward(721_000)
    expect(phone.get_by_text("ขาดการติดต่อ")).to_be_hidden()
    phone.troubles.clear()
