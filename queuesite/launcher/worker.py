"""The worker under watch: `python -m queuesite.launcher.worker` runs django-q's cluster, ends it, and restarts it if it
hangs.

When told to end, django-q waits for its processes one after the other. If the signal reached them too (systemd sends it
to all), some waited forever. Here everything that has not ended after STOP_SECONDS is killed. A cluster that lives but
does nothing is as bad as a dead one: without a heartbeat for HUNG_SECONDS while the database answers, it is ended and
restarted. (All machines share one heartbeat: if several run workers, a hung one is noticed once no other beats.)

django-q runs a job once the time that it has written down has come. After the machine's clock was set back it would run
none for as long: here such times are found, and forgotten.
"""

import argparse
import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import psycopg

STOP_SECONDS = 3  # alone django-q takes two
HUNG_SECONDS = 240  # the heartbeat comes each minute
TICK_SECONDS = 0.5
# Beyond a job's own interval. Machines' clocks differ by less; nor does it matter that a job is so late.
AHEAD = dt.timedelta(minutes=1)
COMMAND = [sys.executable, "manage.py", "work"]


class Hung(Exception):
    """The cluster lives and does nothing."""


def watch(command: list[str], *, beat: Callable[[], object], hung_after: float = HUNG_SECONDS) -> int:
    """Run `command` until it ends or we are told to end. Returns its exit code. `beat` returns something that changes
    as long as work goes on. It may raise while nobody can tell."""
    told = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: told.append(number))
    while True:
        # In our own group where we lead one: who ends that (`make run`, when we were killed) ends all of it.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=not _leads())
        try:
            return _attend(process, told, beat, hung_after)
        except Hung:
            print(f"The worker has done nothing for {hung_after:.0f} seconds; starting it again", flush=True)
        finally:
            _end(process)


def _attend(process, told: list, beat, hung_after: float) -> int:
    seen, since = None, time.monotonic()
    look_at = 0.0
    while not told:
        if process.poll() is not None:
            return process.returncode
        if time.monotonic() >= look_at:
            look_at = time.monotonic() + hung_after / 8
            try:
                now = beat()
            except Exception:  # if we cannot know, that is no sign that the worker hangs
                now = time.monotonic()
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > hung_after:
                raise Hung
        time.sleep(TICK_SECONDS)
    return 0


def _end(process: subprocess.Popen) -> None:
    """Ask the first process, give all of its session time, kill what is left."""
    number = os.getpgrp() if _leads() else process.pid
    group = [one for one in psutil.process_iter() if _group_of(one.pid) == number and one.pid != os.getpid()]
    process.terminate()
    _, alive = psutil.wait_procs(group, timeout=STOP_SECONDS)
    for one in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


def _leads() -> bool:
    return os.getpgrp() == os.getpid()


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _heartbeat():
    """When the worker last gave a sign of life, from the database; jobs that a clock of before has put off are due
    now. On its own connection: this process has not loaded the applications, and needs none of them."""
    from django.db import connection

    with psycopg.connect(**connection.get_connection_params()) as direct:
        _forget_a_clock_of_before(direct)
        return direct.execute("SELECT finished_at FROM booking_jobrun WHERE name = 'heartbeat'").fetchone()


def _forget_a_clock_of_before(direct: psycopg.Connection) -> None:
    """Each job whose next run is further away than its interval is due now, by this machine's clock, which is
    django-q's too. What a worker that has died had taken is not locked for longer than django-q locks anything."""
    from django.conf import settings

    values = {
        "now": dt.datetime.now(dt.UTC),
        "ahead": AHEAD,
        "locked": AHEAD + dt.timedelta(seconds=settings.Q_CLUSTER["retry"]),
    }
    put_off = direct.execute(
        """
        UPDATE django_q_schedule SET next_run = %(now)s
        WHERE schedule_type = 'I' AND next_run > %(now)s + %(ahead)s + make_interval(mins => minutes)
        """,
        values,
    )
    taken = direct.execute(
        "UPDATE django_q_ormq SET lock = %(now)s WHERE lock > %(now)s + %(locked)s",
        values,
    )
    if put_off.rowcount or taken.rowcount:
        jobs = f"{put_off.rowcount} jobs are due now instead of later, {taken.rowcount} that were begun are free again"
        print(f"The clock has been set back: {jobs}", flush=True)


def main() -> None:
    argparse.ArgumentParser(prog="python -m queuesite.launcher.worker", description="The worker, watched.").parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "queuesite.settings")
    os.environ["PROCESS_KIND"] = "worker"
    sys.exit(watch(COMMAND, beat=_heartbeat))


if __name__ == "__main__":
    main()
