"""Alarms by LINE and e-mail: to who wants them and may see them, once each by each channel, whatever fails."""

import datetime as dt
import smtplib

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from booking import jobs, roles
from booking.line import answers, staff
from booking.messages import alarms as telling
from booking.models import Alarm, AlarmChoice, AlarmTelling, StaffDepartment, StaffEvent, StaffLine, StaffLineCode
from booking.verbs import alarms
from members import line_accounts
from members.models import LineAccount
from queuesite.demo import fake_line
from tests.clock import standing_still, today_at
from tests.factories import make_open_department, make_user
from tests.racing import race

pytestmark = pytest.mark.django_db

PAGE, TODAY = reverse("admin:booking_alarm_choice"), reverse("admin:booking_today")
Kind, State, Reason = Alarm.Kind, AlarmTelling.State, AlarmTelling.Reason
HERS, HIS = fake_line.user_id(100004), fake_line.user_id(100005)

clock = standing_still(today_at("9.00"), autouse=True)


@pytest.fixture
def mail_on(settings):
    settings.EMAIL_HOST = "mail.example.org"


@pytest.fixture
def department(clock):
    return make_open_department(max_days_ahead=1)


@pytest.fixture
def alarm(department):
    return Alarm.objects.create(kind=Kind.LONG_WAIT, department=department, since=timezone.now())


def make_told(*, line_user_id="", address="", group=roles.MANAGER, **choice):
    """Somebody who has chosen to be told of alarms."""
    user = make_user(group=group)
    AlarmChoice.objects.create(user=user, address=address, **choice)
    if line_user_id:
        StaffLine.objects.create(user=user, line_user_id=line_user_id, linked_at=timezone.now())
    return user


def tell() -> None:
    telling.owe()
    telling.send_owed()


def kept() -> list[tuple]:
    return list(AlarmTelling.objects.order_by("pk").values_list("channel", "state", "reason"))


def write(client, server, text, *, user=HERS) -> str:
    """Somebody writes to the office's chat. What is answered."""
    body, headers = server.webhook(server.event(user, "message", text=text))
    client.post(reverse("line_webhook"), body, content_type="application/json", headers=headers)
    job = OrmQ.objects.latest("pk")
    task = SignedPackage.loads(job.payload)
    job.delete()
    answers.answer(*task["args"])
    (card,) = server.replies[-1]["messages"]
    return card["altText"]


# --- once to each, by each channel ---


def test_an_alarm_is_told_once_by_each_channel(server, mail_on, alarm):
    make_told(line_user_id=HERS, address="manager@example.org")
    tell()
    tell()
    (push,), (letter,) = server.pushes, mail.outbox
    assert push["to"] == HERS
    assert push["messages"][0]["text"] == (
        f"09.00 น. มีผู้รอนานเกินกำหนด: {alarm.department.title}\nhttps://queue.example.org{TODAY}"
    )
    assert (letter.to, letter.body) == (["manager@example.org"], push["messages"][0]["text"])
    assert sorted(kept()) == [("email", "sent", ""), ("line", "sent", "")]


def test_nobody_is_told_who_has_not_chosen_it(server, mail_on, alarm, manager):
    tell()
    assert (server.pushes, mail.outbox, kept()) == ([], [], [])


def test_nothing_is_owed_by_what_the_office_has_not(alarm):
    make_told(line_user_id=HERS, address="manager@example.org")
    tell()
    assert (mail.outbox, kept()) == ([], [])


@pytest.mark.parametrize("why", ["off", "right", "department", "kind", "channel"])
def test_who_does_not_want_it_or_may_not_see_it_is_not_told(server, alarm, why):
    user = make_told(
        line_user_id=HERS,
        group=roles.CLERK if why == "right" else roles.HEAD,
        unwanted=[Kind.LONG_WAIT] if why == "kind" else [],
        by_line=why != "channel",
    )
    if why == "department":
        StaffDepartment.objects.create(user=user, department=make_open_department())
    user.is_active = why != "off"
    user.save()
    tell()
    assert (server.pushes, kept()) == ([], [])


@pytest.mark.parametrize("what", ["off", "unlinked", "over", "acknowledged"])
def test_what_changed_before_it_was_sent_drops_it(server, alarm, what, manager):
    user = make_told(line_user_id=HERS)
    telling.owe()
    if what == "off":
        user.is_active = False
        user.save()
    elif what == "unlinked":
        staff.unlink(user=user, by=user)
    elif what == "over":
        Alarm.objects.update(ended_at=timezone.now())
    else:
        alarms.acknowledge(alarm=alarm, by=manager)
    telling.send_owed()
    reason = Reason.UNWANTED if what in ("off", "unlinked") else Reason.OVER
    assert (server.pushes, kept()) == ([], [("line", State.DROPPED, reason)])


# --- quiet hours ---


@pytest.mark.parametrize(
    ("start", "end", "now", "ends"),
    [
        ("08:00", "10:00", "9.00", "10.00"),
        ("09:00", "10:00", "9.00", "10.00"),
        ("08:00", "09:00", "9.00", None),
        ("17:00", "08:00", "9.00", None),
        ("17:00", "08:00", "7.59", "8.00"),
        ("17:00", "08:00", "17.00", "next 8.00"),
    ],
)
def test_when_quiet_hours_end(start, end, now, ends):
    choice = AlarmChoice(quiet_from=dt.time.fromisoformat(start), quiet_until=dt.time.fromisoformat(end))
    day = dt.timedelta(days=bool(ends and ends.startswith("next")))
    expected = today_at(ends.removeprefix("next ")) + day if ends else None
    assert choice.quiet_ends(today_at(now)) == expected


def test_in_quiet_hours_nothing_is_sent_and_afterwards_what_is_still_there(server, alarm, clock):
    make_told(line_user_id=HERS, quiet_from=dt.time(8), quiet_until=dt.time(10))
    ended = Alarm.objects.create(kind=Kind.SURGE, since=timezone.now(), ended_at=today_at("9.30"))
    tell()
    assert kept() == []
    clock.move_to(today_at("10.00"))
    tell()
    assert AlarmTelling.objects.get().alarm == alarm != ended
    assert len(server.pushes) == 1


def test_a_try_that_falls_into_quiet_hours_waits_for_their_end(server, alarm, clock):
    make_told(line_user_id=HERS, quiet_from=dt.time(9, 1), quiet_until=dt.time(12))
    server.fail(503, times=1)
    tell()
    clock.move_to(today_at("9.02"))
    tell()
    assert server.pushes == []
    clock.move_to(today_at("12.00"))
    tell()
    assert len(server.pushes) == 1


# --- what fails ---


def test_what_fails_is_tried_again_at_growing_distance(server, alarm, clock):
    make_told(line_user_id=HERS)
    server.fail(503, times=3)
    waits = []
    for _ in range(3):
        telling.owe()
        telling.send_owed()
        one = AlarmTelling.objects.get()
        waits.append((one.next_try_at - timezone.now()).total_seconds())
        assert kept() == [("line", "owed", Reason.LINE_REFUSED)]
        clock.move_to(one.next_try_at)
    tell()
    assert waits == [60, 120, 240]
    assert len(server.pushes) == 1
    assert AlarmTelling.objects.get().state == State.SENT


def test_an_answer_that_is_lost_tells_nobody_twice(server, alarm, clock):
    make_told(line_user_id=HERS)
    server.drop(accepts=True)
    tell()
    clock.move_to(today_at("9.01"))
    tell()
    assert len(server.pushes) == 1
    assert kept() == [("line", "sent", "")]
    assert len({one["retry_key"] for one in server.requests}) == 1


def test_after_an_hour_it_is_given_up_and_shown(server, alarm, clock, client):
    user = make_told(line_user_id=HERS)
    client.force_login(user)
    etag = client.get(TODAY)["ETag"]
    server.fail(503, times=None)
    for minute in range(0, 76, 5):
        clock.move_to(today_at("9.00") + dt.timedelta(minutes=minute))
        tell()
        if minute == 55:
            assert kept()[0][1] == State.OWED
    assert kept() == [("line", State.NOT_SENT, Reason.LINE_REFUSED)]
    shown = client.get(TODAY, headers={"If-None-Match": etag})
    assert shown.status_code == 200
    assert "ทาง LINE ไม่ได้: LINE ไม่รับ" in shown.text
    assert "ส่งไม่ได้" in client.get(PAGE).text
    server.heal()
    tell()
    assert server.pushes == []


def test_a_silent_line_holds_up_no_letter_and_asks_once_a_run(server, mail_on, alarm):
    for nth in range(3):
        make_told(line_user_id=fake_line.user_id(100001 + nth), address=f"{nth}@example.org")
    server.fail(503, times=None)
    tell()
    assert len(mail.outbox) == 3
    assert len(server.requests) == 1


def test_what_a_silent_channel_keeps_back_is_given_up_in_time_too(server, alarm, clock):
    for nth in range(5):
        make_told(line_user_id=fake_line.user_id(100001 + nth))
    server.fail(503, times=None)
    tell()
    clock.move_to(today_at("10.00"))
    tell()
    assert {state for _channel, state, _reason in kept()} == {State.NOT_SENT}


def test_a_final_refusal_and_who_has_blocked_the_office_end_it(server, alarm):
    make_told(line_user_id=HERS)
    make_told(line_user_id=HIS)
    line_accounts.unfollowed(user_id=HIS, at=timezone.now())
    server.fail(400, times=1)
    tell()
    assert kept() == [("line", State.NOT_SENT, Reason.LINE_REFUSED), ("line", State.NOT_SENT, Reason.UNFOLLOWED)]


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        (smtplib.SMTPRecipientsRefused({}), State.NOT_SENT, Reason.MAIL_REFUSED),
        (ConnectionRefusedError(), State.OWED, Reason.MAIL_FAULT),
        (RuntimeError("ours"), State.OWED, Reason.FAULT),
    ],
)
def test_a_mail_server_that_fails(mail_on, alarm, monkeypatch, fault, state, reason):
    make_told(address="manager@example.org")
    monkeypatch.setattr("django.core.mail.EmailMessage.send", lambda self: (_ for _ in ()).throw(fault))
    tell()
    assert kept() == [("email", state, reason)]


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_tell_it_once(server, alarm):
    for nth in range(4):
        make_told(line_user_id=fake_line.user_id(100001 + nth))
    race(*[lambda _round: jobs.tell_alarms()] * 4)
    assert sorted(push["to"] for push in server.pushes) == [fake_line.user_id(100001 + nth) for nth in range(4)]
    assert {state for _channel, state, _reason in kept()} == {State.SENT}


# --- linking a LINE account ---


def code_on(page) -> str:
    return page.context["code"]


def test_a_code_written_into_the_chat_links_the_account(client, server, manager):
    code = code_on(client.post(PAGE, {"do": "code"}))
    assert code.replace(" ", "") not in str(StaffLineCode.objects.values())
    assert write(client, server, code) == "ผูกบัญชีแล้ว"
    assert (StaffLine.objects.get().user, StaffLine.objects.get().line_user_id) == (manager, HERS)
    event = StaffEvent.objects.get()
    assert (event.what, event.user, event.by) == (StaffEvent.What.LINE_LINKED, manager, manager)
    assert not LineAccount.objects.exists()
    assert "รับการแจ้งเตือน" in client.get(PAGE).text
    assert write(client, server, code, user=HIS) == "รหัสนี้ใช้ไม่ได้"
    assert StaffLine.objects.get().line_user_id == HERS


def test_the_job_that_links_has_neither_code_nor_words(client, server, manager):
    code = code_on(client.post(PAGE, {"do": "code"})).replace(" ", "")
    body, headers = server.webhook(server.event(HERS, "message", text=code))
    client.post(reverse("line_webhook"), body, content_type="application/json", headers=headers)
    task = str(SignedPackage.loads(OrmQ.objects.get().payload))
    assert code not in task
    assert manager.username not in task


@pytest.mark.parametrize("why", ["old", "off", "earlier", "unknown"])
def test_a_code_that_is_not_good(client, server, manager, clock, why):
    code = code_on(client.post(PAGE, {"do": "code"}))
    if why == "old":
        clock.move_to(today_at("9.15"))
    elif why == "off":
        type(manager).objects.update(is_active=False)
    elif why == "earlier":
        client.post(PAGE, {"do": "code"})
    else:
        code = "0000 0000 0000"
    assert write(client, server, code) == "รหัสนี้ใช้ไม่ได้"
    assert not StaffLine.objects.exists()


def test_an_account_is_one_log_in_s_alone(client, server, manager):
    other = make_told(line_user_id=HERS)
    assert write(client, server, code_on(client.post(PAGE, {"do": "code"}))) == "ผูกบัญชีไม่ได้"
    assert StaffLine.objects.get().user == other


def test_another_account_takes_the_place_of_the_first(client, server, manager):
    for user in (HERS, HIS):
        write(client, server, code_on(client.post(PAGE, {"do": "code"})), user=user)
    assert StaffLine.objects.get().line_user_id == HIS


def test_one_s_own_link_ends_at_once_and_it_is_kept(client, server, manager, alarm):
    write(client, server, code_on(client.post(PAGE, {"do": "code"})))
    client.post(PAGE, {"do": "unlink"})
    client.post(PAGE, {"do": "unlink"})
    tell()
    assert (StaffLine.objects.count(), server.pushes) == (0, [])
    assert StaffEvent.objects.filter(what=StaffEvent.What.LINE_UNLINKED).count() == 1


def test_without_line_there_is_no_code(client, manager):
    page = client.post(PAGE, {"do": "code"})
    assert (page.status_code, page.context["code"], StaffLineCode.objects.count()) == (200, "", 0)
    assert "สำนักงานยังไม่ได้ตั้งค่า LINE" in page.text


# --- the page ---

CHOSEN = {"do": "save", "kinds": ["silent", "surge"], "quiet_from": "18:00", "quiet_until": "07:30"}


def test_one_s_own_choice_is_kept(client, manager, mail_on):
    assert client.post(PAGE, CHOSEN | {"address": "manager@example.org"}).status_code == 302
    choice = AlarmChoice.objects.get(user=manager)
    assert (choice.address, choice.kinds) == ("manager@example.org", [Kind.SILENT, Kind.SURGE])
    assert (choice.quiet_from, choice.quiet_until) == (dt.time(18), dt.time(7, 30))
    client.post(PAGE, {"do": "save", "address": ""})
    choice.refresh_from_db()
    assert (choice.address, choice.kinds, choice.quiet_from) == ("", [], None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "nobody"},
        {"kinds": ["silent", "x"]},
        {"quiet_from": "99:00"},
        {"quiet_until": ""},
        {"quiet_from": ""},
        {"quiet_until": "18:00"},
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(client, manager, mail_on, wrong):
    page = client.post(PAGE, CHOSEN | {"address": "manager@example.org"} | wrong)
    assert page.status_code == 200
    assert "office-fault" in page.text
    assert f'value="{wrong.get("address", "manager@example.org")}"' in page.text
    assert not AlarmChoice.objects.exists()


@pytest.mark.parametrize("do", ["", "x", "unlink", "save"])
def test_a_head_changes_only_their_own(client, mail_on, do):
    other = make_told(address="other@example.org", line_user_id=HERS)
    client.force_login(make_user(group=roles.HEAD))
    client.post(PAGE, {"do": do, "user": other.pk, "address": "x@example.org"})
    assert AlarmChoice.objects.get(user=other).address == "other@example.org"
    assert StaffLine.objects.get().user == other


def test_who_sees_people_sees_who_is_told_what(client, server, mail_on, manager, alarm):
    told = make_told(address="head@example.org", line_user_id=HERS, unwanted=[Kind.SURGE], group=roles.HEAD)
    line_accounts.unfollowed(user_id=HERS, at=timezone.now())
    tell()
    page = client.get(PAGE)
    [(choice, unsent)] = page.context["people"]
    assert (choice.user, unsent.reason) == (told, Reason.UNFOLLOWED)
    assert "head@example.org" not in page.text
    assert HERS not in page.text
    client.force_login(told)
    assert client.get(PAGE).context["people"] is None


def test_a_clerk_has_no_such_page(client):
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"do": "code"}).status_code == 403
    assert client.put(PAGE).status_code in (403, 405)
