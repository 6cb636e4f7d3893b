"""The tablet at reception, and the page that a member's telephone opens from the code on the screen."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from booking import roles
from booking.calling import presence
from booking.models import Ticket
from tests.browser import TABLET, TELEPHONE, cut_off, sideways_scroll, small_targets, small_text, violations
from tests.factories import make_open_department, make_ticket, make_user, make_walk_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def loans():
    department = make_open_department(slug="loans", letter="A", name="ฝ่ายสินเชื่อ", hue="teal")
    make_open_department(slug="funeral-aid", letter="E", name="ฝ่ายสมาคมฌาปนกิจสงเคราะห์", hue="olive")
    make_walk_in(department=department)
    return department


@pytest.fixture
def tablet(new_page, loans):
    return new_page(TABLET, user=make_user(group=roles.CLERK), has_touch=True)


@pytest.fixture
def old_tablet(new_page, loans):
    return new_page(TABLET, user=make_user(group=roles.CLERK), java_script_enabled=False)


@pytest.fixture
def booked(loans):
    """A ticket booked for today."""
    ticket = make_ticket(department=loans)
    Ticket.objects.filter(pk=ticket.pk).update(date=timezone.localdate())
    return ticket


def issue(page):
    page.goto("/kiosk/")
    page.get_by_role("link", name=re.compile("ฝ่ายสินเชื่อ")).click()
    page.get_by_role("button", name="รับบัตรคิว").click()
    page.wait_for_url("**/kiosk/ticket/")


def test_two_taps_to_a_ticket(tablet):
    issue(tablet)

    expect(tablet.locator(".slip-number")).to_have_text("A502")
    expect(tablet.get_by_text("ก่อนหน้าท่านมี 1 คิว")).to_be_visible()
    expect(tablet.get_by_role("img", name="QR สำหรับเปิดบัตรคิวใบนี้")).to_be_visible()


def test_the_same_without_javascript(old_tablet):
    issue(old_tablet)

    expect(old_tablet.locator(".slip-number")).to_have_text("A502")
    old_tablet.get_by_role("link", name="เสร็จแล้ว").click()
    old_tablet.wait_for_url("**/kiosk/")


def test_an_impatient_finger_gets_one_ticket(tablet):
    tablet.goto("/kiosk/issue/loans/")

    tablet.get_by_role("button", name="รับบัตรคิว").dblclick()

    expect(tablet.locator(".slip-number")).to_have_text("A502")
    assert Ticket.objects.count() == 2


def test_the_back_button_shows_nobody_elses_ticket_and_issues_none(tablet):
    issue(tablet)
    tablet.get_by_role("link", name="เสร็จแล้ว").click()
    tablet.wait_for_url("**/kiosk/")

    tablet.go_back()

    expect(tablet.locator(".slip-number")).to_have_count(0)
    tablet.go_back()
    if "/issue/" in tablet.url:
        tablet.get_by_role("button", name="รับบัตรคิว").click()
        expect(tablet.locator(".slip-number")).to_have_text("A503")


def test_it_returns_to_the_start_by_itself(tablet):
    tablet.clock.install()
    issue(tablet)
    tablet.clock.run_for(15_000)
    tablet.mouse.click(5, 400)  # somebody still reads: twenty seconds anew
    tablet.clock.run_for(15_000)
    expect(tablet.locator(".slip-number")).to_be_visible()

    tablet.clock.run_for(7_000)

    tablet.wait_for_url("**/kiosk/")


def test_a_reason_is_asked_for_where_a_priority_class_is_chosen(tablet):
    tablet.goto("/kiosk/issue/loans/")
    reason = tablet.get_by_label("เหตุผลของคิวพิเศษ")
    expect(reason).to_be_hidden()

    tablet.get_by_label("พระภิกษุ สามเณร").check(force=True)
    expect(reason).to_be_visible()
    tablet.get_by_role("button", name="รับบัตรคิว").click()
    expect(tablet.get_by_role("alert")).to_have_text("กรุณาบอกเหตุผลของคิวพิเศษ")
    reason.fill("พระภิกษุ")
    tablet.get_by_role("button", name="รับบัตรคิว").click()

    expect(tablet.locator(".slip-class")).to_have_text("พระภิกษุ สามเณร")


def test_what_a_scanner_types_goes_where_it_belongs(tablet, booked):
    tablet.goto("/kiosk/")

    tablet.keyboard.type(f"https://queue.example.org/t/{booked.public_id}/#{booked.secret}")
    tablet.keyboard.press("Enter")

    tablet.wait_for_url("**/kiosk/ticket/")
    expect(tablet.get_by_text("แจ้งมาถึงแล้ว กรุณารอเรียก")).to_be_visible()
    expect(tablet.locator(".slip-number")).to_have_text(booked.code)


def test_the_first_page_counts_who_waits_by_itself(tablet, loans):
    tablet.clock.install()
    tablet.goto("/kiosk/")
    expect(tablet.get_by_text("รออยู่ 1 คิว")).to_be_visible()
    make_walk_in(department=loans)

    tablet.clock.run_for(15_000)

    expect(tablet.get_by_text("รออยู่ 2 คิว")).to_be_visible()


def test_what_somebody_typed_and_left_is_gone_after_a_minute(tablet):
    tablet.clock.install()
    tablet.goto("/kiosk/issue/loans/")
    tablet.get_by_label("เลขทะเบียนสมาชิก").fill("104512")
    tablet.clock.run_for(50_000)
    tablet.mouse.click(5, 400)  # somebody is still there
    tablet.clock.run_for(50_000)
    expect(tablet.get_by_label("เลขทะเบียนสมาชิก")).to_have_value("104512")

    tablet.clock.run_for(11_000)

    tablet.wait_for_url("**/kiosk/")
    tablet.go_back()
    assert "104512" not in tablet.content()
    assert not any(field.input_value() == "104512" for field in tablet.locator("input:not([type=hidden])").all())


@pytest.mark.parametrize("is_refused", [False, True])
def test_so_is_what_was_typed_on_the_first_page(tablet, is_refused):
    tablet.clock.install()
    tablet.goto("/kiosk/")
    tablet.get_by_label("หมายเลขบัตรคิว").fill("A999")
    if is_refused:
        tablet.get_by_role("button", name="แจ้งว่ามาถึง").click()
        expect(tablet.get_by_role("alert")).to_be_visible()
        tablet.wait_for_load_state()

    tablet.clock.run_for(61_000)

    expect(tablet.get_by_label("หมายเลขบัตรคิว")).to_have_value("")
    assert tablet.url.endswith("/kiosk/")
    expect(tablet.get_by_role("alert")).to_have_count(0)


def test_a_reload_after_a_refusal_leads_to_the_first_page(tablet):
    tablet.goto("/kiosk/")
    tablet.get_by_label("หมายเลขบัตรคิว").fill("A999")
    tablet.get_by_role("button", name="แจ้งว่ามาถึง").click()
    expect(tablet.get_by_role("alert")).to_be_visible()

    tablet.goto(tablet.url)

    assert tablet.url.endswith("/kiosk/")


def test_the_slip_is_one_page_of_80_mm_in_black(tablet):
    tablet.add_init_script("window.print = () => { window.printed = true; };")
    issue(tablet)
    tablet.get_by_role("button", name="พิมพ์").click()
    assert tablet.evaluate("printed")

    tablet.emulate_media(media="print")
    expect(tablet.locator(".slip-number")).to_be_visible()
    expect(tablet.locator(".slip-paper-only .slip-qr")).to_be_visible()
    for hidden in [".top", ".handed-side"]:
        expect(tablet.locator(hidden)).to_be_hidden()
    colours = tablet.evaluate(
        "[...document.querySelectorAll('.slip, .slip *')].map((one) => getComputedStyle(one)).flatMap((style) =>"
        "[style.color, style.backgroundColor])"
    )
    assert set(colours) <= {"rgb(0, 0, 0)", "rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"}
    paper = tablet.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1
    left, bottom, right, top = map(float, re.search(rb"/MediaBox \[([\d. ]+)\]", paper)[1].split())
    assert round((right - left) / 72 * 25.4) == 80


def test_the_slip_of_a_long_name_and_a_priority_class_is_one_page_from_the_top_of_longer_paper(tablet, loans):
    name = "ฝ่ายสวัสดิการและสมาคมฌาปนกิจสงเคราะห์ข้าราชการครูบำนาญและครอบครัวประจำจังหวัดระยองสาขาอำเภอเมือง"
    type(loans).objects.filter(pk=loans.pk).update(name=name)
    tablet.goto("/kiosk/issue/loans/")
    tablet.locator("#class-elderly").check(force=True)
    tablet.get_by_label("เหตุผลของคิวพิเศษ").fill("อายุ 92 ปี")
    tablet.get_by_role("button", name="รับบัตรคิว").click()
    tablet.wait_for_url("**/kiosk/ticket/")
    tablet.emulate_media(media="print")
    tablet.set_viewport_size({"width": 272, "height": 529})  # what is printed of 80 x 140 mm
    height = tablet.evaluate("document.querySelector('.slip-department').getBoundingClientRect().height")
    assert height > 60, "three lines"
    assert len(re.findall(rb"/Type\s*/Page\b", tablet.pdf(prefer_css_page_size=True))) == 1
    longer = tablet.pdf(width="80mm", height="297mm")
    assert len(re.findall(rb"/Type\s*/Page\b", longer)) == 1
    assert tablet.evaluate("document.querySelector('.slip').getBoundingClientRect().top") < 5


@pytest.mark.parametrize("size", [TABLET, TELEPHONE])
def test_large_enough_nothing_cut_and_axe_finds_nothing(new_page, loans, size):
    page = new_page(size, user=make_user(group=roles.CLERK), bypass_csp=True)

    def fits():
        assert sideways_scroll(page) == 0
        assert small_text(page) == []
        assert small_targets(page) == []
        assert cut_off(page) == []
        assert violations(page) == []

    page.goto("/kiosk/")
    fits()
    page.get_by_label("หมายเลขบัตรคิว").fill("A999")
    page.get_by_role("button", name="แจ้งว่ามาถึง").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.wait_for_load_state()
    fits()
    page.goto("/kiosk/issue/loans/")
    page.get_by_label("พระภิกษุ สามเณร").check(force=True)
    page.get_by_role("button", name="รับบัตรคิว").click()
    expect(page.get_by_role("alert")).to_be_visible()
    fits()
    issue(page)
    fits()


def test_the_number_fits_its_ticket_on_an_upright_tablet(new_page, loans):
    page = new_page((768, 1024), user=make_user(group=roles.CLERK))
    issue(page)

    width = (
        "one => { const all = document.createRange(); all.selectNodeContents(one); return all.getBoundingClientRect() }"
    )
    number, stub = page.locator(".slip-number").evaluate(width), page.locator(".slip-stub").bounding_box()
    assert stub["x"] < number["x"]
    assert number["x"] + number["width"] < stub["x"] + stub["width"]


# --- the page behind the code on the screen ---


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_a_member_scans_and_taps(new_page, booked, loans, java_script_enabled):
    loans.check_in_needs_presence = True
    loans.check_in_minutes_before = 12 * 60
    loans.save(update_fields=["check_in_needs_presence", "check_in_minutes_before"])
    Ticket.objects.filter(pk=booked.pk).update(due_at=timezone.now())
    page = new_page(TELEPHONE, java_script_enabled=java_script_enabled)
    page.goto(f"/t/{booked.public_id}/")
    page.get_by_label("ลิงก์ของบัตรคิว").fill(booked.secret)
    page.get_by_role("button", name="เปิดบัตรคิว").click()
    page.wait_for_url(f"**/t/{booked.public_id}/")

    page.goto(f"/arrive/?here={presence.token()}")
    page.get_by_role("button", name="มาถึงแล้ว").click()

    expect(page.get_by_text("แจ้งแล้ว กรุณารอเรียก")).to_be_visible()


def test_the_page_behind_the_code_is_fit_for_old_eyes(new_page, booked, loans):
    page = new_page(TELEPHONE, bypass_csp=True)

    def fits():
        assert (sideways_scroll(page), small_text(page), small_targets(page), violations(page)) == (0, [], [], [])

    page.goto("/arrive/?here=old")
    fits()
    page.goto(f"/t/{booked.public_id}/#{booked.secret}")
    expect(page.get_by_role("heading", name=re.compile(booked.code))).to_be_visible()
    Ticket.objects.filter(pk=booked.pk).update(due_at=timezone.now())
    page.goto(f"/arrive/?here={presence.token()}")
    expect(page.get_by_role("button", name="มาถึงแล้ว")).to_be_visible()
    fits()
