"""The console of a counter: what it shows, and what its buttons do, without a script and with one."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking import verbs
from booking.calling import console as reads
from booking.models import Counter, Slot, Ticket
from booking.models.tickets import Priority, State
from booking.roles import MANAGER
from tests.clock import standing_still, today_at
from tests.consoles import WITH_SCRIPT, console, look, press, press_for, seen_on, sit, version_of
from tests.factories import make_counter, make_member, make_open_department, make_ticket, make_user, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db

MORNING = today_at("9.00")
PRESSED = ["call-next", "recall", "undo-call", "start", "finish", "miss", "hold", "put-back", "transfer"]
PRESSED_FOR = ["call", "resume", "finish", "come-back", "check-in", "undo-check-in", "cancel", "reopen"]


clock = standing_still(MORNING, autouse=True)


@pytest.fixture
def department():
    return make_open_department(
        name="ฝ่ายสินเชื่อ", letter="A", slug="loans", max_days_ahead=1, max_recalls=2, closes_minutes_before=0
    )


@pytest.fixture
def other():
    return make_open_department(name="ฝ่ายการเงิน", letter="B", slug="finance", max_days_ahead=1)


@pytest.fixture
def counter(client, department):
    return sit(client, departments=[department], number=3)


def booked(department, hour, minute):
    starts_at = MORNING.replace(hour=hour, minute=minute)
    return make_ticket(slot=Slot.objects.get(department=department, starts_at=starts_at))


def state_of(ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).state


def rows_of(page) -> list[str]:
    """The public ids of the tickets in the open list."""
    return re.findall(r'id="row-([^"]+)"', page.content.decode())


def event_of(ticket):
    return ticket.events.latest("id")


def serving(client, counter, department, **fields):
    ticket = make_walk_in(department=department, **fields)
    press(client, counter, "call-next")
    press(client, counter, "start")
    return ticket


# --- a day without a script ---


def test_call_start_finish(client, counter, department):
    ticket = make_walk_in(department=department)

    for verb, state in [("call-next", State.CALLED), ("start", State.SERVING), ("finish", State.SERVED)]:
        answer = press(client, counter, verb)
        assert answer.status_code == 302
        assert client.get(answer["Location"]).status_code == 200
        assert (state_of(ticket), event_of(ticket).by, event_of(ticket).counter) == (state, counter.clerk, counter)


def test_what_comes_next_stands_on_the_one_large_button(client, counter, department):
    def large_button():
        page = console(client, counter).content.decode()
        (button,) = [part for part in page.split("<form")[1:] if 'id="step"' in part]
        return button

    make_walk_in(department=department)
    for label, verb in [("เรียกคิวถัดไป", "call-next"), ("เริ่มให้บริการ", "start"), ("เสร็จสิ้น", "finish")]:
        assert label in large_button()
        press(client, counter, verb)
    assert "เรียกคิวถัดไป" in large_button()


@pytest.mark.parametrize(
    ("fields", "why"),
    [({}, "ถึงเวลา"), ({"priority": Priority.MONK}, "คิวพิเศษ")],
)
def test_which_it_will_be_and_why(client, counter, department, fields, why):
    ticket = make_walk_in(department=department, **fields)
    assert f"คิวถัดไป {why} {ticket.code}" in text(console(client, counter))


def test_why_it_is_an_ordinary_turn(client, counter, department):
    for priority in (Priority.MONK, Priority.MONK, Priority.MONK, ""):
        ticket = make_walk_in(department=department, priority=priority)
    for _ in range(2):
        press(client, counter, "call-next")
        press(client, counter, "miss")
    assert f"คิวถัดไป ถึงตาคิวทั่วไป {ticket.code}" in text(console(client, counter))


def test_why_it_is_one_who_came_early(client, counter, department):
    ticket = booked(department, 11, 30)
    verbs.check_in(ticket=ticket, by=counter.clerk)
    assert f"คิวถัดไป มาก่อนเวลา {ticket.code}" in text(console(client, counter))


def test_nobody_waits(client, counter):
    answer = press(client, counter, "call-next")
    assert "ยังไม่มีคิวรอเรียก" in text(client.get(answer["Location"]))


def test_who_is_at_the_counter(client, counter, department, clock):
    member = make_member(title="นาย", given_name="ประเสริฐ", family_name="โพธิ์ทอง")
    ticket = serving(client, counter, department, member_id=member.pk, priority=Priority.ELDERLY, reason="อายุ 84 ปี")
    clock.shift(5 * 60)

    said = text(console(client, counter))

    assert f"ฝ่ายสินเชื่อ กำลังให้บริการ 5 นาที {ticket.code}" in said
    assert "นายประเสริฐ โพธิ์ทอง" in said
    assert "ผู้สูงอายุมาก อายุ 84 ปี" in said


def test_who_gave_no_number(client, counter, department):
    make_walk_in(department=department)
    press(client, counter, "call-next")
    assert "ไม่ได้บอกเลขทะเบียน" in text(console(client, counter))


def test_recall_is_counted_and_then_no_longer_offered(client, counter, department):
    ticket = make_walk_in(department=department)
    press(client, counter, "call-next")
    assert "เรียกซ้ำ 0 จาก 2" in text(console(client, counter))
    press(client, counter, "recall")
    assert "เรียกซ้ำ 1 จาก 2" in text(console(client, counter))
    press(client, counter, "recall")
    assert "เรียกซ้ำครบ 2 ครั้งแล้ว" in text(console(client, counter))

    answer = press(client, counter, "recall")

    assert state_of(ticket) == State.MISSED
    assert "ย้ายไปอยู่ในรายการเรียกแล้วไม่พบ" in text(client.get(answer["Location"]))


@pytest.mark.parametrize(
    ("verb", "before", "becomes"),
    [
        ("miss", ["call-next"], State.MISSED),
        ("undo-call", ["call-next"], State.WAITING),
        ("hold", ["call-next"], State.ON_HOLD),
        ("hold", ["call-next", "start"], State.ON_HOLD),
        ("put-back", ["call-next", "start"], State.WAITING),
        ("undo-finish", ["call-next", "start", "finish"], State.SERVING),
    ],
)
def test_the_smaller_buttons(client, counter, department, verb, before, becomes):
    ticket = make_walk_in(department=department)
    for earlier in before:
        press(client, counter, earlier)
    page = console(client, counter)
    assert reverse("counter_press", args=[counter.number, verb]) in page.content.decode()

    press(client, counter, verb, page=page)

    assert state_of(ticket) == becomes


def test_a_finish_is_offered_back_for_a_minute_also_after_the_next_call(client, counter, department, clock):
    serving(client, counter, department)
    make_walk_in(department=department)
    press(client, counter, "finish")
    address = reverse("counter_press", args=[counter.number, "undo-finish"])
    assert address in console(client, counter).content.decode()
    press(client, counter, "call-next")
    assert address in console(client, counter).content.decode()
    clock.shift(61)
    assert address not in console(client, counter).content.decode()

    refused = press(client, counter, "undo-finish")

    assert refused.status_code == 422
    assert "เลย 1 นาทีหลังกดเสร็จสิ้นแล้ว" in text(refused)


def test_why_a_ticket_was_put_on_hold_is_said_where_it_is_called_again(client, counter, department):
    ticket = serving(client, counter, department)
    press(client, counter, "hold", reason="กรอกแบบฟอร์มขอกู้")
    assert "กรอกแบบฟอร์มขอกู้" in text(console(client, counter, list="on_hold"))

    answer = press_for(client, counter, ticket, "resume")

    assert "พักคิวไว้ · 09.00 น. กรอกแบบฟอร์มขอกู้" in text(client.get(answer["Location"]))
    assert state_of(ticket) == State.CALLED


def test_transfer_with_a_note(client, counter, department, other):
    ticket = serving(client, counter, department)
    press(client, counter, "transfer", to="finance", reason="ขอปิดบัญชี เอกสารครบแล้ว")
    assert (state_of(ticket), Ticket.objects.get(pk=ticket.pk).queue) == (State.WAITING, other)
    there = sit(client, departments=[other])
    assert "โอนมา" in text(console(client, there))
    press(client, there, "call-next")

    said = text(console(client, there))
    assert f"ฝ่ายการเงิน กำลังเรียก 0 นาที {ticket.code}" in said
    assert "โอนมาจากช่องบริการ 3 · 09.00 น. ขอปิดบัญชี เอกสารครบแล้ว" in said


@pytest.mark.parametrize("to", ["", "nowhere", "\x00", "loans"])
def test_a_transfer_to_nowhere_keeps_what_was_typed(client, counter, department, other, to):
    ticket = serving(client, counter, department)

    answer = press(client, counter, "transfer", to=to, reason="เอกสารครบแล้ว")

    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'id="transfer-{ticket.public_id}" open' in page
    assert 'value="เอกสารครบแล้ว"' in page
    assert 'role="alert"' in page
    assert state_of(ticket) == State.SERVING


def test_the_figures_of_the_counters_day(client, counter, department, clock):
    elsewhere = make_counter(departments=[department])
    for minutes in (4, 8):
        serving(client, counter, department)
        clock.shift(minutes * 60)
        press(client, counter, "finish")
    make_walk_in(department=department)
    press(client, counter, "call-next")
    press(client, counter, "miss")
    make_walk_in(department=department)
    verbs.call_next(counter=elsewhere, by=elsewhere.clerk)
    verbs.miss(counter=elsewhere, by=elsewhere.clerk)

    assert "วันนี้ที่ช่องบริการนี้ เสร็จสิ้น 2 ไม่มา 1 เฉลี่ยคิวละ 6 นาที" in text(console(client, counter))

    clock.shift(24 * 60 * 60)
    client.force_login(counter.clerk)
    assert "เสร็จสิ้น 0 ไม่มา 0" in text(console(client, counter))


# --- the lists ---


def test_the_waiting_list_is_in_the_order_of_the_calls_and_says_what_is_unusual(client, counter, department, clock):
    early, late = booked(department, 11, 30), booked(department, 9, 30)
    clock.move_to(MORNING.replace(hour=10))
    for ticket in (early, late):
        verbs.check_in(ticket=ticket, by=counter.clerk)
    monk = make_walk_in(department=department, priority=Priority.MONK)
    clock.shift(12 * 60)

    page = console(client, counter)

    assert rows_of(page) == [one.public_id for one in (monk, late, early)]
    said = text(page)
    assert f"{monk.code} ฝ่ายสินเชื่อ มา 10.00 น. รอ 12 นาที ถัดไป พระภิกษุ สามเณร" in said
    assert f"{late.code} ฝ่ายสินเชื่อ จอง 09.30 น. รอ 12 นาที มาสาย" in said
    assert f"{early.code} ฝ่ายสินเชื่อ จอง 11.30 น. รอ 12 นาที มาก่อนเวลา" in said


def test_a_counter_sees_the_queues_of_its_departments_only(client, counter, department, other):
    ours, theirs = make_walk_in(department=department), make_walk_in(department=other)
    said = text(console(client, counter))
    assert ours.code in said
    assert theirs.code not in said


def test_consoles_of_the_same_departments_work_out_their_line_once(client, counter, department):
    first = make_walk_in(department=department)
    colleague = Client()
    other = sit(colleague, departments=[department], number=4)
    console(client, counter)

    with CaptureQueriesContext(connection) as asked:
        page = console(colleague, other)

    assert rows_of(page) == [first.public_id]
    assert not [one["sql"] for one in asked if "row_number()" in one["sql"] or "count(*)" in one["sql"].lower()]

    second = make_walk_in(department=department)  # which raises the version

    assert rows_of(console(colleague, other)) == [first.public_id, second.public_id]
    assert rows_of(console(client, counter)) == [first.public_id, second.public_id]


def test_a_row_leads_to_its_ticket_at_whichever_counter(client, counter, department):
    ticket = make_walk_in(department=department)

    assert f'href="?list=waiting&amp;show={ticket.public_id}"' in console(client, counter).content.decode()


def test_the_lists_beside_it(client, counter, department, clock):
    held = serving(client, counter, department, member_id=make_member(given_name="มาลี").pk)
    press(client, counter, "hold")
    missed = make_walk_in(department=department)
    press(client, counter, "call-next")
    press(client, counter, "miss")
    expected = booked(department, 9, 30)
    clock.move_to(MORNING.replace(hour=9, minute=42))

    tabs = text(console(client, counter))
    assert "รอเรียก 0 Q พักคิว 1 W เรียกแล้วไม่พบ 1 E ยังไม่มาถึง 1" in tabs
    assert f"{held.code} ฝ่ายสินเชื่อ นางมาลี ใจดี พัก 09.00 น. 42 นาทีแล้ว" in text(console(client, counter, list="on_hold"))
    assert missed.code in text(console(client, counter, list="missed"))
    assert f"{expected.code} ฝ่ายสินเชื่อ นางสมศรี ใจดี จอง 09.30 น. เลยมา 12 นาที" in text(
        console(client, counter, list="expected")
    )


def test_a_department_without_check_in_has_its_due_bookings_among_those_who_wait(client, counter, department, clock):
    department.uses_check_in = False
    department.save(update_fields=["uses_check_in"])
    due, later = booked(department, 9, 30), booked(department, 11, 30)
    clock.move_to(MORNING.replace(hour=9, minute=40))

    assert rows_of(console(client, counter)) == [due.public_id]
    assert rows_of(console(client, counter, list="expected")) == [later.public_id]


def test_a_long_list_is_cut(client, counter, department):
    for _ in range(103):
        make_walk_in(department=department)
    assert "และอีก 3 คิว" in text(console(client, counter))


@pytest.mark.parametrize(
    ("name", "shown"), [("on_hold", "on_hold"), ("missed", "missed"), ("nonsense", "waiting"), ("\x00", "waiting")]
)
def test_an_unknown_list_is_the_first(client, counter, name, shown):
    assert console(client, counter, list=name).context["list"] == shown


def test_finish_what_was_on_hold_and_take_back_who_was_missed(client, counter, department):
    held = serving(client, counter, department)
    press(client, counter, "hold")
    missed = make_walk_in(department=department)
    press(client, counter, "call-next")
    press(client, counter, "miss")

    press_for(client, counter, held, "finish", query={"list": "on_hold"})
    answer = press_for(client, counter, missed, "come-back", query={"list": "missed"})

    assert (state_of(held), state_of(missed)) == (State.SERVED, State.WAITING)
    assert answer["Location"] == f"{reverse('counter', args=[3])}?list=missed"


def test_staff_check_in_take_it_back_and_reopen(client, counter, department):
    ticket = booked(department, 11, 30)

    press_for(client, counter, ticket, "check-in")
    assert state_of(ticket) == State.WAITING
    press_for(client, counter, ticket, "undo-check-in")
    assert state_of(ticket) == State.BOOKED
    verbs.close_day(department=department, date=ticket.date)
    assert "เปิดคิวอีกครั้ง" in text(console(client, counter, show=ticket.public_id))
    press_for(client, counter, ticket, "reopen")
    assert state_of(ticket) == State.BOOKED


def test_who_wants_to_go_home_is_cancelled(client, counter, department):
    ticket = make_walk_in(department=department)
    assert "ยกเลิกบัตรคิว" in text(console(client, counter, show=ticket.public_id))

    press_for(client, counter, ticket, "cancel", reason="ขอกลับก่อน")

    assert state_of(ticket) == State.CANCELLED
    assert (event_of(ticket).by, event_of(ticket).reason) == (counter.clerk, "ขอกลับก่อน")


def test_what_cannot_be_cancelled_has_no_button_for_it(client, counter, department, other):
    called, theirs = make_walk_in(department=department), make_walk_in(department=other)
    press(client, counter, "call-next")
    for ticket in (called, theirs):
        assert "ยกเลิกบัตรคิว" not in text(console(client, counter, show=ticket.public_id))


# --- calling a certain ticket ---


def test_a_manager_calls_a_certain_ticket_and_says_why(client, department):
    counter = sit(client, departments=[department], group=MANAGER)
    make_walk_in(department=department)
    chosen = make_walk_in(department=department)
    assert "เรียกข้ามลำดับ เพราะ" in text(console(client, counter, show=chosen.public_id))

    press_for(client, counter, chosen, "call", reason="ต้องขึ้นรถเที่ยว 10 โมง")

    assert state_of(chosen) == State.CALLED
    assert event_of(chosen).reason == "ต้องขึ้นรถเที่ยว 10 โมง"


def test_it_takes_a_reason(client, department):
    counter = sit(client, departments=[department], group=MANAGER)
    first, chosen = make_walk_in(department=department), make_walk_in(department=department)

    answer = press_for(client, counter, chosen, "call", reason="  \x00 ", query={"show": chosen.public_id})

    assert answer.status_code == 422
    assert "กรุณาบอกเหตุผลที่เรียกข้ามลำดับ" in text(answer)
    assert {state_of(first), state_of(chosen)} == {State.WAITING}


def test_a_clerk_is_not_offered_it_and_is_refused(client, counter, department):
    make_walk_in(department=department)
    chosen = make_walk_in(department=department)

    assert "เรียกข้ามลำดับ" not in text(console(client, counter, show=chosen.public_id))
    assert press_for(client, counter, chosen, "call", reason="เพราะ").status_code == 403
    assert state_of(chosen) == State.WAITING


# --- pages that are behind ---


def test_a_second_press_of_next_shows_the_ticket_that_was_called(client, counter, department):
    first, second = make_walk_in(department=department), make_walk_in(department=department)
    page = console(client, counter)
    press(client, counter, "call-next", page=page)

    answer = press(client, counter, "call-next", page=page)

    assert answer.status_code == 422
    assert "กรุณาจบคิวนั้นก่อน" in text(answer)
    assert answer.context["at_counter"].ticket == first
    assert state_of(second) == State.WAITING


def test_a_button_of_another_tab_does_nothing_to_the_next_ticket(client, counter, department):
    first = serving(client, counter, department)
    behind = console(client, counter)
    press(client, counter, "finish")
    second = serving(client, counter, department)

    answer = press(client, counter, "finish", page=behind)

    assert answer.status_code == 422
    assert (state_of(first), state_of(second)) == (State.SERVED, State.SERVING)
    assert answer.context["at_counter"].ticket == second


def test_a_second_press_of_recall_calls_once(client, counter, department):
    ticket = make_walk_in(department=department)
    press(client, counter, "call-next")
    page = console(client, counter)
    for _ in range(2):
        press(client, counter, "recall", page=page)
    assert Ticket.objects.get(pk=ticket.pk).recalls == 1


@pytest.mark.parametrize("verb", [verb for verb in PRESSED if verb != "call-next"])
def test_without_a_ticket_the_buttons_are_refused(client, counter, verb, other):
    answer = press(client, counter, verb, to="finance")
    assert answer.status_code == 422
    assert "กรุณาดูสถานะล่าสุด" in text(answer)


@pytest.mark.parametrize("verb", PRESSED_FOR)
def test_a_ticket_that_is_over_is_refused(client, department, verb):
    counter = sit(client, departments=[department], group=MANAGER)
    ticket = serving(client, counter, department)
    press(client, counter, "finish")

    answer = press_for(client, counter, ticket, verb, reason="เพราะ")

    assert answer.status_code == 422
    assert state_of(ticket) == State.SERVED


# --- addresses ---


@pytest.mark.parametrize("verb", PRESSED)
def test_a_verb_s_address_loaded_again_leads_back_and_does_nothing(client, counter, department, verb):
    ticket = make_walk_in(department=department)
    answer = client.get(reverse("counter_press", args=[counter.number, verb]), {"list": "missed"})
    assert answer["Location"] == f"{reverse('counter', args=[counter.number])}?list=missed"
    assert state_of(ticket) == State.WAITING


@pytest.mark.parametrize("verb", PRESSED_FOR)
def test_so_does_one_for_a_ticket(client, counter, department, verb):
    ticket = make_walk_in(department=department)
    answer = client.get(reverse("counter_press_for", args=[3, ticket.public_id, verb]), {"show": ticket.public_id})
    assert answer["Location"] == f"{reverse('counter', args=[3])}?list=waiting&show={ticket.public_id}"
    assert state_of(ticket) == State.WAITING


def test_what_does_not_exist(client, counter, department):
    ticket = make_walk_in(department=department)
    page = console(client, counter)
    assert press(client, counter, "explode", page=page).status_code == 404
    assert press_for(client, counter, ticket, "explode").status_code == 404
    ticket.public_id = "no-such-ticket"
    assert press_for(client, counter, ticket, "come-back").status_code == 404


@pytest.mark.parametrize("who", ["anonymous", "without the right", "colleague"])
def test_only_who_sits_there_presses(client, counter, department, who):
    ticket = make_walk_in(department=department)
    page = console(client, counter)
    client.logout()
    if who == "without the right":
        client.force_login(make_user())
    elif who == "colleague":
        sit(client, departments=[department])

    answers = [press(client, counter, "call-next", page=page)]
    answers += [press_for(client, counter, ticket, verb, reason="x") for verb in PRESSED_FOR if verb != "call"]

    assert {answer.status_code for answer in answers} == {403 if who == "without the right" else 302}
    assert state_of(ticket) == State.WAITING


# --- with a script: only the console's part ---


def test_a_press_is_answered_with_the_console_alone(client, counter, department):
    ticket = make_walk_in(department=department)
    answer = press(client, counter, "call-next", headers=WITH_SCRIPT)
    assert answer.status_code == 200
    assert answer.content.strip().startswith(b'<div class="console"')
    assert answer.context["at_counter"].ticket == ticket


def test_a_refusal_too(client, counter, department):
    page = console(client, counter)
    make_walk_in(department=department)
    press(client, counter, "call-next")
    answer = press(client, counter, "call-next", page=page, headers=WITH_SCRIPT)
    assert answer.status_code == 422
    assert answer.content.strip().startswith(b'<div class="console"')
    assert "กรุณาจบคิวนั้นก่อน" in text(answer)


def test_a_tab_too(client, counter):
    answer = client.get(reverse("counter", args=[3]), {"list": "missed"}, headers=WITH_SCRIPT)
    assert answer.content.strip().startswith(b'<div class="console"')
    assert answer.context["list"] == "missed"


def test_unchanged_is_answered_304_with_nothing(client, counter, department, django_assert_max_num_queries):
    make_walk_in(department=department)
    version = version_of(console(client, counter))

    with django_assert_max_num_queries(5):
        answer = look(client, counter, version=version)

    assert answer.status_code == 304
    assert not answer.content


def test_each_change_is_a_new_version(client, counter, department, other, clock):
    elsewhere = make_counter(departments=[department])
    make_walk_in(department=other)

    def changes(change):
        version = version_of(console(client, counter))
        assert look(client, counter, version=version).status_code == 304
        change()
        answer = look(client, counter, version=version)
        assert answer.status_code == 200
        assert look(client, counter, version=version_of(answer)).status_code == 304

    changes(lambda: make_walk_in(department=department))
    changes(lambda: verbs.call_next(counter=elsewhere, by=elsewhere.clerk))
    changes(lambda: verbs.recall(counter=elsewhere, by=elsewhere.clerk))
    changes(lambda: clock.shift(30))
    changes(lambda: counter.serves.create(department=other))

    version = version_of(console(client, counter))
    assert look(client, counter, version=version, list="missed").status_code == 200


def test_a_ticket_of_another_queue_that_is_looked_at_is_kept_up_to_date(client, counter, other):
    ticket = make_walk_in(department=other)
    version = version_of(console(client, counter, show=ticket.public_id))
    assert look(client, counter, version=version, show=ticket.public_id).status_code == 304
    verbs.cancel(ticket=ticket, by=counter.clerk)
    assert look(client, counter, version=version, show=ticket.public_id).status_code == 200


def test_how_many_questions_the_database_is_asked_does_not_grow(client, counter, department):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            console(client, counter)
        return len(queries)

    make_walk_in(department=department)
    few = asked()
    for _ in range(60):
        make_walk_in(department=department, member_id=make_member().pk)
    assert asked() == few <= 12


@pytest.mark.parametrize("show", ["\x00", "x" * 300, '"', "no-such-ticket", "%0d%0a"])
def test_what_is_asked_for_may_be_nonsense(client, counter, show):
    assert console(client, counter, show=show).status_code == 200
    assert look(client, counter, show=show).status_code == 200


def test_the_console_of_a_counter_without_departments(client):
    counter = sit(client)
    assert "ยังไม่มีฝ่าย" in text(console(client, counter))
    assert press(client, counter, "call-next").status_code == 302


def test_in_english(client, counter, department):
    client.cookies["django_language"] = "en"
    make_walk_in(department=department)
    assert seen_on(console(client, counter)) == ""
    assert "Call" in text(console(client, counter))


def test_who_sits_at_a_switched_off_counter_may_still_finish(client, counter, department):
    ticket = serving(client, counter, department)
    Counter.objects.filter(pk=counter.pk).update(is_active=False)
    press(client, counter, "finish")
    assert state_of(ticket) == State.SERVED


def test_how_long_it_takes_counts_from_the_start_not_from_the_call(client, counter, department, clock):
    make_walk_in(department=department)
    press(client, counter, "call-next")
    clock.shift(dt.timedelta(minutes=3))
    press(client, counter, "start")
    clock.shift(dt.timedelta(minutes=4))
    found = reads.at_counter(counter)
    assert (found.minutes, found.since) == (4, MORNING + dt.timedelta(minutes=3))
