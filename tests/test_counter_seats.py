"""Choosing a counter, taking it over, leaving it; and who may."""

import datetime as dt

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from booking import invariants, verbs
from booking.models import Counter, SeatEvent
from booking.roles import CLERK, MANAGER
from booking.verbs import seats
from tests.consoles import WITH_SCRIPT, console, look, press, sit
from tests.factories import make_counter, make_open_department, make_user, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(name="ฝ่ายสินเชื่อ", letter="A")


def free_counter(number=7, **fields):
    return Counter.objects.create(number=number, **fields)


def clerk_on(client, *, group=CLERK, **fields):
    clerk = make_user(group=group, **fields)
    client.force_login(clerk)
    return clerk


def test_the_choice_says_number_departments_and_who_sits_there(client, department):
    make_counter(departments=[department], number=3, clerk=make_user(first_name="อรุณี", last_name="แก้วมณี"))
    free_counter(7)
    free_counter(8, is_active=False)
    clerk_on(client)

    said = text(client.get(reverse("counters")))

    assert "ช่องบริการ 3 A ฝ่ายสินเชื่อ อรุณี แก้วมณี นั่งอยู่" in said
    assert "ช่องบริการ 7 ยังไม่มีฝ่าย" in said
    assert "ช่องบริการ 8" not in said


def test_sitting_down_leads_to_the_console(client):
    counter = free_counter()
    clerk = clerk_on(client)

    answer = client.post(reverse("counter_sit", args=[counter.number]))

    assert answer["Location"] == reverse("counter", args=[counter.number])
    assert client.get(answer["Location"]).status_code == 200
    counter.refresh_from_db()
    assert counter.clerk == clerk


def test_sitting_down_again_is_the_same(client):
    counter = free_counter()
    clerk_on(client)
    for _ in range(2):
        answer = client.post(reverse("counter_sit", args=[counter.number]))
        assert answer["Location"] == reverse("counter", args=[counter.number])


def test_a_clerk_finds_the_way_back_from_any_machine(client):
    counter = sit(client, number=5)

    page = client.get(reverse("counters"))

    assert "ท่านนั่งอยู่ที่ช่องบริการ 5" in text(page)
    assert reverse("counter", args=[counter.number]) in page.content.decode()


def test_a_taken_counter_is_refused(client):
    counter = make_counter()
    clerk = counter.clerk
    clerk_on(client)

    answer = client.post(reverse("counter_sit", args=[counter.number]))

    assert "มีเจ้าหน้าที่ท่านอื่นนั่งที่ช่องบริการนี้แล้ว" in text(client.get(answer["Location"]))
    counter.refresh_from_db()
    assert counter.clerk == clerk


def test_nobody_moves_away_from_a_ticket(client, department):
    counter = sit(client, departments=[department])
    make_walk_in(department=department)
    press(client, counter, "call-next")

    answer = client.post(reverse("counter_sit", args=[free_counter().number]))

    assert "กรุณาจบคิวนั้นก่อน" in text(client.get(answer["Location"]))
    left = client.post(reverse("counter_leave", args=[counter.number]))
    assert left.status_code == 422
    assert "กรุณาจบคิวนั้นก่อน" in text(left)


def test_leaving_frees_the_counter(client):
    counter = sit(client)

    answer = client.post(reverse("counter_leave", args=[counter.number]))

    assert answer["Location"] == reverse("counters")
    counter.refresh_from_db()
    assert counter.clerk is None


def test_signing_out_leaves_the_counter_and_ends_the_log_in(client):
    counter = sit(client)

    answer = client.post(reverse("counter_log_out"))

    assert answer["Location"] == f"{reverse('admin:login')}?next={reverse('counters')}"
    counter.refresh_from_db()
    assert counter.clerk is None
    assert client.get(reverse("counters"))["Location"].startswith(reverse("admin:login"))


def test_nobody_signs_out_away_from_a_ticket(client, department):
    counter = sit(client, departments=[department])
    make_walk_in(department=department)
    press(client, counter, "call-next")

    answer = client.post(reverse("counter_log_out"))

    assert (answer.status_code, "กรุณาจบคิวนั้นก่อน" in text(answer)) == (422, True)
    assert client.get(reverse("counter_log_out"))["Location"] == reverse("counters")
    assert console(client, counter).status_code == 200


def test_signing_out_without_a_counter(client):
    clerk_on(client)
    assert client.post(reverse("counter_log_out"))["Location"].startswith(reverse("admin:login"))


# --- taking over ---


def test_a_manager_takes_over_after_being_asked_and_goes_on_with_the_ticket(client, department):
    counter = make_counter(departments=[department], clerk=make_user(first_name="อรุณี"))
    ticket = make_walk_in(department=department)
    verbs.call_next(counter=counter, by=counter.clerk)
    manager = clerk_on(client, group=MANAGER)
    address = reverse("counter_take_over", args=[counter.number])
    assert address in client.get(reverse("counters")).content.decode()

    question = text(client.get(address))
    assert f"นั่งแทน อรุณี ที่ช่องบริการ {counter.number} ใช่หรือไม่" in question
    assert f"ท่านจะทำต่อจากคิว {ticket.code}" in question
    answer = client.post(address)

    assert ticket.code in text(client.get(answer["Location"]))
    counter.refresh_from_db()
    assert counter.clerk == manager


def test_a_clerk_takes_nothing_over(client):
    counter = make_counter()
    address = reverse("counter_take_over", args=[counter.number])
    clerk_on(client)

    assert address not in client.get(reverse("counters")).content.decode()
    assert client.get(address).status_code == client.post(address).status_code == 403


def test_a_free_counter_is_not_taken_over(client):
    clerk_on(client, group=MANAGER)
    answer = client.get(reverse("counter_take_over", args=[free_counter().number]))
    assert answer["Location"] == reverse("counters")


def test_the_page_of_who_was_sent_away_says_so_and_leads_back(client, department):
    counter = sit(client, departments=[department])
    make_walk_in(department=department)
    page = console(client, counter)
    Counter.objects.filter(pk=counter.pk).update(clerk=make_user(first_name="วิภา"))

    for answer in (
        look(client, counter, version=page.context["etag"]),
        press(client, counter, "call-next", page=page, headers=WITH_SCRIPT),
    ):
        assert f"วิภา นั่งแทนท่านที่ช่องบริการ {counter.number} แล้ว" in text(answer)
        assert reverse("counters") in answer.content.decode()
        assert 'id="look"' not in answer.content.decode()

    answer = press(client, counter, "call-next", page=page)
    assert "ท่านไม่ได้นั่งที่ช่องบริการนี้แล้ว" in text(client.get(answer["Location"]))
    assert department.tickets.get().state == "waiting"


# --- freeing the counter of who went away ---


@pytest.fixture
def left(department):
    """A counter whose clerk went away with a ticket being served, ten minutes ago."""
    with time_machine.travel(timezone.now() - dt.timedelta(minutes=10), tick=False):
        counter = make_counter(departments=[department], number=3, clerk=make_user(first_name="อรุณี"))
        make_walk_in(department=department)
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.start(counter=counter, by=counter.clerk)
    return counter


def free(client, counter):
    answer = client.post(reverse("counter_free", args=[counter.number]))
    counter.refresh_from_db()
    return text(client.get(answer["Location"]))


def test_a_colleague_frees_it_after_being_asked_and_its_ticket_waits_again(client, department, left):
    clerk = left.clerk
    colleague = sit(client, departments=[department]).clerk
    address = reverse("counter_free", args=[left.number])
    assert address in client.get(reverse("counters")).content.decode()
    question = text(client.get(address))
    assert "อรุณี ไม่อยู่ ปล่อยช่องบริการ 3 ใช่หรือไม่" in question
    assert "A501 (กำลังให้บริการ) จะกลับไปรอเรียกที่เดิม" in question

    free(client, left)

    assert left.clerk is None
    event = SeatEvent.objects.first()
    assert (event.counter, event.kind, event.clerk, event.by) == (left, "freed", clerk, colleague)
    ticket = department.tickets.get()
    assert (ticket.state, ticket.counter) == ("waiting", None)
    moved = ticket.events.last()
    assert (moved.verb, moved.by, moved.counter) == ("put_back", colleague, left)
    assert invariants.violations() == {}


def test_a_call_that_was_left_is_taken_back(client, department):
    with time_machine.travel(timezone.now() - dt.timedelta(minutes=10), tick=False):
        left = make_counter(departments=[department], number=3)
        make_walk_in(department=department)
        verbs.call_next(counter=left, by=left.clerk)
    sit(client, departments=[department])

    free(client, left)

    assert department.tickets.get().events.last().verb == "undo_call"


def test_not_while_it_is_in_use(client, department, left):
    verbs.put_back(counter=left, by=left.clerk)
    sit(client, departments=[department])

    assert "เพิ่งใช้งานเมื่อไม่ถึง 5 นาที" in free(client, left)

    assert left.clerk


def test_nor_just_after_somebody_sat_down(client, department):
    there = make_counter(departments=[department], number=3)
    sit(client, departments=[department])
    assert "เพิ่งใช้งาน" in free(client, there)
    assert there.clerk


@pytest.mark.parametrize("who", ["of another department", "without a counter"])
def test_only_colleagues_of_its_departments(client, department, left, who):
    if who == "without a counter":
        clerk_on(client)
    else:
        sit(client, departments=[make_open_department(letter="B")])
    address = reverse("counter_free", args=[left.number])
    assert address not in client.get(reverse("counters")).content.decode()
    assert client.get(address).status_code == 302

    assert "ได้เฉพาะผู้ที่นั่งช่องของฝ่ายเดียวกัน" in free(client, left)

    assert left.clerk


def test_a_manager_frees_any(client, left):
    clerk_on(client, group=MANAGER)
    free(client, left)
    assert left.clerk is None


def test_freeing_it_twice_changes_nothing(client, department, left):
    sit(client, departments=[department])
    for _ in range(2):
        free(client, left)
    assert SeatEvent.objects.filter(kind="freed").count() == 1


def test_every_change_of_a_seat_is_written(client, department):
    first, second = free_counter(7), free_counter(8)
    clerk, manager = make_user(group=CLERK), make_user(group=MANAGER)
    seats.sign_in(counter=first, by=clerk)
    seats.sign_in(counter=first, by=clerk)
    seats.sign_in(counter=second, by=clerk)
    seats.sign_in(counter=second, by=manager, takes_over=True)
    seats.sign_out(counter=second, by=manager)

    events = SeatEvent.objects.order_by("id").values_list("counter__number", "kind", "clerk", "by")

    assert list(events) == [
        (7, "sat", clerk.pk, clerk.pk),
        (7, "left", clerk.pk, clerk.pk),
        (8, "sat", clerk.pk, clerk.pk),
        (8, "taken_over", clerk.pk, manager.pk),
        (8, "sat", manager.pk, manager.pk),
        (8, "left", manager.pk, manager.pk),
    ]


def test_managers_read_in_the_back_office_who_sat_where(client, left):
    clerk_on(client, group=MANAGER)
    page = text(client.get(reverse("admin:booking_counter_change", args=[left.pk])))
    assert "ใครนั่งเมื่อไร" in page
    assert "นั่ง" in page


# --- who may ---

GET = ["counters", "counter", "counter_live"]
POST = ["counter_sit", "counter_leave", "counter_find", "counter_walk_in"]


def address_of(name, counter):
    return reverse(name, args=[] if name == "counters" else [counter.number])


@pytest.mark.parametrize("name", [*GET, *POST])
def test_strangers_are_sent_to_the_log_in(client, name):
    counter = make_counter()
    ask = client.post if name in POST else client.get

    answer = ask(address_of(name, counter))

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", [*GET, *POST])
def test_staff_without_the_right_are_refused(client, name):
    counter = make_counter()
    client.force_login(make_user())
    ask = client.post if name in POST else client.get

    assert ask(address_of(name, counter)).status_code == 403


@pytest.mark.parametrize("name", ["counter", "counter_live"])
def test_a_colleague_sees_nothing_of_a_counter_that_is_not_theirs(client, name, department):
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department)
    sit(client)

    answer = client.get(address_of(name, counter))

    assert ticket.code.encode() not in answer.content
    assert answer["Location"].startswith(reverse("counters"))


@pytest.mark.parametrize("name", POST)
def test_what_changes_something_leads_back_when_it_is_loaded_again(client, name):
    counter = sit(client)
    assert client.get(address_of(name, counter))["Location"].startswith(reverse("counter", args=[counter.number]))
    counter.refresh_from_db()
    assert counter.clerk


@pytest.mark.parametrize("number", [0, 999, 99_999_999_999])
def test_a_counter_that_does_not_exist(client, number):
    clerk_on(client)
    assert client.get(reverse("counter", args=[number])).status_code == 404


def test_nothing_of_it_is_kept_in_caches(client):
    counter = sit(client)
    for page in (console(client, counter), look(client, counter), client.get(reverse("counters"))):
        assert "no-store" in page["Cache-Control"]
