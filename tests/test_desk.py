"""Staff book for members who telephone or stand at the desk: find them, see what they have, book, tell them."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import roles, verbs
from booking.days import opening
from booking.messages import ledger
from booking.models import Notice, StaffDepartment, Ticket
from booking.models.tickets import Asked
from booking.reports import tables
from booking.reports.figures import Scope
from tests.factories import (
    in_days,
    make_citizen_id,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
    make_user,
)
from tests.pages import text

pytestmark = pytest.mark.django_db

BOOK = reverse("admin:booking_ticket_book_for_member")


@pytest.fixture
def manager(client):
    user = make_user(group=roles.MANAGER)
    client.force_login(user)
    return user


@pytest.fixture
def department():
    return make_open_department(bring="บัตรประชาชน")


def asked(member, department, **fields) -> dict:
    return {"department": department.pk, "member": member, "date": in_days(1).isoformat()} | fields


def taken(client, body, page):
    """Press the first free time of a page."""
    body |= {"slot": page.context["times"][0].id, "key": page.context["key"]}
    return client.post(BOOK, body, follow=True)


def test_found_by_citizen_id_which_stands_in_no_answer(client, manager, department):
    citizen_id = make_citizen_id()
    member = make_member(citizen_id=citizen_id, given_name="กัลยา")
    page = client.post(BOOK, asked(citizen_id, department))
    assert page.context["member"] == member
    assert citizen_id not in page.content.decode()
    taken(client, asked(member.member_number, department), page)
    assert Ticket.objects.get().member == member


def test_of_several_with_one_name_staff_choose(client, manager, department):
    one = make_member(given_name="กัลยา", family_name="ใจดี")
    other = make_member(given_name="กัลยา", family_name="ทองดี")
    page = client.post(BOOK, asked("กัลยา", department, note="ลูกสาวโทรมา"))
    assert page.context["found"] == [other, one] or page.context["found"] == [one, other]
    assert 'value="ลูกสาวโทรมา"' in page.content.decode()
    chosen = client.post(BOOK, asked("กัลยา", department, who=other.pk))
    assert chosen.context["member"] == other
    stranger = make_member(given_name="สมชาย")
    again = client.post(BOOK, asked("กัลยา", department, who=stranger.pk))
    assert "member" not in again.context or again.context.get("member") is None


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("ไม่มีใครชื่อนี้", "ไม่พบสมาชิกนี้"),
        ("1234567890123", "เลขประจำตัวประชาชน"),
        ("99999999999999", ""),
        ("\u200b", ""),
    ],
)
def test_nobody_found_is_said_beside_the_field(client, manager, department, typed, said):
    form = client.post(BOOK, asked(typed, department)).context["form"]
    assert list(form.errors) == ["member"]
    assert said in form.errors["member"][0]


def test_too_many_of_a_name(client, manager, department):
    for _ in range(9):
        make_member(given_name="สมศรี")
    form = client.post(BOOK, asked("สมศรี", department)).context["form"]
    assert "มากกว่า 8" in form.errors["member"][0]


def test_what_they_have_already_is_shown(client, manager, department):
    member = make_member()
    held = make_ticket(member=member, slot=make_slot(days_ahead=2))
    page = client.post(BOOK, asked(member.member_number, department))
    assert held.code in text(page)
    assert reverse("admin:booking_ticket_change", args=[held.pk]) in page.content.decode()


@pytest.mark.parametrize("way", [Asked.TELEPHONE, Asked.DESK])
def test_the_ticket_says_how_it_was_asked_for(client, manager, department, way):
    member = make_member()
    body = asked(member.member_number, department, asked=way, note="ลูกสาวโทรมาแทน")
    page = client.post(BOOK, body)
    told = taken(client, body, page)

    event = Ticket.objects.get().events.get()
    assert (event.asked, event.reason, event.by) == (way, "ลูกสาวโทรมาแทน", manager)
    assert str(way.label) in event.why
    ticket = Ticket.objects.get()
    assert told.redirect_chain[-1][0] == reverse("admin:booking_ticket_read_out", args=[ticket.pk])
    shown = text(told)
    assert ticket.code in shown and "บัตรประชาชน" in shown and "กรุณามาถึงก่อน" in shown
    assert "สมาชิกไม่มี LINE หรืออีเมล" in shown
    assert str(way.label) in text(client.get(reverse("admin:booking_ticket_change", args=[ticket.pk])))


def test_a_citizen_id_in_the_note_is_masked(client, manager, department):
    member, citizen_id = make_member(), make_citizen_id()
    body = asked(member.member_number, department, note=f"แทน {citizen_id}")
    taken(client, body, client.post(BOOK, body))
    assert citizen_id not in Ticket.objects.get().events.get().reason


def test_for_a_topic(client, manager, department):
    quick = make_topic(department=department, name="ชำระหนี้")
    long = make_topic(department=department, name="ขอกู้สามัญ", minutes=60)
    member = make_member()
    page = client.post(BOOK, asked(member.member_number, department))
    assert page.context["topic"] == quick
    body = asked(member.member_number, department, topic=long.pk)
    page = client.post(BOOK, body)
    assert page.context["topic"] == long
    taken(client, body, page)
    assert (Ticket.objects.get().topic, Ticket.objects.get().parts) == (long, 2)


def test_staff_book_for_departments_that_are_theirs(client, department):
    head = make_user(group=roles.HEAD)
    StaffDepartment.objects.create(user=head, department=make_open_department())
    client.force_login(head)
    form = client.post(BOOK, asked(make_member().member_number, department)).context["form"]
    assert "department" in form.errors
    foreign = make_ticket(slot=make_slot(department=department))
    assert client.get(reverse("admin:booking_ticket_read_out", args=[foreign.pk])).status_code == 403


def test_clerks_do_not_book(client, department):
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(BOOK).status_code == 403


def read_out(ticket) -> str:
    return reverse("admin:booking_ticket_read_out", args=[ticket.pk])


def test_only_tickets_of_their_departments_are_shown(client, department):
    head, member = make_user(group=roles.HEAD), make_member()
    StaffDepartment.objects.create(user=head, department=department)
    client.force_login(head)
    foreign = make_ticket(member=member, slot=make_slot(days_ahead=2))
    page = client.post(BOOK, asked(member.member_number, department))
    assert page.context["member"] == member
    assert foreign.code not in text(page)


def test_the_slip_opens_the_ticket_and_names_nobody(client, manager, department):
    ticket = make_ticket(slot=make_slot(department=department))
    address = reverse("admin:booking_ticket_slip", args=[ticket.pk])
    assert address in client.get(read_out(ticket)).text
    page = client.get(address)
    assert ticket.code in page.text and "<svg" in page.text and "09.00" not in page.text
    assert ticket.member.given_name not in page.text
    verbs.cancel(ticket=ticket)
    assert client.get(address)["Location"] == read_out(ticket)
    head = make_user(group=roles.HEAD)
    StaffDepartment.objects.create(user=head, department=make_open_department())
    client.force_login(head)
    assert client.get(address).status_code == 403


def test_the_card_is_sent_once_to_who_can_be_reached(client, manager, settings):
    without, reached = make_ticket(), make_ticket(member=make_member(email="a@example.org"))
    settings.EMAIL_HOST = "mail.example"
    Notice.objects.all().delete()
    assert "ส่งบัตรคิวให้สมาชิก" in client.get(read_out(reached)).text
    assert "ส่งบัตรคิวให้สมาชิก" not in client.get(read_out(without)).text
    for ticket in (without, reached):
        for _press in range(2):
            client.post(read_out(ticket))
    assert [(one.ticket, one.kind) for one in Notice.objects.all()] == [(reached, "issued")]
    assert "จะได้รับบัตรคิวทาง LINE หรืออีเมล" in client.get(read_out(reached)).text
    client.force_login(make_user(group=roles.AUDITOR))
    assert client.post(read_out(reached)).status_code == 403


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("verb", ["cancel", "move"])
def test_who_was_told_there_is_not_telephoned(client, manager, department, verb, is_told):
    ticket = make_ticket(slot=make_slot(department=department))
    body = {"cause": "member_asked"}
    if verb == "move":
        slot = make_slot(department=department, days_ahead=2)
        body = {"slot": slot.pk, "key": "office:" + "k" * 30, "reason": "โทรมา"}
    address = reverse(f"admin:booking_ticket_{verb}", args=[ticket.pk])
    client.post(address, body | ({"is_told": "1"} if is_told else {}))
    assert Ticket.objects.get(pk=ticket.pk).state == "cancelled"
    assert ledger.to_telephone().exists() is not is_told
    if is_told:
        notice = Notice.objects.get(state="telephoned")
        assert notice.ended_by == manager and notice.calls.get().by == manager


@pytest.mark.parametrize(("role", "is_there"), [(roles.HEAD, True), (roles.CLERK, False)])
def test_the_counters_lead_there_who_may(client, role, is_there):
    client.force_login(make_user(group=role))
    assert (BOOK in client.get(reverse("counters")).text) is is_there


def test_reports_count_how_members_asked(department):
    user = make_user()
    for nth, way in enumerate([Asked.TELEPHONE, Asked.TELEPHONE, Asked.DESK, ""]):
        slot = make_slot(department=department, days_ahead=0, nth=3 + nth)
        verbs.book(member_id=make_member().pk, slot_id=slot.pk, key=f"asked-{nth}", by=user, asked=way)
    make_ticket(slot=make_slot(department=department, days_ahead=0, nth=8))
    scope = Scope(first=timezone.localdate(), last=timezone.localdate())
    [table] = [one for one in tables.tables(scope, departments=[department]) if one.key == "asked"]
    assert table.rows == [["โทรศัพท์", 2], ["ไม่ระบุ", 1], ["หน้าสำนักงาน", 1]]


def test_a_day_full_for_members_has_what_one_gave_up_a_moment_ago(client, manager):
    department = make_open_department(quota=1, opens=dt.time(9), closes=dt.time(9, 30), freed_after_minutes=20)
    verbs.cancel(ticket=make_ticket(slot=make_slot(department=department)))
    body = asked(make_member().member_number, department)
    taken(client, body, client.post(BOOK, body))
    assert Ticket.objects.live().count() == 1


def test_a_day_whose_places_are_all_kept_for_a_topic_can_be_booked_for_it(client, manager, department):
    topic = make_topic(department=department, share=100)
    opening.rules_changed([department])
    body = asked(make_member().member_number, department)
    taken(client, body, client.post(BOOK, body))
    assert Ticket.objects.get().topic == topic


def test_a_day_that_is_full_for_all_says_so(client, manager):
    department = make_open_department(quota=1, opens=dt.time(9), closes=dt.time(9, 30))
    make_ticket(slot=make_slot(department=department))
    page = client.post(BOOK, asked(make_member().member_number, department))
    assert page.context["times"] == []
    assert "ไม่มีเวลาว่างในวันนี้" in text(page)
