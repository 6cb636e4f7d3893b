"""Changes the rules on purpose, one small change at a time, and says which of them no test notices: `make mutate`.

    python -m tests.mutation [--room verbs] [--sample 60] [--seed 1] [--only booking/verbs/places.py:120]

Of all changes that changes.py can make in a room, a seeded sample is drawn: the same seed draws the same changes as
long as the code is the same. warm.py tries them in one process. What survives there, or cannot be shown there, is tried
once more in a process of its own, which imports the changed module.
"""

import argparse
import json
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

from tests.mutation.changes import Change, changes_of
from tests.mutation.rooms import ROOMS, Room
from tests.mutation.warm import Job

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "mutation"
LONGEST = 10 * 60  # seconds; a change that makes the tests run on and on has been noticed
FAST = "not slow and not browser and not race and not long and not real_clock"


def main() -> int:
    options = _options()
    KEPT.mkdir(parents=True, exist_ok=True)
    share = {}
    for name in options.room or ROOMS:
        share[name] = _try_room(name, ROOMS[name], options)
    print(
        "\nKilled: "
        + ", ".join(f"{name} {killed} of {of} ({killed / max(of, 1):.0%})" for name, (killed, of) in share.items())
    )
    return 0


def _options():
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--room", action="append", choices=ROOMS, help="this room alone; may be given again")
    parser.add_argument("--sample", type=int, default=60, help="so many changes a room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="of the sample, changes that begin so; may be given again")
    parser.add_argument("--seconds", type=int, default=60, help="how long the tests of a change may take")
    return parser.parse_args()


def _try_room(name: str, room: Room, options) -> tuple[int, int]:
    """How many of the room's changes were killed, and of how many. Says each, and shows the survivors last."""
    files = room.files(ROOT)
    possible = [change for path in files for change in changes_of(path, ROOT)]
    drawn = random.Random(f"{options.seed} {name}").sample(possible, min(options.sample, len(possible)))
    if options.only:
        drawn = [change for change in drawn if str(change).startswith(tuple(options.only))]
    print(f"\n{name}: {len(drawn)} of {len(possible)} possible changes", flush=True)
    job = Job(
        changes=drawn,
        modules=[str(path.relative_to(ROOT)) for path in files],
        reached=KEPT / f"{name}-reached.json",
        results=KEPT / f"{name}-results",
        seconds=options.seconds,
    )
    survived = []
    for change, (outcome, tests) in zip(drawn, _warm(name, room, job), strict=True):
        if outcome != "killed" and tests:
            outcome = _cold(name, change, tests)
        print(f"{outcome:8} {change}", flush=True)
        if outcome != "killed":
            survived.append(change)
    for change in survived:
        print(f"\nSURVIVED {change}\n{change.diff()}", flush=True)
    return len(drawn) - len(survived), len(drawn)


def _warm(name: str, room: Room, job: Job) -> list[tuple[str, list[str]]]:
    file = KEPT / f"{name}-job"
    file.write_bytes(pickle.dumps(job))
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation.warm", "-q", "-m", FAST, *room.tests]
    done = subprocess.run(command, cwd=ROOT, env=_environment(MUTATION_JOB=str(file)), check=False)
    if done.returncode != 0:
        sys.exit("The tests could not be run.")
    results = map(json.loads, job.results.read_text().splitlines())
    return [(result["outcome"], result["tests"]) for result in results]


def _cold(name: str, change: Change, tests: list[str]) -> str:
    file = KEPT / f"{name}-change"
    file.write_bytes(pickle.dumps(change))
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation.cold", "-x", "-q", *tests]
    environment = _environment(MUTATION_CHANGE=str(file))
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return "killed"
    if done.returncode not in (0, 1, 2, 3, 4):
        sys.exit(f"pytest could not run:\n{done.stdout}\n{done.stderr}")
    return "survived" if done.returncode == 0 else "killed"


def _environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"} | more


if __name__ == "__main__":
    sys.exit(main())
