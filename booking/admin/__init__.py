"""The back office, a module for each part. Nothing is decided here: pages parse, call verbs, and show."""

from booking.admin import (
    board_notices,
    clips,
    counters,
    departments,
    exceptions,
    holidays,
    jobs,
    members,
    messages,
    office,
    places,
    profiles,
    staff,
    tickets,
    tokens,
    waits,
)

__all__ = [
    "board_notices",
    "clips",
    "counters",
    "departments",
    "exceptions",
    "holidays",
    "jobs",
    "members",
    "messages",
    "office",
    "places",
    "profiles",
    "staff",
    "tickets",
    "tokens",
    "waits",
]
