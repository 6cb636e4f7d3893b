"""The times that are told: each is computed in one place, and every surface tells the same."""

import datetime as dt
import re
from pathlib import Path

import pytest
import time_machine
from django.urls import reverse

from booking import errors, verbs
from booking.calling import times, waits
from booking.line import answers
from booking.views import who_waits
from members.models import LineAccount
from tests.factories import make_counter, make_member, make_open_department, make_slot, make_ticket, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db

BANGKOK = dt.timezone(dt.timedelta(hours=7))
MONDAY = dt.datetime(2026, 11, 23, 8, 0, tzinfo=BANGKOK)
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def clock():
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def department(clock):
    return make_open_department(
        opens=dt.time(9),
        closes=dt.time(15),
        max_days_ahead=1,
        check_in_minutes_before=40,
        late_after_minutes=10,
        arrive_minutes_before=20,
    )


def at(hour, minute, second=0):
    return MONDAY.replace(hour=hour, minute=minute, second=second)


def test_when_check_in_opens_is_the_same_for_the_page_and_the_verb(clock, department):
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=0))
    assert times.check_in_opens_at(ticket) == at(8, 20)

    clock.move_to(at(8, 19, 59))
    with pytest.raises(errors.TooEarly):
        verbs.check_in(ticket=ticket)
    clock.move_to(at(8, 20))
    verbs.check_in(ticket=ticket)


@pytest.mark.parametrize(("came", "is_late"), [(at(9, 10), False), (at(9, 10, 1), True)])
def test_who_is_late_is_the_same_for_the_verb_the_console_and_the_count(clock, department, came, is_late):
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=0))
    walk_in_later = make_slot(department=department, days_ahead=0, nth=1)
    other = make_ticket(slot=walk_in_later)
    clock.move_to(came)

    assert times.is_late(department, ticket.slot.starts_at, came_at=came) == is_late
    assert waits.ahead(other) == (0 if is_late else 1)
    came_in = verbs.check_in(ticket=ticket)
    assert (came_in.due_at == came) == is_late
    line = who_waits.line({department.pk: 1}, is_open=True, now=came)
    assert ("มาสาย" in line.rows) == is_late


def test_by_when_to_be_there(clock, department):
    ticket = make_ticket(slot=make_slot(department=department, days_ahead=0))
    assert times.arrive_by(ticket) == at(8, 40)
    clock.move_to(at(9, 0))
    assert times.arrive_by(make_walk_in(department=department)) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [((0, 0), (0, 5)), ((0, 449), (0, 5)), ((299, 450), (0, 10)), ((300, 320), (5, 10)), ((899, 1650), (10, 30))],
)
def test_a_wait_is_told_in_fives(seconds, told):
    assert times.rounded(*seconds) == told


def test_the_settings_behind_the_times_are_read_in_one_module():
    names = re.compile(r"\.(check_in_minutes_before|late_after_minutes|arrive_minutes_before)\b")
    readers = {
        path.name
        for path in (ROOT / "booking").rglob("*.py")
        if "migrations" not in path.parts and names.search(path.read_text())
    }
    assert readers == {"times.py"}


def test_the_page_the_chat_and_the_api_tell_the_same_wait(client, clock, department):
    member = make_member()
    LineAccount.objects.create(user_id="U" + "1" * 32, member=member, linked_at=MONDAY, proved_by="code")
    make_counter(departments=[department])
    clock.move_to(at(9, 0))
    for _ in range(3):
        make_walk_in(department=department)
    ticket = make_walk_in(department=department, member_id=member.pk)
    told = waits.told(ticket)

    client.post(reverse("ticket_open", args=[ticket.public_id]), {"link": ticket.secret})
    page = text(client.get(reverse("ticket", args=[ticket.public_id])))
    [card] = answers._ticket_cards("U" + "1" * 32)
    body = client.get(
        f"/api/v1/tickets/{ticket.public_id}/", headers={"Authorization": f"Ticket {ticket.secret}"}
    ).json()

    assert told.in_words() == "คาดว่าจะถึงคิวในอีก 10 ถึง 50 นาที"
    assert told.in_words() in page
    assert told.in_words() in str(card)
    assert body["expected_wait_minutes"] == 30
