"""The waiting lists in the back office: who waits, whom to telephone, and what staff do for who telephones."""

import datetime as dt

import pytest
from django.urls import reverse

from booking import roles, verbs
from booking.models import StaffDepartment, Ticket, WaitingEntry
from booking.verbs.waiting import join, offer_free_places
from tests.clock import standing_still, today_at
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("8.00"), autouse=True)
PAGE = "admin:booking_ticket_waiting"


@pytest.fixture
def department():
    return make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(10), max_days_ahead=2, has_waiting_list=True, name="ฝ่ายสินเชื่อ"
    )


@pytest.fixture
def tickets(department):
    return [make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(2)]


@pytest.fixture
def offered(department, tickets):
    """The first of two; nothing reaches the member but the telephone."""
    entries = [
        join(member_id=make_member(phone=phone, given_name=name).pk, department=department, date=in_days(1))
        for phone, name in (("0811111111", "มาลี"), ("0822222222", "วันดี"))
    ]
    verbs.cancel(ticket=tickets[0])
    offer_free_places()
    return WaitingEntry.objects.get(pk=entries[0].pk)


def press(client, entry, what):
    return client.post(reverse(PAGE), {"entry": entry.pk, what: "1"})


def test_the_page_tells_who_waits_and_what_is_offered_until_when(client, clerk, offered):
    page = text(client.get(reverse(PAGE)))
    assert "ต้องโทรตอนนี้ 1 ท่าน" in page and "0811111111" in page
    assert "เสนอเวลา 09.00 น." in page and "ตอบก่อน 08.10 น." in page and "วันดี" in page


def test_who_has_neither_channel_is_on_the_telephone_list_with_the_end(client, clerk, offered, clock):
    page = text(client.get(reverse("admin:booking_notice_telephone")))
    assert "0811111111" in page and "08.10 น." in page and "0822222222" not in page
    assert "ผู้รอคิวว่างที่ต้องโทร" in text(client.get(reverse("admin:index")))
    clock.shift(dt.timedelta(minutes=10))
    assert "0811111111" not in text(client.get(reverse("admin:booking_notice_telephone")))


def test_a_clerk_takes_it_for_who_says_so_on_the_telephone(client, clerk, offered):
    answer = press(client, offered, "take")
    ticket = Ticket.objects.get(member=offered.member)
    assert answer["Location"] == reverse("admin:booking_ticket_read_out", args=[ticket.pk])
    assert ticket.events.get().by == clerk
    assert press(client, offered, "take")["Location"] == answer["Location"]
    assert Ticket.objects.filter(member=offered.member).count() == 1


def test_who_does_not_want_it_is_off_and_it_goes_on(client, clerk, offered):
    press(client, offered, "leave")
    offer_free_places()
    assert WaitingEntry.objects.get(pk=offered.pk).ending == "left"
    assert WaitingEntry.objects.live().get().offered_at


def test_an_offer_that_is_over_is_said(client, clerk, offered, clock):
    clock.shift(dt.timedelta(minutes=11))
    offer_free_places()
    assert "เลยเวลาที่เก็บคิวนี้ไว้" in text(client.post(reverse(PAGE), {"entry": offered.pk, "take": "1"}, follow=True))
    assert not Ticket.objects.filter(member=offered.member).exists()


def test_other_departments_are_not_shown_nor_answered(client, offered):
    user = make_user(group=roles.CLERK)
    StaffDepartment.objects.create(user=user, department=make_open_department())
    client.force_login(user)
    assert "มาลี" not in text(client.get(reverse(PAGE)))
    for what in ("take", "leave"):
        assert press(client, offered, what).status_code == 403
    assert WaitingEntry.objects.get(pk=offered.pk).is_live


@pytest.mark.parametrize("sent", ["", "x", "0", "9" * 30])
def test_what_is_no_entry_is_not_found(client, clerk, offered, sent):
    assert client.post(reverse(PAGE), {"entry": sent, "take": "1"}).status_code == 404


def test_staff_put_who_telephones_on_the_list(client, manager, department, tickets):
    member = make_member()
    form = {"department": department.pk, "member": member.member_number, "date": in_days(1).isoformat()}
    form |= {"asked": "telephone", "note": ""}
    address = reverse("admin:booking_ticket_book_for_member")
    assert "ใส่ในรายการรอคิวว่าง" in text(client.post(address, form))
    answer = client.post(address, form | {"wait": "1"})
    entry = WaitingEntry.objects.get()
    assert (answer["Location"], entry.member, entry.by) == (reverse(PAGE), member, manager)
    refused = client.post(address, form | {"wait": "1", "member": tickets[0].member.member_number}, follow=True)
    assert "มีบัตรคิวของฝ่ายนี้" in text(refused)


def test_a_department_without_a_list_offers_none(client, manager, department, tickets):
    department.has_waiting_list = False
    department.save()
    form = {"department": department.pk, "member": make_member().member_number, "date": in_days(1).isoformat()}
    page = client.post(reverse("admin:booking_ticket_book_for_member"), form | {"asked": "telephone", "note": ""})
    assert "ใส่ในรายการรอคิวว่าง" not in text(page)
    assert "ยังไม่มีฝ่ายใดใช้รายการรอ" in text(client.get(reverse(PAGE)))


def test_staff_book_the_offered_time_for_its_member_alone(client, manager, department, offered):
    form = {"department": department.pk, "date": in_days(1).isoformat(), "asked": "telephone", "note": ""}
    address = reverse("admin:booking_ticket_book_for_member")
    assert "09.00 น." in text(client.post(address, form | {"member": offered.member.member_number}))
    assert "ไม่มีเวลาว่างในวันนี้" in text(client.post(address, form | {"member": make_member().member_number}))


def test_the_page_takes_as_many_queries_for_many(client, clerk, department, tickets, django_assert_max_num_queries):
    for _ in range(12):
        join(member_id=make_member().pk, department=department, date=in_days(1))
    client.get(reverse(PAGE))
    with django_assert_max_num_queries(14):
        client.get(reverse(PAGE))
