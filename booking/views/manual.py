"""The staff's manual: docs/staff/*.md as pages, in Thai, each chapter linked from the pages that it explains.

The text is kept as Markdown so that it can be read, and mended, without the service. Its pictures are made by
docs/screenshots.py.
"""

import re
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.http import Http404
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt

from booking.views.access import access

FOLDER = settings.BASE_DIR / "docs" / "staff"
# The chapters in order, each with the pages that lead to it: names of addresses, or how they begin.
CHAPTERS: dict[str, tuple[str, ...]] = {
    "today": ("admin:booking_today", "admin:booking_alarm_choice", "admin:index", "admin:booking_waitprediction"),
    "counter": ("counter",),
    "reception": ("kiosk", "board", "admin:booking_clip", "admin:booking_boardnotice"),
    "tickets": ("admin:booking_ticket", "admin:booking_slot_changelist", "admin:booking_place"),
    "paper": ("admin:booking_ticket_day_list", "admin:booking_ticket_on_paper", "admin:booking_ticket_close_day"),
    "days": (
        "admin:booking_calendar",
        "admin:booking_dayexception",
        "admin:holidays_holiday",
        "admin:booking_ticket_closed",
    ),
    "departments": ("admin:booking_department", "admin:booking_counter", "admin:booking_counterprofile"),
    "members": ("admin:members_member",),
    "messages": (
        "admin:booking_messagechoice",
        "admin:booking_notice",
        "admin:booking_offermessage",
        "admin:booking_linequota",
    ),
    "reports": ("admin:booking_report",),
    "office": (
        "admin:office_setting",
        "admin:setup",
        "admin:auth",
        "admin:booking_stafftoken",
        "admin:booking_jobrun",
        "admin:booking_erasure",
    ),
}
PICTURE = re.compile(r'src="\.\./\.\./static/([^"]+)"')
CHAPTER = re.compile(r'href="([a-z]+)\.md(#[^"]*)?"')


@dataclass(frozen=True)
class Chapter:
    slug: str
    title: str
    says: SafeString  # HTML


@require_safe
@access("signed_in")
def contents(request):
    return render(request, "manual/contents.html", {"chapters": [read(slug) for slug in CHAPTERS]})


@require_safe
@access("signed_in")
def page(request, *, chapter: str):
    """404 for a chapter that is not there."""
    if chapter not in CHAPTERS:
        raise Http404
    slugs = list(CHAPTERS)
    following = slugs[slugs.index(chapter) + 1 :][:1]
    around = {"chapters": [read(one) for one in slugs], "next": read(following[0]) if following else None}
    return render(request, "manual/chapter.html", {"chapter": read(chapter), **around})


def about(view_name: str) -> str:
    """The address of the chapter that explains a page, by the name of the page's address. The longest beginning wins;
    the contents for a page that no chapter names."""
    found = [(len(start), slug) for slug, starts in CHAPTERS.items() for start in starts if view_name.startswith(start)]
    return reverse("manual_chapter", args=[max(found)[1]]) if found else reverse("manual")


@cache
def read(slug: str) -> Chapter:
    """A chapter, with its pictures and the chapters that it names at their addresses."""
    text = (FOLDER / f"{slug}.md").read_text()
    heading, _line, body = text.partition("\n")
    html = MarkdownIt("commonmark").enable("table").render(body)
    html = PICTURE.sub(lambda found: f'src="{static(found[1])}"', html)
    html = CHAPTER.sub(lambda found: f'href="{reverse("manual_chapter", args=[found[1]])}{found[2] or ""}"', html)
    # Our own text, not a person's.
    return Chapter(slug, heading.removeprefix("# ").strip(), mark_safe(html))  # noqa: S308
