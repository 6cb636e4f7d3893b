"""Tickets in the back office: found, read, and changed by the verbs alone."""

import pytest
from django.urls import reverse

from booking import verbs
from booking.admin import tickets
from booking.models import Ticket
from booking.models.tickets import State
from tests.factories import (
    in_days,
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
)

pytestmark = pytest.mark.django_db

LIST = reverse("admin:booking_ticket_changelist")
BOOK = reverse("admin:booking_ticket_book_for_member")
KEY = "office:" + "k" * 30


def page_of(ticket, verb="change"):
    return reverse(f"admin:booking_ticket_{verb}", args=[ticket.pk])


def found(client, **query) -> list:
    return list(client.get(LIST, query).context["cl"].result_list)


def test_found_by_code_number_and_name(client, manager):
    department = make_open_department(letter="A")
    slot = make_slot(department=department)
    ticket = make_ticket(member=make_member(member_number="100234", given_name="มาลี"), slot=slot)
    other = make_ticket(member=make_member(given_name="วิชัย"), slot=slot)

    assert found(client) == [ticket, other]
    for text in (ticket.code, ticket.code.lower(), "๑๐๐๒๓๔", "100234", "มาลี ใจดี"):
        assert found(client, q=text) == [ticket], text
    assert found(client, q="A9999999") == []
    assert found(client, q="100") == []


def test_the_list_begins_with_what_is_coming_and_shows_the_past_when_asked(client, manager):
    department = make_open_department()
    past, today, later = (make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(3))
    Ticket.objects.filter(pk=past.pk).update(date=in_days(-1))
    Ticket.objects.filter(pk=today.pk).update(date=in_days(0))

    assert found(client) == [today, later]
    assert found(client, when="today") == [today]
    assert found(client, when="tomorrow") == [later]
    assert found(client, when="all") == [later, today, past]
    assert found(client, q=past.code) == [past]
    yesterday = in_days(-1)
    assert found(client, date__year=yesterday.year, date__month=yesterday.month, date__day=yesterday.day) == [past]


def test_filtered_by_department_and_state(client, manager):
    ticket, other = make_ticket(), make_ticket()
    verbs.cancel(ticket=other)

    assert found(client, department__id__exact=ticket.department.pk) == [ticket]
    assert found(client, state__exact="cancelled") == [other]
    text = client.get(LIST).content.decode()
    assert "จองแล้ว" in text
    assert "ยกเลิกแล้ว" in text


def test_the_list_takes_as_many_queries_for_many_tickets(client, manager, django_assert_max_num_queries):
    department = make_open_department(quota=10)
    make_ticket(slot=make_slot(department=department))
    client.get(LIST)
    for _ in range(9):
        make_ticket(slot=make_slot(department=department))

    with django_assert_max_num_queries(12):
        client.get(LIST)


def test_the_page_of_a_ticket_tells_its_story(client, manager):
    ticket = make_ticket()
    verbs.cancel(ticket=ticket, by=manager, reason="ติดธุระ")

    text = client.get(page_of(ticket)).content.decode()

    for shown in (ticket.code, ticket.member.full_name, "จอง", "ยกเลิก", "ติดธุระ", "สมหญิง"):
        assert shown in text
    assert ticket.secret not in text
    assert ticket.public_id not in text


@pytest.mark.parametrize("state", State)
def test_only_what_the_state_allows_is_offered(client, manager, state):
    ticket = make_ticket()
    queues = {"counter": None}
    if state in (State.CALLED, State.SERVING):
        queues["counter"] = make_counter(departments=[ticket.department])
    Ticket.objects.filter(pk=ticket.pk).update(state=state, **queues)
    ticket.refresh_from_db()

    text = client.get(page_of(ticket)).content.decode()

    assert (page_of(ticket, "cancel") in text) is ticket.can_cancel
    assert (page_of(ticket, "move") in text) is ticket.can_move


def test_cancel_asks_for_a_reason_and_keeps_it(client, manager):
    ticket = make_ticket()

    asked = client.post(page_of(ticket, "cancel"), {"reason": "  "})
    assert asked.context["form"].errors["cause"]
    client.get(page_of(ticket, "cancel"), {"reason": "x"})
    assert Ticket.objects.get().state == State.BOOKED

    page = client.post(page_of(ticket, "cancel"), {"reason": "โทรมายกเลิก"}, follow=True)

    event = ticket.events.last()
    assert (event.verb, event.reason, event.by) == ("cancel", "โทรมายกเลิก", manager)
    assert f"ยกเลิกบัตรคิว {ticket.code} แล้ว" in page.content.decode()


@pytest.mark.parametrize("verb", ["cancel", "move"])
def test_what_can_no_longer_be_done_is_said(client, manager, verb):
    ticket = make_ticket()
    slot = make_slot(department=ticket.department, nth=3)
    verbs.cancel(ticket=ticket)

    page = client.post(page_of(ticket, verb), {"reason": "x", "slot": slot.pk, "key": KEY}, follow=True)

    assert page.status_code == 200
    assert "เปลี่ยนสถานะไปแล้ว" in page.content.decode()
    assert ticket.events.count() == 2


def test_move_to_a_free_time(client, manager):
    ticket = make_ticket()
    slot = make_slot(department=ticket.department, days_ahead=2, nth=4)

    page = client.get(page_of(ticket, "move"), {"date": slot.date.isoformat()})
    assert slot.pk in [time.id for time in page.context["times"]]
    answer = {"slot": slot.pk, "key": page.context["key"], "reason": "ขอเลื่อน"}
    for _press in range(2):
        page = client.post(page_of(ticket, "move"), answer, follow=True)

    moved = Ticket.objects.live().get()
    assert (moved.slot, moved.moved_from, moved.events.last().by) == (slot, ticket, manager)
    assert moved.code in page.content.decode()
    assert ticket.events.last().reason == "ขอเลื่อน"
    assert "ย้ายแล้ว" in client.get(LIST).content.decode()


@pytest.mark.parametrize("case", ["full", "other department", "nonsense"])
def test_a_time_that_cannot_be_had_leaves_the_ticket(client, manager, case):
    ticket = make_ticket(quota=1)
    slot = make_slot(department=ticket.department, nth=4)
    if case == "full":
        make_ticket(slot=slot)
    wanted = {"full": slot.pk, "other department": make_slot().pk, "nonsense": "9" * 30}[case]

    page = client.post(page_of(ticket, "move"), {"slot": wanted, "key": KEY}, follow=True)

    assert page.status_code == 200
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def booking(member, department, **fields) -> dict:
    return {"department": department.pk, "member": member, "date": in_days(1).isoformat()} | fields


def test_booked_for_a_member_who_telephones(client, manager):
    department, member = make_open_department(), make_member(member_number="100777", given_name="กัลยา")

    page = client.post(BOOK, booking("๑๐๐ ๗๗๗", department))
    assert "กัลยา" in page.content.decode()
    slot = page.context["times"][2].id
    answer = booking("100777", department, slot=slot, key=page.context["key"])
    for _press in range(2):
        page = client.post(BOOK, answer, follow=True)

    ticket = Ticket.objects.get()
    assert (ticket.member, ticket.slot_id, ticket.events.get().by) == (member, slot, manager)
    assert page.redirect_chain[-1][0] == reverse("admin:booking_ticket_read_out", args=[ticket.pk])
    assert "100777" not in page.redirect_chain[-1][0]


@pytest.mark.parametrize(
    ("case", "field", "words"),
    [
        ("unknown", "member", "ไม่พบสมาชิกนี้"),
        ("not registered", "member", "i-member|ไอเมมเบอร์"),
        ("letters", "member", ""),
        ("closed day", "date", "วันนี้จองไม่ได้"),
        ("far off", "date", "วันนี้จองไม่ได้"),
    ],
)
def test_why_nothing_can_be_booked_stands_beside_the_field(client, manager, case, field, words):
    department = make_open_department(weekdays=[in_days(1).weekday()])
    make_member(member_number="100777")
    make_member(member_number="100778", is_registered=False)
    number = {"unknown": "424242", "not registered": "100778", "letters": "abc"}.get(case, "100777")
    date = {"closed day": in_days(2), "far off": in_days(400)}.get(case, in_days(1)).isoformat()

    form = client.post(BOOK, booking(number, department, date=date)).context["form"]

    assert list(form.errors) == [field]
    assert any(word in form.errors[field][0] for word in words.split("|"))
    assert not Ticket.objects.exists()


def test_a_refusal_of_the_verb_is_said_and_what_was_chosen_stays(client, manager):
    ticket = make_ticket()
    slot = make_slot(department=ticket.department, nth=3)

    page = client.post(
        BOOK, booking(ticket.member.member_number, ticket.department, slot=slot.pk, key=KEY), follow=True
    )

    assert "มีบัตรคิวของฝ่ายนี้ในวันเดียวกันแล้ว" in page.content.decode()
    assert page.context["times"]
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize("object_id", ["0", "abc", "99999999999999999999999"])
def test_a_ticket_that_is_not_there(client, manager, object_id):
    for verb in ("cancel", "move"):
        assert client.get(f"{LIST}{object_id}/{verb}/").status_code == 404


@pytest.mark.parametrize("state", State)
def test_every_state_is_shown_in_words(state):
    assert state in tickets.CHIPS
