"""The page that changes a day, in a real browser of 1280 x 800: by dragging, by keyboard, and without JavaScript."""

import datetime as dt

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from booking import roles
from booking.models import DayException, Ticket
from booking.models.tickets import State
from tests.browser import AXE, sideways_scroll
from tests.factories import in_days, make_exception, make_open_department, make_slot, make_ticket, make_user
from tests.test_admin_browser import AXE_RULES, PASSWORD, SCREENSHOTS, log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CALENDAR = reverse("admin:booking_calendar")


@pytest.fixture
def manager():
    return make_user(group=roles.MANAGER, password=PASSWORD, first_name="สมหญิง")


@pytest.fixture
def departments():
    names = ["ฝ่ายสินเชื่อ", "ฝ่ายการเงิน", "ฝ่ายอำนวยการ", "ฝ่ายกฎหมาย", "ฝ่ายสมาคมฌาปนกิจสงเคราะห์"]
    return [make_open_department(name=name, opens=dt.time(9), closes=dt.time(16), max_days_ahead=20) for name in names]


def cell(page, date):
    return page.locator(f"td[data-date='{date:%Y-%m-%d}']")


def faults(page) -> list[str]:
    page.add_script_tag(path=AXE)
    found = page.evaluate("options => axe.run(document, options)", AXE_RULES)["violations"]
    return [f"{one['id']}: {[node['html'][:150] for node in one['nodes']]}" for one in found]


def test_days_are_dragged_over_and_one_afternoon_is_closed_for_all(new_page, manager, departments):
    tickets = [make_ticket(slot=make_slot(department=one, nth=12)) for one in departments[:3]]
    make_exception(departments[1], days_ahead=3, starts=dt.time(13), reason="ประชุมคณะกรรมการ")
    page = log_in(new_page((1280, 800), bypass_csp=True), manager)
    page.goto(CALENDAR)
    SCREENSHOTS.mkdir(exist_ok=True)

    cell(page, in_days(1)).hover(position={"x": 60, "y": 14})
    page.mouse.down()
    cell(page, in_days(2)).hover(position={"x": 60, "y": 14})
    expect(page.locator("td.office-marked")).to_have_count(2)
    page.screenshot(path=SCREENSHOTS / "change-a-day-1-calendar.png")
    page.mouse.up()
    page.wait_for_url("**/dayexception/add/**")
    expect(page.get_by_label("ตั้งแต่วันที่")).to_have_value(in_days(1).isoformat())
    expect(page.get_by_label("ถึงวันที่")).to_have_value(in_days(2).isoformat())

    page.get_by_label("ตั้งแต่เวลา").fill("13:00")
    for department in departments:
        page.get_by_label(department.name, exact=True).check()
    page.get_by_label("เหตุผลที่แจ้งสมาชิก", exact=True).fill("ประชุมใหญ่สามัญประจำปี")
    page.screenshot(path=SCREENSHOTS / "change-a-day-2-form.png", full_page=True)
    assert faults(page) == []
    page.get_by_role("button", name="ดูผลก่อนบันทึก").click()
    expect(page.get_by_role("heading", name="บัตรคิวในเวลาที่จะปิด 3 ใบ")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "change-a-day-3-looked.png", full_page=True)
    assert faults(page) == []
    assert not sideways_scroll(page)
    assert not DayException.objects.filter(reason__startswith="ประชุมใหญ่").exists()

    page.get_by_label(f"จะทำอย่างไรกับ {tickets[0].code}").select_option("cancel")
    page.get_by_label(f"จะทำอย่างไรกับ {tickets[1].code}").select_option(index=1)
    page.get_by_role("button", name="บันทึก", exact=True).click()
    page.wait_for_url(f"**{CALENDAR}**")
    page.screenshot(path=SCREENSHOTS / "change-a-day-4-saved.png", full_page=True)

    states = [Ticket.objects.get(pk=ticket.pk).state for ticket in tickets]
    assert states == [State.CANCELLED, State.CANCELLED, State.BOOKED]
    assert Ticket.objects.get(moved_from=tickets[1]).date == in_days(1)
    assert DayException.objects.filter(reason__startswith="ประชุมใหญ่").count() == 1


@pytest.mark.parametrize("with_javascript", [True, False])
def test_a_day_is_closed_by_keyboard_and_without_javascript(new_page, manager, departments, with_javascript):
    make_ticket(slot=make_slot(department=departments[0]))
    page = log_in(new_page((1280, 800), java_script_enabled=with_javascript), manager)
    page.goto(f"{CALENDAR}?department={departments[0].slug}")

    link = cell(page, in_days(1)).locator(".office-add")
    link.focus()
    link.press("Enter")
    expect(page.get_by_label(departments[0].name, exact=True)).to_be_checked()
    page.wait_for_load_state("load")
    reason = page.get_by_label("เหตุผลที่แจ้งสมาชิก", exact=True)
    reason.press_sequentially("อบรม")
    reason.press("Enter")
    expect(page.get_by_role("heading", name="บัตรคิวในเวลาที่จะปิด 1 ใบ")).to_be_visible()
    page.get_by_label("ทุกใบ: ยกเลิก").press("Space")
    save = page.get_by_role("button", name="บันทึก", exact=True)
    save.focus()
    save.press("Enter")
    page.wait_for_url(f"**{CALENDAR}**")

    assert not Ticket.objects.live().exists()
    assert DayException.objects.get().reason == "อบรม"
