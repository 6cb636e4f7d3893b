"""A member walking through the pages with Django's test client."""

import re

from django.urls import reverse
from django.utils.html import strip_tags

from booking.models import Slot, Ticket
from tests.factories import in_days, make_member


def confirm_name(client, department, *, member=None, slot=None, **query):
    """Type a member number and say yes to the name. Returns the member and the answer to "yes"."""
    member = member or make_member()
    query |= {"slot": slot.pk} if slot else {}
    answer = client.post(
        reverse("identify", args=[department.slug]),
        {"by": "member_number", "member_number": member.member_number, **query},
    )
    assert answer.status_code == 302, text(answer)
    return member, client.post(answer["Location"], {"answer": "yes", **query})


def times_page(client, department, *, days_ahead=1):
    return client.get(reverse("times", args=[department.slug, in_days(days_ahead)]))


def key_of(page) -> str:
    """The idempotency key that a page of times was rendered with."""
    return re.search(r'name="key" value="([^"]+)"', page.content.decode())[1]


def send_times(client, department, slot, *, key, days_ahead=1):
    address = reverse("take", args=[department.slug, in_days(days_ahead)])
    return client.post(address, {"slot": slot.pk if slot else "", "key": key})


def book(client, department, *, member=None, nth=0, days_ahead=1) -> Ticket:
    """The whole way, from the number to the ticket, all on this client."""
    confirm_name(client, department, member=member)
    slot = Slot.objects.of_day(department, in_days(days_ahead))[nth]
    page = times_page(client, department, days_ahead=days_ahead)
    answer = send_times(client, department, slot, key=key_of(page), days_ahead=days_ahead)
    return ticket_at(answer["Location"])


def ticket_at(address: str) -> Ticket:
    return Ticket.objects.with_details().get(public_id=re.search(r"/t/([-\w]+)/", address)[1])


def hold(client, ticket) -> None:
    """Open a ticket on this client by its secret."""
    answer = client.post(reverse("ticket_open", args=[ticket.public_id]), {"link": ticket.secret})
    assert answer["Location"] == reverse("ticket", args=[ticket.public_id])


def text(answer) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", strip_tags(answer.content.decode())).strip()


def chosen_slot(page) -> int | None:
    found = re.search(r'<input type="radio" name="slot" value="(\d+)"[^>]* checked', page.content.decode())
    return int(found[1]) if found else None
