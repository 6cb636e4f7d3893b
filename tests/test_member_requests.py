"""What a member asks of the office about their data: asked once, seen, withdrawn, carried out or refused, and gone with
the member."""

import datetime as dt

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from booking import retention, roles, verbs
from booking.admin.dashboard import sidebar
from booking.models import StaffLine
from booking.verbs.merging import merge_members
from members import accounts, requests
from members.errors import AlreadyAsked, RequestIsOver, WordsNeeded
from members.models import ErasedMember, LineAccount, LineFollow, Member, MemberRequest
from tests.factories import make_citizen_id, make_member, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db

HELD, CORRECTION, ERASURE = reverse("held"), reverse("ask_correction"), reverse("ask_erasure")
WITHDRAW = reverse("withdraw_request")
LIST = reverse("admin:members_memberrequest_changelist")
WORDS = {"wrong": "โทรศัพท์ 0812345678", "right": "โทรศัพท์ 0899999999"}
SECRET = "ดอกไม้ริมรั้วบ้าน"


@pytest.fixture(autouse=True)
def ours(settings):
    settings.IMEMBER_LOGIN_URL = ""


def signed_in(client, member=None):
    member = member or make_member(given_name="สมใจ")
    accounts._set(member, SECRET)
    client.post(reverse("member"), {"member_number": member.member_number, "password": SECRET})
    return member


def page_of(one) -> str:
    return reverse("admin:members_memberrequest_change", args=[one.pk])


# --- the member ---


def test_a_correction_is_asked_seen_and_withdrawn(client):
    member = signed_in(client)

    answer = client.post(CORRECTION, WORDS)

    assert answer["Location"] == f"{HELD}?done=asked"
    one = member.requests.get()
    page = text(client.get(answer["Location"]))
    for told in ("รับคำขอแล้ว", WORDS["wrong"], WORDS["right"], "รอสหกรณ์ดำเนินการ", "สหกรณ์จะตอบภายใน พ. 23 ธ.ค."):
        assert told in page
    assert f'href="{CORRECTION}"' not in client.get(HELD).content.decode()
    assert client.get(reverse("held_file")).json()["requests"][0]["right"] == WORDS["right"]

    client.post(WITHDRAW, {"request": one.pk})
    one.refresh_from_db()
    assert (one.state, one.ended_by) == ("withdrawn", None)
    assert f'href="{CORRECTION}"' in client.get(HELD).content.decode()
    assert client.post(WITHDRAW, {"request": one.pk})["Location"] == f"{HELD}?done=over"


def test_one_of_a_kind_is_open_at_a_time(client):
    member = signed_in(client)
    client.post(ERASURE)
    client.post(CORRECTION, WORDS)

    answer = client.post(ERASURE)

    assert answer.status_code == 422
    assert "ท่านขอเรื่องนี้ไว้แล้ว" in text(answer)
    again = client.post(CORRECTION, WORDS)
    assert WORDS["wrong"] in again.content.decode()
    assert member.requests.count() == 2
    with pytest.raises(AlreadyAsked):
        requests.ask(member=member, kind="erasure")


@pytest.mark.parametrize("missing", ["wrong", "right"])
def test_a_correction_says_both_and_loses_nothing_typed(client, missing):
    member = signed_in(client)

    answer = client.post(CORRECTION, WORDS | {missing: "  "})

    assert answer.status_code == 422
    assert "กรุณากรอกทั้งสองช่อง" in text(answer)
    assert all(value in answer.content.decode() for name, value in WORDS.items() if name != missing)
    assert not member.requests.exists()
    with pytest.raises(WordsNeeded):
        requests.ask(member=member, kind="correction", **WORDS | {missing: ""})


def test_a_citizen_id_is_not_kept_of_it(client):
    member, number = signed_in(client), make_citizen_id(9)

    client.post(CORRECTION, {"wrong": f"เลข {number}", "right": "x"})

    assert number not in member.requests.get().wrong


def test_nobody_withdraws_or_sees_anothers(client, manager):
    other = make_member()
    one = requests.ask(member=other, kind="correction", **WORDS)
    signed_in(client)

    client.post(WITHDRAW, {"request": one.pk})

    one.refresh_from_db()
    assert one.is_open
    assert WORDS["right"] not in text(client.get(HELD))
    with pytest.raises(RequestIsOver):
        requests.withdraw(member=make_member(), request_id=one.pk)


@pytest.mark.parametrize("address", [CORRECTION, ERASURE, WITHDRAW])
def test_a_stranger_is_led_away(client, address):
    assert client.post(address)["Location"] == reverse("privacy")
    assert not MemberRequest.objects.exists()


def test_withdrawing_is_no_link(client):
    signed_in(client)
    assert client.get(WITHDRAW).status_code == 405


# --- the office ---


def test_staff_see_how_long_is_left(client, manager):
    one = requests.ask(member=make_member(given_name="สมใจ"), kind="correction", **WORDS)
    with time_machine.travel(timezone.now() + dt.timedelta(days=9), tick=False):
        client.force_login(manager)
        page = text(client.get(LIST))
        assert "21 วัน" in page
        assert "สมใจ" not in page
        assert "สมาชิกขอแก้ไขหรือลบข้อมูล 1 เรื่อง" in text(client.get(reverse("admin:index")))
    with time_machine.travel(timezone.now() + dt.timedelta(days=32), tick=False):
        client.force_login(manager)
        assert "เกินกำหนด 2 วัน" in text(client.get(page_of(one)))


def test_the_sidebar_counts_the_open_ones(rf, manager):
    one = requests.ask(member=make_member(), kind="erasure")
    requests.ask(member=make_member(), kind="correction", **WORDS)
    request = rf.get("/admin/")
    request.user = manager

    def badge():
        items = [item for part in sidebar(request) for item in part["items"]]
        return next(item["badge"] for item in items if item["link"] == LIST)

    assert badge() == 2
    requests.withdraw(member=one.member, request_id=one.pk)
    assert badge() == 1


def test_a_correction_carried_out_is_seen_by_the_member_and_written_down(client, manager):
    member = make_member()
    one = requests.ask(member=member, kind="correction", **WORDS)
    assert WORDS["right"] in text(client.get(page_of(one)))

    client.post(page_of(one), {"do": "done", "answer": "แก้ให้แล้ว"})

    one.refresh_from_db()
    assert (one.state, one.ended_by, one.answer) == ("done", manager, "แก้ให้แล้ว")
    [entry] = LogEntry.objects.filter(object_id=str(one.pk), user=manager)
    assert member.member_number not in entry.object_repr
    client.logout()
    signed_in(client, member)
    assert "แก้ให้แล้ว" in text(client.get(HELD))


def test_the_member_is_told_that_there_is_an_answer_and_not_what(settings, client, manager):
    settings.EMAIL_HOST = "mail.example.org"
    one = requests.ask(member=make_member(email="one@example.org"), kind="correction", **WORDS)
    client.post(page_of(one), {"do": "refuse", "answer": "ตรงกับทะเบียนแล้ว"})

    [row] = OrmQ.objects.all()
    task = SignedPackage.loads(row.payload)
    assert task["func"] == "members.requests.tell"
    requests.tell(*task["args"])

    [letter] = mail.outbox
    assert letter.to == ["one@example.org"]
    assert "ตอบคำขอ" in letter.body
    assert "ตรงกับทะเบียนแล้ว" not in letter.body
    requests.tell(0, "gone meanwhile")


def test_refusing_takes_a_reason(client, manager):
    one = requests.ask(member=make_member(), kind="erasure")

    page = client.post(page_of(one), {"do": "refuse", "answer": ""})

    assert "กรุณาบอกเหตุผลที่ไม่รับคำขอ" in text(page)
    one.refresh_from_db()
    assert one.is_open
    client.post(page_of(one), {"do": "refuse", "answer": "กฎหมายให้เก็บไว้"})
    one.refresh_from_db()
    assert (one.state, one.answer) == ("refused", "กฎหมายให้เก็บไว้")


def test_what_is_over_is_not_answered_again(client, manager):
    one = requests.ask(member=make_member(), kind="correction", **WORDS)
    requests.withdraw(member=one.member, request_id=one.pk)

    client.post(page_of(one), {"do": "done", "answer": "x"})

    one.refresh_from_db()
    assert (one.state, one.answer) == ("withdrawn", "")
    assert not LogEntry.objects.filter(object_id=str(one.pk)).exists()


def test_an_erasure_is_not_done_by_saying_so(client, manager):
    one = requests.ask(member=make_member(), kind="erasure")

    assert reverse("admin:members_member_erase", args=[one.member.pk]) in client.get(page_of(one)).content.decode()
    client.post(page_of(one), {"do": "done"})

    one.refresh_from_db()
    assert one.is_open


def test_erasing_forgets_that_their_line_account_follows_but_for_one_of_staff(manager):
    for nth, by in ((1, None), (2, manager)):
        member, user_id = make_member(), f"U{nth}"
        LineAccount.objects.create(member=member, user_id=user_id, linked_at=timezone.now())
        LineFollow.objects.create(user_id=user_id, follows=True, at=timezone.now())
        if by:
            StaffLine.objects.create(user=by, line_user_id=user_id, linked_at=timezone.now())
        verbs.erase_member(member=member, by=manager)

    assert [one.user_id for one in LineFollow.objects.all()] == ["U2"]


def test_erasing_ends_all_requests_and_keeps_when_it_was_asked(client, manager):
    member = make_member()
    asked = requests.ask(member=member, kind="erasure").asked_at
    requests.ask(member=member, kind="correction", **WORDS)

    verbs.erase_member(member=member, by=manager)

    assert not MemberRequest.objects.exists()
    assert ErasedMember.objects.get().asked_at == asked


def test_where_members_are_elsewhere_it_says_so(client, manager, settings):
    one = requests.ask(member=make_member(), kind="correction", **WORDS)
    settings.MEMBER_DIRECTORY = "http"

    assert "ให้แก้ที่นั่น" in text(client.get(page_of(one)))


def test_an_auditor_reads_without_names_and_answers_nothing(client):
    one = requests.ask(member=make_member(given_name="สมใจ"), kind="correction", **WORDS)
    client.force_login(make_user(group=roles.AUDITOR))

    page = text(client.get(page_of(one)))

    assert "สมใจ" not in page
    assert WORDS["right"] not in page
    assert client.post(page_of(one), {"do": "refuse", "answer": "x"}).status_code == 403
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(page_of(one)).status_code == 403
    assert client.get(reverse("admin:members_memberrequest_change", args=["0"])).status_code == 403


def test_merging_takes_the_requests_along(manager):
    kept, dropped = make_member(member_number="004700"), make_member(member_number="4700")
    requests.ask(member=kept, kind="correction", wrong="a", right="b")
    requests.ask(member=dropped, kind="correction", wrong="c", right="d")
    requests.ask(member=dropped, kind="erasure")

    merge_members(kept=kept, dropped=dropped, by=manager)

    found = {(one.kind, one.wrong, one.right) for one in MemberRequest.objects.filter(member=kept)}
    assert found == {("correction", "a\nc", "b\nd"), ("erasure", "", "")}
    assert not Member.objects.filter(pk=dropped.pk).exists()


def test_what_is_over_is_kept_as_long_as_changes(settings):
    settings.KEEP_HISTORY_DAYS = 100
    old, late, still = (requests.ask(member=make_member(), kind="erasure") for _ in range(3))
    for one, days in ((old, 101), (late, 99)):
        requests.withdraw(member=one.member, request_id=one.pk)
        MemberRequest.objects.filter(pk=one.pk).update(ended_at=timezone.now() - dt.timedelta(days=days))
    MemberRequest.objects.filter(pk=still.pk).update(asked_at=timezone.now() - dt.timedelta(days=500))

    assert "คำขอ 1 " in retention.forget_old()

    assert set(MemberRequest.objects.all()) == {late, still}
