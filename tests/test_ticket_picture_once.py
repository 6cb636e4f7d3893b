"""A ticket's picture is drawn once for what it shows."""

import pytest
from django.urls import reverse
from django.utils import translation

from booking.papers import pictures
from tests.factories import make_slot, make_ticket

pytestmark = pytest.mark.django_db
LINK = "https://queue.example.org/t/abc/#secret"


@pytest.fixture
def drawings(monkeypatch):
    made = []

    def draw(ticket, **kwargs):
        made.append(ticket.state)
        return f"picture {len(made)}".encode()

    monkeypatch.setattr(pictures, "draw", draw)
    return made


def test_it_is_drawn_once_for_each_state_language_and_link(drawings):
    ticket = make_ticket(slot=make_slot(days_ahead=3))
    first = pictures.drawn(ticket, arrive_at=None, link=LINK)
    assert [pictures.drawn(ticket, arrive_at=None, link=LINK) for _ in range(3)] == [first] * 3
    assert len(drawings) == 1
    with translation.override("en"):
        assert pictures.drawn(ticket, arrive_at=None, link=LINK) != first
    ticket.state = "waiting"
    assert pictures.drawn(ticket, arrive_at=None, link=LINK) != first
    assert pictures.drawn(ticket, arrive_at=None, link=f"{LINK}0") != first
    assert len(drawings) == 4


def test_no_two_tickets_share_one(drawings):
    slot = make_slot(days_ahead=3, quota=2)
    tickets = [make_ticket(slot=slot), make_ticket(slot=slot)]
    assert len({pictures.drawn(ticket, arrive_at=None, link=LINK) for ticket in tickets}) == 2


def test_the_page_takes_it(client, drawings):
    ticket = make_ticket(slot=make_slot(days_ahead=3))
    client.post(reverse("ticket_open", args=[ticket.public_id]), {"link": ticket.secret})
    address = reverse("ticket_picture", args=[ticket.public_id])
    assert [client.get(address).content for _ in range(2)] == [b"picture 1"] * 2
