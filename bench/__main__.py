"""Measures the service: python -m bench [--quick] [storm] [office] [consoles] [crashes] [nodes] [pages]
[reports] [history] [front] [weights] [imports] [machine] [soak]

A database and a web server of its own (var/bench-postgres, var/bench), durable commits. Prints tables, keeps them as
JSON in var/bench/, and ends with 1 where an invariant did not hold or a request made a fault. docs/performance.md says
what is measured and why.
"""

import argparse
import os
import re
import sys

from queuesite.launcher import postgres

PARTS = [
    "storm",
    "office",
    "consoles",
    "crashes",
    "nodes",
    "pages",
    "reports",
    "front",
    "weights",
    "imports",
    "machine",
]
ASKED_FOR = ["soak"]  # an hour for each part, and only where it is named


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, *ASKED_FOR, []], help="what to measure; everything where none is named"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run: small numbers, figures that mean little")
    parser.add_argument(
        "--tickets", type=int, help="how many the larger database of reports and history has; a million where not given"
    )
    options = parser.parse_args()
    folder = _environment()
    with postgres.running(folder.parent / "bench-postgres", database="bench") as url:
        os.environ["DATABASE_URL"] = url
        import django

        django.setup()
        from bench import run

        size = {"quick": options.quick, "tickets": options.tickets}
        sys.exit(run.everything(options.parts or PARTS, **size, url=url, folder=folder))


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
