"""The board on a television: what it says aloud, what it does when its line drops, and how it looks."""

import contextlib
import datetime as dt
import io
import wave

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import expect

from booking import roles, verbs
from booking.calling import board
from booking.models import BoardNotice, Clip, Ticket
from tests.browser import TELEPHONE, TELEVISION, cut_off, violations
from tests.factories import make_counter, make_open_department, make_user, make_walk_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# What a test hears: each sentence that the browser's voice is given, and each recording that is played.
# Milliseconds in which a board has asked twice, also on a busy machine.
TWO_POLLS = 2500
EARS = """
window.ears = { spoken: [], played: [], heard: [], holds: false };
window.voices = [{ lang: "en-US" }, { lang: "th-TH" }];
window.SpeechSynthesisUtterance = function (text) { this.text = text; };
Object.defineProperty(window, "speechSynthesis", { value: {
  getVoices: () => window.voices,
  speak: (speech) => {
    ears.spoken.push(speech.text);
    ears.heard.push("voice");
    const end = () => (ears.holds ? setTimeout(end, 20) : speech.onend());
    setTimeout(end, 20);
  },
  cancel: () => {},
} });
const ring = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) {
  ears.heard.push("tone");
  ring.call(this, when);
};
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when) {
  ears.played.push(this.buffer.duration);
  start.call(this, when);
};
"""


@pytest.fixture
def loans():
    return make_open_department(slug="loans", letter="A", name="ฝ่ายสินเชื่อ", hue="teal", max_days_ahead=1)


@pytest.fixture
def tv(new_page):
    page = new_page(TELEVISION)
    page.add_init_script(EARS)
    return page


def call(department, *, number):
    """Somebody walks in, and a new counter with this number calls them. Returns the counter."""
    make_walk_in(department=department)
    counter = make_counter(departments=[department], number=number)
    verbs.call_next(counter=counter, by=counter.clerk)
    return counter


def turn_on(page):
    """Tap เปิดเสียง, and let the test of the voice end."""
    page.get_by_role("button", name="เปิดเสียง").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="ปิดหน้าต่างนี้").click()
    until(page, "ears.spoken.length + ears.played.length > 0")
    page.evaluate("ears.spoken.length = ears.played.length = ears.heard.length = 0")


def until(page, expression, *, polls=300):
    """Wait until an expression is true in the page (the strict policy keeps wait_for_function out)."""
    for _ in range(polls):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {expression}")


@contextlib.contextmanager
def talking(page):
    """What the voice is saying takes as long as the block, and until the board has asked twice more."""
    page.evaluate("ears.holds = true")
    yield
    page.wait_for_timeout(TWO_POLLS)
    page.evaluate("ears.holds = false")


def sentence(code_words, counter_words) -> str:
    return f"ขอเชิญหมายเลข {code_words} ที่ช่องบริการ {counter_words} ค่ะ"


def has_said(page, *sentences):
    """The voice has said exactly these, in this order; and says nothing more after the next two polls."""
    until(page, f"ears.spoken.length >= {len(sentences)}")
    page.wait_for_timeout(TWO_POLLS)
    assert page.evaluate("ears.spoken") == list(sentences)


# --- the voice ---


def test_a_call_is_shown_and_said_once_and_a_recall_again(tv, loans):
    tv.goto("/board/")
    turn_on(tv)

    counter = call(loans, number=3)

    expect(tv.locator(".call-number")).to_have_text("A501")
    expect(tv.locator(".call-at")).to_have_text("3")
    said = sentence("A ห้า ศูนย์ หนึ่ง", "สาม")
    has_said(tv, said)
    verbs.recall(counter=counter, by=counter.clerk)
    has_said(tv, said, said)


def test_five_calls_at_once_are_said_one_after_the_other_in_order_each_once(tv, loans):
    tv.goto("/board/")
    turn_on(tv)

    for number in range(1, 6):
        call(loans, number=number)

    expect(tv.locator(".call-number")).to_have_text("A505")
    numbers = ["หนึ่ง", "สอง", "สาม", "สี่", "ห้า"]
    has_said(tv, *(sentence(f"A ห้า ศูนย์ {number}", number) for number in numbers))
    # Two tones and a voice, five times: nothing begins before the last has ended.
    assert tv.evaluate("ears.heard") == ["tone", "tone", "voice"] * 5


def test_who_comes_while_others_are_called_needs_no_call_any_more(tv, loans):
    tv.goto("/board/")
    turn_on(tv)

    with talking(tv):
        counters = [call(loans, number=number) for number in (1, 2, 3)]
        expect(tv.locator(".call-number")).to_have_text("A503")
        verbs.start(counter=counters[1], by=counters[1].clerk)

    has_said(tv, sentence("A ห้า ศูนย์ หนึ่ง", "หนึ่ง"), sentence("A ห้า ศูนย์ สาม", "สาม"))


def test_the_call_that_is_being_said_is_marked(tv, loans):
    tv.goto("/board/")
    turn_on(tv)

    call(loans, number=1)
    call(loans, number=2)

    expect(tv.locator(".last-call.is-spoken .last-number, .call.is-spoken .call-number")).to_have_text("A501")
    expect(tv.locator(".call.is-spoken .call-number")).to_have_text("A502")


def test_a_call_that_is_undone_before_it_is_said_is_never_said(tv, loans):
    tv.goto("/board/")
    turn_on(tv)

    with talking(tv):
        call(loans, number=1)
        second = call(loans, number=2)
        expect(tv.locator(".call-number")).to_have_text("A502")
        verbs.undo_call(counter=second, by=second.clerk)

    expect(tv.locator(".call-number")).to_have_text("A501")
    has_said(tv, sentence("A ห้า ศูนย์ หนึ่ง", "หนึ่ง"))


def test_what_stands_there_when_the_board_is_opened_is_not_said(tv, loans):
    call(loans, number=1)
    tv.goto("/board/")
    turn_on(tv)

    call(loans, number=2)

    has_said(tv, sentence("A ห้า ศูนย์ สอง", "สอง"))


def test_without_a_tap_it_is_silent_and_says_so(tv, loans):
    tv.goto("/board/")
    expect(tv.get_by_role("button", name="เปิดเสียง")).to_be_visible()

    call(loans, number=1)

    expect(tv.locator(".call.is-spoken .call-number")).to_have_text("A501")
    expect(tv.locator(".call.is-spoken")).to_have_count(0)
    assert tv.evaluate("ears.spoken") == []


def test_without_a_thai_voice_there_is_a_chime_and_the_call_is_marked(tv, loans):
    tv.add_init_script("window.voices = [{ lang: 'en-US' }];")
    tv.goto("/board/")
    tv.get_by_role("button", name="เปิดเสียง").click()
    dialog = tv.get_by_role("dialog")
    expect(dialog).to_contain_text("เสียงภาษาไทยของเครื่องนี้ ไม่มี", use_inner_text=True)
    expect(dialog).to_contain_text("จะมีเสียงสัญญาณเท่านั้น")
    tv.get_by_role("button", name="ปิดหน้าต่างนี้").click()

    call(loans, number=1)

    expect(tv.locator(".call.is-spoken .call-number")).to_have_text("A501")
    assert tv.evaluate("ears.spoken") == []


# --- recorded words ---


def record(*words):
    """A recording of each word; how long it lasts tells which it is."""
    for nth, word in enumerate(words, start=1):
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(b"\0\0" * 80 * nth)
        Clip.objects.create(word=word, sound=file.getvalue(), content_type="audio/wav", uploaded_at=timezone.now())


def test_recorded_words_are_played_where_all_are_there(tv, loans):
    make_counter(number=3)
    words = board.needed_words()
    record(*words)
    tv.goto("/board/")
    turn_on(tv)

    call(loans, number=21)

    expect(tv.locator(".call-number")).to_have_text("A501")
    # ยี่ สิบ เอ็ด were not recorded when the board was opened: the browser's voice says this one.
    has_said(tv, sentence("A ห้า ศูนย์ หนึ่ง", "ยี่ สิบ เอ็ด"))

    make_walk_in(department=loans)
    counter = make_counter(departments=[loans], number=4)
    verbs.call_next(counter=counter, by=counter.clerk)
    said = board.words_of("A502", 4)
    until(tv, f"ears.played.length >= {len(said)}")
    lasted = [round(seconds * 100) for seconds in tv.evaluate("ears.played")]
    assert [words[nth - 1] for nth in lasted] == said


def test_the_self_test_says_what_is_recorded_what_is_missing_and_what_it_will_do(tv, loans):
    make_counter(number=3)
    needed = board.needed_words()
    record(*needed[:-2])
    tv.goto("/board/")

    tv.get_by_role("button", name="เปิดเสียง").click()

    dialog = tv.get_by_role("dialog")
    expect(dialog).to_contain_text("เสียงสัญญาณ พร้อม", use_inner_text=True)
    expect(dialog).to_contain_text(f"{len(needed) - 2} จาก {len(needed)} คำ")
    expect(dialog).to_contain_text(f"ยังขาด {' '.join(needed[-2:])}")
    expect(dialog).to_contain_text("เสียงภาษาไทยของเครื่องนี้ มี", use_inner_text=True)
    expect(dialog).to_contain_text("เสียงพร้อม จะเรียกด้วยเสียงของเครื่องนี้")
    expect(dialog).not_to_contain_text("ยังไม่มีเสียง", use_inner_text=True)
    assert dialog.locator("[data-verdict]:visible").count() == 1
    until(tv, f"ears.spoken.includes('{board.TEST}')")

    record(*needed[-2:])
    tv.get_by_role("button", name="ปิดหน้าต่างนี้").click()
    tv.get_by_role("button", name="ทดสอบเสียง").click()
    expect(dialog).to_contain_text("เสียงพร้อม จะเรียกด้วยเสียงที่บันทึกไว้")
    until(tv, "ears.played.length > 0")


def test_the_self_test_gives_the_board_back_by_itself(tv, loans):
    tv.clock.install()
    tv.goto("/board/")
    tv.get_by_role("button", name="เปิดเสียง").click()
    tv.clock.run_for(1000)
    expect(tv.get_by_role("dialog")).to_be_visible()

    tv.clock.run_for(20_000)

    expect(tv.get_by_role("dialog")).to_be_hidden()


# --- the line drops ---


def cut(page):
    page.route("**/board/**", lambda route: route.abort())


def mend(page):
    page.unroute("**/board/**")


def test_a_lost_line_is_said_within_ten_seconds_and_the_picture_is_whole_within_three_of_its_return(tv, loans):
    call(loans, number=1)
    tv.goto("/board/")
    turn_on(tv)
    lost = tv.get_by_text("ขาดการติดต่อ")
    expect(lost).to_be_hidden()

    cut(tv)
    expect(lost).to_be_visible(timeout=10_000)
    for number in range(2, 7):
        call(loans, number=number)
    mend(tv)

    expect(tv.locator(".call-number")).to_have_text("A506")
    assert tv.locator(".last-number").all_inner_texts() == ["A505", "A504", "A503", "A502", "A501"]
    expect(lost).to_be_hidden()
    numbers = ["สอง", "สาม", "สี่", "ห้า", "หก"]
    has_said(tv, *(sentence(f"A ห้า ศูนย์ {number}", number) for number in numbers))


def test_a_server_that_never_answers_is_a_lost_line_too(tv, loans):
    tv.goto("/board/")
    held = []
    tv.route("**/board/**", lambda route: held.append(route))

    expect(tv.get_by_text("ขาดการติดต่อ")).to_be_visible(timeout=10_000)

    mend(tv)
    call(loans, number=1)
    expect(tv.locator(".call-number")).to_have_text("A501")


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_is_a_lost_line_too(tv, loans, status):
    call(loans, number=1)
    tv.goto("/board/")
    tv.route("**/board/**", lambda route: route.fulfill(status=status, body="<p>trouble</p>"))

    expect(tv.get_by_text("ขาดการติดต่อ")).to_be_visible(timeout=10_000)
    expect(tv.locator(".call-number")).to_have_text("A501")


def test_what_was_called_meanwhile_is_shown_but_said_only_while_it_is_young_and_current(tv, loans):
    tv.goto("/board/")
    turn_on(tv)
    cut(tv)
    expect(tv.get_by_text("ขาดการติดต่อ")).to_be_visible(timeout=10_000)

    call(loans, number=1)
    Ticket.objects.filter(number=501).update(called_at=timezone.now() - dt.timedelta(seconds=61))
    came = call(loans, number=2)
    verbs.start(counter=came, by=came.clerk)
    call(loans, number=3)
    mend(tv)

    expect(tv.locator(".call-number")).to_have_text("A503")
    assert tv.locator(".last-number").all_inner_texts() == ["A502", "A501"]
    has_said(tv, sentence("A ห้า ศูนย์ สาม", "สาม"))


# Chime, pauses and polls much shorter, so that three hundred calls are heard in a minute.
HURRY = """
const later = window.setTimeout;
const hurried = (ms) => (ms === 300 || ms === 1200 ? ms / 30 : ms >= 700 && ms < 1000 ? ms / 5 : ms);
window.setTimeout = (work, ms) => later(work, hurried(ms));
"""


@pytest.mark.parametrize("bursts", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_many_calls_by_fives_and_a_drop_in_every_other_lose_no_call_and_repeat_none(tv, loans, bursts):
    tv.add_init_script(HURRY)
    tv.goto("/board/")
    tv.get_by_role("button", name="เปิดเสียง").click()
    until(tv, f"ears.spoken.includes('{board.TEST}')")
    counters = [make_counter(departments=[loans], number=number) for number in range(1, 6)]
    expected = [board.TEST]

    for burst in range(bursts):
        if burst % 2:
            cut(tv)
        for counter in counters:
            ticket = make_walk_in(department=loans)
            verbs.call_next(counter=counter, by=counter.clerk)
            expected.append(" ".join(board.words_of(ticket.code, counter.number)))
        if burst % 2:
            tv.wait_for_timeout(200)
            mend(tv)
        until(tv, f"ears.spoken.length >= {len(expected)}")
        for counter in counters:
            verbs.start(counter=counter, by=counter.clerk)
            verbs.finish(counter=counter, by=counter.clerk)

    assert tv.evaluate("ears.spoken") == expected


# --- clock, notices, screens ---


def test_the_clock_is_thailands_wherever_the_machine_believes_to_be(new_page, loans):
    page = new_page(TELEVISION, timezone_id="America/New_York", locale="en-US")
    page.goto("/board/")
    clock = page.locator("#clock")
    page.wait_for_timeout(1500)

    there = timezone.localtime()
    near = {(there + dt.timedelta(minutes=minutes)).strftime("%H.%M น.") for minutes in (-1, 0, 1)}

    assert clock.inner_text() in near


def test_notices_take_turns(tv, loans):
    for text in ["ปิดวันเสาร์", "รับบัตรคิวถึง 15.00 น."]:
        BoardNotice.objects.create(text=text)
    tv.clock.install()
    tv.goto("/board/")
    shown = tv.locator("#notices > .is-shown")
    expect(shown).to_have_text("ปิดวันเสาร์")

    tv.clock.run_for(10_000)

    expect(shown).to_have_text("รับบัตรคิวถึง 15.00 น.")


def test_without_javascript_the_calls_are_there(new_page, loans):
    page = new_page(TELEVISION, java_script_enabled=False)
    call(loans, number=1)
    page.goto("/board/")
    expect(page.locator(".call-number")).to_have_text("A501")
    expect(page.get_by_role("button", name="เปิดเสียง")).to_be_hidden()

    call(loans, number=2)

    expect(page.locator(".call-number")).to_have_text("A502", timeout=15_000)


def test_the_poster_says_when_staff_are_signed_out(new_page, loans):
    page = new_page(TELEVISION, user=make_user(group=roles.CLERK))
    page.goto("/board/poster/")
    expect(page.get_by_role("img", name="QR สำหรับแจ้งว่ามาถึงแล้ว")).to_be_visible()

    Session.objects.all().delete()

    page.wait_for_url("**/admin/login/**")


@pytest.fixture
def busy_office():
    names = [
        ("ฝ่ายสินเชื่อ", "A", "teal"),
        ("ฝ่ายการเงิน", "B", "amber"),
        ("ฝ่ายอำนวยการ", "C", "violet"),
        ("ฝ่ายกฎหมาย", "D", "rose"),
        ("ฝ่ายสมาคมฌาปนกิจสงเคราะห์", "E", "olive"),
    ]
    departments = [
        make_open_department(
            name=name, letter=letter, hue=hue, slug=letter.lower(), check_in_needs_presence=True, max_days_ahead=1
        )
        for name, letter, hue in names
    ]
    for number, department in enumerate([*departments, departments[0]], start=1):
        call(department, number=number)
    BoardNotice.objects.create(text="วันนี้รับบัตรคิวถึงเวลา 15.00 น. กรุณาเตรียมบัตรประจำตัวประชาชนให้พร้อมที่นี่")
    return departments


ADDRESSES = ["/board/", "/board/a/", "/board/poster/"]


@pytest.mark.parametrize("size", [TELEVISION, (1280, 720), (3840, 2160)])
def test_a_screen_holds_it_all_and_cuts_no_marks(new_page, busy_office, size):
    page = new_page(size, user=make_user(group=roles.CLERK))
    for address in ADDRESSES:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(BELOW_THE_EDGE) == []
        assert cut_off(page) == []


BELOW_THE_EDGE = """() => [...document.querySelectorAll("main *")]
    .filter((one) => one.checkVisibility() && !one.matches(".unseen"))
    .filter((one) => one.getBoundingClientRect().bottom > innerHeight).map((one) => one.outerHTML.slice(0, 120))"""


def test_the_newest_call_fills_a_third_of_the_screen(tv, busy_office):
    tv.goto("/board/")

    box = tv.locator(".call").bounding_box()

    assert box["width"] * box["height"] >= 0.33 * 1920 * 1080


@pytest.mark.parametrize("size", [TELEVISION, TELEPHONE])
def test_axe_finds_nothing(new_page, busy_office, size):
    page = new_page(size, user=make_user(group=roles.CLERK), bypass_csp=True)
    for address in ADDRESSES:
        page.goto(address)
        assert violations(page) == []
    page.goto("/board/")
    page.get_by_role("button", name="เปิดเสียง").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_axe_finds_nothing_on_an_empty_board(new_page):
    page = new_page(TELEVISION, bypass_csp=True)
    page.goto("/board/")
    assert violations(page) == []
