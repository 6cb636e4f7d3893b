"""LINE's webhook: who is not LINE is refused, each event acts once, and what is said is answered with a reply."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import random
import threading

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from booking import jobs, verbs
from booking.line import answers
from booking.models import Notice
from booking.models.tickets import State
from members import line_accounts
from members.models import LineAccount, LineEvent, LineFollow
from queuesite.demo import fake_line, office
from tests.factories import make_member, make_open_department, make_slot, make_ticket, make_user

pytestmark = pytest.mark.django_db

SOMCHAI, MALEE = fake_line.user_id(100001), fake_line.user_id(100003)
WEBHOOK = reverse("line_webhook")


@pytest.fixture
def somchai():
    return LineAccount.objects.create(
        member=make_member(), user_id=SOMCHAI, linked_at=timezone.now(), proved_by="code"
    ).member


def hand_over(client, server, *events):
    """The call by which LINE hands over events."""
    return _send(client, *server.webhook(*events))


def work_off() -> int:
    """Do what is on the list of jobs, each as it was stored; how many there were."""
    jobs_found = list(OrmQ.objects.order_by("pk"))
    for job in jobs_found:
        task = SignedPackage.loads(job.payload)
        assert task["func"] == "booking.line.answers.answer"
        answers.answer(*task["args"], **task["kwargs"])
        job.delete()
    return len(jobs_found)


def say(client, server, text, *, user=SOMCHAI) -> str:
    """A user writes; what the reply says."""
    return _answered(client, server, server.event(user, "message", text=text))


def tap(client, server, data, *, user=SOMCHAI) -> str:
    return _answered(client, server, server.event(user, "postback", data=data))


def buttons(reply: dict) -> dict[str, str]:
    """The buttons of a reply: label to address or postback data."""
    actions = [part["action"] for card in reply["messages"] for part in _parts(card["contents"]) if "action" in part]
    return {action["label"]: action.get("uri") or action["data"] for action in actions}


def _send(client, body, headers):
    return client.post(WEBHOOK, body, content_type="application/json", headers=headers)


def _answered(client, server, event) -> str:
    before = len(server.replies)
    assert hand_over(client, server, event).status_code == 200
    work_off()
    texts = []
    for reply in server.replies[before:]:
        assert reply["to"] == event["source"]["userId"]
        for card in reply["messages"]:
            texts += [part["text"] for part in _parts(card["contents"]) if part["type"] == "text"]
    return "\n".join(texts)


def _parts(component):
    yield component
    for name in ("header", "body", "footer"):
        if name in component:
            yield from _parts(component[name])
    for inner in component.get("contents", []):
        yield from _parts(inner)


# --- who is LINE ----------------------------------------------------------------------------------------------------


def test_a_wrong_signature_or_body_is_refused(client, server):
    body, headers = server.webhook(server.event(SOMCHAI, "follow"))
    chance = random.Random(1)
    for nth in range(500):
        if nth % 2:
            mutated = bytearray(body)
            mutated[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
            answer = _send(client, bytes(mutated), headers)
        else:
            raw = bytearray(base64.b64decode(headers["X-Line-Signature"]))
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            answer = _send(client, body, headers | {"X-Line-Signature": base64.b64encode(raw).decode()})
        assert answer.status_code == 403

    assert not LineEvent.objects.exists()
    assert not OrmQ.objects.exists()
    assert _send(client, body, headers).status_code == 200


@pytest.mark.parametrize("signature", [None, "", "x", "é", "=" * 4000])
def test_what_is_no_signature_at_all_is_refused(client, server, signature):
    body, headers = server.webhook(server.event(SOMCHAI, "follow"))
    del headers["X-Line-Signature"]
    if signature is not None:
        headers["X-Line-Signature"] = signature

    assert _send(client, body, headers).status_code == 403
    assert not OrmQ.objects.exists()


def test_a_signature_by_another_secret_is_refused(client, server):
    body, headers = server.webhook()
    digest = hmac.new(b"another", body, hashlib.sha256).digest()

    assert _send(client, body, headers | {"X-Line-Signature": base64.b64encode(digest).decode()}).status_code == 403


def test_without_a_channel_nobody_is_line(client, server, settings):
    """An empty secret must not sign anything."""
    settings.LINE_CHANNEL_SECRET = server.channel_secret = ""

    assert hand_over(client, server).status_code == 403


def test_line_s_own_test_of_the_address_is_answered(client, server):
    assert hand_over(client, server).status_code == 200
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"\xff", b"[]", b"{}", b"null", b'{"events": null}', b'{"events": [1]}', b'{"events": [{}]}'],
)
def test_a_signed_body_that_makes_no_sense_is_refused(client, server, body):
    digest = hmac.new(server.channel_secret.encode(), body, hashlib.sha256).digest()

    answer = _send(client, body, {"X-Line-Signature": base64.b64encode(digest).decode()})

    assert answer.status_code == 400


def test_a_body_that_is_too_long_is_refused_unread(client, server):
    event = server.event(SOMCHAI, "message", text="ก" * 1_000_000)
    assert hand_over(client, server, event).status_code == 413
    assert not OrmQ.objects.exists()


def test_a_length_of_more_digits_than_python_reads_is_too_long(client, server):
    assert _send(client, b"{}", {"Content-Length": "9" * 5000}).status_code == 413


def test_only_post_is_answered(client, server):
    for method in (client.get, client.put, client.delete, client.head):
        assert method(WEBHOOK).status_code == 405


# --- each event once ------------------------------------------------------------------------------------------------


def test_the_view_makes_no_call_to_line(client, server):
    hand_over(client, server, server.event(SOMCHAI, "follow"), server.event(SOMCHAI, "message", text="คิว"))

    assert server.calls == 0
    assert work_off() == 2
    assert server.calls == 2


def test_a_thousand_events_three_times_and_shuffled_are_done_once_each(client, server):
    events = [server.event(fake_line.user_id(nth), "unfollow") for nth in range(1000)]
    handed = events * 3
    random.Random(2).shuffle(handed)

    for first in range(0, len(handed), 50):
        assert hand_over(client, server, *handed[first : first + 50]).status_code == 200

    assert work_off() == 1000
    assert LineFollow.objects.filter(follows=False).count() == 1000


def test_an_event_told_again_later_is_not_answered_again(client, server, somchai):
    event = server.event(SOMCHAI, "message", text="คิว")
    hand_over(client, server, event)
    work_off()
    event["deliveryContext"]["isRedelivery"] = True

    assert hand_over(client, server, event).status_code == 200

    assert work_off() == 0
    assert len(server.replies) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.race
def test_the_same_event_at_the_same_moment_is_taken_up_once(server):
    body, headers = server.webhook(server.event(SOMCHAI, "follow"))
    answers = []
    ready = threading.Barrier(8)

    def send():
        from django.db import connection
        from django.test import Client

        ready.wait()
        answers.append(_send(Client(), body, headers).status_code)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 8
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("kind", ["memberJoined", "videoPlayComplete", "beacon", "something new", None])
def test_an_event_of_another_kind_is_passed_over(client, server, kind):
    event = server.event(SOMCHAI, "follow") | {"type": kind}

    assert hand_over(client, server, event, server.event(MALEE, "follow")).status_code == 200

    assert work_off() == 2
    assert [reply["to"] for reply in server.replies] == [MALEE]


@pytest.mark.parametrize("source", [None, {}, {"type": "user"}, {"type": "group", "groupId": "C1", "userId": SOMCHAI}])
def test_nothing_is_said_where_others_would_read_it_or_nobody_is_there(client, server, somchai, source):
    make_ticket(member=somchai)
    event = server.event(SOMCHAI, "message", text="คิว") | {"source": source}

    hand_over(client, server, event)
    work_off()

    assert server.calls == 0


@pytest.mark.parametrize(("kept", "left"), [(7, {"6 days", "4 days"}), (5, {"4 days"})])
def test_events_are_forgotten_after_as_many_days_as_the_office_says(settings, kept, left):
    settings.KEEP_LINE_EVENTS_DAYS = kept
    now = timezone.now()
    for days in (8, 6, 4):
        LineEvent.objects.create(webhook_event_id=f"{days} days", received_at=now - dt.timedelta(days=days))

    jobs.purge_line_events()

    assert {event.pk for event in LineEvent.objects.all()} == left


# --- what is said ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["จองคิว", " จอง คิว ", "จอง", "Book"])
def test_who_wants_to_book_gets_the_button(client, server, text):
    say(client, server, text)

    assert buttons(server.replies[0]) == {"จองคิว": "https://queue.example.org/line/"}


@pytest.mark.parametrize("text", ["คิว", "สถานะ", "บัตรคิว", "STATUS", "Queue"])
def test_who_asks_for_the_ticket_gets_its_card(client, server, somchai, text):
    ticket = make_ticket(member=somchai)

    answer = say(client, server, text)

    assert ticket.code in answer
    assert ticket.secret in buttons(server.replies[0])["ดูบัตรคิว"]
    assert buttons(server.replies[0])["ยกเลิกบัตรคิว"] == f"cancel:{ticket.public_id}"


def test_the_card_of_a_booked_ticket_has_what_staff_scan(client, server, somchai):
    with time_machine.travel("2026-11-23T00:30:00Z", tick=False):
        ticket = make_ticket(member=somchai, slot=make_slot(days_ahead=0))
        assert "วันจันทร์ที่ 23 พฤศจิกายน 2569\nเวลา 08.30 น." in say(client, server, "คิว")
        verbs.check_in(ticket=ticket, by=make_user())
        say(client, server, "คิว")

    booked, waiting = [
        [part["url"] for part in _parts(reply["messages"][0]["contents"]) if part["type"] == "image"]
        for reply in server.replies
    ]
    assert booked == [f"https://queue.example.org/t/{ticket.public_id}/qr.png"]
    assert waiting == [], "of no use any more"


def test_today_s_card_says_how_many_are_before(client, server, somchai):
    with time_machine.travel("2026-11-23T00:30:00Z", tick=False):
        slot = make_slot(days_ahead=0)
        make_ticket(slot=slot)
        make_ticket(slot=slot, member=somchai)

        assert "ก่อนหน้าท่านมี 1 คิว" in say(client, server, "คิว")


def test_who_has_nobody_before_is_told_so_in_words(client, server, somchai):
    with time_machine.travel("2026-11-23T00:30:00Z", tick=False):
        ticket = make_ticket(slot=make_slot(days_ahead=0), member=somchai)
        assert "ขณะนี้ยังไม่มีผู้จองก่อนหน้าท่าน" in say(client, server, "คิว")
        verbs.check_in(ticket=ticket, by=make_user())
        said = say(client, server, "คิว")
        assert "เปิดให้บริการ 08.30 น." in said
        assert "ท่านเป็นคิวถัดไป" not in said
    with time_machine.travel("2026-11-23T01:30:00Z", tick=False):
        assert "ท่านเป็นคิวถัดไป" in say(client, server, "คิว")


def test_only_one_s_own_tickets_are_shown(client, server, somchai):
    mine, other = make_ticket(member=somchai), make_ticket()

    answer = say(client, server, "สถานะ")

    assert mine.code in answer
    assert len(server.replies[0]["messages"]) == 1
    assert other.public_id not in json.dumps(server.replies)


def test_more_tickets_than_a_reply_holds_are_cut_off(client, server, somchai):
    for _nth in range(6):
        make_ticket(member=somchai, slot=make_slot(department=make_open_department()))

    say(client, server, "คิว")

    assert len(server.replies[0]["messages"]) == 5


def test_who_has_no_ticket_is_told_so(client, server, somchai):
    assert "ท่านไม่มีคิวที่จองไว้" in say(client, server, "คิว")


def test_who_is_not_linked_is_shown_the_way(client, server):
    say(client, server, "สถานะ")

    assert buttons(server.replies[0]) == {"ผูกบัญชี LINE": "https://queue.example.org/line/"}


@pytest.mark.parametrize("text", ["สวัสดี", "?", "ขอบคุณค่ะ" * 500])
def test_other_words_get_a_short_help(client, server, text):
    assert "พิมพ์ สถานะ เพื่อดูคิวของท่าน" in say(client, server, text)


def test_a_sticker_gets_the_help_too(client, server):
    event = server.event(SOMCHAI, "message", text="x")
    event["message"] = {"type": "sticker", "id": "1"}

    assert "พิมพ์ ยกเลิก เพื่อยกเลิกคิว" in _answered(client, server, event)


def test_without_a_public_address_no_button_leads_nowhere(client, server, settings, somchai):
    settings.PUBLIC_URL = ""
    ticket = make_ticket(member=somchai)
    for text in ("จองคิว", "คิว", "อะไร"):
        assert say(client, server, text)
    assert say(client, server, "คิว", user=MALEE)
    assert tap(client, server, f"cancel-now:{ticket.public_id}")

    shown = [target for reply in server.replies for target in buttons(reply).values()]
    assert shown == [f"cancel:{ticket.public_id}"]


# --- cancelling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["the word", "the button"])
def test_cancelling_asks_first(client, server, somchai, how):
    ticket = make_ticket(member=somchai)

    answer = say(client, server, "ยกเลิก") if how == "the word" else tap(client, server, f"cancel:{ticket.public_id}")

    assert "ยกเลิกบัตรคิวนี้หรือไม่" in answer
    assert buttons(server.replies[0])["ยืนยันยกเลิก"] == f"cancel-now:{ticket.public_id}"
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_the_second_tap_cancels(client, server, somchai):
    ticket = make_ticket(member=somchai)

    answer = tap(client, server, f"cancel-now:{ticket.public_id}")

    assert "ยกเลิกบัตรคิวแล้ว" in answer
    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED
    # The member did it: no message is paid for to tell them.
    assert not Notice.objects.filter(ticket=ticket, kind="cancelled").exists()


def test_a_tap_on_an_old_card_says_why_not(client, server, somchai):
    ticket = make_ticket(member=somchai)
    verbs.cancel(ticket=ticket)

    assert "ยกเลิกไม่ได้แล้ว" in tap(client, server, f"cancel:{ticket.public_id}")
    assert ticket.code in tap(client, server, f"cancel-now:{ticket.public_id}")


@pytest.mark.parametrize("user_is_linked", [True, False])
@pytest.mark.parametrize("verb", ["cancel", "cancel-now"])
def test_a_stranger_s_tap_does_nothing(client, server, somchai, verb, user_is_linked):
    ticket = make_ticket(member=somchai)
    if user_is_linked:
        LineAccount.objects.create(member=make_member(), user_id=MALEE, linked_at=timezone.now(), proved_by="code")

    answer = tap(client, server, f"{verb}:{ticket.public_id}", user=MALEE)

    assert ticket.code not in answer
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


@pytest.mark.parametrize("data", ["", ":", "cancel-now", "cancel-now:", "delete:x", "cancel-now:" + "x" * 280])
def test_a_tap_that_means_nothing_gets_the_help(client, server, somchai, data):
    assert "พิมพ์ จองคิว เพื่อจอง" in tap(client, server, data)


@pytest.mark.parametrize("fault", [500, 400, 429, None])
def test_a_reply_that_fails_does_not_undo_the_cancelling(client, server, somchai, fault):
    ticket = make_ticket(member=somchai)
    server.add_fault(status=fault)

    assert tap(client, server, f"cancel-now:{ticket.public_id}") == ""

    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED
    assert server.calls == 1  # a reply is not tried again: its token has ended by then


# --- following ------------------------------------------------------------------------------------------------------


def unfollowed_at(user=SOMCHAI):
    return LineAccount.objects.get(user_id=user).unfollowed_at


def test_who_follows_is_welcomed(client, server):
    assert "ยินดีต้อนรับ" in _answered(client, server, server.event(SOMCHAI, "follow"))
    assert buttons(server.replies[0]) == {"จองคิว": "https://queue.example.org/line/"}


def test_who_blocks_the_account_is_not_reached_until_they_follow_again(client, server, somchai):
    _answered(client, server, server.event(SOMCHAI, "unfollow"))
    assert unfollowed_at() is not None
    assert server.calls == 0

    _answered(client, server, server.event(SOMCHAI, "follow"))
    assert unfollowed_at() is None


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("last", ["follow", "unfollow"])
def test_the_newest_event_counts_in_whatever_order_they_come(client, server, somchai, order, last):
    other = {"follow": "unfollow", "unfollow": "follow"}[last]
    now = int(timezone.now().timestamp() * 1000)
    events = [server.event(SOMCHAI, kind) | {"timestamp": now + nth} for nth, kind in enumerate([last, other, last])]

    for nth in order:
        hand_over(client, server, events[nth])
        work_off()

    assert (unfollowed_at() is not None) is (last == "unfollow")


@pytest.mark.parametrize("has_blocked", [True, False])
def test_who_links_after_blocking_the_account_is_not_reached(client, server, settings, has_blocked):
    settings.LINE_LINK_PROOF = "none"
    member = make_member(member_number="777001")
    _answered(client, server, server.event(SOMCHAI, "follow"))
    if has_blocked:
        _answered(client, server, server.event(SOMCHAI, "unfollow"))

    _member, token = line_accounts.claim(user_id=SOMCHAI, member_number="777001", address="127.0.0.1")
    account = line_accounts.link(user_id=SOMCHAI, token=token, address="127.0.0.1")

    assert account.member == member
    assert account.can_be_reached is not has_blocked
    if has_blocked:
        _answered(client, server, server.event(SOMCHAI, "follow"))
        assert unfollowed_at() is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"events": 1}',
        b'{"events": ["text"]}',
        b'{"events": [[]]}',
        b'{"events": [{}]}',
        b'{"events": [{"webhookEventId": "a\\u0000b"}]}',
        b'{"events": [{"webhookEventId": "\\ud800"}]}',
        b'{"events": [{"webhookEventId": 7}]}',
        b'{"events": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"events": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_event_is_refused_with_400(client, server, body):
    assert _send_signed(client, server, body).status_code == 400
    assert not OrmQ.objects.exists()


WRITTEN = {"message": {"text": "สถานะ"}, "postback": {"data": "tickets:"}}


@pytest.mark.parametrize(
    "odd",
    [
        {"timestamp": 10**400},
        {"timestamp": float("nan")},
        {"timestamp": "yesterday"},
        {"source": "nobody"},
        {"source": {"type": "user", "userId": "\ud800"}},
        {"message": []},
        {"message": {"type": "text", "text": "\0\ud800"}},
        {"postback": {"data": "cancel:\0"}},
        {"postback": {"data": ["cancel"]}},
        {"type": ["message"]},
        {"replyToken": "\0"},
    ],
)
@pytest.mark.parametrize("kind", ["message", "postback", "follow"])
def test_an_odd_event_is_passed_over_or_answered_and_never_a_fault(client, server, odd, kind):
    event = server.event(SOMCHAI, kind, **WRITTEN.get(kind, {})) | odd

    assert _send_signed(client, server, json.dumps({"events": [event]}).encode()).status_code == 200
    work_off()


def test_what_a_member_writes_is_not_on_the_list_of_jobs(client, server):
    """A citizen ID that is written into the chat stays in the chat."""
    digits = office.citizen_id(office.FIRST_NUMBER)
    dashed = f"{digits[0]}-{digits[1:5]}-{digits[5:10]}-{digits[10:12]}-{digits[12]}"
    for text in (digits, f"เลข {dashed} ครับ", "สวัสดี"):
        hand_over(client, server, server.event(SOMCHAI, "message", text=text))

    kept = [SignedPackage.loads(job.payload)["args"][0] for job in OrmQ.objects.all()]
    assert [one["message"]["text"] for one in kept] == ["", "", ""]
    assert not any(digits in str(one) or dashed[:6] in str(one) for one in kept)


def _send_signed(client, server, body: bytes):
    digest = hmac.new(server.channel_secret.encode(), body, hashlib.sha256).digest()
    return _send(client, body, {"x-line-signature": base64.b64encode(digest).decode()})
