"""A department's fair rules: a place that was given up comes free after a while, and who did not come too often books
by telephone or at short notice."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from booking import errors, invariants, roles, verbs
from booking.days import availability, no_shows
from booking.models import ForgivenNoShows, Ticket, TicketEvent
from booking.models.tickets import State
from members.identify import issue_identity
from tests.factories import (
    in_days,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
    make_user,
)
from tests.pages import hold, text

pytestmark = pytest.mark.django_db


def book(member, slot, **more):
    return verbs.book(member_id=member.pk, slot_id=slot.pk, key=f"{member.pk}-{slot.pk}", **more)


def free(department, *, for_staff=False) -> int:
    return availability.times(department, in_days(1), for_staff=for_staff)[0].free


# --- a place that was given up ---


@pytest.fixture
def slow():
    return make_open_department(quota=1, freed_after_minutes=20)


def test_a_cancelled_place_comes_free_after_some_minutes(slow):
    ticket = make_ticket(slot=make_slot(department=slow))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        verbs.cancel(ticket=ticket)
        assert free(slow) == 0
        with pytest.raises(errors.SlotFull):
            book(make_member(), ticket.slot)
        clock.shift(dt.timedelta(minutes=19))
        with pytest.raises(errors.SlotFull):
            book(make_member(), ticket.slot)
        clock.shift(dt.timedelta(minutes=1))
        assert free(slow) == 1
        assert book(make_member(), ticket.slot).created
    assert invariants.faults() == []


def test_so_does_one_that_was_moved_away_from(slow):
    ticket = make_ticket(slot=make_slot(department=slow))
    verbs.reschedule(ticket=ticket, slot_id=make_slot(department=slow, nth=2).pk, key="move")
    assert free(slow) == 0


def test_staff_may_have_it_at_once(slow):
    ticket = make_ticket(slot=make_slot(department=slow))
    verbs.cancel(ticket=ticket)
    assert free(slow, for_staff=True) == 1
    assert book(make_member(), ticket.slot, by=make_user()).created


def test_what_staff_cancel_is_free_at_once(slow):
    ticket = make_ticket(slot=make_slot(department=slow))
    verbs.cancel(ticket=ticket, by=make_user())
    assert free(slow) == 1


def test_of_a_long_visit_every_part(slow):
    topic = make_topic(department=slow, minutes=60)
    slot, member = make_slot(department=slow), make_member()
    verbs.book(member_id=member.pk, slot_id=slot.pk, topic_id=topic.pk, key="long")
    verbs.cancel(ticket=Ticket.objects.get())
    assert [time.free for time in availability.times(slow, in_days(1))][:3] == [0, 0, 1]


def test_without_the_rule_at_once():
    ticket = make_ticket()
    verbs.cancel(ticket=ticket)
    assert book(make_member(), ticket.slot).created


# --- who did not come ---


@pytest.fixture
def strict():
    return make_open_department(no_show_limit=2, no_show_days=60, no_show_lasts_days=10, max_days_ahead=5)


def missed(member, department, *, days_ago, state=State.NOT_ARRIVED):
    ticket = make_ticket(member=member, slot=make_slot(department=department, days_ahead=4))
    Ticket.objects.filter(pk=ticket.pk).update(state=state, date=in_days(-days_ago))
    ticket.places.update(ticket=None)


def tries(member, department, *, days_ahead=3, **more):
    return book(member, make_slot(department=department, days_ahead=days_ahead), **more)


def test_who_missed_too_often_is_refused_and_told_until_when(strict):
    member = make_member()
    missed(member, strict, days_ago=3)
    assert no_shows.record(member.pk, strict).is_last_warning
    missed(member, strict, days_ago=1, state=State.NO_SHOW)
    with pytest.raises(errors.MissedTooOften) as refused:
        tries(member, strict)
    assert refused.value.until == in_days(9)
    assert "2 ครั้ง" in str(refused.value) and "โทรจอง" in str(refused.value)
    assert not no_shows.record(member.pk, strict).is_last_warning


def test_staff_book_for_them_all_the_same(strict):
    member = make_member()
    for days in (1, 3):
        missed(member, strict, days_ago=days)
    assert tries(member, strict, by=make_user()).created


@pytest.mark.parametrize(
    ("days_ago", "is_kept_away"), [((10, 30), True), ((11, 30), False), ((1, 60), False), ((1, 59), True)]
)
def test_for_a_while_and_of_a_while(strict, days_ago, is_kept_away):
    """Ten days after the last; counted are those of sixty days."""
    member = make_member()
    for days in days_ago:
        missed(member, strict, days_ago=days)
    assert (no_shows.is_kept_away(member.pk, strict, in_days(3)) is not None) == is_kept_away
    if is_kept_away:
        with pytest.raises(errors.MissedTooOften):
            tries(member, strict)
    else:
        assert tries(member, strict).created


def test_other_departments_and_other_members_are_not_concerned(strict):
    member = make_member()
    for days in (1, 3):
        missed(member, strict, days_ago=days)
    assert tries(member, make_open_department(no_show_limit=2)).created
    assert tries(make_member(), strict).created


def test_the_softer_rule_leaves_today_and_tomorrow(strict):
    strict.no_show_rule = "short"
    strict.save()
    member = make_member()
    for days in (1, 3):
        missed(member, strict, days_ago=days)
    with pytest.raises(errors.MissedTooOften) as refused:
        tries(member, strict, days_ahead=2)
    assert "เฉพาะวันนี้และพรุ่งนี้" in str(refused.value)
    assert tries(member, strict, days_ahead=1).created


def test_a_cancelled_ticket_and_one_that_staff_reopened_do_not_count(strict):
    member = make_member()
    missed(member, strict, days_ago=1, state=State.CANCELLED)
    missed(member, strict, days_ago=2, state=State.SERVED)
    missed(member, strict, days_ago=3)
    assert tries(member, strict).created


def test_without_a_rule_nobody_is_refused():
    department, member = make_open_department(), make_member()
    for days in (1, 2, 3, 4):
        missed(member, department, days_ago=days)
    assert tries(member, department).created


def test_they_may_still_move_what_they_hold(strict):
    member = make_member()
    tries(member, strict)
    for days in (1, 3):
        Ticket.objects.create(
            public_id=f"old-{days}",
            secret_hash="x",
            department=strict,
            queue=strict,
            date=in_days(-days),
            number=days,
            due_at=timezone.now(),
            issued_at=timezone.now(),
            member=member,
            state=State.NOT_ARRIVED,
        )
    ticket = Ticket.objects.get(state=State.BOOKED)
    moved = verbs.reschedule(ticket=ticket, slot_id=make_slot(department=strict, days_ahead=3, nth=4).pk, key="move")
    assert moved.created


def test_a_move_to_a_full_time_is_told_as_full(strict):
    """The rule has nothing to do with it."""
    member = make_member()
    full = make_slot(department=strict, days_ahead=3, nth=4)
    for _ in range(full.quota):
        make_ticket(slot=full)
    ticket = make_ticket(member=member, slot=make_slot(department=strict, days_ahead=3))
    for days in (1, 3):
        missed(make_member() if days > 3 else member, strict, days_ago=days)
    assert no_shows.is_kept_away(member.pk, strict, in_days(3))
    with pytest.raises(errors.SlotFull):
        verbs.reschedule(ticket=ticket, slot_id=full.pk, key="move")


@pytest.mark.parametrize("rule", ["telephone", "short"])
@pytest.mark.parametrize("days_ahead", [0, 1, 2])
@pytest.mark.parametrize("forgiven", [False, True])
def test_the_statement_and_the_rule_in_python_say_the_same(strict, rule, days_ahead, forgiven):
    strict.no_show_rule = rule
    strict.save()
    member = make_member()
    for days in (1, 3):
        missed(member, strict, days_ago=days)
    if forgiven:
        ForgivenNoShows.objects.create(member=member, at=timezone.now(), reason="ป่วย")
    kept_away = no_shows.is_kept_away(member.pk, strict, in_days(days_ahead)) is not None
    try:
        book(member, make_slot(department=strict, days_ahead=days_ahead, nth=8))
    except errors.MissedTooOften:
        assert kept_away
    else:
        assert not kept_away


def test_a_no_show_that_staff_undo_does_not_count(strict):
    member = make_member()
    missed(member, strict, days_ago=3)
    ticket = make_ticket(member=member, slot=make_slot(department=strict, days_ahead=0, nth=8))
    Ticket.objects.filter(pk=ticket.pk).update(state=State.NOT_ARRIVED)
    assert no_shows.is_kept_away(member.pk, strict, in_days(3))
    TicketEvent.objects.create(
        ticket=ticket, verb="close_day", from_state=State.BOOKED, to_state=State.NOT_ARRIVED, at=timezone.now()
    )
    verbs.reopen(ticket=Ticket.objects.get(pk=ticket.pk), by=make_user())
    assert tries(member, strict).created


def test_by_the_api(client, strict):
    member = make_member()
    for days in (1, 3):
        missed(member, strict, days_ago=days)
    body = {"identity": issue_identity(member)[0], "slot": make_slot(department=strict, days_ahead=3).pk}
    answer = client.post("/api/v1/tickets/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "missed_too_often")


def test_the_last_warning_stands_on_the_ticket(client, strict):
    member = make_member()
    missed(member, strict, days_ago=3)
    tries(member, strict)
    ticket = Ticket.objects.get(state=State.BOOKED)
    hold(client, ticket)
    assert "หากมาไม่ได้ กรุณายกเลิก" in text(client.get(reverse("ticket", args=[ticket.public_id])))


def test_staff_let_them_book_again_and_say_why(client, strict):
    member = make_member()
    for days in (1, 3):
        missed(member, strict, days_ago=days)
    manager = make_user(group=roles.MANAGER)
    client.force_login(manager)
    address = reverse("admin:members_member_forgive", args=[member.pk])
    assert strict.name in text(client.get(address))
    refused = client.post(address, {"reason": " "})
    assert refused.status_code == 200 and not ForgivenNoShows.objects.exists()
    client.post(address, {"reason": "เข้าโรงพยาบาล"})
    forgiven = ForgivenNoShows.objects.get()
    assert (forgiven.member, forgiven.by, forgiven.reason) == (member, manager, "เข้าโรงพยาบาล")
    assert tries(member, strict).created


def test_clerks_do_not_forgive(client, strict):
    client.force_login(make_user(group=roles.CLERK))
    member = make_member()
    assert client.post(reverse("admin:members_member_forgive", args=[member.pk]), {"reason": "x"}).status_code == 403
    assert not ForgivenNoShows.objects.exists()
