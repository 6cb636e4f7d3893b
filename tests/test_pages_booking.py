"""From a confirmed name to a ticket: three taps, and one ticket however often the form arrives."""

import re

import pytest
from django.urls import reverse

from booking.models import Slot, Ticket
from tests.factories import in_days, make_member, make_open_department, make_ticket
from tests.pages import book, confirm_name, key_of, send_times, text, ticket_at, times_page

pytestmark = pytest.mark.django_db


def slots(department, days_ahead=1):
    return list(Slot.objects.of_day(department, in_days(days_ahead)))


def test_times_stand_in_morning_and_afternoon_with_the_places_left(client):
    department = make_open_department(quota=2)
    make_ticket(slot=slots(department)[1])
    said = text(times_page(client, department))
    morning, afternoon = said.split("เช้า")[1].split("บ่าย")
    assert "08.30 น. ว่าง 2 คิว 09.00 น. ว่าง 1 คิว" in morning
    assert "13.00 น. ว่าง 2 คิว" in afternoon
    assert "ขั้นตอนที่ 5 จาก 6" in said


def test_a_full_time_is_visible_and_cannot_be_tapped(client):
    department = make_open_department(quota=1)
    full = slots(department)[0]
    make_ticket(slot=full)
    page = times_page(client, department)
    assert "08.30 น. เต็ม" in text(page)
    assert re.search(rf'value="{full.pk}"[^>]* disabled', page.content.decode())


def test_the_way_ends_at_the_ticket(client):
    department = make_open_department()
    member = make_member()
    ticket = book(client, department, member=member)
    assert ticket.member == member
    page = client.get(reverse("ticket", args=[ticket.public_id]), {"booked": 1})
    assert ticket.code in text(page)
    assert "ขั้นตอนที่ 5 จาก 6" in text(page)


def test_three_taps_from_the_name_to_the_ticket(client):
    department = make_open_department()
    _, after_yes = confirm_name(client, department)
    days = client.get(after_yes["Location"])
    day = re.search(r'<a class="day [^"]*" href="([^"]+)"', days.content.decode())[1]  # one
    times = client.get(day)
    slot = re.search(r'name="slot" value="(\d+)"', times.content.decode())[1]  # two
    form = re.search(r'<form method="post" action="([^"]+take/)"', times.content.decode())[1]
    answer = client.post(form, {"slot": slot, "key": key_of(times)})  # three
    assert "/t/" in answer["Location"]


def test_the_same_form_again_is_the_same_ticket(client):
    department = make_open_department()
    confirm_name(client, department)
    slot, key = slots(department)[0], key_of(times_page(client, department))
    first = send_times(client, department, slot, key=key)
    again = send_times(client, department, slot, key=key)
    assert first["Location"] == again["Location"]
    assert Ticket.objects.count() == 1


def test_after_a_lost_reply_the_page_loaded_anew_leads_to_the_ticket_that_was_issued(client):
    department = make_open_department()
    confirm_name(client, department)
    before = client.cookies["identity"].value
    slot, key = slots(department)[0], key_of(times_page(client, department))
    issued = ticket_at(send_times(client, department, slot, key=key)["Location"])
    # The reply never arrived: the device knows nothing of the ticket.
    client.cookies.clear()
    client.cookies["identity"] = before
    assert client.get(reverse("ticket", args=[issued.public_id])).status_code == 404

    same = send_times(client, department, slot, key=key_of(times_page(client, department)))
    assert ticket_at(same["Location"]) == issued
    client.cookies.pop("tickets")
    another_time = slots(department)[3]
    other = send_times(client, department, another_time, key=key_of(times_page(client, department)))
    assert ticket_at(other["Location"]) == issued
    assert client.get(other["Location"]).status_code == 200
    assert Ticket.objects.count() == 1


def test_booking_anew_after_cancelling_gives_a_new_ticket(client):
    department = make_open_department()
    ticket = book(client, department)
    client.post(reverse("ticket_cancel", args=[ticket.public_id]))
    assert book(client, department, member=ticket.member) != ticket


def test_another_member_on_the_same_device(client):
    department = make_open_department()
    first = book(client, department)
    second = book(client, department)
    assert first != second
    for ticket in (first, second):
        assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 200


@pytest.mark.parametrize("slot", ["", "x", "-1", "9" * 30, "²", "๙๙๙๙๙", "0"])
@pytest.mark.parametrize("key", ["", "x", "\x00", "9" * 3000])
def test_no_nonsense_brings_it_down(client, slot, key):
    department = make_open_department()
    confirm_name(client, department)
    address = reverse("take", args=[department.slug, in_days(1)])
    answer = client.post(address, {"slot": slot, "key": key})
    assert answer.status_code == 302
    assert client.get(answer["Location"]).status_code == 200
    assert not Ticket.objects.exists()


def test_booking_is_a_post(client):
    department = make_open_department()
    confirm_name(client, department)
    address = reverse("take", args=[department.slug, in_days(1)])
    assert client.get(address, {"slot": slots(department)[0].pk}).status_code == 405
    assert not Ticket.objects.exists()


def test_a_form_from_elsewhere_books_nothing():
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    department = make_open_department()
    answer = client.post(reverse("take", args=[department.slug, in_days(1)]), {"slot": 1})
    assert answer.status_code == 403
    assert "กรุณาทำรายการอีกครั้ง" in text(answer)
