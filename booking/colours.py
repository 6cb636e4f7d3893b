"""The colours of the stylesheet (static/css/site.css), for what cannot link to it: LINE cards, the rich menu, pictures.

tests/test_colours.py holds both together.
"""

import math

INK, SOFT, RULE = "#15181c", "#41464e", "#c3c8ce"
PAPER, COUNTER = "#ffffff", "#f6f6f5"
BLUE, RED, PURPLE = "#0a4a9f", "#a01717", "#5a2a86"
# The paper of the pages by night (static/css/night.css).
NIGHT = "#1c2126"
# Of the departments.
HUES = {
    "teal": "#0b5a5f",
    "amber": "#7a4800",
    "violet": "#5b2e91",
    "rose": "#93204f",
    "olive": "#4d5712",
    "brown": "#6b3a1e",
    "slate": "#3d4f66",
    "forest": "#1d5a2c",
    "plum": "#6d2a6b",
    "ochre": "#665000",
    "indigo": "#3a3a8c",
    "rust": "#8a3312",
}

ENOUGH = 7.0  # the contrast of letters on their ground, everywhere on members' pages (WCAG AAA)
SEEN = 3.0  # of a line


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG reckons it, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def lightened(colour: str, *, on: str) -> str:
    """The colour with as much white in it as it takes to be read on a dark ground."""
    for white in range(0, 101, 5):
        mixed = "#" + "".join(f"{round(part + (255 - part) * white / 100):02x}" for part in _parts(colour))
        if contrast(mixed, on) >= ENOUGH:
            return mixed
    return PAPER


def distance(one: str, other: str) -> float:
    """How far two colours lie apart, from 0 to 1."""
    return math.dist(_parts(one), _parts(other)) / math.dist((0, 0, 0), (255, 255, 255))


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _shares(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _shares(colour: str) -> list[float]:
    return [part / 255 for part in _parts(colour)]


def _parts(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
