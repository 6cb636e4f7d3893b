"""The door of the back office in a real browser: a one-time link fills in its code, the second factor is set up and
asked for."""

import os
from pathlib import Path

import pytest
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect

from booking import roles, sign_in
from tests.browser import BACK_OFFICE_RULES, sideways_scroll, violations
from tests.factories import make_user
from tests.test_second_factor import code_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "a-long-password-2569"
SCREENSHOTS = Path(os.environ["VAR_DIR"]) / "screenshots"


def looked_at(page, name) -> list[str]:
    """What axe has against the page, which is kept as a picture."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"door-{name}.png", full_page=True)
    return violations(page, BACK_OFFICE_RULES) + (["wider than the screen"] if sideways_scroll(page) else [])


def test_from_the_link_to_the_back_office(new_page, settings):
    settings.SECOND_FACTOR = True
    user = make_user(username="somying", group=roles.MANAGER)
    page = new_page((1280, 800), bypass_csp=True)

    code = sign_in.password_code(user)
    page.goto(f"{reverse('set_password')}#{code}")
    expect(page.locator("#code")).to_have_value(code)
    assert "#" not in page.url
    assert looked_at(page, "set-password") == []
    page.locator("#id_new_password1").fill(PASSWORD)
    page.locator("#id_new_password2").fill(PASSWORD)
    page.get_by_role("button", name="ตั้งรหัสผ่าน").click()
    page.wait_for_url(f"**{reverse('admin:login')}")

    page.get_by_label("ชื่อผู้ใช้").fill("somying")
    page.get_by_label("รหัสผ่าน").fill(PASSWORD)
    page.get_by_role("button", name="เข้าสู่ระบบ").click()
    page.wait_for_url(f"**{reverse('second_factor')}?**")
    assert looked_at(page, "set-up") == []
    page.get_by_label("รหัส", exact=True).fill(code_of(TOTPDevice.objects.get()))
    page.get_by_role("button", name="ยืนยัน", exact=True).click()
    expect(page.get_by_role("heading", name="รหัสสำรอง")).to_be_visible()
    assert looked_at(page, "recovery-codes") == []
    code = page.locator(".office-codes code").first.inner_text()
    page.get_by_role("link", name="จดแล้ว").click()
    page.wait_for_url(f"**{reverse('admin:index')}")

    page.context.clear_cookies()
    page.goto(reverse("admin:login"))
    page.get_by_label("ชื่อผู้ใช้").fill("somying")
    page.get_by_label("รหัสผ่าน").fill(PASSWORD)
    page.get_by_role("button", name="เข้าสู่ระบบ").click()
    page.wait_for_url(f"**{reverse('second_factor')}?**")
    assert looked_at(page, "second-factor") == []
    page.get_by_label("รหัส", exact=True).fill(code)
    page.get_by_role("button", name="ยืนยัน", exact=True).click()
    page.wait_for_url(f"**{reverse('admin:index')}")
