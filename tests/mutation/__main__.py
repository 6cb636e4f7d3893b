"""Changes the rules on purpose, one small change at a time, and says which of them no test notices: `make mutate`.

    python -m tests.mutation [--room verbs] [--sample 60] [--seed 1] [--workers 2]

Of all changes that changes.py can make in a room, a seeded sample is drawn: the same seed draws the same changes as
long as the code is the same. Each worker has a copy of the checkout with a database of its own, and runs the room's
tests until the first that fails. Run by hand: it takes an hour or more for all rooms.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutation.changes import Change, changes_of
from tests.mutation.rooms import ROOMS, Room

ROOT = Path(__file__).resolve().parents[2]
COPIES = ROOT / "var" / "mutation"
LONGEST = 20 * 60  # seconds; a change that makes the tests run on and on has been noticed


def main() -> int:
    options = _options()
    copies = SimpleQueue()
    for nth in range(options.workers):
        copies.put(_copy(COPIES / str(nth)))
    share = {}
    for name in options.room or ROOMS:
        share[name] = _try_room(name, ROOMS[name], options, copies)
    print(
        "\nKilled: " + ", ".join(f"{name} {killed} of {of} ({killed / of:.0%})" for name, (killed, of) in share.items())
    )
    return 0


def _options():
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--room", action="append", choices=ROOMS, help="this room alone; may be given again")
    parser.add_argument("--sample", type=int, default=60, help="so many changes a room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _copy(folder: Path) -> Path:
    """The checkout as it is now, what is not committed too. Its databases stay from one time to the next."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def _try_room(name: str, room: Room, options, copies) -> tuple[int, int]:
    """How many of the room's changes were killed, and of how many. Says each at once, and shows the survivors last."""
    possible = [change for path in room.files(ROOT) for change in changes_of(path, ROOT)]
    drawn = random.Random(f"{options.seed} {name}").sample(possible, min(options.sample, len(possible)))
    print(f"\n{name}: {len(drawn)} of {len(possible)} possible changes", flush=True)
    _require_green(room, copies)
    with ThreadPoolExecutor(options.workers) as pool:
        survived = [change for change in pool.map(lambda change: _survives(change, room, copies), drawn) if change]
    for change in survived:
        print(f"\nSURVIVED {change}\n{change.diff()}", flush=True)
    return len(drawn) - len(survived), len(drawn)


def _require_green(room: Room, copies) -> None:
    copy = copies.get()
    began = time.monotonic()
    done = _run_tests(room, copy)
    copies.put(copy)
    if done != 0:
        sys.exit("The room's tests fail without any change.")
    print(f"its tests take {time.monotonic() - began:.0f} s", flush=True)


def _survives(change: Change, room: Room, copies) -> Change | None:
    copy = copies.get()
    path = copy / change.path
    path.write_text(change.changed)
    try:
        killed = _run_tests(room, copy) != 0
    finally:
        path.write_text(change.source)
        copies.put(copy)
    print(f"{'killed  ' if killed else 'SURVIVED'} {change}", flush=True)
    return None if killed else change


def _run_tests(room: Room, copy: Path) -> int:
    """The exit code of pytest, or -1 where it took too long."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow and not browser and not race and not long"]
    environment = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
    try:
        done = subprocess.run(
            [*command, *room.tests], cwd=copy, env=environment, capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return -1
    if done.returncode not in (0, 1, 2):
        sys.exit(f"pytest could not run:\n{done.stdout}\n{done.stderr}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
