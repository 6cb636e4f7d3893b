"""What was measured, in tables, beside what is aimed for (docs/performance.md)."""

AIMS = {"api": 0.75, "form": 0.5}  # by processor time, web and database, of the bare function
CALLS_OF_PGBENCH = 0.1
CALL_TO_BOARD_SECONDS, BOOKINGS_KEPT = 1.5, 0.7
P99_OF_P50 = 4
LARGE_OF_SMALL = 1.2
QUERIES = 6
APART = 0.15  # two measurements of the same that differ by more are said to
FIRST_PAGE_KB, LATER_PAGE_KB = 60, 15
READS_ALL = "check_queue, all"  # and so grows as the tickets do
COUNTED = ["days", "times"]
WAY_MS = 30  # of the web server
# Milliseconds of processor, web and database, of a page after a change.
AFTER_A_CHANGE_MS = {"console": 8, "another console": 8, "member's live part": 6, "board": 6, "call-next by the API": 6}


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
            judge(f"{way} / bare", ways[way]["cpu_of_bare"], at_least=aim)
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


def threads(found: dict) -> None:
    head = ["", "a second", "of one", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "errors"]
    for load, shapes in found.items():
        for shape, ways in shapes.items():
            rows = [
                [
                    f"{number} threads",
                    f"{one['per_second']:,.0f}",
                    f"{one['of_one']:.2f}",
                    *(f"{one[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms")),
                    f"{one['cpu_ms']:.2f}",
                    str(one["errors"]),
                ]
                for number, one in ways.items()
            ]
            table([f"{shape}, {load}", *head[1:]], rows)


def office(found: dict) -> None:
    calls, board, pages_open = found["calls"], found["board"], found["open_pages"]
    rows = [[way, f"{calls[way]:,.0f}"] for way in ("pgbench", "api")]
    rows[1] += [f"{calls[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms")]
    table(["call-next, 16 counters at once", "a second", "p50 ms", "p95 ms", "p99 ms"], rows)
    judge("call-next by API / pgbench", calls["ratio"], at_least=CALLS_OF_PGBENCH)
    judge("refused calls", calls["refused"], at_most=0)
    judge("tickets called twice", calls["called_twice"], at_most=0)
    title = f"from a call to {board['boards']} boards, {board['member_pages']} members' pages open"
    head = [title, "calls", "p50 s", "p95 s", "p99 s", "never seen", "answers a second", "unchanged", "faults"]
    table(head, [_board_row(name, board[key]) for name, key in (("quiet", "quiet"), ("in a storm", "in_a_storm"))])
    judge("from a call to the boards, p99 seconds", board["quiet"]["p99_s"], at_most=CALL_TO_BOARD_SECONDS)
    judge("the same in a storm of bookings", board["in_a_storm"]["p99_s"], at_most=CALL_TO_BOARD_SECONDS)
    judge("bookings beside them / alone", board["bookings_kept"], at_least=BOOKINGS_KEPT)
    title = f"{pages_open['pages']:,} members' pages open, of one core"
    head = [title, "web", "database", "answers a second", "unchanged", "p50 ms", "p99 ms", "faults"]
    table(head, [_open_row(name, figures) for name, figures in pages_open.items() if name != "pages"])
    print("\nInvariants: " + ("; ".join(found["broken"]) if found["broken"] else "all held"))


def consoles(found: dict) -> None:
    few, many = (f"{crowd:,} wait" for crowd in found["crowds"])
    rows = []
    for page, both in found["pages"].items():
        cells = [f"{each['web_ms']:.1f} + {each['database_ms']:.1f}" for each in both]
        counted = ["/".join(f"{each[what]:,}" for each in both) for what in ("queries", "calls")]
        rows.append([page, *cells, *counted])
    table(["after a change, CPU ms web + database", few, many, "queries", "calls of functions"], rows)
    for page, both in found["pages"].items():
        least, most = (each["web_ms"] + each["database_ms"] for each in both)
        judge(f"{page}: ms with {many}", most, at_most=AFTER_A_CHANGE_MS[page])
        judge(f"{page}: {many} / {few}", most / least, at_most=LARGE_OF_SMALL)


def way(found: dict) -> None:
    rows = [
        [step, f"{each['web_ms']:.1f}", f"{each['database_ms']:.1f}", str(each["queries"])]
        for step, each in found.items()
    ]
    web = sum(each["web_ms"] for each in found.values())
    rows.append(["all", f"{web:.1f}", f"{sum(each['database_ms'] for each in found.values()):.1f}", ""])
    table(["a member's way, CPU ms", "web", "database", "queries"], rows)
    judge("a member's whole way: ms of the web server", web, at_most=WAY_MS)


def _board_row(name: str, found: dict) -> list[str]:
    seconds = [f"{found[key]:.2f}" for key in ("p50_s", "p95_s", "p99_s")]
    answers = [f"{found['answers_a_second']:,.0f}", f"{found['unchanged']:.2f}", str(found["faults"])]
    return [name, str(found["calls"]), *seconds, str(found["never_seen"]), *answers]


def _open_row(name: str, found: dict) -> list[str]:
    cores = [f"{found[key]:.2f}" for key in ("web_of_a_core", "database_of_a_core")]
    answers = [f"{found['answers_a_second']:,.0f}", f"{found['unchanged']:.2f}"]
    return [
        name,
        *cores,
        *answers,
        *(f"{found[key]:.1f}" for key in ("member_p50_ms", "member_p99_ms")),
        str(found["faults"]),
    ]


def crashes(found: dict) -> None:
    head = ["faults while members book", "times", "acknowledged", "pause p50 s", "longest s", "answers"]
    rows = []
    for name, key in (("web worker killed", "kills"), ("PostgreSQL stopped at once", "restarts")):
        figures = found[key]
        pauses = [f"{figures[pause]:.2f}" for pause in ("pause_p50_s", "pause_longest_s")]
        answers = ", ".join(f"{status}: {count:,}" for status, count in figures["answers"].items())
        rows.append([name, str(figures["faults"]), f"{figures['acknowledged']:,}", *pauses, answers])
    table(head, rows)
    print(
        "\nInvariants, and every acknowledged ticket once: "
        + ("; ".join(found["broken"]) if found["broken"] else "all held")
    )


def nodes(found: dict) -> None:
    head = ["two nodes behind nginx, 50 requests/s", "times", "requests", "booked", "failed"]
    named = {
        "a node reloaded": "reloads",
        "a node left out, restarted, put in": "restarts",
        "a node killed (sent again by its key)": "kills",
    }
    rows = []
    for name, key in named.items():
        figures = found[key]
        failed = ", ".join(f"{outcome}: {count:,}" for outcome, count in figures["failed"].items()) or "none"
        rows.append([name, str(figures["faults"]), f"{figures['requests']:,}", f"{figures['acknowledged']:,}", failed])
    table(head, rows)
    print("\nInvariants, and every acknowledged ticket: " + ("; ".join(found["broken"]) or "all held"))


def morning(found: dict) -> None:
    head = [
        "bookings, three requests each",
        "s",
        "a second",
        "core-s web",
        "database",
        "core-h of a million, web",
        "database",
    ]
    whole = found["whole_core_hours"]
    figures = [found[name] for name in ("seconds", "bookings_a_second", "web_seconds", "database_seconds")]
    row = [f"{found['bookings']:,}", *(f"{one:,.1f}" for one in [*figures, whole["web"], whole["database"]])]
    table(head, [row])
    print("\nInvariants: " + ("; ".join(found["broken"]) or "all held"))


def soak(found: dict) -> None:
    head = ["faults", "every s", "acknowledged", "answers", "web MB", "connections", "log MB", "jobs that ran"]
    answers = ", ".join(f"{status}: {count:,}" for status, count in found["answers"].items())
    pairs = [" to ".join(map(str, found[name])) for name in ("megabytes", "connections")]
    first = [str(found["faults"]), f"{found['every_s']:g}", f"{found['acknowledged']:,}", answers]
    table(head, [[*first, *pairs, str(found["log_megabytes"]), str(found["jobs"])]])
    table(["fault", "longest pause s"], [[kind, f"{seconds:.1f}"] for kind, seconds in found["pauses_s"].items()])
    print(f"\nThe office's clock: {found['office_from']} to {found['office_until']}")
    print(f"{found['served']:,} served; the counters' answers: {found['answers_at_counters']}")
    for date, became in found["days"].items():
        print(f"{date}: {became}")
    print(f"Latest jobs, in the machine's seconds: {found['jobs_late_s']}")
    most, now = found["message_late_s"]
    print(f"Messages: {found['messages']}, {found['messages_due']} due; late by {most} s at most, {now} at the end")
    print("Invariants, and every acknowledged ticket once: " + ("; ".join(found["broken"]) or "all held"))


def machine(found: dict) -> None:
    print(f"\n{found['steps']:,} steps in {found['seconds']:,.0f} s, every rule asked after each")
    print("Invariants: " + ("; ".join(found["broken"]) if found["broken"] else "all held"))


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


def counting(found: dict) -> None:
    rows = [
        [f"{each['tickets']:,} tickets, {each['days']:,} days"]
        + [f"{each[name]:.1f}" for name in ("seconds", "web", "database")]
        for each in found.values()
    ]
    table(["counting all days anew", "seconds", "CPU s web", "database"], rows)


def history(found: dict) -> None:
    few, many = (f"{count:,} tickets" for count in found["tickets"])
    rows = []
    for what, both in found["asked"].items():
        cells = [f"{each['web_ms']:.1f} + {each['database_ms']:.1f}" for each in both]
        queries = "/".join(str(each["queries"]) for each in both)
        rows.append([what, *cells, f"{_ratio(both):.2f}", queries, _apart(max(each["apart"] for each in both))])
    table(["CPU ms web + database", few, many, "ratio", "queries", "the turns differ"], rows)
    for what, both in found["asked"].items():
        if what != READS_ALL:
            judge(f"{what}: at many / at few", _ratio(both), at_most=LARGE_OF_SMALL)


def _ratio(both: list[dict]) -> float:
    least, most = (each["web_ms"] + each["database_ms"] for each in both)
    return most / least


def _apart(share: float) -> str:
    return f"by {share:.0%}" if share > APART else ""


def front(found: dict) -> None:
    straight = found["straight"]
    rows = []
    for way, kinds in found.items():
        row = [way]
        for kind, (per_second, cpu) in kinds.items():
            row += [f"{per_second:.0f} ({per_second / straight[kind][0]:.2f})"]
            row += [f"{cpu:.2f} (+{cpu - straight[kind][1]:.2f})"]
        rows.append(row)
    table(["", *(head for kind in straight for head in (f"{kind}: answers a second", "ms of processor"))], rows)


def weights(found: dict) -> None:
    if "missing" in found:
        print(f"\nWeights were not measured. {found['missing']}")
        return
    table(["page", "kilobytes"], [[page, f"{size:.1f}"] for page, size in found["kilobytes"].items()])
    first, *later = found["kilobytes"].items()
    judge(first[0], first[1], at_most=FIRST_PAGE_KB)
    heaviest = max(later, key=lambda page: page[1])
    judge(f"the heaviest later page ({heaviest[0]})", heaviest[1], at_most=LATER_PAGE_KB)


def imports(found: dict) -> None:
    rows = []
    for name, run in found["runs"].items():
        for step, took in run.items():
            if isinstance(took, dict):
                rows.append([f"{name}: {step}", f"{took['seconds']:.1f}", f"{took['peak_mb']:.0f}"])
    table([f"{found['rows']:,} rows", "seconds", "peak MB"], rows)
    steps = [[took for took in run.values() if isinstance(took, dict)] for run in found["runs"].values()]
    judge("all steps of one file, seconds", max(sum(took["seconds"] for took in run) for run in steps), at_most=60)
    judge("memory of one step, MB", max(took["peak_mb"] for run in steps for took in run), at_most=300)
    judge("the preview, kB", max(run["preview_kb"] for run in found["runs"].values()), at_most=200)


def table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[nth]) for row in [head, *rows] if nth < len(row)) for nth in range(len(head))]
    print()
    for row in [head, *rows]:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=False))
        print("  ".join([row[0].ljust(widths[0]), *rest]))


JUDGED: list[tuple[str, float, str, float, bool]] = []


def judge(what: str, figure: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
    is_met = figure >= at_least if at_most is None else figure <= at_most
    aim = f"at least {at_least}" if at_most is None else f"at most {at_most}"
    print(f"  {'met   ' if is_met else 'MISSED'}  {what}: {figure:.2f}, aim {aim}")
    JUDGED.append((what, figure, aim, at_least if at_most is None else at_most, is_met))


def all_judged(command: str) -> None:
    """One table of everything that was judged in this run, each beside its aim, and the command that made it."""
    rows = []
    for what, figure, aim, wanted, is_met in JUDGED:
        ratio = f"{figure / wanted:.2f}" if wanted else "-"
        rows.append([what, f"{figure:.2f}", aim, ratio, "met" if is_met else "MISSED"])
    table(["everything judged in this run", "figure", "aim", "of the aim", ""], rows)
    met = sum(one[-1] for one in JUDGED)
    print(f"\n{met} of {len(JUDGED)} aims met. Made by: {command}")


def apart(before: dict[str, float]) -> None:
    """Which figures are further from those of the run before than two runs on one machine should be."""
    both = [(what, before[what], figure) for what, figure, *_ in JUDGED if what in before]
    far = [one for one in both if abs(one[2] - one[1]) > APART * max(abs(one[1]), abs(one[2]))]
    if far:
        rows = [[what, f"{old:.2f}", f"{new:.2f}", f"{abs(new - old) / max(old, new):.0%}"] for what, old, new in far]
        table([f"more than {APART:.0%} from the run before", "before", "now", "apart"], rows)
    print(f"{len(both) - len(far)} of {len(both)} figures that a run before had too lie within {APART:.0%} of it.")
