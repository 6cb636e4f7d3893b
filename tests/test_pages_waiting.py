"""Waiting for a full day on the pages: joining, where one stands, the offer and its answer."""

import datetime as dt
import re

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from booking.days import opening
from booking.messages import channels, offers
from booking.models import MessageChoice, Ticket, WaitingEntry
from booking.models.notices import OFFER, NoticeState
from booking.papers import held
from booking.reports import figures, stored, tables
from booking.verbs.waiting import join, offer_free_places
from members.models import LineAccount
from queuesite.demo import fake_line, line_shapes
from tests.clock import standing_still, today_at
from tests.factories import (
    in_days,
    make_exception,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
)
from tests.pages import confirm_name, text

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("8.00"), autouse=True)


USER = fake_line.user_id(100001)


@pytest.fixture
def department():
    return make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(10), max_days_ahead=2, has_waiting_list=True, offer_minutes=15
    )


@pytest.fixture
def tickets(department):
    """Tomorrow is full."""
    return [make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(2)]


def times_address(department):
    return reverse("times", args=[department.slug, in_days(1)])


def sends_join(client, department, **more):
    return client.post(reverse("wait", args=[department.slug, in_days(1)]), more)


def entry_of(department, member=None) -> WaitingEntry:
    return join(member_id=(member or make_member()).pk, department=department, date=in_days(1))


def opened(client, entry):
    answer = client.post(reverse("waiting_open", args=[entry.public_id]), {"link": entry.secret})
    assert answer["Location"] == reverse("waiting", args=[entry.public_id])
    return client.get(answer["Location"])


# --- joining ---


def test_a_full_day_leads_to_its_list(client, department, tickets):
    strip = client.get(reverse("days", args=[department.slug])).content.decode()
    assert f'href="{times_address(department)}"' in strip
    assert "รอคิวว่าง" in strip
    page = text(client.get(times_address(department)))
    assert "วันที่เลือกคิวเต็มแล้ว" in page and "เวลาใดก็ได้" in page and "15 นาที" in page


def test_without_a_list_a_full_day_leads_nowhere(client):
    slot = make_slot(quota=1, opens=dt.time(9), closes=dt.time(9, 30))
    make_ticket(slot=slot)
    assert "รอคิวว่าง" not in text(client.get(reverse("days", args=[slot.department.slug])))
    assert "why=day_full" in client.get(times_address(slot.department))["Location"]


def test_a_member_joins_and_sees_where_they_stand(client, department, tickets):
    entry_of(department)
    member, _answer = confirm_name(client, department)
    answer = sends_join(client, department, only="")
    entry = WaitingEntry.objects.get(member=member)
    assert (answer["Location"], entry.starts_at, entry.by) == (reverse("waiting", args=[entry.public_id]), None, None)
    assert "ท่านอยู่ลำดับที่ 2 ของผู้รอ" in text(client.get(answer["Location"]))
    assert "รอคิวว่าง" in text(client.get(reverse("tickets")))
    sends_join(client, department, only="")
    assert WaitingEntry.objects.filter(member=member).count() == 1


def test_for_one_time_of_a_day_that_has_others(client, department, tickets):
    verbs.cancel(ticket=tickets[0])
    assert "เวลาที่ต้องการเต็ม" in text(client.get(times_address(department)))
    page = client.get(f"{times_address(department)}?wait").content.decode()
    assert f'value="{tickets[1].slot_id}"' in page and "เวลาใดก็ได้" not in page
    member, _answer = confirm_name(client, department)
    sends_join(client, department, only=tickets[1].slot_id)
    assert WaitingEntry.objects.get(member=member).starts_at == tickets[1].slot.starts_at


def test_who_has_not_said_who_they_are_is_asked_first_and_comes_back(client, department, tickets):
    answer = sends_join(client, department, only="", slot=tickets[0].slot_id)
    assert answer["Location"].startswith(reverse("identify", args=[department.slug]))
    _member, answer = confirm_name(client, department, slot=tickets[0].slot)
    assert answer["Location"].startswith(times_address(department))
    assert "วันที่เลือกคิวเต็มแล้ว" in text(client.get(answer["Location"]))


def test_what_became_free_meanwhile_is_booked_instead(client, department, tickets):
    confirm_name(client, department)
    verbs.cancel(ticket=tickets[0])
    answer = sends_join(client, department, only="", slot=tickets[0].slot_id)
    assert "why=not_full_yet" in answer["Location"]
    assert "ขณะนี้มีคิวว่าง" in text(client.get(answer["Location"]))


def test_a_visit_of_several_times_has_no_list(client, department, tickets):
    topic = make_topic(department=department, minutes=60)
    answer = client.get(f"{times_address(department)}?topic={topic.pk}")
    assert "why=day_full" in answer["Location"]


def test_a_visit_that_fits_into_one_time_has_one(client, department, tickets):
    fits, long = make_topic(department=department, minutes=30), make_topic(department=department, name="ข", minutes=60)
    confirm_name(client, department)
    days = reverse("days", args=[department.slug])
    assert "day-wait" in client.get(f"{days}?topic={fits.pk}").text
    assert "day-wait" not in client.get(f"{days}?topic={long.pk}").text
    assert "แจ้งเมื่อมีคิวว่าง" in text(client.get(f"{times_address(department)}?topic={fits.pk}"))

    sends_join(client, department, topic=fits.pk)
    assert WaitingEntry.objects.get().topic == fits


@pytest.mark.parametrize("name", ["wait", "waiting_take", "waiting_leave", "waiting_open"])
def test_joining_and_answering_are_posts(client, department, tickets, name):
    entry = entry_of(department)
    args = [department.slug, in_days(1)] if name == "wait" else [entry.public_id]
    assert client.get(reverse(name, args=args)).status_code == 405


# --- the offer ---


@pytest.fixture
def offered(department, tickets):
    entry = entry_of(department)
    verbs.cancel(ticket=tickets[0])
    assert offer_free_places() == 1
    entry.refresh_from_db()
    return entry


def test_the_offer_is_taken_without_a_script(client, offered):
    page = text(opened(client, offered))
    assert "มีคิวว่างสำหรับท่าน" in page and "เวลา 09.00 น." in page and "เก็บไว้ให้ท่านถึง 08.15 น." in page
    assert "หากไม่รับภายในเวลานี้ คิวนี้จะเสนอให้ผู้รอคนต่อไป และท่านจะออกจากรายการรอ" in page
    answer = client.post(reverse("waiting_take", args=[offered.public_id]))
    ticket = Ticket.objects.get(member=offered.member)
    assert answer["Location"] == f"{reverse('ticket', args=[ticket.public_id])}?booked=1"
    assert client.get(answer["Location"]).status_code == 200
    again = client.post(reverse("waiting_take", args=[offered.public_id]))
    assert again["Location"] == answer["Location"]
    assert "ท่านได้คิวของวันนั้นแล้ว" in text(client.get(reverse("waiting", args=[offered.public_id])))


def test_an_offer_that_lasts_into_the_next_day_says_its_date(client, department, tickets, clock):
    clock.move_to(today_at("23.50"))
    entry = entry_of(department)
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    page = text(opened(client, entry))
    assert "เก็บไว้ให้ท่านถึง อ. 24 พ.ย. 2569 00.05 น." in page
    assert "รับได้ถึง อ. 24 พ.ย. 2569 00.05 น." in text(client.get(reverse("tickets")))
    entry.refresh_from_db()
    assert any("ถึง อ. 24 พ.ย. 2569 00.05 น." in line for line in offers.said(entry).lines)
    clock.move_to(today_at("23.59") + dt.timedelta(minutes=2))
    assert "เก็บไว้ให้ท่านถึง 00.05 น." in text(opened(client, entry))


def test_the_offered_time_is_free_to_its_member_alone(client, department, offered):
    confirm_name(client, department, member=offered.member)
    assert "ว่าง 1 คิว" in text(client.get(times_address(department)))
    client.cookies.clear()
    confirm_name(client, department)
    assert "วันที่เลือกคิวเต็มแล้ว" in text(client.get(times_address(department)))


def test_who_does_not_want_it_leaves_and_it_goes_on(client, department, offered):
    second = entry_of(department)
    opened(client, offered)
    client.post(reverse("waiting_leave", args=[offered.public_id]))
    assert "ท่านออกจากรายการรอแล้ว" in text(client.get(reverse("waiting", args=[offered.public_id])))
    offer_free_places()
    second.refresh_from_db()
    assert second.offered_at


def test_a_lapsed_offer_is_told_in_a_sentence(client, department, offered, clock):
    entry_of(department)
    opened(client, offered)
    clock.shift(dt.timedelta(minutes=15))
    assert "เลยเวลาที่เก็บคิวไว้ให้ท่านแล้ว" in text(client.get(reverse("waiting", args=[offered.public_id])))
    offer_free_places()
    answer = client.post(reverse("waiting_take", args=[offered.public_id]))
    assert "why=offer_over" in answer["Location"]
    page = text(client.get(answer["Location"]))
    assert "ท่านไม่อยู่ในรายการรอแล้ว" in page and "รอคิวว่างอีกครั้ง" in page
    assert not Ticket.objects.filter(member=offered.member).exists()


@pytest.mark.parametrize("link", ["", "ก", "é" * 64, "0" * 64, "😀" * 400])
def test_a_forged_link_opens_nothing(client, offered, link):
    answer = client.post(reverse("waiting_open", args=[offered.public_id]), {"link": link})

    assert (answer.status_code, "wrong_link" in answer["Location"]) == (302, True)
    assert "waiting" not in client.cookies


def test_strangers_see_and_answer_nothing(client, offered):
    assert client.get(reverse("waiting", args=[offered.public_id])).status_code == 404
    for name in ("waiting_take", "waiting_leave"):
        assert client.post(reverse(name, args=[offered.public_id])).status_code == 404
    answer = client.post(reverse("waiting_open", args=[offered.public_id]), {"link": "0" * 64})
    assert "why=wrong_link" in answer["Location"]
    assert client.get(answer["Location"]).status_code == 404
    offered.refresh_from_db()
    assert offered.is_live


# --- telling of it ---


@pytest.fixture
def mail_is_on(settings):
    settings.EMAIL_HOST, settings.PUBLIC_URL = "mail.example", "https://queue.example"


def offered_to(department, ticket, **contact) -> WaitingEntry:
    entry = entry_of(department, make_member(**contact))
    verbs.cancel(ticket=ticket)
    offer_free_places()
    entry.refresh_from_db()
    return entry


def told(entry) -> list[tuple[str, str, str]]:
    return list(entry.messages.values_list("state", "channel", "reason"))


def to_telephone() -> list[WaitingEntry]:
    return [message.entry for message in offers.to_telephone()]


def test_by_e_mail_with_day_time_end_and_link(client, department, tickets, mail_is_on):
    entry = offered_to(department, tickets[0], email="somsri@example.com")
    assert offers.send_owed() == 1
    assert offers.send_owed() == 0
    letter = mail.outbox[0]
    assert (letter.to, letter.subject) == (["somsri@example.com"], "มีคิวว่างสำหรับท่าน")
    for said in (department.name, "24 พฤศจิกายน 2569", "9.00 น.", "8.15 น."):
        assert said in letter.body
    link = re.search(r"https://queue\.example(/wait/\S+)#([0-9a-f]{64})", letter.body)
    assert link[1] == reverse("waiting", args=[entry.public_id])
    assert "รับคิวนี้" in text(opened(client, entry)) and entry.is_opened_by(link[2])
    assert told(entry) == [("sent", "email", "")]


def test_by_line_first_and_once(department, tickets, server, mail_is_on):
    entry = entry_of(department, make_member(email="somsri@example.com"))
    LineAccount.objects.create(member=entry.member, user_id=USER, linked_at=timezone.now(), proved_by="code")
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    assert offers.send_owed() == 1
    assert offers.send_owed() == 0
    (push,) = server.pushes
    assert entry.secret in str(push["messages"])
    assert line_shapes.faults_of_messages(push["messages"]) == []
    assert (told(entry), mail.outbox) == ([("sent", "line", "")], [])


def test_by_e_mail_where_line_fails(department, tickets, server, mail_is_on):
    entry = entry_of(department, make_member(email="somsri@example.com"))
    LineAccount.objects.create(member=entry.member, user_id=USER, linked_at=timezone.now(), proved_by="code")
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    server.fail(400)
    offers.send_owed()
    assert (told(entry), len(mail.outbox)) == ([("sent", "email", "")], 1)


def test_who_has_neither_is_telephoned(department, tickets, mail_is_on):
    entry = offered_to(department, tickets[0])
    assert told(entry) == [("to_telephone", "", "no_channel")]
    assert to_telephone() == [entry]
    assert offers.send_owed() == 0


def test_what_cannot_be_sent_is_tried_again_and_then_telephoned(department, tickets, mail_is_on, monkeypatch, clock):
    entry = offered_to(department, tickets[0], email="somsri@example.com")

    def fails(message):
        raise OSError("no route")

    monkeypatch.setattr(channels.EmailMessage, "send", fails)
    for expected in ("owed", "owed", "to_telephone"):
        offers.send_owed()
        assert told(entry) == [(expected, "", "mail_fault")]
        clock.shift(dt.timedelta(minutes=1))
    assert (to_telephone(), entry.messages.get().tries) == ([entry], 3)


def test_nothing_is_sent_of_an_offer_that_is_over(department, tickets, mail_is_on, clock):
    entry = offered_to(department, tickets[0], email="somsri@example.com")
    clock.shift(dt.timedelta(minutes=15))
    assert offers.send_owed() == 0
    assert to_telephone() == []
    assert told(entry) == [("dropped", "", "moment_passed")]


def test_what_the_office_does_not_send_is_telephoned(client, department, tickets, mail_is_on):
    MessageChoice.objects.filter(kind=OFFER).update(is_on=False)
    entry = offered_to(department, tickets[0], email="somsri@example.com")
    assert told(entry) == [("to_telephone", "", "not_sent")]
    assert to_telephone() == [entry]
    assert (offers.send_owed(), mail.outbox) == (0, [])
    waits = entry_of(department, make_member(email="malee@example.com"))
    assert "เจ้าหน้าที่จะโทรหา" in text(opened(client, waits))
    MessageChoice.objects.filter(kind=OFFER).update(is_on=True)
    assert "เราจะส่งข้อความทาง LINE หรืออีเมล" in text(opened(client, waits))


def test_the_report_of_its_day_and_what_is_held_of_the_member_have_it(department, tickets, mail_is_on, clock):
    entry = offered_to(department, tickets[0], email="somsri@example.com")
    offers.send_owed()
    clock.shift(dt.timedelta(days=1))
    scope = figures.Scope(entry.date, entry.date)
    live = figures.messages(scope)
    assert (OFFER, "email", "sent", 1) in live
    assert "มีคิวว่างให้ผู้รอ" in str(tables._messages(scope).rows)
    stored.rebuild()
    assert figures.messages(scope) == live
    [waits] = held.held_of(entry.member)["waiting"]
    assert [one["channel"] for one in waits["messages"]] == ["email"]


def test_an_entry_that_is_offered_another_place_is_told_anew(department, tickets, mail_is_on, clock):
    entry = offered_to(department, tickets[0], email="somsri@example.com")
    exception = make_exception(department)
    exception.delete()
    opening.rules_changed()
    clock.shift(dt.timedelta(minutes=1))
    assert offer_free_places() == 1
    assert (offers.send_owed(), len(mail.outbox)) == (1, 1)
    assert told(entry) == [("dropped", "", "moment_passed"), ("sent", "email", "")]


def test_a_worker_so_slow_that_another_took_over_leaves_it_to_that_one(department, tickets, mail_is_on, clock):
    entry = offered_to(department, tickets[0], email="somsri@example.com")
    slow = offers._claim()
    clock.shift(offers.CLAIM)
    assert offers.send_owed() == 1
    offers._end(slow, NoticeState.DROPPED, reason="fault")
    assert told(entry) == [("sent", "email", "")]


def test_a_fault_of_ours_holds_up_no_other_and_is_told_to_staff(department, tickets, mail_is_on, monkeypatch):
    first, second = (offered_to(department, ticket, email=f"{ticket.pk}@example.com") for ticket in tickets)
    by_mail = offers.CHANNELS["email"]

    def fails(message):
        if message.entry == first:
            raise RuntimeError("a fault of ours")
        return by_mail(message)

    monkeypatch.setitem(offers.CHANNELS, "email", fails)
    assert offers.send_owed() == 2
    assert (told(first), told(second)) == ([("owed", "", "fault")], [("sent", "email", "")])
