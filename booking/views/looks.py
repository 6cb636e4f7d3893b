"""What the office looks like: its logo, and a small stylesheet of its own colours. Both have addresses that change with
them, and are kept by browsers for good."""

import hashlib

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from booking import colours
from booking.views.access import access
from office.models import Logo
from office.settings import office

KEPT = 365 * 24 * 60 * 60  # seconds


def version() -> str:
    """Names the office's colours; "" where it has none of its own."""
    chosen = [office.colour_book, office.colour_login, office.colour_line]
    return hashlib.sha256(repr(chosen).encode()).hexdigest()[:12] if any(chosen) else ""


@require_safe
@access("anyone")
def look(request, version):
    """The office's colours in place of the stylesheet's."""
    lines = [
        *_tokens({"--blue": office.colour_book, "--purple": office.colour_login}),
        *_line(office.colour_line),
    ]
    return _stylesheet(version, lines)


@require_safe
@access("anyone")
def look_by_night(request, version):
    """The same, made light enough for a dark page. The strip keeps its white boxes there (night.css)."""
    book, login, line = (
        colours.lightened(colour, on=colours.NIGHT) if colour else ""
        for colour in (office.colour_book, office.colour_login, office.colour_line)
    )
    lines = [*_tokens({"--blue": book, "--purple": login}), *_line(line)]
    if office.colour_book:
        lines.append(f".day-open {{ --blue: {office.colour_book}; }}")
    return _stylesheet(version, lines)


@require_safe
@access("anyone")
def logo(request, digest):
    kept = get_object_or_404(Logo, digest=digest)
    return _kept(HttpResponse(bytes(kept.png), content_type="image/png"))


def _tokens(chosen: dict[str, str]) -> list[str]:
    set_here = " ".join(f"{token}: {colour};" for token, colour in chosen.items() if colour)
    return [f":root {{ {set_here} }}"] if set_here else []


def _line(colour: str) -> list[str]:
    return [f".top {{ border-bottom: 4px solid {colour}; }}"] if colour else []


def _stylesheet(asked: str, lines: list[str]) -> HttpResponse:
    """An address of before, or one that a process does not know yet, is for this moment only."""
    response = HttpResponse("\n".join([*lines, ""]), content_type="text/css; charset=utf-8")
    if asked != version():
        patch_cache_control(response, no_store=True)
        return response
    return _kept(response)


def _kept(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, public=True, max_age=KEPT, immutable=True)
    return response
