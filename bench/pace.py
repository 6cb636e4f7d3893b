"""How fast this machine is at this moment, by work that is always the same. A shared machine may be half as fast an
hour later: figures in milliseconds of two runs compare only where their paces do."""

import timeit

CALLS, TURNS = 200_000, 7


def nanoseconds() -> float:
    """What a call of a function in Python takes: the least of some turns."""
    return 1e9 * min(timeit.repeat("call()", "def call(): pass", number=CALLS, repeat=TURNS)) / CALLS
