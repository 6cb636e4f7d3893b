"""What is left after web workers were killed outright and PostgreSQL was stopped in the middle: every ticket that was
acknowledged, once, and nothing else.

Clients book at a steady rate; whatever is not answered, or answered 503, they send again with the same key, as a reload
of the page does.
"""

import http.client
import json
import os
import random
import secrets
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

import psutil
from django.db import connection

from bench import bookings, database
from bench.servers import Server, serving
from booking import invariants
from booking.models import Ticket
from queuesite.launcher import postgres

CLIENTS = 8
A_SECOND = 50  # bookings by all of them
# granian takes a worker that ends so soon after its start for one that cannot run, and ends; manage.py run would start
# it again. A worker is killed at any age beyond.
LOOKS_HOPELESS = 6  # seconds
BETWEEN = (0.3, 0.9)  # seconds from one kill to the next
WELL_AGAIN = 10  # seconds within which bookings must go on after the database has stopped


@dataclass
class Story:
    """What the clients saw: acknowledged bookings by their key, how often each answer came, and how long nothing was
    acknowledged after each fault."""

    acknowledged: dict[str, dict] = field(default_factory=dict)
    answers: Counter = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)  # none is expected; one ends the run
    without_retry_after: int = 0
    pauses: list[float] = field(default_factory=list)
    last: float = 0.0


def measure(url: str, *, folder: Path, kills: int, restarts: int) -> dict:
    """Kill web workers so many times, then stop PostgreSQL at once so many times, each under load. `folder` is that of
    the PostgreSQL which `url` names."""
    with serving(url, is_quiet=True) as site:
        killed = _under_load(site, lambda: _kill_a_worker(site), wanted=_wanted(kills), faults=kills)
        stopped = _under_load(site, lambda: _stop_at_once(folder), wanted=_wanted(restarts), faults=restarts)
    return {
        "kills": _figures(killed, kills),
        "restarts": _figures(stopped, restarts),
        "broken": _broken(killed, stopped),
    }


def _under_load(
    site: Server, break_something, *, wanted: list[bookings.Wanted], faults: int, a_second: float = A_SECOND
) -> Story:
    story, left, over = Story(), SimpleQueue(), threading.Event()
    for booking in wanted:
        left.put((secrets.token_urlsafe(16), booking))  # under this key, however often it is sent
    clients = [
        threading.Thread(target=_book, args=(site, left, story, over, a_second), daemon=True) for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    chance = random.Random(7)
    for _ in range(faults):
        time.sleep(chance.uniform(*BETWEEN))
        broken_at = break_something()
        while story.last < broken_at and time.monotonic() < broken_at + 6 * WELL_AGAIN:
            time.sleep(0.005)
            if story.refusals:
                raise SystemExit(f"A booking was answered {story.refusals[0]}")
            if not site.process.is_running() or site.process.status() == psutil.STATUS_ZOMBIE:
                raise SystemExit("The web server has ended; its lines are above.")
        story.pauses.append(time.monotonic() - broken_at)
    over.set()
    for client in clients:
        client.join()
    return story


def how_many(faults: int) -> int:
    """Bookings that are enough for so many faults, each by another member."""
    return min(database.MEMBERS, 200 * faults + 500)


def _wanted(faults: int) -> list[bookings.Wanted]:
    wanted = bookings.wanted(how_many(faults), spare=0, days=5, slots_a_day=14)
    connection.close()
    return wanted


def _book(site: Server, left: SimpleQueue, story: Story, over: threading.Event, a_second: float) -> None:
    """One client. A booking that was begun is brought to its end also after the load is over."""
    line = None
    while not over.is_set():
        try:
            key, booking = left.get_nowait()
        except Empty:
            return
        time.sleep(random.expovariate(a_second / CLIENTS))
        body = bookings.body_for_api(booking)  # not before: who one is holds for a quarter of an hour
        while key not in story.acknowledged:
            line = line or http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
            headers = {"Content-Type": "application/json", "Idempotency-Key": key}
            try:
                line.request("POST", "/api/v1/tickets/", body, headers)
                answer = line.getresponse()
                said = answer.read()
            except (OSError, http.client.HTTPException):
                story.answers["lost"] += 1
                line.close()
                line = None
                time.sleep(0.02)
                continue
            story.answers[answer.status] += 1
            if answer.status in (200, 201):
                story.acknowledged[key] = json.loads(said)
                story.last = time.monotonic()
            elif answer.status == 503:
                story.without_retry_after += "Retry-After" not in answer.headers
                time.sleep(0.05)
            else:
                story.refusals.append(f"{answer.status}: {said[:200].decode(errors='replace')}")
                return


def _kill_a_worker(site: Server) -> float:
    """The oldest, as soon as it is old enough. Gives the moment."""
    oldest = min(site.process.children(), key=lambda worker: worker.create_time())
    # Both by the time since the machine was started: the soak moves the clock.
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - (oldest.create_time() - psutil.boot_time())
    time.sleep(max(0, LOOKS_HOPELESS - age))
    os.kill(oldest.pid, signal.SIGKILL)
    return time.monotonic()


def _stop_at_once(folder: Path) -> float:
    """As `pg_ctl stop --mode=immediate`, or a power cut; then started again as `manage.py run` does. Gives the moment
    of the stop."""
    stopped_at = time.monotonic()
    server = psutil.Process(postgres._Server(folder).pid())
    server.send_signal(signal.SIGQUIT)
    psutil.wait_procs([server], timeout=10)
    postgres.start_again_if_dead(folder)
    return stopped_at


def _figures(story: Story, faults: int) -> dict:
    pauses = sorted(story.pauses)
    return {
        "faults": faults,
        "acknowledged": len(story.acknowledged),
        "answers": {str(status): count for status, count in sorted(story.answers.items(), key=str)},
        "without_retry_after": story.without_retry_after,
        "pause_p50_s": pauses[len(pauses) // 2],
        "pause_longest_s": pauses[-1],
    }


def _broken(killed: Story, stopped: Story) -> list[str]:
    """What does not hold afterwards; empty when all is well."""
    connection.close()
    broken = [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]
    for story in (killed, stopped):
        broken += lost(story)
    if max(stopped.pauses) > WELL_AGAIN:
        broken.append(f"no booking for {max(stopped.pauses):.0f} seconds after PostgreSQL had stopped")
    keys = sum(len(story.acknowledged) for story in (killed, stopped))
    tickets = Ticket.objects.filter(department__slug=database.STORM).count()
    if tickets != keys:
        broken.append(f"{tickets} tickets, but {keys} acknowledged")
    return broken


def lost(story: Story) -> list[str]:
    """What one story's clients were told and does not hold."""
    broken = []
    kept = dict(
        Ticket.objects.filter(idempotency_key__in=story.acknowledged).values_list("idempotency_key", "public_id")
    )
    gone = [key for key, told in story.acknowledged.items() if kept.get(key) != told["id"]]
    if gone:
        broken.append(f"{len(gone)} acknowledged tickets are not there")
    if story.without_retry_after:
        broken.append(f"{story.without_retry_after} answers 503 without Retry-After")
    return broken
