"""The code on the office's screen, and what it lets a member's device do."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse

from booking import verbs
from booking.calling import presence
from booking.models.tickets import State
from tests.factories import make_counter, make_open_department, make_slot, make_ticket
from tests.pages import hold, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(client):
    """A ticket for 10.00 tomorrow that this client holds, of a department that asks for presence."""
    department = make_open_department(opens=dt.time(10), closes=dt.time(12), check_in_needs_presence=True)
    ticket = make_ticket(slot=make_slot(department=department))
    hold(client, ticket)
    return ticket


@pytest.fixture
def strangers(ticket):
    """Another for the same time, that this client does not hold."""
    return make_ticket(slot=ticket.slot)


@pytest.fixture
def clock(ticket):
    """Ten minutes before its time, standing still."""
    with time_machine.travel(ticket.slot.starts_at - dt.timedelta(minutes=10), tick=False) as clock:
        yield clock


def arrive(client, code=None):
    return client.get(reverse("arrive"), {"here": code} if code else {}, follow=True)


def tap(client, ticket):
    return client.post(reverse("arrive_check_in", args=[ticket.public_id]), follow=True)


def has_button(answer) -> bool:
    return "button-arrive" in answer.content.decode()


# --- the code ---


def test_a_code_is_good_while_it_is_shown_and_for_two_windows_more(clock):
    code = presence.token()
    seen = []
    for _ in range(5):
        seen.append((presence.token() == code, presence.is_valid(code)))
        clock.shift(presence.WINDOW_SECONDS)

    assert seen == [(True, True), (False, True), (False, True), (False, False), (False, False)]


def test_a_code_of_the_future_is_not_good(clock):
    clock.shift(presence.WINDOW_SECONDS)
    code = presence.token()
    clock.shift(-presence.WINDOW_SECONDS)

    assert not presence.is_valid(code)


@pytest.mark.parametrize("code", ["", "0" * 20, "ก" * 20, "x" * 5000])
def test_what_was_never_shown_is_not_good(code):
    assert not presence.is_valid(code)


def test_another_key_makes_other_codes(clock, settings):
    code = presence.token()
    settings.SECRET_KEY = "another"

    assert presence.token() != code
    assert not presence.is_valid(code)


# --- the page it leads to ---


def test_without_the_code_there_is_no_button_and_no_check_in(client, ticket, clock):
    answer = arrive(client)

    assert not has_button(answer)
    assert "กรุณาสแกน QR ที่จอหน้าสำนักงาน" in text(answer)
    refused = tap(client, ticket)
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED
    assert "กรุณาสแกน QR ที่จอหน้าสำนักงานเพื่อแจ้งว่ามาถึงแล้ว" in text(refused)


def test_who_has_scanned_it_taps_once(client, ticket, clock):
    answer = arrive(client, presence.token())
    assert has_button(answer)
    # The code leaves the address: a reload later is no refusal.
    assert answer.redirect_chain == [(reverse("arrive"), 302)]

    answer = tap(client, ticket)

    ticket.refresh_from_db()
    assert ticket.state == State.WAITING
    assert "แจ้งแล้ว กรุณารอเรียก" in text(answer)
    assert not has_button(answer)


def test_a_second_tap_is_no_refusal(client, ticket, clock):
    arrive(client, presence.token())
    tap(client, ticket)

    assert "แจ้งแล้ว กรุณารอเรียก" in text(tap(client, ticket))
    assert ticket.events.filter(verb="check_in").count() == 1


def test_looking_changes_nothing(client, ticket, clock):
    arrive(client, presence.token())

    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED
    assert client.get(reverse("arrive_check_in", args=[ticket.public_id])).status_code == 405


@pytest.mark.parametrize("too_late", [True, False])
def test_an_old_or_wrong_code_says_to_scan_again(client, ticket, clock, too_late):
    code = presence.token() if too_late else "0" * 20
    clock.shift(3 * presence.WINDOW_SECONDS)

    answer = arrive(client, code)

    assert answer.status_code == 200
    assert "QR นี้หมดเวลาแล้ว กรุณาสแกนที่จอหน้าสำนักงานอีกครั้ง" in text(answer)
    assert not has_button(answer)
    tap(client, ticket)
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_what_was_scanned_lasts_five_minutes(client, ticket, clock):
    arrive(client, presence.token())

    clock.shift(299)
    assert has_button(arrive(client))
    clock.shift(2)
    assert not has_button(arrive(client))
    tap(client, ticket)
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_a_made_up_cookie_is_no_presence(client, ticket, clock):
    client.cookies["present"] = "1"

    assert not has_button(arrive(client))


# --- departments that do not ask for it ---


def test_where_presence_is_not_asked_for_the_button_is_there_at_once(client, ticket, clock):
    ticket.department.check_in_needs_presence = False
    ticket.department.save(update_fields=["check_in_needs_presence"])

    assert has_button(arrive(client))
    tap(client, ticket)
    ticket.refresh_from_db()
    assert ticket.state == State.WAITING


def test_too_early_says_from_when(client, ticket):
    with time_machine.travel(ticket.slot.starts_at - dt.timedelta(minutes=61), tick=False):
        answer = arrive(client, presence.token())
        assert "แจ้งมาถึงได้ตั้งแต่ 09.00 น." in text(answer)
        assert not has_button(answer)
        assert "ยังแจ้งมาถึงไม่ได้" in text(tap(client, ticket))


def test_where_nobody_checks_in_there_is_nothing_to_tap(client, ticket, clock):
    ticket.department.uses_check_in = False
    ticket.department.save(update_fields=["uses_check_in"])

    answer = arrive(client, presence.token())

    assert "ฝ่ายนี้ไม่ต้องแจ้งมาถึง" in text(answer)
    assert not has_button(answer)


def test_a_called_ticket_has_no_button(client, ticket, clock):
    verbs.check_in(ticket=ticket, present=True)
    counter = make_counter(departments=[ticket.department])
    verbs.call_next(counter=counter, by=counter.clerk)

    answer = arrive(client, presence.token())

    assert "กำลังเรียก" in text(answer)
    assert not has_button(answer)


# --- whose tickets ---


def test_only_the_tickets_of_this_device_and_of_today(client, strangers, ticket, clock):
    tomorrows = make_ticket(slot=make_slot(department=ticket.department, days_ahead=1))
    hold(client, tomorrows)

    answer = arrive(client, presence.token())

    assert ticket.code in text(answer)
    assert strangers.code not in text(answer)
    assert answer.content.decode().count("button-arrive") == 1


def test_a_stranger_checks_nobody_in(client, strangers, clock):
    arrive(client, presence.token())

    assert tap(client, strangers).status_code == 404
    strangers.refresh_from_db()
    assert strangers.state == State.BOOKED


def test_a_device_without_tickets_is_told_what_to_do(client, db):
    answer = arrive(client, presence.token())

    assert "ไม่มีบัตรคิวของวันนี้ในเครื่องนี้" in text(answer)
    assert "แจ้งเจ้าหน้าที่" in text(answer)
