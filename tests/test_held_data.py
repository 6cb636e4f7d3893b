"""What is held of a member, shown to that member alone, whole, and never a citizen ID."""

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from members import accounts
from members.models import LineAccount
from tests.factories import make_citizen_id, make_member, make_ticket
from tests.pages import text

pytestmark = pytest.mark.django_db

PAGE, FILE, PRIVACY = reverse("held"), reverse("held_file"), reverse("privacy")
SECRET = "ดอกไม้ริมรั้วบ้าน"


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""


@pytest.fixture
def member(client):
    """Signed in on `client`."""
    member = make_member(
        phone="0812345678", email="one@example.org", citizen_id=make_citizen_id(3), given_name="สมใจ"
    )  # fmt: skip
    accounts._set(member, SECRET)
    client.post(reverse("member"), {"member_number": member.member_number, "password": SECRET})
    return member


def test_all_of_it_is_there(client, member):
    ticket = make_ticket(member=member)
    verbs.cancel(ticket=ticket, by=None)
    LineAccount.objects.create(member=member, user_id="U1", linked_at=timezone.now(), proved_by="code")
    member.phone = "0899999999"
    member.save()

    answer = client.get(FILE)
    held = answer.json()

    assert held["member"]["name"] == member.full_name
    assert held["member"]["line_linked_at"].startswith("2026-11-23T07:30")
    [one] = held["tickets"]
    assert (one["number"], [event["what"] for event in one["events"]]) == (ticket.code, ["book", "cancel"])
    assert [change["phone"] for change in held["changes"]] == ["0812345678", "0899999999"]
    assert len(held["devices"]) == 1
    assert "attachment" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    page = text(client.get(PAGE))
    for shown in (member.full_name, "0899999999", "0812345678", ticket.code):
        assert shown in page


def test_no_citizen_id_and_no_secret_is_among_it(client, member):
    ticket = make_ticket(member=member)
    said = client.get(FILE).content.decode() + client.get(PAGE).content.decode()

    for secret in (make_citizen_id(3), member.citizen_id_hmac, ticket.secret, member.account.password):
        assert secret not in said


def test_nothing_of_others(client, member):
    other = make_ticket()

    said = client.get(FILE).content.decode()

    assert other.code not in [one["number"] for one in client.get(FILE).json()["tickets"]]
    assert other.member.member_number not in said


def test_it_takes_as_many_queries_for_many_tickets_as_for_one(client, member, django_assert_max_num_queries):
    for _ in range(6):
        verbs.cancel(ticket=make_ticket(member=member), by=None)

    with django_assert_max_num_queries(14):
        client.get(FILE)


@pytest.mark.parametrize("address", [PAGE, FILE])
def test_a_stranger_is_led_to_the_page_that_says_how(client, address):
    make_member()

    assert client.get(address)["Location"] == PRIVACY
    assert client.post(address).status_code == 405


def test_the_page_on_privacy_leads_there(client, member):
    assert f'href="{PAGE}"' in client.get(PRIVACY).content.decode()
    assert f"?next={PAGE}" in client.__class__().get(PRIVACY).content.decode()
