"""Python reads this when it starts: every process that a test starts has the clock that TEST_CLOCK asks for. The soak's
clock is also faster than the machine's: TEST_CLOCK_SPEED times, from the moment TEST_CLOCK_SINCE on (as time.time() had
it). Only what o'clock it is goes faster; sleeps, time-outs and time.monotonic() keep the machine's pace."""

import os
import time

import time_machine

if offset := os.environ.get("TEST_CLOCK_OFFSET"):
    moved = time_machine.travel(time.time() + float(offset), tick=True)
    traveller = moved.start()
    if "TEST_CLOCK_SPEED" in os.environ:
        since, speed = float(os.environ["TEST_CLOCK_SINCE"]), int(os.environ["TEST_CLOCK_SPEED"])
        first = round((since + float(offset)) * 1e9)
        machines = time_machine.escape_hatch.time.time
        traveller.time_ns = lambda: first + round((machines() - since) * speed * 1e9)
