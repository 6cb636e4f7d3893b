"""Dates and times as people say them: in Thai in the Buddhist Era, in English in the Gregorian calendar.

Each takes a date, a datetime or a `Slot`, and answers in the language that is active.
"""

import datetime as dt

from django.utils import timezone
from django.utils.dateformat import DateFormat
from django.utils.translation import get_language

ERA = 543


class BuddhistFormat(DateFormat):
    """Django's date format with years of the Buddhist Era."""

    def Y(self):  # noqa: N802 (the name is the format's letter)
        return str(self.data.year + ERA)

    def y(self):
        return self.Y()[-2:]


def long_date(value) -> str:
    """วันพุธที่ 25 พฤศจิกายน 2569 · Wednesday 25 November 2026"""
    return _in_words(value, thai="วันlที่ j F Y", english="l j F Y")


def short_date(value) -> str:
    """พ. 25 พ.ย. 2569 · Wed 25 Nov 2026"""
    return _in_words(value, thai="D j M Y", english="D j M Y")


def weekday(value) -> str:
    """พุธ · Wednesday"""
    return _in_words(value, thai="l", english="l")


def month(value) -> str:
    """พฤศจิกายน 2569 · November 2026"""
    return _in_words(value, thai="F Y", english="F Y")


def month_name(value) -> str:
    """พ.ย. · Nov"""
    return _in_words(value, thai="M", english="M")


def clock(value) -> str:
    """09.00 น. · 09:00"""
    return _in_words(value, thai="H.i น.", english="H:i")


def _in_words(value, *, thai: str, english: str) -> str:
    value = _local(value)
    if get_language() == "en":
        return DateFormat(value).format(english)
    return BuddhistFormat(value).format(thai)


def _local(value) -> dt.date:
    value = getattr(value, "starts_at", value)
    if isinstance(value, dt.datetime) and timezone.is_aware(value):
        return timezone.localtime(value)
    return value
