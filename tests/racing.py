"""Runs functions in real processes that all start at the same moment, each with a database connection of its own."""

import multiprocessing
import traceback
from collections.abc import Callable

from django.db import connections

_fork = multiprocessing.get_context("fork")  # the children have what the test has set up and taken out


def race(*racers: Callable[[int], object], rounds: int = 1) -> list[list]:
    """Call every racer in a process of its own, `rounds` times, all at once each time.

    A racer is called with the number of the round. Returns, for each round, what the racers returned, in their order;
    an exception counts as returned where it has a `code` (a refusal), else the race fails with its traceback.
    """
    connections.close_all()
    barrier = _fork.Barrier(len(racers))
    results = _fork.SimpleQueue()
    processes = [
        _fork.Process(target=_run, args=(nth, racer, rounds, barrier, results), daemon=True)
        for nth, racer in enumerate(racers)
    ]
    for process in processes:
        process.start()
    answers = [results.get() for _ in range(len(racers) * rounds)]
    for process in processes:
        process.join(30)
    table = [[None] * len(racers) for _ in range(rounds)]
    faults = []
    for nth, number, answer, fault in answers:
        table[number][nth] = answer
        if fault:
            faults.append(fault)
    assert not faults, f"{len(faults)} racers crashed, the first with:\n{faults[0]}"
    return table


def _run(nth, racer, rounds, barrier, results):
    assert connections["default"].connection is None, "a connection of the parent's, which all would share"
    connections["default"].ensure_connection()
    for number in range(rounds):
        barrier.wait(60)
        answer = fault = None
        try:
            answer = racer(number)
        except Exception as refusal:
            answer = getattr(refusal, "code", None)
            if not isinstance(answer, str):
                fault = traceback.format_exc()
        results.put((nth, number, answer, fault))
    connections.close_all()
