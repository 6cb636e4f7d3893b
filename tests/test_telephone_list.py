"""The telephone list: who calls whom, what came of it, and when to call again."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from booking import roles, verbs
from booking.messages import sending
from booking.models import NoticeCall
from booking.models.notices import Kind, NoticeState
from tests.factories import make_member, make_slot, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

LIST = reverse("admin:booking_notice_telephone")


@pytest.fixture
def clerk(client):
    user = make_user(group=roles.CLERK, first_name="สุดา")
    client.force_login(user)
    return user


@pytest.fixture
def notice():
    return cancelled(1)


def cancelled(days_ahead):
    ticket = make_ticket(member=make_member(), slot=make_slot(days_ahead=days_ahead))
    verbs.cancel(ticket=ticket, by=make_user(), reason="ปิดปรับปรุง")
    while sending.send_owed():
        pass
    return ticket.notices.get(kind=Kind.CANCELLED)


def call(client, notice, result, **more):
    address = reverse("admin:booking_notice_called", args=[notice.pk])
    return client.post(address, {"result": result} | more, follow=True)


def test_whoever_calls_says_so_first(client, clerk, notice):
    assert "จะโทร" in text(client.get(LIST))
    page = call(client, notice, "calling")
    assert "ไม่รับสาย" in text(page)
    call(client, notice, "reached", note="แจ้งลูกชาย")
    notice.refresh_from_db()
    assert (notice.state, notice.ended_by) == (NoticeState.TELEPHONED, clerk)
    assert list(notice.calls.values_list("result", "note")) == [("calling", ""), ("reached", "แจ้งลูกชาย")]


def test_two_clerks_do_not_call_the_same_member(client, clerk, notice):
    call(client, notice, "calling")
    client.force_login(make_user(group=roles.CLERK))
    page = client.get(LIST)
    assert "สุดา กำลังโทร" in text(page)
    assert "สุดา กำลังโทร" in text(call(client, notice, "calling"))
    assert notice.calls.count() == 1


def test_a_member_with_two_messages_is_called_by_one(client, clerk, notice):
    ticket = make_ticket(member=notice.ticket.member, slot=make_slot(days_ahead=2))
    verbs.cancel(ticket=ticket, by=make_user(), reason="ปิดปรับปรุง")
    other = ticket.notices.get(kind=Kind.CANCELLED)
    call(client, notice, "calling")
    assert [row["is_mine"] for row in client.get(LIST).context["rows"]] == [True, False]
    client.force_login(make_user(group=roles.CLERK))
    page = call(client, other, "calling")
    assert [row["caller"] for row in page.context["rows"]] == [clerk, clerk]
    assert not other.calls.exists()
    client.force_login(clerk)
    call(client, other, "reached")
    other.refresh_from_db()
    assert other.state == NoticeState.TELEPHONED


def test_a_call_that_somebody_began_and_left_does_not_block_for_ever(client, clerk, notice):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        call(client, notice, "calling")
        clock.shift(dt.timedelta(minutes=11))
        client.force_login(make_user(group=roles.CLERK))
        call(client, notice, "calling")
    assert notice.calls.count() == 2


def test_no_answer_stays_on_the_list_with_who_tried(client, clerk, notice):
    call(client, notice, "calling")
    page = call(client, notice, "no_answer", note="ปิดเครื่อง")
    assert "ไม่รับสาย · สุดา · ปิดเครื่อง" in text(page)
    notice.refresh_from_db()
    assert notice.state == NoticeState.TO_TELEPHONE


def test_whom_to_call_later_stands_below_until_then(client, clerk, notice):
    other = cancelled(2)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        call(client, notice, "call_again", again="09:30")
        rows = client.get(LIST).context["rows"]
        assert [row["notice"] for row in rows] == [other, notice]
        assert "โทรอีกครั้ง" in text(client.get(LIST)) and "09.30 น." in text(client.get(LIST))
        clock.shift(dt.timedelta(hours=3))
        rows = client.get(LIST).context["rows"]
        assert [row["notice"] for row in rows] == [notice, other]


def test_a_time_that_has_passed_is_tomorrow_s(client, clerk, notice):
    call(client, notice, "call_again", again="06:00")
    again_at = timezone.localtime(NoticeCall.objects.get().again_at)
    assert (again_at.date() - timezone.localdate()).days == 1


@pytest.mark.parametrize(
    "body", [{"result": "call_again"}, {"result": "x"}, {}, {"result": "call_again", "again": "x"}]
)
def test_what_makes_no_sense_is_said_and_changes_nothing(client, clerk, notice, body):
    answer = client.post(reverse("admin:booking_notice_called", args=[notice.pk]), body, follow=True)
    assert answer.status_code == 200
    assert not notice.calls.exists()


def test_once_reached_there_is_nobody_to_call(client, clerk, notice):
    call(client, notice, "reached")
    page = call(client, notice, "no_answer")
    assert "มีผู้โทรแจ้งไว้ก่อน" in text(page)
    assert notice.calls.count() == 1


def test_only_by_post_and_only_by_who_telephones(client, clerk, notice):
    address = reverse("admin:booking_notice_called", args=[notice.pk])
    assert client.get(address).status_code == 405
    client.force_login(make_user(group=roles.RECEPTION))
    assert client.post(address, {"result": "calling"}).status_code == 403
