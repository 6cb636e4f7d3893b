"""Which modules are changed, and which tests have to notice: the fast ones of each room, the likeliest first."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Room:
    modules: str
    names: list[str]

    def files(self, root: Path) -> list[Path]:
        return sorted(root.glob(self.modules))

    @property
    def tests(self) -> list[str]:
        return [f"tests/test_{name}.py" for name in self.names]


_SERVING = [
    "calling",
    "turns",
    "order_of_calling",
    "close_day",
    "api_counters",
    "counter_console",
    "pace",
    "undo_finish",
]
_BOOKING = [
    "booking",
    "cancel",
    "reschedule",
    "check_in",
    "closing",
    "counter_seats",
    "kiosk",
    "api_tickets",
    "holidays",
]
_OTHER_VERBS = [
    "cancel_causes",
    "change_a_day",
    "topics",
    "outcomes",
    "fair_rules",
    "on_paper",
    "verbs",
    "alarms",
    "booking_limits",
    "erasing",
    "merging",
    "next_call_statement",
    "profiles",
    "surges",
    "departments_of_staff",
    "faults_of_jobs",
    "family",
    "member_requests",
    "retention",
    "taken_back_from_paper",
    "admin_on_paper",
]
_WAITING = ["waiting_list", "pages_waiting", "admin_waiting", "api_waiting", "line_waiting", "family_waiting"]

ROOMS = {
    "verbs": Room(
        "booking/verbs/*.py",
        [*_BOOKING, *_SERVING, *_OTHER_VERBS, *_WAITING]
        + ["notices", "presence", "admin_tickets", "large_forms", "queue_machine"],
    ),
    "calling": Room(
        "booking/calling/*.py",
        ["order_of_calling", "ahead", "wait_rules", "turns", "pace", "times", "wait_report", "presence"]
        + ["board", "board_api", "forecast", "told_waits", "today"]
        + ["counter_order", "counter_console", "counter_find", "pages_ticket", "pages_day", "kiosk"]
        + ["undo_finish", "two_letters"],
    ),
    "days": Room(
        "booking/days/*.py",
        ["opening", "availability", "walk_in_share", "hours", "walk_in_hours", "what_a_day_is", "change_a_day"]
        + ["departments_file", "topic_shares", "topics"]
        + ["admin_overview", "all_agree_on_a_day", "month_at_a_glance", "api_reads", "fair_rules"]
        + ["waiting_list", "pages_days", "admin_departments", "walk_ins_in_the_office", "admin_holidays"],
    ),
    "messages": Room(
        "booking/messages/*.py",
        ["notices", "sending", "turns", "admin_messages", "message_kinds", "office_settings", "line_silent"]
        + ["channel_checks", "webhook", "health", "closing", "telephone_list", "desk"]
        + ["pages_waiting", "family_waiting", "line_waiting", "admin_offer_calls"]
        + ["alarm_tellings", "family_messages", "line_schema", "reasons"],
    ),
    "throttle": Room("members/throttle.py", ["throttle", "identify"]),
}
