"""The office's day: how many calls a second, how soon a call is on the boards, what open pages cost.

A call holds its queues' locks from the first look to the commit, so calls follow each other; bookings do not wait for
them. pgbench runs the very statements that one call by the API runs, captured from it.
"""

import http.client
import json
import re
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench import bookings, client
from bench.servers import Server, database_cpu_seconds, serving
from bench.watchers import Seen, watching
from booking import invariants, roles, verbs
from booking.models import Counter, CounterDepartment, Department, StaffToken, Ticket, TicketEvent
from booking.models.tickets import State, hash_of
from queuesite.demo import office
from queuesite.launcher import postgres

COUNTERS_AT_ONCE, DEPARTMENTS = 16, 5
BOARDS, MEMBER_PAGES, MANY_PAGES = 50, 500, 1000
CALL_EVERY = 1.0  # seconds; more than ten counters make with members who take ten minutes
FIRST_PK = 870_000_001  # of counters and clerks made here: no other number in a statement looks like it


def measure(url: str, *, calls: int, rounds: int, seconds: int, storm: int, workspace: Path) -> dict:
    """All three, on the database that Django is connected to."""
    with serving(url) as site:
        found = {
            "calls": _calls(url, site, calls=calls, rounds=rounds, workspace=workspace),
            "board": _board(site, seconds=seconds, storm=storm, workspace=workspace),
            "open_pages": _open_pages(site, seconds=seconds),
        }
    return found | {"broken": [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]}


def has_faults(found: dict) -> bool:
    """Whether a call was refused or made twice, or an open page was answered with a fault."""
    watched = [found["board"]["quiet"], found["board"]["in_a_storm"]]
    watched += [figures for name, figures in found["open_pages"].items() if name != "pages"]
    calls = found["calls"]
    return bool(calls["refused"] or calls["called_twice"] or any(one["faults"] for one in watched))


# --- calls a second ---


def _calls(url: str, site: Server, *, calls: int, rounds: int, workspace: Path) -> dict:
    """Each call from a counter of its own, so that none has to be freed; sixteen at once."""
    ways = {"pgbench": [], "api": []}
    latencies, called, asked = [], 0, 0
    first = FIRST_PK
    for nth in range(rounds + 1):
        size = calls if nth else calls // 10  # the first round warms up
        _wait_in_line(3 * size)
        for way in ways:
            _seat_clerks(first, size + DEPARTMENTS)
            if way == "pgbench":
                taken_from = Counter.objects.filter(pk__gte=first).order_by("pk")[:DEPARTMENTS]
                scripts = [_statements_of_a_call(counter) for counter in taken_from]
                per_second = _by_pgbench(url, scripts, first + DEPARTMENTS, size, workspace)
            else:
                requests = [_call_next(site.port, first + DEPARTMENTS + nth) for nth in range(size)]
                load = client.send(site.port, requests, clients=COUNTERS_AT_ONCE, workspace=workspace)
                per_second = load.per_second
                called, asked = called + load.count(200), asked + size
                latencies += load.latencies() if nth else []
            ways[way] += [per_second] if nth else []
            first += size + DEPARTMENTS
    events = TicketEvent.objects.filter(verb="call")
    latencies.sort()
    return {
        "pgbench": median(ways["pgbench"]),
        "api": median(ways["api"]),
        "ratio": median(api / bare for api, bare in zip(ways["api"], ways["pgbench"], strict=True)),
        **{f"p{share}_ms": 1000 * latencies[len(latencies) * share // 100] for share in (50, 95, 99)},
        "refused": asked - called,
        "called_twice": events.count() - events.values("ticket").distinct().count(),
    }


def _seat_clerks(first: int, count: int) -> None:
    """Counters that serve all departments of the demo, each with a clerk and a token, whose keys follow each other."""
    made, today = range(first, first + count), timezone.localdate()
    departments = list(Department.objects.filter(slug__in=_slugs()).values_list("pk", flat=True))
    users = get_user_model()
    users.objects.bulk_create(users(pk=pk, username=f"clerk{pk}", password="!") for pk in made)
    group = Group.objects.get(name=roles.CLERK)
    users.groups.through.objects.bulk_create(users.groups.through(user_id=pk, group=group) for pk in made)
    StaffToken.objects.bulk_create(
        StaffToken(user_id=pk, token_hash=hash_of(_token(pk)), created_at=timezone.now(), last_used_on=today)
        for pk in made
    )
    Counter.objects.bulk_create(Counter(pk=pk, number=_number(pk), clerk_id=pk) for pk in made)
    CounterDepartment.objects.bulk_create(
        CounterDepartment(counter_id=pk, department_id=departments[(pk + nth) % DEPARTMENTS], position=nth)
        for pk in made
        for nth in range(DEPARTMENTS)
    )


def _wait_in_line(count: int) -> list[Ticket]:
    """So many more walk-ins of today, dealt out to the departments."""
    departments, now = list(Department.objects.filter(slug__in=_slugs())), timezone.now()
    begun = Ticket.objects.of_today().filter(slot=None).count()
    issued = Ticket.objects.bulk_create(
        Ticket(
            public_id=secrets.token_urlsafe(16),
            secret_hash=hash_of(str(nth)),
            department=departments[nth % DEPARTMENTS],
            queue=departments[nth % DEPARTMENTS],
            date=timezone.localdate(now),
            number=501 + nth // DEPARTMENTS,
            state=State.WAITING,
            issued_at=now,
            arrived_at=now,
            due_at=now,
        )
        for nth in range(begun, begun + count)
    )
    TicketEvent.objects.bulk_create(
        TicketEvent(ticket=one, verb="walk_in", to_state=State.WAITING, queue=one.queue, at=now) for one in issued
    )
    return issued


def _statements_of_a_call(counter: Counter) -> str:
    """A pgbench script of what one call asks the database, with variables for the counter and the ticket."""
    with CaptureQueriesContext(connection) as captured:
        ticket = verbs.call_next(counter=counter, by=counter.clerk)
    lines = []
    for query in captured.captured_queries:
        statement = " ".join(query["sql"].split())
        if "INSERT INTO booking_ticketevent" in statement:  # the call itself, whose answer is the ticket
            lines.append(statement.replace(str(counter.pk), ":counter") + " \\gset")
        elif f'"booking_ticket"."id" = {ticket.pk}' in statement:
            lines.append(
                statement.replace(f'"booking_ticket"."id" = {ticket.pk}', '"booking_ticket"."id" = :ticket_id') + ";"
            )
        else:
            lines.append(statement.replace(str(counter.pk), ":counter") + ";")
    return "\n".join(lines) + "\n"


def _by_pgbench(url: str, scripts: list[str], first: int, calls: int, workspace: Path) -> float:
    each = calls // COUNTERS_AT_ONCE
    command = [postgres.binaries() / "pgbench", "-n", "-M", "prepared", "-c", COUNTERS_AT_ONCE, "-j", 2, "-t", each]
    for nth, script in enumerate(scripts):
        file = workspace / f"call-{nth}.sql"
        file.write_text("\\set nth :nth + 1\n\\set counter :first + :client_id * :each + :nth\n" + script)
        command += ["-f", file]
    command += ["-Dnth=-1", f"-Dfirst={first}", f"-Deach={each}", url]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return float(re.search(r"^tps = ([0-9.]+)", done.stdout, flags=re.MULTILINE)[1])


# --- from a call to the boards ---


def _board(site: Server, *, seconds: int, storm: int, workspace: Path) -> dict:
    """Fifty boards and five hundred members' pages are open while a call is made each second; then storms of bookings
    come on top, beside the same storms with no page open."""
    members = _pages_of(_wait_in_line(MEMBER_PAGES + 4 * seconds)[-MEMBER_PAGES:])
    alone = _storms(site, storm, workspace)
    with watching(site.port, boards=BOARDS, members=members) as quiet, _Calling(site) as calls:
        time.sleep(seconds)
    with watching(site.port, boards=BOARDS, members=members) as stormy, _Calling(site) as calls_in_storm:
        beside = _storms(site, storm, workspace)
    alone = (alone + _storms(site, storm, workspace)) / 2
    return {
        "boards": BOARDS,
        "member_pages": MEMBER_PAGES,
        "quiet": _delays(calls, quiet),
        "in_a_storm": _delays(calls_in_storm, stormy),
        "bookings_alone": alone,
        "bookings_beside": beside,
        "bookings_kept": beside / alone,
    }


class _Calling:
    """Calls the next ticket each second, and lets the one before be missed, until the block ends. Gives when each
    number was asked for."""

    def __init__(self, site: Server):
        self.site, self.asked, self.ended = site, {}, threading.Event()
        self.counter = Counter.objects.filter(clerk__isnull=False).order_by("-pk").first()
        self.thread = threading.Thread(target=self._call)

    def __enter__(self) -> dict[str, float]:
        self.thread.start()
        return self.asked

    def __exit__(self, *_) -> None:
        self.ended.set()
        self.thread.join()

    def _call(self) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        headers = {"Authorization": f"Token {_token(self.counter.pk)}", "Content-Type": "application/json"}
        begins = time.monotonic()
        while not self.ended.wait(max(0, begins - time.monotonic())):
            begins += CALL_EVERY
            for verb in ("miss", "call-next"):
                asked = time.monotonic()
                line.request("POST", f"/api/v1/counters/{self.counter.number}/{verb}/", "{}", headers)
                answer = line.getresponse()
                body = answer.read()
            if answer.status == 200:
                self.asked[json.loads(body)["number"]] = asked
        time.sleep(2)  # for the last one to be seen


def _delays(calls: dict[str, float], seen: Seen) -> dict:
    """From a clerk's press to each board."""
    delays = sorted(at - asked for number, asked in calls.items() for at in seen.calls.get(number, []))
    if not delays:
        sys.exit("No board showed any call.")
    return {
        "calls": len(calls),
        **{f"p{share}_s": delays[len(delays) * share // 100] for share in (50, 95, 99)},
        "never_seen": sum(BOARDS - len(seen.calls.get(number, [])) for number in calls),
        **_answers(seen),
    }


def _storms(site: Server, count: int, workspace: Path) -> float:
    return median(_bookings(site, count, workspace) for _ in range(3))


def _bookings(site: Server, count: int, workspace: Path) -> float:
    """Bookings a second by 32 clients, spread over a week."""
    wanted = bookings.wanted(count, spare=32, days=5, slots_a_day=14)
    requests = [bookings.by_api(site.port, booking) for booking in wanted]
    load = client.send(site.port, requests, clients=32, workspace=workspace)
    if load.count(201) != len(requests):
        sys.exit(f"Of {len(requests)} bookings {load.count(201)} were made.")
    return load.per_second


# --- what open pages cost ---


def _open_pages(site: Server, *, seconds: int) -> dict:
    """A thousand members' pages while nothing changes, and while a call is made each second, as a share of one core."""
    members = _pages_of(_wait_in_line(MANY_PAGES + 2 * seconds)[-MANY_PAGES:])
    found = {"pages": MANY_PAGES}
    for name in ("nothing changes", "a call each second"):
        with watching(site.port, members=members) as seen:
            used = -site.cpu_seconds(), -database_cpu_seconds()
            if name == "nothing changes":
                time.sleep(seconds)
            else:
                with _Calling(site):
                    time.sleep(seconds)
            used = used[0] + site.cpu_seconds(), used[1] + database_cpu_seconds()
        found[name] = {
            "web_of_a_core": used[0] / seen.seconds,
            "database_of_a_core": used[1] / seen.seconds,
            "watchers_of_a_core": seen.cpu / seen.seconds,
            **_answers(seen),
        }
    return found


def _answers(seen: Seen) -> dict:
    latencies = sorted(seen.latencies["member"])
    return {
        "answers_a_second": sum(seen.statuses.values()) / seen.seconds,
        "unchanged": seen.statuses.get("304", 0) / max(1, sum(seen.statuses.values())),
        "faults": sum(count for status, count in seen.statuses.items() if int(status) >= 400),
        "member_p50_ms": 1000 * latencies[len(latencies) // 2],
        "member_p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }


def _pages_of(tickets: list[Ticket]) -> list[tuple[str, str]]:
    """The address of each ticket's page, and the cookie of the device that holds it."""
    pages = []
    for ticket in tickets:
        made = HttpResponse()
        made.set_signed_cookie("tickets", ticket.public_id, salt="visitor.")
        pages.append((f"/t/{ticket.public_id}/", f"tickets={made.cookies['tickets'].coded_value}"))
    return pages


def _call_next(port: int, pk: int) -> bytes:
    path, headers = f"/api/v1/counters/{_number(pk)}/call-next/", {"Authorization": f"Token {_token(pk)}"}
    return bookings.post(port, path, "{}", headers)


def _number(pk: int) -> int:
    return pk - FIRST_PK + 100


def _token(pk: int) -> str:
    return f"bench-token-{pk}"


def _slugs() -> list[str]:
    return [facts["slug"] for facts in office.DEPARTMENTS]
