"""A pytest plugin: tries changes in a process where Django, the tests and their database are ready.

Each test runs once under coverage (what an earlier run wrote to var/mutation is kept as long as the code is the same).
A process that has measured many tests tries nothing, since its children have been seen to fail without a change: the
next one does. For each change it forks: the child puts the changed code into the functions that exist, and runs the
tests that reach the changed lines, the fastest first, until one fails. That one must pass in another child, without the
change. What shows only where the module is imported anew, and what takes too long, is left to a process of its own
(verdict.py).
"""

import contextlib
import gc
import hashlib
import json
import os
import pickle
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

import coverage
import pytest

from tests.mutation.changes import Change
from tests.mutation.cold import LONGEST_TEST, RAN_ON

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Job:
    changes: list[Change]
    modules: list[str]
    reached: Path  # which test reaches which lines, kept from run to run
    results: Path
    seconds: int


while_importing = coverage.Coverage(
    data_file=None, config_file=False, include=[f"{ROOT}/booking/*", f"{ROOT}/members/*"]
)
if "MUTATION_JOB" in os.environ:  # as a plugin, which is loaded before anything of ours is imported
    while_importing.start()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    while_importing.stop()
    job = pickle.loads(Path(os.environ["MUTATION_JOB"]).read_bytes())
    job.results.unlink(missing_ok=True)
    reached, is_new = _reached(session, job)
    if is_new:
        return True
    tests = {item.nodeid: item for item in session.items}
    # So that the database is there.
    _run(session, [min(session.items, key=lambda item: reached[item.nodeid]["seconds"])])
    with job.results.open("w") as results:
        for change in job.changes:
            names = reaching(reached, change)
            outcome, by = _judged(session, change, [tests[name] for name in names], job)
            names = names or of_module(reached, change)
            results.write(json.dumps({"outcome": outcome, "by": by, "tests": names}) + "\n")
            results.flush()
            _say(session, change.told(outcome, by))
    session.testsfailed = 0
    return True


def reaching(reached: dict, change: Change) -> list[str]:
    """The tests that run a changed line, the fastest first."""
    if not change.in_function:
        return []
    lines = set(change.lines)
    return _fastest_first(reached, lambda ran: lines & set(ran.get(str(change.path), [])))


def of_module(reached: dict, change: Change) -> list[str]:
    """For lines that only an import runs: the tests that run any line of the module."""
    return _fastest_first(reached, lambda ran: ran.get(str(change.path)))


def _fastest_first(reached: dict, wanted) -> list[str]:
    names = [name for name, test in reached.items() if wanted(test["lines"])]
    return sorted(names, key=lambda name: reached[name]["seconds"])


def _reached(session, job: Job) -> tuple[dict, bool]:
    """What each test reaches, and whether any had to be measured, because it or its file is another than before.
    Tests that fail unchanged are left out."""
    code = _digest(job.modules)
    kept = json.loads(job.reached.read_text()) if job.reached.exists() else {}
    known = kept.get("tests", {}) if kept.get("code") == code else {}
    reached, measured = {}, 0
    for item in list(session.items):
        file = _digest([item.nodeid.split("::")[0]])
        test = known.get(item.nodeid)
        is_new = not test or test["file"] != file
        if is_new:
            test = _measured(session, item, job.modules) | {"file": file}
            measured += 1
            known[item.nodeid] = test
            job.reached.write_text(json.dumps({"code": code, "tests": known}))
        if test["failed"]:
            _say(session, f"fails without a change, left out: {item.nodeid}")
            session.items.remove(item)
        else:
            reached[item.nodeid] = test
    session.testsfailed = 0
    return reached, measured > 0


def _measured(session, item, modules: list[str]) -> dict:
    measure = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / name) for name in modules])
    began = time.perf_counter()
    measure.start()
    try:
        failed = _run(session, [item])
    finally:
        measure.stop()
    data = measure.get_data()
    lines = {str(Path(file).relative_to(ROOT)): sorted(data.lines(file)) for file in data.measured_files()}
    return {"seconds": time.perf_counter() - began, "failed": failed, "lines": lines}


def _digest(names: list[str]) -> str:
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in names)).hexdigest()


def _run(session, items) -> bool:
    """Whether one of the tests fails; those after it are not run. What tests share stays set up."""
    session.testsfailed = 0
    for item in items:
        # The next is said to be of another file: then what the tests of this one share is taken down, whichever comes.
        other = next(one for one in session.items if one.path != item.path)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=other)
        if session.testsfailed:
            return True
    return False


def _judged(session, change: Change, items, job: Job) -> tuple[str, str]:
    """ "killed" and by which test, "survived", or "cold" for what is to be tried in a process of its own."""
    if not items:
        return "cold", ""
    outcome, by = _tried(session, change, items, job)
    if outcome == "killed":
        control = [item for item in items if item.nodeid == by]
        return ("killed", by) if _tried(session, None, control, job)[0] == "survived" else ("cold", "")
    imported = while_importing.get_data().lines(str(ROOT / change.path)) or []
    return "cold" if not set(change.lines).isdisjoint(imported) else outcome, ""


def _tried(session, change: Change | None, items, job: Job) -> tuple[str, str]:
    """Whether these tests pass with the change, or without any; and the test that ran last."""
    from django.db import connections

    connections.close_all()
    running = job.results.with_name(f"{job.results.name}-test")
    running.write_text("")
    child = os.fork()
    if not child:
        code = 2
        try:
            _be_silent()
            if change is None or _put_in(change):
                code = int(_run(session, _one_by_one(items, running, job.seconds)))
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {0: "survived", 1: "killed"}.get(status, "cold"), running.read_text()


def _one_by_one(items, running: Path, seconds: int):
    """Writes down each test before it runs. Ends the process when all together, or one, takes too long."""
    until = time.monotonic() + seconds
    for item in items:
        if time.monotonic() > until:
            os._exit(RAN_ON)
        running.write_text(item.nodeid)
        # A thread, since a test that runs on and on may catch every exception.
        too_long = threading.Timer(LONGEST_TEST, os._exit, [RAN_ON])
        too_long.daemon = True
        too_long.start()
        yield item
        too_long.cancel()


def _say(session, what: str) -> None:
    """Past pytest, which keeps what is printed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    reporter.ensure_newline()
    reporter.write_line(what, flush=True)


def _be_silent() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def _put_in(change: Change) -> bool:
    """Gives every function of the module its changed code; False where that cannot be done."""
    path = str(ROOT / change.path)
    before, after = (list(_codes(compile(text, path, "exec"))) for text in (change.source, change.changed))
    names, other_names = ([code.co_qualname for code in codes] for codes in (before, after))
    if names == other_names:
        instead = dict(zip(before, after, strict=True))
    else:  # a generator or lambda inside the function has gone with the change
        named = {code.co_qualname: code for code in after if other_names.count(code.co_qualname) == 1}
        instead = {code: named[name] for code, name in zip(before, names, strict=True) if name in named}
    with contextlib.suppress(ValueError):  # another number of names from outside
        for function in [it for it in gc.get_objects() if isinstance(it, FunctionType)]:
            if function.__code__.co_filename == path and function.__code__ in instead:
                function.__code__ = instead[function.__code__]
        return True
    return False


def _codes(code: CodeType):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
