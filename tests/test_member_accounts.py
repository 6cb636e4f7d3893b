"""i-member of our own: who gets in, what sets a password, what a member who is signed in sees and changes, and what
others learn of it."""

import datetime as dt
import re
import uuid
from functools import partial

import pytest
import time_machine
from django.core import mail, signing
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from booking import jobs
from booking.models import Ticket
from booking.verbs.merging import merge_members
from booking.views import visitor
from members import accounts
from members.codes import issue_code
from members.line import LineFault
from members.models import LineAccount, LinkingCode, LookupLog, Member, MemberAccount, MemberSession
from members.throttle import WRONG_PASSWORDS
from queuesite.demo import fake_line
from tests.factories import in_days, make_citizen_id, make_member, make_open_department, make_ticket, make_user
from tests.pages import book, confirm_name, text

pytestmark = pytest.mark.django_db

ENTRY, FIRST, FORGOT, CODE = (reverse(name) for name in ("member", "member_first", "member_forgot", "member_code"))
CONTACT, PASSWORD, LEAVE = (reverse(name) for name in ("member_contact", "member_password", "member_leave"))
SECRET = "เก็บออมทุกเดือน 2569"


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""
    settings.EMAIL_HOST = "mail.example.org"


def make_account(member=None, *, password=SECRET, **fields) -> Member:
    member = member or make_member(**fields)
    accounts._set(member, password)
    OrmQ.objects.all().delete()
    return member


def sign_in(client, member, *, password=SECRET, **more):
    return client.post(ENTRY, {"member_number": member.member_number, "password": password, **more})


def ask(client, member, *, citizen_id, way=FORGOT):
    return client.post(way, {"member_number": member.member_number, "citizen_id": citizen_id})


def run_jobs() -> None:
    """What the worker would do now."""
    for row in OrmQ.objects.all():
        task = SignedPackage.loads(row.payload)
        module, _dot, name = task["func"].rpartition(".")
        assert module == "members.accounts"
        getattr(accounts, name)(*task["args"])
        row.delete()


def code_sent() -> str:
    """The eight digits in the last e-mail."""
    return next(word for word in mail.outbox[-1].body.split() if word.isdecimal() and len(word) == 8)


# --- signing in ---


def test_number_and_password_open_what_is_theirs(client):
    member = make_account(given_name="สมศรี", phone="0812345678", email="somsri@example.org")

    assert sign_in(client, member).status_code == 302
    page = text(client.get(ENTRY))

    for shown in (member.full_name, member.member_number, "0812345678", "somsri@example.org", "(เครื่องนี้)"):
        assert shown in page


def test_zeros_in_front_may_be_left_out(client):
    member = make_account(member_number="004501")

    assert client.post(ENTRY, {"member_number": "4501", "password": SECRET}).status_code == 302
    assert client.get(ENTRY).context["member"] == member


def test_only_the_hash_of_what_the_device_holds_is_kept(client):
    sign_in(client, make_account())

    kept = MemberSession.objects.get()
    held = client.cookies["member"].value
    assert kept.token_hash not in held
    assert accounts.session_of(held.partition(":")[0]) == kept
    assert client.cookies["member"]["httponly"]


@pytest.mark.parametrize("what", ["unknown", "without a password", "wrong", "left"])
def test_who_does_not_get_in_is_never_told_why(client, what):
    member = make_member() if what == "without a password" else make_account()
    if what == "left":
        Member.objects.filter(pk=member.pk).update(left_at=timezone.now())
    number = "999999" if what == "unknown" else member.member_number

    answer = client.post(ENTRY, {"member_number": number, "password": "รหัสอื่นที่ผิด" if what == "wrong" else SECRET})

    assert answer.status_code == 422
    assert "เลขทะเบียนสมาชิกหรือรหัสผ่านไม่ถูกต้อง" in text(answer)
    assert f'value="{number}"' in answer.content.decode()  # what was typed stays
    assert SECRET not in answer.content.decode()
    assert not MemberSession.objects.exists()


def test_a_stranger_who_guesses_is_stopped_and_the_member_elsewhere_is_not(client, settings):
    member = make_account()
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "5/900"}

    answers = [sign_in(client, member, password=f"ผิดแน่นอน{nth}").status_code for nth in range(7)]
    elsewhere = client.__class__(REMOTE_ADDR="198.51.100.7")

    assert answers == [422] * 5 + [429] * 2
    assert sign_in(client, member).status_code == 429
    assert sign_in(elsewhere, member).status_code == 302


def test_guesses_from_many_addresses_end_too(client, settings):
    """A hundred wrong ones in a day, from wherever: then only a new password opens the account."""
    member = make_account()
    LookupLog.objects.all().delete()
    for _ in range(WRONG_PASSWORDS.tries):
        assert accounts.count_proof(member.pk, "password")

    assert sign_in(client, member).status_code == 422
    with time_machine.travel(timezone.now() + dt.timedelta(days=1, minutes=1)):
        assert sign_in(client, member).status_code == 302


def test_after_a_hundred_a_new_password_opens_every_device_and_the_count_begins_anew(client):
    member = make_account(citizen_id=(citizen_id := make_citizen_id()))
    for _ in range(WRONG_PASSWORDS.tries):
        assert accounts.count_proof(member.pk, "password")
    elsewhere = client.__class__(REMOTE_ADDR="198.51.100.7")
    assert sign_in(elsewhere, member).status_code == 422

    ask(client, member, citizen_id=citizen_id)
    client.post(CODE, {"code": issue_code(member=member, by=make_user()), "password": "อีกรหัสหนึ่งที่ยาว"})

    assert sign_in(elsewhere, member).status_code == 422, "the old one stays shut"
    assert sign_in(elsewhere, member, password="อีกรหัสหนึ่งที่ยาว").status_code == 302
    for _ in range(WRONG_PASSWORDS.tries):
        accounts.count_proof(member.pk, "password")
    assert sign_in(elsewhere, member, password="อีกรหัสหนึ่งที่ยาว").status_code == 422, "guesses at it end too"


def test_it_goes_on_where_it_was_asked_for_and_nowhere_else(client):
    member = make_account()

    assert sign_in(client, member, next="/tickets/")["Location"] == "/tickets/"
    assert sign_in(client, member, next="https://evil.example/")["Location"] == ENTRY


def test_a_session_ends_after_thirty_days_without_a_visit(client):
    sign_in(client, make_account())
    with time_machine.travel(timezone.now() + dt.timedelta(days=29)):
        assert client.get(ENTRY).context.get("member")
    with time_machine.travel(timezone.now() + dt.timedelta(days=58)):
        assert client.get(ENTRY).context.get("member")
    with time_machine.travel(timezone.now() + dt.timedelta(days=89)):
        assert not client.get(ENTRY).context.get("member")
        jobs.forget_sessions()
        assert not MemberSession.objects.exists()


# --- a new password ---


@pytest.mark.parametrize("way", [FIRST, FORGOT])
def test_both_numbers_and_then_a_code_by_e_mail(client, way):
    member = make_member(citizen_id=(citizen_id := make_citizen_id()), email="somsri@example.org", is_registered=False)

    assert ask(client, member, citizen_id=citizen_id, way=way)["Location"] == CODE
    run_jobs()
    answer = client.post(CODE, {"code": code_sent(), "password": SECRET})

    assert answer["Location"] == f"{ENTRY}?done=set"
    assert client.get(ENTRY).context["member"] == member
    member.refresh_from_db()
    assert member.is_registered  # and may book from now on
    run_jobs()
    assert "ตั้งรหัสผ่านบัตรคิวออนไลน์ใหม่แล้ว" in mail.outbox[-1].body


def test_a_code_by_line_where_it_is_linked(client, server):
    member = make_member(citizen_id=(citizen_id := make_citizen_id()))
    user = fake_line.user_id(100001)
    LineAccount.objects.create(member=member, user_id=user, linked_at=timezone.now(), proved_by="code")

    ask(client, member, citizen_id=citizen_id)
    run_jobs()

    [message] = [sent for sent in server.pushes if sent["to"] == user]
    code = next(word for word in message["messages"][0]["text"].split() if word.isdecimal() and len(word) == 8)
    assert client.post(CODE, {"code": code, "password": SECRET}).status_code == 302


def test_a_clerks_code_for_who_can_not_be_reached(client):
    member = make_member(citizen_id=(citizen_id := make_citizen_id()))

    ask(client, member, citizen_id=citizen_id)
    run_jobs()
    assert mail.outbox == []
    code = issue_code(member=member, by=make_user())

    assert client.post(CODE, {"code": code, "password": SECRET}).status_code == 302


def test_who_asks_for_a_code_does_not_end_the_clerks(client):
    member = make_member(citizen_id=(citizen_id := make_citizen_id()), email="somsri@example.org")
    code = issue_code(member=member, by=make_user())

    ask(client, member, citizen_id=citizen_id)
    run_jobs()

    assert client.post(CODE, {"code": code, "password": SECRET}).status_code == 302


def test_the_two_numbers_alone_set_nothing(client):
    member = make_account(citizen_id=(citizen_id := make_citizen_id()))

    ask(client, member, citizen_id=citizen_id)
    for code in ("", "00000000", citizen_id, member.member_number):
        answer = client.post(CODE, {"code": code, "password": "ของผู้อื่นทั้งหมด 1"})
        assert answer.status_code == 422

    assert sign_in(client.__class__(), member).status_code == 302


def test_a_page_tells_nobody_whether_the_numbers_are_right(client):
    member = make_member(citizen_id=(right := make_citizen_id()), email="somsri@example.org", given_name="สมศรี2569")
    pages = []
    for citizen_id in (right, make_citizen_id()):
        device = client.__class__()
        answer = ask(device, member, citizen_id=citizen_id)
        page = device.get(CODE)
        refused = [
            device.post(CODE, {"code": code, "password": password})
            for code, password in (("12345678", SECRET), ("", SECRET), ("12345678", "สมศรี2569"), ("12345678", "1234"))
        ]
        pages.append([answer.status_code, answer["Location"], text(page)])
        pages[-1] += [(page.status_code, text(page)) for page in refused]
        held = device.cookies["member_claim"].value
        assert len(held) == len(client.cookies.get("member_claim", device.cookies["member_claim"]).value)

    assert pages[0] == pages[1]
    assert OrmQ.objects.count() == 2  # the worker has as much to do


def test_after_ten_wrong_codes_a_day_none_that_is_sent_counts_but_a_clerks_does(client, settings):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "100/900", "device": "100/900"}
    member = make_member(citizen_id=(citizen_id := make_citizen_id()))
    ask(client, member, citizen_id=citizen_id)
    for _ in range(10):
        client.post(CODE, {"code": "12345678", "password": SECRET})

    sent, of_a_clerk = (issue_code(member=member, by=by) for by in (None, make_user()))
    assert client.post(CODE, {"code": sent, "password": SECRET}).status_code == 422
    assert client.post(CODE, {"code": of_a_clerk, "password": "1234"}).status_code == 422, "too weak: not used up"
    assert client.post(CODE, {"code": of_a_clerk, "password": SECRET}).status_code == 302


def test_three_codes_an_hour_are_sent(client):
    member = make_member(citizen_id=(citizen_id := make_citizen_id()), email="somsri@example.org")
    for _ in range(5):
        ask(client, member, citizen_id=citizen_id)
        run_jobs()

    assert len(mail.outbox) == accounts.CODES_AN_HOUR
    assert LinkingCode.objects.count() == accounts.CODES_AN_HOUR


@pytest.mark.parametrize(
    ("password", "why"), [("สั้น1", "8"), ("12345678", "ตัวเลข"), ("password", "เดาง่าย"), ("สมศรี2569", "คล้าย")]
)
def test_a_password_that_is_easily_guessed_is_refused_before_the_code_is_used_up(client, password, why):
    member = make_member(citizen_id=(citizen_id := make_citizen_id()), given_name="สมศรี2569")
    ask(client, member, citizen_id=citizen_id)
    code = issue_code(member=member, by=make_user())

    answer = client.post(CODE, {"code": code, "password": password})
    assert answer.status_code == 422
    assert why in text(answer)
    assert f'value="{code}"' in answer.content.decode()
    assert client.post(CODE, {"code": code, "password": SECRET}).status_code == 302


def test_a_new_password_signs_every_other_device_out(client):
    member = make_account(citizen_id=(citizen_id := make_citizen_id()))
    other = client.__class__()
    sign_in(other, member)

    ask(client, member, citizen_id=citizen_id)
    client.post(CODE, {"code": issue_code(member=member, by=make_user()), "password": "อีกรหัสหนึ่งที่ยาว"})

    assert not other.get(ENTRY).context.get("member")
    assert client.get(ENTRY).context["member"] == member
    assert sign_in(other, member).status_code == 422


def test_the_page_of_the_code_is_for_who_asked(client):
    assert client.get(CODE)["Location"] == FORGOT
    assert client.post(CODE, {"code": "12345678", "password": SECRET})["Location"] == FORGOT


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"member_number": "x", "citizen_id": make_citizen_id(1)}, "เลขทะเบียน"),
        ({"member_number": "5001", "citizen_id": "123"}, "เลขประจำตัวประชาชน"),
        ({}, "เลขทะเบียน"),
    ],
)
def test_numbers_that_are_none_are_told_and_kept(client, typed, said):
    answer = client.post(FORGOT, typed)

    assert answer.status_code == 422
    assert said in text(answer)
    assert all(f'value="{value}"' in answer.content.decode() for value in typed.values())


# --- signed in ---


def test_their_tickets_on_any_device_whoever_booked_them(client):
    member = make_account()
    ticket = make_ticket(member=member, by=make_user())
    sign_in(client, member)

    assert ticket.code in text(client.get(ENTRY))
    assert ticket.code in text(client.get(reverse("tickets")))
    page = client.get(reverse("ticket", args=[ticket.public_id]))
    assert member.full_name in text(page)
    client.post(reverse("ticket_cancel", args=[ticket.public_id]), {"answer": "yes"})
    assert Ticket.objects.get(pk=ticket.pk).state == "cancelled"


def test_not_those_of_another(client):
    sign_in(client, make_account())
    ticket = make_ticket()

    assert ticket.code not in text(client.get(reverse("tickets")))
    assert client.get(reverse("ticket", args=[ticket.public_id])).status_code == 404


def test_they_book_without_typing_a_number(client):
    department = make_open_department()
    member = make_account()
    sign_in(client, member)

    answer = client.get(reverse("identify", args=[department.slug]))
    assert answer["Location"] == reverse("days", args=[department.slug])
    page = client.get(reverse("times", args=[department.slug, in_days(1)]))
    assert member.full_name in text(page)


def test_who_has_booked_before_is_led_to_sign_in_and_sees_the_ticket(client):
    department = make_open_department()
    member = make_account()
    first = book(client.__class__(), department, member=member)
    stranger = client.__class__()
    confirm_name(stranger, department, member=member)
    page = stranger.get(f"{reverse('days', args=[department.slug])}?why=already_booked")

    assert f'href="{ENTRY}"' in page.content.decode()
    assert first.code not in text(page)
    sign_in(stranger, member)
    assert first.code in text(stranger.get(ENTRY))


def test_telephone_and_e_mail_are_changed_and_the_old_address_is_told(client):
    member = make_account(phone="0812345678", email="old@example.org")
    sign_in(client, member)

    answer = client.post(CONTACT, {"phone": "081-999 8888", "email": "new@example.org"})

    assert answer["Location"] == f"{ENTRY}?done=contact_email"
    member.refresh_from_db()
    assert (member.phone, member.email) == ("0819998888", "new@example.org")
    assert all("example.org" not in str(SignedPackage.loads(row.payload)) for row in OrmQ.objects.all())
    run_jobs()
    assert mail.outbox[-1].to == ["old@example.org"]
    assert member.history.first().history_change_reason == "สมาชิกแก้ไขเอง"


@pytest.mark.parametrize("by_line", [True, False])
@pytest.mark.parametrize("email", ["old@example.org", ""])
def test_the_page_says_who_is_told_and_they_are(client, server, email, by_line):
    member = make_account(phone="0812345678", email=email)
    if by_line:
        link_line(member)
    sign_in(client, member)

    page = text(client.post(CONTACT, {"phone": "0812345678", "email": "new@example.org"}, follow=True))
    mail.outbox.clear()
    run_jobs()

    assert ("แจ้งไปที่อีเมลเดิม" in page) == bool(email) == bool(mail.outbox)
    assert ("แจ้งทาง LINE" in page) == by_line == bool(server.pushes)
    assert ("ไม่มีอีเมลเดิมหรือ LINE" in page) == (not email and not by_line)


def test_nothing_is_told_where_nothing_changed(client):
    member = make_account(phone="0812345678")
    sign_in(client, member)

    assert client.post(CONTACT, {"phone": "081 234 5678", "email": ""})["Location"] == f"{ENTRY}?done=same"
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize("language", ["th", "en"])
def test_what_is_told_is_thai_and_english_too_where_the_page_was(client, server, language):
    """Thai always: whoever set a password in English may be a stranger, and the member has to understand it."""
    member = make_account(citizen_id=(citizen_id := make_citizen_id()), email="somsri@example.org")
    client.cookies["django_language"] = language

    ask(client, member, citizen_id=citizen_id)
    run_jobs()
    client.post(CODE, {"code": code_sent(), "password": "อีกรหัสหนึ่งที่ยาว"})
    run_jobs()
    client.post(CONTACT, {"phone": "0812345678", "email": "new@example.org"})
    run_jobs()
    link_line(member)
    client.post(CONTACT, {"phone": "0899999999", "email": "new@example.org"})
    run_jobs()
    accounts.tell_of_passkey(member.pk, str(uuid.uuid4()), language)

    letters = [f"{letter.subject} {letter.body}" for letter in mail.outbox]
    pushed = [push["messages"][0]["text"] for push in server.pushes]
    thai = ["รหัสตั้งรหัสผ่าน", "ตั้งรหัสผ่านใหม่แล้ว", "เปลี่ยนโทรศัพท์หรืออีเมลแล้ว", "เปลี่ยนโทรศัพท์หรืออีเมลแล้ว"]
    english = ["Code for a new password", "set anew", "has been changed", "has been changed"]
    assert [word in said for word, said in zip(thai, letters, strict=True)] == [True] * 4
    assert [bool(re.search(word, said, re.I)) for word, said in zip(english, letters, strict=True)] == [
        language == "en"
    ] * 4
    assert [("not you" in said, "หากท่านไม่ได้ทำ" in said) for said in pushed] == [(language == "en", True)] * 2


@pytest.mark.parametrize(("phone", "email"), [("12", ""), ("", "nobody"), ("x\0", "a@b"), ("0" * 300, "")])
def test_a_contact_that_is_none_is_told_and_kept(client, phone, email):
    sign_in(client, make_account())

    answer = client.post(CONTACT, {"phone": phone, "email": email})

    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def test_another_password_by_who_knows_the_one_of_now(client):
    member = make_account()
    other = client.__class__()
    sign_in(client, member)
    sign_in(other, member)

    assert client.post(PASSWORD, {"old": "ไม่ใช่รหัสนี้", "password": "อีกรหัสหนึ่งที่ยาว"}).status_code == 422
    assert client.post(PASSWORD, {"old": SECRET, "password": "12345678"}).status_code == 422
    assert client.post(PASSWORD, {"old": SECRET, "password": "อีกรหัสหนึ่งที่ยาว"}).status_code == 302

    assert client.get(ENTRY).context["member"] == member
    assert not other.get(ENTRY).context.get("member")


def test_signing_out_here_there_and_everywhere(client):
    member = make_account()
    devices = [client.__class__(headers={"user-agent": agent}) for agent in ("iPhone Line/13", "Windows", "Android")]
    for device in devices:
        sign_in(device, member)
    here, there, third = devices
    page = here.get(ENTRY)
    assert [one.device for one in page.context["sessions"]] == ["Android", "Windows", "iPhone ใน LINE"]
    other = MemberSession.objects.get(device="Windows")

    here.post(LEAVE, {"device": other.pk})
    assert [bool(device.get(ENTRY).context.get("member")) for device in devices] == [True, False, True]
    here.post(LEAVE, {"all": "yes"})
    assert [bool(device.get(ENTRY).context.get("member")) for device in devices] == [False, False, False]
    assert here.cookies["member"].value == ""


def link_line(member) -> LineAccount:
    return LineAccount.objects.create(
        member=member, user_id=fake_line.user_id(100001), linked_at=timezone.now(), proved_by="code"
    )


def sign_in_by_line(client, account) -> None:
    answer = HttpResponse()
    visitor.remember_line(answer, account)
    client.cookies.update(answer.cookies)


def is_in(client) -> bool:
    return client.get(reverse("held")).status_code == 200


@pytest.mark.parametrize("how", ["everywhere", "forgotten", "another password"])
def test_a_lost_telephone_is_signed_out_of_line_too(client, how):
    member = make_account(citizen_id=(citizen_id := make_citizen_id()))
    account, lost = link_line(member), client.__class__()
    sign_in_by_line(lost, account)
    assert is_in(lost)
    sign_in(client, member)

    if how == "everywhere":
        assert 'name="all"' in client.get(ENTRY).content.decode()
        assert client.post(LEAVE, {"all": "yes"})["Location"] == f"{ENTRY}?done=left_all"
    elif how == "forgotten":
        ask(client, member, citizen_id=citizen_id)
        client.post(CODE, {"code": issue_code(member=member, by=make_user()), "password": "อีกรหัสหนึ่งที่ยาว"})
    else:
        client.post(PASSWORD, {"old": SECRET, "password": "อีกรหัสหนึ่งที่ยาว"})

    assert not is_in(lost)
    assert is_in(client) == (how != "everywhere")
    sign_in_by_line(lost, LineAccount.objects.get())
    assert is_in(lost)


def test_line_alone_opens_the_same_pages(client, server):
    member = make_account(given_name="สมศรี", phone="0812345678", email="old@example.org")
    device = client.__class__()
    sign_in(client, member)
    sign_in_by_line(device, link_line(member))

    page = device.get(ENTRY)
    assert member.full_name in text(page) and "LINE (เครื่องนี้)" in text(page)
    assert f'href="{PASSWORD}"' not in page.content.decode()
    assert f'href="{FORGOT}"' in page.content.decode()
    answer = device.post(CONTACT, {"phone": "0819998888", "email": "new@example.org"})
    assert answer["Location"] == f"{ENTRY}?done=contact_email_line"
    member.refresh_from_db()
    assert member.email == "new@example.org"
    assert device.post(PASSWORD, {"old": SECRET, "password": "อีกรหัสหนึ่งที่ยาว"})["Location"] == ENTRY

    assert device.post(LEAVE)["Clear-Site-Data"] == '"cache", "storage"'
    assert (is_in(device), is_in(client)) == (False, True)
    sign_in_by_line(device, LineAccount.objects.get())
    device.post(LEAVE, {"device": member.sessions.get().pk})
    assert (is_in(device), is_in(client)) == (True, False)
    sign_in(client, member)
    device.post(LEAVE, {"all": "yes"})
    assert (is_in(device), is_in(client)) == (False, False)


def test_a_link_that_nothing_proved_opens_none_of_them(client):
    account = LineAccount.objects.create(member=make_member(), user_id="U1", linked_at=timezone.now())
    sign_in_by_line(client, account)

    assert client.get(ENTRY).context.get("member") is None
    assert client.get(CONTACT)["Location"] == ENTRY


def test_signing_out_one_device_leaves_the_others_in_by_line(client):
    member = make_account()
    account, other = link_line(member), client.__class__()
    sign_in_by_line(other, account)
    sign_in(client, member)

    client.post(LEAVE)

    assert is_in(other)


def test_a_device_that_line_signed_in_before_there_was_a_count_stays_in(client):
    account = link_line(make_member())
    kept = {"account": account.pk, "linked_at": account.linked_at.isoformat()}
    client.cookies["line"] = signing.dumps(kept, salt="visitor.line")
    assert is_in(client)
    accounts.end(member=account.member)
    assert not is_in(client)


@pytest.mark.parametrize("page", [LEAVE, reverse("line_leave")])
def test_either_sign_out_leaves_nobody_signed_in_here(client, page):
    member = make_account()
    sign_in(client, member)
    sign_in_by_line(client, link_line(member))

    client.post(page)

    assert not is_in(client)
    assert not MemberSession.objects.exists()
    assert client.cookies["line"].value == client.cookies["member"].value == ""


def test_merging_brings_no_signed_out_telephone_back(client):
    kept, dropped = make_member(member_number="4501"), make_member(member_number="004501")
    sign_in_by_line(client, link_line(dropped))
    accounts.end(member=dropped)

    merge_members(kept=kept, dropped=dropped, by=make_user())

    assert LineAccount.objects.get().member == kept
    assert not is_in(client)


def test_nobody_signs_another_member_out(client):
    victim = make_account()
    sign_in(client.__class__(), victim)
    sign_in(client, make_account())

    client.post(LEAVE, {"device": victim.sessions.get().pk})

    assert victim.sessions.count() == 1


@pytest.mark.parametrize("address", [CONTACT, PASSWORD, LEAVE])
def test_who_is_not_signed_in_is_led_there(client, address):
    assert client.post(address)["Location"] == ENTRY
    assert client.get(LEAVE).status_code == 405


# --- where it is ---


@pytest.mark.parametrize("why", ["elsewhere", "off", "directory"])
def test_it_is_not_there_where_the_office_has_an_i_member(client, settings, why):
    member = make_account()
    sign_in(client, member)
    if why == "elsewhere":
        settings.IMEMBER_LOGIN_URL = "https://imember.example.org/"
    elif why == "off":
        settings.OWN_IMEMBER = False
    else:
        settings.MEMBER_DIRECTORY = "http"

    for address in (ENTRY, FIRST, FORGOT, CODE, CONTACT, PASSWORD):
        assert client.get(address).status_code == 404, address
    assert f'href="{ENTRY}"' not in client.get(reverse("home")).content.decode()
    assert member.full_name not in text(client.get(reverse("tickets")))


def test_the_status_check_leads_there(client):
    page = client.post(reverse("status"), {"by": "member_number", "member_number": "999999"}).content.decode()

    for address in (ENTRY, FIRST, FORGOT):
        assert f'href="{address}"' in page


def test_no_account_is_kept_of_who_is_deleted():
    member = make_account()
    member.delete()

    assert not MemberAccount.objects.exists()


# --- a job that is tried again ---


def kept_jobs() -> list:
    """The jobs on the list, as the worker would call them, and would again."""
    tasks = [SignedPackage.loads(row.payload) for row in OrmQ.objects.all()]
    OrmQ.objects.all().delete()
    return [partial(getattr(accounts, task["func"].rpartition(".")[2]), *task["args"]) for task in tasks]


def by_line(member) -> str:
    user = fake_line.user_id(100001)
    LineAccount.objects.create(member=member, user_id=user, linked_at=timezone.now(), proved_by="code")
    return user


def test_a_code_tried_again_is_the_same_code_under_the_same_key(client, server):
    """LINE took it and its answer was lost: the code that the member reads must be the one that counts."""
    member = make_member(citizen_id=(citizen_id := make_citizen_id()))
    user = by_line(member)
    ask(client, member, citizen_id=citizen_id)
    [job] = kept_jobs()
    server.drop()
    with pytest.raises(LineFault):
        job()
    server.heal()

    job()
    job()

    keys = {push["retry_key"] for push in server.pushes}
    texts = {push["messages"][0]["text"] for push in server.pushes if push["to"] == user}
    assert (len(keys), len(texts)) == (1, 1)
    assert LinkingCode.objects.count() == 1
    code = next(word for word in texts.pop().split() if word.isdecimal() and len(word) == 8)
    assert client.post(CODE, {"code": code, "password": SECRET}).status_code == 302


def test_who_asks_again_gets_another_code(client):
    member = make_member(citizen_id=(citizen_id := make_citizen_id()), email="somsri@example.org")
    for _ in range(2):
        ask(client, member, citizen_id=citizen_id)
    for job in kept_jobs():
        job()
    first, second = (
        next(word for word in sent.body.split() if word.isdecimal() and len(word) == 8) for sent in mail.outbox
    )
    assert first != second


def test_the_old_address_is_told_once_of_a_change_however_often_line_is_tried(client, server, settings):
    settings.EMAIL_HOST = "mail.example.org"
    member = make_member(email="old@example.org")
    by_line(member)
    accounts.change_contact(member=member, phone=member.phone, email="new@example.org")
    by_mail, line_job = kept_jobs()
    by_mail()
    for _ in range(2):
        server.fail(500)
        with pytest.raises(LineFault):
            line_job()
    line_job()
    line_job()

    assert [sent.to for sent in mail.outbox] == [["old@example.org"]]
    assert len({push["retry_key"] for push in server.pushes}) == 1
