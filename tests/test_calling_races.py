"""Counters in real processes that call at the same moment: no ticket is called twice, none lost, the order is kept."""

import random
import time
from collections import Counter as Tally
from collections import defaultdict
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from booking import invariants, verbs
from booking.models import Counter, Ticket, TicketEvent
from booking.models.tickets import FIRST_WALK_IN_NUMBER, Priority, State, hash_of
from booking.verbs import locks, next_call
from tests.factories import make_counter, make_open_department
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

COUNTERS, DEPARTMENTS = 16, 4
HANGS_AFTER = 600  # seconds; a guard, not a measure


def make_office(*, tickets: int, counters: int = COUNTERS) -> list[Counter]:
    """Departments in which `tickets` walk-ins wait, one in ten with priority, three at a time due at the same moment;
    and counters that serve all of them, each another one first."""
    departments = [make_open_department(max_days_ahead=1, max_recalls=1) for _ in range(DEPARTMENTS)]
    began = timezone.now() - timedelta(seconds=tickets)
    issued = Ticket.objects.bulk_create(
        Ticket(
            public_id=f"ticket-{nth}",
            secret_hash=hash_of(str(nth)),
            department=departments[nth % DEPARTMENTS],
            queue=departments[nth % DEPARTMENTS],
            date=timezone.localdate(),
            number=FIRST_WALK_IN_NUMBER + nth // DEPARTMENTS,
            state=State.WAITING,
            issued_at=began,
            arrived_at=began,
            due_at=began + timedelta(seconds=nth // (3 * DEPARTMENTS)),
            priority=Priority.MONK if nth % 10 == 3 else Priority.NONE,
        )
        for nth in range(tickets)
    )
    TicketEvent.objects.bulk_create(
        TicketEvent(ticket=ticket, verb="walk_in", to_state=State.WAITING, queue=ticket.queue, at=began)
        for ticket in issued
    )
    return [
        make_counter(departments=departments[nth % DEPARTMENTS :] + departments[: nth % DEPARTMENTS])
        for nth in range(counters)
    ]


def work(counter, _round):
    """A clerk's day: call until nobody is left, and do with each ticket one of the things that happen. Tells which
    tickets were called, and when each one that came back into a queue was due there."""
    chance, called, due_again = random.Random(counter.pk), [], []
    at_it = {"counter": counter, "by": counter.clerk}
    until = time.monotonic() + HANGS_AFTER
    while time.monotonic() < until:
        ticket = verbs.call_next(**at_it)
        if ticket is None:
            if not Ticket.objects.filter(state__in=[State.WAITING, State.CALLED, State.SERVING]).exists():
                return called, due_again
            time.sleep(0.2)
            continue
        called.append(ticket.pk)
        match chance.choices("miss come_back recall put_back transfer hold serve".split(), [62, 3, 4, 3, 5, 3, 20])[0]:
            case "miss":
                verbs.miss(**at_it)
            case "come_back":
                missed = verbs.miss(**at_it)
                back = verbs.come_back(ticket=missed, by=counter.clerk)
                due_again.append((back.pk, back.due_at))
            case "recall":
                verbs.recall(**at_it)
                verbs.recall(**at_it)  # once more than the department allows: missed
            case "put_back":
                verbs.put_back(**at_it)
            case "transfer":
                verbs.start(**at_it)
                moved = verbs.transfer(to=chance.choice(counter.departments.exclude(pk=ticket.queue_id)), **at_it)
                due_again.append((moved.pk, moved.due_at))
            case "hold":
                verbs.finish_held(ticket=verbs.hold(**at_it), by=counter.clerk)
            case "serve":
                verbs.start(**at_it)
                verbs.finish(**at_it)
    raise AssertionError("the queue does not end")


def who_was_passed_over(first_due: dict, due_again: list) -> list[str]:
    """Replay the events: each call takes, of those of its class who wait in that queue, the one due first."""
    numbers = dict(Ticket.objects.values_list("pk", "number"))
    has_priority = {pk: priority != Priority.NONE for pk, priority in Ticket.objects.values_list("pk", "priority")}
    due, next_due, passed = dict(first_due), defaultdict(list), []
    for pk, due_at in sorted(due_again, key=lambda one: one[1]):
        next_due[pk].append(due_at)
    standing = defaultdict(set)
    for event in TicketEvent.objects.order_by("pk"):
        pk = event.ticket_id
        if event.verb in ("come_back", "transfer"):
            due[pk] = next_due[pk].pop(0)
        if event.to_state == State.WAITING:
            standing[event.queue_id, has_priority[pk]].add(pk)
        elif event.verb == "call":
            rivals = standing[event.queue_id, has_priority[pk]]
            if pk not in rivals:
                passed.append(f"{pk} was called, but did not wait")
            elif min(rivals, key=lambda one: (due[one], numbers[one])) != pk:
                passed.append(f"{pk} was called before its turn")
            rivals.discard(pk)
    return passed


@pytest.mark.parametrize("tickets", [160, pytest.param(2000, marks=pytest.mark.slow)])
def test_16_counters_call_each_ticket_once_and_in_order(tickets):
    counters = make_office(tickets=tickets)
    first_due = dict(Ticket.objects.values_list("pk", "due_at"))

    answers = race(*(partial(work, counter) for counter in counters))[0]

    assert set(Ticket.objects.values_list("state", flat=True)) == {State.SERVED, State.MISSED}
    assert Ticket.objects.count() == tickets
    told = Tally(pk for called, _ in answers for pk in called)
    assert told == Tally(TicketEvent.objects.filter(verb="call").values_list("ticket", flat=True))
    assert set(told) == set(first_due)
    made = set(TicketEvent.objects.values_list("verb", flat=True))
    assert made >= {"miss", "come_back", "recall", "put_back", "transfer", "hold", "finish"}
    assert who_was_passed_over(first_due, [one for _, due_again in answers for one in due_again]) == []
    assert invariants.violations() == {}


def test_control_without_the_queues_lock_tickets_are_called_twice(monkeypatch):
    counters = make_office(tickets=200)
    monkeypatch.setattr(locks, "lock_queues_served_at", Counter.department_ids)
    widen_the_window(monkeypatch)

    answers = race(*(partial(call, counter) for counter in counters))[0]

    assert len(set(answers)) < COUNTERS
    broken = "the last event of a ticket tells its state, and each event goes on where the one before it ended"
    assert invariants.violations()[broken]


def test_two_tabs_of_one_clerk_that_press_twenty_times_get_one_ticket():
    [counter] = make_office(tickets=40, counters=1)

    answers = race(*[partial(call, counter)] * 20)[0]

    [ticket] = Ticket.objects.filter(state=State.CALLED)
    assert Tally(answers) == {ticket.pk: 1, "counter_busy": 19}
    assert invariants.violations() == {}


def test_control_without_locks_each_press_calls(monkeypatch):
    [counter] = make_office(tickets=40, counters=1)
    monkeypatch.setattr(locks, "lock_queues_served_at", Counter.department_ids)
    monkeypatch.setattr(locks, "lock_counter", lambda *_: None)
    widen_the_window(monkeypatch)

    answers = race(*[partial(call, counter)] * 4)[0]

    assert Tally(answers)["counter_busy"] < 3
    assert TicketEvent.objects.filter(verb="call").count() > 1


def call(counter, _round):
    return verbs.call_next(counter=counter, by=counter.clerk).pk


def widen_the_window(monkeypatch):
    """Time passes between the statement that calls and the end of its transaction."""
    called = next_call._called

    def wait_first(*which):
        time.sleep(0.5)
        return called(*which)

    monkeypatch.setattr(next_call, "_called", wait_first)
