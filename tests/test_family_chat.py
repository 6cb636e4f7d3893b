"""The chat of somebody who looks after others: their tickets too, by name, and only as long as they consent."""

import json

import pytest
from django.utils import timezone

from booking import verbs
from booking.models.tickets import State
from members import family
from members.models import Care, LineAccount
from queuesite.demo import fake_line
from tests.factories import make_member, make_ticket
from tests.test_webhook import buttons, say, tap

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]

CARER, STRANGER = fake_line.user_id(100001), fake_line.user_id(100003)


@pytest.fixture
def wichai():
    return linked(make_member(given_name="วิชัย"), CARER)


@pytest.fixture
def mother():
    return make_member(given_name="สมศรี", family_name="ใจดี")


@pytest.fixture
def care(wichai, mother):
    now = timezone.now()
    return Care.objects.create(carer=wichai, member=mother, asked_at=now, began_at=now, proved_by="code")


def linked(member, user_id):
    LineAccount.objects.create(member=member, user_id=user_id, linked_at=timezone.now(), proved_by="code")
    return member


def test_a_carer_sees_their_own_ticket_and_those_of_the_others_by_name(client, server, wichai, mother, care):
    own, hers = make_ticket(member=wichai), make_ticket(member=mother)

    answer = say(client, server, "คิว", user=CARER)

    assert own.code in answer
    assert f"คิวของ {mother.full_name}" in answer
    assert f"คิวของ {wichai.full_name}" not in answer
    [card] = [card for card in server.replies[0]["messages"] if "คิวของ" in json.dumps(card, ensure_ascii=False)]
    assert hers.secret not in json.dumps(card), "a link with the secret would outlive the consent"
    assert "qr.png" not in json.dumps(card)


def test_a_carer_cancels_for_another_after_being_asked(client, server, mother, care):
    ticket = make_ticket(member=mother)

    asked = say(client, server, "ยกเลิก", user=CARER)
    assert mother.full_name in asked
    done = tap(client, server, buttons(server.replies[0])["ยืนยันยกเลิก"], user=CARER)

    assert "ยกเลิกบัตรคิวแล้ว" in done
    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED


def test_once_it_has_ended_old_cards_do_nothing(client, server, mother, care):
    ticket = make_ticket(member=mother)
    say(client, server, "คิว", user=CARER)
    family.end(by=mother, care_id=care.pk)

    for verb in ("cancel", "cancel-now"):
        assert ticket.code not in tap(client, server, f"{verb}:{ticket.public_id}", user=CARER)
    assert "ท่านไม่มีคิวที่จองไว้" in say(client, server, "คิว", user=CARER)
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_who_asked_and_has_no_consent_yet_sees_nothing(client, server, wichai, mother):
    Care.objects.create(carer=wichai, member=mother, asked_at=timezone.now())
    make_ticket(member=mother)

    assert "ท่านไม่มีคิวที่จองไว้" in say(client, server, "คิว", user=CARER)


def test_who_is_looked_after_does_not_see_the_carer_s_tickets(client, server, wichai, mother, care):
    linked(mother, STRANGER)
    ticket = make_ticket(member=wichai)

    assert "ท่านไม่มีคิวที่จองไว้" in say(client, server, "คิว", user=STRANGER)
    assert ticket.code not in tap(client, server, f"cancel:{ticket.public_id}", user=STRANGER)


def test_a_cancelled_ticket_of_another_says_why_not(client, server, mother, care):
    ticket = make_ticket(member=mother)
    verbs.cancel(ticket=ticket)

    assert "ยกเลิกไม่ได้แล้ว" in tap(client, server, f"cancel:{ticket.public_id}", user=CARER)
