"""What cannot link to the stylesheet has its colours all the same."""

import colorsys
import re
from pathlib import Path

import pytest

from booking import colours
from booking.models import Department

CSS = (Path(__file__).parent.parent / "static/css/site.css").read_text()
TOKENS = dict(re.findall(r"^  --([a-z-]+): (#[0-9a-f]{3,6});", CSS, re.MULTILINE))
HUES = dict(re.findall(r"\.hue-(\w+) \{[^}]*--hue: (#[0-9a-f]{6})", CSS))
ELSEWHERE = ["booking/messages", "booking/papers", "booking/line", "booking/views", "booking/admin"]


def long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])


@pytest.mark.parametrize("name", ["INK", "SOFT", "RULE", "PAPER", "COUNTER", "BLUE", "RED", "PURPLE"])
def test_a_colour_is_that_of_the_stylesheet(name):
    assert getattr(colours, name) == long(TOKENS[name.lower()])


def test_each_hue_is_that_of_the_stylesheet():
    assert HUES == colours.HUES
    assert set(HUES) == set(Department.Hue.values)


def test_no_other_module_writes_a_colour_out():
    root = Path(__file__).parent.parent
    found = [
        path
        for folder in ELSEWHERE
        for path in (root / folder).rglob("*.py")
        if re.search(r"[\"']#[0-9a-fA-F]{3,6}[\"']", path.read_text())
    ]
    assert found == []


# Degrees round the circle of colours: red 0, blue 240, purple between blue and red.
@pytest.mark.parametrize(("way", "hue"), [("login", 275), ("register", 220), ("forgot", 0)])
def test_the_three_ways_of_i_member_are_purple_blue_and_red_and_white_is_read_on_each(way, hue):
    colour = TOKENS[re.search(rf"\.button-{way} \{{[^}}]*background: var\(--([a-z]+)\)", CSS)[1]]
    found, _lightness, saturation = colorsys.rgb_to_hls(*(int(colour[nth : nth + 2], 16) / 255 for nth in (1, 3, 5)))
    away = abs(found * 360 - hue)

    assert min(away, 360 - away) <= 15
    assert saturation > 0.4
    assert colours.contrast(colour, colours.PAPER) >= colours.ENOUGH
