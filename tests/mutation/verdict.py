"""Whether the tests notice a change, each time in a process of its own (cold.py).

A change is killed by a test that fails, or that runs longer than cold.LONGEST_TEST, if the same test passes without
the change; and if the service does not start with it. Whatever else stops pytest (an error of its own, a test that is
not found, no end within LONGEST) says nothing of the change: it is `unclear`, and does not count as killed.
"""

import os
import pickle
import subprocess
import sys
from pathlib import Path

from tests.mutation.changes import Change
from tests.mutation.cold import RAN_ON

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 20 * 60  # seconds, for all tests of one change
FAILED = 1  # pytest's
START = """
import tests.mutation.cold, django, importlib
django.setup()
from django.core.management import call_command
call_command("check")
importlib.import_module({module!r})
"""
IN_DEMO = {"DJANGO_SETTINGS_MODULE": "queuesite.settings", "DEMO": "on", "ENV_FILE": os.devnull}


def verdict(change: Change, tests: list[str], kept: Path) -> tuple[str, str]:
    """ "killed", "survived" or "unclear", and by which test or why. `kept` is a path to begin names of files with."""
    file = kept.with_name(f"{kept.name}-change")
    file.write_bytes(pickle.dumps(change))
    if not _starts(change.path, MUTATION_CHANGE=str(file)) and _starts(change.path):
        return "killed", "does not start"
    while tests:
        code, test = _run(tests, kept, MUTATION_CHANGE=str(file))
        if code == 0:
            break
        if code is None:
            return "unclear", f"no end in {LONGEST // 60} minutes"
        if code not in (FAILED, RAN_ON) or not test:
            return "unclear", f"pytest ended with {code}"
        if _run([test], kept)[0] == 0:
            return "killed", f"{test} ran on" if code == RAN_ON else test
        print(f"fails without a change, left out: {test}", flush=True)
        tests = [name for name in tests if name != test]
    return "survived", ""


def _run(tests: list[str], kept: Path, **more: str) -> tuple[int | None, str]:
    """pytest's exit code (None if it did not end), and the test that ran last."""
    running = kept.with_name(f"{kept.name}-test")
    running.write_text("")
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation.cold", "-x", "-q", *tests]
    environment = environment_with(MUTATION_TEST=str(running), **more)
    try:
        code = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=LONGEST).returncode
    except subprocess.TimeoutExpired:
        code = None
    return code, running.read_text()


def _starts(path: Path, **more: str) -> bool:
    module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    command = [sys.executable, "-c", START.format(module=module)]
    environment = environment_with(**IN_DEMO, **more)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 0


def environment_with(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"} | more
