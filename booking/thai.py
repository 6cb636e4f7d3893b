"""Dates and times as people say them: in Thai in the Buddhist Era, in English in the Gregorian calendar.

Each takes a date, a datetime or a `Slot`, and answers in the language that is active.
"""

import datetime as dt
from typing import Protocol

from django.utils import timezone
from django.utils.dateformat import DateFormat
from django.utils.translation import get_language

ERA = 543


class Begins(Protocol):
    """A slot, or whatever else has a beginning."""

    @property
    def starts_at(self) -> dt.datetime: ...


Moment = dt.date | dt.time | Begins


class BuddhistFormat(DateFormat):
    """Django's date format with years of the Buddhist Era."""

    data: dt.date

    def Y(self) -> str:  # type: ignore[override]  # noqa: N802 (Django's is a text too)
        return str(self.data.year + ERA)

    def y(self) -> str:
        return self.Y()[-2:]


def long_date(value: Moment) -> str:
    """วันพุธที่ 25 พฤศจิกายน 2569 · Wednesday 25 November 2026"""
    return _in_words(value, thai="วันlที่ j F Y", english="l j F Y")


def short_date(value: Moment) -> str:
    """พ. 25 พ.ย. 2569 · Wed 25 Nov 2026"""
    return _in_words(value, thai="D j M Y", english="D j M Y")


def weekday(value: Moment) -> str:
    """พุธ · Wednesday"""
    return _in_words(value, thai="l", english="l")


def weekday_short(value: Moment) -> str:
    """พ. · Wed"""
    return _in_words(value, thai="D", english="D")


def month(value: Moment) -> str:
    """พฤศจิกายน 2569 · November 2026"""
    return _in_words(value, thai="F Y", english="F Y")


def month_name(value: Moment) -> str:
    """พ.ย. · Nov"""
    return _in_words(value, thai="M", english="M")


def clock(value: Moment) -> str:
    """09.00 น. · 09:00"""
    return _in_words(value, thai="H.i น.", english="H:i")


def moment(value: Moment) -> str:
    """พ. 25 พ.ย. 2569 09.00 น. · Wed 25 Nov 2026 09:00"""
    return f"{short_date(value)} {clock(value)}"


def until(value: Moment) -> str:
    """Of a moment soon to come: 09.00 น.; on another day than today with its date."""
    moment_ = _local(value)
    is_other_day = isinstance(moment_, dt.datetime) and moment_.date() != timezone.localdate()
    return moment(value) if is_other_day else clock(value)


def _in_words(value: Moment, *, thai: str, english: str) -> str:
    moment = _local(value)
    if get_language() == "en":
        return DateFormat(moment).format(english)
    return BuddhistFormat(moment).format(thai)


def _local(value: Moment) -> dt.date | dt.time:
    moment = value if isinstance(value, dt.date | dt.time) else value.starts_at
    if isinstance(moment, dt.datetime) and timezone.is_aware(moment):
        return timezone.localtime(moment)
    return moment
