"""How much members may book for themselves; past the limit of an address they are asked for a proof, not refused."""

import datetime as dt
import random
from collections import Counter
from functools import partial

import pytest
import time_machine
from django.core.checks import run_checks
from django.urls import reverse
from django.utils import timezone

from booking import errors, verbs
from booking.models import Slot, Ticket
from booking.verbs import limits, places
from members.identify import issue_identity
from members.origins import origin_of
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import book, confirm_name, key_of, send_times, text, ticket_at, times_page
from tests.racing import race

HOME = origin_of(address="203.0.113.7", device="a device")
ELSEWHERE = origin_of(address="198.51.100.9", device="another device")
pytestmark = pytest.mark.django_db


@pytest.fixture
def few(settings):
    def set_limits(**most):
        settings.BOOKING_LIMITS = dict.fromkeys(settings.BOOKING_LIMITS, 1000) | most

    set_limits()
    return set_limits


@pytest.fixture
def departments():
    return [make_open_department(quota=30, max_days_ahead=9) for _ in range(3)]


def take(member, slot, *, origin=HOME, **how):
    """Book as a member does; the refusal's code, or "booked"."""
    try:
        verbs.book(member_id=member.pk, slot_id=slot.pk, key=f"{random.random()}", origin=origin, **how)
    except errors.BookingError as refusal:
        return refusal.code
    return "booked"


def day_by_day(department, days=9):
    return [make_slot(department=department, days_ahead=n + 1) for n in range(days)]


# --- one member ---------------------------------------------------------------------------------------------------


def test_one_member_holds_three_tickets_over_all_days_and_departments(departments):
    member = make_member()
    slots = [make_slot(department=department, days_ahead=n + 1) for n, department in enumerate(departments * 2)]
    assert [take(member, slot) for slot in slots] == ["booked"] * 3 + ["too_many_tickets"] * 3
    verbs.cancel(ticket=member.tickets.live().first())
    assert take(member, slots[3]) == "booked"


def test_tickets_of_days_that_are_over_are_not_held(departments, few):
    few(live=1)
    member = make_member()
    assert take(member, make_slot(department=departments[0])) == "booked"
    with time_machine.travel(timezone.now() + dt.timedelta(days=2)):
        assert take(member, make_slot(department=departments[0], days_ahead=3)) == "booked"


def test_bookings_of_one_member_in_any_24_hours_moves_among_them(departments, few):
    few(day=3)
    member, slots = make_member(), day_by_day(departments[0])
    with time_machine.travel(timezone.now().replace(hour=1), tick=False) as clock:
        assert take(member, slots[0]) == "booked"
        clock.shift(dt.timedelta(hours=20))
        ticket = member.tickets.get()
        moved = verbs.reschedule(ticket=ticket, slot_id=slots[1].pk, key="move", origin=HOME)
        assert take(member, slots[2]) == "booked"
        with pytest.raises(errors.TooManyBookings) as refused:
            verbs.book(member_id=member.pk, slot_id=slots[3].pk, key="four", origin=HOME)
        assert refused.value.retry_after == 4 * 60 * 60
        with pytest.raises(errors.TooManyBookings):
            verbs.reschedule(
                ticket=Ticket.objects.get(pk=moved.ticket_id), slot_id=slots[4].pk, key="again", origin=HOME
            )
        assert Ticket.objects.get(pk=moved.ticket_id).state == "booked", "it stays where it was"
        clock.shift(dt.timedelta(hours=4))
        assert [take(member, slot) for slot in slots[3:5]] == ["booked", "too_many_bookings"]


def test_what_staff_and_the_kiosk_issue_is_neither_limited_nor_counted(departments):
    member, clerk = make_member(), make_user()
    slots = day_by_day(departments[0])
    for slot in slots[:5]:
        make_ticket(member=member, slot=slot, by=clerk)
    assert [take(member, slot) for slot in slots[5:9]] == ["booked"] * 3 + ["too_many_tickets"]
    make_ticket(member=member, slot=slots[8], by=clerk)


# --- one device, one address --------------------------------------------------------------------------------------


def test_one_device_books_six_times_in_any_hour(departments):
    slots = day_by_day(departments[0])
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert [take(make_member(), slots[0]) for _ in range(7)] == ["booked"] * 6 + ["too_many_bookings"]
        assert take(make_member(), slots[0], is_proven=True) == "too_many_bookings"
        assert take(make_member(), slots[0], origin=ELSEWHERE) == "booked"
        clock.shift(dt.timedelta(minutes=59, seconds=59))
        assert take(make_member(), slots[0]) == "too_many_bookings"
        clock.shift(dt.timedelta(seconds=1))
        assert take(make_member(), slots[0]) == "booked"


def test_past_the_limit_of_an_address_a_proof_is_asked_for(departments, few):
    few(address=4)
    slot = make_slot(department=departments[0])
    assert [take(make_member(), slot) for _ in range(6)] == ["booked"] * 4 + ["proof_needed"] * 2
    assert take(make_member(), slot, is_proven=True) == "booked"
    assert take(make_member(), slot, origin=ELSEWHERE) == "booked"


def test_a_full_slot_is_told_first(departments, few):
    few(address=1)
    slot = make_slot(quota=1)
    assert take(make_member(), slot) == "booked"
    assert take(make_member(), slot) == "slot_full"


def test_of_ipv6_both_the_64_and_the_48_count(departments, few):
    few(address=4)
    slot = make_slot(department=departments[0])

    def at(address):
        return take(make_member(), slot, origin=origin_of(address=address, device=""))

    assert [at("2001:db8:1:2::") for _ in range(3)] == ["booked"] * 3
    assert [at(f"2001:db8:1:{n}::") for n in range(5, 8)] == ["booked", "proof_needed", "proof_needed"]
    assert at("2001:db8:2:2::") == "booked"


def test_nothing_of_the_origin_can_be_read_off_the_ticket(departments):
    take(make_member(), make_slot(department=departments[0]))
    ticket = Ticket.objects.get()
    assert ticket.origin_address == HOME.address and ticket.origin_device == HOME.device
    assert "203.0.113.7" not in str(Ticket.objects.values().get()) and "a device" not in str(Ticket.objects.values())
    with time_machine.travel(timezone.now() + dt.timedelta(days=200)):
        verbs.unlink_members(before=timezone.localdate() - dt.timedelta(days=90))
    ticket.refresh_from_db()
    assert not any([ticket.origin_address, ticket.origin_network, ticket.origin_device, ticket.identity_mark])


def test_a_limit_of_none_stops_the_start(settings):
    settings.BOOKING_LIMITS = settings.BOOKING_LIMITS | {"day": 0}
    assert [fault.id for fault in run_checks(tags=["members"])] == ["members.E005"]


def test_the_statement_keeps_to_the_rule_in_python(departments, few):
    """What limits.refusal() says before a booking is what the statement does."""
    few(live=9, day=12, device=5, address=7)
    chance = random.Random(20261126)
    members = [make_member() for _ in range(6)]
    slots = [slot for department in departments for slot in day_by_day(department)]
    origins = [
        origin_of(address=f"2001:db8:1:{n % 2}::" if n % 3 else "203.0.113.1", device=f"{n % 4}" if n % 4 else "")
        for n in range(12)
    ]
    said = Counter()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(150):
            clock.shift(dt.timedelta(minutes=chance.randrange(12)))
            member, slot, origin = chance.choice(members), chance.choice(slots), chance.choice(origins)
            is_proven = chance.random() < 0.3
            if member.tickets.live().filter(date=slot.date, department=slot.department_id).exists():
                verbs.cancel(ticket=member.tickets.live().filter(date=slot.date).first())
                continue
            ruled = limits.refusal(member_id=member.pk, origin=origin, is_proven=is_proven, now=timezone.now())
            done = take(member, slot, origin=origin, is_proven=is_proven)
            if done != "window_passed":
                assert done == (ruled.code if ruled else "booked")
                said[done] += 1
    assert len(said) == 4, said


# --- the pages and the API ----------------------------------------------------------------------------------------


def test_the_page_asks_for_the_proof_says_why_and_leads_back_to_the_time(client, departments, few):
    few(address=1)
    department, member = departments[0], make_member(phone="0812345678")
    slot = Slot.objects.of_day(department, in_days(1))[3]
    confirm_name(client, department, member=member)
    page = times_page(client, department)
    take(make_member(), slot, origin=origin_of(address="127.0.0.1", device=""))

    answer = send_times(client, department, slot, key=key_of(page))
    asked = client.get(answer["Location"])
    assert str(errors.ProofNeeded.message) in text(asked)
    assert 'name="proof"' in asked.content.decode()

    typed = {"by": "member_number", "member_number": member.member_number, "slot": slot.pk}
    address = reverse("identify", args=[department.slug])
    assert client.post(address, typed | {"proof": "0000"}).status_code == 422
    shown = client.post(address, typed | {"proof": "5678"})
    times = client.get(client.post(shown["Location"], {"answer": "yes", "slot": slot.pk})["Location"])
    assert ticket_at(send_times(client, department, slot, key=key_of(times))["Location"]).member == member


def test_who_comes_after_is_asked_from_the_start(client, departments, few):
    few(address=1)
    address = reverse("identify", args=[departments[0].slug])
    assert 'name="proof"' not in client.get(address).content.decode()
    take(make_member(), make_slot(department=departments[0]), origin=origin_of(address="127.0.0.1", device=""))
    assert 'name="proof"' in client.get(address).content.decode()


def test_who_brings_no_cookie_is_one_device_of_its_address(client, departments):
    slot = make_slot(department=departments[0])
    nobody = origin_of(address="203.0.113.7", device="")
    assert [take(make_member(), slot, origin=nobody) for _ in range(8)] == ["booked"] * 6 + ["proof_needed"] * 2
    assert take(make_member(), slot, origin=nobody, is_proven=True) == "booked"
    assert take(make_member(), slot) == "booked", "a browser with a cookie at the same address"


def test_the_seventh_ticket_of_a_device_waits(client, departments):
    for _ in range(6):
        book(client, departments[0])
    confirm_name(client, departments[0])
    page = times_page(client, departments[0])
    answer = send_times(client, departments[0], make_slot(department=departments[0]), key=key_of(page))
    assert str(errors.TooManyBookings.message) in text(client.get(answer["Location"]))


def api(client, path, body, **headers):
    return client.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)


def test_the_api_names_both_and_says_when_to_come_again(client, departments, few):
    few(address=1)
    member = make_member(phone="0812345678")
    slots = day_by_day(departments[0])
    take(make_member(), slots[0], origin=origin_of(address="127.0.0.1", device=""))

    without = api(client, "tickets/", {"identity": issue_identity(member)[0], "slot": slots[0].pk})
    assert (without.status_code, without.json()["code"]) == (403, "proof_needed")
    proven = api(client, "members/identify/", {"member_number": member.member_number, "proof": "5678"}).json()
    booked = api(client, "tickets/", {"identity": proven["identity"], "slot": slots[0].pk})
    assert booked.status_code == 201

    few(live=1)
    refused = api(client, "tickets/", {"identity": issue_identity(member)[0], "slot": slots[1].pk})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_bookings")
    assert 0 < int(refused["Retry-After"]) <= 2 * 24 * 60 * 60


def test_who_holds_too_many_may_book_again_when_the_next_day_with_one_is_over(departments, few):
    few(live=2)
    member = make_member()
    slots = day_by_day(departments[0])
    take(member, slots[2]), take(member, slots[4])

    with pytest.raises(errors.TooManyTickets) as refused:
        verbs.book(member_id=member.pk, slot_id=slots[6].pk, key="one too many", origin=HOME)

    over = timezone.make_aware(dt.datetime.combine(in_days(4), dt.time()))
    assert abs(refused.value.retry_after - (over - timezone.now()).total_seconds()) < 5


@pytest.fixture
def stolen(departments):
    """70 member numbers, and the times of three departments."""
    slots = [Slot.objects.of_day(department, in_days(1))[n] for department in departments for n in range(3)]
    return [make_member() for _ in range(70)], slots


@pytest.mark.parametrize("numbers", [20, pytest.param(70, marks=pytest.mark.slow)])
def test_a_stranger_with_so_many_numbers_and_no_cookie_gets_six_tickets(client, stolen, numbers):
    """With default limits, one number after the other, each identity tried three times."""
    members, slots = stolen
    answers = Counter()
    for nth, member in enumerate(members[:numbers]):
        found = api(client, "members/identify/", {"member_number": member.member_number})
        for tried in range(3):
            body = {"identity": found.json()["identity"], "slot": slots[(nth + tried) % len(slots)].pk}
            answers[api(client, "tickets/", body).json().get("code", "booked")] += 1
    assert answers["booked"] == Ticket.objects.count() == 6
    assert answers["proof_needed"] > 3 * numbers - 20


def test_with_a_new_browser_each_time_no_more_than_one_address_may(client, stolen):
    members, slots = stolen
    for nth, member in enumerate(members):
        slot = slots[nth % 3]
        client.cookies.clear()
        confirm_name(client, slot.department, member=member)
        send_times(client, slot.department, slot, key=key_of(times_page(client, slot.department)))
    assert Ticket.objects.count() == 60


# --- at once ------------------------------------------------------------------------------------------------------


def booked_at_once(member, slots) -> Counter:
    def racer(slot, number):
        return take(member, slot, origin=origin_of(address="203.0.113.7", device=""))

    return Counter(race(*(partial(racer, slot) for slot in slots))[0])


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_24_processes_book_for_one_member_three_are_let_through(departments):
    slots = [slot for department in departments for slot in day_by_day(department, 8)]
    assert booked_at_once(make_member(), slots) == {"booked": 3, "too_many_tickets": 21}


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_counted_with_the_statements_own_snapshot_more_are(departments, monkeypatch):
    """The lock alone is not enough: what was committed while the statement waited for it would not be seen."""
    counted = (
        "(SELECT count(*) FROM booking_ticket own WHERE own.member_id = who.id AND own.state = 'booked')"
        " < %(most_live)s AND pg_sleep(0.15) IS NOT NULL AND %(most_a_day)s > 0"
    )
    unguarded = places.TAKE_FREE_PLACE.replace(
        "booking_may_book(who.id, %(now)s, %(most_live)s, %(most_a_day)s)", counted
    )
    assert unguarded != places.TAKE_FREE_PLACE
    monkeypatch.setattr(places, "TAKE_FREE_PLACE", unguarded)
    slots = [slot for department in departments for slot in day_by_day(department, 8)]
    assert booked_at_once(make_member(), slots)["booked"] > 3
