"""A kind of message is one row. Without it, or without a part of it, nothing starts; and what the row says holds."""

import dataclasses
import re
import runpy
from pathlib import Path

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from booking import verbs
from booking.messages.kinds import KINDS, To, owed
from booking.models import MessageChoice, notices
from booking.models.notices import Kind
from tests.factories import make_counter, make_open_department, make_slot, make_ticket, make_user

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parent.parent
ROWS = ROOT / "booking/messages/kinds.py"


@pytest.fixture(autouse=True)
def messages_on(settings):
    settings.LINE_CHANNEL_ACCESS_TOKEN = "a-token"


@pytest.fixture(autouse=True)
def before_opening():
    with time_machine.travel("2026-11-23T00:30:00Z", tick=False):
        yield


def test_each_kind_has_a_row():
    assert list(KINDS) == list(Kind)


def test_a_kind_without_a_row_cannot_start(monkeypatch):
    bigger = models.TextChoices("Kind", {one.name: (one.value, one.label) for one in Kind} | {"NEW": ("new", "ใหม่")})
    monkeypatch.setattr(notices, "Kind", bigger)
    with pytest.raises(ImproperlyConfigured):
        runpy.run_path(str(ROWS))


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(KINDS[Kind.MOVED])])
def test_a_row_without_one_of_its_fields_cannot_start(field):
    row = {name: value for name, value in vars(KINDS[Kind.MOVED]).items() if name != field}
    with pytest.raises(TypeError, match=field):
        type(KINDS[Kind.MOVED])(**row)


def names_one(text: str) -> bool:
    """Whether a module that has the kinds of messages writes one of them out; other models have a Kind of their own."""
    return "notices import" in text and bool(re.search(r"(?<!\.)\bKind\.[A-Z]", text))


def test_nothing_else_names_a_kind():
    modules = [path for path in (ROOT / "booking").rglob("*.py") if path != ROWS and "migrations" not in path.parts]
    assert [path for path in modules if names_one(path.read_text())] == []
    assert names_one(ROWS.read_text())


def of(ticket) -> set[str]:
    return set(ticket.notices.values_list("kind", flat=True))


# What each verb owes the holder, by the member's own hand and by the office's. Said here once more: the rows could be
# wrong together with what reads them.
EXPECTED = {
    ("book", None): {Kind.ISSUED, Kind.DAY_BEFORE},
    ("book", "staff"): {Kind.ISSUED, Kind.DAY_BEFORE},
    ("reschedule", None): {Kind.ISSUED, Kind.DAY_BEFORE},
    ("reschedule", "staff"): {Kind.MOVED, Kind.DAY_BEFORE},
    ("cancel", None): set(),
    ("cancel", "staff"): {Kind.CANCELLED},
    ("call", "staff"): {Kind.YOUR_TURN},
    ("recall", "staff"): {Kind.YOUR_TURN},
    ("resume", "staff"): {Kind.YOUR_TURN},
    ("miss", "staff"): {Kind.MISSED},
    ("hold", "staff"): set(),
    ("finish", "staff"): set(),
}


@pytest.mark.parametrize(("verb", "hand"), EXPECTED)
def test_the_rows_say_what_each_verb_owes(verb, hand):
    kinds = [kind for to in (To.HOLDER, To.NEW_HOLDER) for kind in owed(verb, to=to, by_staff=hand == "staff")]
    assert set(kinds) == EXPECTED[verb, hand]


@pytest.mark.parametrize("hand", [None, "staff"])
def test_a_booking_and_a_move_owe_what_the_rows_say(hand):
    by = make_user() if hand else None
    department = make_open_department(max_days_ahead=5)
    first, second = (make_slot(department=department, days_ahead=3, nth=nth) for nth in (0, 1))
    ticket = make_ticket(slot=first, by=by)
    assert of(ticket) == EXPECTED["book", hand]

    moved = verbs.reschedule(ticket=ticket, slot_id=second.pk, key="move", by=by)
    assert of(type(ticket).objects.get(pk=moved.ticket_id)) == EXPECTED["reschedule", hand]


def test_a_move_by_the_office_goes_to_the_telephone_where_it_is_not_sent():
    MessageChoice.objects.filter(kind=Kind.MOVED).update(is_on=False)
    department = make_open_department(max_days_ahead=5)
    first, second = (make_slot(department=department, days_ahead=3, nth=nth) for nth in (0, 1))
    moved = verbs.reschedule(ticket=make_ticket(slot=first), slot_id=second.pk, key="move", by=make_user())
    assert notices.Notice.objects.to_telephone().get().ticket_id == moved.ticket_id


def test_those_next_are_told_when_one_is_called():
    department = make_open_department(uses_check_in=True, nearly_when_ahead=2)
    counter = make_counter(departments=[department])
    tickets = [make_ticket(slot=make_slot(department=department, days_ahead=0, nth=nth)) for nth in range(2)]
    for ticket in tickets:
        verbs.check_in(ticket=ticket, by=counter.clerk)

    verbs.call_next(counter=counter, by=counter.clerk)

    assert owed("call", to=To.NEXT, by_staff=True) == [Kind.NEARLY]
    assert Kind.YOUR_TURN in of(tickets[0])
    assert Kind.NEARLY in of(tickets[1])
