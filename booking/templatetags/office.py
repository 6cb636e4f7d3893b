"""What the back office's pages need besides, and what the office says in its own words."""

import datetime as dt
import re

from django import template
from django.utils.translation import get_language

from booking import thai
from booking.messages import wording

register = template.Library()


@register.filter
def buddhist_years(text) -> str:
    """ธันวาคม 2569 for Django's ธันวาคม 2026, and ส. 5 ธ.ค. 2569 for a model's 2026-12-05."""
    if get_language() == "en":
        return str(text)
    text = re.sub(r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}\b", _said, str(text))
    return re.sub(r"\b20[0-9]{2}\b", lambda year: str(int(year[0]) + thai.ERA), text)


@register.simple_tag
def own_words(name: str, **facts) -> str:
    """{% own_words "pages.no_free_day" department=department.title %}"""
    return wording.said(name, **facts)


def _said(found) -> str:
    try:
        return thai.short_date(dt.date.fromisoformat(found[0]))
    except ValueError:
        return found[0]
