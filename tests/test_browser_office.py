"""The office's settings, and its set-up, as the person sees them who does it."""

import io
import os
from pathlib import Path

import pytest
from django.urls import reverse
from PIL import Image, ImageDraw

from booking import roles
from office import logo, stored
from tests.browser import AXE, sideways_scroll
from tests.factories import make_open_department, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # The heading of the theme's column of delete boxes.
    "rules": {"empty-table-header": {"enabled": False}},
}
SCREENSHOTS = Path(os.environ["VAR_DIR"]) / "screenshots"


def shot(page, name: str) -> None:
    """Keep a picture to be looked at; axe has nothing to say, and nothing runs out of the page."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    page.add_script_tag(path=AXE)
    assert page.evaluate("rules => axe.run(document, rules)", AXE_RULES)["violations"] == [], name
    assert sideways_scroll(page) == 0


def a_logo() -> bytes:
    picture = Image.new("RGBA", (400, 200), "#ffffff00")
    ImageDraw.Draw(picture).ellipse((100, 10, 300, 190), fill="#004d40")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768)], ids=["desk", "tablet"])
def test_settings_can_be_read_by_all(new_page, size):
    manager = make_user(group=roles.MANAGER, first_name="สมหญิง")
    make_open_department(name="ฝ่ายสินเชื่อ")
    stored.keep("logo", logo.make(a_logo()).digest, by=manager)
    stored.keep("colour_line", "#004d40", by=manager)
    page = new_page(size, user=manager, bypass_csp=True)

    for name, address in {
        "settings": reverse("admin:office_setting_changelist"),
        "settings-history": reverse("admin:office_history"),
        **{f"settings-{one}": reverse("admin:office_part", args=[one]) for one in ("looks", "limits", "cards")},
    }.items():
        page.goto(address)
        shot(page, f"{name}-{size[0]}")


def test_a_manager_sets_the_logo_and_members_see_it(new_page, phone):
    make_open_department()
    page = new_page((1280, 800), user=make_user(group=roles.MANAGER))
    page.goto(reverse("admin:office_part", args=["looks"]))

    page.set_input_files("input[name=logo]", {"name": "logo.png", "mimeType": "image/png", "buffer": a_logo()})
    page.fill("input[name=colour_book]", "#004d40")
    page.fill("input[name=colour_line]", "#004d40")
    page.click("button:has-text('บันทึก')")
    page.wait_for_selector("text=บันทึกแล้ว 3 รายการ")

    phone.goto("/")
    phone.wait_for_function("document.querySelector('.brand-logo')?.naturalWidth > 0")
    assert phone.evaluate("getComputedStyle(document.querySelector('.top')).borderBottomColor") == "rgb(0, 77, 64)"
    phone.screenshot(path=SCREENSHOTS / "home-with-logo.png")
