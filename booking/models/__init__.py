from booking.models.departments import Department
from booking.models.hours import OpeningHours, QuotaOverride
from booking.models.jobs import JobRun
from booking.models.places import Place, Slot
from booking.models.tickets import Ticket, TicketEvent
from booking.models.visits import VisitCount

__all__ = [
    "Department",
    "JobRun",
    "OpeningHours",
    "Place",
    "QuotaOverride",
    "Slot",
    "Ticket",
    "TicketEvent",
    "VisitCount",
]
