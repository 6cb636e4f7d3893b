"""The board: what it shows, in which order, to whom, and how an open board learns that something changed."""

import datetime as dt
import json
import re

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from booking import roles, verbs
from booking.calling import board as reads
from booking.models import BoardNotice, Clip
from booking.verbs import seats
from tests.factories import (
    in_days,
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


@pytest.fixture
def loans():
    return make_open_department(slug="loans", letter="A", name="ฝ่ายสินเชื่อ", hue="teal", max_days_ahead=1)


@pytest.fixture
def finance():
    return make_open_department(slug="finance", letter="B", name="ฝ่ายการเงิน", hue="amber", max_days_ahead=1)


def call(department, *, number, **walk_in):
    """Somebody walks in, and a new counter with this number calls them. Returns the counter."""
    make_walk_in(department=department, **walk_in)
    counter = make_counter(departments=[department], number=number)
    verbs.call_next(counter=counter, by=counter.clerk)
    return counter


def board(client, slug=None, **headers):
    address = reverse("board_of_department", args=[slug]) if slug else reverse("board")
    return client.get(address, headers=headers)


def shown(answer) -> list[str]:
    """The calls on a board, newest first."""
    return [key.partition(".")[0] for key in re.findall(r'data-call="([^"]+)"', answer.content.decode())]


def said(answer) -> list[str]:
    return re.findall(r'data-say="([^"]+)"', answer.content.decode())


def waiting(answer) -> list[int]:
    return [int(number) for number in re.findall(r"รอ <b>(\d+)</b>", answer.content.decode())]


# --- the calls ---


def test_the_newest_call_comes_first_with_its_counter(client, loans, finance):
    call(loans, number=3)
    call(finance, number=1)

    answer = board(client)

    assert shown(answer) == ["B501", "A501"]
    assert "ขอเชิญหมายเลข B501 ช่องบริการ 1" in text(answer)
    assert "hue-amber" in answer.content.decode()


def test_a_call_says_its_digits_one_by_one(client, loans):
    call(loans, number=3)

    assert said(board(client)) == ["ขอเชิญหมายเลข A ห้า ศูนย์ หนึ่ง ที่ช่องบริการ สาม ค่ะ"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "ศูนย์"),
        (1, "หนึ่ง"),
        (10, "สิบ"),
        (11, "สิบ เอ็ด"),
        (12, "สิบ สอง"),
        (20, "ยี่ สิบ"),
        (21, "ยี่ สิบ เอ็ด"),
        (35, "สาม สิบ ห้า"),
        (101, "หนึ่ง ศูนย์ หนึ่ง"),
    ],
)
def test_counters_are_counted_as_one_counts_in_thai(number, words):
    assert " ".join(reads.counted(number)) == words


def test_nobody_has_been_called_yet(client, loans):
    answer = board(client)

    assert shown(answer) == []
    assert "ยังไม่ได้เรียกคิวของวันนี้" in text(answer)


@pytest.mark.parametrize("undo", [verbs.undo_call, verbs.put_back])
def test_a_call_that_was_undone_vanishes(client, loans, undo):
    call(loans, number=1)
    second = call(loans, number=2)

    undo(counter=second, by=second.clerk)

    assert shown(board(client)) == ["A501"]


def test_who_was_sent_on_is_no_longer_called(client, loans, finance):
    counter = call(loans, number=1)
    verbs.start(counter=counter, by=counter.clerk)

    verbs.transfer(counter=counter, to=finance, by=counter.clerk)

    assert shown(board(client)) == []
    assert waiting(board(client)) == [0, 1]


def test_a_recall_is_a_call_of_its_own_and_comes_first(client, loans):
    first = call(loans, number=1)
    call(loans, number=2)
    before = re.findall(r'data-call="([^"]+)"', board(client).content.decode())

    with time_machine.travel(timezone.now() + dt.timedelta(seconds=5)):
        verbs.recall(counter=first, by=first.clerk)
        answer = board(client)

    assert shown(answer) == ["A501", "A502"]
    assert re.findall(r'data-call="([^"]+)"', answer.content.decode())[0] not in before


def test_who_has_come_stays_on_the_board_but_needs_no_call(client, loans):
    counter = call(loans, number=1)
    assert "data-current" in board(client).content.decode()

    verbs.start(counter=counter, by=counter.clerk)

    assert shown(board(client)) == ["A501"]
    assert "data-current" not in board(client).content.decode()


def test_each_counter_that_is_calling_has_its_row_and_answered_calls_fill_what_is_left(client, loans):
    called = [call(loans, number=number) for number in range(1, 9)]
    verbs.start(counter=called[0], by=called[0].clerk)
    assert shown(board(client)) == [f"A50{number}" for number in (8, 7, 6, 5, 4, 3, 2)]

    for counter in called[1:5]:
        verbs.start(counter=counter, by=counter.clerk)
    assert shown(board(client)) == [f"A50{number}" for number in (8, 7, 6, 5, 4, 3)]
    assert len(re.findall(r'<li class="last-call hue-teal"', board(client).content.decode())) == 5


def test_a_call_that_nobody_has_answered_stays_however_many_were_called_since(client, loans):
    waiting = call(loans, number=1)
    busy = make_counter(departments=[loans], number=2)
    for _ in range(reads.MOST_CALLS + 1):
        make_walk_in(department=loans)
        verbs.call_next(counter=busy, by=busy.clerk)
        verbs.start(counter=busy, by=busy.clerk)
        verbs.finish(counter=busy, by=busy.clerk)

    assert "A501" in shown(board(client))
    verbs.start(counter=waiting, by=waiting.clerk)
    assert "A501" not in shown(board(client))


def test_the_next_day_begins_with_an_empty_board(client, loans):
    call(loans, number=1)
    just_before = dt.datetime.combine(in_days(1), dt.time(), timezone.get_default_timezone()) - dt.timedelta(seconds=1)

    with time_machine.travel(just_before, tick=False):
        before = board(client)
    with time_machine.travel(just_before + dt.timedelta(seconds=1), tick=False):
        after = board(client)

    assert (shown(before), shown(after)) == (["A501"], [])
    assert before["ETag"] != after["ETag"]


# --- one department ---


def test_a_department_has_a_board_of_its_own(client, loans, finance):
    call(loans, number=1)
    call(finance, number=2)

    answer = board(client, "finance")

    assert shown(answer) == ["B501"]
    assert "ฝ่ายการเงิน" in text(answer)
    assert "ฝ่ายสินเชื่อ" not in text(answer)


def test_who_was_sent_on_is_called_on_the_other_departments_board(client, loans, finance):
    counter = call(loans, number=1)
    verbs.start(counter=counter, by=counter.clerk)
    verbs.transfer(counter=counter, to=finance, by=counter.clerk)
    other = make_counter(departments=[finance], number=2)

    verbs.call_next(counter=other, by=other.clerk)

    assert shown(board(client, "finance")) == ["A501"]
    assert shown(board(client, "loans")) == []


@pytest.mark.parametrize("slug", ["nowhere", "closed"])
def test_no_board_of_a_department_that_is_not_there(client, slug):
    make_open_department(slug="closed", is_active=False)

    assert board(client, slug).status_code == 404


# --- who waits ---


def test_how_many_wait_in_each_department(client, loans, finance):
    for _ in range(3):
        make_walk_in(department=loans)
    make_walk_in(department=finance)

    assert waiting(board(client)) == [3, 1]


def test_where_nobody_checks_in_bookings_wait_from_their_time_on(client):
    department = make_open_department(uses_check_in=False, opens=dt.time(10), closes=dt.time(12))
    ticket = make_ticket(slot=make_slot(department=department))

    with time_machine.travel(ticket.slot.starts_at - dt.timedelta(minutes=1), tick=False):
        assert waiting(board(client)) == [0]
    with time_machine.travel(ticket.slot.starts_at, tick=False):
        assert waiting(board(client)) == [1]


# --- notices ---


def test_notices_are_shown_on_their_days(client):
    for text_, first, last, is_active in [
        ("ทุกวัน", None, None, True),
        ("วันนี้วันเดียว", in_days(0), in_days(0), True),
        ("เริ่มพรุ่งนี้", in_days(1), None, True),
        ("จบเมื่อวาน", None, in_days(-1), True),
        ("ปิดไว้", None, None, False),
    ]:
        BoardNotice.objects.create(text=text_, first_day=first, last_day=last, is_active=is_active)

    found = re.findall(r"<li>([^<]+)</li>", board(client).content.decode())

    assert found == ["ทุกวัน", "วันนี้วันเดียว"]


def test_a_notice_has_its_own_words_in_english(client):
    BoardNotice.objects.create(text="ปิดวันเสาร์", text_en="Closed on Saturday")
    client.cookies["django_language"] = "en"

    assert "Closed on Saturday" in text(board(client))


# --- what everybody may see ---


def test_no_name_and_nothing_that_opens_a_ticket_in_any_answer(client, loans):
    member = make_member(title="นาง", given_name="สมศรี", family_name="ใจดี", phone="0812345678")
    call(loans, number=1, member_id=member.pk, priority="monk", reason="เหตุผลลับ")
    ticket = loans.tickets.get()

    addresses = ["/board/", "/board/loans/", "/board/sound/words/", "/api/v1/board/", "/api/v1/board/loans/"]
    answers = "".join(client.get(address).content.decode() for address in addresses)

    assert answers.count("A501") >= 4
    private = [member.given_name, member.family_name, member.masked_name, member.member_number, member.phone]
    private += [ticket.public_id, ticket.secret, ticket.secret_hash, "เหตุผลลับ", "พระภิกษุ"]
    assert [one for one in private if one in answers] == []


def test_it_is_only_read(client, loans):
    for address in ["/board/", "/board/loans/", "/board/poster/", "/board/sound/words/"]:
        client.force_login(make_user(group=roles.CLERK))
        assert client.post(address).status_code == 405


def test_without_javascript_it_looks_again_by_itself(client):
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in board(client).content.decode()


# --- learning of changes ---


@pytest.fixture
def standing_clock():
    with time_machine.travel(timezone.now(), tick=False):
        yield


def test_unchanged_is_answered_304_in_one_query(client, standing_clock, loans, django_assert_num_queries):
    version = board(client)["ETag"]

    with django_assert_num_queries(1):
        answer = board(client, if_none_match=version)

    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", version)
    assert "no-store" not in answer["Cache-Control"]


def test_a_call_a_recall_and_an_arrival_each_make_a_new_version(client, standing_clock, loans):
    versions = [board(client)["ETag"]]
    counter = call(loans, number=1)
    versions.append(board(client)["ETag"])
    verbs.recall(counter=counter, by=counter.clerk)
    versions.append(board(client)["ETag"])
    make_walk_in(department=loans)
    versions.append(board(client)["ETag"])

    assert len(set(versions)) == 4
    assert board(client, if_none_match=versions[0]).status_code == 200


def test_another_departments_call_does_not_disturb_a_departments_board(client, standing_clock, loans, finance):
    call(loans, number=1)
    version = board(client, "loans")["ETag"]

    call(finance, number=2)

    assert board(client, "loans", if_none_match=version).status_code == 304


def test_what_has_no_version_is_shown_after_half_a_minute(client, loans):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        version = board(client)["ETag"]
        BoardNotice.objects.create(text="ปิดวันเสาร์")
        clock.shift(dt.timedelta(seconds=30))
        answer = board(client, if_none_match=version)

    assert answer.status_code == 200
    assert "ปิดวันเสาร์" in text(answer)


def test_the_queries_are_as_many_with_twenty_calls_as_with_none(client, loans, finance, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        board(client)
    for number in range(20):
        call(loans, number=number)
    with django_assert_max_num_queries(5):
        assert len(shown(board(client))) == 20


# --- the code that shows who is in the office ---


def qr_on(answer) -> bool:
    return 'class="here-qr"' in answer.content.decode()


def test_only_staff_who_receive_see_the_code_on_a_board(client, loans):
    loans.check_in_needs_presence = True
    loans.save(update_fields=["check_in_needs_presence"])

    assert not qr_on(board(client))
    client.force_login(make_user())
    assert not qr_on(board(client))
    client.force_login(make_user(group=roles.CLERK))
    assert qr_on(board(client))


def test_there_is_no_code_where_nobody_needs_it(client, loans):
    client.force_login(make_user(group=roles.CLERK))

    assert not qr_on(board(client))


def test_a_new_code_is_a_new_version(client, loans):
    loans.check_in_needs_presence = True
    loans.save(update_fields=["check_in_needs_presence"])
    client.force_login(make_user(group=roles.CLERK))

    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = board(client)
        assert board(client, if_none_match=first["ETag"]).status_code == 304
        clock.shift(dt.timedelta(seconds=30))
        assert board(client, if_none_match=first["ETag"]).status_code == 200


def test_the_poster_is_for_staff_who_receive(client):
    assert client.get(reverse("board_poster"))["Location"].startswith(reverse("admin:login"))
    client.force_login(make_user())
    assert client.get(reverse("board_poster")).status_code == 403
    client.force_login(make_user(group=roles.CLERK))
    answer = client.get(reverse("board_poster"))
    assert answer.status_code == 200
    assert "<svg" in answer.content.decode()
    assert client.get(reverse("board_poster"), headers={"if-none-match": answer["ETag"]}).status_code == 304


# --- the recorded words ---


def test_the_board_learns_which_words_it_needs_and_which_are_recorded(client, loans, finance):
    make_counter(number=2)
    seats.sign_out(counter=(leaving := make_counter(number=11)), by=leaving.clerk)
    clip = Clip.objects.create(word="A", sound=b"RIFF", content_type="audio/wav", uploaded_at=timezone.now())

    answer = json.loads(client.get(reverse("board_words")).content)

    assert answer["needed"] == [
        *["ขอเชิญหมายเลข", "ที่ช่องบริการ", "ค่ะ", "A", "B"],
        *["ศูนย์", "หนึ่ง", "สอง", "สาม", "สี่", "ห้า", "หก", "เจ็ด", "แปด", "เก้า"],
        *["สิบ", "เอ็ด"],
    ]
    assert list(answer["clips"]) == ["A"]
    sound = client.get(answer["clips"]["A"])
    assert (sound.content, sound["Content-Type"]) == (bytes(clip.sound), "audio/wav")
    assert sound["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in sound["Cache-Control"]


def test_a_new_recording_has_a_new_address(client):
    clip = Clip.objects.create(word="A", sound=b"1", content_type="audio/wav", uploaded_at=timezone.now())
    before = client.get(reverse("board_words")).json()["clips"]["A"]

    Clip.objects.filter(pk=clip.pk).update(uploaded_at=timezone.now() + dt.timedelta(minutes=1))

    assert client.get(reverse("board_words")).json()["clips"]["A"] != before


def test_no_sound_under_an_address_without_one(client):
    assert client.get(reverse("board_clip", args=[1])).status_code == 404


def test_boards_that_ask_in_the_same_second_share_a_page_and_each_sees_the_newest_call(
    client, django_assert_max_num_queries
):
    department = make_open_department()
    counter = make_counter(departments=[department])
    with time_machine.travel(timezone.now(), tick=False):
        first = client.get("/board/").content
        with django_assert_max_num_queries(1):
            assert client.get("/board/").content == first
        called = make_walk_in(department=department)
        verbs.call_next(counter=counter, by=counter.clerk)
        assert called.code in client.get("/board/").content.decode()
