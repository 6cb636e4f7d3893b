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
    morning,
    nodes,
    office,
    pace,
    pages,
    report,
    reports,
    soak,
    storm,
    threads,
    way,
    weights,
)
from queuesite.launcher import files

FEW, MANY = 10_000, 10_000_000


def everything(
    parts: list[str],
    *,
    quick: bool,
    tickets: int | None,
    faults: int | None,
    keeps: bool,
    url: str,
    folder: Path,
    postgres_folder: Path,
) -> int:
    """Gives the exit code: 1 where an invariant did not hold or a request made a fault. `postgres_folder` is that of
    the PostgreSQL which `url` names."""
    files.collect(say=say)
    say("Making an office with 1,000 tickets")
    small = database.fresh(url, "bench_small")
    database.use("bench_small")
    database.make_small(tickets=1000)
    connection.close()
    before = _run_before(folder, quick)
    found = {
        "at": timezone.localtime().isoformat(timespec="seconds"),
        "quick": quick,
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "pace_before": pace.nanoseconds(),
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
    if "way" in parts:
        say("\nA member's whole way to a ticket, step by step")
        database.fresh(url, "bench_way", template="bench_small")
        database.use("bench_way")
        found["way"] = way.measure(rounds=5 if quick else 30)
        connection.close()
        report.way(found["way"])
    if "crashes" in parts:
        say("\nWeb workers killed, PostgreSQL stopped at once, while members book")
        crashes_url = database.fresh(url, "bench_crashes", template="bench_small")
        database.use("bench_crashes")
        size = {"kills": 5, "restarts": 2} if quick else {"kills": 100, "restarts": 20}
        found["crashes"] = crashes.measure(crashes_url, folder=postgres_folder, **size)
        connection.close()
        report.crashes(found["crashes"])
    if "nodes" in parts:
        found["nodes"] = _nodes(url, quick=quick)
    if {"pages", "reports", "history"} & {*parts}:
        size = {"few": 2_000 if quick else FEW, "many": tickets or (20_000 if quick else MANY)}
        _histories(parts, found, **size, quick=quick, keeps=keeps, url=url, folder=folder)
    _lesser(parts, found, quick=quick, url=url, small=small, folder=folder)
    found |= {"morning": _morning(url, quick=quick, folder=folder)} if "morning" in parts else {}
    if "threads" in parts:
        say("\nBookings with 1, 2, 4 and 8 threads in each web process")
        threads_url = database.fresh(url, "bench_threads", template="bench_small")
        database.use("bench_threads")
        size = {"count": 700, "rounds": 1} if quick else {"count": 1400, "rounds": 3}
        found["threads"] = threads.measure(threads_url, workspace=folder, **size)
        connection.close()
        report.threads(found["threads"])
    if "soak" in parts:
        size = {"faults": faults or 12, "every": 8} if quick else {"faults": faults or 120, "every": 30}
        found["soak"] = _soak(url, **size, folder=folder, postgres_folder=postgres_folder)
    found["load_after"], found["pace_after"] = os.getloadavg()[0], pace.nanoseconds()
    command = " ".join(["python -m bench", *sys.argv[1:]])
    report.all_judged(f"{command} (load {found['load_before']:.1f} before, {found['load_after']:.1f} after)")
    report.apart(before)
    paces = f"{found['pace_before']:.0f} and {found['pace_after']:.0f}"
    say(f"A call of a function in Python took {paces} ns before and after; {_pace_before(folder)} in the run before.")
    found["judged"] = [dict(zip(("what", "figure", "aim"), one[:3], strict=True)) for one in report.JUDGED]
    kept = folder / f"{timezone.localtime():%Y%m%d-%H%M%S}.json"
    kept.write_text(json.dumps(found, indent=2, ensure_ascii=False))
    say(f"\nKept in {kept.relative_to(settings.BASE_DIR)}")
    return int(_went_wrong(found))


def _histories(
    parts: list[str], found: dict, *, few: int, many: int, quick: bool, keeps: bool, url: str, folder: Path
) -> None:
    """What an office of few and of many tickets have to say for themselves, by turns."""
    say(f"\nOffices with {few:,} and {many:,} tickets (a quarter of an hour and 15 GB for ten million)")
    names = ("quick_few", "quick_many") if quick else ("bench_few", "bench_many")
    made = {names[0]: database.history(url, names[0], few, template="bench_small", a_slot=database.A_SLOT)}
    made[names[1]] = database.history(url, names[1], many, template=names[0], a_slot=database.A_SLOT_OF_OLD)
    rounds = 1 if quick else 8
    try:
        if "reports" in parts:
            found["counting"] = {name: reports.count(name) for name in made}
            report.counting(found["counting"])
        if "pages" in parts:
            found["pages"] = pages.measure(*made.values(), rounds=rounds, workspace=folder)
            connection.close()
            report.pages(found["pages"])
        if "reports" in parts:
            found["reports"] = reports.measure(*made, rounds=rounds)
            report.history(found["reports"])
        if "history" in parts:
            found["history"] = history.measure(*made, rounds=rounds)
            report.history(found["history"])
    finally:
        database.leave_turns()
        if not keeps:
            database.drop(url, *made)


def _lesser(parts: list[str], found: dict, *, quick: bool, url: str, small: str, folder: Path) -> None:
    """What no storm is needed for."""
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


def _run_before(folder: Path, quick: bool) -> dict[str, float]:
    """What the latest run of this kind on this machine came to, each figure by what it is; of several runs, where the
    last one did not measure all."""
    figures: dict[str, float] = {}
    for found in _kept(folder):
        if (found.get("quick"), found.get("cores")) == (quick, os.cpu_count()):
            figures |= {one["what"]: one["figure"] for one in found.get("judged", [])}
    return figures


def _pace_before(folder: Path) -> str:
    """That of the latest run on this machine, of whatever kind."""
    paces = [found["pace_after"] for found in _kept(folder) if "pace_after" in found]
    return f"{paces[-1]:.0f}" if paces else "not known"


def _kept(folder: Path) -> list[dict]:
    """What earlier runs have kept, the latest last."""
    return [json.loads(one.read_text()) for one in sorted(folder.glob("*.json"))]


def _morning(url: str, *, quick: bool, folder: Path) -> dict:
    say("\nA hundredth of a national morning")
    morning_url = database.fresh(url, "bench_morning", template="bench_small")
    database.use("bench_morning")
    found = morning.measure(morning_url, count=700 if quick else 10_010, workspace=folder)
    connection.close()
    report.morning(found)
    return found


def _nodes(url: str, *, quick: bool) -> dict:
    say("\nTwo nodes behind one nginx, restarted and killed, while members book")
    nodes_url = database.fresh(url, "bench_nodes", template="bench_small")
    database.use("bench_nodes")
    size = {"restarts": 3, "kills": 1} if quick else {"restarts": 20, "kills": 10}
    found = nodes.measure(nodes_url, **size)
    connection.close()
    report.nodes(found)
    return found


def _soak(url: str, *, faults: int, every: float, folder: Path, postgres_folder: Path) -> dict:
    say("\nA simulated day: a fault, and on it goes")
    soak_url = database.same_or_fresh(url, "bench_soak", template="bench_small")
    database.use("bench_soak")
    call_command("migrate", interactive=False, verbosity=0)  # it may be of an earlier release
    found = soak.measure(soak_url, folder=folder, postgres_folder=postgres_folder, faults=faults, every=every)
    connection.close()
    report.soak(found)
    return found


def _went_wrong(found: dict) -> bool:
    if any(
        found.get(part, {}).get("broken")
        for part in ("storm", "office", "crashes", "nodes", "machine", "morning", "soak")
    ):
        return True
    storms = found["storm"]["storms"].values() if "storm" in found else []
    if any(way["errors"] for ways in storms for way in ways.values()):
        return True
    return "office" in found and office.has_faults(found["office"])


def say(line: str) -> None:
    print(line, flush=True)
