"""A clerk telephones about an offer, at a desk and on a tablet: says so, and books what the member takes."""

import datetime as dt

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from booking import roles, verbs
from booking.models import Ticket
from booking.verbs.waiting import join, offer_free_places
from tests.browser import BACK_OFFICE_RULES, sideways_scroll, violations
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_user
from tests.test_admin_browser import SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def looks_right(page, name):
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    assert violations(page, BACK_OFFICE_RULES) == []
    assert sideways_scroll(page) == 0


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768)])
def test_from_the_telephone_list_to_the_ticket(new_page, size):
    department = make_open_department(quota=1, opens=dt.time(9), closes=dt.time(9, 30), has_waiting_list=True)
    ticket = make_ticket(slot=make_slot(department=department))
    member = make_member(given_name="มาลี", email="")
    join(member_id=member.pk, department=department, date=in_days(1))
    verbs.cancel(ticket=ticket)
    assert offer_free_places() == 1
    page = new_page(size, user=make_user(group=roles.CLERK), bypass_csp=True)
    page.goto(reverse("admin:booking_notice_telephone"))
    looks_right(page, f"offers-{size[0]}")

    page.get_by_role("button", name=f"จะโทร {member.full_name}").click()

    expect(page.get_by_role("button", name=f"ไม่รับสาย {member.full_name}")).to_be_visible()
    looks_right(page, f"offers-calling-{size[0]}")
    page.goto(reverse("admin:booking_ticket_waiting"))
    looks_right(page, f"waiting-{size[0]}")
    with page.expect_navigation():
        page.locator("section").first.get_by_role("button", name=f"รับคิว {member.full_name}").click()
    assert Ticket.objects.get(member=member).slot == ticket.slot
