"""Waiting for a full day on a telephone without scripts, from the strip to the ticket; each page as the others are."""

import datetime as dt
import os

import pytest

from booking import verbs
from booking.models import Ticket, WaitingEntry
from booking.verbs.waiting import join, offer_free_places
from tests.browser import sideways_scroll, small_targets, small_text, violations
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_the_strip_to_the_ticket(new_phone):
    page = new_phone(bypass_csp=True)
    department = make_open_department(quota=1, opens=dt.time(9), closes=dt.time(10), has_waiting_list=True)
    tickets = [make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(2)]
    first = join(member_id=make_member().pk, department=department, date=in_days(1))
    member = make_member()

    def look(name):
        assert violations(page) == [], name
        assert (sideways_scroll(page), small_text(page), small_targets(page)) == (0, [], []), name
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/{name}.png", full_page=True)

    def press(text):
        with page.expect_navigation(wait_until="load"):
            page.get_by_role("button", name=text, exact=True).click()

    page.goto(f"/book/{department.slug}/")
    page.locator("#by-member-number").check(force=True)
    page.locator("#member-number").fill(member.member_number)
    press("ต่อไป")
    press("ใช่")
    look("strip")
    with page.expect_navigation(wait_until="load"):
        page.locator("a.day-wait").click()
    look("full")
    press("แจ้งเมื่อมีคิวว่าง")
    look("waits")
    verbs.cancel(ticket=tickets[0])
    verbs.cancel(ticket=tickets[1])
    assert offer_free_places() == 2
    page.reload()
    look("offered")
    page.goto("/tickets/")
    look("tickets")
    page.go_back()
    press("รับคิวนี้")
    assert Ticket.objects.get(member=member).slot == tickets[1].slot
    assert WaitingEntry.objects.get(member=member).ending == "booked"
    entry = WaitingEntry.objects.get(pk=first.pk)
    page.goto(f"/wait/{entry.public_id}/#{entry.secret}")  # as the message has it
    page.wait_for_selector("text=รับคิวนี้")
    press("ไม่รับ และออกจากรายการรอ")
    look("left")
