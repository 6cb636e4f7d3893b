"""The list of the day prints by itself at its time, once, with what is to come then."""

import pytest
from django.urls import reverse

from booking import roles
from tests.factories import make_open_department, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

COUNT = "window.print = () => sessionStorage.setItem('prints', 1 + Number(sessionStorage.getItem('prints')))"


def test_it_prints_at_its_time_and_once(new_page):
    make_open_department()
    page = new_page((1280, 800), user=make_user(group=roles.MANAGER))
    page.add_init_script(COUNT)
    page.clock.install(time="2026-11-23T16:29:30+07:00")
    page.goto(f"{reverse('admin:booking_ticket_day_list')}?at=16:30")

    def prints() -> int:
        return int(page.evaluate("sessionStorage.getItem('prints') || 0"))

    assert prints() == 0
    with page.expect_navigation():
        page.clock.run_for(60_000)
    page.wait_for_function("sessionStorage.getItem('prints') === '1'")
    page.clock.run_for(10 * 60_000)
    assert prints() == 1


def test_opened_after_its_time_it_waits_for_tomorrow(new_page):
    make_open_department()
    page = new_page((1280, 800), user=make_user(group=roles.MANAGER))
    page.add_init_script(COUNT)
    page.clock.install(time="2026-11-23T17:00:00+07:00")
    page.goto(f"{reverse('admin:booking_ticket_day_list')}?at=16:30")

    page.clock.run_for(60_000)

    assert page.evaluate("sessionStorage.getItem('prints')") is None
