"""A simulated day with a fault every so often: what is left of it, and whether anything grows.

The clocks of web, worker and members go SPEED times as fast as the machine's, so that a whole day, from six in the
morning to six in the morning, is a part of an hour; a week is seven. Members book at a steady rate all day and night.
On their day nine of ten come, and clerks call and serve them (bench/counters.py); the day closes, and the night's jobs
run: backup, counting, retention, laying out. Meanwhile the FAULTS happen one after the other. The database stays, so
that the next call goes on at the hour where this one ended, and var/bench/soak.jsonl gets a line for each part. The
database is on a small disk of its own (bench/small_disk.py), which is filled; where nobody may mount, that fault is
left out.

Only what o'clock it is goes faster. Time-outs, sleeps, how long the worker sends and how often it looks at its
schedule, PostgreSQL and LINE keep the machine's pace. So a job of every minute runs every half minute of the machine's,
which is twelve of the office's. Two things count by the clock what belongs to the machine's pace, and are made as much
longer: for how long a task is locked (bench/soak_settings.py), and how often the sending of messages begins, which
lasts a minute.
"""

import contextlib
import datetime as dt
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import time_machine
from django.db import connection
from django.db.models import Count, Max, Q
from django.utils import timezone
from django_q.models import Schedule

from bench import bookings, counters, crashes, database, small_disk
from bench.servers import Server, serving
from booking import invariants, jobs, verbs
from booking.days import opening
from booking.messages import ledger
from booking.models import Department, JobRun, Notice, OpeningHours, Slot, SummarisedDay, Ticket
from booking.models.tickets import LIVE
from members.models import LineAccount, Member
from queuesite import backup
from queuesite.demo import fake_line
from queuesite.launcher import postgres
from queuesite.launcher.postgres import BASE_DIR

KEPT = "soak.jsonl"
SPEED = 24  # a day in an hour
BEGINS_AT = 6  # o'clock, on the day after today; later parts go on
DISK_FULL = "disk full"
FAULTS = (
    "web worker killed",
    "background worker killed",
    "LINE hanging",
    "background worker's clock set back",  # by an hour, until it is next killed
    DISK_FULL,
    "PostgreSQL stopped at once",
)
A_FAULT = 50  # bookings from one fault to the next: 6,000 a day; crashes.py has two hundred ready
SET_BACK = 3600  # seconds of its own
FULL_SECONDS = 5  # for which the disk stays so
STARTED_AGAIN = 1  # seconds until a worker that has ended is, as systemd does it
LOOKED_AT = 0.5  # seconds from one try to start PostgreSQL to the next
MOVED_CLOCK = BASE_DIR / "tests" / "moved_clock"  # moves the clock of each Python that has it in its path
OPEN = {"opens": dt.time(8, 30), "closes": dt.time(16, 30), "slot_minutes": 30, "quota": 31}  # each day of the week
BOOKED_FROM = dt.timedelta(hours=3)  # ahead: what is booked at six is sent before nine, whatever breaks
# Free places in a slot beyond those that are booked: a statement that finds the last free ones locked comes back empty.
SPARE = crashes.CLIENTS
LOOKS_EVERY = 30  # seconds from one look of the worker at its schedule to the next
LATEST_MESSAGE = LATEST_JOB = 600  # seconds of the machine's, as /readyz has it for messages
# Not the job that sends messages: it lasts a minute, mostly longer than its worker, and late messages tell whether it
# works.
WATCHED = [name for name in jobs.RECURRING if name != "send_notices"]
NIGHT_IS_OVER = 5  # o'clock: by then the jobs of one to three have had their hours
LARGEST_LOG = 50  # megabytes, of all parts together
LARGEST_GROWTH = 1.3  # of memory, from the first fifth of a part to its end


def measure(url: str, *, folder: Path, postgres_folder: Path, faults: int, every: float) -> dict:
    """One part: so many faults, one `every` so many seconds."""
    with _faster_clock(_goes_on_at()):
        # What this process starts writes its tasks' locks by a clock that is as fast as its own.
        return _part(url, folder=folder, postgres_folder=postgres_folder, faults=faults, every=every)


def _goes_on_at() -> dt.datetime:
    """When the last ticket was issued, where that was in a part of before; else six o'clock of the coming morning."""
    now = timezone.localtime()
    last = Ticket.objects.filter(department__slug=database.STORM).aggregate(at=Max("issued_at"))["at"]
    first = (now + dt.timedelta(days=1)).replace(hour=BEGINS_AT, minute=0, second=0, microsecond=0)
    return last if last and last > now else first


@contextlib.contextmanager
def _faster_clock(begins_at: dt.datetime):
    """For the block's duration it is that moment, and SPEED times as fast, here and in every Python started here."""
    since = _machines_time()
    path = [str(MOVED_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = dict(os.environ)
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(path),
        "TEST_CLOCK_OFFSET": str(begins_at.timestamp() - since),
        "TEST_CLOCK_SINCE": str(since),
        "TEST_CLOCK_SPEED": str(SPEED),
    }
    moved = runpy.run_path(str(MOVED_CLOCK / "sitecustomize.py"))["moved"]
    try:
        yield
    finally:
        moved.stop()
        os.environ.clear()
        os.environ.update(kept)


def _part(url: str, *, folder: Path, postgres_folder: Path, faults: int, every: float) -> dict:
    disk, backups = postgres_folder.parent, folder / "soak-backups"
    backups.mkdir(exist_ok=True)
    begun = timezone.now()
    before = _runs()
    office = _office()
    wanted = _wanted(office, crashes.how_many(faults))
    # It lasts a minute of the machine's: begun each minute of the faster clock, it would fill all of the worker.
    Schedule.objects.filter(name="send_notices").update(minutes=SPEED)
    connection.close()
    kinds = [kind for kind in FAULTS if kind != DISK_FULL or disk.is_mount()]
    grown: list[tuple[float, int]] = []
    late: dict[str, float] = {}
    messages_late = [0]
    log = (folder / "soak.log").open("a")
    with fake_line.in_a_process() as line:
        settings = {"LINE_API_BASE": line.url, "DATABASE_URL": url, "BACKUP_DIR": str(backups)}
        settings["DJANGO_SETTINGS_MODULE"] = "bench.soak_settings"
        worker = _start_worker(settings, log)
        moved: dict[str, str] = {}
        try:
            with (
                serving(url, is_quiet=True, **bookings.UNLIMITED) as site,
                counters.at_work(site, office) as served,
            ):
                first = time.monotonic()

                def break_something() -> float:
                    nonlocal worker, moved
                    while time.monotonic() < first + every * (len(grown) + 1):
                        time.sleep(STARTED_AGAIN)
                        if worker.poll() is not None:
                            worker = _start_worker(settings | moved, log)
                    kind = kinds[len(grown) % len(kinds)]
                    grown.append((_megabytes(site), _connections()))
                    _note_late_jobs(late, begun)
                    messages_late.append(_message_late(begun))
                    connection.close()
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
    fifth = max(1, len(grown) // 5)
    at_first, at_last = (max(count for _megabytes_then, count in part) for part in (grown[:fifth], grown[-fifth:]))
    pauses = {kind: round(max(story.pauses[nth :: len(kinds)], default=0), 1) for nth, kind in enumerate(kinds)}
    notices = Notice.objects.filter(created_at__gte=begun)
    figures = {
        "at": dt.datetime.fromtimestamp(_machines_time()).isoformat(timespec="seconds"),
        "office_from": timezone.localtime(begun).isoformat(timespec="seconds"),
        "office_until": timezone.localtime().isoformat(timespec="seconds"),
        "every_s": every,
        **crashes._figures(story, faults),
        "pauses_s": pauses,
        "megabytes": [round(grown[len(grown) // 5][0]), round(grown[-1][0])],
        # The most of the first and of the last fifth: a worker that was just killed has none.
        "connections": [at_first, at_last],
        "log_megabytes": round((folder / "soak.log").stat().st_size / 1e6, 1),
        "served": len(served.finished),
        "answers_at_counters": {str(status): count for status, count in sorted(served.answers.items(), key=str)},
        "days": _days(begun, office, backups),
        "jobs": JobRun.objects.filter(finished_at__gt=begun - dt.timedelta(seconds=SET_BACK)).count(),
        "jobs_late_s": {name: round(late[name]) for name in sorted(late, key=lambda name: -late[name])[:5]},
        "messages": dict(notices.order_by().values_list("state").annotate(Count("pk"))),
        "messages_due": Notice.objects.owed().filter(next_try_at__lte=timezone.now()).count(),
        # At most, and at the end.
        "message_late_s": [max(messages_late), _message_late(begun)],
    }
    figures["broken"] = crashes.lost(story) + counters.broken(served, begun) + _broken(figures)
    if every >= LOOKS_EVERY:
        figures["broken"] += [f"{name} was due and has not run" for name in _missed(before, begun)]
    with (folder / KEPT).open("a") as kept:
        kept.write(json.dumps(figures) + "\n")
    return figures


def _machines_time() -> float:
    return time_machine.escape_hatch.time.time()


def _days(begun: dt.datetime, office: Department, backups: Path) -> dict[str, dict]:
    """What became of each day that ended in this part, and whose night is over."""
    found, now = {}, timezone.localtime()
    date = timezone.localdate(begun)
    while dt.datetime.combine(date + dt.timedelta(days=1), dt.time(NIGHT_IS_OVER), now.tzinfo) <= now:
        following = date + dt.timedelta(days=1)
        tickets = Ticket.objects.filter(queue=office, date=date)
        found[date.isoformat()] = {
            **dict(tickets.order_by().values_list("state").annotate(Count("pk"))),
            "is_counted": SummarisedDay.objects.filter(date=date).exists(),
            "is_backed_up": (backups / backup.NIGHTLY.format(following)).exists(),
            "laid_out": Slot.objects.filter(department=office).aggregate(last=Max("date"))["last"].isoformat(),
        }
        date = following
    return found


def _wrong_with_days(days: dict[str, dict]) -> list[str]:
    wrong = []
    for date, found in days.items():
        wrong += [f"{date}: {found[state]} {state}" for state in LIVE if state in found]
        wrong += [f"{date}: not {what[3:]}" for what in ("is_counted", "is_backed_up") if not found[what]]
    return wrong


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
    was booked for the last days is cancelled."""
    first = timezone.now() + BOOKED_FROM
    while sum(room for _slot, room in _free(office, first)) < count:
        booked = Ticket.objects.live().filter(department=office, slot__starts_at__gte=first)
        for ticket in booked.filter(date=booked.latest("date").date):
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
        slot, room = slots[other]
        wanted.append(bookings.Wanted(member, slot.pk, slot.date))
        slots[other : other + 1] = [(slot, room - 1)] if room > 1 else []
    return wanted


def _free(office: Department, first: dt.datetime) -> list[tuple[Slot, int]]:
    """The first slots that have room, and how many may be booked in each."""
    now = timezone.now()
    slots = Slot.objects.filter(department=office, starts_at__gte=first, bookable_from__lte=now, bookable_until__gt=now)
    slots = slots.annotate(free=Count("places", filter=Q(places__ticket=None))).filter(free__gt=SPARE)
    return [(slot, slot.free - SPARE) for slot in slots.order_by("starts_at")]


def _broken(figures: dict) -> list[str]:
    broken = [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]
    broken += [
        f"no booking for {seconds} s: {kind}"
        for kind, seconds in figures["pauses_s"].items()
        if seconds > crashes.WELL_AGAIN
    ]
    if figures["message_late_s"][0] > LATEST_MESSAGE:
        broken.append(f"a message was {figures['message_late_s'][0]} s late")
    broken += [f"{name} is {late} s late" for name, late in figures["jobs_late_s"].items() if late > LATEST_JOB]
    broken += _wrong_with_days(figures["days"])
    if figures["megabytes"][1] > LARGEST_GROWTH * figures["megabytes"][0]:
        broken.append("memory grows")
    if figures["connections"][1] > 2 * figures["connections"][0]:
        broken.append("connections grow")
    if figures["log_megabytes"] > LARGEST_LOG:
        broken.append("the log is too long")
    return broken


def _note_late_jobs(late: dict[str, float], begun: dt.datetime) -> None:
    """By how many seconds of the machine's each of WATCHED has been late at most; between two parts none runs. The
    worker's clock may be behind."""
    for name, finished_at in (dict.fromkeys(WATCHED, begun) | _runs()).items():
        if name not in WATCHED:
            continue
        due = max(begun, finished_at + dt.timedelta(minutes=jobs.RECURRING[name], seconds=SET_BACK))
        late[name] = max(late.get(name, 0), (timezone.now() - due).total_seconds() / SPEED)


def _message_late(begun: dt.datetime) -> int:
    """By how many seconds of the machine's the oldest unsent message is late; between two parts nobody sends."""
    oldest = ledger.oldest_unsent()
    return round((timezone.now() - max(oldest, begun)).total_seconds() / SPEED) if oldest else 0


def _runs() -> dict[str, dt.datetime]:
    return dict(JobRun.objects.values_list("name", "finished_at"))


def _missed(before: dict[str, dt.datetime], begun: dt.datetime) -> list[str]:
    """Those of WATCHED whose time came in this part, and which have not run in it; its clock may be behind."""
    behind = dt.timedelta(seconds=SET_BACK)
    runs = _runs()
    due = [
        name
        for name in WATCHED
        if name not in before or before[name] + dt.timedelta(minutes=jobs.RECURRING[name]) + 2 * behind < timezone.now()
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
    return {"TEST_CLOCK_OFFSET": str(float(os.environ["TEST_CLOCK_OFFSET"]) - SET_BACK)}


def _start_worker(settings: dict[str, str], log) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "queuesite.launcher.worker"],
        cwd=BASE_DIR,
        env=os.environ | settings,
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
