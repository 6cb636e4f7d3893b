"""A clerk at the console of a counter with Django's test client, with and without a script."""

import re

from django.urls import reverse

from booking.roles import CLERK
from tests.factories import make_counter, make_user

WITH_SCRIPT = {"HX-Request": "true"}


def sit(client, *, departments=(), group=CLERK, **fields):
    """A counter with a clerk sitting at it, who is signed in on this client."""
    counter = make_counter(departments=departments, clerk=make_user(group=group), **fields)
    client.force_login(counter.clerk)
    return counter


def console(client, counter, **query):
    return client.get(reverse("counter", args=[counter.number]), query)


def seen_on(page) -> str:
    """What the buttons of this page say of the ticket that they are meant for."""
    return re.search(r'name="seen" value="([^"]*)"', page.content.decode())[1]


def press(client, counter, verb, *, page=None, headers=None, query=None, **fields):
    """Press a button for the ticket at the counter, on `page` or on the page as it is now."""
    page = page or console(client, counter)
    address = reverse("counter_press", args=[counter.number, verb])
    return client.post(address, {"seen": seen_on(page), **fields}, headers=headers, query_params=query)


def press_for(client, counter, ticket, verb, *, headers=None, query=None, **fields):
    address = reverse("counter_press_for", args=[counter.number, ticket.public_id, verb])
    return client.post(address, fields, headers=headers, query_params=query)


def look(client, counter, *, version="", **query):
    """Ask as an open page does every second."""
    headers = WITH_SCRIPT | ({"If-None-Match": version} if version else {})
    return client.get(reverse("counter_live", args=[counter.number]), query, headers=headers)


def version_of(page) -> str:
    return page.context["etag"]
