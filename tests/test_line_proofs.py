"""What an unproven link is worth, and what it takes to link another member."""

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from booking import jobs
from booking.line import answers
from members import line_accounts
from members.codes import issue_code
from members.errors import CodeNeeded
from members.models import EndedLink, LineAccount
from queuesite.demo import fake_line
from tests.factories import make_member, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

ONE = fake_line.user_id(100001)
TELEPHONE = "0812345678"


@pytest.fixture
def by_telephone(settings):
    settings.LINE_LINK_PROOF = "member_proof"


def link(member, user_id=ONE, *, proof="", code=""):
    _member, token = line_accounts.claim(
        user_id=user_id, member_number=member.member_number, proof=proof, address="203.0.113.7"
    )
    return line_accounts.link(user_id=user_id, token=token, code=code, address="203.0.113.7")


def test_each_link_keeps_what_proved_it(settings):
    member, other = make_member(phone=TELEPHONE), make_member()
    settings.LINE_LINK_PROOF = "member_proof"
    assert link(member, proof="5678").proved_by == "phone"
    settings.LINE_LINK_PROOF = "code"
    code = issue_code(member=other, by=make_user())
    assert link(other, fake_line.user_id(100002), code=code).proved_by == "code"


def test_a_clerks_code_is_what_is_asked_for_where_nothing_is_set():
    with pytest.raises(CodeNeeded):
        link(make_member())


# --- one account, many members ------------------------------------------------------------------------------------


def test_one_account_links_one_member_in_thirty_days_however_often_it_unlinks(by_telephone):
    """Who has twelve members' numbers and telephones gets one of them."""
    members = [make_member(phone=TELEPHONE) for _ in range(12)]
    linked = 0
    for member in members:
        try:
            link(member, proof="5678")
        except CodeNeeded:
            continue
        linked += 1
        line_accounts.unlink(member=member, by=None)
    assert linked == 1


def test_the_same_member_again_needs_what_linking_needs_and_another_a_code(by_telephone):
    member, other = make_member(phone=TELEPHONE), make_member(phone=TELEPHONE)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        link(member, proof="5678")
        line_accounts.unlink(member=member, by=None)
        assert link(member, proof="5678").proved_by == "phone"
        with pytest.raises(CodeNeeded):
            link(other, proof="5678")
        link(other, proof="5678", code=issue_code(member=other, by=make_user()))
        assert not LineAccount.objects.filter(member=member).exists()

        line_accounts.unlink(member=other, by=None)
        with pytest.raises(CodeNeeded):
            link(member, proof="5678")
        clock.shift(dt.timedelta(days=30, seconds=1))
        link(member, proof="5678")


def test_ended_links_are_remembered_as_hashes_and_forgotten(by_telephone):
    member = make_member(phone=TELEPHONE)
    link(member, proof="5678")
    line_accounts.unlink(member=member, by=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row::text FROM members_endedlink AS row")
        assert ONE not in str(cursor.fetchall())
    jobs.purge_line_events()
    assert EndedLink.objects.exists()
    with time_machine.travel(timezone.now() + dt.timedelta(days=31)):
        jobs.purge_line_events()
    assert not EndedLink.objects.exists()


# --- links of before, which nothing proved ------------------------------------------------------------------------


@pytest.fixture
def of_before(settings):
    """A link that was made when the office asked for no proof; its member's ticket."""
    settings.LINE_LOGIN_CHANNEL_ID = "1650000000"
    member = make_member(title="นาง", given_name="เพ็ญศรี", family_name="ใจดี", phone=TELEPHONE)
    LineAccount.objects.create(member=member, user_id=ONE, linked_at=timezone.now())
    return make_ticket(member=member)


def sign_in(client, settings):
    with fake_line.running(login_channel_id="1650000000") as server:
        settings.LINE_API_BASE = server.url
        return client.post(reverse("line_log_in"), {"id_token": server.id_token(sub=ONE)})


def test_it_shows_no_name_and_no_ticket_and_books_nothing(client, settings, of_before):
    assert sign_in(client, settings)["Location"] == reverse("line_link")
    for page in (reverse("line"), reverse("tickets"), reverse("days", args=[of_before.department.slug])):
        said = text(client.get(page))
        assert "เพ็ญศรี" not in said and of_before.code not in said
    assert client.get(reverse("ticket", args=[of_before.public_id])).status_code == 404


def test_in_the_chat_it_answers_as_if_there_were_none(settings, of_before):
    said = answers._said(ONE, {"message": {"type": "text", "text": "สถานะ"}})
    assert of_before.code not in str(said)
    assert of_before.code not in str(answers._tapped(ONE, {"postback": {"data": f"cancel-now:{of_before.public_id}"}}))
    of_before.refresh_from_db()
    assert of_before.state == "booked"


def test_once_proved_it_is_like_any_other(client, settings, of_before):
    link(of_before.member, code=issue_code(member=of_before.member, by=make_user()))
    account = LineAccount.objects.get()
    assert account.proved_by == "code"
    sign_in(client, settings)
    assert of_before.code in text(client.get(reverse("tickets")))


def test_to_prove_it_takes_the_proof(of_before):
    with pytest.raises(CodeNeeded):
        link(of_before.member)
    assert LineAccount.objects.get().proved_by == ""
