"""The back office in a real browser, on a screen of 1280 x 800: it works under its policy, and can be read by all."""

import datetime as dt
import os
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from booking import roles, verbs
from booking.models import Alarm, Department, Slot, Ticket
from booking.models.tickets import State
from queuesite.demo import office
from tests.browser import BACK_OFFICE_RULES, sideways_scroll, violations
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

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a-long-password-2569"
SCREENSHOTS = Path(os.environ["VAR_DIR"]) / "screenshots"


@pytest.fixture
def new_desk(new_page):
    def make(**options):
        return new_page((1280, 800), **options)

    return make


def log_in(page, user):
    page.goto(reverse("admin:login"))
    page.get_by_label("ชื่อผู้ใช้").fill(user.username)
    page.get_by_label("รหัสผ่าน").fill(PASSWORD)
    page.get_by_role("button", name="เข้าสู่ระบบ").click()
    page.wait_for_url(f"**{reverse('admin:index')}")
    return page


@pytest.fixture
def manager():
    return make_user(group=roles.MANAGER, password=PASSWORD, first_name="สมหญิง")


def test_the_theme_works_under_the_policy(new_desk, manager):
    make_ticket()
    page = log_in(new_desk(), manager)

    page.get_by_role("link", name="บัตรคิว", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("บัตรคิว")
    page.get_by_text("การกรองข้อมูล").click()
    page.get_by_role("link", name="ยกเลิกแล้ว").click()
    expect(page.get_by_text("ไม่พบรายการ")).to_be_visible()
    page.locator("#nav-sidebar-inner").get_by_text("สมหญิง").click()
    page.get_by_role("button", name="ออกจากระบบ").click()
    page.goto(reverse("admin:index"))
    expect(page.get_by_label("รหัสผ่าน")).to_be_visible()


def test_a_row_of_hours_is_added_and_a_date_is_said_in_words(new_desk, manager):
    department = make_open_department(weekdays=[0])
    page = log_in(new_desk(), manager)

    page.goto(reverse("admin:booking_department_change", args=[department.pk]))
    page.get_by_role("link", name="เพิ่ม เวลาทำการ อีก").click()
    page.locator("#id_hours-1-weekday").select_option("5")
    page.locator("#id_hours-1-closes").fill("12:00")
    page.get_by_role("button", name="บันทึก", exact=True).click()
    expect(page.get_by_text("แล้ว").first).to_be_visible()
    assert [str(rule) for rule in department.hours.all()] == ["วันจันทร์ 08.30-15.30", "วันเสาร์ 08.30-12.00"]

    page.goto(reverse("admin:booking_dayexception_add"))
    page.get_by_label("ตั้งแต่วันที่").fill("2026-11-25")
    expect(page.get_by_text("วันพุธที่ 25 พฤศจิกายน")).to_be_visible()
    expect(page.get_by_text("2569")).to_be_visible()


@pytest.mark.parametrize("with_javascript", [True, False])
def test_a_holiday_on_a_day_with_tickets(new_desk, manager, with_javascript):
    department = make_open_department()
    moved, kept = (make_ticket(slot=make_slot(department=department, nth=nth)) for nth in (0, 1))
    draft = make_holiday(date=moved.date, name="วันหยุดพิเศษ", is_confirmed=False)
    page = log_in(new_desk(java_script_enabled=with_javascript), manager)

    page.goto(f"{reverse('admin:holidays_holiday_confirm')}?holiday={draft.pk}")
    expect(page.get_by_text("มีบัตรคิว 2 ใบในวันที่จะหยุด")).to_be_visible()
    expect(page.get_by_text(moved.member.phone).first).to_be_visible()
    page.get_by_label("คงบัตรคิวไว้ตามเดิม").check()
    page.get_by_role("button", name="ยืนยันวันหยุด").click()
    expect(page.get_by_role("heading", name="ยังนัดไว้ในเวลาที่ปิด 2 ใบ")).to_be_visible()

    page.get_by_role("checkbox", name=kept.code).uncheck()
    page.get_by_label("ย้ายไปเวลาว่างที่ใกล้ที่สุด").check()
    page.get_by_label("เหตุผลที่จะแจ้งสมาชิก").fill("สำนักงานปิด")
    page.get_by_role("button", name="ทำกับบัตรคิวที่เลือก").click()
    expect(page.get_by_text("ย้ายแล้ว 1 ใบ")).to_be_visible()

    moved.refresh_from_db()
    kept.refresh_from_db()
    assert (moved.state, kept.state) == (State.CANCELLED, State.BOOKED)
    assert moved.moved_to.date == in_days(2)
    expect(page.get_by_role("row", name=moved.code).get_by_text("ย้ายไป")).to_be_visible()


def test_booked_on_the_telephone(new_desk, manager):
    department = make_open_department(name="ฝ่ายสินเชื่อ")
    ticket = make_ticket()
    page = log_in(new_desk(), manager)

    page.goto(reverse("admin:booking_ticket_changelist"))
    page.get_by_role("link", name="จองให้สมาชิก").click()
    page.get_by_label("ฝ่าย").select_option(label="ฝ่ายสินเชื่อ")
    page.get_by_label("สมาชิก").fill(ticket.member.member_number)
    page.get_by_label("วันที่").fill(in_days(1).isoformat())
    page.get_by_role("button", name="ดูเวลาว่าง").click()
    expect(page.get_by_text(ticket.member.full_name)).to_be_visible()
    page.get_by_role("button", name="10.00 น.").click()
    expect(page.get_by_text("อ่านให้สมาชิกฟัง")).to_be_visible()
    assert Ticket.objects.get(department=department).slot == make_slot(department=department, nth=3)


@pytest.mark.slow  # 27 pages of the back office, axe on each
def test_every_page_can_be_read_by_all_and_printed(new_desk):
    """What axe finds is named by page. The pictures are kept under var/ to be looked at."""
    office.seed()
    slot = Slot.objects.filter(date__gt=in_days(1), quota__gt=0).first()
    tickets = [make_ticket(slot=slot) for _ in range(2)]
    draft = make_holiday(date=in_days(3), name="วันหยุดพิเศษ", is_confirmed=False)
    closed = make_holiday(date=slot.date, name="ปิดสำนักงาน")
    root = make_user(is_superuser=True, password=PASSWORD)
    clerk = make_user(group=roles.CLERK, first_name="มาลี")
    pages = {
        "first": reverse("admin:index"),
        "departments": reverse("admin:booking_department_changelist"),
        "department": reverse("admin:booking_department_change", args=[Department.objects.first().pk]),
        "calendar": reverse("admin:booking_calendar"),
        "tickets": reverse("admin:booking_ticket_changelist"),
        "ticket": reverse("admin:booking_ticket_change", args=[tickets[0].pk]),
        "move": reverse("admin:booking_ticket_move", args=[tickets[0].pk]),
        "cancel": reverse("admin:booking_ticket_cancel", args=[tickets[0].pk]),
        "book": reverse("admin:booking_ticket_book_for_member"),
        "closed": reverse("admin:booking_ticket_closed"),
        "on-paper": reverse("admin:booking_ticket_on_paper"),
        "slots": reverse("admin:booking_slot_changelist"),
        "overrides": reverse("admin:booking_dayexception_add"),
        "holidays": reverse("admin:holidays_holiday_changelist"),
        "holiday": reverse("admin:holidays_holiday_change", args=[closed.pk]),
        "load": reverse("admin:holidays_holiday_load_year"),
        "confirm": f"{reverse('admin:holidays_holiday_confirm')}?holiday={draft.pk}",
        "members": reverse("admin:members_member_changelist"),
        "member": reverse("admin:members_member_add"),
        "import": reverse("admin:members_member_import"),
        "jobs": reverse("admin:booking_jobrun_changelist"),
        "reports": reverse("admin:booking_report"),
        "reports-on-paper": f"{reverse('admin:booking_report')}?first={in_days(0)}&last={in_days(1)}&as=paper",
        "staff": reverse("admin:auth_user_changelist"),
        "person": reverse("admin:auth_user_change", args=[clerk.pk]),
        "new-person": reverse("admin:auth_user_add"),
        "link": reverse("admin:auth_user_link", args=[clerk.pk]),
    }
    SCREENSHOTS.mkdir(exist_ok=True)
    page = log_in(new_desk(bypass_csp=True), root)

    found = {}
    for name, address in pages.items():
        page.goto(address, wait_until="load")
        page.screenshot(path=SCREENSHOTS / f"admin-{name}.png")
        found[name] = violations(page, BACK_OFFICE_RULES)
        if sideways_scroll(page):
            found[name].append("wider than the screen")
    assert {name: faults for name, faults in found.items() if faults} == {}

    page.goto(pages["closed"])
    page.emulate_media(media="print")
    expect(page.get_by_text("สมศรี").first).to_be_visible()
    for hidden in (page.locator("#nav-sidebar"), page.get_by_role("button", name="ทำกับบัตรคิวที่เลือก")):
        expect(hidden).to_be_hidden()


@pytest.mark.parametrize("width", [720, 1060, 1600], ids=["upright", "lying", "made smaller"])
def test_a_list_takes_the_whole_sheet_and_hides_no_row(new_desk, width):
    """The widths are those of A4 in CSS pixels; the last one where it is printed at 60%."""
    for _ in range(60):
        make_member()
    page = log_in(new_desk(), make_user(is_superuser=True, password=PASSWORD))
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(reverse("admin:members_member_changelist"))
    page.emulate_media(media="print")

    table = page.locator("#result_list")
    box = table.bounding_box()
    assert box["x"] < 40
    assert box["width"] > width - 80
    assert table.evaluate("element => getComputedStyle(element).display") == "table"
    assert page.evaluate(STUCK) == []


# What stays in one place of the screen lies on top of the rows of the first sheet.
STUCK = """() => [...document.querySelectorAll("#page *")]
    .filter(element => element.checkVisibility() && ["sticky", "fixed"].includes(getComputedStyle(element).position))
    .map(element => element.className)"""


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768)])
def test_today_is_read_at_a_glance_and_looks_again(new_page, manager, size):
    office.seed()
    make_open_department(name="ฝ่ายทดสอบ", max_days_ahead=1, opens=dt.time(7), closes=dt.time(16))
    department = Department.objects.get(name="ฝ่ายทดสอบ")
    counter = make_counter(departments=[department], clerk=make_user(first_name="มานี", last_name="มีนา"), number=91)
    make_counter(departments=Department.objects.all()[:3], number=92)
    for _ in range(3):
        make_walk_in(department=department)
    Alarm.objects.create(kind=Alarm.Kind.LONG_WAIT, department=department, since=timezone.now())
    page = new_page(size, user=manager, bypass_csp=True)
    page.goto(reverse("admin:booking_today"))
    page.get_by_role("button", name="รับทราบ: มีผู้รอนานเกินกำหนด").click()
    expect(page.locator("#today-alarms")).to_contain_text("สมหญิง รับทราบ")
    row = page.get_by_role("row", name="ฝ่ายทดสอบ").first
    expect(row.get_by_role("cell").first).to_have_text("3")

    called = verbs.call_next(counter=counter, by=counter.clerk)

    expect(row.get_by_role("cell").first).to_have_text("2")
    expect(page.get_by_role("row", name="มานี มีนา")).to_contain_text(f"เรียก {called.code}")
    page.get_by_text("ตัวเลขเหล่านี้นับอย่างไร").click()
    assert sideways_scroll(page) == 0
    page.screenshot(path=SCREENSHOTS / f"today-{size[0]}.png", full_page=True)
    assert violations(page, BACK_OFFICE_RULES) == []
