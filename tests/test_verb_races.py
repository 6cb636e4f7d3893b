"""Verbs that meet in the same moment, in real processes: members who are merged, a counter that a colleague frees, a
finish that is taken back, walk-ins on a day that closes. Each has a control."""

import time
from collections import Counter
from functools import partial

import pytest
from django.db import transaction

from booking import errors, invariants, roles, verbs
from booking.models import DepartmentDay, SeatEvent, Slot, Ticket
from booking.models.tickets import State
from booking.verbs import arriving, locks, merging, moves, seats
from members.models import Member
from tests.clock import standing_still, today_at
from tests.factories import (
    in_days,
    make_counter,
    make_exception,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

clock = standing_still(today_at("10.00"), autouse=True)


class NoLock:
    """A manager whose select_for_update locks nothing."""

    def __init__(self, model):
        self.objects, self.model = self, model

    def select_for_update(self, **_):
        return self.model.objects.all()

    def __getattr__(self, name):
        return getattr(self.model.objects, name)


# --- members who are merged ---

PAIRS = 6


def merge_amid_bookings(*, after=0.0):
    """In each round a pair is merged while both book (every other time the one who goes alone), one walks in, and one
    cancels what they had for another day.
    `after`: how many seconds later they come than the merge begins."""
    department = make_open_department(quota=8, max_days_ahead=3)
    pairs = [[make_member(member_number=f"{zeros}{nth}") for zeros in ("00", "")] for nth in range(7001, 7001 + PAIRS)]
    held = [make_ticket(member=dropped, slot=make_slot(department=department, days_ahead=2)) for _, dropped in pairs]
    slots = list(Slot.objects.of_day(department, in_days(1)))
    by = make_user()

    def merge(number):
        kept, dropped = pairs[number]
        time.sleep(0 if after else 0.01)
        merging.merge_members(kept=kept, dropped=dropped, by=by)
        return "merged"

    def book(nth, number):
        member = pairs[number][nth % 2 or number % 2]
        time.sleep(after + nth * 0.005)
        verbs.book(member_id=member.pk, slot_id=slots[nth].pk, key=f"{number}-{nth}")
        return "booked"

    def walk_in(number):
        verbs.walk_in(department=department, by=by, member_id=pairs[number][1].pk)
        return "walked in"

    def cancel(number):
        verbs.cancel(ticket=held[number])
        return "cancelled"

    table = race(merge, walk_in, cancel, *(partial(book, nth) for nth in range(4)), rounds=PAIRS)
    return pairs, table


def test_who_are_merged_while_they_book_lose_no_ticket_and_have_no_two():
    pairs, table = merge_amid_bookings()

    for (kept, dropped), (merged, walked_in, cancelled, *booked) in zip(pairs, table, strict=True):
        assert merged in ("merged", "two_tickets_of_one_day")
        assert walked_in in ("walked in", "not_registered")
        assert cancelled == "cancelled"
        assert set(booked) <= {"booked", "already_booked", "not_registered"}
        assert Member.objects.filter(pk=dropped.pk).exists() is (merged != "merged")
        live = Ticket.objects.live().filter(member__in=[kept.pk, dropped.pk])
        assert live.count() == booked.count("booked") + (walked_in == "walked in")
    assert {row[0] for row in table[1::2]} == {"merged"}
    assert invariants.violations() == {}


def test_control_without_the_members_lock_a_merge_meets_a_booking_half_way(monkeypatch):
    """The booking waits for nobody: it is made for a member who is deleted at that moment."""
    monkeypatch.setattr(merging, "Member", NoLock(Member))
    fill_in = merging._fill_in

    def slowly(kept, dropped):
        time.sleep(1)  # on a busy machine racers begin half a second apart
        fill_in(kept, dropped)

    monkeypatch.setattr(merging, "_fill_in", slowly)

    with pytest.raises(AssertionError, match="crashed"):
        merge_amid_bookings(after=0.4)


# --- a counter that a colleague frees ---


@pytest.fixture
def left(clock):
    """A counter whose clerk has called somebody and gone, and a colleague beside it. Another waits."""
    department = make_open_department(max_days_ahead=1)
    for _ in range(2):
        make_walk_in(department=department)
    counter, beside = make_counter(departments=[department]), make_counter(departments=[department])
    verbs.call_next(counter=counter, by=counter.clerk)
    clock.move_to(today_at("10.10"))
    return counter, beside.clerk


def free(counter, by, _round=0):
    seats.free(counter=counter, by=by)
    return "freed"


def at(counter, verb, _round=0, *, after=0.0):
    time.sleep(after)
    return getattr(verbs, verb)(counter=counter, by=counter.clerk).state


@pytest.mark.parametrize("verb", ["start", "miss", "put_back", "hold"])
def test_the_clerk_comes_back_in_the_moment_in_which_the_counter_is_freed(left, verb):
    counter, colleague = left

    *freed, pressed = race(*[partial(free, counter, colleague)] * 4, partial(at, counter, verb))[0]

    counter.refresh_from_db()
    if counter.clerk is None:  # and its ticket stands in the queue again
        assert (set(freed), pressed) == ({"freed"}, "not_at_counter")
        assert SeatEvent.objects.filter(kind=SeatEvent.Kind.FREED).count() == 1
        assert not Ticket.objects.at_counter(counter).exists()
        assert Ticket.objects.filter(state=State.WAITING).count() == 2
    else:
        assert set(freed) == {"counter_in_use"}
        assert pressed not in ("not_at_counter", "wrong_state")
    assert invariants.violations() == {}


def test_one_who_calls_while_the_counter_is_freed_sits_there_or_calls_nobody(left, clock):
    counter, _colleague = left
    at(counter, "miss")
    clock.move_to(today_at("10.20"))

    freed, called = race(partial(free, *left), partial(at, counter, "call_next"))[0]

    assert (freed, called) in [("freed", "not_at_counter"), ("counter_in_use", State.CALLED)]
    assert Ticket.objects.at_counter(counter).exists() is (called == State.CALLED)
    assert invariants.violations() == {}


def test_control_without_the_counter_s_lock_somebody_is_called_where_nobody_sits(left, clock, monkeypatch):
    counter, _colleague = left
    at(counter, "miss")
    clock.move_to(today_at("10.20"))
    unseat = seats._unseat

    def slowly(*arguments, **named):
        time.sleep(1.5)
        unseat(*arguments, **named)

    monkeypatch.setattr(seats, "Counter", NoLock(type(counter)))
    monkeypatch.setattr(seats, "_unseat", slowly)

    answers = race(partial(free, *left), partial(at, counter, "call_next", after=0.5))[0]

    counter.refresh_from_db()
    assert answers == ["freed", State.CALLED]
    assert counter.clerk is None
    assert Ticket.objects.at_counter(counter).exists()


# --- a finish that is taken back ---


@pytest.fixture
def finished():
    """A counter that has just finished a member's ticket. Others wait."""
    department = make_open_department(max_days_ahead=1, quota=3)
    ticket = make_walk_in(department=department, member_id=make_member().pk)
    for _ in range(2):
        make_walk_in(department=department)
    counter = make_counter(departments=[department])
    for verb in ("call_next", "start", "finish"):
        at(counter, verb)
    return counter, ticket


def test_a_finish_taken_back_while_the_next_is_called_leaves_one_at_the_counter(finished):
    counter, ticket = finished

    answers = race(*[partial(at, counter, "undo_finish")] * 4, *[partial(at, counter, "call_next")] * 4)[0]

    assert Counter(answers[:4]) == {State.SERVING: 1, "wrong_state": 3}
    assert Counter(answers[4:]) in [{"counter_busy": 4}, {State.CALLED: 1, "counter_busy": 3}]
    assert Ticket.objects.at_counter(counter).get() == ticket
    assert Ticket.objects.filter(state=State.WAITING).count() == 2
    assert invariants.violations() == {}


def test_control_without_locks_two_meet_at_the_counter(finished, monkeypatch):
    counter, _ticket = finished
    change = moves.change

    def slowly(*arguments, **named):
        time.sleep(1.5)
        return change(*arguments, **named)

    for name in ("lock_counter", "lock_queues", "raise_versions"):
        monkeypatch.setattr(locks, name, lambda *_: None)
    monkeypatch.setattr(moves, "change", slowly)

    with pytest.raises(AssertionError, match="crashed"):  # on the constraint that is left
        race(partial(at, counter, "undo_finish"), partial(at, counter, "call_next", after=0.5))


def take_back_and_book(finished, *, after=0.0):
    counter, ticket = finished
    slot = make_slot(department=ticket.department, days_ahead=0, nth=8)

    def book(nth, _round):
        time.sleep(after)
        verbs.book(member_id=ticket.member_id, slot_id=slot.pk, key=f"key-{nth}")
        return "booked"

    return race(partial(at, counter, "undo_finish"), *(partial(book, nth) for nth in range(8)))[0]


def test_a_finish_taken_back_while_the_member_books_again_leaves_one_ticket(finished):
    undone, *booked = take_back_and_book(finished)

    assert (undone, booked.count("booked")) in [(State.SERVING, 0), ("already_booked", 1)]
    assert set(booked) <= {"booked", "already_booked"}
    assert Ticket.objects.live().filter(member__isnull=False).count() == 1
    assert invariants.violations() == {}


def test_control_without_the_member_s_lock_only_the_constraint_is_left(finished, monkeypatch):
    require = moves.require_no_other_ticket

    def slowly(**named):
        require(**named)
        time.sleep(2)

    monkeypatch.setattr(locks, "lock_member", lambda pk: None)
    monkeypatch.setattr(moves, "require_no_other_ticket", slowly)

    with pytest.raises(AssertionError, match="crashed"):
        take_back_and_book(finished, after=0.5)


# --- walk-ins on a day that closes ---


def walk_in_while_the_day_closes():
    """A queue is held; somebody walks in and waits for it; the day closes; the queue is let go."""
    department, by = make_open_department(max_days_ahead=1), make_user(group=roles.CLERK)
    make_walk_in(department=department)  # so that the queue has a row to lock

    def hold(_round):
        with transaction.atomic():
            locks.lock_queues(department.pk)
            time.sleep(0.8)
            while department.pk in DepartmentDay.objects.on(in_days(0)).open().by_department():
                time.sleep(0.1)
        return "let go"

    def come(_round):
        time.sleep(0.2)
        return verbs.walk_in(department=department, by=by).state

    def close(_round):
        time.sleep(0.4)
        make_exception(department, date=in_days(0), quota=0)
        return "closed"

    return race(hold, close, *[come] * 6)[0]


def test_who_waited_for_the_queue_while_the_day_closed_gets_no_ticket():
    let_go, closed, *came = walk_in_while_the_day_closes()

    assert (let_go, closed) == ("let go", "closed")
    assert set(came) == {errors.DayClosed.code}
    assert Ticket.objects.count() == 1
    assert invariants.violations() == {}


def test_control_who_asked_before_waiting_gets_one(monkeypatch):
    """What was read before the lock is what the day was like before."""
    lock, read = locks.lock_queues, arriving.serving.serving_periods
    seen = {}

    def look_first(*queues):
        seen.update(read(in_days(0)))
        lock(*queues)

    monkeypatch.setattr(locks, "lock_queues", look_first)
    monkeypatch.setattr(arriving.serving, "serving_periods", lambda date: seen or read(date))

    _let_go, _closed, *came = walk_in_while_the_day_closes()

    assert set(came) == {State.WAITING}
