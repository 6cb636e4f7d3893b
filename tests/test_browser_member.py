"""Somebody who has forgotten everything: from ลืมรหัสผ่าน to a ticket, on a telephone, counted in taps; and what axe says
of each page on the way."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from members.codes import issue_code
from tests.browser import TELEPHONE, cut_off, sideways_scroll, small_targets, small_text, violations
from tests.factories import make_citizen_id, make_member, make_open_department, make_user
from tests.test_admin_browser import SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""


def test_from_forgotten_to_a_ticket(new_page):
    make_open_department()
    member = make_member(citizen_id=(citizen_id := make_citizen_id()), phone="0812345678", email="somsri@example.org")
    page = new_page(TELEPHONE, bypass_csp=True)
    taps = 0

    def tap(name, role="button"):
        nonlocal taps
        page.get_by_role(role, name=name).first.click()
        page.wait_for_load_state()
        taps += 1

    def looked_at(name):
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"member-{name}.png", full_page=True)
        assert sideways_scroll(page) == 0
        assert [small_text(page), small_targets(page), cut_off(page), violations(page)] == [[], [], [], []], name

    page.goto("/tickets/")
    looked_at("lost")
    page.goto("/tickets/recover/")
    looked_at("recover")
    page.goto("/member/")
    looked_at("sign-in")
    page.get_by_role("button", name="แสดงรหัสผ่านที่พิมพ์").click()
    expect(page.get_by_label("รหัสผ่าน", exact=True)).to_have_attribute("type", "text")
    tap("ลืมรหัสผ่าน", "link")
    looked_at("forgot")
    page.get_by_label("เลขทะเบียนสมาชิก").fill(member.member_number)
    page.get_by_label("เลขประจำตัวประชาชน 13 หลัก").fill(citizen_id)
    tap("ต่อไป")
    looked_at("code")
    # Neither LINE nor e-mail answers: a clerk is telephoned.
    page.get_by_label("รหัส 8 หลัก").fill(issue_code(member=member, by=make_user()))
    page.get_by_label("รหัสผ่านใหม่").fill("12345678")
    tap("ตั้งรหัสผ่าน")
    looked_at("weak")
    taps -= 1  # one does not have to be refused
    page.get_by_label("รหัสผ่านใหม่").fill("ดอกไม้ริมรั้วบ้าน")
    page.get_by_role("button", name="แสดงรหัสผ่านที่พิมพ์").click()
    expect(page.get_by_label("รหัสผ่านใหม่")).to_have_attribute("type", "text")
    tap("ตั้งรหัสผ่าน")
    expect(page.get_by_text(member.full_name)).to_be_visible()
    looked_at("mine")
    page.get_by_role("link", name="เปลี่ยนโทรศัพท์หรืออีเมล").click()
    looked_at("contact")
    for name in ("held", "ask_correction", "ask_erasure", "family", "family_add"):
        page.goto(reverse(name))
        looked_at(name)
    page.goto("/member/")
    tap("ไปจองคิว", "link")
    tap("ฝ่ายสินเชื่อ", "link")
    page.locator("a.day").first.click()
    page.locator(".time input:not(:disabled) + label").first.click()
    taps += 2
    tap("จองคิว")

    page.wait_for_url("**/t/**")
    assert taps == 8  # docs/members.md tells it
