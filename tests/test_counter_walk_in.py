"""A ticket issued at the console to somebody who came without one; and finishing with the next call in one press."""

import re
import uuid

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from booking.models import Ticket
from booking.models.tickets import Priority, State
from tests.consoles import WITH_SCRIPT, console, press, sit
from tests.factories import make_member, make_open_department, make_ticket, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(name="ฝ่ายสินเชื่อ", letter="A", slug="loans")


@pytest.fixture
def counter(client, department):
    return sit(client, departments=[department])


def key_on(page) -> str:
    return re.search(r'name="key" value="([^"]+)"', page.content.decode())[1]


def issue(client, counter, *, key=None, headers=None, **fields):
    address = reverse("counter_walk_in", args=[counter.number])
    return client.post(address, {"department": "loans", "key": key or uuid.uuid4(), **fields}, headers=headers)


def test_a_ticket_is_issued_and_shown(client, counter, department):
    page = client.get(issue(client, counter)["Location"])

    ticket = Ticket.objects.get()
    assert (ticket.code, ticket.state, ticket.member) == ("A501", State.WAITING, None)
    assert ticket.events.get().by == counter.clerk
    assert page.context["shown"].ticket == ticket
    assert "ออกบัตรคิวแล้ว" in text(page)


def test_with_a_member_and_a_class(client, counter):
    member = make_member(member_number="104512")

    issue(client, counter, member_number="๑๐๔๕๑๒", priority=Priority.ELDERLY, reason="อายุ 84 ปี")

    ticket = Ticket.objects.get()
    assert (ticket.member, ticket.priority, ticket.priority_reason) == (member, Priority.ELDERLY, "อายุ 84 ปี")


def test_the_same_form_again_gives_the_same_ticket(client, counter):
    key = key_on(console(client, counter))
    first = issue(client, counter, key=key, headers=WITH_SCRIPT)
    issue(client, counter, key=key)
    assert Ticket.objects.count() == 1

    issue(client, counter, key=key_on(first))

    assert Ticket.objects.count() == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"member_number": "999999"}, "ไม่พบเลขทะเบียนนี้"),
        ({"member_number": "abc"}, "เลขทะเบียน"),
        ({"priority": "monk"}, "กรุณาบอกเหตุผลของคิวพิเศษ"),
        ({"priority": "monk", "reason": "\0"}, "กรุณาบอกเหตุผลของคิวพิเศษ"),
        ({"department": "no-such"}, "กรุณาเลือกฝ่าย"),
    ],
)
def test_a_refusal_keeps_the_form_open_with_what_was_typed(client, counter, typed, said):
    answer = issue(client, counter, **typed)

    assert answer.status_code == 422
    assert said in text(answer)
    assert 'id="issue" open' in answer.content.decode()
    if "member_number" in typed:
        assert f'value="{typed["member_number"]}"' in answer.content.decode()
    assert Ticket.objects.count() == 0


def test_who_has_a_ticket_is_shown_it(client, counter, department):
    member = make_member()
    held = make_ticket(department=department, member=member)
    Ticket.objects.filter(pk=held.pk).update(date=make_walk_in(department=department).date)

    answer = issue(client, counter, member_number=member.member_number)

    assert answer.status_code == 422
    assert answer.context["shown"].ticket == held


def test_only_of_the_counter_s_departments(client, counter):
    make_open_department(letter="B", slug="finance")
    assert issue(client, counter, department="finance").status_code == 422
    assert Ticket.objects.count() == 0


def test_who_may_not_receive_issues_nothing(client, department):
    counter = sit(client, departments=[department], group=None)
    counter.clerk.user_permissions.add(Permission.objects.get(codename="serve_at_counter"))

    assert issue(client, counter).status_code == 403
    assert reverse("counter_walk_in", args=[counter.number]) not in console(client, counter).content.decode()
    assert Ticket.objects.count() == 0


# --- finish, and call the next ---


def serving(client, counter):
    for verb in ("call-next", "start"):
        press(client, counter, verb)


def test_finish_and_call_next_in_one_press(client, counter, department):
    first, second = make_walk_in(department=department), make_walk_in(department=department)
    serving(client, counter)

    press(client, counter, "finish", then_next="1")

    assert [Ticket.objects.get(pk=one.pk).state for one in (first, second)] == [State.SERVED, State.CALLED]


def test_where_nobody_waits_the_finish_stands(client, counter, department):
    ticket = make_walk_in(department=department)
    serving(client, counter)

    answer = press(client, counter, "finish", then_next="1")

    assert Ticket.objects.get(pk=ticket.pk).state == State.SERVED
    assert "ยังไม่มีคิวรอเรียก" in text(client.get(answer["Location"]))


def test_a_second_press_finishes_nobody_else(client, counter, department):
    for _ in range(3):
        make_walk_in(department=department)
    serving(client, counter)
    page = console(client, counter)
    press(client, counter, "finish", page=page, then_next="1")

    answer = press(client, counter, "finish", page=page, then_next="1")

    assert answer.status_code == 422
    assert Ticket.objects.filter(state=State.SERVED).count() == 1


def test_its_form_is_drawn_in_the_language_of_the_page(client, counter):
    in_thai = text(console(client, counter))
    client.cookies["django_language"] = "en"
    in_english = text(console(client, counter))

    assert "เหตุผลของคิวพิเศษ" in in_thai
    assert "เหตุผลของคิวพิเศษ" not in in_english


def test_its_form_has_a_new_name_of_a_department_within_seconds(client, counter, department, clock):
    console(client, counter)
    department.name = "ฝ่ายเงินกู้"
    department.save()
    clock.shift(6)

    form = console(client, counter).content.decode().partition('value="loans"')[2]

    assert "ฝ่ายเงินกู้" in form[:300]
