"""What was measured, in tables, beside what is aimed for (docs/performance.md)."""

AIMS = {"api": 0.6, "form": 0.4}
P99_OF_P50 = 4
LARGE_OF_SMALL = 1.2
QUERIES = 6
FIRST_PAGE_KB, LATER_PAGE_KB = 60, 15
COUNTED = ["days", "times"]


def storm(found: dict) -> None:
    for shape, ways in found["storms"].items():
        title = f"{found['bookings']:,} bookings by 32 clients on {shape}"
        head = [
            title,
            "a second",
            "of bare",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "errors",
            "CPU ms web",
            "database",
            "client",
            "by CPU",
        ]
        table(head, [_storm_row(way, figures) for way, figures in ways.items()])
        for way, aim in AIMS.items():
            judge(f"{way} / bare", ways[way]["of_bare"], at_least=aim)
            judge(f"{way}: p99 / p50", ways[way]["p99_ms"] / ways[way]["p50_ms"], at_most=P99_OF_P50)
    print("\nInvariants: " + ("; ".join(found["broken"]) if found["broken"] else "all held"))


def _storm_row(way: str, figures: dict) -> list[str]:
    latencies = [f"{figures[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms")]
    cpu = (
        [f"{ms:.2f}" for ms in figures["cpu_ms"].values()] + [f"{figures['cpu_of_bare']:.2f}"]
        if "cpu_ms" in figures
        else []
    )
    return [way, f"{figures['per_second']:,.0f}", f"{figures['of_bare']:.2f}", *latencies, str(figures["errors"]), *cpu]


def pages(found: dict) -> None:
    few, many = (f"{count:,} tickets" for count in found["tickets"])
    rows = []
    for page, figures in found["pages"].items():
        times = [f"{ms:.2f}" for ms in figures["ms"]]
        rows.append([page, *times, f"{figures['ratio']:.2f}", "/".join(map(str, figures["queries"]))])
    table(["page, ms", few, many, "ratio", "queries"], rows)
    for page, figures in found["pages"].items():
        judge(f"{page}: time at many / at few", figures["ratio"], at_most=LARGE_OF_SMALL)
    for page in COUNTED:
        judge(f"{page}: queries", max(found["pages"][page]["queries"]), at_most=QUERIES)


def weights(found: dict) -> None:
    if "missing" in found:
        print(f"\nWeights were not measured. {found['missing']}")
        return
    table(["page", "kilobytes"], [[page, f"{size:.1f}"] for page, size in found["kilobytes"].items()])
    first, *later = found["kilobytes"].items()
    judge(first[0], first[1], at_most=FIRST_PAGE_KB)
    heaviest = max(later, key=lambda page: page[1])
    judge(f"the heaviest later page ({heaviest[0]})", heaviest[1], at_most=LATER_PAGE_KB)


def table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[nth]) for row in [head, *rows] if nth < len(row)) for nth in range(len(head))]
    print()
    for row in [head, *rows]:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=False))
        print("  ".join([row[0].ljust(widths[0]), *rest]))


def judge(what: str, figure: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
    is_met = figure >= at_least if at_most is None else figure <= at_most
    aim = f"at least {at_least}" if at_most is None else f"at most {at_most}"
    print(f"  {'met   ' if is_met else 'MISSED'}  {what}: {figure:.2f}, aim {aim}")
