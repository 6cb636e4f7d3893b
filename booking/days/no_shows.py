"""Who did not come too often: for a while they book by telephone, or for today and tomorrow alone.

A department's own rule, off unless it is set. The statement in verbs/places.py enforces it by the function
booking_may_come(); this module repeats it in Python, to say why a booking was refused, and to tell members beforehand.
"""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Max
from django.utils import timezone

from booking.models import Department, ForgivenNoShows, Ticket
from booking.models.tickets import State

NOT_COME = [State.NO_SHOW, State.NOT_ARRIVED]


@dataclass(frozen=True)
class Record:
    """How often a member did not come to a department lately, and until which day its rule holds because of that; None
    while it does not."""

    missed: int
    until: dt.date | None
    department: Department

    @property
    def is_last_warning(self) -> bool:
        """Whether one more would be too many."""
        limit = self.department.no_show_limit
        return limit > 0 and self.until is None and self.missed == limit - 1


def record(member_id: int, department: Department, today: dt.date | None = None) -> Record:
    """Two queries; none where the department has no rule."""
    today = today or timezone.localdate()
    if not department.no_show_limit:
        return Record(0, None, department)
    forgiven = ForgivenNoShows.objects.filter(member=member_id).aggregate(last=Max("at"))["last"]
    since = today - dt.timedelta(days=department.no_show_days)
    if forgiven:
        since = max(since, timezone.localdate(forgiven))
    missed = Ticket.objects.filter(member=member_id, department=department, date__gt=since, state__in=NOT_COME)
    dates = sorted(missed.values_list("date", flat=True))
    until = dates[-1] + dt.timedelta(days=department.no_show_lasts_days) if dates else None
    holds = len(dates) >= department.no_show_limit and until is not None and until >= today
    return Record(len(dates), until if holds else None, department)


def is_warned(ticket: Ticket) -> bool:
    """Whether a booking's member is to be told beforehand: one more that they miss would be too many."""
    if ticket.state != State.BOOKED or ticket.member_id is None or not ticket.department.no_show_limit:
        return False
    return record(ticket.member_id, ticket.department).is_last_warning


def is_kept_away(member_id: int, department: Department, date: dt.date) -> Record | None:
    """The member's record, if the department's rule keeps them from booking for themselves for this date."""
    found = record(member_id, department)
    if found.until is None:
        return None
    is_near = date <= timezone.localdate() + dt.timedelta(days=1)
    return None if department.no_show_rule == Department.NoShowRule.SHORT and is_near else found
