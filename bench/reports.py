"""What a manager reads, few tickets and many: today, a month's and a year's report, from the stored counts."""

import time
from statistics import median

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bench import database
from booking import roles
from booking.models import Ticket
from booking.reports import stored


def measure(few: str, many: str, *, rounds: int) -> dict:
    """On both databases: how long counting all days takes, then each page's median time and queries (in one process,
    without a web server; the first round warms up)."""
    found = [_on(name, rounds) for name in (few, many)]
    return {
        "tickets": [each["tickets"] for each in found],
        "counting": [each["counting"] for each in found],
        "pages": {page: [each["pages"][page] for each in found] for page in found[0]["pages"]},
    }


def _on(name: str, rounds: int) -> dict:
    database.use(name)
    began = time.perf_counter()
    days = stored.rebuild()
    counting = {"days": days, "seconds": time.perf_counter() - began}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    manager = User.objects.filter(groups__name=roles.MANAGER).earliest("pk")
    client = Client()
    client.force_login(manager)
    pages = {page: _page(client, address, rounds) for page, address in _addresses().items()}
    tickets = Ticket.objects.count()
    connection.close()
    return {"tickets": tickets, "counting": counting, "pages": pages}


def _addresses() -> dict[str, str]:
    today = timezone.localdate()
    report = reverse("admin:booking_report")
    return {
        "today": reverse("admin:booking_today"),
        "a month's report": f"{report}?first={today.replace(day=1)}&last={today}",
        "a year's report": f"{report}?first={today.replace(month=1, day=1)}&last={today}",
    }


def _page(client: Client, address: str, rounds: int) -> dict:
    seconds = []
    for nth in range(rounds + 1):
        with CaptureQueriesContext(connection) as captured:
            began = time.perf_counter()
            answer = client.get(address)
            took = time.perf_counter() - began
        if answer.status_code != 200:
            raise SystemExit(f"{address} answered {answer.status_code}")
        if nth:
            seconds.append(took)
    return {"ms": 1000 * median(seconds), "queries": len(captured)}
