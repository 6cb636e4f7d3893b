"""One run: make the databases, measure what was asked for, print it and keep it."""

import json
import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bench import (
    consoles,
    crashes,
    database,
    front,
    history,
    imports,
    machine,
    nodes,
    office,
    pages,
    report,
    reports,
    soak,
    storm,
    weights,
)
from queuesite.launcher import files


def everything(parts: list[str], *, quick: bool, tickets: int | None, url: str, folder: Path) -> int:
    """Gives the exit code: 1 where an invariant did not hold or a request made a fault."""
    files.collect(say=say)
    say("Making an office with 1,000 tickets")
    small = database.fresh(url, "bench_small")
    database.use("bench_small")
    database.make_small(tickets=1000)
    connection.close()
    found = {
        "at": timezone.localtime().isoformat(timespec="seconds"),
        "quick": quick,
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }
    say(f"{found['cores']} cores, load {found['load_before']:.1f}" + (" (a smoke run)" if quick else ""))
    if "storm" in parts:
        say("Storms of bookings")
        storm_url = database.fresh(url, "bench_storm", template="bench_small")
        database.use("bench_storm")
        size = {"count": 1400, "rounds": 1} if quick else {"count": 7000, "rounds": 5}
        found["storm"] = storm.measure(storm_url, workspace=folder, **size)
        connection.close()
        report.storm(found["storm"])
    if "office" in parts:
        say("\nThe office: calls, boards, open pages")
        office_url = database.fresh(url, "bench_office", template="bench_small")
        database.use("bench_office")
        size = {"calls": 200, "rounds": 1, "seconds": 8, "storm": 700}
        size = size if quick else {"calls": 1000, "rounds": 3, "seconds": 40, "storm": 7000}
        found["office"] = office.measure(office_url, workspace=folder, **size)
        connection.close()
        report.office(found["office"])
    if "consoles" in parts:
        say("\nPages that stay open, after a change, with few and with many who wait")
        database.fresh(url, "bench_consoles", template="bench_small")
        database.use("bench_consoles")
        found["consoles"] = consoles.measure(crowds=[200, 1000 if quick else 5000], rounds=5 if quick else 30)
        connection.close()
        report.consoles(found["consoles"])
    if "crashes" in parts:
        say("\nWeb workers killed, PostgreSQL stopped at once, while members book")
        crashes_url = database.fresh(url, "bench_crashes", template="bench_small")
        database.use("bench_crashes")
        size = {"kills": 5, "restarts": 2} if quick else {"kills": 100, "restarts": 20}
        found["crashes"] = crashes.measure(crashes_url, folder=folder.parent / "bench-postgres", **size)
        connection.close()
        report.crashes(found["crashes"])
    if "nodes" in parts:
        found["nodes"] = _nodes(url, quick=quick)
    if "pages" in parts:
        many = 20_000 if quick else 1_000_000
        say(f"\nMaking the same office with {many:,} tickets (a minute or two for a million)")
        large = database.fresh(url, "bench_large", template="bench_small")
        database.add_history(large, many)
        found["pages"] = pages.measure(small, large, rounds=1 if quick else 8, workspace=folder)
        connection.close()
        report.pages(found["pages"])
    _lesser(parts, found, quick=quick, tickets=tickets, url=url, small=small, folder=folder)
    found |= {"soak": _soak(url, quick=quick, folder=folder)} if "soak" in parts else {}
    found["load_after"] = os.getloadavg()[0]
    command = " ".join(["python -m bench", *sys.argv[1:]])
    report.all_judged(f"{command} (load {found['load_before']:.1f} before, {found['load_after']:.1f} after)")
    found["judged"] = [dict(zip(("what", "figure", "aim"), one[:3], strict=True)) for one in report.JUDGED]
    kept = folder / f"{timezone.localtime():%Y%m%d-%H%M%S}.json"
    kept.write_text(json.dumps(found, indent=2, ensure_ascii=False))
    say(f"\nKept in {kept.relative_to(settings.BASE_DIR)}")
    return int(_went_wrong(found))


def _lesser(
    parts: list[str], found: dict, *, quick: bool, tickets: int | None, url: str, small: str, folder: Path
) -> None:
    """What no storm is needed for."""
    if "reports" in parts:
        sizes = {"bench_few": 2_000 if quick else 10_000, "bench_many": tickets or (4_000 if quick else 1_000_000)}
        say(f"\nReports, with {' and '.join(f'{size:,}' for size in sizes.values())} tickets")
        for name, size in sizes.items():
            database.add_history(database.fresh(url, name, template="bench_small"), size)
        found["reports"] = reports.measure(*sizes, rounds=1 if quick else 8)
        report.reports(found["reports"])
    if "history" in parts:
        many = tickets or (20_000 if quick else 1_000_000)
        say(f"\nWhat grows with history, with {many:,} tickets")
        database.add_history(database.fresh(url, "bench_history", template="bench_small"), many)
        found["history"] = history.measure("bench_small", "bench_history", rounds=2 if quick else 8)
        report.history(found["history"])
    if "front" in parts:
        say("\nThe nginx in front")
        size = {"count": 2000, "rounds": 1} if quick else {"count": 4000, "rounds": 4}
        found["front"] = front.measure(small, workspace=folder, **size)
        report.front(found["front"])
    if "weights" in parts:
        found["weights"] = weights.measure(small)
        report.weights(found["weights"])
    if "imports" in parts:
        rows = 2_000 if quick else 50_000
        say(f"\nMembers from a file, {rows:,} rows")
        imports_url = database.fresh(url, "bench_imports", template="bench_small")
        found["imports"] = imports.measure(imports_url, rows=rows)
        report.imports(found["imports"])
    if "machine" in parts:
        steps = 1_000 if quick else 100_000
        say(f"\nAny sequence of verbs, {steps:,} steps (a quarter of an hour for 100,000)")
        found["machine"] = machine.measure(steps=steps)
        report.machine(found["machine"])


def _nodes(url: str, *, quick: bool) -> dict:
    say("\nTwo nodes behind one nginx, restarted and killed, while members book")
    nodes_url = database.fresh(url, "bench_nodes", template="bench_small")
    database.use("bench_nodes")
    size = {"restarts": 2, "kills": 1} if quick else {"restarts": 20, "kills": 10}
    found = nodes.measure(nodes_url, **size)
    connection.close()
    report.nodes(found)
    return found


def _soak(url: str, *, quick: bool, folder: Path) -> dict:
    say("\nA part of a long day: a fault, and on it goes")
    soak_url = database.same_or_fresh(url, "bench_soak", template="bench_small")
    database.use("bench_soak")
    call_command("migrate", interactive=False, verbosity=0)  # it may be of an earlier release
    size = {"faults": 8, "every": 8} if quick else {"faults": 100, "every": 30}
    found = soak.measure(soak_url, folder=folder, postgres_folder=folder.parent / "bench-postgres", **size)
    connection.close()
    report.soak(found)
    return found


def _went_wrong(found: dict) -> bool:
    if any(found.get(part, {}).get("broken") for part in ("storm", "office", "crashes", "nodes", "machine", "soak")):
        return True
    storms = found["storm"]["storms"].values() if "storm" in found else []
    if any(way["errors"] for ways in storms for way in ways.values()):
        return True
    return "office" in found and office.has_faults(found["office"])


def say(line: str) -> None:
    print(line, flush=True)
