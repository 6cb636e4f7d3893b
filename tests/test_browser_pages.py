"""Every page: axe finds nothing, nothing is wider than the screen, text and targets are large enough."""

import pytest

from booking import verbs
from booking.days import opening
from booking.models import Slot
from tests.browser import sideways_scroll, small_targets, small_text, violations
from tests.factories import in_days, make_holiday, make_member, make_open_department, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def office(settings):
    """An office with something of everything on its pages."""
    settings.MEMBER_PROOF = "phone_last4"
    long_name = "วันคล้ายวันพระบรมราชสมภพพระบาทสมเด็จพระบรมชนกาธิเบศร มหาภูมิพลอดุลยเดชมหาราช บรมนาถบพิตร"
    make_holiday(date=in_days(3), name=long_name, name_en="Father's Day")
    departments = [
        make_open_department(name=name, name_en=name_en, letter=letter, hue=hue, quota=2, bring="บัตรประชาชน")
        for name, name_en, letter, hue in [
            ("ฝ่ายสินเชื่อ", "Loans", "A", "teal"),
            ("ฝ่ายการเงิน", "Finance", "B", "amber"),
            ("ฝ่ายอำนวยการ", "Administration", "C", "violet"),
            ("ฝ่ายกฎหมาย", "Legal", "D", "rose"),
            ("ฝ่ายสมาคมฌาปนกิจสงเคราะห์", "Funeral aid association", "E", "olive"),
        ]
    ]
    opening.rules_changed()
    for slot in Slot.objects.filter(department=departments[0], date=in_days(1))[:3]:
        make_ticket(slot=slot)
        make_ticket(slot=slot)
    return departments


def pages(page, departments):
    """Go to each page in turn; gives its name."""
    slug = departments[0].slug
    member = make_member()

    def go(address):
        page.goto(address)
        return address

    def press(selector):
        with page.expect_navigation(wait_until="load"):
            page.locator(selector).first.click()

    yield go("/")
    yield go("/status/")
    page.locator("#by-member-number").check(force=True)
    page.locator("#member-number").fill("999999")
    press("main form .button")
    yield "not registered"
    page.goto(f"/book/{slug}/")
    page.locator("#citizen-id").fill("12")
    press("main form .button")
    yield "refused beside the field"
    page.goto(f"/book/{slug}/")
    page.locator("#by-member-number").check(force=True)
    yield "identify"
    page.locator("#member-number").fill(member.member_number)
    page.locator("#proof").fill(member.phone[-4:])
    press("main form .button")
    yield "confirm"
    press("button[value=yes]")
    yield "days"
    yield go(f"/book/{slug}/days/?why=already_booked")
    press("a.day")
    page.locator(".time input:not(:disabled) + label").first.click()
    yield "times"
    press(".bar .button")
    yield "ticket"
    ticket = page.url.partition("?")[0]
    for part in ("cancel/", "move/", f"move/{in_days(2)}/"):
        yield go(ticket + part)
    yield go("/tickets/")
    page.goto(ticket + "cancel/")
    press("main form .button")
    yield "cancelled"
    for department in departments[1:]:
        held = make_ticket(department=department, days_ahead=2)
        page.goto(f"/t/{held.public_id}/#{held.secret}")
        page.wait_for_selector(".ticket")
        page.wait_for_load_state("load")
        yield f"ticket, {department.hue}"
    verbs.cancel(ticket=held)
    yield go("/tickets/")
    yield go("/guide/")
    yield go("/privacy/")
    yield go("/t/unknown/")
    yield go("/nothing/")


@pytest.mark.parametrize(
    ("width", "language"),
    [
        (390, "th"),
        (320, "en"),
        pytest.param(320, "th", marks=pytest.mark.slow),
        pytest.param(390, "en", marks=pytest.mark.slow),
    ],
)
def test_every_page(new_phone, live_server, office, width, language):
    page = new_phone(width=width, bypass_csp=True, reduced_motion="reduce")
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    found = {}
    for name in pages(page, office):
        wrong = small_text(page) + small_targets(page)
        if sideways_scroll(page) > 0:
            wrong.append(f"{sideways_scroll(page)} pixels wider than the screen")
        if (width, language) == (390, "th"):
            wrong += violations(page)
        if wrong:
            found[name] = wrong
    assert not found


def test_the_checks_can_find_something(new_phone, live_server):
    page = new_phone(bypass_csp=True)
    page.goto("/tickets/")
    page.evaluate(
        """document.querySelector("main").innerHTML +=
           '<a href="/" style="font-size: 12px; color: #999; display: inline-block; width: 999px">ตัวหนังสือจาง</a>'"""
    )
    assert small_text(page)
    assert small_targets(page)
    assert sideways_scroll(page) > 0
    assert [one for one in violations(page) if one.startswith("color-contrast")]
