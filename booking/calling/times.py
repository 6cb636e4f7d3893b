"""The times that people are told about a ticket. Each is computed here and nowhere else, for pages, LINE, e-mail, the
API, the console and the kiosk."""

import datetime as dt
import math

from booking.models import Department, Ticket

STEP_MINUTES = 5


def check_in_opens_at(ticket: Ticket) -> dt.datetime:
    """From when members may check in by themselves. Staff may at any time of the ticket's day."""
    return ticket.due_at - dt.timedelta(minutes=ticket.department.check_in_minutes_before)


def arrive_by(ticket: Ticket) -> dt.datetime | None:
    """By when to be at the office; None for a walk-in, who is there."""
    if ticket.slot is None:
        return None
    return ticket.slot.starts_at - dt.timedelta(minutes=ticket.department.arrive_minutes_before)


def is_late(department: Department, due_at: dt.datetime, *, came_at: dt.datetime) -> bool:
    """Whether who comes then to a turn that is due at `due_at` comes later than the department tolerates."""
    return due_at < earliest_in_time(department, now=came_at)


def earliest_in_time(department: Department, *, now: dt.datetime) -> dt.datetime:
    """The earliest due time for which who comes now is not late."""
    return now - dt.timedelta(minutes=department.late_after_minutes)


def rounded(low_seconds: float, high_seconds: float) -> tuple[int, int]:
    """A wait as it is told, in minutes: its low end down to a whole five, its high end to the nearest. What is only
    expected should not look exact, nor be wider than it is."""
    low = int(low_seconds // 60) // STEP_MINUTES * STEP_MINUTES
    high = math.floor(high_seconds / 60 / STEP_MINUTES + 0.5) * STEP_MINUTES
    return low, max(high, low + STEP_MINUTES)
