"""The hour at which tests run.

Every test begins on MORNING and time goes on from there: no test depends on the hour at which somebody runs it. What is
marked `real_clock` keeps the machine's clock, since other processes that it starts have that one; such a test holds at
any hour, on a Saturday too. `TEST_CLOCK=2026-11-28T10:00+07:00` says at which hour it has to: it moves the machine's
clock, as this process and all Python processes started by it see it. PostgreSQL and the browser keep theirs: nothing
may compare these with ours.
"""

import datetime as dt
import os
import time
from pathlib import Path

import pytest
import time_machine

BANGKOK = dt.timezone(dt.timedelta(hours=7))
MORNING = dt.datetime(2026, 11, 23, 7, 30, tzinfo=BANGKOK)  # a Monday, an hour before the office opens
FOR_CHILDREN = Path(__file__).parent / "moved_clock"


def today_at(time: str) -> dt.datetime:
    """A moment of MORNING's day, as "9.15"."""
    hour, minute = time.split(".")
    return MORNING.replace(hour=int(hour), minute=int(minute))


def standing_still(moment: dt.datetime, **options):
    """A fixture: the clock stands at that moment until the test moves it on. Every test can have `clock`, which is
    MORNING's; a file that begins at another moment says `clock = standing_still(today_at("9.00"), autouse=True)`."""

    @pytest.fixture(**options)
    def clock():
        with time_machine.travel(moment, tick=False) as traveller:
            yield traveller

    return clock


def move_the_real_clock() -> None:
    """As TEST_CLOCK says; for the whole life of this process. A process that it starts has been moved already."""
    hour = os.environ.get("TEST_CLOCK")
    if not hour or "TEST_CLOCK_OFFSET" in os.environ:
        return
    offset = dt.datetime.fromisoformat(hour).astimezone().timestamp() - time.time()
    path = [str(FOR_CHILDREN), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ |= {"TEST_CLOCK_OFFSET": str(offset), "PYTHONPATH": os.pathsep.join(path)}
    time_machine.travel(time.time() + offset, tick=True).start()
