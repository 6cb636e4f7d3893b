"""What a member finds on the pages of booking: the strip where it was left, times that no bar covers, the telephone and
the examples beside the form, the way to share a ticket."""

import datetime as dt

import pytest
from playwright.sync_api import expect

from tests.browser import lines_of
from tests.clock import BANGKOK
from tests.factories import in_days, make_citizen_id, make_exception, make_member, make_open_department, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def department():
    return make_open_department(name="ฝ่ายสินเชื่อ", max_days_ahead=40)


def to_days(page, department):
    citizen_id = make_citizen_id()
    make_member(citizen_id=citizen_id)
    page.goto(f"/book/{department.slug}/")
    page.get_by_label("เลขประจำตัวประชาชน 13 หลัก").fill(citizen_id)
    page.get_by_role("button", name="ต่อไป").click()
    page.get_by_role("button", name="ใช่", exact=True).click()
    page.wait_for_url("**/days/")


def test_the_strip_says_today_and_tomorrow(phone, department):
    to_days(phone, department)
    for days, said in ((0, "วันนี้"), (1, "พรุ่งนี้")):
        expect(phone.locator(f"#day-{in_days(days)} > [aria-hidden]").first).to_have_text(said)
    expect(phone.locator(f"#day-{in_days(2)} > [aria-hidden]").first).not_to_have_text("พรุ่งนี้")


def test_the_strip_opens_again_at_the_day_one_came_from(phone, department):
    to_days(phone, department)
    far = in_days(25)
    while far.isoweekday() > 5:
        far += dt.timedelta(days=1)
    day = phone.locator(f"#day-{far}")
    day.scroll_into_view_if_needed()
    day.click()
    phone.wait_for_url(f"**/{far}/")
    phone.locator("a.step-back").click()
    phone.wait_for_url(f"**/days/#day-{far}")
    expect(phone.locator(f"#day-{far}")).to_be_in_viewport()


def test_on_a_low_screen_no_bar_covers_a_time(new_page, department):
    page = new_page((390, 500))
    to_days(page, department)
    page.locator("a.day").nth(1).click()
    page.locator(".time input:not(:disabled) + label").first.click()
    bar = page.locator(".bar")
    assert bar.evaluate("one => getComputedStyle(one).position") == "static"
    last = page.locator(".time").last
    assert bar.bounding_box()["y"] >= last.bounding_box()["y"] + last.bounding_box()["height"]


def test_the_number_stays_in_one_line_with_letters_of_22_pixels(phone):
    ticket = make_ticket()
    phone.add_init_script(
        "addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = '22px'; })"
    )
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    number = phone.locator(".ticket-number")
    expect(number).to_have_text(ticket.code)
    assert lines_of(number) == 1


def test_a_ticket_is_shared_by_the_telephone_where_it_can(new_phone):
    ticket = make_ticket()
    for can in (True, False):
        page = new_phone()
        page.add_init_script(f"navigator.canShare = () => {str(can).lower()}; navigator.share = async () => {{}};")
        page.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
        expect(page.locator(".ticket-number")).to_be_visible()
        expect(page.locator("[data-share]")).to_be_visible(visible=can)


def test_the_examples_stand_below_the_button_and_the_telephone_beside_the_form(phone, department):
    phone.goto(f"/book/{department.slug}/")
    button = phone.get_by_role("button", name="ต่อไป").bounding_box()
    examples = phone.locator(".note", has_text="ระบบตัวอย่าง").first.bounding_box()
    assert examples["y"] > button["y"] + button["height"]
    expect(phone.locator("main a[href^='tel:']")).to_be_visible()


def test_english_words(phone):
    department = make_open_department(name="ฝ่ายการเงิน", slug="money")
    make_exception(department, days_ahead=3)
    phone.goto("/guide/")
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_role("button", name="ภาษาไทย")).to_be_visible()
    phone.goto("/arrive/")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Tell us you are here")
    ticket = make_ticket(department=department)
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    hour = ticket.due_at.astimezone(BANGKOK)
    expect(phone.locator(".ticket").get_by_text(f"{hour:%H:%M}", exact=True)).to_be_visible()
    expect(phone.locator(".ticket")).not_to_contain_text("Time ")
