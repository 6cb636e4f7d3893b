"""Telephoning about offers: one clerk calls a member at a time, and says what came of it while the offer lasts."""

import datetime as dt
import re
from functools import partial

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import errors, roles, verbs
from booking.messages import ledger, offers, sending
from booking.models import NoticeCall, OfferMessage, StaffDepartment, Ticket, WaitingEntry
from booking.models.notices import Kind, NoticeState
from booking.papers import held
from booking.verbs.waiting import join, leave, offer_free_places
from tests.clock import standing_still, today_at
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import text
from tests.racing import race

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("8.00"))
TELEPHONE, WAITING = reverse("admin:booking_notice_telephone"), reverse("admin:booking_ticket_waiting")


def made_offer(member=None) -> OfferMessage:
    """To a member whom nothing reaches but the telephone."""
    department = make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(9, 30), max_days_ahead=2, has_waiting_list=True
    )
    ticket = make_ticket(slot=make_slot(department=department))
    entry = join(member_id=(member or make_member(email="")).pk, department=department, date=in_days(1))
    verbs.cancel(ticket=ticket)
    assert offer_free_places() == 1
    return entry.messages.get()


@pytest.fixture
def offer(clock):
    return made_offer()


@pytest.fixture
def suda(client):
    user = make_user(group=roles.CLERK, first_name="สุดา")
    client.force_login(user)
    return user


@pytest.fixture
def other(suda):
    return make_user(group=roles.CLERK, first_name="มานะ")


def call(client, message, result, **more):
    address = reverse("admin:booking_notice_offer_called", args=[message.pk])
    return client.post(address, {"result": result} | more, follow=True)


def buttons(page) -> list[str]:
    return re.findall(r'name="result" value="(\w+)"', page.content.decode())


def answer(client, message, what):
    return client.post(WAITING, {"entry": message.entry_id, what: "1"})


def calls() -> list[tuple[str, str]]:
    return list(NoticeCall.objects.values_list("result", "by__first_name"))


@pytest.mark.parametrize("page", [TELEPHONE, WAITING])
def test_whoever_calls_says_so_first_and_has_the_answers_then(client, suda, offer, page):
    shown = client.get(page)
    assert "สหกรณ์ไม่ได้เปิดส่งข้อความนี้" in text(shown)
    assert buttons(shown) == ["calling"]
    call(client, offer, "calling")
    assert buttons(client.get(page)) == ["reached", "no_answer", "call_again"]


def test_the_button_leads_back_to_the_page_where_it_was_pressed(client, suda, offer):
    address = reverse("admin:booking_notice_offer_called", args=[offer.pk])
    for more, page in (({}, TELEPHONE), ({"list": "1"}, WAITING)):
        assert client.post(address, {"result": "calling"} | more)["Location"] == f"{page}#offer-{offer.pk}"


def test_two_clerks_do_not_call_the_same_member(client, suda, other, offer):
    call(client, offer, "calling")
    client.force_login(other)
    for page in (TELEPHONE, WAITING):
        assert "สุดา กำลังโทร" in text(client.get(page))
    assert "สุดา กำลังโทร" in text(call(client, offer, "calling"))
    assert calls() == [("calling", "สุดา")]


def test_neither_of_a_ticket_and_an_offer(client, suda, other, offer):
    ticket = make_ticket(member=offer.entry.member, slot=make_slot(days_ahead=3))
    verbs.cancel(ticket=ticket, by=suda, reason="ปิดปรับปรุง")
    while sending.send_owed():
        pass
    notice = ticket.notices.get(kind=Kind.CANCELLED)
    call(client, offer, "calling")
    with pytest.raises(errors.BeingCalled):
        ledger.called(notice=notice, by=other, result="calling")
    ledger.called(notice=notice, by=suda, result="calling")
    with pytest.raises(errors.BeingCalled):
        offers.called(message=offer, by=other, result="calling")
    client.force_login(other)
    assert text(client.get(TELEPHONE)).count("สุดา กำลังโทร") == 2


def test_a_call_that_somebody_began_and_left_does_not_block_for_ever(client, suda, other, offer, clock):
    WaitingEntry.objects.update(offer_ends_at=timezone.now() + dt.timedelta(hours=1))
    call(client, offer, "calling")
    clock.shift(dt.timedelta(minutes=10))
    client.force_login(other)
    call(client, offer, "calling")
    assert calls() == [("calling", "สุดา"), ("calling", "มานะ")]


def test_no_answer_stays_on_the_list_with_who_tried(client, suda, other, offer):
    call(client, offer, "calling")
    assert "ไม่รับสาย · สุดา · ปิดเครื่อง" in text(call(client, offer, "no_answer", note="ปิดเครื่อง"))
    client.force_login(other)
    call(client, offer, "calling")
    assert calls()[-1] == ("calling", "มานะ")


def test_whom_to_call_later_stands_below_until_then(client, suda, offer, clock):
    second = made_offer()
    call(client, offer, "call_again", again="08:05")
    assert [row["message"] for row in client.get(TELEPHONE).context["offers"]] == [second, offer]
    assert "โทรอีกครั้ง" in text(client.get(TELEPHONE)) and "08.05 น." in text(client.get(TELEPHONE))
    clock.shift(dt.timedelta(minutes=5))
    assert [row["message"] for row in client.get(TELEPHONE).context["offers"]] == [offer, second]


@pytest.mark.parametrize("again", ["08:10", "12:00", "07:00"])
def test_nobody_is_to_be_called_again_once_the_offer_is_over(client, suda, offer, again):
    assert "คิวที่เสนอเก็บไว้ถึง 08.10 น." in text(call(client, offer, "call_again", again=again))
    assert calls() == []


def test_who_was_told_and_answers_later_is_off_the_list(client, suda, offer):
    call(client, offer, "reached", note="จะตอบเอง")
    offer.refresh_from_db()
    assert (offer.state, offer.channel, offer.ended_by) == (NoticeState.TELEPHONED, "phone", suda)
    assert offers.to_telephone() == []
    assert offer.entry.is_live
    assert "โทรแจ้งแล้ว โทรศัพท์ โดย" in text(client.get(WAITING))
    assert "มีผู้โทรแจ้งไว้ก่อน" in text(call(client, offer, "no_answer"))
    assert calls() == [("reached", "สุดา")]


@pytest.mark.parametrize("what", ["take", "leave"])
def test_an_answer_is_a_call_that_reached_them(client, suda, offer, what):
    call(client, offer, "calling")
    answer(client, offer, what)
    offer.refresh_from_db()
    assert (offer.state, offer.ended_by) == (NoticeState.TELEPHONED, suda)
    assert calls() == [("calling", "สุดา"), ("reached", "สุดา")]
    answer(client, offer, what)
    assert len(calls()) == 2
    assert Ticket.objects.live().filter(member=offer.entry.member).exists() is (what == "take")
    [waits] = held.held_of(offer.entry.member)["waiting"]
    assert [one["result"] for one in waits["messages"][0]["calls"]] == ["กำลังโทร", "โทรแจ้งแล้ว"]


def test_who_answers_themselves_was_not_telephoned(client, suda, offer):
    leave(entry=offer.entry)
    offer.refresh_from_db()
    assert (offer.state, calls()) == (NoticeState.TO_TELEPHONE, [])
    assert "มีผู้โทรแจ้งไว้ก่อน" in text(call(client, offer, "calling"))
    assert calls() == []


def test_an_offer_that_is_over_is_not_called_about(client, suda, offer, clock):
    clock.shift(dt.timedelta(minutes=10))
    assert "ไม่ต้องโทรแล้ว" in text(call(client, offer, "calling"))
    assert calls() == []


@pytest.mark.parametrize("body", [{"result": "call_again"}, {"result": "x"}, {"result": "call_again", "again": "x"}])
def test_what_makes_no_sense_is_said_and_changes_nothing(client, suda, offer, body):
    address = reverse("admin:booking_notice_offer_called", args=[offer.pk])
    assert client.post(address, body, follow=True).status_code == 200
    assert calls() == []


def test_only_by_post_only_by_who_telephones_and_of_their_departments(client, suda, offer):
    address = reverse("admin:booking_notice_offer_called", args=[offer.pk])
    assert client.get(address).status_code == 405
    assert client.post(reverse("admin:booking_notice_offer_called", args=[999999])).status_code == 404
    StaffDepartment.objects.create(user=suda, department=make_open_department())
    assert client.post(address, {"result": "calling"}).status_code == 403
    client.force_login(make_user(group=roles.RECEPTION))
    assert client.post(address, {"result": "calling"}).status_code == 403
    assert calls() == []


def test_the_page_takes_as_many_queries_for_many(client, suda, clock, django_assert_max_num_queries):
    for _ in range(3):
        call(client, made_offer(), "calling")
    client.get(TELEPHONE)
    with django_assert_max_num_queries(14):
        client.get(TELEPHONE)


def pressed_at_once() -> list[str]:
    """Four clerks, of one member to whom two places are offered."""
    member = make_member(email="")
    messages = [made_offer(member), made_offer(member)]
    clerks = [make_user(group=roles.CLERK) for _ in range(4)]

    def press(nth, _round):
        return offers.called(message=messages[nth % 2], by=clerks[nth], result="calling").result

    return sorted(race(*(partial(press, nth) for nth in range(4)))[0])


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_clerks_who_press_at_once_one_calls():
    assert pressed_at_once() == ["being_called"] * 3 + ["calling"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_control_that_does_not_look_has_all_of_them_call(monkeypatch):
    monkeypatch.setattr(ledger, "refuse_a_second_caller", lambda *_, **__: None)
    assert pressed_at_once() == ["calling"] * 4
