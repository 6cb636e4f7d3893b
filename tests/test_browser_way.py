"""The member's whole way in a real browser, with JavaScript and without."""

import re

import pytest
from playwright.sync_api import expect

from booking import verbs
from booking.models import Slot, Ticket
from booking.models.tickets import State
from tests.browser import lines_of, sideways_scroll
from tests.factories import in_days, make_citizen_id, make_member, make_open_department, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def department():
    return make_open_department(name="ฝ่ายสินเชื่อ", name_en="Loans", letter="A", quota=4, bring="บัตรประชาชน")


def identify(page, department, *, member=None, citizen_id=None):
    citizen_id = citizen_id or make_citizen_id()
    member = member or make_member(citizen_id=citizen_id, given_name="สมศรี", family_name="ใจดี")
    page.goto("/")
    page.get_by_role("link", name=department.name).click()
    page.get_by_label("เลขประจำตัวประชาชน 13 หลัก").fill(citizen_id)
    page.get_by_role("button", name="ต่อไป").click()
    expect(page.get_by_text(member.masked_name)).to_be_visible()
    page.get_by_role("button", name="ใช่", exact=True).click()
    return member


def choose_time(page, nth=0):
    page.locator(".time input:not(:disabled) + label").nth(nth).click()


def book(page, department, *, nth=0, **who):
    """The whole way; leaves the page on the ticket."""
    identify(page, department, **who)
    page.locator("a.day").first.click()
    choose_time(page, nth)
    page.get_by_role("button", name="จองคิว").click()
    page.wait_for_url("**/t/**")
    return ticket_on(page)


def ticket_on(page) -> Ticket:
    return Ticket.objects.with_details().get(public_id=re.search(r"/t/([-\w]+)/", page.url)[1])


@pytest.mark.parametrize("device", ["phone", "old_phone"])
def test_from_home_to_a_ticket_moved_and_cancelled(request, device, department):
    page = request.getfixturevalue(device)
    ticket = book(page, department)
    expect(page.locator(".ticket-number")).to_have_text(ticket.code)
    expect(page.get_by_text("ขั้นตอนที่ 5 จาก 6")).to_be_visible()

    page.get_by_role("link", name="เปลี่ยนวันหรือเวลา").click()
    page.locator("a.day").nth(1).click()
    choose_time(page, 2)
    page.get_by_role("button", name="เปลี่ยนเป็นเวลานี้").click()
    page.wait_for_url(lambda url: ticket.public_id not in url)
    moved = ticket_on(page)
    assert moved.moved_from == ticket
    expect(page.locator(".ticket-number")).to_have_text(moved.code)

    page.goto("/")
    page.get_by_role("link", name=moved.code).click()
    page.get_by_role("link", name="ยกเลิกบัตรคิว").click()
    page.get_by_role("button", name="ยกเลิกบัตรคิว").click()
    expect(page.get_by_text("บัตรคิวนี้ยกเลิกแล้ว")).to_be_visible()
    moved.refresh_from_db()
    assert moved.state == State.CANCELLED
    expect(page.get_by_role("link", name="จองคิวใหม่")).to_be_visible()


@pytest.mark.parametrize("device", ["phone", "old_phone"])
def test_by_member_number(request, device, department):
    page = request.getfixturevalue(device)
    member = make_member()
    page.goto(f"/book/{department.slug}/")
    expect(page.get_by_label("เลขทะเบียนสมาชิก", exact=True).last).to_be_hidden()
    page.locator("label[for=by-member-number]").click()
    expect(page.get_by_label("เลขประจำตัวประชาชน 13 หลัก")).to_be_hidden()
    page.locator("#member-number").fill(f" {member.member_number[:3]}-{member.member_number[3:]}")
    page.get_by_role("button", name="ต่อไป").click()
    expect(page.get_by_text(member.masked_name)).to_be_visible()
    page.get_by_role("button", name="ไม่ใช่").click()
    expect(page.get_by_role("button", name="ต่อไป")).to_be_visible()


def test_a_wrong_number_keeps_what_was_typed(phone, department):
    phone.goto(f"/book/{department.slug}/")
    phone.get_by_label("เลขประจำตัวประชาชน 13 หลัก").fill("1-2345-67890-12-3")
    phone.get_by_role("button", name="ต่อไป").click()
    expect(phone.get_by_role("alert")).to_contain_text("เลขประจำตัวประชาชนไม่ถูกต้อง")
    expect(phone.get_by_label("เลขประจำตัวประชาชน 13 หลัก")).to_have_value("1-2345-67890-12-3")
    expect(phone.get_by_label("เลขประจำตัวประชาชน 13 หลัก")).to_be_focused()


def test_a_citizen_id_is_shown_in_groups_while_it_is_typed(phone, department):
    phone.goto(f"/book/{department.slug}/")
    field = phone.get_by_label("เลขประจำตัวประชาชน 13 หลัก")
    field.press_sequentially("12345๖7")
    expect(field).to_have_value("1-2345-67")
    field.press_sequentially("890123")
    expect(field).to_have_value("1-2345-67890-12-3")


def test_with_letters_twice_as_large_nothing_is_cut_and_the_number_is_whole(new_phone, department):
    page = new_phone(width=195)  # what 390 pixels are at 200%
    ticket = book(page, department)
    assert sideways_scroll(page) == 0
    number = page.locator(".ticket-number")
    expect(number).to_have_text(ticket.code)
    assert lines_of(number) == 1

    for address in ("/", "/tickets/", f"/book/{department.slug}/days/", f"{page.url}move/"):
        assert page.goto(address).ok
        assert sideways_scroll(page) == 0, address


TWICE = "addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = '32px'; })"


@pytest.mark.parametrize("language", ["th", "en"])
@pytest.mark.parametrize(("width", "script"), [(195, ""), (390, TWICE)], ids=["half as wide", "letters of 32 px"])
def test_no_page_is_wider_than_the_screen(new_page, department, language, width, script):
    page = new_page((width, 844))
    page.add_init_script(script)
    page.goto("/guide/")
    if language == "en":
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
    make_open_department(name="ฝ่ายสมาคมฌาปนกิจสงเคราะห์", name_en="Funeral aid association", letter="E")
    wide = {}
    for address in (
        "/",
        "/status/",
        "/tickets/",
        "/tickets/recover/",
        "/guide/",
        "/privacy/",
        f"/book/{department.slug}/",
    ):
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("lang", language)
        wide[address] = sideways_scroll(page)
    assert {address: by for address, by in wide.items() if by} == {}


# --- one ticket, however often the form arrives ---


def test_a_double_tap_is_one_ticket(phone, department):
    identify(phone, department)
    phone.locator("a.day").first.click()
    choose_time(phone)
    phone.get_by_role("button", name="จองคิว").dblclick()
    phone.wait_for_url("**/t/**")
    assert Ticket.objects.count() == 1


def test_a_double_tap_without_scripts_is_one_ticket(old_phone, department):
    identify(old_phone, department)
    old_phone.locator("a.day").first.click()
    choose_time(old_phone)
    old_phone.get_by_role("button", name="จองคิว").dblclick()
    old_phone.wait_for_url("**/t/**")
    assert Ticket.objects.count() == 1


def test_refresh_and_back_are_the_same_ticket(phone, department):
    ticket = book(phone, department)
    phone.reload()
    expect(phone.locator(".ticket-number")).to_have_text(ticket.code)
    phone.go_back()
    choose_time(phone, 3)
    phone.get_by_role("button", name="จองคิว").click()
    phone.wait_for_url("**/t/**")
    assert ticket_on(phone) == ticket
    expect(phone.get_by_role("alert")).to_contain_text("ท่านมีบัตรคิวของฝ่ายนี้ในวันเดียวกันแล้ว")
    assert Ticket.objects.count() == 1
    phone.reload()  # as the page does by itself on its day
    expect(phone.get_by_role("alert")).to_have_count(0)


def test_after_a_lost_reply_the_same_ticket(phone, department):
    identify(phone, department)
    phone.locator("a.day").first.click()
    times = phone.url
    choose_time(phone)

    def lose_the_reply(route):
        route.fetch(max_redirects=0)
        route.abort()

    phone.route("**/take/", lose_the_reply)
    phone.get_by_role("button", name="จองคิว").click()
    phone.wait_for_url("chrome-error://**")
    phone.unroute("**/take/")
    issued = Ticket.objects.get()

    phone.goto(times)
    choose_time(phone)
    phone.get_by_role("button", name="จองคิว").click()
    phone.wait_for_url("**/t/**")
    assert ticket_on(phone) == issued
    assert Ticket.objects.count() == 1


def test_full_meanwhile(phone, department):
    identify(phone, department)
    phone.locator("a.day").first.click()
    slot = Slot.objects.of_day(department, in_days(1))[1]
    phone.goto(f"/book/{department.slug}/days/{in_days(1)}/")
    phone.locator(f"label[for=slot-{slot.pk}]").click()
    for _ in range(4):
        make_ticket(slot=slot)
    phone.get_by_role("button", name="จองคิว").click()
    expect(phone.get_by_role("alert")).to_contain_text("ช่วงเวลานี้เต็มแล้ว")
    expect(phone.locator(f"#slot-{slot.pk}")).to_be_disabled()
    phone.get_by_role("button", name="จองคิว").click()
    phone.wait_for_url("**/t/**")


# --- the strip and the times ---


def test_the_strip_by_arrow_key_wheel_and_finger(new_phone, department):
    phone = new_phone(reduced_motion="reduce")
    phone.goto(f"/book/{department.slug}/days/")
    strip, boxes = phone.locator(".strip-days"), phone.locator("a.day")
    widths = {round(box.bounding_box()["width"]) for box in boxes.all()}
    assert len(widths) == 1
    right_edges = [box.bounding_box()["x"] + box.bounding_box()["width"] for box in boxes.all()]
    assert any(left < 390 < right for left, right in zip([0, *right_edges], right_edges, strict=False))
    back, on = (phone.get_by_role("button", name=name) for name in ("วันก่อนหน้า", "วันถัดไป"))
    expect(back).to_be_disabled()

    on.click()
    expect(back).to_be_enabled()

    boxes.first.focus()
    for _ in range(5):
        phone.keyboard.press("ArrowRight")
    expect(boxes.nth(5)).to_be_focused()
    expect(boxes.nth(5)).to_be_in_viewport()

    strip.evaluate("strip => strip.scrollTo({left: 0, behavior: 'instant'})")
    expect(back).to_be_disabled()
    box = strip.bounding_box()
    phone.mouse.move(box["x"] + 50, box["y"] + 100)
    phone.mouse.wheel(0, 300)
    expect(back).to_be_enabled()


def test_the_strip_starts_at_the_first_day_that_can_be_booked(phone):
    department = make_open_department(quota=1, slot_minutes=420, max_days_ahead=14)
    for days in (0, 1, 2, 3):
        for slot in Slot.objects.of_day(department, in_days(days)):
            make_ticket(slot=slot)
    phone.goto(f"/book/{department.slug}/days/")
    assert phone.locator(".day-cannot").count() >= 3
    expect(phone.locator(".day-first")).to_be_in_viewport(ratio=1)
    assert phone.locator(".day-first").bounding_box()["x"] < 40


def test_the_bar_says_which_time_is_chosen(phone, department):
    phone.goto(f"/book/{department.slug}/days/{in_days(1)}/")
    expect(phone.locator("[data-chosen]")).to_be_hidden()
    choose_time(phone, 2)
    expect(phone.locator("[data-chosen]")).to_contain_text("เวลา 09.30 น.")
    expect(phone.get_by_role("button", name="จองคิว")).to_be_in_viewport()


# --- the ticket ---


def test_the_secret_link_opens_the_ticket_on_another_device(phone, new_phone):
    ticket = make_ticket()
    requests = []
    phone.on("request", lambda request: requests.append(request.url))
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    expect(phone.locator(".ticket-number")).to_have_text(ticket.code)
    assert ticket.secret not in phone.url
    assert not [url for url in requests if ticket.secret in url.partition("#")[0]]
    phone.reload()
    expect(phone.locator(".ticket-number")).to_have_text(ticket.code)

    stranger = new_phone()
    stranger.goto(f"/t/{ticket.public_id}/")
    expect(stranger.get_by_role("heading", name="เปิดบัตรคิว")).to_be_visible()
    stranger.goto("/")
    stranger.goto(f"/t/{ticket.public_id}/#{'0' * 64}")
    expect(stranger.get_by_role("alert")).to_contain_text("ลิงก์นี้เปิดบัตรคิวไม่ได้")


def test_without_scripts_the_link_is_pasted(old_phone, live_server):
    ticket = make_ticket()
    link = f"{live_server.url}/t/{ticket.public_id}/#{ticket.secret}"
    old_phone.goto(link)
    old_phone.get_by_label("ลิงก์ของบัตรคิว").fill(link)
    old_phone.get_by_role("button", name="เปิดบัตรคิว").click()
    expect(old_phone.locator(".ticket-number")).to_have_text(ticket.code)


def test_the_number_is_huge(phone):
    ticket = make_ticket()
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    number = phone.locator(".ticket-number")
    expect(number).to_be_in_viewport()
    assert number.evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 96


def test_the_ticket_looks_again_by_itself(phone):

    slot = make_ticket().slot
    earlier, ticket = Ticket.objects.with_details().get(), make_ticket(slot=slot)
    phone.clock.install()
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    expect(phone.locator("#live")).to_contain_text("ก่อนหน้าท่าน 1 คิว")

    verbs.cancel(ticket=earlier)
    phone.clock.fast_forward(361_000)  # past the longest pause, not past its answer's patience
    expect(phone.locator("#live")).to_contain_text("ยังไม่มีผู้จองก่อนหน้าท่าน")

    verbs.cancel(ticket=ticket)
    phone.clock.fast_forward(361_000)
    expect(phone.get_by_text("บัตรคิวนี้ยกเลิกแล้ว")).to_be_visible()


def test_it_does_not_look_while_out_of_sight(phone):
    ticket = make_ticket()
    phone.clock.install()
    phone.goto(f"/t/{ticket.public_id}/#{ticket.secret}")
    expect(phone.locator("#live")).to_be_visible()
    looks = []
    phone.on("request", lambda request: looks.append(request.url) if "/live/" in request.url else None)
    hide = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); "
    hide += "document.dispatchEvent(new Event('visibilitychange')) }"

    phone.evaluate(hide, True)
    phone.clock.run_for(2_000_000)
    assert not looks

    with phone.expect_response("**/live/**"):
        phone.evaluate(hide, False)


def test_english_by_a_switch(phone, department):
    phone.goto(f"/book/{department.slug}/days/")
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Choose a day")
    assert phone.url.endswith(f"/book/{department.slug}/days/")
    expect(phone.get_by_text("Loans")).to_be_visible()
    phone.get_by_role("button", name="ภาษาไทย").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("เลือกวันที่")
