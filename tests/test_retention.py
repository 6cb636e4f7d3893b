"""What is deleted once it has been kept for as long as the office says, and what stays."""

import datetime as dt

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone
from django_q.models import Task

from booking import jobs, retention
from booking.models import JobRun, Notice, ProofAsked, StaffLine, WaitingEntry
from booking.models.notices import Kind
from members import directory, line, line_accounts, throttle
from members.directory import comparing
from members.models import (
    LineAccount,
    LineEvent,
    LineFollow,
    LinkingCode,
    LookupCount,
    LookupLog,
    Member,
    MemberFile,
    MemberSession,
    UsedChallenge,
)
from tests.factories import make_member, make_ticket, make_user

pytestmark = pytest.mark.django_db


def days_ago(days: int) -> dt.datetime:
    return timezone.now() - dt.timedelta(days=days)


def logged_in(days: int) -> None:
    for model, more in ((AccessLog, {}), (AccessAttempt, {"failures_since_start": 1})):
        one = model.objects.create(username=f"clerk{days}", ip_address="192.0.2.1", **more)
        model.objects.filter(pk=one.pk).update(attempt_time=days_ago(days))


def changed(member: Member, days: int) -> None:
    member.phone = f"08{days:08d}"
    member.save()
    Member.history.filter(pk=member.history.first().pk).update(history_date=days_ago(days))


def test_log_ins_are_kept_for_half_a_year():
    logged_in(181)
    logged_in(179)

    retention.forget_old()

    assert [one.username for one in AccessLog.objects.all()] == ["clerk179"]
    assert [one.username for one in AccessAttempt.objects.all()] == ["clerk179"]


def test_changes_of_members_are_kept_for_three_years_and_the_newest_as_long_as_the_member():
    member = make_member()
    Member.history.update(history_date=days_ago(2000))
    changed(member, 1500)
    changed(member, 1200)
    gone = make_member()
    changed(gone, 1100)
    gone_id = gone.pk
    gone.delete()
    Member.history.filter(id=gone_id).update(history_date=days_ago(1100))

    said = retention.forget_old()

    assert [one.phone for one in member.history.all()] == ["0800001200"]
    assert not Member.history.filter(id=gone_id).exists()
    assert "ประวัติสมาชิก 5" in said
    assert Member.objects.get(pk=member.pk).phone == "0800001200"


def test_a_change_of_late_stays_with_those_before_it_that_are_not_old():
    member = make_member()
    changed(member, 1000)
    changed(member, 10)
    Member.history.filter(history_type="+").update(history_date=days_ago(1001))

    retention.forget_old()

    assert member.history.count() == 3


def test_jobs_and_their_arguments_go_with_the_log_ins_and_are_counted():
    for name, days in (("old", 181), ("new", 179)):
        for success in (True, False):
            Task.objects.create(
                id=f"{name} {success}",
                name=name,
                func="x",
                args=(1,),
                started=days_ago(days),
                stopped=days_ago(days),
                success=success,
            )

    assert "งานเบื้องหลัง 2" in retention.forget_old()

    assert {one.name for one in Task.objects.all()} == {"new"}


def test_the_office_may_keep_it_for_less(settings):
    settings.KEEP_LOG_INS_DAYS = 90
    logged_in(100)

    retention.forget_old()

    assert not AccessLog.objects.exists()


def test_the_jobs_say_how_many():
    logged_in(200)
    ticket = make_ticket()
    type(ticket).objects.filter(pk=ticket.pk).update(date=days_ago(91).date())

    jobs.forget_old()
    jobs.unlink_members()

    assert "การเข้าสู่ระบบ 2" in JobRun.objects.get(name="forget_old").found
    assert JobRun.objects.get(name="unlink_members").found == "บัตรคิว 1 ใบ การรอคิวว่าง 0 ข้อความถึงผู้ดูแล 0"
    assert "การเข้าสู่ระบบ 0" in retention.forget_old()


# --- what members are told of it ---


def test_the_page_says_what_is_so(client, settings):
    settings.UNLINK_AFTER_DAYS, settings.KEEP_HISTORY_DAYS = 61, 777
    settings.BACKUP_DIR, settings.BACKUP_KEEP = "/somewhere", 9
    settings.KEEP_FILES_DAYS = 200
    page = client.get(reverse("privacy")).content.decode()
    assert "แถวที่ไม่ถูกต้องเก็บ 200 วัน ผลการเทียบกับไอเมมเบอร์ทุกคืนเก็บ 31 วัน" in page
    assert "ไม่ได้ใช้ 30 วันออกจากระบบ" in page
    for told in ("พ้นวันนัดแล้ว 61 วัน", "ประวัติการแก้ไขเก็บ 777 วัน", "เก็บ 9 ชุดล่าสุด", "โทร "):
        assert told in page
    assert "รหัสผู้ใช้ LINE" not in page


def test_the_page_says_how_long_look_ups_codes_and_waiting_are_kept(client, settings):
    settings.UNLINK_AFTER_DAYS, settings.KEEP_LOG_INS_DAYS, settings.KEEP_LOOKUP_COUNTS_DAYS = 61, 222, 36
    page = client.get(reverse("privacy")).content.decode()
    # Wrong proofs count for a day; a job deletes each hour.
    for told in ("ลบภายใน 25 ชั่วโมง", "หาไม่พบ", "เก็บ 36 วัน", "รหัสยืนยัน", "เก็บ 222 วัน", "พ้นวันที่รอแล้ว 61 วัน"):
        assert told in page
    assert "ไม่เกินหนึ่งวัน" not in page
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"device": "20/172800"}
    assert "ลบภายใน 49 ชั่วโมง" in client.get(reverse("privacy")).content.decode()


def test_the_page_says_what_is_kept_of_line_where_there_is_line(client, settings, monkeypatch):
    settings.KEEP_LINE_EVENTS_DAYS = 4
    monkeypatch.setattr(line_accounts, "REMEMBERED", dt.timedelta(days=31))
    monkeypatch.setattr(line, "is_on", lambda: True)
    page = client.get(reverse("privacy")).content.decode()
    for told in ("รหัสผู้ใช้ LINE จนกว่าท่านจะเลิกผูก", "จำอีก 31 วัน", "เก็บ 4 วัน"):
        assert told in page


def test_where_nothing_is_backed_up_it_says_nothing_of_that(client):
    assert "สำเนาสำรอง" not in client.get(reverse("privacy")).content.decode()


@pytest.mark.parametrize("name", ["home", "guide", "status"])
def test_every_page_leads_to_it(client, name):
    assert f'href="{reverse("privacy")}"' in client.get(reverse(name)).content.decode()


def test_what_came_of_a_file_is_kept_for_half_a_year_and_what_goes_on_for_as_long_as_it_takes():
    user = make_user()
    for state, days in (("done", 181), ("refused", 181), ("done", 179), ("importing", 181), ("reading", 181)):
        MemberFile.objects.create(
            name=f"{state}{days}", state=state, uploaded_by=user, uploaded_at=days_ago(days), row_count=1
        )

    assert "ไฟล์นำเข้า 2 " in retention.forget_old()

    assert {one.name for one in MemberFile.objects.all()} == {"done179", "importing181", "reading181"}


def test_comparisons_with_i_member_are_kept_for_a_month_wherever_members_come_from_by_now():
    user = make_user()
    for state, days, by in (
        ("done", 32, None),
        ("checked", 32, None),
        ("importing", 32, None),
        ("done", 30, None),
        ("done", 32, user),
    ):
        MemberFile.objects.create(
            name=f"{state}{days}{by or ''}", state=state, uploaded_by=by, uploaded_at=days_ago(days), row_count=1
        )

    assert "การเทียบกับไอเมมเบอร์ 2 " in retention.forget_old()

    assert {one.name for one in MemberFile.objects.all()} == {"importing32", "done30", f"done32{user}"}


def test_a_comparison_that_a_newer_one_overtook_is_deleted_and_counted(monkeypatch):
    for state, by in (("checked", None), ("done", None), ("checked", make_user()), ("checked", None)):
        last = MemberFile.objects.create(state=state, uploaded_by=by, uploaded_at=days_ago(1), row_count=1)
    monkeypatch.setattr(directory, "is_elsewhere", lambda: True)
    monkeypatch.setattr(comparing, "is_due", lambda: True)
    monkeypatch.setattr(comparing, "compare", lambda: last)
    with time_machine.travel(timezone.localtime().replace(hour=2)):
        jobs.compare_members()
        said = "ลบการเทียบก่อนหน้าที่ยังไม่มีผู้ยืนยัน 1"
        assert JobRun.objects.get(name="compare_members").found == said
        assert MemberFile.objects.count() == 3
        assert comparing.waiting() == last
        monkeypatch.setattr(comparing, "is_due", lambda: False)
        jobs.compare_members()
        assert JobRun.objects.get(name="compare_members").found == said, "until the next night"


def test_who_follows_is_forgotten_where_nobody_is_linked():
    LineAccount.objects.create(member=make_member(), user_id="member", linked_at=timezone.now())
    StaffLine.objects.create(user=make_user(), line_user_id="staff", linked_at=timezone.now())
    for user_id, days in (("member", 31), ("staff", 31), ("nobody", 31), ("of late", 29)):
        LineFollow.objects.create(user_id=user_id, follows=False, at=days_ago(days))

    assert "การติดตามบัญชี LINE 1 " in retention.forget_old()

    assert not LineFollow.objects.filter(user_id="nobody").exists()
    assert LineFollow.objects.count() == 3


def test_that_a_block_was_asked_for_a_proof_is_kept_for_a_week():
    for block, days in (("old", 8), ("new", 6)):
        ProofAsked.objects.create(block=block, since=days_ago(days), until=days_ago(days))

    assert "การขอหลักฐานก่อนจอง 1 " in retention.forget_old()

    assert ProofAsked.objects.get().block == "new"


def test_the_job_that_takes_names_off_tickets_counts_who_waited_and_what_carers_were_told():
    ticket, member = make_ticket(), make_member()
    day = days_ago(91).date()
    type(ticket).objects.filter(pk=ticket.pk).update(date=day)
    times = dict.fromkeys(["created_at", "next_try_at", "expires_at"], timezone.now())
    Notice.objects.create(ticket=ticket, kind=Kind.ISSUED, carer=member, **times)
    WaitingEntry.objects.create(department=ticket.department, member=member, date=day, joined_at=days_ago(92))

    jobs.unlink_members()

    assert JobRun.objects.get(name="unlink_members").found == "บัตรคิว 1 ใบ การรอคิวว่าง 1 ข้อความถึงผู้ดูแล 1"


def test_codes_go_with_the_log_ins():
    member = make_member()
    for days in (181, 179):
        LinkingCode.objects.create(member=member, code_hmac="x", expires_at=days_ago(days))

    assert "รหัสยืนยัน 1 " in retention.forget_old()
    assert LinkingCode.objects.count() == 1


def test_counts_of_look_ups_in_vain_are_kept_as_long_as_the_office_says(settings):
    settings.KEEP_LOOKUP_COUNTS_DAYS = 40
    for days in (41, 39):
        LookupCount.objects.create(scope=throttle.MISSED, key_hmac="x", ends_at=days_ago(days), count=1)

    jobs.purge_lookups()

    assert JobRun.objects.get(name="purge_lookups").found == "การค้นหาสมาชิก 1"
    assert LookupCount.objects.get().ends_at > days_ago(40)


def test_each_job_that_deletes_says_how_many():
    member = make_member()
    MemberSession.objects.create(member=member, token_hash="x", began_at=days_ago(40), seen_at=days_ago(40))
    Session.objects.create(session_key="x", session_data="", expire_date=days_ago(1))
    LookupLog.objects.create(scope="address", key_hmac="x", tried_at=[], ends_at=days_ago(1))
    LineEvent.objects.create(webhook_event_id="old", received_at=days_ago(8))
    LineEvent.objects.create(webhook_event_id="new", received_at=days_ago(6))
    UsedChallenge.objects.create(challenge_hash="x", ends_at=days_ago(1))
    waiting = MemberFile.objects.create(uploaded_by=make_user(), uploaded_at=days_ago(1), row_count=1)

    for job, said in (
        (jobs.forget_sessions, "เจ้าหน้าที่ 1 สมาชิก 1"),
        (jobs.purge_lookups, "การค้นหาสมาชิก 1"),
        (jobs.purge_line_events, "เหตุการณ์ LINE 1 การผูกที่สิ้นสุดแล้ว 0"),
        (jobs.forget_challenges, "คำถามพาสคีย์ 1"),
        (jobs.forget_imports, "ไฟล์ที่ไม่มีผู้ยืนยัน 1"),
    ):
        job()
        assert JobRun.objects.get(name=job.__name__).found == said

    assert [one.pk for one in LineEvent.objects.all()] == ["new"]
    assert not MemberFile.objects.filter(pk=waiting.pk).exists()
