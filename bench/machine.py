"""The state machine of the tests, for long: any sequence of the queue's verbs, and every rule after each step."""

import time

from django.core.management import call_command

from booking import invariants

STEPS_A_RUN = 50


def measure(*, steps: int) -> dict:
    """Take so many steps on the database that Django is connected to, which is empty. A rule that breaks ends it with
    the shortest sequence that breaks it."""
    from tests.queue_machine import furnish
    from tests.test_queue_machine import run

    call_command("migrate", interactive=False, verbosity=0)
    furnish()
    began = time.monotonic()
    run(examples=steps // STEPS_A_RUN, steps=STEPS_A_RUN)
    return {"steps": steps, "seconds": time.monotonic() - began, "broken": list(invariants.violations())}
