"""A pytest plugin: runs tests in a process of their own, which imports one module with a change in it.

MUTATION_CHANGE names the file of the change; without it nothing is changed. MUTATION_TEST names a file that has the
test which runs: when pytest ends at the first failure, the test that failed; where one takes too long, that one.
"""

import os
import pickle
import threading
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# An overloaded machine may need as long without a change: a test that took longer must pass in this time without it.
LONGEST_TEST = 120  # seconds
RAN_ON = 70  # the exit code when a test took longer; pytest has 0 to 5


def put_in(change) -> None:
    unchanged = SourceFileLoader.get_code

    def get_code(loader, name):
        if Path(loader.path) == ROOT / change.path:
            return compile(change.changed, loader.path, "exec")
        return unchanged(loader, name)

    SourceFileLoader.get_code = get_code


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    Path(os.environ["MUTATION_TEST"]).write_text(item.nodeid)
    # A thread, since a test that runs on and on may catch every exception.
    too_long = threading.Timer(LONGEST_TEST, os._exit, [RAN_ON])
    too_long.daemon = True
    too_long.start()
    try:
        return (yield)
    finally:
        too_long.cancel()


if "MUTATION_CHANGE" in os.environ:
    put_in(pickle.loads(Path(os.environ["MUTATION_CHANGE"]).read_bytes()))
