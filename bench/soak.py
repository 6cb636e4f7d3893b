"""A long day with a fault every so often: what is left of it, and whether anything grows.

Members book at a steady rate while, one after the other, a web worker is killed, the background worker is killed,
PostgreSQL is stopped at once, and LINE hangs. One call is a part; the database stays, so that the next call goes on
where this one ended, and var/bench/soak.jsonl gets a line for each part.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from django.db import connection
from django.utils import timezone

from bench import crashes
from bench.servers import Server, serving
from booking import invariants
from booking.models import Notice
from queuesite.demo import fake_line
from queuesite.launcher.postgres import BASE_DIR

KEPT = "soak.jsonl"
A_FAULT = 100  # bookings from one fault to the next; crashes.py has two hundred ready
LARGEST_GROWTH = 1.3  # of memory, from the first fifth of a part to its end


def measure(url: str, *, folder: Path, postgres_folder: Path, faults: int, every: float) -> dict:
    """One part: so many faults, one `every` so many seconds."""
    grown: list[tuple[float, int]] = []
    log = (folder / "soak.log").open("a")
    with fake_line.in_a_process() as line:
        settings = {"LINE_API_BASE": line.url, "LINE_CHANNEL_ACCESS_TOKEN": "fake-access-token", "DATABASE_URL": url}
        worker = _start_worker(settings, log)
        try:
            with serving(url, is_quiet=True) as site:

                def break_something() -> float:
                    nonlocal worker
                    time.sleep(every)
                    grown.append((_megabytes(site), _connections()))
                    nth = len(grown) % 4
                    if nth == 0:
                        return crashes._stop_at_once(postgres_folder)
                    if nth == 1:
                        return crashes._kill_a_worker(site)
                    if nth == 2:
                        _end(worker, signal.SIGKILL)
                        worker = _start_worker(settings, log)
                    else:
                        line.post("faults", times=5, before=every / 2)
                    return time.monotonic()

                story = crashes._under_load(site, break_something, faults=faults, a_second=A_FAULT / every)
        finally:
            _end(worker, signal.SIGTERM)
    connection.close()
    figures = {
        "at": timezone.localtime().isoformat(timespec="seconds"),
        "every_s": every,
        **crashes._figures(story, faults),
        "megabytes": [round(grown[len(grown) // 5][0]), round(grown[-1][0])],
        "connections": [grown[len(grown) // 5][1], grown[-1][1]],
        "log_megabytes": round((folder / "soak.log").stat().st_size / 1e6, 1),
        "messages": {state: Notice.objects.filter(state=state).count() for state in ("owed", "sent")},
    }
    figures["broken"] = [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]
    figures["broken"] += crashes.lost(story)
    if figures["megabytes"][1] > LARGEST_GROWTH * figures["megabytes"][0]:
        figures["broken"].append("memory grows")
    with (folder / KEPT).open("a") as kept:
        kept.write(json.dumps(figures) + "\n")
    return figures


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
    worker.wait(20)


def _megabytes(site: Server) -> float:
    return sum(one.memory_info().rss for one in site.process.children(recursive=True)) / 1e6


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        count = cursor.fetchone()[0]
    connection.close()
    return count
