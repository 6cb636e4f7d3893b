"""Python reads this when it starts: every process that a test starts has the clock that TEST_CLOCK asks for."""

import os
import time

import time_machine

if offset := os.environ.get("TEST_CLOCK_OFFSET"):
    time_machine.travel(time.time() + float(offset), tick=True).start()
