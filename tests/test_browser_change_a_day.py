"""The page that changes a day, in a real browser: by dragging, by finger on a tablet, by keyboard, and without
JavaScript."""

import datetime as dt

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from booking import roles
from booking.models import DayException, Ticket
from booking.models.tickets import State
from tests.browser import BACK_OFFICE_RULES, TABLET, TELEPHONE, sideways_scroll, violations
from tests.factories import in_days, make_exception, make_open_department, make_slot, make_ticket, make_user
from tests.test_admin_browser import PASSWORD, SCREENSHOTS, log_in

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
    assert violations(page, BACK_OFFICE_RULES) == []
    page.get_by_role("button", name="ดูผลก่อนบันทึก").click()
    expect(page.get_by_role("heading", name="บัตรคิวในเวลาที่จะปิด 3 ใบ")).to_be_visible()
    page.screenshot(path=SCREENSHOTS / "change-a-day-3-looked.png", full_page=True)
    assert violations(page, BACK_OFFICE_RULES) == []
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


class Finger:
    """A finger on the glass, as the browser is told of it: what it becomes, a drag, a scroll or a tap, the browser
    decides."""

    def __init__(self, page):
        self.page, self.protocol = page, page.context.new_cdp_session(page)

    def down(self, x, y):
        self.at = x, y
        self._tell("touchStart", x, y)

    def move(self, x, y):
        """In steps of a few pixels, as fingers do: what the first ones are decides."""
        (from_x, from_y), steps = self.at, 10
        for nth in range(1, steps + 1):
            self._tell("touchMove", from_x + (x - from_x) * nth / steps, from_y + (y - from_y) * nth / steps)
        self.at = x, y

    def up(self):
        self.protocol.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def _tell(self, kind, x, y):
        self.protocol.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})


def spot(page, date):
    """A place in a day's cell where no link is, as (x, y) on the screen."""
    box = cell(page, date).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + 14


@pytest.fixture(params=[TABLET, (768, 1024)], ids=["lying", "upright"])
def tablet(request, new_page, manager, departments):
    page = log_in(new_page(request.param, has_touch=True), manager)
    page.goto(CALENDAR)
    page.wait_for_load_state("load")
    return page


def test_a_finger_drags_over_several_days(tablet):
    finger = Finger(tablet)

    finger.down(*spot(tablet, in_days(1)))
    finger.move(*spot(tablet, in_days(3)))
    expect(tablet.locator("td.office-marked")).to_have_count(3)
    SCREENSHOTS.mkdir(exist_ok=True)
    tablet.screenshot(path=SCREENSHOTS / "change-a-day-by-finger.png")
    finger.up()

    tablet.wait_for_url(f"**/dayexception/add/?first={in_days(1)}&last={in_days(3)}")


def test_a_finger_that_began_sideways_goes_on_to_the_week_below(tablet):
    finger = Finger(tablet)

    finger.down(*spot(tablet, in_days(1)))
    finger.move(*spot(tablet, in_days(2)))
    finger.move(*spot(tablet, in_days(7)))
    expect(tablet.locator("td.office-marked")).to_have_count(7)
    finger.up()

    tablet.wait_for_url(f"**/dayexception/add/?first={in_days(1)}&last={in_days(7)}")


def test_a_finger_that_landed_on_a_link_drags_as_well_and_a_tap_follows_the_link(tablet):
    load = cell(tablet, in_days(1)).locator(".office-load")
    box, finger = load.bounding_box(), Finger(tablet)

    finger.down(box["x"] + 20, box["y"] + 8)
    finger.move(*spot(tablet, in_days(2)))
    expect(tablet.locator("td.office-marked")).to_have_count(2)
    finger.up()
    tablet.wait_for_url(f"**/dayexception/add/?first={in_days(1)}&last={in_days(2)}")

    tablet.goto(CALENDAR)
    address = load.get_attribute("href")
    load.tap()
    tablet.wait_for_url(f"**{address}")


def test_a_finger_up_and_down_scrolls_the_page_and_marks_nothing(tablet):
    tablet.evaluate("document.body.style.minHeight = '3000px'")
    x, y = spot(tablet, in_days(1))
    finger = Finger(tablet)

    finger.down(x, y)
    finger.move(x, y - 250)
    finger.up()

    tablet.wait_for_function("window.scrollY > 100")
    expect(tablet.locator("td.office-marked")).to_have_count(0)
    assert tablet.url.endswith(CALENDAR)


@pytest.mark.parametrize("by", ["tap", "click"])
def test_one_day_is_tapped_or_clicked(tablet, by):
    getattr(cell(tablet, in_days(1)), by)(position={"x": 60, "y": 14})

    tablet.wait_for_url(f"**/dayexception/add/?first={in_days(1)}")


def test_on_a_telephone_a_finger_sideways_still_moves_the_month(new_page, manager, departments):
    page = log_in(new_page(TELEPHONE, has_touch=True, is_mobile=True), manager)
    page.goto(CALENDAR)
    page.wait_for_load_state("load")
    cell(page, in_days(1)).scroll_into_view_if_needed()
    x, y = spot(page, in_days(1))
    box, finger = page.locator(".office-scroll"), Finger(page)
    before = box.evaluate("box => box.scrollLeft")

    finger.down(x, y)
    finger.move(x - 120, y)
    finger.up()

    page.wait_for_function("before => document.querySelector('.office-scroll').scrollLeft > before + 50", arg=before)
    assert page.url.endswith(CALENDAR)
