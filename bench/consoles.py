"""What a change costs the pages that stay open: a counter's console, a member's live part, the board, and a call by the
API, with few and with many who wait. In this process, without a web server: processor time of the thread, of the
database's own process, queries, and calls of functions in Python."""

import cProfile
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from booking import roles
from booking.models import Counter, CounterDepartment, Department, QueueVersion, Ticket, TicketEvent
from booking.models.tickets import Priority, State, hash_of
from booking.models.tokens import issue_token
from queuesite.demo import office

NUMBER = 901
DEPARTMENTS = 5


def measure(*, crowds: list[int], rounds: int) -> dict:
    """For each crowd that waits, all in the queues of one counter: what each page costs after a change."""
    clerk = seated()
    found = {}
    for waiting in crowds:
        change()
        let_wait(waiting - Ticket.objects.of_today().waiting().count())
        found[waiting] = _costs(clerk, rounds)
    return {"crowds": crowds, "pages": {name: [found[one][name] for one in crowds] for name in found[crowds[0]]}}


def asked(clerk) -> dict[str, Callable[[], HttpResponse]]:
    desk, beside = Client(headers={"HX-Request": "true"}), Client(headers={"HX-Request": "true"})
    member, anybody = Client(), Client()
    desk.force_login(clerk)
    beside.force_login(Counter.objects.get(number=NUMBER + 1).clerk)
    waits = Ticket.objects.of_today().waiting().order_by("due_at", "number").last()
    made = HttpResponse()
    made.set_signed_cookie("tickets", waits.public_id, salt="visitor.")
    member.cookies = made.cookies
    token = {"Authorization": f"Token {issue_token(clerk)}"}
    return {
        "console": lambda: desk.get(f"/counter/{NUMBER}/live/"),
        "another console": lambda: beside.get(f"/counter/{NUMBER + 1}/live/"),
        "member's live part": lambda: member.get(f"/t/{waits.public_id}/live/?shown=waiting"),
        "board": lambda: anybody.get("/board/"),
        "call-next by the API": lambda: anybody.post(f"/api/v1/counters/{NUMBER}/call-next/", headers=token),
    }


def _costs(clerk, rounds: int) -> dict:
    """Another console is asked for when the first one has been: as all of them are after a change, in any order."""
    pages = asked(clerk)
    before = {"another console": pages["console"]}
    return {name: _cost(ask, rounds, before=before.get(name)) for name, ask in pages.items()}


def _cost(ask: Callable[[], HttpResponse], rounds: int, *, before: Callable[[], HttpResponse] | None) -> dict:
    """Medians; each time something has just changed in every queue, and `before` has been asked for."""

    def happens() -> None:
        change()
        if before:
            before()

    web, stored = [], []
    for nth in range(rounds + 2):
        happens()
        spent, began = database_seconds(), time.thread_time()
        answer = ask()
        took = time.thread_time() - began
        if answer.status_code != 200:
            raise SystemExit(f"{answer.request['PATH_INFO']} answered {answer.status_code}")
        if nth > 1:  # the first two warm up
            web.append(took)
            stored.append(database_seconds() - spent)
    happens()
    with CaptureQueriesContext(connection) as captured:
        ask()
    queries = len(captured)
    happens()
    profile = cProfile.Profile()
    profile.runcall(ask)
    calls = sum(entry.callcount for entry in profile.getstats())
    return {
        "web_ms": 1000 * median(web),
        "database_ms": 1000 * sum(stored) / len(stored),
        "queries": queries,
        "calls": calls,
    }


def change() -> None:
    """As after a call: all versions raised, nobody at the counter."""
    Ticket.objects.filter(counter__number=NUMBER, state=State.CALLED).update(
        state=State.WAITING, counter=None, called_at=None
    )
    QueueVersion.objects.bulk_update(
        [QueueVersion(pk=pk, version=version + 1) for pk, version in QueueVersion.objects.values_list("pk", "version")],
        ["version"],
    )


def database_seconds() -> float:
    """Processor time that the database's process of this connection has taken, as the system counts it."""
    connection.ensure_connection()
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()
    return int(fields[0]) / 1e9


def seated():
    """Clerks at two counters that serve the same five departments. Gives the first."""
    if there := Counter.objects.filter(number=NUMBER).first():
        return there.clerk
    departments, clerks = _departments(), []
    for number in (NUMBER, NUMBER + 1):
        clerk = get_user_model().objects.create(username=f"console{number}", password="!")
        clerk.groups.add(Group.objects.get(name=roles.CLERK))
        counter = Counter.objects.create(number=number, clerk=clerk)
        CounterDepartment.objects.bulk_create(
            CounterDepartment(counter=counter, department=one, position=nth) for nth, one in enumerate(departments)
        )
        clerks.append(clerk)
    for one in departments:
        QueueVersion.objects.get_or_create(department=one)
    return clerks[0]


def _departments() -> list[Department]:
    slugs = [facts["slug"] for facts in office.DEPARTMENTS[:DEPARTMENTS]]
    return list(Department.objects.filter(slug__in=slugs).order_by("position"))


def let_wait(more: int) -> None:
    """So many more who wait, each tenth of priority, dealt out to the departments."""
    departments, now, begun = _departments(), timezone.now(), Ticket.objects.of_today().filter(slot=None).count()
    issued = Ticket.objects.bulk_create(
        Ticket(
            public_id=secrets.token_urlsafe(16),
            secret_hash=hash_of(str(nth)),
            department=departments[nth % len(departments)],
            queue=departments[nth % len(departments)],
            date=timezone.localdate(now),
            number=501 + nth // len(departments),
            priority=Priority.MONK if nth % 10 == 0 else Priority.NONE,
            state=State.WAITING,
            issued_at=now,
            arrived_at=now,
            due_at=now,
        )
        for nth in range(begun, begun + more)
    )
    TicketEvent.objects.bulk_create(
        TicketEvent(ticket=one, verb="walk_in", to_state=State.WAITING, queue=one.queue, at=now) for one in issued
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE booking_ticket")
