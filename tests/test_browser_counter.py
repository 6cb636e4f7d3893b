"""The console in a real browser: keys, live lists, the scanner, a lost line; and the same without a script."""

import contextlib
import datetime as dt
import re
import time

import pytest
from django.conf import settings
from playwright.sync_api import Error

from booking import verbs
from booking.models import Counter, Ticket
from booking.models.tickets import Priority, State
from booking.roles import CLERK, MANAGER
from tests.browser import sideways_scroll, sign_in, small_targets, small_text, violations
from tests.factories import (
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Longer than a press on the button of the next step is ignored after the last one.
A_MOMENT = 700


@pytest.fixture
def new_desk(new_page):
    def make(clerk=None, **options):
        return new_page((1280, 800), user=clerk, **options)

    return make


@pytest.fixture
def departments():
    return [
        make_open_department(name=name, letter=letter, hue=hue, slug=slug)
        for name, letter, hue, slug in [
            ("ฝ่ายสินเชื่อ", "A", "teal", "loans"),
            ("ฝ่ายการเงิน", "B", "amber", "finance"),
            ("ฝ่ายสมาคมฌาปนกิจสงเคราะห์", "E", "olive", "funeral-aid"),
        ]
    ]


@pytest.fixture
def counter(departments):
    return make_counter(departments=departments[:2], clerk=make_user(group=CLERK), number=3)


@pytest.fixture
def desk(new_desk, counter):
    page = new_desk(counter.clerk)
    page.goto("/counter/3/")
    return page


def shown_at(page, code, state):
    """Wait until the console shows this ticket in this state."""
    page.locator(".slip-number", has_text=code).wait_for()
    page.locator(".slip-state", has_text=state).wait_for()
    page.wait_for_timeout(A_MOMENT)


def state_of(ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).state


def test_a_ticket_served_by_keys_alone_without_a_reload(desk, departments):
    ticket = make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {ticket.code}").wait_for()
    desk.evaluate("window.here = true")

    desk.keyboard.press("1")
    shown_at(desk, ticket.code, "กำลังเรียก")
    desk.keyboard.press("2")
    desk.get_by_text("เรียกซ้ำ 1 จาก 3").wait_for()
    desk.keyboard.press("Numpad1")
    shown_at(desk, ticket.code, "กำลังให้บริการ")
    desk.keyboard.press("1")
    desk.locator(".figures", has_text=re.compile(r"เสร็จสิ้น\s*1")).wait_for()

    assert state_of(ticket) == State.SERVED
    assert desk.evaluate("window.here")


def test_keys_do_nothing_while_one_types(desk, departments):
    ticket = make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {ticket.code}").wait_for()

    desk.keyboard.press("0")
    desk.keyboard.type("123", delay=100)

    assert desk.locator("#find-text").input_value() == "123"
    assert state_of(ticket) == State.WAITING
    desk.keyboard.press("Escape")
    assert desk.locator("#find-text").input_value() == ""


def test_a_double_press_takes_one_step(desk, departments):
    ticket = make_walk_in(department=departments[0])
    button = desk.locator("#step button", has_text=ticket.code)

    button.dblclick()
    shown_at(desk, ticket.code, "กำลังเรียก")
    assert state_of(ticket) == State.CALLED

    desk.keyboard.press("1")
    desk.keyboard.press("1")
    shown_at(desk, ticket.code, "กำลังให้บริการ")
    assert state_of(ticket) == State.SERVING


def test_a_double_press_in_a_list_does_not_reach_the_next_row(desk, departments, counter):
    missed = [make_walk_in(department=departments[0]) for _ in range(3)]
    for _ in missed:
        verbs.call_next(counter=counter, by=counter.clerk)
        verbs.miss(counter=counter, by=counter.clerk)
    desk.goto("/counter/3/?list=missed")
    at = desk.locator(".row-do button").first.bounding_box()

    for _ in range(2):
        desk.mouse.click(at["x"] + 20, at["y"] + 20)
        desk.wait_for_timeout(300)
    desk.wait_for_timeout(A_MOMENT)
    assert [state_of(ticket) for ticket in missed] == [State.WAITING, State.MISSED, State.MISSED]

    desk.mouse.click(at["x"] + 20, at["y"] + 20)
    desk.wait_for_timeout(A_MOMENT)
    assert [state_of(ticket) for ticket in missed] == [State.WAITING, State.WAITING, State.MISSED]


def test_hold_and_transfer_have_their_forms_beside_them(desk, departments):
    ticket = make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {ticket.code}").wait_for()
    desk.keyboard.press("1")
    shown_at(desk, ticket.code, "กำลังเรียก")

    desk.keyboard.press("3")
    desk.get_by_label("เพราะอะไร").wait_for()
    desk.keyboard.type("กรอกแบบฟอร์ม", delay=80)
    desk.keyboard.press("Enter")
    desk.get_by_role("link", name="พักคิว 1").click()
    desk.get_by_text("กรอกแบบฟอร์ม").wait_for()
    desk.get_by_role("button", name=f"เรียกต่อ {ticket.code}").click()
    shown_at(desk, ticket.code, "กำลังเรียก")
    desk.keyboard.press("1")
    shown_at(desk, ticket.code, "กำลังให้บริการ")

    desk.keyboard.press("4")
    desk.get_by_role("heading", name=f"โอนคิว {ticket.code} ไปฝ่ายใด").wait_for()
    desk.keyboard.press("1")  # one is in the form now
    desk.get_by_role("button", name="โอนคิว").click()
    desk.get_by_role("alert").filter(has_text="กรุณาเลือกฝ่าย").wait_for()
    desk.get_by_label("ฝ่ายสมาคมฌาปนกิจสงเคราะห์").check()
    desk.get_by_label("ข้อความถึงฝ่ายนั้น").fill("ขอใบมรณบัตร")
    desk.get_by_role("button", name="โอนคิว").click()
    desk.get_by_text("โอนไปฝ่ายอื่นแล้ว").wait_for()

    moved = Ticket.objects.get(pk=ticket.pk)
    assert (moved.state, moved.queue, moved.events.last().reason) == (State.WAITING, departments[2], "ขอใบมรณบัตร")


def test_what_happens_at_another_counter_is_there_at_once_and_disturbs_nobody(new_desk, desk, counter, departments):
    there = make_counter(departments=departments[:1], clerk=make_user(group=CLERK), number=4)
    other_desk = new_desk(there.clerk)
    other_desk.goto("/counter/4/")
    mine = make_walk_in(department=departments[0])
    theirs = make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {mine.code}").wait_for()
    desk.keyboard.press("1")
    shown_at(desk, mine.code, "กำลังเรียก")
    row = desk.locator(".row", has_text=theirs.code)
    row.wait_for()
    desk.keyboard.press("3")
    desk.get_by_label("เพราะอะไร").wait_for()
    desk.keyboard.type("ไปถ่าย", delay=80)

    other_desk.get_by_text(f"เรียกคิวถัดไป {theirs.code}").wait_for()
    other_desk.keyboard.press("1")

    row.wait_for(state="detached")
    desk.keyboard.type("เอกสาร", delay=80)
    field = desk.get_by_label("เพราะอะไร")
    assert field.input_value() == "ไปถ่ายเอกสาร"
    assert field.evaluate("field => field === document.activeElement")
    assert desk.locator("details[open]").count() == 1


def test_a_refusal_keeps_what_was_typed_and_stays_through_later_looks(desk, departments):
    desk.locator("#find-text").fill("X999")
    desk.keyboard.press("Enter")
    refusal = desk.get_by_role("alert").filter(has_text="ไม่พบบัตรคิวนี้ของวันนี้")
    refusal.wait_for()
    assert desk.locator("#find-text").input_value() == "X999"

    ticket = make_walk_in(department=departments[0])
    desk.locator(".row", has_text=ticket.code).wait_for()

    assert refusal.is_visible()
    assert desk.locator("#find-text").input_value() == "X999"


def test_two_tabs_of_one_clerk(desk, departments):
    first, second = make_walk_in(department=departments[0]), make_walk_in(department=departments[0])
    tab = desk.context.new_page()
    tab.goto("/counter/3/")
    behind = desk.context.new_page()
    behind.goto("/counter/3/")
    behind.evaluate("document.getElementById('look').remove()")

    tab.keyboard.press("1")
    shown_at(desk, first.code, "กำลังเรียก")
    behind.keyboard.press("1")

    behind.get_by_text("กรุณาจบคิวนั้นก่อน").wait_for()
    assert first.code in behind.locator(".slip-number").inner_text()
    assert state_of(second) == State.WAITING


def test_a_scanner_is_heard_wherever_the_focus_is(desk, departments):
    ticket = make_ticket(slot=make_slot(department=departments[0]))
    walk_in = make_walk_in(department=departments[0])
    Ticket.objects.filter(pk=ticket.pk).update(date=walk_in.date)
    desk.locator("#step button", has_text=walk_in.code).focus()

    # The page's time stands still: on a busy machine the test types slower than a scanner does.
    desk.clock.install()
    desk.clock.pause_at(dt.datetime.fromtimestamp(desk.evaluate("Date.now()") / 1000 + 2, dt.UTC))
    desk.keyboard.type(f"https://queue.example.org/t/{ticket.public_id}/#{ticket.secret}")
    desk.keyboard.press("Enter")
    desk.clock.resume()

    desk.get_by_text("แจ้งว่ามาถึงแล้ว").wait_for()
    assert (state_of(ticket), state_of(walk_in)) == (State.WAITING, State.WAITING)


def test_a_typed_code_then_enter_checks_in(desk, departments):
    ticket = make_ticket(slot=make_slot(department=departments[0]))
    Ticket.objects.filter(pk=ticket.pk).update(date=make_walk_in(department=departments[0]).date)

    desk.keyboard.press("0")
    desk.keyboard.type(ticket.code, delay=80)
    desk.keyboard.press("Enter")
    desk.locator(".shown", has_text=ticket.code).wait_for()
    desk.keyboard.press("Enter")

    desk.locator(".shown", has_text="รอเรียก").wait_for()
    assert state_of(ticket) == State.WAITING


def test_a_manager_calls_a_certain_ticket(new_desk, departments):
    counter = make_counter(departments=departments, clerk=make_user(group=MANAGER), number=5)
    make_walk_in(department=departments[0])
    chosen = make_walk_in(department=departments[0])
    desk = new_desk(counter.clerk)
    desk.goto("/counter/5/")

    desk.get_by_role("link", name=chosen.code).click()
    desk.get_by_label("เรียกข้ามลำดับ เพราะ").fill("ต้องขึ้นรถ")
    desk.get_by_role("button", name="เรียกคิวนี้").click()

    shown_at(desk, chosen.code, "กำลังเรียก")
    assert desk.locator(".shown").count() == 0


def test_a_reload_shows_what_was_open(desk, departments):
    ticket = make_walk_in(department=departments[0])
    desk.get_by_role("link", name=ticket.code).click()
    desk.locator(".shown", has_text=ticket.code).wait_for()
    desk.get_by_role("link", name="ยังไม่มาถึง").click()
    desk.locator(".tab[aria-current]", has_text="ยังไม่มาถึง").wait_for()

    desk.reload()

    assert desk.locator(".tab[aria-current]", has_text="ยังไม่มาถึง").is_visible()


def test_the_timer_counts_in_the_browser(desk, departments):
    ticket = make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {ticket.code}").wait_for()
    desk.keyboard.press("1")
    shown_at(desk, ticket.code, "กำลังเรียก")
    desk.evaluate("document.getElementById('look').remove()")
    timer = desk.locator(".slip-time")
    before = timer.inner_text()
    desk.wait_for_function("before => document.querySelector('.slip-time').textContent !== before", arg=before)
    assert re.fullmatch(r"\d+:\d\d", timer.inner_text())


def test_finish_and_call_next_by_one_key_and_the_finish_taken_back(desk, departments):
    first, second = make_walk_in(department=departments[0]), make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {first.code}").wait_for()
    desk.keyboard.press("1")
    shown_at(desk, first.code, "กำลังเรียก")
    desk.keyboard.press("1")
    shown_at(desk, first.code, "กำลังให้บริการ")

    desk.keyboard.press("5")
    shown_at(desk, second.code, "กำลังเรียก")
    desk.keyboard.press("7")
    shown_at(desk, first.code, "กำลังให้บริการ")

    assert (state_of(first), state_of(second)) == (State.SERVING, State.WAITING)


def test_a_ticket_issued_by_keys(desk, departments):
    desk.keyboard.press("6")
    desk.locator("#issue [name=department]:focus").wait_for()
    desk.keyboard.press("Tab")
    desk.keyboard.type("999999", delay=80)
    desk.keyboard.press("Enter")
    desk.get_by_text("ไม่พบเลขทะเบียนนี้").wait_for()
    assert desk.locator("#issue-member").input_value() == "999999"
    desk.locator("#issue-member").fill("")
    desk.keyboard.press("Enter")

    desk.locator(".shown", has_text="A501").wait_for()
    assert not desk.locator("#issue").get_attribute("open")


def test_a_name_is_found_and_the_list_stays(desk, departments):
    for name in ("สมศรี", "สมศรีนวล"):
        make_walk_in(department=departments[0], member_id=make_member(given_name=name).pk)
    desk.locator("#find-text").fill("สมศรี")
    desk.keyboard.press("Enter")
    desk.get_by_text("ผลการค้นหา").wait_for()
    make_walk_in(department=departments[1])
    desk.locator(".tab", has_text=re.compile(r"รอเรียก\s*3")).wait_for()

    assert desk.locator(".row").count() == 2
    desk.reload()
    assert desk.locator(".row").count() == 2


def test_letters_open_the_lists(desk):
    for key, name in {"W": "พักคิว", "E": "เรียกแล้วไม่พบ", "R": "ยังไม่มาถึง", "Q": "รอเรียก"}.items():
        desk.keyboard.press(key)
        on_tab(desk, name)


def test_a_name_typed_anywhere_goes_into_the_field_and_sets_off_no_key(desk, departments):
    held = make_ticket(department=departments[0])
    Ticket.objects.filter(pk=held.pk).update(date=make_walk_in(department=departments[0]).date)
    desk.goto(f"/counter/3/?list=waiting&show={held.public_id}")
    desk.locator("[data-key=A]").wait_for()

    desk.keyboard.type("amwx", delay=150)

    assert desk.locator("#find-text").input_value() == "amwx"
    desk.wait_for_timeout(A_MOMENT)
    assert state_of(held) == State.BOOKED
    on_tab(desk, "รอเรียก")
    assert desk.locator("[data-sound]").get_attribute("aria-pressed") == "false"


def test_an_idle_clerk_is_told_by_title_and_sound_that_somebody_comes(desk, departments):
    desk.evaluate(
        """() => {
            window.chimes = 0;
            const create = AudioContext.prototype.createOscillator;
            AudioContext.prototype.createOscillator = function () { chimes += 1; return create.call(this); };
        }"""
    )
    before = desk.title()
    first = make_walk_in(department=departments[0])
    desk.wait_for_function("() => document.title.startsWith('●')")
    assert first.code in desk.title()
    assert desk.evaluate("chimes") == 0  # silent until it is switched on

    desk.keyboard.press("M")
    desk.wait_for_function("() => chimes > 0")
    assert desk.title() == before
    desk.keyboard.press("1")
    shown_at(desk, first.code, "กำลังเรียก")
    make_walk_in(department=departments[0])
    desk.locator(".row").wait_for()
    assert desk.title() == before  # the counter is not idle

    desk.reload()
    assert desk.locator("[data-sound]").get_attribute("aria-pressed") == "true"


# --- an older answer that lands after a newer one ---


class HeldBack:
    """Answers made when they were asked for, and handed over when the test says so."""

    def __init__(self, page, addresses):
        self.page, self.held = page, []
        page.route(addresses, self.hold)

    def hold(self, route):
        with contextlib.suppress(Error):  # the test is over, and its page has gone
            self.held.append((route, route.fetch()))

    def wait(self, number=1):
        for _ in range(100):
            if len(self.held) >= number:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("nothing was asked")

    def let_go(self):
        while self.held:
            route, answer = self.held.pop()
            with contextlib.suppress(Error):  # nobody waits for it any more
                route.fulfill(response=answer)
        self.page.wait_for_timeout(300)


LOOKS = re.compile(r"/counter/3/live/")


def on_tab(page, name):
    page.locator(".tab[aria-current]", has_text=name).wait_for()


def test_a_look_from_before_a_click_never_puts_the_old_tab_back(desk, departments):
    looks = HeldBack(desk, LOOKS)
    make_walk_in(department=departments[0])  # so that the looks have something to bring
    looks.wait()

    desk.get_by_role("link", name="ยังไม่มาถึง").click()
    on_tab(desk, "ยังไม่มาถึง")
    looks.let_go()

    on_tab(desk, "ยังไม่มาถึง")


def test_a_look_while_a_click_is_under_way_never_puts_the_old_tab_back(desk, departments):
    clicks = HeldBack(desk, re.compile(r"/counter/3/\?list=expected"))
    make_walk_in(department=departments[0])
    desk.get_by_role("link", name="ยังไม่มาถึง").click()
    clicks.wait()
    looks = HeldBack(desk, LOOKS)
    desk.wait_for_timeout(2000)  # time enough for two looks
    clicks.let_go()
    on_tab(desk, "ยังไม่มาถึง")
    looks.let_go()

    on_tab(desk, "ยังไม่มาถึง")


def test_a_ticket_that_was_looked_for_stays(desk, departments):
    ticket = make_walk_in(department=departments[0])
    looks = HeldBack(desk, LOOKS)
    make_walk_in(department=departments[0])
    looks.wait()

    desk.locator("#find-text").fill(ticket.code)
    desk.keyboard.press("Enter")
    desk.locator(".shown", has_text=ticket.code).wait_for()
    looks.let_go()

    assert desk.locator(".shown", has_text=ticket.code).is_visible()


def test_the_last_of_two_clicks_counts(desk):
    first = HeldBack(desk, re.compile(r"/counter/3/\?list=expected"))
    desk.get_by_role("link", name="ยังไม่มาถึง").click()
    first.wait()
    desk.get_by_role("link", name="เรียกแล้วไม่พบ").click()
    on_tab(desk, "เรียกแล้วไม่พบ")
    first.let_go()

    on_tab(desk, "เรียกแล้วไม่พบ")


def test_a_press_right_after_a_click_keeps_what_was_clicked(desk, departments):
    ticket = make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {ticket.code}").wait_for()
    clicks = HeldBack(desk, re.compile(r"/counter/3/\?list=expected"))
    desk.get_by_role("link", name="ยังไม่มาถึง").click()
    clicks.wait()

    desk.keyboard.press("1")
    shown_at(desk, ticket.code, "กำลังเรียก")
    clicks.let_go()

    on_tab(desk, "ยังไม่มาถึง")
    shown_at(desk, ticket.code, "กำลังเรียก")


@pytest.mark.slow
def test_forty_clicks_on_tabs_forty_times_the_tab(desk, departments):
    tabs = ["รอเรียก", "พักคิว", "เรียกแล้วไม่พบ", "ยังไม่มาถึง"]
    desk.route(re.compile(r"/counter/3/"), slowly)
    for nth in range(1, 41):
        name = tabs[nth % 4]
        if nth % 3 == 0:
            make_walk_in(department=departments[0])
        desk.locator(".tab", has_text=name).click()
        on_tab(desk, name)
        desk.wait_for_timeout(150)
        on_tab(desk, name)
        assert desk.locator(".tab[aria-current]", has_text=name).is_visible()


def slowly(route):
    with contextlib.suppress(Error):  # nobody waits for it any more
        answer = route.fetch()
        time.sleep(0.05 if "/live/" not in route.request.url else 0.2)
        route.fulfill(response=answer)


# --- when something is lost ---


def test_a_lost_line_is_said_within_ten_seconds_and_a_press_is_not_lost_in_silence(desk, departments):
    ticket = make_walk_in(department=departments[0])
    desk.get_by_text(f"เรียกคิวถัดไป {ticket.code}").wait_for()

    desk.context.set_offline(True)
    desk.keyboard.press("1")
    desk.get_by_text("คำสั่งยังไม่ถึงระบบ").wait_for()
    desk.get_by_text("ขาดการติดต่อกับระบบ").wait_for(timeout=10_000)

    desk.context.set_offline(False)
    desk.get_by_text("ขาดการติดต่อกับระบบ").wait_for(state="hidden")
    assert state_of(ticket) == State.WAITING
    desk.keyboard.press("1")
    shown_at(desk, ticket.code, "กำลังเรียก")
    assert desk.get_by_text("คำสั่งยังไม่ถึงระบบ").is_hidden()
    desk.troubles[:] = [trouble for trouble in desk.troubles if not trouble.startswith("htmx:")]


def test_who_was_sent_away_is_told(desk, counter):
    Counter.objects.filter(pk=counter.pk).update(clerk=make_user(first_name="วิภา", group=MANAGER))
    desk.reload()  # not waited for half a minute: nothing in the queue has changed
    desk.get_by_text("ท่านไม่ได้นั่งที่ช่องบริการนี้แล้ว").wait_for()


def test_who_is_sent_away_while_the_page_is_open_is_told_there(desk, counter, departments):
    queue_changes = make_walk_in(department=departments[0])
    desk.locator(".row", has_text=queue_changes.code).wait_for()
    Counter.objects.filter(pk=counter.pk).update(clerk=make_user(first_name="วิภา", group=MANAGER))

    desk.get_by_text("วิภา นั่งแทนท่านที่ช่องบริการ 3 แล้ว").wait_for()
    desk.get_by_role("link", name="เลือกช่องบริการ").click()
    desk.wait_for_url("**/counter/")


def test_when_the_log_in_has_ended_the_page_says_so_and_leads_back(desk, counter, live_server):
    desk.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    desk.get_by_text("หน้านี้ใช้ต่อไม่ได้แล้ว").wait_for()

    sign_in(desk.context, counter.clerk, live_server.url)
    desk.get_by_role("link", name="เปิดใหม่และทำต่อ").click()

    desk.locator("#step").wait_for()
    assert desk.url.endswith("/counter/3/")


# --- for everybody ---


def busy_office(departments, counter):
    """Something of everything: long lists, every class, a ticket with a note."""
    for nth in range(24):
        member = make_member(given_name="แสงเดือน", family_name="พูลสวัสดิ์") if nth % 3 else None
        make_walk_in(department=departments[nth % 2], member_id=member and member.pk, priority=Priority.values[nth % 5])
    for becomes in (verbs.hold, verbs.miss):
        verbs.call_next(counter=counter, by=counter.clerk)
        becomes(counter=counter, by=counter.clerk)


def test_axe_finds_nothing_and_everything_is_large_enough(new_desk, departments, counter):
    busy_office(departments, counter)
    desk = new_desk(counter.clerk, bypass_csp=True)
    found = {}

    def inspect(name):
        in_its_label = 'type="radio"'
        small = [target for target in small_targets(desk) if in_its_label not in target]
        wrong = violations(desk) + small + small_text(desk, least=16)
        if sideways_scroll(desk) > 0:
            wrong.append("wider than the screen")
        if wrong:
            found[name] = wrong

    desk.goto("/counter/")
    inspect("choice")
    for name in ("waiting", "on_hold", "missed", "expected"):
        desk.goto(f"/counter/3/?list={name}")
        inspect(name)
    desk.goto("/counter/3/")
    desk.keyboard.press("1")
    desk.locator(".slip-state", has_text="กำลังเรียก").wait_for()
    inspect("called")
    desk.wait_for_timeout(A_MOMENT)
    desk.keyboard.press("1")
    desk.locator(".slip-state", has_text="กำลังให้บริการ").wait_for()
    desk.keyboard.press("4")
    inspect("transfer")
    desk.locator("#find-text").fill("X1")
    desk.locator("#find button").click()
    desk.get_by_text("ไม่พบบัตรคิวนี้").wait_for()
    inspect("refused")
    desk.set_viewport_size({"width": 820, "height": 1180})
    inspect("tablet")

    assert not found


def test_nothing_but_the_lists_scrolls_at_1280_by_800(desk, departments, counter):
    busy_office(departments, counter)
    verbs.call_next(counter=counter, by=counter.clerk)
    desk.reload()
    over = desk.evaluate(
        """() => [document.documentElement, document.querySelector(".now")]
            .map(element => element.scrollHeight - element.clientHeight)"""
    )
    assert over == [0, 0]


def test_on_a_narrow_screen_nothing_lies_over_the_figures_and_the_dangerous_stays_apart(desk, departments, counter):
    busy_office(departments, counter)
    verbs.call_next(counter=counter, by=counter.clerk)
    desk.set_viewport_size({"width": 1024, "height": 768})
    desk.reload()
    ways, figures, apart = (
        desk.locator(one).bounding_box() for one in ("#ways .ways-apart", ".figures", ".ways-apart .key-red")
    )

    assert ways["y"] + ways["height"] <= figures["y"]
    assert apart["x"] + apart["width"] == pytest.approx(desk.locator("#step").bounding_box()["width"] + 24, abs=1)


def test_a_whole_service_without_a_script(new_desk, departments):
    clerk = make_user(group=CLERK)
    counter = Counter.objects.create(number=6)
    counter.serves.create(department=departments[0])
    ticket = make_walk_in(department=departments[0])
    desk = new_desk(clerk, java_script_enabled=False)

    desk.goto("/counter/")
    desk.get_by_role("button", name="นั่งช่องนี้").click()
    desk.get_by_role("button", name="เรียกคิวถัดไป").click()
    desk.get_by_role("button", name="เริ่มให้บริการ").click()
    desk.get_by_text("พักคิว", exact=True).first.click()
    desk.get_by_label("เพราะอะไร").fill("กรอกแบบฟอร์ม")
    desk.get_by_role("button", name="พักคิว").click()
    desk.get_by_role("link", name="พักคิว 1").click()
    desk.get_by_role("button", name="เรียกต่อ").click()
    desk.get_by_role("button", name="เริ่มให้บริการ").click()
    desk.get_by_role("button", name="เสร็จสิ้น", exact=True).click()
    desk.get_by_role("button", name="ออกจากช่องบริการ").click()

    assert desk.url.endswith("/counter/")
    assert state_of(ticket) == State.SERVED
