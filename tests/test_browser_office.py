"""The office's settings, and its set-up, as the person sees them who does it."""

import io
import re

import pytest
from django.urls import reverse
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from booking import jobs, roles
from booking.days import departments_file
from booking.models import Ticket
from booking.models.tickets import State
from office import logo, stored
from tests.browser import DESK, SCREENSHOTS, looks_right_at_desk_and_on_tablet
from tests.factories import in_days, make_citizen_id, make_counter, make_open_department, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def a_logo() -> bytes:
    picture = Image.new("RGBA", (400, 200), "#ffffff00")
    ImageDraw.Draw(picture).ellipse((100, 10, 300, 190), fill="#004d40")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_settings_can_be_read_by_all(new_page):
    manager = make_user(group=roles.MANAGER, first_name="สมหญิง")
    make_open_department(name="ฝ่ายสินเชื่อ")
    stored.keep("logo", logo.make(a_logo()).digest, by=manager)
    stored.keep("colour_line", "#004d40", by=manager)
    page = new_page(DESK, user=manager, bypass_csp=True)

    for name, address in {
        "settings": reverse("admin:office_setting_changelist"),
        "settings-history": reverse("admin:office_history"),
        **{f"settings-{one}": reverse("admin:office_part", args=[one]) for one in ("looks", "limits", "cards")},
    }.items():
        page.goto(address)
        looks_right_at_desk_and_on_tablet(page, name)


def test_a_manager_sets_the_logo_and_members_see_it(new_page, phone):
    make_open_department()
    page = new_page((1280, 800), user=make_user(group=roles.MANAGER))
    page.goto(reverse("admin:office_part", args=["looks"]))

    page.set_input_files("input[name=logo]", {"name": "logo.png", "mimeType": "image/png", "buffer": a_logo()})
    assert page.input_value("input[name=colour_book]") == ""
    page.fill("input[name=colour_book]", "#004d40")
    page.fill("input[name=colour_line]", "#004d40")
    page.click("button:has-text('บันทึก')")
    page.wait_for_selector("text=บันทึกแล้ว 3 รายการ")

    phone.goto("/")
    phone.wait_for_function("document.querySelector('.brand-logo')?.naturalWidth > 0")
    assert phone.evaluate("getComputedStyle(document.querySelector('.top')).borderBottomColor") == "rgb(0, 77, 64)"
    phone.screenshot(path=SCREENSHOTS / "home-with-logo.png")


def test_the_guide_leads_from_nothing_to_a_ticket_of_a_member(new_page, phone):
    """As whoever installed it, with the first log-in that `createsuperuser` makes."""
    page = new_page(DESK, user=make_user(is_superuser=True, first_name="สมหญิง"), bypass_csp=True)
    back = page.get_by_role("link", name="← กลับไปคู่มือตั้งค่า")
    page.goto(reverse("admin:setup"))
    looks_right_at_desk_and_on_tablet(page, "guide-begins")
    page.get_by_role("link", name="ทำขั้นนี้ สำนักงาน").click()
    page.get_by_label("ชื่อสำนักงาน", exact=True).fill("สหกรณ์ออมทรัพย์ครูระยอง")
    page.get_by_label("โทรศัพท์").fill("038 617 000")
    page.get_by_role("button", name="บันทึก").click()
    back.click()

    page.get_by_role("link", name="ทำขั้นนี้ วันหยุด").click()
    page.get_by_role("button", name="นำวันหยุดเข้า").click()
    expect(page.get_by_role("link", name="ขั้นต่อไป")).to_be_visible()
    looks_right_at_desk_and_on_tablet(page, "guide-holidays")
    page.get_by_role("link", name="ขั้นต่อไป").click()

    page.get_by_role("link", name="ทำขั้นนี้ ฝ่าย").click()
    page.get_by_label("ชื่อฝ่าย", exact=True).fill("ฝ่ายสินเชื่อ")
    page.get_by_label("ชื่อฝ่าย (อังกฤษ)").fill("Loans")
    looks_right_at_desk_and_on_tablet(page, "guide-department")
    page.get_by_role("button", name="เพิ่มฝ่าย").click()
    page.get_by_role("link", name="เพิ่มอีกฝ่าย").click()
    page.get_by_label("ชื่อฝ่าย", exact=True).fill("ฝ่ายการเงิน")
    page.get_by_role("button", name="เพิ่มฝ่าย").click()

    page.get_by_label("มีช่องบริการกี่ช่อง").fill("3")
    page.get_by_role("button", name="เพิ่มให้ครบ").click()
    expect(page.get_by_label("ลำดับของฝ่ายสินเชื่อ ที่ช่องบริการ 3")).to_have_value("1")
    looks_right_at_desk_and_on_tablet(page, "guide-counters")
    page.get_by_role("button", name="บันทึก").click()

    page.get_by_role("link", name="ทำขั้นนี้ เจ้าหน้าที่").click()
    page.get_by_label("ชื่อผู้ใช้").fill("malee")
    page.get_by_label(roles.CLERK).check()
    page.get_by_role("button", name="บันทึก", exact=True).click()
    page.get_by_role("button", name="ออกลิงก์").click()
    expect(page.get_by_label("ลิงก์", exact=False)).to_have_value(re.compile("/admin/set-password/#"))
    looks_right_at_desk_and_on_tablet(page, "guide-person")
    back.click()

    expect(page.get_by_text("ยังไม่มีสมาชิก")).to_be_visible()
    page.get_by_role("link", name="ทำขั้นนี้ สมาชิก").click()
    somsri, somchai = make_citizen_id(), make_citizen_id()
    lines = [
        "เลขทะเบียนสมาชิก,เลขประจำตัวประชาชน,ชื่อ,นามสกุล,สมัครแล้ว",
        f"100001,{somsri},สมศรี,ใจดี,1",
        f"100002,{somchai},สมชาย,รักเรียน,1",
    ]
    file = {"name": "สมาชิก.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="ส่งไฟล์เพื่อตรวจ").click()
    expect(page.get_by_role("status")).to_contain_text("กำลังตรวจ")
    jobs.go_on_with_imports()
    page.get_by_role("button", name="ยืนยันการนำเข้า").click()
    expect(page.get_by_role("status")).to_contain_text("กำลังนำเข้า")
    jobs.go_on_with_imports()
    expect(page.get_by_role("heading", name="นำเข้าแล้ว")).to_be_visible()
    back.click()

    expect(page.get_by_text("สมาชิกจองได้แล้ว ยังเหลือ: บัตรทดลอง")).to_be_visible()
    page.get_by_role("link", name="ทำขั้นนี้ บัตรทดลอง").click()
    page.get_by_label("ฝ่าย").select_option(label="ฝ่ายสินเชื่อ")
    page.get_by_label("สมาชิก").fill("100001")
    page.get_by_label("วันที่").fill(in_days(1).isoformat())
    page.get_by_role("button", name="ดูเวลาว่าง").click()
    page.get_by_role("button", name="10.00 น.").click()
    page.get_by_role("link", name="ดูบัตรคิว").click()
    page.get_by_role("link", name="ยกเลิกบัตรคิว").click()
    page.get_by_label("เหตุผล").select_option(label="จองผิด")
    page.get_by_label("สมาชิกอยู่ในสายหรืออยู่ที่นี่").check()
    page.get_by_role("button", name="ยกเลิกบัตรคิวใบนี้").click()
    back.click()
    expect(page.get_by_role("link", name=re.compile("^ทำขั้นนี้"))).to_have_count(1)  # LINE, which is optional
    looks_right_at_desk_and_on_tablet(page, "guide-ends")
    page.goto(reverse("admin:booking_ticket_changelist"))
    expect(page.get_by_role("link", name="วิธีใช้หน้านี้")).to_be_visible()
    expect(back).to_have_count(0)

    phone.goto("/")
    phone.get_by_role("link", name="ฝ่ายสินเชื่อ").click()
    expect(phone.get_by_text("สหกรณ์ออมทรัพย์ครูระยอง")).to_be_visible()
    phone.get_by_label("เลขประจำตัวประชาชน 13 หลัก").fill(somchai)
    phone.get_by_role("button", name="ต่อไป").click()
    phone.get_by_role("button", name="ใช่", exact=True).click()
    phone.locator("a.day").first.click()
    phone.locator(".time input:not(:disabled) + label").first.click()
    phone.get_by_role("button", name="จองคิว").click()
    phone.wait_for_url("**/t/**")
    assert Ticket.objects.get(state=State.BOOKED).member.member_number == "100002"


def test_a_file_of_departments_is_looked_at_before_it_changes_anything(new_page):
    make_open_department(slug="loans", name="ฝ่ายสินเชื่อ")
    text = departments_file.written().replace("ฝ่ายสินเชื่อ", "ฝ่ายเงินกู้")
    page = new_page(DESK, user=make_user(group=roles.MANAGER), bypass_csp=True)
    page.goto(reverse("admin:booking_department_changelist"))
    looks_right_at_desk_and_on_tablet(page, "departments")
    page.get_by_role("link", name="นำฝ่ายเข้าจากไฟล์").click()
    page.set_input_files(
        "input[name=file]", {"name": "d.json", "mimeType": "application/json", "buffer": text.encode()}
    )
    page.get_by_role("button", name="ดูว่าจะเปลี่ยนอะไร").click()
    expect(page.get_by_role("cell", name="ฝ่ายเงินกู้")).to_be_visible()
    looks_right_at_desk_and_on_tablet(page, "departments-file")
    page.get_by_role("button", name="นำเข้าตามนี้").click()
    expect(page.get_by_text("นำเข้าแล้ว 1 ฝ่าย")).to_be_visible()
    page.goto(reverse("admin:booking_department_changelist"))
    with page.expect_download() as taken:
        page.get_by_role("link", name="ส่งออกเป็นไฟล์").click()
    assert "ฝ่ายเงินกู้" in taken.value.path().read_text()


def test_profiles_are_switched_in_one_press(new_page):
    first, second = make_open_department(name="ฝ่ายสินเชื่อ"), make_open_department(name="ฝ่ายการเงิน")
    counter = make_counter(departments=[first], number=1)
    page = new_page(DESK, user=make_user(group=roles.MANAGER), bypass_csp=True)
    page.goto(reverse("admin:booking_counterprofile_add"))
    page.get_by_label("ชื่อ", exact=False).first.fill("วันเงินเดือนออก")
    page.get_by_role("button", name="บันทึก", exact=True).click()
    page.get_by_label("ลำดับของฝ่ายการเงิน ที่ช่องบริการ 1").fill("1")
    looks_right_at_desk_and_on_tablet(page, "profile-served")
    page.get_by_role("button", name="บันทึก").click()
    page.get_by_role("button", name="ใช้แบบ วันเงินเดือนออก").click()
    page.get_by_text("เปลี่ยนเมื่อไร โดยใคร").click()
    looks_right_at_desk_and_on_tablet(page, "profiles")
    assert counter.department_ids() == [second.pk]
