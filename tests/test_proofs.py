"""What a proof opens, and how often a wrong one may be given."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking import errors
from booking.models import Slot
from members.codes import issue_code
from members.errors import NotRegistered
from members.identify import identify, look_up
from members.throttle import WRONG_PROOFS
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import confirm_name, key_of, send_times, text, times_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def many_look_ups(settings):
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "1000/900")


def asks(member, proof, *, nth=0, proof_of="phone_last4"):
    return look_up(
        member_number=member.member_number, proof=proof, address=f"198.51.100.{nth}", asks=proof_of
    ).proved_by


def test_the_telephone_and_a_clerks_code_are_told_apart():
    member = make_member(phone="0812345678")
    assert asks(member, "5678") == "phone"
    assert asks(member, issue_code(member=member, by=make_user())) == "code"
    assert asks(member, "", proof_of="none") == ""


def test_a_wrong_proof_is_refused_where_none_is_asked_for_too():
    with pytest.raises(NotRegistered):
        asks(make_member(phone="0812345678"), "0000", proof_of="none")


def test_after_ten_wrong_proofs_in_a_day_only_a_code_proves(many_look_ups):
    member, other = make_member(phone="0812345678"), make_member(phone="0812345678")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for nth in range(WRONG_PROOFS.tries):
            with pytest.raises(NotRegistered):
                asks(member, f"{nth:04}", nth=nth)
        with pytest.raises(NotRegistered):
            asks(member, "5678")
        assert asks(other, "5678") == "phone", "another member's are counted apart"
        assert asks(member, issue_code(member=member, by=make_user())) == "code"
        with pytest.raises(NotRegistered):
            asks(member, "5678")
        clock.shift(timezone.timedelta(seconds=WRONG_PROOFS.seconds + 1))
        assert asks(member, "5678") == "phone"


def test_right_proofs_use_none_of_them_up(many_look_ups):
    member = make_member(phone="0812345678")
    assert {asks(member, "5678") for _ in range(3 * WRONG_PROOFS.tries)} == {"phone"}


def test_a_confirmed_name_gives_the_look_up_back(client, settings):
    """Who books for many with the same number, or a family at one telephone, does not lock the number."""
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "2/900"}
    member, department = make_member(), make_open_department()
    for _ in range(6):
        confirm_name(client, department, member=member)
    assert identify(member_number=member.member_number, address="203.0.113.7") == member


def test_one_that_was_not_confirmed_stays_counted(client, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "2/900"}
    member, address = make_member(), reverse("identify", args=[make_open_department().slug])
    form = {"by": "member_number", "member_number": member.member_number}
    assert [client.post(address, form).status_code for _ in range(3)] == [302, 302, 429]


def test_through_the_api_a_booking_gives_the_look_up_back_once(client, settings):
    """There is no page to confirm the name on: who books with the identity has."""
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "3/900"}
    member, slots = make_member(), [make_slot(quota=3) for _ in range(4)]

    def send(path, body, **headers):
        return client.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)

    def found():
        return send("members/identify/", {"member_number": member.member_number})

    settings.BOOKING_LIMITS = dict.fromkeys(settings.BOOKING_LIMITS, 100)
    for slot in slots:
        body = {"identity": found().json()["identity"], "slot": slot.pk}
        answers = [send("tickets/", body, **{"Idempotency-Key": f"of {slot.pk}".replace(" ", "-")}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [found().status_code for _ in range(4)] == [200, 200, 200, 429], "what led to no booking stays counted"


# --- to get a turn back -------------------------------------------------------------------------------------------


def recover(client, member, code):
    form = {"by": "member_number", "member_number": member.member_number, "proof": code}
    return client.post(reverse("recover"), form)


def test_a_member_whose_turn_a_stranger_took_sees_it_with_a_code_and_cancels_it(client):
    member = make_member(phone="0812345678")
    stolen = make_ticket(member=member)
    confirm_name(client, stolen.department, member=member)
    page = times_page(client, stolen.department)
    slot = Slot.objects.of_day(stolen.department, in_days(1))[4]
    refused = client.get(send_times(client, stolen.department, slot, key=key_of(page))["Location"])
    assert str(errors.AlreadyBooked.message) in text(refused)
    assert reverse("recover") in refused.content.decode()

    assert recover(client, member, "5678").status_code == 422, "the telephone opens no ticket"
    answer = recover(client, member, issue_code(member=member, by=make_user()))
    assert answer["Location"] == reverse("tickets")
    assert stolen.code in text(client.get(answer["Location"]))
    client.post(reverse("ticket_cancel", args=[stolen.public_id]))
    stolen.refresh_from_db()
    assert stolen.state == "cancelled"


@pytest.mark.parametrize("code", ["", "5678", "00000000", "ก"])
def test_nothing_else_brings_it(client, code):
    member = make_member(phone="0812345678")
    ticket = make_ticket(member=member)
    answer = recover(client, member, code)
    assert answer.status_code == 422
    assert member.masked_name not in text(answer) and ticket.code not in text(answer)
    assert "tickets" not in client.cookies


def test_it_does_not_tell_whether_there_is_such_a_member():
    member = make_member()
    said = [text(recover(Client(), one, "00000000")) for one in (member, make_member(is_registered=False))]
    assert said[0] == said[1]


def test_a_code_brings_the_tickets_of_its_own_member_once(client):
    member, other = make_member(), make_member()
    make_ticket(member=other)
    code = issue_code(member=member, by=make_user())
    assert recover(client, other, code).status_code == 422
    assert recover(client, member, code).status_code == 302
    assert recover(client, member, code).status_code == 422


def test_with_the_telephone_one_books_and_sees_no_ticket_of_before(client, settings):
    settings.MEMBER_PROOF = "phone_last4"
    member = make_member(phone="0812345678")
    before = make_ticket(member=member)
    slot = make_slot()
    address = reverse("identify", args=[slot.department.slug])
    form = {"by": "member_number", "member_number": member.member_number, "proof": "5678"}
    client.post(client.post(address, form)["Location"], {"answer": "yes"})
    page = times_page(client, slot.department)
    assert "/t/" in send_times(client, slot.department, slot, key=key_of(page))["Location"]
    assert before.code not in text(client.get(reverse("tickets")))
    assert client.get(reverse("ticket", args=[before.public_id])).status_code == 404
