"""Messages go out through the real SDK to a LINE of our own, once each, whatever LINE does; or end with the reason."""

import datetime as dt
import smtplib
import uuid

import pytest
from django.core import mail
from django.utils import timezone

from booking import jobs, verbs
from booking.messages import cards, sending
from booking.models import MessageChoice, Notice, Ticket
from booking.models.notices import Kind, NoticeState
from members import line
from members.models import LineAccount, Member
from queuesite.demo import fake_line, line_shapes
from tests.clock import MORNING, standing_still
from tests.factories import (
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)
from tests.racing import race

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("server")]

USER = fake_line.user_id(100001)


clock = standing_still(MORNING, autouse=True)


@pytest.fixture
def mail_on(settings):
    settings.EMAIL_HOST = "mail.example.org"


def make_reachable(member=None, *, user_id=USER, unfollowed_at=None, **fields):
    """A member with a LINE account."""
    member = member or make_member(**fields)
    LineAccount.objects.create(
        member=member, user_id=user_id, linked_at=timezone.now(), proved_by="code", unfollowed_at=unfollowed_at
    )
    return member


def make_issued(*, days_ahead=3, member=None, **slot_fields) -> Notice:
    """The message that a ticket was issued, due now."""
    member = member or make_reachable()
    ticket = make_ticket(member=member, slot=make_slot(days_ahead=days_ahead, **slot_fields))
    return ticket.notices.get(kind=Kind.ISSUED)


def send_all() -> int:
    sent = 0
    while count := sending.send_owed():
        sent += count
    return sent


def again(notice: Notice) -> Notice:
    return Notice.objects.get(pk=notice.pk)


def seconds_until_next_try(notice: Notice) -> float:
    return (again(notice).next_try_at - timezone.now()).total_seconds()


# --- the message ----------------------------------------------------------------------------------------------------


def test_a_message_is_sent_once_under_its_retry_key(server):
    notice = make_issued()

    assert send_all() == 1
    assert send_all() == 0

    (push,) = server.pushes
    assert (push["to"], push["retry_key"]) == (USER, str(notice.retry_key))
    notice = again(notice)
    assert (notice.state, notice.channel, notice.tries) == (NoticeState.SENT, "line", 1)
    assert notice.ended_at == timezone.now()


def test_the_card_says_all_that_one_needs_to_come_and_opens_the_ticket(server, settings):
    settings.OFFICE_ADDRESS = "1 ถนนสุขุมวิท ระยอง"
    notice = make_issued()
    notice.ticket.department.bring = "บัตรประชาชน\nสมุดบัญชี"
    notice.ticket.department.save()
    send_all()

    (message,) = server.pushes[0]["messages"]
    texts = [part["text"] for part in components(message["contents"]) if part["type"] == "text"]
    band = [notice.ticket.department.name, notice.ticket.code]
    when = ["วันพฤหัสบดีที่ 26 พฤศจิกายน 2569", "เวลา 08.30 น."]
    to_come = ["กรุณามาถึงก่อน 08.15 น.", "สิ่งที่ต้องนำมา: บัตรประชาชน, สมุดบัญชี", "สถานที่: 1 ถนนสุขุมวิท ระยอง"]
    assert texts == [*band, "จองคิวแล้ว", *when, *to_come, "ให้เจ้าหน้าที่สแกนเมื่อมาถึง"]
    see, cancel = [part["action"] for part in components(message["contents"]) if part["type"] == "button"]
    assert see["uri"] == f"https://queue.example.org/t/{notice.ticket.public_id}/#{notice.ticket.secret}"
    assert cancel["data"] == f"cancel:{notice.ticket.public_id}"


def pictures_of(kind, ticket) -> list[str]:
    card = cards.card(Notice(ticket=ticket, kind=kind))
    assert line_shapes.faults_of_messages([card]) == []
    return [part["url"] for part in components(card["contents"]) if part["type"] == "image"]


@pytest.mark.parametrize("kind", Kind)
def test_the_cards_that_one_comes_with_have_the_ticket_s_qr_code(kind):
    ticket = make_issued().ticket
    ticket.counter = make_counter()

    address = f"https://queue.example.org/t/{ticket.public_id}/qr.png"
    assert pictures_of(kind, ticket) == ([address] if kind in (Kind.ISSUED, Kind.DAY_BEFORE, Kind.MOVED) else [])


@pytest.mark.parametrize(
    ("public_url", "is_line_s_own", "has_picture"),
    [
        ("https://queue.example.org", True, True),
        ("https://queue.example.org", False, True),
        ("", True, False),
        ("", False, False),
        ("http://queue.example.org", True, False),
        ("http://queue.example.org", False, False),
        ("http://127.0.0.1:8000", True, False),
        ("http://127.0.0.1:8000", False, True),
    ],
)
@pytest.mark.parametrize("demo", [True, False])
def test_no_card_has_a_picture_that_line_could_not_fetch(settings, public_url, is_line_s_own, has_picture, demo):
    """LINE refuses the whole message for it."""
    settings.PUBLIC_URL, settings.DEMO = public_url, demo
    if is_line_s_own:
        settings.LINE_API_BASE = line.LINE_API

    assert bool(pictures_of(Kind.ISSUED, make_issued().ticket)) == has_picture


def test_a_picture_that_line_could_not_fetch_is_found(server):
    card = cards.card(make_issued())
    picture = next(part for part in components(card["contents"]) if part["type"] == "image")
    for address in ("http://queue.example.org/qr.png", "/qr.png", ""):
        picture["url"] = address
        (fault,) = line_shapes.faults_of_messages([card])
        assert fault["property"].endswith(".url")


def test_who_is_told_that_the_turn_is_near_is_told_how_near(server, mail_on):
    department = make_open_department(max_days_ahead=1, nearly_when_ahead=3)
    counter = make_counter(departments=[department])
    members = [make_member(), make_reachable(), make_member(email="x@example.org"), make_member()]
    for member in members:
        make_walk_in(department=department, member_id=member.pk)

    verbs.call_next(counter=counter, by=counter.clerk)
    send_all()

    (push,) = server.pushes
    assert "ท่านเป็นคิวถัดไป" in str(push["messages"])
    (letter,) = mail.outbox
    assert "ก่อนหน้าท่านมี 1 คิว" in letter.body


def test_every_kind_of_message_is_within_line_s_limits_at_its_longest(server, settings):
    settings.PUBLIC_URL = "https://" + "q" * 60 + ".example.org"
    department = make_open_department(name="ฝ่าย" + "ก" * 96)
    ticket = make_ticket(member=make_reachable(), slot=make_slot(department=department, days_ahead=3))
    verbs.cancel(ticket=ticket, by=make_user(), reason="เหตุ" * 40)
    ticket.counter = make_counter()

    for kind in Kind:
        card = cards.card(Notice(ticket=ticket, kind=kind))
        assert line_shapes.faults_of_messages([card]) == []


def test_a_card_that_line_would_refuse_is_found(server):
    card = cards.card(make_issued())
    card["contents"]["footer"]["contents"][0]["action"]["label"] = "ก" * 21
    card["contents"]["body"]["contents"][0]["text"] = " "

    found = {fault["property"].rpartition(".")[2] for fault in line_shapes.faults_of_messages([card])}

    assert found == {"label", "text"}


def test_without_an_address_of_ours_the_card_has_no_links(server, settings):
    settings.PUBLIC_URL = ""
    make_issued()
    send_all()

    (message,) = server.pushes[0]["messages"]
    actions = [part["action"]["type"] for part in components(message["contents"]) if part["type"] == "button"]
    assert actions == ["postback"]


def test_a_reminder_that_had_to_wait_past_midnight_says_today(server, clock):
    ticket = make_ticket(member=make_reachable(), slot=make_slot(days_ahead=1, nth=5))
    send_all()
    clock.move_to("2026-11-23T17:30:00Z")  # half past midnight in Bangkok

    send_all()

    assert "วันนี้ท่านมีคิว" in str(server.pushes[-1]["messages"])
    assert ticket.notices.get(kind=Kind.DAY_BEFORE).state == NoticeState.SENT


# --- LINE fails -------------------------------------------------------------------------------------------------------


def test_a_message_that_line_has_already_taken_counts_as_sent(server, clock):
    notice = make_issued()
    server.drop(accepts=True)  # it was taken, and the answer was lost
    send_all()
    assert again(notice).state == NoticeState.OWED

    clock.shift(6)
    send_all()

    assert [request["status"] for request in server.requests] == [None, 409]
    assert len(server.pushes) == 1
    assert again(notice).state == NoticeState.SENT


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_what_passes_is_tried_again_after_longer_and_longer_waits(server, clock, status):
    notice = make_issued()
    server.fail(status, times=9, path="/v2/bot/message/push")
    waits = []
    for _ in range(9):
        send_all()
        assert (again(notice).reason, again(notice).line_status) == ("line_refused", status)
        waits.append(seconds_until_next_try(notice))
        assert send_all() == 0, "not before its time"
        clock.shift(waits[-1])

    send_all()

    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900]
    assert {request["retry_key"] for request in server.requests} - {None} == {str(notice.retry_key)}
    assert len(server.pushes) == 1
    assert (again(notice).state, again(notice).tries) == (NoticeState.SENT, 10)


@pytest.mark.parametrize("silence", ["hang", "drop", "nobody listens"])
def test_silence_is_tried_again(server, clock, settings, monkeypatch, silence):
    monkeypatch.setattr(line, "TIMEOUT", (0.2, 0.2))
    notice = make_issued()
    if silence == "nobody listens":
        settings.LINE_API_BASE = "http://127.0.0.1:9"
    else:
        getattr(server, silence)()

    send_all()

    assert (again(notice).state, again(notice).reason) == (NoticeState.OWED, "line_silent")
    server.heal()
    settings.LINE_API_BASE = server.url
    clock.shift(5)
    send_all()
    assert len(server.pushes) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_final(server, clock, status):
    notice = make_issued()
    server.fail(status)

    send_all()
    clock.shift(3600)
    send_all()

    assert (again(notice).state, again(notice).reason) == (NoticeState.DROPPED, "line_refused")
    assert again(notice).line_status == status
    assert len(server.requests) == 1


def test_with_three_calls_in_ten_going_wrong_each_message_arrives_once(server, clock):
    notices = [make_issued(member=make_reachable(user_id=fake_line.user_id(nth))) for nth in range(1, 21)]
    for fault in ({"status": 500}, {"status": 429}, {"status": None}, {"status": 502, "accepts": True}):
        server.add_fault(**fault, share=0.08, times=None)

    for _ in range(60):
        send_all()
        clock.shift(60)

    assert sorted(push["retry_key"] for push in server.pushes) == sorted(str(notice.retry_key) for notice in notices)
    assert not Notice.objects.filter(kind=Kind.ISSUED).exclude(state=NoticeState.SENT).exists()
    assert len(server.requests) > len(notices), "some had to be tried again"


def test_a_wrong_access_token_is_a_refusal(server, settings):
    notice = make_issued()
    settings.LINE_CHANNEL_ACCESS_TOKEN = "another"

    send_all()

    assert (again(notice).reason, again(notice).line_status) == ("line_refused", 401)


def test_what_line_refuses_goes_by_mail(server, mail_on):
    notice = make_issued(member=make_reachable(email="somsri@example.org"))
    server.fail(400)

    send_all()

    assert (again(notice).state, again(notice).channel) == (NoticeState.SENT, "email")
    assert len(mail.outbox) == 1


def test_the_months_quota_used_up_is_final_and_too_fast_is_not(server, clock):
    server.quota = 1
    first, second = make_issued(), make_issued(member=make_reachable(user_id=fake_line.user_id(100002)))

    send_all()

    assert again(first).state == NoticeState.SENT
    assert (again(second).state, again(second).reason) == (NoticeState.DROPPED, "line_quota")
    third = make_issued(member=make_reachable(user_id=fake_line.user_id(100003)))
    server.quota = None
    server.fail(429)
    send_all()
    assert (again(third).state, again(third).reason) == (NoticeState.OWED, "line_refused")
    assert again(third).line_status == 429


def test_the_quota_is_read(server):
    assert line.quota() == line.Quota(limit=None, used=0)
    server.quota = 300
    make_issued()
    send_all()
    assert line.quota() == line.Quota(limit=300, used=1)


def test_one_message_that_crashes_does_not_hold_up_the_others(server, monkeypatch, caplog):
    make_issued(), make_issued(member=make_reachable(user_id=fake_line.user_id(100002)))
    real = cards.card
    broken = Notice.objects.order_by("pk").first()
    monkeypatch.setattr(cards, "card", lambda notice: real(None if notice == broken else notice))

    send_all()

    assert len(server.pushes) == 1
    assert (again(broken).state, again(broken).reason) == (NoticeState.OWED, "fault")
    assert "AttributeError" in caplog.text


# --- the moment, and the truth ----------------------------------------------------------------------------------------


def test_a_call_whose_moment_has_passed_is_dropped_and_says_so(server, clock):
    department = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department, member_id=make_reachable().pk)
    server.fail(503, times=None)
    verbs.call_next(counter=counter, by=counter.clerk)

    while clock_stands_before(clock, ticket.notices.get().expires_at):
        send_all()
        clock.shift(5)
    server.heal()
    send_all()

    notice = ticket.notices.get()
    assert (notice.state, notice.reason) == (NoticeState.DROPPED, "moment_passed")
    assert notice.tries > 3
    assert not server.pushes


def test_what_is_no_longer_true_is_dropped(server):
    notice = make_issued()
    verbs.cancel(ticket=notice.ticket)

    send_all()

    assert (again(notice).state, again(notice).reason) == (NoticeState.DROPPED, "no_longer_true")
    assert not server.requests


def test_a_second_call_makes_the_first_one_s_message_pointless(server):
    department = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department, member_id=make_reachable().pk)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.recall(counter=counter, by=counter.clerk)

    send_all()

    states = list(ticket.notices.filter(kind=Kind.YOUR_TURN).order_by("pk").values_list("state", flat=True))
    assert states == [NoticeState.DROPPED, NoticeState.SENT]
    assert len(server.pushes) == 1


def test_a_call_goes_before_what_has_time(server):
    members = [make_reachable(user_id=fake_line.user_id(100001 + nth)) for nth in range(3)]
    make_issued(member=members[0]), make_issued(member=members[1])
    department = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department])
    make_walk_in(department=department, member_id=members[2].pk)
    verbs.call_next(counter=counter, by=counter.clerk)

    sending.send_owed(most=1)

    assert server.pushes[0]["to"] == fake_line.user_id(100003)


# --- who cannot be reached by LINE ------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["none", "unfollowed"])
def test_who_line_does_not_reach_gets_a_letter(server, mail_on, account):
    member = make_member(email="somsri@example.org")
    if account == "unfollowed":
        make_reachable(member, unfollowed_at=timezone.now())
    notice = make_issued(member=member)

    send_all()

    (letter,) = mail.outbox
    assert letter.to == ["somsri@example.org"]
    assert letter.subject == f"จองคิวแล้ว {notice.ticket.code}"
    assert f"/t/{notice.ticket.public_id}/#{notice.ticket.secret}" in letter.body
    assert str(notice.retry_key) in letter.extra_headers["Message-ID"]
    assert (again(notice).state, again(notice).channel) == (NoticeState.SENT, "email")
    assert not server.requests


@pytest.mark.parametrize(("unfollowed", "reason"), [(False, "no_channel"), (True, "unfollowed")])
def test_who_nothing_reaches_is_telephoned_where_it_must_be_known(server, unfollowed, reason):
    cancelled, moved, issued = (
        make_ticket(member=make_member(), slot=make_slot(days_ahead=3, department=make_open_department()))
        for _ in range(3)
    )
    if unfollowed:
        for nth, member in enumerate(Member.objects.all()):
            make_reachable(member, user_id=fake_line.user_id(nth), unfollowed_at=timezone.now())
    verbs.cancel(ticket=cancelled, by=make_user())
    later = make_slot(department=moved.department, days_ahead=4)
    booking = verbs.reschedule(ticket=moved, slot_id=later.pk, key="move", by=make_user())

    send_all()

    ended = {(notice.ticket_id, notice.kind): notice for notice in Notice.objects.all()}
    for ticket_id, kind in [(cancelled.pk, Kind.CANCELLED), (booking.ticket_id, Kind.MOVED)]:
        assert ended[ticket_id, kind].state == NoticeState.TO_TELEPHONE
        assert ended[ticket_id, kind].reason == reason
    assert ended[issued.pk, Kind.ISSUED].state == NoticeState.DROPPED
    assert ended[issued.pk, Kind.ISSUED].reason == reason


def test_a_cancellation_that_keeps_failing_is_left_to_the_telephone(server, clock):
    ticket = make_issued(days_ahead=5).ticket
    server.fail(500, times=None)
    verbs.cancel(ticket=ticket, by=make_user())

    for _ in range(12):
        send_all()
        clock.shift(15 * 60)

    notice = ticket.notices.get(kind=Kind.CANCELLED)
    assert (notice.state, notice.reason) == (NoticeState.TO_TELEPHONE, "line_refused")
    assert notice.line_status == 500
    assert notice.ended_at - notice.created_at < dt.timedelta(hours=2, minutes=16)


def test_a_mail_server_that_is_away_is_tried_again(mail_on, settings, clock):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    notice = make_issued(member=make_member(email="somsri@example.org"))

    send_all()

    assert (again(notice).state, again(notice).reason) == (NoticeState.OWED, "mail_fault")
    assert seconds_until_next_try(notice) == 5


def test_an_address_that_is_refused_is_not_tried_again(mail_on, monkeypatch):
    def refuse(letter):
        raise smtplib.SMTPRecipientsRefused({letter.to[0]: (550, b"no such user")})

    monkeypatch.setattr(mail.EmailMessage, "send", refuse)
    notice = make_issued(member=make_member(email="somsri@example.org"))

    send_all()

    assert (again(notice).state, again(notice).reason) == (NoticeState.DROPPED, "mail_refused")


def test_nobody_is_telephoned_about_a_call_that_was_missed(server, clock):
    department = make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[department])
    ticket = make_walk_in(department=department, member_id=make_member().pk)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.miss(counter=counter, by=counter.clerk)

    send_all()

    missed = ticket.notices.get(kind=Kind.MISSED)
    assert (missed.state, missed.reason) == (NoticeState.DROPPED, "no_channel")


def test_what_is_owed_when_messages_are_switched_off_ends_with_the_reason(settings):
    notice = make_issued()
    settings.LINE_CHANNEL_ACCESS_TOKEN = ""

    jobs.send_notices()

    assert (again(notice).state, again(notice).reason) == (NoticeState.DROPPED, "no_channel")


# --- booking never waits on LINE --------------------------------------------------------------------------------------


def test_no_verb_asks_line_anything(server):
    server.hang(times=None)
    department = make_open_department(max_days_ahead=3)
    counter = make_counter(departments=[department])
    ticket = make_ticket(member=make_reachable(), slot=make_slot(department=department, days_ahead=1))
    moved = verbs.reschedule(
        ticket=ticket, slot_id=make_slot(department=department, days_ahead=2).pk, key="move", by=make_user()
    )
    verbs.cancel(ticket=Ticket.objects.get(pk=moved.ticket_id), by=make_user())
    make_walk_in(department=department, member_id=make_reachable(user_id=fake_line.user_id(100002)).pk)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.miss(counter=counter, by=counter.clerk)

    assert Notice.objects.owed().count() >= 6
    assert server.calls == 0
    # The control: what sends does ask.
    server.heal()
    send_all()
    assert server.calls > 0


def test_an_hour_without_line_harms_no_booking_and_leaves_nothing_open(server, clock, mail_on):
    """Bookings, calls and cancellations every five minutes of an hour in which LINE answers nothing but 503."""
    department = make_open_department(max_days_ahead=5, quota=6)
    counter = make_counter(departments=[department])
    members = [make_reachable(user_id=fake_line.user_id(nth)) for nth in range(1, 25)]
    tickets = []
    clock.move_to("2026-11-23T02:00:00Z")
    server.fail(503, times=None)
    for nth in range(12):
        slot = make_slot(department=department, days_ahead=3, nth=nth)
        tickets.append(make_ticket(member=members[nth], slot=slot))
        make_walk_in(department=department, member_id=members[12 + nth].pk)
        verbs.call_next(counter=counter, by=counter.clerk)
        if nth % 3 == 2:
            verbs.cancel(ticket=tickets[-1], by=make_user())
        for _ in range(5):
            clock.shift(60)
            send_all()
        verbs.start(counter=counter, by=counter.clerk)
        verbs.finish(counter=counter, by=counter.clerk)
    assert not server.pushes

    server.heal()
    for _ in range(16):
        clock.shift(60)
        send_all()

    assert sum(ticket.is_live for ticket in Ticket.objects.filter(slot__isnull=False)) == 8
    now_due = Notice.objects.filter(created_at__lte=timezone.now()).exclude(kind=Kind.DAY_BEFORE)
    ended = {(notice.kind, notice.state, notice.reason) for notice in now_due}
    assert ended == {
        (Kind.ISSUED, NoticeState.SENT, ""),
        (Kind.ISSUED, NoticeState.DROPPED, "no_longer_true"),  # of those that were cancelled
        (Kind.CANCELLED, NoticeState.SENT, ""),
        (Kind.YOUR_TURN, NoticeState.DROPPED, "moment_passed"),
    }
    keys = [push["retry_key"] for push in server.pushes]
    assert sorted(keys) == sorted(str(notice.retry_key) for notice in now_due.filter(state=NoticeState.SENT))


# --- several workers at once ------------------------------------------------------------------------------------------


def make_many(count: int) -> None:
    """So many messages that are due, of a few members."""
    tickets = [make_issued(member=make_reachable(user_id=fake_line.user_id(nth))).ticket for nth in range(1, 5)]
    Notice.objects.all().delete()
    now = timezone.now()
    Notice.objects.bulk_create(
        Notice(
            ticket=tickets[nth % 4],
            kind=Kind.ISSUED,
            window=str(nth),
            retry_key=uuid.uuid4(),
            next_try_at=now,
            expires_at=now + dt.timedelta(days=1),
            created_at=now,
        )
        for nth in range(count)
    )


@pytest.fixture
def elsewhere(settings):
    """The fake LINE in a process of its own: racers that are forked must not inherit its threads."""
    with fake_line.in_a_process() as other:
        settings.LINE_API_BASE = other.url
        yield other


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_several_workers_send_each_message_once(elsewhere):
    MessageChoice.objects.update(is_on=True)
    make_many(60)

    counts = race(*[lambda _: send_all()] * 4)

    requests = elsewhere.get("requests")["requests"]
    assert [request["status"] for request in requests] == [200] * 60
    assert len({request["retry_key"] for request in requests}) == 60
    assert sum(counts[0]) == 60
    assert all(counts[0]), "each had a part in it"
    assert not Notice.objects.exclude(state=NoticeState.SENT, tries=1).exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_without_the_claim_they_would_send_it_again_and_again(elsewhere, monkeypatch):
    """The control: the same race, with notices that are only looked at."""
    make_many(20)

    def look():
        due = Notice.objects.owed().select_related("ticket__department", "ticket__member__line_account")
        return due.order_by("expires_at", "pk").first()

    monkeypatch.setattr(sending, "_claim", look)
    race(*[lambda _: send_all()] * 4)

    statuses = [request["status"] for request in elsewhere.get("requests")["requests"]]
    assert statuses.count(200) == 20, "the retry key still holds"
    assert statuses.count(409) > 0


def test_who_was_too_slow_leaves_it_to_who_has_sent_it_meanwhile(server, clock):
    notice = make_issued()
    slow = sending._claim()
    clock.shift(sending.CLAIM)
    send_all()
    assert again(notice).state == NoticeState.SENT

    clock.shift(4 * 24 * 3600)
    sending.send(slow)  # its moment has passed: alone, this worker would drop it

    assert again(notice).state == NoticeState.SENT


def test_who_was_too_slow_leaves_it_to_who_is_sending_it(server, clock):
    notice = make_issued()
    slow = sending._claim()
    clock.shift(sending.CLAIM)
    assert sending._claim() == notice
    claimed = Notice.objects.filter(pk=notice.pk).values("state", "tries", "next_try_at", "reason").get()

    clock.shift(4 * 24 * 3600)
    sending.send(slow)

    assert Notice.objects.filter(pk=notice.pk).values("state", "tries", "next_try_at", "reason").get() == claimed


def test_a_claim_lasts_longer_than_all_that_one_sending_may_wait_for(settings):
    """LINE's push, its quota and what is used of it; then the mail server."""
    assert sending.CLAIM.total_seconds() > 3 * sum(line.TIMEOUT) + settings.EMAIL_TIMEOUT


def test_nobody_is_telephoned_about_a_ticket_that_is_nobody_s_any_more(clock):
    ticket = make_ticket(member=make_member(), slot=make_slot())
    verbs.cancel(ticket=ticket, by=make_user())
    Ticket.objects.filter(pk=ticket.pk).update(member=None)

    send_all()

    assert ticket.notices.get(kind=Kind.CANCELLED).state == NoticeState.DROPPED


def components(part):
    """All parts of a Flex message, from the top."""
    for name in ("header", "hero", "body", "footer"):
        if name in part:
            yield from components(part[name])
    if part["type"] != "bubble":
        yield part
    for inner in part.get("contents", []):
        yield from components(inner)


def clock_stands_before(clock, moment) -> bool:
    return timezone.now() < moment


# --- cards of booking ---------------------------------------------------------------------------------------------


def sent_kinds(member) -> list:
    return list(
        Notice.objects.filter(ticket__member=member, state="sent").order_by("pk").values_list("kind", flat=True)
    )


def why_dropped(member) -> list:
    dropped = Notice.objects.filter(ticket__member=member, state="dropped")
    return list(dropped.order_by("pk").values_list("reason", flat=True))


def test_who_books_and_cancels_ten_times_gets_one_card(clock):
    member, slot = make_reachable(), make_slot(days_ahead=3)
    for _ in range(10):
        ticket = make_ticket(member=member, slot=slot)
        send_all()
        verbs.cancel(ticket=ticket)
        clock.shift(dt.timedelta(seconds=30))
    assert sent_kinds(member) == ["issued"]
    assert why_dropped(member) == ["just_cancelled"] * 9
    clock.shift(dt.timedelta(minutes=10))
    make_ticket(member=member, slot=slot)
    send_all()
    assert sent_kinds(member) == ["issued", "issued"]


def test_a_move_is_told_all_the_same():
    member = make_reachable()
    ticket = make_ticket(member=member, slot=make_slot(days_ahead=3))
    send_all()
    later = make_slot(department=ticket.department, days_ahead=3, nth=2)
    verbs.reschedule(ticket=ticket, slot_id=later.pk, key="a move")
    send_all()
    assert sent_kinds(member) == ["issued", "issued"]


def test_so_many_cards_of_booking_a_day_and_what_the_office_does_is_told_all_the_same(settings):
    settings.LINE_CARDS_A_DAY = 2
    member = make_reachable()
    tickets = [make_ticket(member=member, slot=make_slot(days_ahead=3)) for _ in range(4)]
    send_all()
    assert sent_kinds(member) == ["issued", "issued"]
    assert why_dropped(member) == ["too_many", "too_many"]
    verbs.cancel(ticket=tickets[3], by=make_user())
    send_all()
    assert sent_kinds(member) == ["issued", "issued", "cancelled"]
