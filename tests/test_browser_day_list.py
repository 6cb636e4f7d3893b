"""The list of the day prints by itself at its time, once, though whoever opened it has been signed out since."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse

from booking import roles
from tests.clock import today_at
from tests.factories import make_open_department, make_ticket, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

DAY_LIST = reverse("admin:booking_ticket_day_list")
# What is printed, as the sheet of paper would have it.
KEEP = "window.prints = []; window.print = () => window.prints.push(document.body.innerText)"


@pytest.fixture
def clock():
    """The server's; the browser's goes its own way and is moved beside it."""
    with time_machine.travel(today_at("14.30"), tick=True) as traveller:
        yield traveller


@pytest.fixture
def department(clock):
    return make_open_department(closes=dt.time(15, 30))


@pytest.fixture
def waiting(new_page, department, settings):
    """A page that waits to print at 16.30; staff are signed out after 30 minutes."""
    settings.STAFF_IDLE_MINUTES = 30
    page = new_page((1280, 800), user=make_user(group=roles.MANAGER))
    page.add_init_script(KEEP)
    page.clock.install(time=today_at("14.30"))
    page.goto(f"{DAY_LIST}?at=16:30")
    return page


def printed(page) -> list[str]:
    return page.evaluate("window.prints")


def move_to(page, clock, moment: dt.datetime) -> None:
    """Both clocks. What was due by then runs once, as on a machine that has slept."""
    clock.move_to(moment)
    page.clock.pause_at(moment)


def test_it_prints_what_is_booked_by_then_though_its_session_has_ended(waiting, clock, department):
    assert printed(waiting) == []
    clock.move_to(today_at("16.00"))
    ticket = make_ticket(department=department, days_ahead=1)

    move_to(waiting, clock, today_at("16.30"))
    waiting.wait_for_function("window.prints.length > 0")
    with waiting.expect_response("**/day-list/"):
        move_to(waiting, clock, today_at("16.50"))

    (paper,) = printed(waiting)
    assert ticket.code in paper and ticket.member.masked_name in paper
    assert ticket.member.full_name not in paper
    assert "16.30 น." in paper and "ติดต่อระบบไม่ได้" not in paper
    waiting.goto(DAY_LIST)
    assert "/admin/login/" in waiting.url


def test_without_a_line_it_prints_the_last_it_had_and_says_so(waiting, clock, department):
    ticket = make_ticket(department=department, days_ahead=1)
    with waiting.expect_response("**/day-list/"):
        move_to(waiting, clock, today_at("15.00"))
    waiting.get_by_text(ticket.code).wait_for()
    waiting.route("**/day-list/", lambda route: route.abort())

    move_to(waiting, clock, today_at("16.30"))
    waiting.wait_for_function("window.prints.length > 0")

    (paper,) = printed(waiting)
    assert ticket.code in paper
    assert "15.00 น." in paper and "ติดต่อระบบไม่ได้" in paper


def test_on_the_next_day_it_asks_who_is_there(waiting, clock):
    with waiting.expect_navigation(url="**/admin/login/**"):
        move_to(waiting, clock, today_at("16.30") + dt.timedelta(days=1))


def test_opened_after_its_time_it_says_that_it_does_not_print_today(new_page, department, clock):
    clock.move_to(today_at("17.00"))
    page = new_page((1280, 800), user=make_user(group=roles.MANAGER))
    page.add_init_script(KEEP)
    page.clock.install(time=today_at("17.00"))
    page.goto(f"{DAY_LIST}?at=16:30")

    with page.expect_response("**/day-list/"):
        page.clock.run_for(21_000)

    assert printed(page) == []
    assert "เลย 16.30 น. ของวันนี้แล้ว" in page.locator("strong[role=status]").inner_text()
