"""Changes the rules on purpose, one small change at a time, and says which of them no test notices: `make mutate`.

    python -m tests.mutation [--room verbs] [--sample 60] [--seed 1] [--again] [--only booking/verbs/places.py:120]

Of all changes that changes.py can make in a room, a seeded sample is drawn: the same seed draws the same changes as
long as the code is the same. warm.py tries them in one process. What cannot be shown there is tried in a process of
its own, which imports the changed module; verdict.py says what counts as killed. `--again`
tries those of the same sample that were not killed the last time, after a test was written for them.
"""

import argparse
import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

from tests.mutation.changes import Change, changes_of
from tests.mutation.rooms import ROOMS, Room
from tests.mutation.verdict import environment_with, verdict
from tests.mutation.warm import Job

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "var" / "mutation"
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
    parser.add_argument("--again", action="store_true", help="of the sample, what was not killed the last time")
    parser.add_argument("--only", action="append", help="of the sample, changes that begin so; may be given again")
    parser.add_argument(
        "--seconds", type=int, default=300, help="how long the tests of a change may take in one process"
    )
    return parser.parse_args()


def _try_room(name: str, room: Room, options) -> tuple[int, int]:
    """How many of the room's changes were killed, and of how many. Says each, and shows what was not as it is found."""
    files = room.files(ROOT)
    possible = [change for path in files for change in changes_of(path, ROOT)]
    drawn = random.Random(f"{options.seed} {name}").sample(possible, min(options.sample, len(possible)))
    if options.only:
        drawn = [change for change in drawn if str(change).startswith(tuple(options.only))]
    outcomes = dict.fromkeys(map(Change.digest, drawn), "")
    file = KEPT / f"{name}-outcomes.json"
    if options.again:
        outcomes = json.loads(file.read_text())
        if set(outcomes) != {change.digest() for change in drawn}:
            sys.exit(f"{file} is of another sample, or the code has changed.")
    left = [change for change in drawn if outcomes[change.digest()] != "killed"]
    print(f"\n{name}: {len(left)} of {len(drawn)} drawn from {len(possible)} possible changes", flush=True)
    job = Job(
        changes=left,
        modules=[str(path.relative_to(ROOT)) for path in files],
        reached=KEPT / f"{name}-reached.json",
        results=KEPT / f"{name}-results",
        seconds=options.seconds,
    )
    results = _warm(name, room, job)
    outcomes |= {change.digest(): result["outcome"] for change, result in zip(left, results, strict=True)}
    file.write_text(json.dumps(outcomes))
    for change, result in zip(left, results, strict=True):
        if result["outcome"] == "cold":
            outcome, by = verdict(change, result["tests"], KEPT / name)
            print(change.told(outcome, by), flush=True)
            outcomes[change.digest()] = outcome
            file.write_text(json.dumps(outcomes))
    return list(outcomes.values()).count("killed"), len(drawn)


def _warm(name: str, room: Room, job: Job) -> list[dict]:
    """What warm.py found for each change, which it has said already."""
    file = KEPT / f"{name}-job"
    file.write_bytes(pickle.dumps(job))
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation.warm", "-q", "-m", FAST, *room.tests]
    job.results.unlink(missing_ok=True)
    while not job.results.exists():  # a process that had to measure tests tries nothing
        done = subprocess.run(command, cwd=ROOT, env=environment_with(MUTATION_JOB=str(file)), check=False)
        if done.returncode != 0:
            sys.exit("The tests could not be run.")
    return [json.loads(line) for line in job.results.read_text().splitlines()]


if __name__ == "__main__":
    sys.exit(main())
