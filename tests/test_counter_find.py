"""The field of the console: a scanned ticket, a typed code or a member number."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from booking import verbs
from booking.models import Ticket
from booking.models.tickets import State
from booking.views.scan import _KEYS, _THAI_ON_THEM, ticket_meant
from tests.clock import MORNING, standing_still
from tests.consoles import WITH_SCRIPT, sit
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

pytestmark = pytest.mark.django_db

WITH_THAI_KEYS = str.maketrans(_KEYS, _THAI_ON_THEM)


clock = standing_still(MORNING, autouse=True)


@pytest.fixture
def department():
    return make_open_department(name="ฝ่ายสินเชื่อ", letter="A", max_days_ahead=1)


@pytest.fixture
def counter(client, department):
    return sit(client, departments=[department])


def ticket_of(department, *, days_ahead=0, **fields):
    return make_ticket(slot=make_slot(department=department, days_ahead=days_ahead), **fields)


def find(client, counter, words, **options):
    return client.post(reverse("counter_find", args=[counter.number]), {"text": words}, **options)


def state_of(ticket):
    return Ticket.objects.get(pk=ticket.pk).state


def link_of(ticket) -> str:
    return f"https://queue.example.org/t/{ticket.public_id}/#{ticket.secret}"


def test_a_scanned_ticket_is_checked_in_and_shown(client, counter, department):
    ticket = ticket_of(department)

    page = client.get(find(client, counter, link_of(ticket))["Location"])

    assert state_of(ticket) == State.WAITING
    assert ticket.events.latest("id").by == counter.clerk
    assert "แจ้งว่ามาถึงแล้ว" in text(page)
    assert page.context["shown"].ticket == ticket
    assert ticket.secret not in page.content.decode()


def test_the_qr_code_of_a_line_card_which_has_no_secret_checks_in(client, counter, department):
    ticket = ticket_of(department)

    page = client.get(find(client, counter, f"https://queue.example.org/t/{ticket.public_id}/\r\n")["Location"])

    assert state_of(ticket) == State.WAITING
    assert page.context["shown"].ticket == ticket


def test_scanned_again_it_is_only_shown(client, counter, department):
    ticket = ticket_of(department)
    for _ in range(2):
        answer = find(client, counter, link_of(ticket), headers=WITH_SCRIPT)
        assert answer.status_code == 200
    assert ticket.events.filter(verb="check_in").count() == 1


def test_the_ticket_of_another_day_is_shown_and_not_checked_in(client, counter, department):
    ticket = ticket_of(department, days_ahead=1)

    answer = find(client, counter, link_of(ticket))

    assert answer.status_code == 422
    assert "บัตรคิวนี้ไม่ใช่ของวันนี้" in text(answer)
    assert "วันอังคารที่ 24 พฤศจิกายน 2569" in text(answer)
    assert state_of(ticket) == State.BOOKED


def test_who_may_not_receive_only_looks(client, department):
    counter = sit(client, departments=[department], group=None)
    counter.clerk.user_permissions.add(Permission.objects.get(codename="serve_at_counter"))
    ticket = ticket_of(department)

    page = client.get(find(client, counter, link_of(ticket))["Location"])

    assert state_of(ticket) == State.BOOKED
    assert page.context["shown"].ticket == ticket
    assert (
        reverse("counter_press_for", args=[counter.number, ticket.public_id, "check-in"]) not in page.content.decode()
    )


@pytest.mark.parametrize("typed", ["A001", "a001", " a 001 ", "A-001", "1", "001", "A๐๐๑", "ฟจจๅ", "ฤจจๅ", "จจๅ"])
def test_a_typed_code_shows_the_ticket_and_changes_nothing(client, counter, department, typed):
    ticket = ticket_of(department)
    assert ticket.code == "A001"

    page = client.get(find(client, counter, typed)["Location"])

    assert page.context["shown"].ticket == ticket
    assert state_of(ticket) == State.BOOKED
    assert reverse("counter_press_for", args=[counter.number, ticket.public_id, "check-in"]) in page.content.decode()


def test_a_member_number_finds_the_members_ticket_of_today(client, counter, department):
    member = make_member(member_number="104512")
    ticket_of(department, days_ahead=1, member=member)
    ticket = ticket_of(department, member=member)
    page = client.get(find(client, counter, "๑๐๔๕๑๒")["Location"])
    assert page.context["shown"].ticket == ticket


@pytest.mark.parametrize("make", ["link", "link without the secret", "code"])
def test_the_scanner_under_the_thai_layout(department, make):
    ticket = ticket_of(department)
    link = link_of(ticket)
    words = {"link": link, "link without the secret": link.partition("#")[0], "code": ticket.code}[make]
    assert ticket_meant(words.translate(WITH_THAI_KEYS), letters=["A"]) == ticket


@pytest.mark.parametrize("thai", [False, True])
@pytest.mark.parametrize("is_whole", [True, False])
def test_the_scanner_with_caps_lock_on(department, is_whole, thai):
    ticket = ticket_of(department)
    link = link_of(ticket) if is_whole else link_of(ticket).partition("#")[0]
    typed = link.swapcase()
    assert ticket_meant(typed.translate(WITH_THAI_KEYS) if thai else typed, letters=["A"]) == ticket


def test_the_live_ticket_counts_where_a_number_was_given_out_again(department):
    gone = ticket_of(department)
    verbs.cancel(ticket=gone)
    assert ticket_meant("A001", letters=[]) == gone
    again = ticket_of(department)
    assert again.code == gone.code == "A001"
    assert ticket_meant("A001", letters=[]) == again


def test_a_bare_number_is_of_the_counters_departments_in_their_order(department):
    other = make_open_department(letter="B", max_days_ahead=1)
    ticket, theirs = ticket_of(department), ticket_of(other)
    assert ticket_meant("1", letters=["A", "B"]) == ticket
    assert ticket_meant("1", letters=["B", "A"]) == theirs
    assert ticket_meant("1", letters=[]) is None


@pytest.mark.parametrize("typed", ["", " ", "X999", "A999", "๙", "\x00", "' OR 1=1", "A" * 10_000, "/t/x/", "http://"])
def test_what_is_not_found_is_said_and_stays_in_the_field(client, counter, department, typed):
    answer = find(client, counter, typed)

    assert answer.status_code == 422
    assert "ไม่พบบัตรคิวนี้ของวันนี้" in text(answer)
    if typed == "X999":
        assert 'value="X999" aria-invalid="true"' in answer.content.decode()


def test_the_name_on_the_ticket_of_another_department_is_masked(client, counter):
    other = make_open_department(letter="B", max_days_ahead=1)
    ticket = ticket_of(other, member=make_member(given_name="เพ็ญศรี", family_name="พูลสวัสดิ์", member_number="778899"))

    page = text(client.get(find(client, counter, ticket.code)["Location"]))

    assert ticket.code in page
    assert not [fact for fact in ("เพ็ญศรี", "พูลสวัสดิ์", "778899") if fact in page]


def test_a_ticket_at_another_counter_says_where(client, counter, department):
    there = make_counter(departments=[department], clerk=make_user(), number=9)
    ticket = make_walk_in(department=department)
    verbs.call_next(counter=there, by=there.clerk)

    page = client.get(find(client, counter, ticket.code)["Location"])

    assert "กำลังเรียก · ช่องบริการ 9" in text(page)


# --- by name ---


@pytest.fixture
def somsri(department):
    return ticket_of(department, member=make_member(title="นาง", given_name="สมศรี", family_name="ใจดี"))


@pytest.mark.parametrize("typed", ["สมศรี", "นางสมศรี", "สมศรี ใจดี", "ใจดี สมศรี", "ใจ", "  สมศรี   ใจ "])
def test_a_name_shows_its_only_ticket_and_checks_nobody_in(client, counter, somsri, typed):
    page = client.get(find(client, counter, typed)["Location"])

    assert page.context["shown"].ticket == somsri
    assert "นางสมศรี ใจดี" in text(page)
    assert state_of(somsri) == State.BOOKED


def test_names_in_latin_letters_are_found_in_any_case(client, counter, department):
    ticket = ticket_of(department, member=make_member(title="Mr", given_name="John", family_name="Smith"))
    assert client.get(find(client, counter, "smith")["Location"]).context["shown"].ticket == ticket


def test_several_of_the_name_are_listed_who_is_to_be_served_first(client, counter, department, somsri):
    over = ticket_of(department, member=make_member(given_name="สมศรี", family_name="มั่นคง"))
    verbs.cancel(ticket=over)
    other = ticket_of(department, member=make_member(given_name="สมศรีนวล", family_name="แก้ว"))

    answer = find(client, counter, "สมศรี")
    page = client.get(answer["Location"])

    assert [row.ticket for row in page.context["rows"]] == [somsri, other, over]
    assert "ผลการค้นหา" in text(page)
    assert "%E0%B8" not in answer["Location"]  # no name in an address


def test_the_list_of_what_was_found_stays_through_looks(client, counter, department, somsri):
    other = ticket_of(department, member=make_member(given_name="สมศรี", family_name="แก้ว"))
    answer = find(client, counter, "สมศรี", headers=WITH_SCRIPT)
    look = re.search(r'data-look="([^"]+)"', answer.content.decode())[1].replace("&amp;", "&")
    verbs.check_in(ticket=other, by=counter.clerk)

    page = client.get(look, headers=WITH_SCRIPT | {"If-None-Match": answer.context["etag"]})

    assert {row.ticket: row.ticket.state for row in page.context["rows"]} == {somsri: "booked", other: "waiting"}
    again = client.get(look, headers=WITH_SCRIPT | {"If-None-Match": page.context["etag"]})
    assert again.status_code == 304


def test_too_many_of_one_name_ask_for_more_of_it(client, counter, department):
    for _ in range(9):
        make_walk_in(department=department, member_id=make_member(given_name="สมชาย").pk)

    answer = find(client, counter, "สมชาย")

    assert (answer.status_code, "พบมากกว่า 8 คิว" in text(answer)) == (422, True)
    assert 'value="สมชาย"' in answer.content.decode()


def test_names_of_other_departments_and_days_are_not_found(client, counter, department):
    other = make_open_department(letter="B", max_days_ahead=1)
    ticket_of(other, member=make_member(given_name="สุดา"))
    ticket_of(department, days_ahead=1, member=make_member(given_name="สุดา"))

    assert find(client, counter, "สุดา").status_code == 422


@pytest.mark.parametrize("typed", ["ส", "%%", "__", "สม\0ศรี"])
def test_what_is_no_name(client, counter, somsri, typed):
    assert find(client, counter, typed).status_code == (302 if "\0" in typed else 422)


@pytest.mark.parametrize("found", ["", ".", "a.b.c", "x" * 500, "<b>"])
def test_a_made_up_list_of_what_was_found_shows_nothing(client, counter, somsri, found):
    page = client.get(reverse("counter", args=[counter.number]), {"list": "found", "found": found})
    assert page.status_code == 200
    assert somsri.public_id not in page.content.decode()
