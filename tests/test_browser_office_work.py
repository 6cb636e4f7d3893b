"""What staff do in the back office, each as the person whose work it is, at a desk and on a tablet."""

import csv
import datetime as dt
import re

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import expect

from booking import roles, verbs
from booking.messages import sending
from booking.models import DayException, StaffDepartment, Ticket, Topic
from booking.models.notices import NoticeState
from booking.models.tickets import State
from holidays.models import Holiday
from tests.browser import DESK, looks_right_at_desk_and_on_tablet
from tests.clock import MORNING, standing_still, today_at
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

clock = standing_still(today_at("9.00"), autouse=True)


def test_a_manager_asks_what_would_happen_if_the_only_counter_closed(new_page):
    department = make_open_department(name="ฝ่ายสินเชื่อ")
    make_counter(departments=[department], clerk=make_user(group=roles.CLERK, first_name="มาลี"), number=3)
    for _ in range(8):
        make_walk_in(department=department)
    page = new_page(DESK, user=make_user(group=roles.MANAGER), bypass_csp=True)

    page.goto(reverse("admin:booking_today"))
    looks_right_at_desk_and_on_tablet(page, "work-today")
    page.get_by_role("combobox", name="ช่อง").select_option("3")
    page.get_by_label("ปิดเวลา").fill("09:10")
    page.get_by_role("button", name="ดูว่าจะเป็นอย่างไร").click()

    asked = page.get_by_role("region", name="ถ้าปิดช่องหนึ่ง")
    expect(asked.get_by_role("listitem")).to_contain_text(re.compile(r"ฝ่ายสินเชื่อ: .*ไม่มีช่องเรียก \d คิว"))
    looks_right_at_desk_and_on_tablet(page, "work-what-if")


def test_a_head_reads_the_report_of_a_department_and_takes_it_along(new_page, clock):
    loans, money = make_open_department(name="ฝ่ายสินเชื่อ"), make_open_department(name="ฝ่ายการเงิน")
    head, clerk = make_user(group=roles.HEAD), make_user(group=roles.CLERK, first_name="มาลี")
    for department in (loans, money):
        StaffDepartment.objects.create(user=head, department=department)
        make_walk_in(department=department)
    counter = make_counter(departments=[loans], clerk=clerk, number=3)
    for minutes, verb in ((12, verbs.call_next), (1, verbs.start), (8, verbs.finish)):
        clock.shift(dt.timedelta(minutes=minutes))
        verb(counter=counter, by=clerk)
    page = new_page(DESK, user=head, bypass_csp=True)
    page.goto(reverse("admin:booking_report"))

    page.get_by_label("ฝ่าย", exact=True).select_option(label="ฝ่ายสินเชื่อ")
    page.get_by_label("ตั้งแต่วันที่").fill(f"{MORNING:%Y-%m-%d}")
    page.get_by_label("ถึงวันที่").fill(f"{MORNING:%Y-%m-%d}")
    page.get_by_role("button", name="ดูรายงาน").click()

    expect(page.get_by_role("heading", level=1, name="ฝ่าย ฝ่ายสินเชื่อ")).to_be_visible()
    waits = page.get_by_role("region", name="เวลารอและเวลาให้บริการ")
    expect(waits.get_by_role("row", name="เวลารอ").get_by_role("cell").nth(1)).to_have_text("12.0")
    looks_right_at_desk_and_on_tablet(page, "work-report")
    with page.expect_download() as taken:
        page.get_by_role("region", name="สรุป").get_by_role("link", name="CSV").click()
    with taken.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = {row[0]: row[1] for row in csv.reader(file)}
    assert (rows["บัตรคิวทั้งหมด"], rows["เสร็จสิ้น"]) == ("1", "1")
    with page.expect_download() as taken:
        page.get_by_role("link", name="ทุกตารางเป็น XLSX").click()
    assert taken.value.suggested_filename.endswith(".xlsx")


def test_a_clerk_telephones_books_and_prints_the_day(new_page):
    department = make_open_department(name="ฝ่ายสินเชื่อ")
    ticket = make_ticket(slot=make_slot(department=department), member=make_member(given_name="มาลี"))
    verbs.cancel(ticket=ticket, by=make_user(), reason="ปิดปรับปรุง")
    while sending.send_owed():
        pass
    page = new_page(DESK, user=make_user(group=roles.HEAD, first_name="สุดา"), bypass_csp=True)

    page.goto(reverse("admin:booking_notice_telephone"))
    page.get_by_role("button", name=f"จะโทร {ticket.code}").click()
    expect(page.get_by_role("button", name=f"โทรแจ้งแล้ว {ticket.code}")).to_be_visible()
    looks_right_at_desk_and_on_tablet(page, "work-telephone")
    page.get_by_label("หมายเหตุ").fill("แจ้งลูกชาย")
    page.get_by_role("button", name=f"โทรแจ้งแล้ว {ticket.code}").click()
    expect(page.get_by_text("ไม่มีใครที่ต้องโทรแจ้ง")).to_be_visible()
    assert ticket.notices.get(state=NoticeState.TELEPHONED).calls.last().note == "แจ้งลูกชาย"

    page.goto(reverse("admin:booking_ticket_book_for_member"))
    looks_right_at_desk_and_on_tablet(page, "work-book")
    page.get_by_label("ฝ่าย").select_option(label="ฝ่ายสินเชื่อ")
    page.get_by_label("สมาชิก").fill("มาลี")
    page.get_by_label("วันที่").fill(in_days(0).isoformat())
    page.get_by_role("button", name="ดูเวลาว่าง").click()
    expect(page.get_by_role("button", name="10.00 น.")).to_be_visible()
    looks_right_at_desk_and_on_tablet(page, "work-book-times")
    page.get_by_role("button", name="10.00 น.").click()
    expect(page.get_by_text("อ่านให้สมาชิกฟัง")).to_be_visible()
    looks_right_at_desk_and_on_tablet(page, "work-read-out")
    booked = Ticket.objects.get(member=ticket.member, state=State.BOOKED)
    assert booked.slot.starts_at == today_at("10.00")

    page.goto(reverse("admin:booking_ticket_day_list"))
    expect(page.get_by_role("row", name=booked.code)).to_contain_text("10.00")
    looks_right_at_desk_and_on_tablet(page, "work-day-list")


def test_a_manager_changes_a_day_and_settles_a_holiday(new_page):
    department = make_open_department(name="ฝ่ายสินเชื่อ", opens=dt.time(9), closes=dt.time(16))
    afternoon = make_ticket(slot=make_slot(department=department, nth=9))
    kept, moved = (make_ticket(slot=make_slot(department=department, days_ahead=2, nth=nth)) for nth in (0, 1))
    make_holiday(date=in_days(2), name="วันหยุดพิเศษ", is_confirmed=False)
    page = new_page(DESK, user=make_user(group=roles.MANAGER), bypass_csp=True)

    page.goto(reverse("admin:booking_calendar"))
    looks_right_at_desk_and_on_tablet(page, "work-calendar")
    page.locator(f"td[data-date='{in_days(1)}'] .office-add").click()
    page.get_by_label("ตั้งแต่เวลา").fill("13:00")
    page.get_by_label("ทั้งสำนักงาน").check()
    page.get_by_label("เหตุผลที่แจ้งสมาชิก", exact=True).fill("ประชุมใหญ่")
    looks_right_at_desk_and_on_tablet(page, "work-change-a-day")
    page.get_by_role("button", name="ดูผลก่อนบันทึก").click()
    page.get_by_label(f"จะทำอย่างไรกับ {afternoon.code}").select_option("cancel")
    looks_right_at_desk_and_on_tablet(page, "work-change-a-day-looked")
    page.get_by_role("button", name="บันทึก", exact=True).click()
    page.wait_for_url("**/calendar/**")
    assert Ticket.objects.get(pk=afternoon.pk).state == State.CANCELLED
    assert DayException.objects.get().reason == "ประชุมใหญ่"

    page.goto(f"{reverse('admin:holidays_holiday_confirm')}?holiday={Holiday.objects.get().pk}")
    looks_right_at_desk_and_on_tablet(page, "work-holiday")
    page.get_by_label("คงบัตรคิวไว้ตามเดิม").check()
    page.get_by_role("button", name="ยืนยันวันหยุด").click()
    page.get_by_role("checkbox", name=kept.code).uncheck()
    page.get_by_label("ย้ายไปเวลาว่างที่ใกล้ที่สุด").check()
    page.get_by_label("เหตุผลที่จะแจ้งสมาชิก").fill("สำนักงานปิด")
    looks_right_at_desk_and_on_tablet(page, "work-holiday-tickets")
    page.get_by_role("button", name="ทำกับบัตรคิวที่เลือก").click()
    expect(page.get_by_text("ย้ายแล้ว 1 ใบ")).to_be_visible()
    assert [Ticket.objects.get(pk=one.pk).state for one in (kept, moved)] == [State.BOOKED, State.CANCELLED]


def test_a_manager_adds_a_topic_and_a_colleague(new_page):
    department = make_open_department(name="ฝ่ายสินเชื่อ")
    page = new_page(DESK, user=make_user(group=roles.MANAGER), bypass_csp=True)

    page.goto(reverse("admin:booking_department_change", args=[department.pk]))
    page.get_by_role("link", name="เพิ่ม เรื่องที่ติดต่อ อีก").click()
    page.locator("#id_topics-0-name").fill("ขอกู้ฉุกเฉิน")
    page.locator("#id_topics-0-minutes").fill("30")
    looks_right_at_desk_and_on_tablet(page, "work-topic")
    with page.expect_navigation():
        page.get_by_role("button", name="บันทึก", exact=True).click()
    assert Topic.objects.get(department=department).name == "ขอกู้ฉุกเฉิน"

    page.goto(reverse("admin:auth_user_add"))
    page.get_by_label("ชื่อผู้ใช้").fill("malee")
    page.get_by_label("ชื่อ", exact=True).fill("มาลี")
    page.get_by_label(roles.CLERK).check()
    looks_right_at_desk_and_on_tablet(page, "work-person")
    page.get_by_role("button", name="บันทึก", exact=True).click()
    page.wait_for_url("**/link/")
    looks_right_at_desk_and_on_tablet(page, "work-person-link")
    assert get_user_model().objects.get(username="malee").groups.get().name == roles.CLERK
    page.goto(reverse("admin:auth_user_changelist"))
    looks_right_at_desk_and_on_tablet(page, "work-people")
