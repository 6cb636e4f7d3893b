"""A sheet of paper entered by keyboard alone, at a desk and on a tablet."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from booking import roles
from booking.models import Ticket
from booking.models.tickets import State
from tests.browser import DESK, looks_right_at_desk_and_on_tablet
from tests.clock import MORNING, today_at
from tests.factories import make_counter, make_member, make_open_department, make_ticket, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_sheet_is_entered_by_keyboard_and_what_is_wrong_stands_at_its_row(clock, new_page):
    department = make_open_department(name="ฝ่ายสินเชื่อ", letter="A")
    make_counter(departments=[department], number=1)
    slots = list(department.slots.filter(date=MORNING.date()).order_by("starts_at"))
    for nth in range(6):
        make_ticket(slot=slots[nth], member=make_member(given_name="สมศรี"))
    clock.move_to(today_at("12.30"))
    page = new_page(DESK, user=make_user(group=roles.MANAGER), bypass_csp=True)
    page.goto(reverse("admin:booking_ticket_on_paper"))
    first, second = Ticket.objects.order_by("number")[:2]

    def types(*texts):
        for text in texts:
            page.keyboard.type(text)
            page.keyboard.press("Tab")

    page.get_by_label(f"มาถึง {first.code}").focus()
    types("0825", "0830", "1", "0850", "")
    types("0900", "0845", "1")
    page.keyboard.type("0910")
    page.keyboard.press("Enter")

    fault = page.get_by_text("เวลาต้องเรียงตามลำดับ")
    expect(fault).to_be_visible()
    expect(page.get_by_label(f"เรียก {second.code}")).to_have_value("0845")
    looks_right_at_desk_and_on_tablet(page, "on-paper")
    page.get_by_label(f"เรียก {second.code}").fill("0905")
    page.keyboard.press("Enter")

    expect(page.get_by_text("บันทึกจากกระดาษแล้ว 2 ใบ").first).to_be_visible()
    assert [one.state for one in Ticket.objects.order_by("number")[:3]] == [State.SERVED, State.SERVED, State.BOOKED]
