"""What holds for every page: nothing inline, a strict policy, little weight, and colours one can read in sunlight."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.urls import reverse

from booking.models import Department
from tests.factories import in_days, make_open_department
from tests.pages import book, confirm_name, times_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(client) -> dict:
    """Every page by name, the way a member meets them."""
    department = make_open_department(max_days_ahead=60, description="ขอกู้เงิน", bring="บัตรประชาชน")
    found = {name: client.get(reverse(name)) for name in ("home", "status", "tickets", "guide", "privacy")}
    found["identify"] = client.get(reverse("identify", args=[department.slug]))
    confirm_name(client, department)
    for name in ("confirm", "days"):
        found[name] = client.get(reverse(name, args=[department.slug]))
    found["times"] = times_page(client, department)
    ticket = book(client, department)
    for name in ("ticket", "ticket_cancel", "ticket_move_days"):
        found[name] = client.get(reverse(name, args=[ticket.public_id]))
    found["ticket_move"] = client.get(reverse("ticket_move", args=[ticket.public_id, in_days(2)]))
    found["not open to me"] = client.get(reverse("ticket", args=["somebody-elses"]))
    found["not there"] = client.get("/not/there/")
    return found


def test_nothing_is_inline(pages):
    for name, page in pages.items():
        html = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", html), name
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html), name


def test_the_policy_is_strict(pages):
    for name, page in pages.items():
        policy = page["Content-Security-Policy"]
        assert "default-src 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert "frame-ancestors 'none'" in policy, name


def test_pages_are_not_kept_by_caches(pages):
    """But for those without anybody's data, which the browser alone may keep, and asks for again."""
    for name, page in pages.items():
        if page.status_code == 200:
            kept = page["Cache-Control"]
            assert "private" in kept and ("no-store" in kept or "no-cache" in kept), name
            of_nobody = ("home", "guide", "privacy", "status", "identify", "days", "times")
            assert "no-store" in kept or name in of_nobody, name


def test_each_page_has_one_heading_and_a_title(pages):
    for name, page in pages.items():
        html = page.content.decode()
        assert html.count("<h1") == 1, name
        assert re.search(r"<title>\S.* · บัตรคิวออนไลน์</title>", html), name


# --- weight ---


def weight_of_html(page) -> int:
    return len(gzip.compress(page.content))


def files_of(page) -> set[str]:
    """The static files that a page loads, those that it fetches ahead and those of its style sheet among them."""
    html = page.content.decode()
    found = set(re.findall(rf'(?:src|href)="/?{settings.STATIC_URL.strip("/")}/([^"]+)"', html))
    return {file for file in found if not file.startswith("img/guide/")}


def weight_of(file: str) -> int:
    content = Path(finders.find(file)).read_bytes()
    return len(content if file.endswith("woff2") else gzip.compress(content))


def test_the_first_page_is_under_sixty_kilobytes(pages):
    total = weight_of_html(pages["home"]) + sum(map(weight_of, files_of(pages["home"])))
    assert total < 60_000


def test_a_page_after_it_is_under_fifteen_kilobytes(pages):
    there_already = files_of(pages["home"])
    for name, page in pages.items():
        new = files_of(page) - there_already
        assert weight_of_html(page) + sum(map(weight_of, new)) < 15_000, name


def test_a_ticket_opened_first_of_all_is_under_sixty_kilobytes(pages):
    total = weight_of_html(pages["ticket"]) + sum(map(weight_of, files_of(pages["ticket"])))
    assert total < 60_000


def test_every_file_that_a_template_names_is_there():
    """In production a file that is not there is a fault of the whole page."""
    root = Path(__file__).parent.parent / "templates"
    texts = [template.read_text() for template in root.rglob("*.*")]
    named = {name for text in texts for _mark, name in re.findall(r"""{% static (['"])(.*?)\1 %}""", text)}
    assert len(named) > 20
    assert [name for name in named if not name or not finders.find(name)] == []


# --- colours ---


def luminance(colour: str) -> float:
    channels = [int(colour[nth : nth + 2], 16) / 255 for nth in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("sheet", ["css/site.css", "css/night.css"])
def test_text_can_be_read_in_sunlight_and_at_night(sheet):
    css = Path(finders.find(sheet)).read_text()
    root = css[css.index(":root {") : css.index("}", css.index(":root {"))]
    colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", root))
    colour.setdefault("paper", "#ffffff")
    hues = re.findall(r"\.hue-\w+ \{ --hue: (#\w{6}); --tint: (#\w{6}); \}", css)
    pairs = [
        *[(ink, ground) for ink in ("ink", "soft", "red") for ground in ("paper", "counter")],
        *[("paper", ground) for ground in ("ink", "blue", "red", "purple")],
        ("cannot-ink", "cannot"),
    ]
    assert len(hues) == len(Department.Hue)
    low = {pair: contrast(*(colour[name] for name in pair)) for pair in pairs}
    low |= {hue: contrast(hue, colour["paper"]) for hue, _ in hues}
    low |= {tint: contrast(colour["ink"], tint) for _, tint in hues}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 7} == {}
