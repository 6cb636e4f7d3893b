"""Over https a cookie is one that no neighbour below the same domain can set; answers about tickets stay nowhere."""

import pytest

from booking.models import Ticket
from tests.factories import make_open_department, make_ticket
from tests.pages import book

pytestmark = pytest.mark.django_db


def test_over_https_the_members_cookies_are_of_this_host_alone(client, settings):
    settings.SESSION_COOKIE_SECURE = True
    book(client, make_open_department())
    assert client.cookies
    for name, cookie in client.cookies.items():
        if name != settings.CSRF_COOKIE_NAME:
            assert name.startswith("__Host-")
            assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
    ticket = Ticket.objects.get()
    assert client.get(f"/t/{ticket.public_id}/").status_code == 200


def test_a_device_keeps_the_tickets_it_got_before(client, settings):
    ticket = book(client, make_open_department())
    settings.SESSION_COOKIE_SECURE = True
    assert client.get(f"/t/{ticket.public_id}/").status_code == 200


@pytest.mark.parametrize("verb", ["", "cancel/", "check-in/", "reschedule/"])
@pytest.mark.parametrize("right", [True, False])
def test_the_apis_answers_about_a_ticket_are_kept_nowhere(client, verb, right):
    ticket = make_ticket()
    secret = {"Authorization": f"Ticket {ticket.secret if right else 'wrong'}"}
    address = f"/api/v1/tickets/{ticket.public_id}/{verb}"
    answer = client.post(address, headers=secret) if verb else client.get(address, headers=secret)
    assert answer["Cache-Control"] == "no-store"
