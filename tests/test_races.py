"""Real processes against one PostgreSQL. Each race has a control: without the guard it goes wrong."""

import datetime as dt
import time
from collections import Counter
from functools import partial

import pytest
from django.db import connection, transaction

from booking import invariants, verbs
from booking.days import opening
from booking.models import DayException, Place, Slot, Ticket
from booking.models.tickets import State
from booking.verbs import locks, places
from holidays.models import Holiday
from tests.factories import in_days, make_exception, make_member, make_open_department, make_slot, make_ticket
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

PROCESSES = 64


@pytest.fixture
def members():
    return [make_member() for _ in range(PROCESSES)]


def book(slots, member, key, number) -> str:
    """Book in the slot of this round; tells "booked"."""
    verbs.book(member_id=member.pk, slot_id=slots[number].pk, key=f"{key}-{number}")
    return "booked"


def one_slot_each_round(rounds, quota):
    department = make_open_department(quota=quota, max_days_ahead=rounds + 1)
    return [make_slot(department=department, days_ahead=nth + 1) for nth in range(rounds)]


@pytest.mark.parametrize(
    ("places", "rounds"),
    [
        (1, 2),
        (7, 1),
        (30, 1),
        pytest.param(1, 20, marks=pytest.mark.slow),
        pytest.param(30, 10, marks=pytest.mark.slow),
    ],
)
def test_64_processes_for_so_many_places(members, places, rounds):
    slots = one_slot_each_round(rounds, places)

    table = race(*(partial(book, slots, member, f"key-{member.pk}") for member in members), rounds=rounds)

    for answers in table:
        assert Counter(answers) == {"booked": places, "slot_full": PROCESSES - places}
    assert Place.objects.taken().count() == Ticket.objects.live().count() == places * rounds
    assert invariants.violations() == {}


def without_the_lock(monkeypatch):
    """Take the guard out: look for a free place, then take it, and no constraint to notice."""
    unguarded = places.TAKE_FREE_PLACE.replace("FOR UPDATE SKIP LOCKED", "")
    assert unguarded != places.TAKE_FREE_PLACE
    monkeypatch.setattr(
        places, "TAKE_FREE_PLACE", unguarded.replace("FROM taken, new WHERE", "FROM taken, new, pg_sleep(0.01) WHERE")
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX one_live_ticket_per_code_and_date")


@pytest.fixture
def constraint_put_back():
    yield
    Place.objects.update(ticket=None)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE booking_ticket CASCADE")
    constraint = next(c for c in Ticket._meta.constraints if c.name == "one_live_ticket_per_code_and_date")
    with connection.schema_editor() as editor:
        editor.add_constraint(Ticket, constraint)


def test_control_without_the_lock_places_are_sold_twice(members, monkeypatch, constraint_put_back):
    slots = one_slot_each_round(3, 7)
    without_the_lock(monkeypatch)

    table = race(*(partial(book, slots, member, f"key-{member.pk}") for member in members), rounds=3)

    assert Counter(answer for answers in table for answer in answers)["booked"] > 7 * 3


def test_a_place_whose_booking_is_refused_is_sold_to_who_waited(members):
    """Somebody holds the last place, then does not take it: who came meanwhile gets it."""
    slot = make_slot(quota=1)

    answers = race(*holder_and_booker(slot, members[0]))[0]

    assert answers == ["let go", "booked"]


def test_control_who_looks_once_is_told_full_although_a_place_is_left(members, monkeypatch):
    slot = make_slot(quota=1)
    monkeypatch.setattr(places, "WAIT_FOR_PLACE", places.TAKE_FREE_PLACE)

    answers = race(*holder_and_booker(slot, members[0]))[0]

    assert answers == ["let go", "slot_full"]
    assert Place.objects.free().filter(slot=slot).count() == 1


def holder_and_booker(slot, member):
    def hold(_):
        with transaction.atomic():
            list(Place.objects.select_for_update().filter(slot=slot))
            time.sleep(0.5)
            transaction.set_rollback(True)
        return "let go"

    def come_meanwhile(_):
        time.sleep(0.2)
        return book([slot], member, "key", 0)

    return hold, come_meanwhile


def test_the_same_member_64_times_gets_one_ticket():
    member, department = make_member(), make_open_department(quota=30)
    slots = [make_slot(department=department, nth=nth) for nth in range(4)]

    answers = race(*(partial(book, [slots[nth % 4]], member, f"key-{nth}") for nth in range(PROCESSES)))[0]

    assert Counter(answers) == {"booked": 1, "already_booked": PROCESSES - 1}
    assert Place.objects.taken().count() == 1
    assert invariants.violations() == {}


def test_one_key_64_times_gives_the_same_ticket_64_times():
    member, slot = make_member(), make_slot(quota=1)

    def ask(_):
        return verbs.book(member_id=member.pk, slot_id=slot.pk, key="one key").public_id

    answers = race(*[ask] * PROCESSES)[0]

    assert answers == [Ticket.objects.get().public_id] * PROCESSES


def test_control_without_the_key_the_repeats_are_refused():
    member, slot = make_member(), make_slot(quota=1)

    answers = race(*(partial(book, [slot], member, f"key-{nth}") for nth in range(8)))[0]

    assert Counter(answers) == {"booked": 1, "already_booked": 7}


def test_booking_against_cancelling_loses_no_place(members):
    slot = make_slot(quota=10)
    tickets = [make_ticket(member=member, slot=slot) for member in members[:10]]

    def cancel(ticket, _):
        verbs.cancel(ticket=ticket)
        return "cancelled"

    answers = race(
        *(partial(cancel, ticket) for ticket in tickets),
        *(partial(book, [slot], member, "key-" + str(member.pk)) for member in members[10:40]),
    )[0]

    assert answers[:10] == ["cancelled"] * 10
    assert set(answers[10:]) <= {"booked", "slot_full"}
    assert Ticket.objects.live().count() == Place.objects.taken().count() == Counter(answers)["booked"]
    assert slot.places.count() == 10
    assert invariants.violations() == {}


def test_cancelling_the_same_ticket_64_times_frees_one_place():
    slot = make_slot(quota=2)
    ticket = make_ticket(slot=slot)
    make_ticket(slot=slot)

    def cancel(_):
        return verbs.cancel(ticket=ticket).state

    answers = race(*[cancel] * PROCESSES)[0]

    assert Counter(answers) == {"cancelled": 1, "wrong_state": PROCESSES - 1}
    assert slot.places.free().count() == 1


def test_cancelling_against_a_lowered_quota_ends_at_the_quota():
    rounds = 8
    slots, race_them = cancels_after_the_quota_was_lowered(rounds)

    race(*race_them, rounds=rounds)

    assert [slot.places.count() for slot in slots] == [3] * rounds
    assert invariants.violations() == {}


def test_control_cancelling_without_the_slots_lock_ends_below_it(monkeypatch):
    rounds = 8
    slots, race_them = cancels_after_the_quota_was_lowered(rounds)

    def unguarded(ticket, slots, **_):
        places = Place.objects.filter(slot=slots[0])
        too_many = places.count() > slots[0].quota
        time.sleep(0.05)
        places.filter(ticket=ticket).delete() if too_many else places.filter(ticket=ticket).update(ticket=None)

    class NoLock:
        """Slot.objects, but select_for_update locks nothing."""

        def select_for_update(self, **_):
            return Slot.objects

    monkeypatch.setattr(locks, "Slot", type("Slot", (), {"objects": NoLock()}))
    monkeypatch.setattr(places, "free_places", unguarded)

    race(*race_them, rounds=rounds)

    assert any(slot.places.count() < 3 for slot in slots)


def cancels_after_the_quota_was_lowered(rounds):
    slots = one_slot_each_round(rounds, 6)
    tickets = [[make_ticket(slot=slot) for _ in range(6)] for slot in slots]
    for slot in slots:
        make_exception(slot.department, date=slot.date, quota=3)

    def cancel(nth, number):
        return verbs.cancel(ticket=tickets[number][nth]).state

    return slots, [partial(cancel, nth) for nth in range(6)]


def test_booking_against_quota_changes_keeps_every_ticket(members):
    rounds = 8
    slots = one_slot_each_round(rounds, 8)

    def change(quota, number):
        slot = slots[number]
        # Only this day's: a day of an earlier round would else have its old quota again.
        DayException.objects.filter(departments=slot.department, first_date=slot.date).delete()
        make_exception(slot.department, date=slot.date, quota=quota)
        return "changed"

    def lower_and_raise(number):
        change(2, number)
        change(5, number)
        return change(3, number)

    table = race(
        lower_and_raise,
        *(partial(book_in_turn, slots, nth, member) for nth, member in enumerate(members[:24])),
        rounds=rounds,
    )

    for number, answers in enumerate(table):
        booked = Counter(answers)["booked"]
        assert answers[0] == "changed"
        assert set(answers[1:]) <= {"booked", "slot_full"}
        assert slots[number].places.taken().count() == booked
        assert slots[number].places.count() == max(3, booked)
    assert invariants.violations() == {}


def holiday_and_bookers(slots, members):
    """A holiday put on the round's day, amid bookings that come one after the other."""
    bookers = (partial(book_in_turn, slots, nth, member) for nth, member in enumerate(members))
    return partial(close, slots), *bookers


def book_in_turn(slots, nth, member, number) -> str:
    time.sleep(nth * 0.004)
    return book(slots, member, f"key-{member.pk}", number)


def close(slots, number) -> set[int]:
    """Put a holiday on the round's day; tells which tickets staff are shown."""
    holiday = Holiday(date=slots[number].date, name="วันหยุด", is_confirmed=True)
    time.sleep(0.05)
    with transaction.atomic():
        holiday.save()
        opening.rules_changed()
    return {ticket.pk for ticket in Ticket.objects.live().filter(date=holiday.date)}


def test_a_holiday_against_bookings_misses_no_ticket(members):
    rounds = 12
    slots = one_slot_each_round(rounds, 30)

    table = race(*holiday_and_bookers(slots, members[:32]), rounds=rounds)

    for number, (listed, *answers) in enumerate(table):
        committed = set(Ticket.objects.live().filter(date=slots[number].date).values_list("pk", flat=True))
        assert listed == committed
        assert set(answers) <= {"booked", "slot_full", "day_closed"}
        assert Counter(answers)["booked"] == len(committed)
        assert not slots[number].places.free().exists()
    assert invariants.violations() == {}


def test_control_a_holiday_that_takes_no_places_away_misses_tickets(members, monkeypatch):
    rounds = 6
    slots = one_slot_each_round(rounds, 30)
    monkeypatch.setattr(opening, "rules_changed", lambda departments=None: None)

    table = race(*holiday_and_bookers(slots, members[:32]), rounds=rounds)

    committed = [set(Ticket.objects.live().filter(date=slot.date).values_list("pk", flat=True)) for slot in slots]
    assert any(listed != tickets for (listed, *_), tickets in zip(table, committed, strict=True))


def test_two_members_who_change_places_both_get_there_or_both_stay():
    department = make_open_department(quota=1)
    first = make_ticket(slot=make_slot(department=department))
    second = make_ticket(slot=make_slot(department=department, nth=1))

    def move(ticket, slot, _):
        return verbs.reschedule(ticket=ticket, slot_id=slot.pk, key=f"move-{ticket.pk}").state

    answers = race(partial(move, first, second.slot), partial(move, second, first.slot))[0]

    assert set(answers) <= {State.BOOKED, "slot_full"}
    assert Ticket.objects.live().count() == 2
    assert invariants.violations() == {}


def test_moving_against_booking_gives_each_place_once(members):
    department = make_open_department(quota=2, opens=dt.time(9), closes=dt.time(11))
    tickets = [make_ticket(member=members[nth], slot=make_slot(department=department, nth=nth % 2)) for nth in range(4)]
    slots = list(Slot.objects.of_day(department, in_days(1)))

    def move(ticket, _):
        return verbs.reschedule(ticket=ticket, slot_id=slots[2].pk, key=f"move-{ticket.pk}").state

    race(
        *(partial(move, ticket) for ticket in tickets),
        *(partial(book, [slots[nth % 4]], member, f"key-{member.pk}") for nth, member in enumerate(members[4:36])),
    )

    assert Ticket.objects.live().count() == Place.objects.taken().count() == 8
    assert invariants.violations() == {}


def test_two_openings_at_once_make_each_place_once():
    department = make_open_department()
    Slot.objects.all().delete()

    def open_days(_):
        opening.rules_changed()
        return "opened"

    race(*[open_days] * 8)

    per_day = Counter(Slot.objects.filter(department=department).values_list("date", flat=True))
    assert set(per_day.values()) == {14}
    assert invariants.violations() == {}
