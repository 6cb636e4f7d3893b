"""Addresses of lists in the back office, filtered to what a number on a page counts."""

from urllib.parse import urlencode

from django.urls import reverse


def tickets_of(*, slot=None, date=None, department=None, state="") -> str:
    """The tickets of a slot, of a day, or of a department's day."""
    query = {}
    if slot:
        query["slot__id__exact"] = slot.pk
    if date:
        query |= {"date__year": date.year, "date__month": date.month, "date__day": date.day}
    if department:
        query["department__id__exact"] = department.pk
    if state:
        query["state__exact"] = state
    return f"{reverse('admin:booking_ticket_changelist')}?{urlencode(query)}"


def change_day(*, date, department=None) -> str:
    """The page that closes or changes a day."""
    query = {"first": date.isoformat()} | ({"department": department.slug} if department else {})
    return f"{reverse('admin:booking_dayexception_add')}?{urlencode(query)}"


def calendar_of(date) -> str:
    """The month of a date; this month without one."""
    query = f"?month={date:%Y-%m}" if hasattr(date, "strftime") else ""
    return f"{reverse('admin:booking_calendar')}{query}"


def closed_times(*, date=None, department=None) -> str:
    """The tickets whose day or time is closed, to keep, move or cancel them."""
    query = {}
    if date:
        query["date"] = date.isoformat()
    if department:
        query["department"] = department.pk
    return f"{reverse('admin:booking_ticket_closed')}?{urlencode(query)}"
