"""Two people share one telephone: the name tells whose ticket it is, on the device that booked it and on no other."""

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from booking import verbs
from booking.models import Ticket
from tests.factories import in_days, make_holiday, make_member, make_open_department, make_slot, make_ticket
from tests.pages import confirm_name, hold, text

pytestmark = pytest.mark.django_db


def book(client, member, department, nth=0) -> Ticket:
    confirm_name(client, department, member=member)
    slot = make_slot(department=department, nth=nth)
    client.post(reverse("take", args=[department.slug, slot.date]), {"slot": slot.pk, "key": ""})
    return Ticket.objects.live().get(member=member)


def page_of(client, ticket) -> str:
    return text(client.get(reverse("ticket", args=[ticket.public_id])))


def test_each_of_two_tickets_says_whose_it_is_where_they_were_booked(client):
    department = make_open_department()
    members = [make_member(given_name=name) for name in ("สมศรี", "วิไลวรรณ")]
    tickets = [book(client, member, department) for member in members]

    mine = text(client.get(reverse("tickets")))

    for member, ticket in zip(members, tickets, strict=True):
        assert member.masked_name in page_of(client, ticket)
        assert member.masked_name in mine
        assert member.full_name not in page_of(client, ticket)


def test_a_ticket_opened_by_its_secret_shows_no_name():
    ticket, other_phone = make_ticket(), Client()
    hold(other_phone, ticket)

    for page in (page_of(other_phone, ticket), text(other_phone.get(reverse("tickets")))):
        assert ticket.code in page
        assert ticket.member.masked_name not in page


def test_a_ticket_that_the_office_moved_keeps_the_name(client):
    department, member = make_open_department(), make_member()
    ticket = book(client, member, department)
    moved = verbs.reschedule(ticket=ticket, slot_id=make_slot(department=department, nth=5).pk, key="moved")

    assert member.masked_name in page_of(client, Ticket.objects.get(pk=moved.ticket_id))


def test_leaving_forgets_whose_tickets_they_were(client):
    ticket = book(client, member := make_member(), make_open_department())
    client.post(reverse("line_leave"))
    hold(client, ticket)

    assert member.masked_name not in page_of(client, ticket)


def test_the_page_of_times_says_in_whose_name(client):
    department, member = make_open_department(), make_member()
    confirm_name(client, department, member=member)

    page = client.get(reverse("times", args=[department.slug, in_days(1)]))

    assert f"จองในชื่อ {member.masked_name}" in text(page)


@pytest.mark.parametrize(("name", "said"), [("วันพ่อแห่งชาติ", "ปิด: วันพ่อแห่งชาติ")])
def test_a_closed_day_that_was_refused_is_named_with_its_reason(client, name, said):
    department = make_open_department()
    make_holiday(name=name)

    page = client.get(reverse("times", args=[department.slug, in_days(1)]), follow=True)

    assert said in page.context["why"]["message"]
    assert said in text(page)


@pytest.mark.parametrize("day", ["", "x", "9999-12-31", "0001-01-01"])
def test_a_day_that_is_none_is_refused_as_ever(client, day):
    department = make_open_department()

    page = client.get(reverse("days", args=[department.slug]), {"why": "day_closed", "day": day})

    assert "ปิดรับจองแล้ว" in text(page)


@override_settings(OFFICE_PHONE="038 111 222")
def test_a_link_that_opens_nothing_offers_the_offices_telephone(client):
    page = client.get(reverse("ticket", args=["nothing"]))

    assert 'href="tel:038111222"' in page.content.decode().split("<main")[1].split("</main>")[0]
