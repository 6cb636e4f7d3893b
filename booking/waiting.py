"""Reads of who stands where in the queue."""

from booking.models import Ticket


def ahead(ticket: Ticket) -> int:
    """How many live tickets of the same department and day have their turn before this one."""
    return Ticket.objects.live().of_day(ticket.department_id, ticket.date).filter(number__lt=ticket.number).count()
