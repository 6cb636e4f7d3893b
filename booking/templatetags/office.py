"""What the back office's pages need besides, and what the office says in its own words."""

import datetime as dt
import re

from django import template
from django.utils.translation import get_language

from booking import thai
from booking.messages import wording
from booking.views import manual

register = template.Library()


@register.filter
def buddhist_years(text) -> str:
    """ธันวาคม 2569 for Django's ธันวาคม 2026, and ส. 5 ธ.ค. 2569 for a model's 2026-12-05."""
    if get_language() == "en":
        return str(text)
    text = re.sub(r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}\b", _said, str(text))
    return re.sub(r"\b20[0-9]{2}\b", lambda year: str(int(year[0]) + thai.ERA), text)


@register.filter
def is_text(cell) -> bool:
    return isinstance(cell, str)


@register.filter
def figure(number) -> str:
    """1,234 and 12.5, as in either language; a dash where there is nothing to tell."""
    if number is None:
        return "-"
    return f"{number:,.1f}" if isinstance(number, float) else f"{number:,}"


@register.filter
def heat(percent) -> int:
    """From 0 to 5, the darker the more."""
    return 0 if percent is None else min(5, 1 + int(percent // 20))


@register.simple_tag
def own_words(name: str, **facts) -> str:
    """{% own_words "pages.no_free_day" department=department.title %}"""
    return wording.said(name, **facts)


@register.simple_tag(takes_context=True)
def manual_of_page(context) -> str:
    """The address of the manual's chapter on the page that is shown."""
    match = context["request"].resolver_match
    return manual.about(match.view_name if match else "")


def _said(found) -> str:
    try:
        return thai.short_date(dt.date.fromisoformat(found[0]))
    except ValueError:
        return found[0]
