"""My tickets: those that this device has booked or opened, and no others."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from booking.models import Slot, Ticket
from members.codes import issue_code
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_user
from tests.pages import book, hold, text

pytestmark = pytest.mark.django_db


def test_a_new_device_has_none(client):
    make_ticket()
    said = text(client.get(reverse("tickets")))
    assert "เครื่องนี้ยังไม่มีบัตรคิวที่รอใช้" in said


def test_on_another_device_each_way_to_a_lost_ticket_is_offered(client, settings):
    settings.IMEMBER_LOGIN_URL, settings.LINE_LOGIN_CHANNEL_ID = "", ""
    member = make_member()
    ticket = make_ticket(member=member)
    page = client.get(reverse("tickets"))

    assert "หาบัตรคิวไม่พบ" in text(page)
    for way in (f"{reverse('member')}?next={reverse('tickets')}", reverse("recover")):
        assert f'href="{way}"' in page.content.decode()
    assert "LINE" not in text(page)
    recover = client.get(reverse("recover")).content.decode()
    assert f'href="{reverse("member")}?next={reverse("tickets")}"' in recover

    settings.IMEMBER_LOGIN_URL, settings.LINE_LOGIN_CHANNEL_ID = "https://imember.example.org/", "1234567890"
    page = client.get(reverse("tickets")).content.decode()
    assert f'href="{reverse("line")}?next={reverse("tickets")}"' in page
    assert f'href="{reverse("member")}' not in page

    code = issue_code(member=member, by=make_user())
    typed = {"by": "member_number", "member_number": member.member_number, "proof": code}
    found = client.post(reverse("recover"), typed, follow=True)
    assert ticket.code in text(found)


def test_those_to_come_stand_before_those_that_are_over(client):
    later, sooner, cancelled = make_ticket(days_ahead=3), make_ticket(days_ahead=2), make_ticket(days_ahead=2)
    for ticket in (later, sooner, cancelled):
        hold(client, ticket)
    verbs.cancel(ticket=cancelled)

    said = text(client.get(reverse("tickets")))

    assert said.index(sooner.code) < said.index(later.code) < said.index("ที่ผ่านมา") < said.rindex(cancelled.code)
    assert "ยกเลิกแล้ว" in said


def test_a_name_stands_on_what_was_booked_here_alone(client):
    booked = book(client, make_open_department())
    opened = make_ticket(days_ahead=2, member=make_member(given_name="ประพิมพรรณ"))
    hold(client, opened)

    said = text(client.get(reverse("tickets")))

    assert opened.code in said
    assert said.count(booked.member.masked_name) == 1
    assert opened.member.masked_name not in said


def test_a_ticket_that_the_office_moved_stands_in_the_place_of_the_old_one(client):
    """Moved twice while the device was away, so that it has never heard of the new ones."""
    old, clerk = make_ticket(slot=make_slot(nth=3)), make_user()
    hold(client, old)
    newest = old
    for days_ahead in (2, 3):
        slot = Slot.objects.of_day(old.department, in_days(days_ahead))[0]
        moved = verbs.reschedule(ticket=newest, slot_id=slot.pk, key=f"day {days_ahead}", by=clerk)
        newest = Ticket.objects.get(pk=moved.ticket_id)

    for page in ("tickets", "home"):
        said = text(client.get(reverse(page)))
        assert newest.code in said
        assert "ย้ายแล้ว" in said
        assert old.code not in said
        assert "ยกเลิกแล้ว" not in said
    assert client.get(reverse("ticket", args=[newest.public_id])).status_code == 200
    assert Client().get(reverse("ticket", args=[newest.public_id])).status_code == 404


def test_a_ticket_of_yesterday_is_over(client):
    ticket = make_ticket(days_ahead=1)
    hold(client, ticket)
    with time_machine.travel(timezone.make_aware(timezone.datetime.combine(in_days(2), timezone.datetime.min.time()))):
        said = text(client.get(reverse("tickets")))
    assert said.index("ที่ผ่านมา") < said.index(ticket.code)


def test_a_device_keeps_the_twenty_newest(client):
    tickets = [make_ticket(days_ahead=2) for _ in range(21)]
    for ticket in tickets:
        hold(client, ticket)

    assert client.get(reverse("ticket", args=[tickets[-1].public_id])).status_code == 200
    assert client.get(reverse("ticket", args=[tickets[1].public_id])).status_code == 200
    assert client.get(reverse("ticket", args=[tickets[0].public_id])).status_code == 404


def test_a_forged_cookie_opens_nothing(client):
    ticket = make_ticket()
    client.cookies["tickets"] = ticket.public_id
    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404
    assert ticket.code not in text(client.get(reverse("tickets")))
