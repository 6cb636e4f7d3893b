"""The waiting list in real processes: cancelling, offering, accepting, lapsing and ordinary booking at once. Nobody but
who waits gets the place, and nobody is offered one that is taken. Each race has a control: without the guard it goes
wrong."""

import datetime as dt
import time
from functools import partial

import pytest
from django.utils import timezone

from booking import errors, invariants, verbs
from booking.days import opening
from booking.days import waiting as days_waiting
from booking.models import Place, Ticket, WaitingEntry
from booking.verbs import places, waiting
from tests.factories import in_days, make_exception, make_member, make_open_department, make_slot, make_ticket
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS, WAITING, STRANGERS = 4, 3, 8
AT_MOST = 6  # seconds, on a machine that has much else to do
THEFT = "nobody else books a place while it is offered"


class Office:
    """One place a day, which is taken; of each day, some wait."""

    def __init__(self):
        self.department = make_open_department(
            quota=1, opens=dt.time(9), closes=dt.time(9, 30), max_days_ahead=ROUNDS + 1, has_waiting_list=True
        )
        self.slots = [make_slot(department=self.department, days_ahead=nth + 1) for nth in range(ROUNDS)]
        self.tickets = [make_ticket(slot=slot) for slot in self.slots]
        self.waiting = [make_member() for _ in range(WAITING)]
        self.strangers = [make_member() for _ in range(STRANGERS)]
        self.entries = [
            [waiting.join(member_id=member.pk, department=self.department, date=slot.date) for member in self.waiting]
            for slot in self.slots
        ]

    def cancel(self, number):
        time.sleep(0.03)
        return verbs.cancel(ticket=self.tickets[number]).state

    def offer(self, number):
        return sum(self._while_it_is_free(number, waiting.offer_free_places))

    def accept(self, nth, number):
        entry = self.entries[number][nth]

        def answer():
            entry.refresh_from_db()
            return entry.offered_at and waiting.accept(entry=entry)

        return self._tries(number, answer)

    def book(self, member, number):
        slot = self.slots[number]
        return self._tries(
            number, lambda: verbs.book(member_id=member.pk, slot_id=slot.pk, key=f"{member.pk}-{slot.pk}-{time.time()}")
        )

    def _tries(self, number, answer) -> str:
        for _ in self._while_it_is_free(number, lambda: None):
            try:
                if answer():
                    return "booked"
            except (errors.SlotFull, errors.OfferOver, errors.DayClosed):
                pass
        return "went without"

    def _while_it_is_free(self, number, what):
        """Yields what came of it, again and again, until somebody has the place after it was cancelled."""
        until = time.monotonic() + AT_MOST
        again = Ticket.objects.live().filter(slot=self.slots[number]).exclude(pk=self.tickets[number].pk)
        while time.monotonic() < until and not again.exists():
            yield what()
            time.sleep(0.005)

    def all_at_once(self, *others):
        return race(
            self.cancel,
            self.offer,
            self.offer,
            *(partial(self.accept, nth) for nth in range(WAITING)),
            *(partial(self.book, member) for member in self.strangers),
            *others,
            rounds=ROUNDS,
        )


def test_a_cancelled_place_goes_to_one_who_waits_whoever_else_tries():
    office = Office()

    table = office.all_at_once()

    for number, (cancelled, *answers) in enumerate(table):
        assert cancelled == "cancelled"
        assert sum(answers[:2]) >= 1
        assert sorted(answers[2:]) == ["booked"] + ["went without"] * (WAITING + STRANGERS - 1)
        held = Ticket.objects.live().get(slot=office.slots[number])
        assert held.member == office.waiting[0]  # the first in line
    assert invariants.violations() == {}


def without_the_guard(monkeypatch):
    """An offered place is as free as any."""
    unguarded = places.TAKE_FREE_PLACE.replace("WHEN place.offered_until > %(now)s", "WHEN false")
    assert unguarded != places.TAKE_FREE_PLACE
    monkeypatch.setattr(places, "TAKE_FREE_PLACE", unguarded)


def test_control_without_the_guard_strangers_take_it(monkeypatch):
    office = Office()
    without_the_guard(monkeypatch)

    table = office.all_at_once()

    assert any("booked" in answers[3 + WAITING :] for answers in table)


def test_control_the_theft_of_an_offered_place_is_found(monkeypatch):
    office = Office()
    for ticket in office.tickets:
        verbs.cancel(ticket=ticket)
    assert waiting.offer_free_places() == ROUNDS
    assert invariants.violations() == {}
    without_the_guard(monkeypatch)

    table = race(*(partial(office.book, member) for member in office.strangers), rounds=ROUNDS)

    assert all("booked" in answers for answers in table)
    assert THEFT in invariants.violations()


def offers_are_short(monkeypatch):
    """A quarter of a second, and then kept until it is passed on, on a busy machine too."""
    monkeypatch.setattr(days_waiting, "KEPT", dt.timedelta(seconds=3))
    monkeypatch.setattr(days_waiting, "offer_ends_at", lambda department, slot, now: now + dt.timedelta(seconds=0.25))


def test_offers_that_lapse_amid_bookings_lose_no_place_and_cheat_nobody(monkeypatch):
    """Nobody accepts: place after place lapses, is passed on, and is free to all in the end."""
    offers_are_short(monkeypatch)
    office = Office()

    table = race(
        office.cancel,
        office.offer,
        office.offer,
        *(partial(office.book, member) for member in office.strangers),
        rounds=ROUNDS,
    )

    for answers in table:
        assert answers[3:].count("booked") == 1
    assert Place.objects.taken().count() == Ticket.objects.live().count() == ROUNDS
    assert WaitingEntry.objects.filter(offered_at__isnull=False).exists()
    assert invariants.violations() == {}


def test_answers_at_the_moment_of_lapsing_and_leaving_keep_every_rule(monkeypatch):
    """Each offer is answered late, left by some, and the day is closed and opened meanwhile."""
    offers_are_short(monkeypatch)
    office = Office()

    def leave(number):
        time.sleep(0.2)
        waiting.leave(entry=office.entries[number][1])
        return "left"

    def accept_late(nth, number):
        time.sleep(0.3)
        return office.accept(nth, number)

    def close_and_open(number):
        time.sleep(0.1)
        exception = make_exception(office.department, date=office.slots[number].date)
        exception.delete()
        opening.rules_changed([office.department])
        return "opened"

    table = race(
        office.cancel,
        office.offer,
        office.offer,
        leave,
        close_and_open,
        *(partial(accept_late, nth) for nth in range(WAITING)),
        *(partial(office.book, member) for member in office.strangers),
        rounds=ROUNDS,
    )

    for answers in table:
        assert answers[3:5] == ["left", "opened"]
        assert answers[5:].count("booked") <= 1
    day = Ticket.objects.live().filter(date__gt=in_days(0))
    assert Place.objects.taken().count() == day.count()
    assert invariants.violations() == {}
    assert not WaitingEntry.objects.live().filter(offer_ends_at__gt=timezone.now(), places=None).exists()


def test_a_member_who_joins_64_times_waits_once():
    office = Office()
    member = make_member()

    def join(_):
        return waiting.join(member_id=member.pk, department=office.department, date=office.slots[0].date).pk

    answers = race(*[join] * 64)[0]

    assert len(set(answers)) == 1
    assert WaitingEntry.objects.filter(member=member).count() == 1
