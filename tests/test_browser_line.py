"""The way in by LINE in a real browser, with JavaScript and without; each page checked as the others are."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from members.models import LineAccount
from queuesite.demo import fake_line
from tests.browser import sideways_scroll, small_targets, small_text, violations
from tests.factories import make_member, make_open_department, make_ticket, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

IN_LINE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/130.0.0.0 Mobile Safari/537.36 Line/14.19.0 LIFF"
)


def link(page, member, *, name="สมชาย"):
    """From /line/ by LINE Login to the linked account."""
    page.goto("/line/")
    page.get_by_role("link", name="เข้าใช้ด้วย LINE").click()
    page.get_by_role("link", name=name).click()
    page.locator("label[for=by-member-number]").click()
    page.locator("#member-number").fill(member.member_number)
    page.get_by_role("button", name="ต่อไป").click()
    expect(page.get_by_text(member.masked_name)).to_be_visible()
    page.locator("#code").fill(page.locator("[data-code]").inner_text())  # the demo's clerk
    page.get_by_role("button", name="ใช่ ผูกบัญชี LINE").click()
    expect(page.get_by_text(member.full_name)).to_be_visible()


@pytest.mark.parametrize("device", ["phone", "old_phone"])
def test_linked_once_then_booked_without_a_number_and_unlinked(request, device, server):
    page = request.getfixturevalue(device)
    make_user()
    member, department = make_member(), make_open_department(name="ฝ่ายสินเชื่อ")
    link(page, member)
    page.get_by_role("link", name="ไปจองคิว").click()
    page.get_by_role("link", name=department.name).click()
    expect(page.get_by_text(f"จองในชื่อ {member.full_name}")).to_be_visible()
    page.locator("a.day").first.click()
    page.locator(".time input:not(:disabled) + label").first.click()
    page.get_by_role("button", name="จองคิว").click()
    page.wait_for_url("**/t/**")

    page.goto("/")
    page.get_by_role("link", name="บัญชี LINE").click()
    page.get_by_role("link", name="เลิกผูกบัญชี LINE").click()
    page.get_by_role("button", name="เลิกผูกบัญชี LINE").click()
    expect(page.get_by_role("status")).to_contain_text("เลิกผูกบัญชี LINE แล้ว")
    assert not LineAccount.objects.exists()


def test_who_does_not_agree_at_line_is_told_the_other_way(phone, server):
    phone.goto("/line/")
    phone.get_by_role("link", name="เข้าใช้ด้วย LINE").click()
    phone.get_by_role("link", name="ไม่อนุญาต").click()
    expect(phone.get_by_role("alert")).to_contain_text("จองคิวโดยไม่ใช้ LINE")


# --- LIFF ---


def keep_from_line(page) -> list[str]:
    """What the SDK asks of LINE's hosts; none of it gets there."""
    asked = []

    def answer(route):
        asked.append(route.request.url)
        route.abort()

    page.route("**/*.line.me/**", answer)
    page.route("**/*.line-scdn.net/**", answer)
    return asked


def sign_in_there(page, token) -> None:
    """The SDK as it is in LINE's own browser, where somebody is signed in."""
    sdk = f"window.liff = {{isInClient: () => true, init: () => Promise.resolve(), getIDToken: () => '{token}'}};"
    page.route("**/liff/edge/2/sdk.js", lambda route: route.fulfill(body=sdk, content_type="text/javascript"))


@pytest.fixture
def liff_app(settings, server):
    settings.LINE_LIFF_ID = "1650000000-abcdefgh"
    return server


def test_in_lines_own_browser_the_token_is_handed_over_at_once(new_phone, liff_app):
    member, department = make_member(), make_open_department(name="ฝ่ายสินเชื่อ")
    LineAccount.objects.create(
        member=member, user_id=fake_line.user_id(100001), linked_at=timezone.now(), proved_by="code"
    )
    page = new_phone(user_agent=IN_LINE)
    sign_in_there(page, liff_app.id_token(sub=fake_line.user_id(100001)))
    page.goto(f"/line/?next=/book/{department.slug}/days/")
    expect(page.get_by_text(f"จองในชื่อ {member.full_name}")).to_be_visible()

    page.goto("/line/?stay")
    expect(page.get_by_role("link", name="เลิกผูกบัญชี LINE")).to_be_visible()


def test_a_token_that_is_refused_there_leaves_the_button(new_phone, liff_app):
    page = new_phone(user_agent=IN_LINE)
    sign_in_there(page, "for.ged.token")
    page.goto("/line/")
    expect(page.get_by_role("alert")).to_contain_text("ยังเข้าใช้ด้วย LINE ไม่ได้")
    expect(page.get_by_role("link", name="เข้าใช้ด้วย LINE")).to_be_visible()


def test_the_sdk_loads_and_may_ask_line_within_the_policy(phone, liff_app):
    """What the policy stops would never reach the route, and fails the test besides."""
    asked = keep_from_line(phone)
    phone.goto("/line/")
    assert phone.evaluate("typeof liff.init") == "function"
    phone.evaluate("fetch('https://api.line.me/liff/v2/apps/1650000000-abcdefgh/contexts').catch(() => {})")
    assert asked == ["https://api.line.me/liff/v2/apps/1650000000-abcdefgh/contexts"]


def test_in_any_other_browser_liff_asks_nothing(phone, liff_app):
    asked = keep_from_line(phone)
    phone.goto("/line/")
    expect(phone.get_by_role("link", name="เข้าใช้ด้วย LINE")).to_be_visible()
    assert not asked


# --- each page ---


def pages(page, settings):
    page.goto("/line/")
    yield "line off"
    settings.LINE_LOGIN_CHANNEL_ID = "1650000000"
    page.goto("/line/?why=line_refused")
    yield "entry"
    page.locator(".button-line").click()
    page.get_by_role("link", name="สมชาย").click()
    page.wait_for_url("**/line/link/")
    yield "link"
    page.locator("#citizen-id").fill("12")
    page.locator("main form .button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "link, refused"
    member = make_member()
    page.locator("label[for=by-member-number]").click()
    page.locator("#member-number").fill(member.member_number)
    page.locator("#proof").fill(member.phone[-4:])
    page.locator("main form .button").click()
    page.wait_for_url("**/line/link/confirm/")
    settings.LINE_LINK_PROOF = "code"
    page.reload()
    page.locator("#code").fill("1234")
    page.locator("button[value=yes]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "confirm, refused"
    settings.LINE_LINK_PROOF = "member_proof"
    page.locator("button[value=yes]").click()
    page.wait_for_url("**/line/?done=linked")
    yield "linked"
    page.locator("main .button-cancel").click()
    page.wait_for_url("**/line/unlink/")
    yield "unlink"
    make_ticket(member=member)
    page.goto("/tickets/")
    yield "own tickets"
    page.goto(f"/book/{make_open_department().slug}/")
    yield "own days"


@pytest.mark.parametrize(("width", "language"), [(390, "th"), (320, "th"), (390, "en")])
def test_every_page(new_phone, live_server, server, settings, width, language):
    settings.LINE_LINK_PROOF = "member_proof"
    settings.LINE_LOGIN_CHANNEL_ID = ""
    page = new_phone(width=width, bypass_csp=True, reduced_motion="reduce")
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    found = {}
    for name in pages(page, settings):
        page.wait_for_load_state("load")
        wrong = small_text(page) + small_targets(page)
        if sideways_scroll(page) > 0:
            wrong.append(f"{sideways_scroll(page)} pixels wider than the screen")
        if width == 390:
            wrong += violations(page)
        if wrong:
            found[name] = wrong
    assert not found
