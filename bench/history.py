"""What grows with history: the back office's lists and searches, the checks and the jobs, at few tickets and at many.
In this process: processor time of the thread and of the database's own process for the connection, and queries."""

import contextlib
import datetime as dt
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, F
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bench import bookings, consoles, database
from booking import invariants, jobs, roles
from booking.days import availability
from booking.models import Department, QueueVersion, Ticket
from booking.reports import stored
from booking.verbs import closures

WAITING = 200
SLOW = ["check_queue, all"]  # minutes: asked once
TURNS = 2  # of each database, so that two measurements of the same can be compared


class Ask(NamedTuple):
    """What is measured, and what has to happen each time before that."""

    ask: Callable[[], object]
    before: Callable[[], object] = lambda: None


def measure(few: str, many: str, *, rounds: int) -> dict:
    """On both databases, named, by turns: few, many, few, many."""
    asked, tickets = {}, []
    for nth, name in enumerate((few, many)):
        database.turn_to(name)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        stored.bring_up_to_date()
        asked[name] = _asked()
        # So that nothing that this process has drawn for a version of the one database is found for the other.
        QueueVersion.objects.update(version=F("version") + nth * 1_000_000)
        tickets.append(Ticket.objects.count())
    return {"tickets": tickets, "asked": {what: by_turns(asked, what, rounds) for what in asked[few]}}


def by_turns(asked: dict[str, dict[str, Ask]], what: str, rounds: int) -> list[dict]:
    """What it costs on each database: the lesser of the medians of both turns, and by how much they differ. Says it at
    once, because a run takes long."""
    turns: dict[str, list[dict]] = {name: [] for name in asked}
    for _nth in range(1 if what in SLOW else TURNS):
        for name in asked:
            database.turn_to(name)
            turns[name].append(cost(asked[name][what], 0 if what in SLOW else rounds))
    both = [_together(each) for each in turns.values()]
    print(f"  {what}: " + ", ".join(f"{each['web_ms']:.1f} + {each['database_ms']:.1f}" for each in both), flush=True)
    return both


def _together(turns: list[dict]) -> dict:
    all_ = [each["web_ms"] + each["database_ms"] for each in turns]
    return {
        "web_ms": min(each["web_ms"] for each in turns),
        "database_ms": min(each["database_ms"] for each in turns),
        "queries": min(each["queries"] for each in turns),
        "apart": max(all_) / min(all_) - 1,
    }


def _asked() -> dict[str, Ask]:
    manager = User.objects.filter(groups__name=roles.MANAGER).earliest("pk")
    client = Client()
    client.force_login(manager)
    today = timezone.localdate()
    report = f"{reverse('admin:booking_report')}?last={today}&first="
    tickets, notices, slots = (reverse(f"admin:booking_{one}_changelist") for one in ("ticket", "notice", "slot"))
    department = Department.objects.get(slug=database.READ)
    pages = {
        "today": reverse("admin:booking_today"),
        "a month's report": f"{report}{today - dt.timedelta(days=30)}",
        "ticket list": tickets,
        "ticket list, all days": f"{tickets}?when=all",
        "ticket list, last page": f"{tickets}?when=all&p=last",
        "ticket list, by state": f"{tickets}?when=all&state__exact=served",
        "ticket list, by department": f"{tickets}?when=all&department__id__exact={department.pk}",
        "tickets by number": f"{tickets}?q=A003",
        "tickets by member": f"{tickets}?q={_member_of(2)}",
        "tickets by name": f"{tickets}?q=%E0%B8%AA%E0%B8%A1%E0%B8%A8%E0%B8%A3%E0%B8%B5",
        "message list": notices,
        "slot list": slots,
    }
    found: dict[str, Callable[[], object]] = {"booking by the API": _booking()}
    found |= {page: lambda address=address: _page(client, address) for page, address in pages.items()}
    found |= {
        "days of a department": lambda: availability.days(department, *availability.booking_window(department)),
        "closing: close_days": jobs.close_days,
        "retention: unlink_members": jobs.unlink_members,
        "retention: forget_old": jobs.forget_old,
        "count_days": stored.bring_up_to_date,
        "stranded()": lambda: list(closures.stranded()),
        "open_days": jobs.open_days,
        "measure_pace": jobs.measure_pace,
        "check_queue, recent": jobs.check_queue,
        "check_queue, all": invariants.violations,
    }
    return _of_the_office() | {what: Ask(ask) for what, ask in found.items()}


def _member_of(many: int) -> str:
    """The number of a member with so many tickets: as long a list on both databases."""
    members = Ticket.objects.filter(date__gte=timezone.localdate() - dt.timedelta(days=90)).order_by()
    found = members.values("member__member_number").annotate(many=Count("pk")).filter(many=many)
    return found.order_by("member__member_number").values_list("member__member_number", flat=True)[0]


def _of_the_office() -> dict[str, Ask]:
    """As after a change, two hundred waiting."""
    clerk = consoles.seated()
    consoles.let_wait(WAITING - Ticket.objects.of_today().waiting().count())
    pages = consoles.asked(clerk)

    def all_consoles() -> None:
        consoles.change()
        pages["console"]()

    befores = dict.fromkeys(pages, consoles.change) | {"another console": all_consoles}
    return {page: Ask(_answered(page, ask), befores[page]) for page, ask in pages.items()}


def _answered(page: str, ask: Callable[[], HttpResponse]) -> Callable[[], None]:
    def asked() -> None:
        if ask().status_code != 200:
            raise SystemExit(f"{page} was not answered")

    return asked


def _booking() -> Callable[[], object]:
    """Each by another member, in a slot of a day of its own."""
    client, left = Client(), bookings.wanted(100, spare=2, days=5, slots_a_day=14)

    def ask() -> None:
        body = bookings.body_for_api(left.pop())
        headers = {"Idempotency-Key": secrets.token_urlsafe(16)}
        answer = client.post("/api/v1/tickets/", body, "application/json", headers=headers)
        if answer.status_code != 201:
            raise SystemExit(f"A booking was answered {answer.status_code}: {answer.content.decode()}")

    return ask


def _page(client: Client, address: str) -> None:
    if address.endswith("p=last"):
        address = address.removesuffix("last") + str(_last_page(client, address.removesuffix("&p=last")))
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")


def _last_page(client: Client, address: str) -> int:
    pages = re.findall(rb"[?&;]p=(\d+)", client.get(address).content)
    return max(map(int, pages), default=1)


def cost(asked: Ask, rounds: int) -> dict:
    """The median milliseconds of processor of this thread and of the database's process; the first round warms up,
    unless there is no other. The fewest queries of two more rounds: now and then a request reads the office's settings
    anew."""
    web, stored, queries = [], [], []
    for nth in range(rounds + 1):
        asked.before()
        with _counting(queries) if not rounds else contextlib.nullcontext():
            spent, began = database_seconds(), time.thread_time()
            asked.ask()
            took = time.thread_time() - began
        if nth or not rounds:
            web.append(took)
            stored.append(database_seconds() - spent)
    for _nth in range(2 if rounds else 0):
        asked.before()
        with _counting(queries):
            asked.ask()
    return {"web_ms": 1000 * median(web), "database_ms": 1000 * median(stored), "queries": min(queries)}


@contextlib.contextmanager
def _counting(queries: list[int]) -> Iterator[None]:
    with CaptureQueriesContext(connection) as captured:
        yield
    queries.append(len(captured))


def database_seconds() -> float:
    connection.ensure_connection()
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()
    return int(fields[0]) / 1e9
