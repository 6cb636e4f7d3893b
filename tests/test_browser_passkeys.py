"""A passkey made and used on a telephone that has a finger's reader (Chromium's virtual authenticator)."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from members import accounts
from members.models import Passkey
from tests.browser import TELEPHONE, cut_off, sideways_scroll, small_targets, small_text, violations
from tests.factories import make_member
from tests.test_admin_browser import SCREENSHOTS

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SECRET = "ดอกไม้ริมรั้วบ้าน"
READER = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_made_once_and_then_nothing_is_typed(new_page, live_server, settings):
    settings.IMEMBER_LOGIN_URL, settings.PUBLIC_URL = "", live_server.url
    member = make_member()
    accounts._set(member, SECRET)
    page = new_page(TELEPHONE)  # under the strict policy
    reader = page.context.new_cdp_session(page)
    finger = page.get_by_role("button", name="ใช้ลายนิ้วมือหรือใบหน้า")

    def looked_at(name):
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"passkey-{name}.png", full_page=True)
        assert sideways_scroll(page) == 0
        assert [small_text(page), small_targets(page), cut_off(page)] == [[], [], []], name

    page.goto("/member/")
    expect(finger).to_be_hidden()  # this telephone has no reader yet

    reader.send("WebAuthn.enable")
    at = reader.send("WebAuthn.addVirtualAuthenticator", {"options": READER})["authenticatorId"]
    page.reload()
    expect(finger).to_be_visible()
    looked_at("sign-in")
    page.get_by_label("เลขทะเบียนสมาชิก").fill(member.member_number)
    page.get_by_label("รหัสผ่าน").fill(SECRET)
    page.get_by_role("button", name="เข้าสู่ระบบ", exact=True).click()
    page.get_by_role("link", name="ตั้งค่าในเครื่องนี้").click()
    looked_at("none")
    page.get_by_role("button", name="เพิ่มพาสคีย์ในเครื่องนี้").click()
    expect(page.get_by_text("เพิ่มพาสคีย์แล้ว")).to_be_visible()
    looked_at("one")
    assert len(reader.send("WebAuthn.getCredentials", {"authenticatorId": at})["credentials"]) == 1

    page.goto("/member/")
    page.get_by_role("button", name="ออกจากระบบในเครื่องนี้").click()
    finger.click()
    expect(page.get_by_text(member.full_name)).to_be_visible()
    assert Passkey.objects.get().used_at

    # The finger is not the right one: a sentence, and the password as before.
    page.get_by_role("button", name="ออกจากระบบในเครื่องนี้").click()
    reader.send("WebAuthn.setUserVerified", {"authenticatorId": at, "isUserVerified": False})
    finger.click()
    expect(page.get_by_text("ยังใช้ไม่ได้")).to_be_visible()
    expect(finger).to_be_enabled()


def test_axe_is_silent_about_them(new_page, live_server, settings):
    settings.IMEMBER_LOGIN_URL, settings.PUBLIC_URL = "", live_server.url
    member = make_member()
    accounts._set(member, SECRET)
    Passkey.objects.create(
        member=member, credential_id="AAAA", public_key=b"", sign_count=0, name="iPhone", made_at=timezone.now()
    )
    page = new_page(TELEPHONE, bypass_csp=True)
    reader = page.context.new_cdp_session(page)
    reader.send("WebAuthn.enable")
    reader.send("WebAuthn.addVirtualAuthenticator", {"options": READER})

    page.goto("/member/")
    expect(page.get_by_role("button", name="ใช้ลายนิ้วมือหรือใบหน้า")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("เลขทะเบียนสมาชิก").fill(member.member_number)
    page.get_by_label("รหัสผ่าน").fill(SECRET)
    page.get_by_role("button", name="เข้าสู่ระบบ", exact=True).click()
    page.get_by_role("link", name="พาสคีย์ของฉัน").click()
    expect(page.get_by_role("button", name="เพิ่มพาสคีย์ในเครื่องนี้")).to_be_visible()
    assert violations(page) == []
