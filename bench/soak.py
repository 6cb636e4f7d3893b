"""A long day with a fault every so often: what is left of it, and whether anything grows.

Members book at a steady rate while, one after the other, the FAULTS happen. One call is a part; the database stays,
so that the next call goes on where this one ended, and var/bench/soak.jsonl gets a line for each part. The database is
on a small disk of its own (bench/small_disk.py), which is filled; where nobody may mount, that fault is left out.
What is booked has opening hours, so every job of the worker is on; one that was due in a part and did not run is a
fault.

Nothing is sped up: time-outs, leases and PostgreSQL keep the machine's time. With a fault every 30 seconds, what an
office of 10,000 bookings a day does is a part of 100 faults, in an hour; 24 hours of faults are 29 such parts, a week
two hundred.
"""

import contextlib
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone

from bench import bookings, crashes, database, small_disk
from bench.servers import Server, serving
from booking import invariants, jobs, verbs
from booking.days import opening
from booking.messages import ledger
from booking.models import Department, JobRun, Notice, OpeningHours, Slot, Ticket
from members.models import LineAccount, Member
from queuesite.demo import fake_line
from queuesite.launcher import postgres
from queuesite.launcher.postgres import BASE_DIR

KEPT = "soak.jsonl"
DISK_FULL = "disk full"
FAULTS = (
    "web worker killed",
    "background worker killed",
    "LINE hanging",
    "background worker's clock set back",  # until it is next killed
    DISK_FULL,
    "PostgreSQL stopped at once",
)
A_FAULT = 100  # bookings from one fault to the next; crashes.py has two hundred ready
SET_BACK = 300  # seconds
FULL_SECONDS = 5  # for which the disk stays so
LOOKED_AT = 0.5  # seconds from one try to start PostgreSQL to the next
MOVED_CLOCK = BASE_DIR / "tests" / "moved_clock"  # moves the clock of each Python that has it in its path
OPEN = {"opens": dt.time(8, 30), "closes": dt.time(16, 30), "slot_minutes": 30, "quota": 31}  # each day of the week
BOOKED_FROM = 2  # days ahead: a part may go on past midnight
# Free places in a slot beyond those that are booked: a statement that finds the last free ones locked comes back empty.
SPARE = crashes.CLIENTS
LOOKS_EVERY = 30  # seconds from one look of the worker at its schedule to the next
LATEST_MESSAGE = 600  # seconds, as /readyz has it
LARGEST_LOG = 50  # megabytes, of all parts together
LARGEST_GROWTH = 1.3  # of memory, from the first fifth of a part to its end


def measure(url: str, *, folder: Path, postgres_folder: Path, faults: int, every: float) -> dict:
    """One part: so many faults, one `every` so many seconds."""
    disk = postgres_folder.parent
    begun = timezone.now()
    before = dict(JobRun.objects.values_list("name", "finished_at"))
    wanted = _wanted(_office(), crashes.how_many(faults))
    connection.close()
    kinds = [kind for kind in FAULTS if kind != DISK_FULL or disk.is_mount()]
    grown: list[tuple[float, int]] = []
    log = (folder / "soak.log").open("a")
    with fake_line.in_a_process() as line:
        settings = {"LINE_API_BASE": line.url, "DATABASE_URL": url}
        worker = _start_worker(settings, log)
        try:
            with serving(url, is_quiet=True, **bookings.UNLIMITED) as site:

                def break_something() -> float:
                    nonlocal worker
                    time.sleep(every)
                    kind = kinds[len(grown) % len(kinds)]
                    grown.append((_megabytes(site), _connections()))
                    if kind == "web worker killed":
                        return crashes._kill_a_worker(site)
                    if kind == "PostgreSQL stopped at once":
                        return crashes._stop_at_once(postgres_folder)
                    if kind == DISK_FULL:
                        return _fill(disk, postgres_folder, url)
                    if kind == "LINE hanging":
                        line.post("faults", times=5, before=every / 2)
                    else:
                        _end(worker, signal.SIGKILL)
                        moved = _clock_set_back() if kind == "background worker's clock set back" else {}
                        worker = _start_worker(settings | moved, log)
                    return time.monotonic()

                story = crashes._under_load(
                    site, break_something, wanted=wanted, faults=faults, a_second=A_FAULT / every
                )
        finally:
            _end(worker, signal.SIGTERM)
    connection.close()
    oldest = ledger.oldest_unsent()
    fifth = max(1, len(grown) // 5)
    at_first, at_last = (max(count for _megabytes_then, count in part) for part in (grown[:fifth], grown[-fifth:]))
    pauses = {kind: round(max(story.pauses[nth :: len(kinds)], default=0), 1) for nth, kind in enumerate(kinds)}
    figures = {
        "at": timezone.localtime().isoformat(timespec="seconds"),
        "every_s": every,
        **crashes._figures(story, faults),
        "pauses_s": pauses,
        "megabytes": [round(grown[len(grown) // 5][0]), round(grown[-1][0])],
        # The most of the first and of the last fifth: a worker that was just killed has none.
        "connections": [at_first, at_last],
        "log_megabytes": round((folder / "soak.log").stat().st_size / 1e6, 1),
        "jobs": JobRun.objects.filter(finished_at__gt=begun - dt.timedelta(seconds=SET_BACK)).count(),
        "messages": {state: Notice.objects.filter(state=state).count() for state in ("owed", "sent")},
        # Between two parts nobody sends.
        "message_late_s": round((timezone.now() - max(oldest, begun)).total_seconds()) if oldest else 0,
    }
    figures["broken"] = crashes.lost(story) + _broken(figures)
    if every >= LOOKS_EVERY:
        figures["broken"] += [f"{name} was due and has not run" for name in _missed(before, begun)]
    with (folder / KEPT).open("a") as kept:
        kept.write(json.dumps(figures) + "\n")
    return figures


def _office() -> Department:
    """A department with opening hours, laid out for half a year, and members whom LINE reaches."""
    office, _created = Department.objects.get_or_create(
        slug=database.STORM, defaults={"name": database.STORM, "letter": "S"}
    )
    Department.objects.filter(pk=office.pk).update(max_days_ahead=180)
    for weekday in OpeningHours.Weekday.values:
        OpeningHours.objects.get_or_create(department=office, weekday=weekday, defaults=OPEN)
    opening.rules_changed()
    with connection.cursor() as cursor:  # half a year of places is new to the planner: its first plans take minutes
        cursor.execute("ANALYZE booking_slot, booking_place")
    LineAccount.objects.bulk_create(
        [
            LineAccount(member_id=pk, user_id=fake_line.user_id(pk), linked_at=timezone.now(), proved_by="code")
            for pk in _members()
        ],
        ignore_conflicts=True,
    )
    return office


def _members() -> list[int]:
    return list(Member.objects.order_by("-pk").values_list("pk", flat=True)[: database.MEMBERS])


def _wanted(office: Department, count: int) -> list[bookings.Wanted]:
    """So many bookings, each by another member, in places that are free. Where earlier parts have left too few, what
    was booked for the first days is cancelled."""
    first = timezone.localdate() + dt.timedelta(days=BOOKED_FROM)
    while sum(room for _slot, room in _free(office, first)) < count:
        booked = Ticket.objects.live().filter(department=office, date__gte=first)
        for ticket in booked.filter(date=booked.earliest("date").date):
            verbs.cancel(ticket=ticket, by=None)
    has_one = set(Ticket.objects.live().filter(department=office).values_list("member_id", "date"))
    members = _members()
    turned = Ticket.objects.filter(department=office).count() % len(members)
    slots = _free(office, first)
    wanted: list[bookings.Wanted] = []
    for member in members[turned:] + members[:turned]:
        other = next((nth for nth, (slot, _room) in enumerate(slots) if (member, slot.date) not in has_one), None)
        if len(wanted) == count or other is None:
            break
        slot, room = slots.pop(other)
        wanted.append(bookings.Wanted(member, slot.pk, slot.date))
        slots += [(slot, room - 1)] if room > 1 else []
    return wanted


def _free(office: Department, first: dt.date) -> list[tuple[Slot, int]]:
    """The slots of the first days that have room, and how many may be booked in each."""
    now = timezone.now()
    slots = Slot.objects.filter(department=office, date__gte=first, bookable_from__lte=now, bookable_until__gt=now)
    slots = slots.annotate(free=Count("places", filter=Q(places__ticket=None))).filter(free__gt=SPARE)
    return [(slot, slot.free - SPARE) for slot in slots.order_by("starts_at")]


def _broken(figures: dict) -> list[str]:
    broken = [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]
    broken += [
        f"no booking for {seconds} s: {kind}"
        for kind, seconds in figures["pauses_s"].items()
        if seconds > crashes.WELL_AGAIN
    ]
    if figures["message_late_s"] > LATEST_MESSAGE:
        broken.append("a message is late")
    if figures["megabytes"][1] > LARGEST_GROWTH * figures["megabytes"][0]:
        broken.append("memory grows")
    if figures["connections"][1] > 2 * figures["connections"][0]:
        broken.append("connections grow")
    if figures["log_megabytes"] > LARGEST_LOG:
        broken.append("the log is too long")
    return broken


def _missed(before: dict[str, dt.datetime], begun: dt.datetime) -> list[str]:
    """The jobs whose time came in this part, and which have not run in it; its clock may be behind. Not the one
    that sends messages: it lasts a minute, often longer than its worker, and late messages tell whether it works."""
    behind = dt.timedelta(seconds=SET_BACK)
    runs = dict(JobRun.objects.values_list("name", "finished_at"))
    due = [
        name
        for name, minutes in jobs.RECURRING.items()
        if name != "send_notices"
        and (name not in before or before[name] + dt.timedelta(minutes=minutes) + 2 * behind < timezone.now())
    ]
    return [name for name in due if name not in runs or runs[name] < begun - behind]


def _fill(disk: Path, postgres_folder: Path, url: str) -> float:
    """Fill the database's disk, write until it cannot go on, and make room; then start it where it has stopped, as
    `manage.py run` does. Gives the moment at which there is room."""
    with small_disk.full(disk):
        _write_until_refused(url)
        time.sleep(FULL_SECONDS)
    room_at = time.monotonic()
    while time.monotonic() < room_at + 6 * crashes.WELL_AGAIN:
        with contextlib.suppress(postgres.CannotStart, psycopg.Error):
            postgres.start_again_if_dead(postgres_folder)
            psycopg.connect(url).close()
            break
        time.sleep(LOOKED_AT)
    return room_at


def _write_until_refused(url: str) -> None:
    """Into the log that every booking is written to first; without it a full disk takes long to be felt."""
    until = time.monotonic() + 60
    with contextlib.suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as own:
        while time.monotonic() < until:
            own.execute("SELECT pg_logical_emit_message(false, 'soak', repeat('x', 1000000))")


def _clock_set_back() -> dict[str, str]:
    path = [str(MOVED_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path), "TEST_CLOCK_OFFSET": str(-SET_BACK)}


def _start_worker(settings: dict[str, str], log) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "queuesite.launcher.worker"],
        cwd=BASE_DIR,
        env=os.environ | settings | {"WORKERS": "2"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _end(worker: subprocess.Popen, how: signal.Signals) -> None:
    """Ask it, or kill it and all that it has started."""
    if how == signal.SIGKILL:
        with contextlib.suppress(psutil.NoSuchProcess):
            for one in [*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid)]:
                one.kill()
    else:
        worker.send_signal(how)
    worker.wait(60)


def _megabytes(site: Server) -> float:
    return sum(one.memory_info().rss for one in site.process.children(recursive=True)) / 1e6


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        count = cursor.fetchone()[0]
    connection.close()
    return count
