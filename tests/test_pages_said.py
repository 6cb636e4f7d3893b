"""What a page says beside its text: its title, what a search or a chat shows of it, and what the browser may keep."""

import pytest
from django.urls import reverse

from tests.factories import make_member, make_open_department, make_ticket
from tests.pages import confirm_name, hold

pytestmark = pytest.mark.django_db


def title_of(page) -> str:
    return page.content.decode().split("<title>")[1].split("</title>")[0]


def head_of(page) -> str:
    return page.content.decode().split("</head>")[0]


@pytest.mark.parametrize("name", ["identify", "status", "recover"])
def test_the_title_says_that_something_is_to_be_put_right(client, name):
    address = reverse(name, args=[make_open_department().slug] if name == "identify" else [])
    wrong = {"by": "citizen_id", "citizen_id": "1234567890123", "proof": "12345678"}

    assert not title_of(client.get(address)).startswith("กรุณาแก้ไข")
    assert title_of(client.post(address, wrong)).startswith("กรุณาแก้ไข: ")


def test_so_does_that_of_a_day_that_was_refused(client):
    days = reverse("days", args=[make_open_department().slug])

    assert title_of(client.get(days, {"why": "day_closed"})).startswith("กรุณาแก้ไข: ")


@pytest.mark.parametrize("name", ["home", "status", "guide", "privacy"])
def test_a_public_page_says_what_a_search_or_a_chat_shows_of_it(client, name):
    head = head_of(client.get(reverse(name)))

    for named in ('name="description"', 'property="og:title"', 'property="og:description"'):
        assert f"<meta {named} content=" in head
    assert "noindex" not in head


def test_a_ticket_is_not_to_be_found_by_a_search(client):
    ticket = make_ticket()
    stranger = head_of(client.get(reverse("ticket", args=[ticket.public_id])))
    hold(client, ticket)
    owner = head_of(client.get(reverse("ticket", args=[ticket.public_id])))

    assert 'name="robots" content="noindex"' in stranger
    assert 'name="robots" content="noindex"' in owner


def test_leaving_clears_what_the_browser_kept_and_whose_tickets_there_are(client):
    department, member = make_open_department(), make_member()
    confirm_name(client, department, member=member)
    ticket = make_ticket(member=member)
    hold(client, ticket)

    answer = client.post(reverse("line_leave"))

    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404
    assert ticket.code not in client.get(reverse("tickets")).content.decode()
