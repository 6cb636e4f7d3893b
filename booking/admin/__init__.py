"""The back office: one module for each part of it. Nothing is decided here; pages parse, call the verbs, and show."""

from booking.admin import departments, holidays, jobs, members, messages, places, staff, tickets

__all__ = ["departments", "holidays", "jobs", "members", "messages", "places", "staff", "tickets"]
