"""The office's settings, and its set-up, as the person sees them who does it."""

import io
import os
from pathlib import Path

import pytest
from django.urls import reverse
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from booking import roles
from booking.days import departments_file
from office import logo, stored
from tests.browser import BACK_OFFICE_RULES, sideways_scroll, violations
from tests.factories import make_counter, make_member, make_open_department, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCREENSHOTS = Path(os.environ["VAR_DIR"]) / "screenshots"


def shot(page, name: str) -> None:
    """Keep a picture to be looked at; axe has nothing to say, and nothing runs out of the page."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    assert violations(page, BACK_OFFICE_RULES) == [], name
    assert sideways_scroll(page) == 0


def a_logo() -> bytes:
    picture = Image.new("RGBA", (400, 200), "#ffffff00")
    ImageDraw.Draw(picture).ellipse((100, 10, 300, 190), fill="#004d40")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768)], ids=["desk", "tablet"])
def test_settings_can_be_read_by_all(new_page, size):
    manager = make_user(group=roles.MANAGER, first_name="สมหญิง")
    make_open_department(name="ฝ่ายสินเชื่อ")
    stored.keep("logo", logo.make(a_logo()).digest, by=manager)
    stored.keep("colour_line", "#004d40", by=manager)
    page = new_page(size, user=manager, bypass_csp=True)

    for name, address in {
        "settings": reverse("admin:office_setting_changelist"),
        "settings-history": reverse("admin:office_history"),
        **{f"settings-{one}": reverse("admin:office_part", args=[one]) for one in ("looks", "limits", "cards")},
    }.items():
        page.goto(address)
        shot(page, f"{name}-{size[0]}")


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


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768)], ids=["desk", "tablet"])
def test_the_guide_leads_from_nothing_to_a_booking(new_page, size):
    """As whoever installed it, with the first log-in that `createsuperuser` makes."""
    page = new_page(size, user=make_user(is_superuser=True, first_name="สมหญิง"), bypass_csp=True)
    page.goto(reverse("admin:setup"))
    shot(page, f"guide-begins-{size[0]}")
    page.get_by_role("link", name="ทำขั้นนี้ สำนักงาน").click()
    page.get_by_label("ชื่อสำนักงาน", exact=True).fill("สหกรณ์ออมทรัพย์ครูระยอง")
    page.get_by_label("โทรศัพท์").fill("038 617 000")
    page.get_by_role("button", name="บันทึก").click()
    page.get_by_role("link", name="← คู่มือตั้งค่า").click()

    page.get_by_role("link", name="ทำขั้นนี้ วันหยุด").click()
    page.get_by_role("button", name="นำวันหยุดเข้า").click()
    expect(page.get_by_role("link", name="ขั้นต่อไป")).to_be_visible()
    shot(page, f"guide-holidays-{size[0]}")
    page.get_by_role("link", name="ขั้นต่อไป").click()

    page.get_by_role("link", name="ทำขั้นนี้ ฝ่าย").click()
    page.get_by_label("ชื่อฝ่าย", exact=True).fill("ฝ่ายสินเชื่อ")
    page.get_by_label("ชื่อฝ่าย (อังกฤษ)").fill("Loans")
    shot(page, f"guide-department-{size[0]}")
    page.get_by_role("button", name="เพิ่มฝ่าย").click()

    page.get_by_label("มีช่องบริการกี่ช่อง").fill("3")
    page.get_by_role("button", name="เพิ่มให้ครบ").click()
    expect(page.get_by_label("ลำดับของฝ่ายสินเชื่อ ที่ช่องบริการ 3")).to_have_value("1")
    shot(page, f"guide-counters-{size[0]}")
    page.get_by_role("button", name="บันทึก").click()

    expect(page.get_by_text("ยังไม่มีสมาชิก")).to_be_visible()
    make_member(member_number="100001")
    page.reload()
    expect(page.get_by_text("ครบแล้ว สมาชิกจองได้")).to_be_visible()
    shot(page, f"guide-ends-{size[0]}")
    page.goto("/")
    page.get_by_role("link", name="ฝ่ายสินเชื่อ").click()
    expect(page.get_by_text("สหกรณ์ออมทรัพย์ครูระยอง")).to_be_visible()


def test_a_file_of_departments_is_looked_at_before_it_changes_anything(new_page):
    make_open_department(slug="loans", name="ฝ่ายสินเชื่อ")
    text = departments_file.written().replace("ฝ่ายสินเชื่อ", "ฝ่ายเงินกู้")
    page = new_page((1024, 768), user=make_user(group=roles.MANAGER), bypass_csp=True)
    page.goto(reverse("admin:booking_department_changelist"))
    shot(page, "departments")
    page.get_by_role("link", name="นำฝ่ายเข้าจากไฟล์").click()
    page.set_input_files(
        "input[name=file]", {"name": "d.json", "mimeType": "application/json", "buffer": text.encode()}
    )
    page.get_by_role("button", name="ดูว่าจะเปลี่ยนอะไร").click()
    expect(page.get_by_role("cell", name="ฝ่ายเงินกู้")).to_be_visible()
    shot(page, "departments-file")
    page.get_by_role("button", name="นำเข้าตามนี้").click()
    expect(page.get_by_text("นำเข้าแล้ว 1 ฝ่าย")).to_be_visible()


def test_profiles_are_switched_in_one_press(new_page):
    first, second = make_open_department(name="ฝ่ายสินเชื่อ"), make_open_department(name="ฝ่ายการเงิน")
    counter = make_counter(departments=[first], number=1)
    page = new_page((1024, 768), user=make_user(group=roles.MANAGER), bypass_csp=True)
    page.goto(reverse("admin:booking_counterprofile_add"))
    page.get_by_label("ชื่อ", exact=False).first.fill("วันเงินเดือนออก")
    page.get_by_role("button", name="บันทึก", exact=True).click()
    page.get_by_label("ลำดับของฝ่ายการเงิน ที่ช่องบริการ 1").fill("1")
    shot(page, "profile-served")
    page.get_by_role("button", name="บันทึก").click()
    page.get_by_role("button", name="ใช้แบบ วันเงินเดือนออก").click()
    page.get_by_text("เปลี่ยนเมื่อไร โดยใคร").click()
    shot(page, "profiles")
    assert counter.department_ids() == [second.pk]
