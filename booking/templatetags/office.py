"""What the back office's pages need besides, and what the office says in its own words."""

import calendar
import datetime as dt
import re

from django import template
from django.db.models import Max, Min
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext

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


@register.inclusion_tag("admin/date_hierarchy.html")
def dates_to_choose(cl):
    """The years of a list's rows, then the months of the chosen year, then its days: as Django's date_hierarchy, but
    from the first and the last date of all rows, without a look at each."""
    name = cl.date_hierarchy
    dates = cl.model._default_manager.aggregate(first=Min(name), last=Max(name))
    first, last = dates["first"], dates["last"]
    if first is None:
        return {"show": False}
    # The list has checked them where there is a year, and else heeds neither month nor day.
    chosen = [cl.params.get(f"{name}__{part}") for part in ("year", "month", "day")]
    year, month, day = (int(one) if one and chosen[0] else None for one in chosen)
    if year is None and first.year == last.year:
        year = first.year

    def link(**parts):
        return cl.get_query_string({f"{name}__{part}": str(one) for part, one in parts.items()}, [f"{name}__"])

    if year is None:
        years = range(first.year, last.year + 1)
        return {"show": True, "choices": [{"link": link(year=one), "title": str(one)} for one in years]}
    to_years = {"link": link(), "title": gettext("ทุกวัน")} if first.year != last.year else None
    if month is None:
        return {
            "show": True,
            "back": to_years,
            "choices": [
                {"link": link(year=year, month=one), "title": date_format(dt.date(year, one, 1), "YEAR_MONTH_FORMAT")}
                for one in range(1, 13)
                if (first.year, first.month) <= (year, one) <= (last.year, last.month)
            ],
        }
    to_months = {"link": link(year=year), "title": str(year)}
    if day is None:
        days = range(1, calendar.monthrange(year, month)[1] + 1)
        return {
            "show": True,
            "back": to_months,
            "choices": [
                {
                    "link": link(year=year, month=month, day=one),
                    "title": date_format(dt.date(year, month, one), "MONTH_DAY_FORMAT"),
                }
                for one in days
                if first <= dt.date(year, month, one) <= last
            ],
        }
    chosen = dt.date(year, month, day)
    back = {"link": link(year=year, month=month), "title": date_format(chosen, "YEAR_MONTH_FORMAT")}
    return {"show": True, "back": back, "choices": [{"title": date_format(chosen, "MONTH_DAY_FORMAT")}]}


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
