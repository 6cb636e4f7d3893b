"""The times that people are told about a ticket. Pages, LINE, e-mail, the API, the console and the kiosk all take them
from here."""

import datetime as dt
import math

from booking.models import Department, Ticket

STEP_MINUTES = 5


def check_in_opens_at(ticket: Ticket) -> dt.datetime:
    """When members may begin to check in by themselves. Staff may check them in at any time that day."""
    return ticket.due_at - dt.timedelta(minutes=ticket.department.check_in_minutes_before)


def arrive_by(ticket: Ticket) -> dt.datetime | None:
    """When to be at the office; None for a walk-in, who is already there."""
    if ticket.slot is None:
        return None
    return ticket.slot.starts_at - dt.timedelta(minutes=ticket.department.arrive_minutes_before)


def is_late(department: Department, due_at: dt.datetime, *, came_at: dt.datetime) -> bool:
    """Whether somebody due at `due_at` who came at `came_at` is later than the department tolerates."""
    return due_at < earliest_in_time(department, now=came_at)


def earliest_in_time(department: Department, *, now: dt.datetime) -> dt.datetime:
    """The earliest due time for which somebody who comes now is not late."""
    return now - dt.timedelta(minutes=department.late_after_minutes)


def rounded(low_seconds: float, high_seconds: float) -> tuple[int, int]:
    """A wait as it is told, in minutes: the low end rounded down to a multiple of five, the high end to the nearest. An
    estimate should not look exact, nor wider than it is."""
    low = int(low_seconds // 60) // STEP_MINUTES * STEP_MINUTES
    high = math.floor(high_seconds / 60 / STEP_MINUTES + 0.5) * STEP_MINUTES
    return low, max(high, low + STEP_MINUTES)
