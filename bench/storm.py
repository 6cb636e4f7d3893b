"""Storms of bookings: 32 clients on one slot, and on a week, each way of booking beside the others in one round."""

import json
import re
import secrets
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.middleware.csrf import _get_new_csrf_string, _mask_cipher_secret

from bench import bookings, client, database
from bench.servers import Server, database_cpu_seconds, serving
from booking import invariants
from booking.messages.kinds import REMINDED_AT
from booking.models import Place, Ticket, TicketEvent
from booking.models.tickets import State
from booking.verbs import places
from members.identify import issue_identity
from members.models import Member
from queuesite.launcher import postgres

CLIENTS = 32
SHAPES = {"one slot": (1, 1), "a week": (5, 14)}  # days, slots a day
WAYS = ["pgbench", "bare", "api", "form"]
PERCENTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


class Cpu(NamedTuple):
    """Milliseconds of a processor that one booking used. Steadier than its speed where others use the machine."""

    web: float
    database: float
    client: float


@dataclass
class Way:
    """One way of booking in one shape of storm, all rounds."""

    per_second: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)  # seconds
    cpu_ms: list["Cpu"] = field(default_factory=list)
    errors: int = 0


FOR_BARE = {
    "BENCH_SQL": places.TAKE_FREE_PLACE,
    "BENCH_STATE": State.BOOKED.value,
    "BENCH_ZONE": settings.TIME_ZONE,
    "BENCH_REMINDED_AT": REMINDED_AT.isoformat(),
}


def measure(url: str, *, count: int, rounds: int, workspace: Path) -> dict:
    """Book `count` places each way in each shape, `rounds` times over, and look whether all invariants held."""
    storms = {shape: {way: Way() for way in WAYS} for shape in SHAPES}
    issued = 0
    with (
        serving(url, app="bench.bare:application", **FOR_BARE) as bare,
        serving(url, **bookings.UNLIMITED) as site,
    ):
        for nth in range(rounds + 1):
            is_warming_up = nth == 0
            for shape, (days, slots_a_day) in SHAPES.items():
                for way in WAYS:
                    size = count // 10 if is_warming_up else count
                    size -= size % (days * slots_a_day)  # as many in each slot
                    wanted = bookings.wanted(size, spare=CLIENTS, days=days, slots_a_day=slots_a_day)
                    into = Way() if is_warming_up else storms[shape][way]
                    match way:
                        case "pgbench":
                            issued += _by_pgbench(url, wanted, into, workspace)
                        case "bare":
                            issued += by_http(bare, _bare, b" 201 ", wanted, into, workspace)
                        case "api":
                            issued += by_http(site, bookings.by_api, b" 201 ", wanted, into, workspace)
                        case "form":
                            issued += by_http(site, _form, b"?booked=1", wanted, into, workspace)
    return {
        "bookings": count,
        "rounds": rounds,
        "storms": {shape: _figures(ways) for shape, ways in storms.items()},
        "broken": _broken(issued),
    }


def by_http(server: Server, request_for, good: bytes, wanted: list[bookings.Wanted], into: Way, workspace: Path) -> int:
    requests = [request_for(server.port, booking) for booking in wanted]
    used = -server.cpu_seconds(), -database_cpu_seconds()
    load = client.send(server.port, requests, clients=CLIENTS, workspace=workspace)
    used = used[0] + server.cpu_seconds(), used[1] + database_cpu_seconds(), load.client_cpu
    into.cpu_ms.append(Cpu(*(1000 * seconds / len(requests) for seconds in used)))
    booked = sum(good in answer.head for answer in load.answers)
    into.per_second.append(load.per_second)
    into.latencies += [answer.seconds for answer in load.answers]
    into.errors += len(requests) - booked
    return booked


def _by_pgbench(url: str, wanted: list[bookings.Wanted], into: Way, workspace: Path) -> int:
    """The booking statement itself, prepared, by pgbench with as many clients."""
    each = len(wanted) // CLIENTS
    slots = sorted({booking.slot for booking in wanted})
    expressions = {
        "member": ":member",
        "slot": ":slot",
        "now": "now()",
        "public_id": "md5(:slot::text || ':' || :member::text)",
        "secret_hash": "repeat('0', 64)",
        "key": "'pgbench-' || :slot::text || ':' || :member::text",
        "by": "NULL::bigint",
        "verb": "'book'",
        "asked": "''",
        "reason": "''",
        "messages": "true",
        "owed": "ARRAY['issued', 'day_before']",
        "reminders": "ARRAY['day_before']",
        "state": f"'{State.BOOKED}'",
        "reminded_at": f"'{REMINDED_AT}'",
        "zone": f"'{settings.TIME_ZONE}'",
        "topic": "NULL::bigint",
        "places_of": "NULL::bigint",
        "mark": "md5(:slot::text || '-' || :member::text)",
        "is_proven": "true",
        "address": "'bench'",
        "network": "NULL",
        "device": "NULL",
        "blocks": "ARRAY[]::text[]",
        "day_ago": "now() - interval '1 day'",
        "hour_ago": "now() - interval '1 hour'",
        "most_live": "100000",
        "most_a_day": "100000",
        "most_of_device": "6",
        "most_of_address": "60",
    }
    statement = re.sub(r"%\((\w+)\)s", lambda match: expressions[match[1]], places.TAKE_FREE_PLACE)
    script = workspace / "pgbench.sql"
    script.write_text(
        "\\set nth :nth + 1\n"
        "\\set member :first_member + :client_id * :each + :nth\n"
        "\\set slot :first_slot + (:client_id * :each + :nth) % :slots\n" + " ".join(statement.split()) + ";\n"
    )
    for log in workspace.glob("pgbench-log*"):
        log.unlink()
    values = {"nth": -1, "first_member": wanted[0].member, "each": each, "first_slot": slots[0], "slots": len(slots)}
    command = [
        postgres.binaries() / "pgbench",
        "-n",
        "-M",
        "prepared",
        "-c",
        CLIENTS,
        "-j",
        2,
        "-t",
        each,
        "-f",
        script,
    ]
    command += ["-l", "--log-prefix", workspace / "pgbench-log"]
    command += [f"-D{name}={value}" for name, value in values.items()]
    done = subprocess.run([*map(str, command), url], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    latencies = [
        int(line.split()[2]) for log in workspace.glob("pgbench-log*") for line in log.read_text().splitlines()
    ]
    into.per_second.append(float(re.search(r"^tps = ([0-9.]+)", done.stdout, flags=re.MULTILINE)[1]))
    into.latencies += [microseconds / 1_000_000 for microseconds in latencies]
    into.errors += each * CLIENTS - len(latencies)
    return len(latencies)


def _bare(port: int, booking: bookings.Wanted) -> bytes:
    key = secrets.token_urlsafe(16)
    return bookings.post(port, "/", json.dumps({"member": booking.member, "slot": booking.slot, "key": key}), {})


def _form(port: int, booking: bookings.Wanted) -> bytes:
    """The form of the page of times as a browser sends it, with the cookies that the pages before have set."""
    cookies = HttpResponse()
    token = issue_identity(Member(pk=booking.member), proved_by="phone")[0]
    cookies.set_signed_cookie("identity", token, salt="visitor.confirmed")
    cookies.set_signed_cookie("device", secrets.token_urlsafe(16), salt="visitor.")
    secret = _get_new_csrf_string()
    cookies.set_cookie("csrftoken", secret)
    form = {"csrfmiddlewaretoken": _mask_cipher_secret(secret), "key": str(uuid.uuid4()), "slot": booking.slot}
    headers = {
        "Cookie": "; ".join(f"{name}={cookie.coded_value}" for name, cookie in cookies.cookies.items()),
        "Origin": f"http://127.0.0.1:{port}",
        "Accept-Language": "th-TH,th;q=0.9,en;q=0.8",
    }
    path = f"/book/{database.STORM}/days/{booking.date}/take/"
    return bookings.post(port, path, urlencode(form), headers, kind="application/x-www-form-urlencoded")


def _figures(ways: dict[str, Way]) -> dict:
    """Each way's medians. Its ratio to the bare function is taken round by round: the machine drifts."""
    bare = ways["bare"]
    found = {}
    for name, way in ways.items():
        latencies = sorted(way.latencies)
        at = {name: 1000 * latencies[int(len(latencies) * share)] for name, share in PERCENTILES.items()}
        found[name] = {
            "per_second": median(way.per_second),
            "each_round": [round(figure) for figure in way.per_second],
            "of_bare": median(one / other for one, other in zip(way.per_second, bare.per_second, strict=True)),
            **at,
            "errors": way.errors,
        }
        if way.cpu_ms:
            found[name]["cpu_ms"] = {part: median(getattr(one, part) for one in way.cpu_ms) for part in Cpu._fields}
            found[name]["cpu_of_bare"] = median(
                sum(other) / sum(one) for one, other in zip(way.cpu_ms, bare.cpu_ms, strict=True)
            )
    return found


def _broken(issued: int) -> list[str]:
    """What does not hold now; empty when all is well."""
    broken = [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]
    tickets = Ticket.objects.filter(department__slug=database.STORM)
    counts = {
        "tickets": tickets.count(),
        "places taken": Place.objects.taken().filter(slot__department__slug=database.STORM).count(),
        "events": TicketEvent.objects.filter(ticket__in=tickets).count(),
        "numbers, each once a day": tickets.values("date", "number").distinct().count(),
        "members, each once a day": tickets.values("date", "member").distinct().count(),
    }
    broken += [
        f"{count} {what}, but {issued} bookings acknowledged" for what, count in counts.items() if count != issued
    ]
    return broken
