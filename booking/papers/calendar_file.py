"""A ticket as an entry for the calendar of a telephone (.ics)."""

import datetime as dt

from django.utils import timezone
from django.utils.translation import gettext as _
from icalendar import Alarm, Calendar, Event

from booking import thai
from booking.models import Ticket
from booking.models.tickets import State
from office.settings import office

REMIND_BEFORE = dt.timedelta(hours=1)


def entry(ticket: Ticket, *, arrive_at, link: str) -> bytes:
    """The calendar file of one ticket with a reminder, in the active language.

    Opened again it replaces itself, and so does that of a ticket that was moved: a turn keeps its UID, and its SEQUENCE
    rises with each move (RFC 5545, 3.8.7.4). That of a ticket that is cancelled takes the entry out again.
    """
    calendar = Calendar()
    calendar.add("method", "CANCEL" if ticket.state == State.CANCELLED else "PUBLISH")
    calendar.add("prodid", "-//queuesite//booking//")
    calendar.add("version", "2.0")
    calendar.add_component(_event(ticket, arrive_at, link))
    return calendar.to_ical()


def _event(ticket, arrive_at, link) -> Event:
    was = ticket.was_once()
    is_cancelled = ticket.state == State.CANCELLED
    event = Event()
    event.add("uid", f"{was[-1] if was else ticket.public_id}@queuesite")
    event.add("sequence", 2 * len(was) + is_cancelled)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("dtstamp", timezone.now().astimezone(dt.UTC))
    event.add("dtstart", ticket.slot.starts_at.astimezone(dt.UTC))
    event.add("dtend", ticket.ends_at.astimezone(dt.UTC))
    title = {"code": ticket.code, "department": ticket.department.title}
    event.add("summary", _("บัตรคิว %(code)s %(department)s") % title)
    event.add("description", "\n".join(_what_to_do(ticket, arrive_at)))
    event.add("location", ", ".join(filter(None, [office.name, office.address])))
    event.add("url", link)
    if not is_cancelled:
        event.add_component(_reminder(title))
    return event


def _what_to_do(ticket, arrive_at) -> list[str]:
    lines = [_("กรุณามาถึงก่อน %(time)s") % {"time": thai.clock(arrive_at)}]
    things = ticket.things_to_bring
    return [*lines, _("สิ่งที่ต้องนำมา"), *(f"- {thing}" for thing in things)] if things else lines


def _reminder(title) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", _("บัตรคิว %(code)s %(department)s") % title)
    alarm.add("trigger", -REMIND_BEFORE)
    return alarm
