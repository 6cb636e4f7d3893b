"""Every rule holds after any sequence of verbs (`make bench` goes on for 100,000 steps)."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from booking import invariants
from booking.days import opening
from booking.models.tickets import State
from booking.verbs import places
from tests.queue_machine import QueueMachine, furnish


def run(*, examples: int, steps: int = 50, **options) -> None:
    """`options` are further ones of Hypothesis's settings."""
    run_state_machine_as_test(
        QueueMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            report_multiple_bugs=False,  # the first one is enough, and looking for others takes minutes
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


@pytest.fixture(autouse=True)
def two_days(monkeypatch):
    """All that the machine looks at."""
    monkeypatch.setattr(opening, "DAYS_SAID", 2)


@pytest.mark.long
@pytest.mark.django_db
def test_any_sequence_of_verbs_keeps_every_rule():
    furnish()

    run(examples=int(os.environ.get("QUEUE_MACHINE_RUNS", 12)))

    assert invariants.violations() == {}


@pytest.mark.slow
@pytest.mark.django_db
def test_ten_thousand_steps_keep_every_rule():
    furnish()

    run(examples=200)

    assert invariants.violations() == {}


@pytest.mark.django_db
def test_control_a_verb_that_forgets_to_free_the_place_is_found(monkeypatch):
    """Two steps that any run makes, so that the machine need not be left to come upon them: that took minutes."""
    furnish()
    monkeypatch.setattr(places, "free_places", lambda ticket, slots, **_: None)
    machine = QueueMachine()
    machine.open_the_office()
    try:
        machine.book(member=0, slot=1, key=0, with_topic=False, by_staff=False)
        machine.every_rule_of_the_database_holds()
        machine.cancel(ticket=0, by_staff=False)
        assert list(machine.states.values()) == [State.CANCELLED]
        with pytest.raises(AssertionError, match="a cancelled ticket holds no place"):
            machine.every_rule_of_the_database_holds()
    finally:
        machine.teardown()
