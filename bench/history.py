"""What grows with history: the back office's lists and searches, the checks and the jobs, at few tickets and at many.
In this process: processor time of the thread and of the database's own process for the connection, and queries."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench import database
from booking import invariants, jobs, roles
from booking.days import availability
from booking.models import Department, Ticket
from booking.verbs import closures


def measure(few: str, many: str, *, rounds: int) -> dict:
    """On both databases, named; the first round warms up."""
    found = [_on(name, rounds) for name in (few, many)]
    return {
        "tickets": [each["tickets"] for each in found],
        "asked": {what: [each["asked"][what] for each in found] for what in found[0]["asked"]},
    }


def _on(name: str, rounds: int) -> dict:
    database.use(name)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    asked = {what: _cost(ask, rounds) for what, ask in _asked().items()}
    tickets = Ticket.objects.count()
    connection.close()
    return {"tickets": tickets, "asked": asked}


def _asked() -> dict[str, Callable[[], object]]:
    manager = User.objects.filter(groups__name=roles.MANAGER).earliest("pk")
    client = Client()
    client.force_login(manager)
    tickets, notices, slots = (reverse(f"admin:booking_{one}_changelist") for one in ("ticket", "notice", "slot"))
    department = Department.objects.get(slug=database.READ)
    pages = {
        "ticket list": tickets,
        "ticket list, all days": f"{tickets}?when=all",
        "ticket list, last page": f"{tickets}?when=all&p=last",
        "ticket list, by state": f"{tickets}?when=all&state__exact=served",
        "ticket list, by department": f"{tickets}?when=all&department__id__exact={department.pk}",
        "tickets by number": f"{tickets}?q=A012",
        "tickets by member": f"{tickets}?q=500100",
        "tickets by name": f"{tickets}?q=%E0%B8%AA%E0%B8%A1%E0%B8%A8%E0%B8%A3%E0%B8%B5",
        "message list": notices,
        "slot list": slots,
    }
    found: dict[str, Callable[[], object]] = {
        page: lambda address=address: _page(client, address) for page, address in pages.items()
    }
    found |= {
        "days of a department": lambda: availability.days(department, *availability.booking_window(department)),
        "stranded()": lambda: list(closures.stranded()),
        "open_days": jobs.open_days,
        "measure_pace": jobs.measure_pace,
        "check_queue, recent": jobs.check_queue,
        "check_queue, all": invariants.violations,
    }
    return found


def _page(client: Client, address: str) -> None:
    if address.endswith("p=last"):
        address = address.removesuffix("last") + str(_last_page(client, address.removesuffix("&p=last")))
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")


def _last_page(client: Client, address: str) -> int:
    pages = re.findall(rb"[?&;]p=(\d+)", client.get(address).content)
    return max(map(int, pages), default=1)


def _cost(ask: Callable[[], object], rounds: int) -> dict:
    web, stored = [], []
    for nth in range(rounds + 1):
        before, began = _database_seconds(), time.thread_time()
        ask()
        if nth:
            web.append(time.thread_time() - began)
            stored.append(_database_seconds() - before)
    with CaptureQueriesContext(connection) as captured:
        ask()
    return {"web_ms": 1000 * median(web), "database_ms": 1000 * median(stored), "queries": len(captured)}


def _database_seconds() -> float:
    connection.ensure_connection()
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()
    return int(fields[0]) / 1e9
