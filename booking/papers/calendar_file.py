"""A ticket as an entry for the calendar of a telephone (.ics)."""

import datetime as dt

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event

from booking import thai
from booking.models import Ticket

REMIND_BEFORE = dt.timedelta(hours=1)


def entry(ticket: Ticket, *, arrive_at, link: str) -> bytes:
    """The calendar file of one ticket with a reminder, in the active language; saved again it replaces itself."""
    calendar = Calendar()
    calendar.add("prodid", "-//queuesite//booking//")
    calendar.add("version", "2.0")
    calendar.add_component(_event(ticket, arrive_at, link))
    return calendar.to_ical()


def _event(ticket, arrive_at, link) -> Event:
    event = Event()
    event.add("uid", f"{ticket.public_id}@queuesite")
    event.add("dtstamp", timezone.now().astimezone(dt.UTC))
    event.add("dtstart", ticket.slot.starts_at.astimezone(dt.UTC))
    event.add("dtend", ticket.slot.ends_at.astimezone(dt.UTC))
    title = {"code": ticket.code, "department": ticket.department.title}
    event.add("summary", _("บัตรคิว %(code)s %(department)s") % title)
    event.add("description", "\n".join(_what_to_do(ticket, arrive_at)))
    if settings.OFFICE_ADDRESS:
        event.add("location", settings.OFFICE_ADDRESS)
    event.add("url", link)
    event.add_component(_reminder(title))
    return event


def _what_to_do(ticket, arrive_at) -> list[str]:
    lines = [_("กรุณามาถึงก่อน %(time)s") % {"time": thai.clock(arrive_at)}]
    things = ticket.department.things_to_bring
    return [*lines, _("สิ่งที่ต้องนำมา"), *(f"- {thing}" for thing in things)] if things else lines


def _reminder(title) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", _("บัตรคิว %(code)s %(department)s") % title)
    alarm.add("trigger", -REMIND_BEFORE)
    return alarm
