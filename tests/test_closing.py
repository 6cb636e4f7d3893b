"""A day that the office closes: which tickets it touches, and what becomes of them as staff choose."""

from functools import partial

import pytest

from booking import errors, invariants, verbs
from booking.models import Ticket
from booking.models.tickets import State
from booking.verbs import closures
from booking.verbs.closures import Choice
from tests.factories import (
    change,
    in_days,
    make_exception,
    make_holiday,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
)
from tests.racing import race

pytestmark = pytest.mark.django_db


def make_draft(*, days_ahead=1, name="วันหยุดพิเศษ"):
    return make_holiday(date=in_days(days_ahead), name=name, is_confirmed=False)


def close(holidays, choice, *, tickets=None, reason="วันหยุดพิเศษ", by=None):
    if tickets is None:
        tickets = [ticket for holiday in holidays for ticket in Ticket.objects.live().filter(date=holiday.date)]
    return closures.close_for_holidays(
        holidays=holidays, choice=choice, tickets=tickets, by=by or make_user(), reason=reason
    )


def live_on(date) -> set[int]:
    return set(Ticket.objects.live().filter(date=date).values_list("pk", flat=True))


def test_kept_tickets_stay_live_and_are_found_again():
    ticket = make_ticket()

    assert close([make_draft()], Choice.KEEP) == []

    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED
    assert list(closures.stranded()) == [ticket]
    assert not closures.settled().exists()


def test_cancelled_tickets_keep_the_reason_for_the_telephone_list():
    ticket, manager = make_ticket(), make_user()

    close([make_draft()], Choice.CANCEL, reason="วันเลือกตั้ง", by=manager)

    event = ticket.events.last()
    assert (event.to_state, event.reason, event.by) == (State.CANCELLED, "วันเลือกตั้ง", manager)
    assert not closures.stranded().exists()
    [told] = closures.settled()
    assert (told, told.reason, told.member) == (ticket, "วันเลือกตั้ง", ticket.member)


def test_moved_to_the_same_time_of_the_next_open_day():
    department = make_open_department()
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=1, nth=3))
    # The day after is closed too.
    make_exception(department, date=in_days(2), quota=0)

    [outcome] = close([make_draft()], Choice.MOVE)

    moved = Ticket.objects.get(pk=outcome.moved_to.ticket_id)
    assert moved.slot == make_slot(department=department, days_ahead=3, nth=3)
    assert moved.moved_from == ticket
    [told] = closures.settled()
    assert (told, told.moved_to, told.reason) == (ticket, moved, "วันหยุดพิเศษ")
    assert invariants.violations() == {}


def test_moved_to_the_nearest_free_time_where_the_same_is_full():
    department = make_open_department(quota=1)
    slot = make_slot(department=department, days_ahead=1, nth=3)
    make_ticket(slot=slot)
    for nth in (2, 3):
        make_ticket(slot=make_slot(department=department, days_ahead=2, nth=nth))

    [outcome] = close([make_draft()], Choice.MOVE)

    assert Ticket.objects.get(pk=outcome.moved_to.ticket_id).slot == make_slot(
        department=department, days_ahead=2, nth=4
    )


def test_a_day_on_which_the_member_comes_anyway_is_passed_over():
    department, member = make_open_department(), make_member()
    for days_ahead in (1, 2):
        make_ticket(member=member, slot=make_slot(department=department, days_ahead=days_ahead))

    [outcome] = close([make_draft()], Choice.MOVE)

    assert outcome.moved_to.date == in_days(3)


def test_what_cannot_be_moved_stays_and_says_why():
    department = make_open_department(quota=1, max_days_ahead=2, slot_minutes=240)
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=1))
    make_ticket(slot=make_slot(department=department, days_ahead=2))

    [outcome] = close([make_draft()], Choice.MOVE)

    assert isinstance(outcome.refusal, errors.NoFreeTime)
    assert list(closures.stranded()) == [ticket]


def test_one_refusal_does_not_stop_the_others():
    department = make_open_department()
    first, second = (make_ticket(slot=make_slot(department=department)) for _ in range(2))
    verbs.cancel(ticket=first)

    outcomes = close([make_draft()], Choice.CANCEL, tickets=[first, second])

    assert [type(outcome.refusal) for outcome in outcomes] == [errors.WrongState, type(None)]
    second.refresh_from_db()
    assert second.state == State.CANCELLED


def test_what_was_booked_after_staff_looked_is_left_and_found():
    department = make_open_department()
    seen = make_ticket(slot=make_slot(department=department))
    tickets = list(Ticket.objects.live().filter(date=seen.date))
    meanwhile = make_ticket(slot=make_slot(department=department))

    close([make_draft()], Choice.CANCEL, tickets=tickets)

    assert list(closures.stranded()) == [meanwhile]


def test_done_twice_it_is_done_once():
    ticket, draft = make_ticket(), make_draft()
    close([draft], Choice.MOVE, tickets=[ticket])
    [again] = close([draft], Choice.MOVE, tickets=[ticket])

    assert again.moved_to.ticket_id == Ticket.objects.live().get().pk
    assert Ticket.objects.count() == 2


@pytest.mark.parametrize("how", ["closure", "one time", "department"])
def test_a_departments_own_closure_strands_its_tickets_only(how):
    department, other = make_open_department(), make_open_department()
    early = make_ticket(slot=make_slot(department=department, nth=0))
    late = make_ticket(slot=make_slot(department=department, nth=5))
    make_ticket(slot=make_slot(department=other))

    if how == "closure":
        make_exception(department, date=early.date, quota=0)
    elif how == "one time":
        make_exception(department, date=early.date, start="08:30", quota=0)
    else:
        change(department, is_active=False)

    assert list(closures.stranded()) == ([early] if how == "one time" else [early, late])


def test_a_day_laid_out_while_the_booking_window_was_longer_is_closed_too():
    department = make_open_department(max_days_ahead=30)
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=20))
    change(department, max_days_ahead=5)
    with pytest.raises(errors.NotYetOpen):
        make_ticket(slot=ticket.slot)

    close([make_draft(days_ahead=20)], Choice.KEEP)

    assert not ticket.slot.places.free().exists()
    assert list(closures.stranded()) == [ticket]


def test_what_members_cancelled_themselves_needs_no_call():
    ticket = make_ticket()
    verbs.cancel(ticket=ticket)
    close([make_draft()], Choice.KEEP)

    assert not closures.settled().exists()


@pytest.mark.race
class TestRace:
    """A holiday comes while members book: whoever got a ticket is on one of the two lists."""

    pytestmark = pytest.mark.django_db(transaction=True)
    ROUNDS, BOOKERS = 6, 16

    def run(self, *, read_first):
        department = make_open_department(quota=3, max_days_ahead=self.ROUNDS + 1, slot_minutes=60)
        members = [make_member() for _ in range(self.BOOKERS)]
        drafts = [make_draft(days_ahead=nth + 1) for nth in range(self.ROUNDS)]
        slots = [list(department.slots.filter(date=draft.date).order_by("starts_at")) for draft in drafts]

        def book(nth, number):
            slot = slots[number][nth % len(slots[number])]
            return verbs.book(member_id=members[nth].pk, slot_id=slot.pk, key=f"{nth}-{number}").ticket_id

        def put_holiday(number):
            draft = drafts[number]
            read_before = set(Ticket.objects.live().filter(date=draft.date).values_list("pk", flat=True))
            close([draft], Choice.KEEP, tickets=[])
            return (
                read_before
                if read_first
                else set(Ticket.objects.live().filter(date=draft.date).values_list("pk", flat=True))
            )

        table = race(*(partial(book, nth) for nth in range(self.BOOKERS)), put_holiday, rounds=self.ROUNDS)
        answers = {answer for row in table for answer in row[:-1]}
        booked = {answer for answer in answers if isinstance(answer, int)}
        return booked, answers - booked, set().union(*(row[-1] for row in table))

    def test_every_ticket_is_on_the_list(self):
        booked, refusals, listed = self.run(read_first=False)

        assert booked == listed
        assert refusals <= {"day_closed", "slot_full"}
        assert booked == set(closures.stranded().values_list("pk", flat=True))
        assert invariants.violations() == {}

    def test_control_a_list_read_before_the_closure_misses_some(self):
        booked, _, listed = self.run(read_first=True)

        assert booked - listed


def test_a_wish_for_the_time_it_has_moves_it_to_the_nearest_other():
    department = make_open_department(quota=2, max_days_ahead=5)
    ticket = make_ticket(slot=make_slot(department=department, nth=4))

    booking = closures.move_to_free_time(ticket=ticket, by=make_user(), wish=ticket.slot.starts_at)

    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED
    assert booking.starts_at != ticket.slot.starts_at


def test_staff_move_it_to_a_time_that_members_may_not_book_yet():
    department = make_open_department(quota=1, max_days_ahead=5, freed_after_minutes=20)
    ticket = make_ticket(slot=make_slot(department=department, nth=4))
    given_up = make_ticket(slot=make_slot(department=department, nth=5))
    make_ticket(slot=make_slot(department=department, nth=3))
    verbs.cancel(ticket=given_up)

    booking = closures.move_to_free_time(ticket=ticket, by=make_user())

    assert booking.starts_at == given_up.slot.starts_at
