"""The API's way from a number to a ticket, and what its holder may do with it."""

import pytest
import time_machine
from django.utils import timezone

from booking.models import Place, Ticket
from booking.models.tickets import State
from members.identify import issue_identity
from tests.factories import (
    in_days,
    make_citizen_id,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
)

pytestmark = pytest.mark.django_db


def post(client, path, body=None, *, key=None, secret=None, language="th"):
    headers = {"Accept-Language": language}
    if key is not None:
        headers["Idempotency-Key"] = key
    if secret is not None:
        headers["Authorization"] = f"Ticket {secret}"
    return client.post(f"/api/v1/{path}", body or {}, content_type="application/json", headers=headers)


def book(client, member, slot, **headers):
    return post(client, "tickets/", {"identity": issue_identity(member)[0], "slot": slot.pk}, **headers)


def see(client, ticket, secret):
    headers = {} if secret is None else {"Authorization": f"Ticket {secret}"}
    return client.get(f"/api/v1/tickets/{ticket.public_id}/", headers=headers)


def refused(answer):
    body = answer.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return answer.status_code, body["code"]


# --- who asks -------------------------------------------------------------------------------------------------


def test_from_a_citizen_id_to_a_ticket(client):
    citizen_id = make_citizen_id()
    member = make_member(citizen_id=citizen_id, title="นาง", given_name="สมศรี", family_name="ใจดี")
    slot = make_slot(slug="loans", letter="A")

    with time_machine.travel(timezone.now(), tick=False):
        answer = post(client, "members/identify/", {"citizen_id": citizen_id})
        ends = timezone.localtime() + timezone.timedelta(minutes=15)

    identity = answer.json()
    assert answer.status_code == 200
    assert set(identity) == {"identity", "masked_name", "expires_at"}
    assert identity["masked_name"] == member.masked_name
    assert identity["expires_at"] == ends.isoformat()

    answer = post(client, "tickets/", {"identity": identity["identity"], "slot": slot.pk})

    ticket = Ticket.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": ticket.public_id,
        "secret": ticket.secret,
        "number": "A001",
        "department": "loans",
        "date": str(in_days(1)),
        "start": f"{in_days(1)}T08:30:00+07:00",
        "status": "booked",
    }
    assert ticket.member == member


def test_a_member_number_typed_in_thai_digits(client):
    make_member(member_number="123456")

    assert post(client, "members/identify/", {"member_number": "๑๒๓ ๔๕๖"}).status_code == 200


def test_who_is_not_registered_and_who_is_unknown_are_told_the_same(client):
    make_member(member_number="100199", is_registered=False)

    unregistered = post(client, "members/identify/", {"member_number": "100199"})
    unknown = post(client, "members/identify/", {"member_number": "999999"})

    assert refused(unregistered) == (404, "not_registered")
    assert unknown.content == unregistered.content


@pytest.mark.parametrize(
    "body, code",
    [
        ({"citizen_id": "1199001000011"}, "invalid_citizen_id"),
        ({"citizen_id": "\u0000"}, "invalid"),
        ({"citizen_id": "\ud800"}, "invalid"),
        ({"citizen_id": "1" * 5000}, "invalid"),
        ({"citizen_id": ["1"]}, "invalid"),
        ({"citizen_id": 1199001000011}, "invalid"),
        ({"citizen_id": None}, "invalid"),
        ({"citizen_id": ""}, "invalid"),
        ({"member_number": "12-a"}, "invalid_member_number"),
        ({"member_number": "1" * 13}, "invalid_member_number"),
        ({"member_number": {"a": 1}}, "invalid"),
        ({"citizen_id": "1", "member_number": "1"}, "invalid"),
        ({"proof": "1234"}, "invalid"),
        ({}, "invalid"),
        ([], "invalid"),
        ([{}], "invalid"),
    ],
)
def test_a_number_that_is_none_is_refused(client, body, code):
    assert refused(post(client, "members/identify/", body)) == (400, code)


def test_too_many_look_ups_wait(client, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"address": "2/900"}
    make_member(member_number="123456")
    post(client, "members/identify/", {"member_number": "1"})
    post(client, "members/identify/", {"member_number": "2"})

    answer = post(client, "members/identify/", {"member_number": "123456"})

    assert refused(answer) == (429, "too_many_attempts")
    assert 0 < int(answer["Retry-After"]) <= 900


def test_the_proof_that_the_office_asks_for(client, settings):
    settings.MEMBER_PROOF = "phone_last4"
    make_member(member_number="123456", phone="0812345678")

    right = post(client, "members/identify/", {"member_number": "123456", "proof": "5678"})
    wrong = post(client, "members/identify/", {"member_number": "123456", "proof": "0000"})
    none = post(client, "members/identify/", {"member_number": "123456"})

    assert right.status_code == 200
    assert refused(wrong) == refused(none) == (404, "not_registered")


# --- booking --------------------------------------------------------------------------------------------------


def test_an_identity_ends_after_fifteen_minutes(client):
    member, slot = make_member(), make_slot()
    with time_machine.travel(timezone.now() - timezone.timedelta(minutes=16)):
        token = issue_identity(member)[0]

    assert refused(post(client, "tickets/", {"identity": token, "slot": slot.pk})) == (401, "identity_expired")


@pytest.mark.parametrize("token", ["x", "a:b:c", "ก", "1" * 400])
def test_a_forged_identity_is_refused(client, token):
    slot = make_slot()

    assert refused(post(client, "tickets/", {"identity": token, "slot": slot.pk})) == (401, "identity_expired")


@pytest.mark.parametrize(
    "change",
    [
        {"slot": None},
        {"slot": True},
        {"slot": 0},
        {"slot": -1},
        {"slot": 2**63},
        {"slot": 10**400},
        {"slot": 1.5},
        {"slot": "1"},
        {"slot": "๑"},
        {"slot": [1]},
        {"slot": {"id": 1}},
        {"identity": None},
        {"identity": ""},
        {"identity": 1},
        {"identity": ["x"]},
        {"identity": "\ud800"},
        {"identity": "\u0000"},
        {"identity": "1" * 401},
    ],
)
def test_a_body_of_wrong_types_is_refused(client, change):
    body = {"identity": issue_identity(make_member())[0], "slot": make_slot().pk} | change

    assert refused(post(client, "tickets/", body)) == (400, "invalid")
    assert not Ticket.objects.exists()


def test_a_slot_that_never_was_is_closed(client):
    body = {"identity": issue_identity(make_member())[0], "slot": 2**63 - 1}

    assert refused(post(client, "tickets/", body)) == (409, "day_closed")


def test_a_full_slot(client):
    slot = make_slot(quota=1)
    book(client, make_member(), slot)

    assert refused(book(client, make_member(), slot)) == (409, "slot_full")


def test_a_second_ticket_is_refused_and_nothing_of_the_first_is_told(client):
    member, department = make_member(), make_open_department()
    first = make_ticket(member=member, slot=make_slot(department=department))

    answer = book(client, member, make_slot(department=department, nth=3))

    assert refused(answer) == (409, "already_booked")
    for told in (first.public_id, first.secret, first.code, "08:30", "8.30"):
        assert told not in answer.content.decode()


def test_the_window_of_booking(client):
    slot = make_slot(closes_minutes_before=30)

    with time_machine.travel(slot.bookable_until):
        assert refused(book(client, make_member(), slot)) == (409, "window_passed")
    with time_machine.travel(slot.bookable_from - timezone.timedelta(seconds=1)):
        assert refused(book(client, make_member(), slot)) == (409, "not_yet")


def test_a_member_no_longer_registered(client):
    member, slot = make_member(), make_slot()
    identity = issue_identity(member)[0]
    member.is_registered = False
    member.save(update_fields=["is_registered"])

    assert refused(post(client, "tickets/", {"identity": identity, "slot": slot.pk})) == (404, "not_registered")


def test_the_same_key_gives_the_same_ticket_with_its_secret(client):
    member, slot = make_member(), make_slot()

    first = book(client, member, slot, key="k" * 200)
    again = book(client, member, slot, key="k" * 200)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert Ticket.objects.count() == 1


def test_a_key_with_another_body_is_refused(client):
    member, department = make_member(), make_open_department()
    slot = make_slot(department=department)
    book(client, member, slot, key="one-key")

    for other in (
        book(client, member, make_slot(department=department, nth=1), key="one-key"),
        book(client, member, make_slot(department=department, days_ahead=2), key="one-key"),
        book(client, make_member(), slot, key="one-key"),
    ):
        assert refused(other) == (422, "idempotency_key_reused")
    assert Ticket.objects.count() == 1


def test_without_a_key_there_is_still_one_ticket(client):
    member, slot = make_member(), make_slot()

    assert book(client, member, slot).status_code == 201
    assert refused(book(client, member, slot)) == (409, "already_booked")


@pytest.mark.parametrize("key", ["", "k" * 201, "a b", "a\x00b", "ก"])
def test_a_key_that_is_none_is_refused(client, key):
    assert refused(book(client, make_member(), make_slot(), key=key)) == (400, "invalid")


# --- the ticket -----------------------------------------------------------------------------------------------


def test_its_holder_sees_it(client):
    slot = make_slot(slug="loans", letter="A")
    make_ticket(slot=slot)
    ticket = make_ticket(slot=slot)

    answer = see(client, ticket, ticket.secret)

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert answer.json() == {
        "id": ticket.public_id,
        "number": "A002",
        "department": "loans",
        "date": str(in_days(1)),
        "start": f"{in_days(1)}T08:30:00+07:00",
        "status": "booked",
        "ahead": 1,
        "expected_wait_minutes": None,
        "counter": None,
        "topic": None,
    }


@pytest.mark.parametrize("verb", ["", "cancel/", "reschedule/"])
def test_a_stranger_is_told_what_an_unknown_ticket_is_told(client, verb):
    slot = make_slot()
    ticket, other = make_ticket(slot=slot), make_ticket(slot=slot)

    def ask(public_id, authorization):
        headers = {} if authorization is None else {"Authorization": authorization}
        path = f"/api/v1/tickets/{public_id}/{verb}"
        if verb:
            return client.post(path, {"slot": slot.pk}, content_type="application/json", headers=headers)
        return client.get(path, headers=headers)

    unknown = ask("no-such-ticket", f"Ticket {ticket.secret}")
    assert refused(unknown) == (404, "not_found")
    for authorization in (
        None,
        "",
        "Ticket",
        "Ticket ",
        ticket.secret,
        f"Bearer {ticket.secret}",
        f"Ticket {ticket.secret[:-1]}",
        f"Ticket {ticket.secret}0",
        f"Ticket {ticket.secret.upper()}x",
        f"Ticket {ticket.secret_hash}",
        f"Ticket {other.secret}",
        "Ticket \x00\xff",
    ):
        answer = ask(ticket.public_id, authorization)
        assert (answer.status_code, answer.content) == (404, unknown.content), authorization
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED
    assert ticket.events.count() == 1


def test_cancelling_frees_the_place(client):
    ticket = make_ticket()

    answer = post(client, f"tickets/{ticket.public_id}/cancel/", secret=ticket.secret)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["ahead"]) == ("cancelled", None)
    assert not Place.objects.taken().exists()
    again = post(client, f"tickets/{ticket.public_id}/cancel/", secret=ticket.secret)
    assert refused(again) == (409, "wrong_state")


def test_moving_gives_a_new_ticket_with_its_own_secret(client):
    department = make_open_department()
    old = make_ticket(slot=make_slot(department=department))
    later = make_slot(department=department, nth=4)

    answer = post(client, f"tickets/{old.public_id}/reschedule/", {"slot": later.pk}, secret=old.secret, key="move")
    again = post(client, f"tickets/{old.public_id}/reschedule/", {"slot": later.pk}, secret=old.secret, key="move")

    new = Ticket.objects.get(moved_from=old)
    assert (answer.status_code, again.status_code) == (200, 200)
    assert again.json() == answer.json()
    assert answer.json() == see(client, new, new.secret).json() | {"secret": new.secret}
    assert answer.json()["start"] == timezone.localtime(later.starts_at).isoformat()
    assert see(client, old, old.secret).json()["status"] == "cancelled"


@pytest.mark.parametrize("case", ["full", "other department", "gone", "cancelled"])
def test_a_refused_move_leaves_the_ticket_as_it_was(client, case):
    department = make_open_department(quota=1)
    old = make_ticket(slot=make_slot(department=department))
    wanted = make_slot(department=department, nth=4)
    expected = "slot_full"
    if case == "full":
        make_ticket(slot=wanted)
    if case == "other department":
        wanted, expected = make_slot(), "other_department"
    if case == "gone":
        wanted.pk, expected = 2**63 - 1, "day_closed"
    if case == "cancelled":
        post(client, f"tickets/{old.public_id}/cancel/", secret=old.secret)
        expected = "wrong_state"
    before = see(client, old, old.secret).json()

    answer = post(client, f"tickets/{old.public_id}/reschedule/", {"slot": wanted.pk}, secret=old.secret)

    assert refused(answer) == (409, expected)
    assert see(client, old, old.secret).json() == before


def test_a_move_needs_a_slot(client):
    ticket = make_ticket()

    for body in ({}, {"slot": "x"}, {"slot": 10**30}, []):
        answer = post(client, f"tickets/{ticket.public_id}/reschedule/", body, secret=ticket.secret)
        assert refused(answer) == (400, "invalid")


# --- topics ---------------------------------------------------------------------------------------------------


def test_a_ticket_for_a_topic(client):
    department = make_open_department(quota=1)
    topic = make_topic(department=department, minutes=60, bring="สลิปเงินเดือน")
    listed = client.get("/api/v1/departments/").json()[0]["topics"]
    assert listed == [
        {
            "id": topic.pk,
            "name": "ขอกู้สามัญ",
            "minutes": 60,
            "bring": ["สลิปเงินเดือน"],
            "online_url": "",
            "needs_proof": False,
        }
    ]
    path = f"/api/v1/departments/{department.slug}/days/{in_days(1)}/slots/"
    offered = client.get(path, {"topic": topic.pk}).json()
    assert len(offered) == len(client.get(path).json()) - 1  # the last time leaves half an hour

    body = {"identity": issue_identity(make_member())[0], "slot": offered[0]["id"], "topic": topic.pk}
    answer = post(client, "tickets/", body, key="for-a-topic")

    assert answer.status_code == 201
    ticket = Ticket.objects.get()
    assert (ticket.topic, ticket.parts) == (topic, 2)
    assert see(client, ticket, ticket.secret).json()["topic"] == topic.pk
    assert [slot["state"] for slot in client.get(path).json()[:3]] == ["full", "full", "open"]
    assert post(client, "tickets/", body, key="for-a-topic").status_code == 200


def test_a_topic_of_no_use_is_refused(client):
    department = make_open_department()
    over = make_topic(department=department, active_until=in_days(-1))
    elsewhere = make_topic(department=make_open_department())
    slot = make_slot(department=department)
    for topic in (over, elsewhere):
        body = {"identity": issue_identity(make_member())[0], "slot": slot.pk, "topic": topic.pk}
        assert refused(post(client, "tickets/", body)) == (409, "topic_not_offered")
        path = f"/api/v1/departments/{department.slug}/days/"
        assert refused(client.get(path, {"topic": topic.pk})) == (400, "invalid")
    for wrong in ("x", "", "9" * 40, "๑"):
        assert refused(client.get(f"/api/v1/departments/{department.slug}/days/", {"topic": wrong})) == (400, "invalid")
    body = {"identity": issue_identity(make_member())[0], "slot": slot.pk, "topic": "1"}
    assert post(client, "tickets/", body).status_code == 400
    assert not Ticket.objects.exists()


def test_a_topic_for_the_proven(client):
    department = make_open_department()
    topic = make_topic(department=department, needs_proof=True)
    member, slot = make_member(), make_slot(department=department)
    body = {"identity": issue_identity(member)[0], "slot": slot.pk, "topic": topic.pk}
    assert refused(post(client, "tickets/", body)) == (403, "proof_needed")
    body |= {"identity": issue_identity(member, proved_by="phone")[0]}
    assert post(client, "tickets/", body).status_code == 201
