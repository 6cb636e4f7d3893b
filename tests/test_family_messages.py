"""Messages to who looks after a member: in the member's place, or as well; through a LINE of our own, once each."""

import datetime as dt

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from booking.messages import ledger, sending
from booking.models import Notice
from booking.models.notices import Kind, NoticeState
from members import accounts, family
from members.models import Care, LineAccount
from queuesite.demo import fake_line
from tests.clock import MORNING, standing_still
from tests.factories import (
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)
from tests.pages import text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]

clock = standing_still(MORNING, autouse=True)
HIS, HERS = fake_line.user_id(100001), fake_line.user_id(100002)


def reachable(member, user_id):
    LineAccount.objects.create(member=member, user_id=user_id, linked_at=timezone.now(), proved_by="code")
    return member


def look_after(carer, member, **fields) -> Care:
    now = timezone.now()
    return Care.objects.create(carer=carer, member=member, asked_at=now, began_at=now, proved_by="code", **fields)


@pytest.fixture
def carer():
    return reachable(make_member(given_name="วิชัย", email=""), HIS)


@pytest.fixture
def mother():
    return make_member(given_name="สมศรี", email="")


def send_all():
    while sending.send_owed():
        pass


def to(server) -> list[str]:
    return [push["to"] for push in server.pushes]


def booked(member):
    return make_ticket(member=member, slot=make_slot(days_ahead=3))


def test_who_has_no_channel_is_told_through_the_carer_by_name(server, carer, mother):
    look_after(carer, mother)
    ticket = booked(mother)

    send_all()

    assert to(server) == [HIS]
    card = str(server.pushes[0]["messages"])
    assert f"คิวของ {mother.full_name}" in card
    assert ticket.code in card
    told, own = ticket.notices.get(kind=Kind.ISSUED, carer=carer), ticket.notices.get(kind=Kind.ISSUED, carer=None)
    assert (told.state, told.channel) == (NoticeState.SENT, "line")
    assert (own.state, own.reason) == (NoticeState.DROPPED, "no_channel")


def test_nothing_in_it_outlives_the_consent(server, carer, mother):
    look_after(carer, mother)
    ticket = booked(mother)
    send_all()

    card = str(server.pushes[0])
    assert ticket.secret not in card
    assert "postback" not in card
    assert "qr.png" not in card
    assert f"/t/{ticket.public_id}/" in card


def test_who_has_a_channel_is_told_alone_unless_the_carer_wants_all(server, carer, mother):
    reachable(mother, HERS)
    care = look_after(carer, mother)
    booked(mother)
    send_all()
    assert to(server) == [HERS]

    family.choose_messages(carer=carer, care_id=care.pk, always=True)
    booked(mother)
    send_all()

    assert sorted(to(server)) == sorted([HERS, HERS, HIS])
    keys = [push["retry_key"] for push in server.pushes]
    assert len(set(keys)) == 3


def test_where_line_refuses_the_member_the_carer_is_told(server, carer, mother):
    reachable(mother, HERS)
    LineAccount.objects.filter(member=mother).update(unfollowed_at=timezone.now())
    look_after(carer, mother)
    booked(mother)

    send_all()

    assert to(server) == [HIS]


def test_by_e_mail_where_the_carer_has_no_line(settings, mother):
    settings.EMAIL_HOST = "mail.example.org"
    look_after(make_member(email="vichai@example.org"), mother)
    booked(mother)

    send_all()

    [letter] = mail.outbox
    assert letter.to == ["vichai@example.org"]
    assert mother.full_name in letter.body


@pytest.mark.parametrize("side", ["carer", "member"])
def test_once_consent_has_ended_nothing_more_is_sent(server, carer, mother, side):
    """Also what was owed before: the worker asks right before it sends. The control is the same without the end."""
    care = look_after(carer, mother)
    ticket = booked(mother)
    server.fail(500)
    send_all()
    told = ticket.notices.get(kind=Kind.ISSUED, carer=carer)
    assert told.state == NoticeState.OWED
    server.heal()

    family.end(by=carer if side == "carer" else mother, care_id=care.pk)
    Notice.objects.owed().update(next_try_at=timezone.now())
    before = len(to(server))
    send_all()

    told.refresh_from_db()
    assert (told.state, told.reason) == (NoticeState.DROPPED, "consent_ended")
    assert len(to(server)) == before


def test_control_without_the_end_it_is_sent(server, carer, mother):
    look_after(carer, mother)
    ticket = booked(mother)
    server.fail(500)
    send_all()
    server.heal()
    Notice.objects.owed().update(next_try_at=timezone.now())

    send_all()

    assert ticket.notices.get(kind=Kind.ISSUED, carer=carer).state == NoticeState.SENT


def cancelled_by_staff(member):
    ticket = booked(member)
    verbs.cancel(ticket=ticket, by=make_user(), reason="ปิดทำการ")
    return ticket


def test_who_was_told_through_a_carer_is_not_telephoned(server, carer, mother):
    look_after(carer, mother)
    cancelled_by_staff(mother)

    send_all()

    assert HIS in to(server)
    assert not ledger.to_telephone().exists()


def test_where_nobody_could_be_told_the_member_is_telephoned_once(carer, mother):
    LineAccount.objects.all().delete()
    look_after(carer, mother)
    look_after(make_member(email=""), mother)
    ticket = cancelled_by_staff(mother)

    send_all()

    assert [one.ticket for one in ledger.to_telephone()] == [ticket]


def test_a_carers_message_does_not_replace_the_members_own(server, carer, mother):
    """Of a message that replaces earlier ones, as a call does: the member's own is tried again after the carer's was
    written."""
    reachable(mother, HERS)
    look_after(carer, mother, tells_always=True)
    department = make_open_department()
    ticket = make_walk_in(department=department, member_id=mother.pk)
    clerk = make_user()
    verbs.call_next(counter=make_counter(departments=[department], clerk=clerk), by=clerk)
    Notice.objects.exclude(kind=Kind.YOUR_TURN).delete()
    server.fail(500)
    send_all()
    Notice.objects.owed().update(next_try_at=timezone.now())

    send_all()

    states = list(ticket.notices.values_list("state", flat=True))
    assert states == [NoticeState.SENT] * 2


def test_unlinking_and_erasing_take_what_was_sent_to_carers(server, carer, mother):
    look_after(carer, mother)
    ticket = booked(mother)
    send_all()
    assert Notice.objects.filter(carer=carer).exists()

    verbs.unlink_members(before=ticket.date + dt.timedelta(days=1))

    assert not Notice.objects.filter(carer=carer).exists()
    assert ticket.notices.exists()
    booked_again = booked(mother)
    send_all()
    verbs.cancel(ticket=booked_again)
    verbs.erase_member(member=mother, by=make_user())
    assert not Notice.objects.filter(carer=carer).exists()


def test_the_carer_chooses_on_the_page(client, settings, carer, mother):
    settings.IMEMBER_LOGIN_URL = ""
    care = look_after(carer, mother)
    accounts._set(carer, "ดอกไม้ริมรั้วบ้าน")
    client.post(reverse("member"), {"member_number": carer.member_number, "password": "ดอกไม้ริมรั้วบ้าน"})

    page = client.post(reverse("family_messages"), {"care": care.pk, "always": "yes"}, follow=True)

    care.refresh_from_db()
    assert care.tells_always
    assert "ท่านได้รับทุกข้อความ" in text(page)
    other = look_after(mother, carer)
    client.post(reverse("family_messages"), {"care": other.pk, "always": "yes"})
    other.refresh_from_db()
    assert not other.tells_always
