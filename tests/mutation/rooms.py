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


_SERVING = ["calling", "turns", "order_of_calling", "close_day", "api_counters", "counter_console", "pace"]
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

ROOMS = {
    "verbs": Room(
        "booking/verbs/*.py", [*_BOOKING, *_SERVING, "notices", "presence", "admin_tickets", "queue_machine"]
    ),
    "calling": Room(
        "booking/calling/*.py",
        [
            "order_of_calling",
            "ahead",
            "wait_rules",
            "turns",
            "pace",
            "times",
            "wait_report",
            "presence",
            "board",
            "board_api",
        ]
        + ["counter_order", "counter_console", "counter_find", "pages_ticket", "pages_day", "kiosk", "calling"],
    ),
    "days": Room(
        "booking/days/*.py",
        [
            "opening",
            "availability",
            "walk_in_share",
            "hours",
            "closing",
            "holidays",
            "pages_days",
            "pages_booking",
            "booking",
        ]
        + ["admin_overview", "admin_departments", "admin_holidays", "api_reads"],
    ),
    "messages": Room(
        "booking/messages/*.py",
        ["notices", "sending", "turns", "admin_messages", "channel_checks", "webhook", "health", "closing"],
    ),
    "throttle": Room("members/throttle.py", ["throttle", "identify", "line_link", "pages_identify"]),
}
