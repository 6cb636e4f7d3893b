"""The state machine of the tests, for long: any sequence of the queue's verbs, and every rule after each step."""

import os
import subprocess
import sys
import time

from django.conf import settings

STEPS_A_RUN = 50
TEST = "tests/test_queue_machine.py::test_any_sequence_of_verbs_keeps_every_rule"


def measure(*, steps: int) -> dict:
    """Take so many steps, on the tests' own database. A rule that breaks ends it with the shortest sequence that breaks
    it, which pytest shows."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", TEST],
        cwd=settings.BASE_DIR,
        env=os.environ | {"QUEUE_MACHINE_RUNS": str(steps // STEPS_A_RUN)},
    )
    broken = [] if done.returncode == 0 else [f"pytest ended with {done.returncode}: see above"]
    return {"steps": steps, "seconds": time.monotonic() - began, "broken": broken}
