"""Measures the service: python -m bench [--quick] [storm] [office] [consoles] [way] [crashes] [nodes] [pages]
[reports] [history] [front] [weights] [imports] [machine] [threads] [morning] [soak]

A database and a web server of its own (var/bench-postgres, var/bench; the soak's on a small disk, var/bench/soak),
durable commits. Prints tables, keeps them as JSON in var/bench/, and ends with 1 where an invariant did not hold or a
request made a fault. docs/performance.md says what is measured and why.
"""

import argparse
import contextlib
import os
import re
import sys

from bench import small_disk
from queuesite.launcher import postgres

PARTS = [
    "storm",
    "office",
    "consoles",
    "way",
    "crashes",
    "nodes",
    "pages",
    "reports",
    "history",
    "front",
    "weights",
    "imports",
    "machine",
]
ASKED_FOR = ["threads", "morning", "soak"]  # only where they are named; a part of the soak takes an hour


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, *ASKED_FOR, []], help="what to measure; everything where none is named"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: small numbers, figures that mean little")
    parser.add_argument(
        "--tickets",
        type=int,
        help="how many the larger office of pages, reports and history has; ten million where not given",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep both offices, and take them as the last run with --keep left them"
    )
    parser.add_argument(
        "--faults", type=int, help="how many a part of the soak has, at most 190; 120 where not given: a day"
    )
    options = parser.parse_args()
    if options.faults is not None and not 1 <= options.faults <= 190:
        parser.error("--faults: 1 to 190; each takes a hundred members, who book once in a part")
    if "soak" in options.parts and options.parts != ["soak"]:
        parser.error("soak runs by itself: it fills its disk")
    folder = _environment()
    with contextlib.ExitStack() as stack:
        soaks = options.parts == ["soak"]
        at = (stack.enter_context(small_disk.mounted(folder, "soak")) if soaks else folder.parent) / "bench-postgres"
        os.environ["DATABASE_URL"] = url = stack.enter_context(postgres.running(at, database="bench"))
        import django

        django.setup()
        from bench import run

        size = {"quick": options.quick, "tickets": options.tickets, "faults": options.faults, "keeps": options.keep}
        sys.exit(run.everything(options.parts or PARTS, **size, url=url, folder=folder, postgres_folder=at))


def _environment():
    """Settings keep their defaults in demo mode: nothing of the machine's environment or of `.env` counts."""
    for name in re.findall(r"^#? ?([A-Z_]+)=", (postgres.BASE_DIR / ".env.example").read_text(), flags=re.MULTILINE):
        os.environ.pop(name, None)
    folder = postgres.BASE_DIR / "var" / "bench"
    (folder / "static").mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "queuesite.settings",
        "DEMO": "on",
        "ENV_FILE": os.devnull,
        "LOG_LEVEL": "ERROR",
        "VAR_DIR": str(folder),
        # So that a booking owes its message, as in an office with LINE. No worker runs: nothing is sent.
        "LINE_CHANNEL_ACCESS_TOKEN": "bench",
    }
    return folder


if __name__ == "__main__":
    main()
