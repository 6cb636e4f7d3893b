"""How many threads a web process should have: bookings by the API with 1, 2, 4 and 8, by turns, on one slot and on a
week, while the machine does nothing else and while it does."""

import contextlib
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench import bookings, storm
from bench.servers import serving

THREADS = [1, 2, 4, 8]
BUSY = "while True: pass"


def measure(url: str, *, count: int, rounds: int, workspace: Path) -> dict:
    """Book `count` places in each of `rounds` turns of each number of threads."""
    found = {
        load: {shape: {threads: storm.Way() for threads in THREADS} for shape in storm.SHAPES}
        for load in ("alone", "beside two busy processes")
    }
    with contextlib.ExitStack() as servers:
        serve = {n: servers.enter_context(serving(url, threads=n, **bookings.UNLIMITED)) for n in THREADS}
        for server in serve.values():
            _turn(server, "a week", storm.Way(), count=len(THREADS) * storm.CLIENTS, workspace=workspace)
        for load, shapes in found.items():
            with contextlib.ExitStack() as beside:
                if load != "alone":
                    for _ in range(2):
                        busy = beside.enter_context(subprocess.Popen([sys.executable, "-c", BUSY]))
                        beside.callback(busy.kill)
                for _ in range(rounds):
                    for shape, ways in shapes.items():
                        for threads, way in ways.items():
                            _turn(serve[threads], shape, way, count=count, workspace=workspace)
    return {
        load: {
            shape: {threads: _figures(way, ways[THREADS[0]]) for threads, way in ways.items()}
            for shape, ways in shapes.items()
        }
        for load, shapes in found.items()
    }


def _turn(server, shape: str, into: storm.Way, *, count: int, workspace: Path) -> None:
    days, slots_a_day = storm.SHAPES[shape]
    count -= count % (days * slots_a_day)
    wanted = bookings.wanted(count, spare=storm.CLIENTS, days=days, slots_a_day=slots_a_day)
    storm.by_http(server, bookings.by_api, b" 201 ", wanted, into, workspace)


def _figures(way: storm.Way, one: storm.Way) -> dict:
    """`of_one`: bookings a second, of those with one thread in the same round."""
    latencies = sorted(way.latencies)
    return {
        "per_second": median(way.per_second),
        "of_one": median(mine / its for mine, its in zip(way.per_second, one.per_second, strict=True)),
        "cpu_ms": median(cpu.web + cpu.database for cpu in way.cpu_ms),
        **{name: 1000 * latencies[int(len(latencies) * share)] for name, share in storm.PERCENTILES.items()},
        "errors": way.errors,
    }
