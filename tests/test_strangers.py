"""What a stranger gets who has one citizen ID, a ticket of their own, a telephone, or an account of the office: nothing
of others. And where a citizen ID stays that was typed: nowhere."""

import logging
import random
import re

import pytest
from django.conf import settings as project
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking import roles
from booking.models import Slot, Ticket, TicketEvent
from booking.models.tokens import issue_token
from booking.views import visitor
from members.models import LineAccount, Member
from tests.factories import (
    in_days,
    make_citizen_id,
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
)
from tests.pages import confirm_name, hold
from tests.test_access_policy import views

pytestmark = pytest.mark.django_db

HOLDERS = {"ticket", "ticket_or_token"}
OFFICE = {"staff", "token"}
PARTS = {
    "public_id": lambda ticket: ticket.public_id,
    "date": lambda ticket: in_days(2).isoformat(),
    "slug": lambda ticket: ticket.department.slug,
    "number": lambda ticket: "3",
    "verb": lambda ticket: "finish",
    "pk": lambda ticket: "1",
}


def addresses(policies, ticket) -> list[str]:
    """Every address of these policies, with this ticket in it; one that is added later is among them."""
    found = []
    for path, view in views():
        if getattr(view, "access_policy", None) in policies:
            path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<any:\1>", path).strip("^$")
            found.append("/" + re.sub(r"<\w+:(\w+)>", lambda part: PARTS[part[1]](ticket), path))
    return found


@pytest.fixture
def ticket():
    """Somebody else's, called to nobody yet; its department has a counter with the number 3."""
    department = make_open_department(max_days_ahead=5)
    make_counter(departments=[department], number=3)
    return make_ticket(slot=make_slot(department=department), member=make_member(given_name="ประพิมพรรณ"))


# --- who they are: each gives a client, and what it sends in the header Authorization ---


def nobody(client, ticket):
    return None


def who_typed_the_members_number(client, ticket):
    """Knows the citizen ID, has confirmed the masked name: may book for the member, and no more."""
    confirm_name(client, ticket.department, member=ticket.member)


def who_holds_another_ticket(client, ticket):
    own = make_ticket(slot=make_slot(department=ticket.department))
    hold(client, own)
    return f"Ticket {own.secret}"


def who_is_linked_as_another_member(client, ticket):
    response = HttpResponse()
    account = LineAccount.objects.create(
        member=make_member(), user_id="U" + "0" * 32, linked_at=timezone.now(), proved_by="code"
    )
    visitor.remember_line(response, account)
    client.cookies["line"] = response.cookies["line"].value


def newcomer(client, ticket):
    """Of the staff, with a token, and without any right."""
    user = make_user()
    client.force_login(user)
    return f"Token {issue_token(user)}"


def clerk(client, ticket):
    """May serve at a counter; holds no member's ticket."""
    user = make_user(group=roles.CLERK)
    client.force_login(user)


STRANGERS = [
    nobody,
    who_typed_the_members_number,
    who_holds_another_ticket,
    who_is_linked_as_another_member,
    newcomer,
]


def tried(client, authorization, address, ticket) -> list:
    """The answers to reading and to writing."""
    headers = {"Authorization": authorization} if authorization else {}
    form = {"slot": ticket.slot_id, "key": "k", "link": "x", "ticket": ticket.public_id, "reason": "x"}
    as_json = {"content_type": "application/json"} if address.startswith("/api/") else {}
    return [client.get(address, headers=headers), client.post(address, form, headers=headers, **as_json)]


@pytest.mark.parametrize("who", [*STRANGERS, clerk])
def test_a_ticket_is_shut_to_all_but_its_holder(client, ticket, who):
    authorization = who(client, ticket)
    events = TicketEvent.objects.count()
    found = addresses(HOLDERS, ticket)
    assert len(found) >= 12, "the walk sees the ticket's pages and the API"

    for address in found:
        for answer in tried(client, authorization, address, ticket):
            assert answer.status_code in (401, 403, 404, 405), address
            said = answer.content.decode()
            assert ticket.code not in said and "ประพิมพรรณ" not in said, address
    assert TicketEvent.objects.count() == events


@pytest.mark.parametrize("who", STRANGERS)
def test_the_office_is_shut_to_members(client, ticket, who):
    authorization = who(client, ticket)
    events, tickets = TicketEvent.objects.count(), Ticket.objects.count()
    found = addresses(OFFICE, ticket)
    assert len(found) >= 20, "the walk sees the counter, the kiosk and the API"

    for address in found:
        for answer in tried(client, authorization, address, ticket):
            to_log_in = answer.status_code == 302 and answer["Location"].startswith(reverse("admin:login"))
            assert to_log_in or answer.status_code in (401, 403, 405), (address, answer.status_code)
    assert (TicketEvent.objects.count(), Ticket.objects.count()) == (events, tickets)


def test_looking_changes_nothing(client, ticket):
    """Programs that preview links only look: not even with the holder's own rights does that do anything."""
    hold(client, ticket)
    events = TicketEvent.objects.count()
    for address in addresses(HOLDERS, ticket):
        client.get(address, headers={"Authorization": f"Ticket {ticket.secret}"})
        client.head(address)
    ticket.refresh_from_db()
    assert (ticket.state, TicketEvent.objects.count()) == ("booked", events)


@pytest.mark.parametrize("guesses", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_of_so_many_wrong_secrets_none_opens_a_ticket(client, ticket, guesses):
    chance, secret = random.Random(1), ticket.secret
    wrong = [secret[::-1], secret[:-1], secret + "0", "", ticket.secret_hash, make_ticket().secret]
    while len(wrong) < guesses:
        at, digit = chance.randrange(len(secret)), chance.choice("0123456789abcdef")
        near = secret[:at] + digit + secret[at + 1 :]
        wrong.append(near if near != secret and len(wrong) % 2 else f"{chance.getrandbits(256):064x}")

    for nth, guess in enumerate(wrong):
        with pytest.raises(Ticket.DoesNotExist):
            Ticket.objects.reached_by(ticket.public_id, guess)
        if nth % 100 == 0:
            headers = {"Authorization": f"Ticket {guess}"}
            assert client.get(f"/api/v1/tickets/{ticket.public_id}/", headers=headers).status_code == 404
            client.post(reverse("ticket_open", args=[ticket.public_id]), {"link": guess})
            assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404
    assert Ticket.objects.reached_by(ticket.public_id, secret) == ticket


# --- citizen IDs ---


@pytest.mark.parametrize("people", [16, pytest.param(500, marks=pytest.mark.slow)])
def test_citizen_ids_typed_on_every_page_stay_nowhere(settings, caplog, people):
    settings.LOOKUP_LIMITS = dict.fromkeys(project.LOOKUP_LIMITS, "100000/900")
    caplog.set_level(logging.DEBUG)
    slugs = [make_open_department(max_days_ahead=2).slug for _ in range(2)]
    manager = Client()
    manager.force_login(make_user(group=roles.MANAGER))
    planted = [make_citizen_id() for _ in range(people)]

    found = []
    for nth, citizen_id in enumerate(planted):
        if nth % 2:
            make_member(citizen_id=citizen_id, is_registered=nth % 3 > 0)
        for answer in _typed_everywhere(Client(), manager, citizen_id, slugs[nth % 2], with_fault=nth % 50 == 0):
            # The form keeps what was typed, for the one who typed it.
            said = answer.content.decode(errors="replace").replace(f'value="{citizen_id}"', "")
            kept = f"{answer.serialize_headers()} {answer.cookies.output()}"
            if citizen_id in said + kept:
                found.append(answer.request["PATH_INFO"])

    assert found == []
    assert Ticket.objects.exists(), "some of them were booked with"
    posted = "\n".join(f"{message.subject} {message.body} {message.message()}" for message in mail.outbox)
    everything = _rows() + caplog.text + posted
    assert Member.objects.first().citizen_id_hmac in everything, "the tables were read"
    assert "Internal Server Error" in caplog.text, "and the faults were logged"
    assert [citizen_id for citizen_id in planted if citizen_id in everything] == []


def _typed_everywhere(client, manager, citizen_id, slug, *, with_fault):
    """The answers to somebody who types this ID wherever one may be typed, and where none belongs."""
    form = {"by": "citizen_id", "citizen_id": citizen_id}
    yield client.post(reverse("status"), form)
    yield (asked := client.post(reverse("identify", args=[slug]), form))
    if asked.status_code == 302:
        yield client.get(asked["Location"])
        yield (days := client.post(asked["Location"], {"answer": "yes"}))
        yield client.get(days["Location"])
    yield client.post(reverse("status"), {"by": "member_number", "member_number": citizen_id})
    yield (
        known := client.post("/api/v1/members/identify/", {"citizen_id": citizen_id}, content_type="application/json")
    )
    if known.status_code == 200:
        body = {"identity": known.json()["identity"], "slot": _any_slot(slug).pk}
        yield client.post("/api/v1/tickets/", body, content_type="application/json")
    if with_fault:
        yield from _with_a_fault(client, citizen_id, slug)
        yield manager.post(reverse("admin:members_member_add"), {"citizen_id": citizen_id})


def _with_a_fault(client, citizen_id, slug):
    """The same where we fail in the middle of it: the page for faults, and what is logged."""

    def fail(*args, **kwargs):
        raise ZeroDivisionError

    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("members.identify.count_attempt", fail)
        yield client.post(reverse("identify", args=[slug]), {"by": "citizen_id", "citizen_id": citizen_id})
        yield client.post("/api/v1/members/identify/", {"citizen_id": citizen_id}, content_type="application/json")


def _any_slot(slug) -> Slot:
    return Slot.objects.filter(department__slug=slug, date__gt=timezone.localdate()).order_by("?").first()


def _rows() -> str:
    """Every row of every table, as text."""
    lines = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row::text FROM "{table}" AS row')
            lines += [text for (text,) in cursor.fetchall()]
    return "\n".join(lines)
