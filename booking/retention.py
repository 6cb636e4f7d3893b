"""How long things are kept that no ticket needs: a job deletes them each day and says how many. What belongs to tickets
is unlinked by verbs.unlink_members(), what ends within hours by jobs of its own; docs/privacy.md lists all of it."""

import datetime as dt

from axes.models import AccessAttempt, AccessFailureLog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.models import Task

from booking.models import ProofAsked, StaffLine
from members import family, line_accounts
from members.directory import comparing
from members.models import Care, LineAccount, LineFollow, LinkingCode, MemberFile, MemberRequest
from office.settings import office

# For how long it is kept that a block of addresses was asked for a proof, after that has ended.
ASKED_KEPT = dt.timedelta(days=7)


def forget_old() -> str:
    """Delete what is older than the office keeps it. Returns what that was, in words; a second run finds nothing."""
    now = timezone.now()
    log_ins_end = now - dt.timedelta(days=office.keeps_log_ins_days)
    history_ends = now - dt.timedelta(days=office.keeps_history_days)
    files_end = now - dt.timedelta(days=office.keeps_files_days)
    is_over = ~Q(state=MemberRequest.State.OPEN)
    unanswered = Q(began_at=None, ended_at=None, asked_at__lt=now - family.ASK_LASTS)
    done = [MemberFile.State.DONE, MemberFile.State.REFUSED]
    attempts = sum(
        _delete(model.objects.filter(attempt_time__lt=log_ins_end)) for model in (AccessAttempt, AccessFailureLog)
    )
    comparisons = MemberFile.objects.filter(uploaded_by=None).exclude(state=MemberFile.State.IMPORTING)
    counts = {
        _("การเข้าสู่ระบบ"): attempts + _by_the_owner("booking_forget_log_ins", log_ins_end),
        _("ประวัติสมาชิก"): _by_the_owner("booking_forget_member_history", history_ends),
        _("คำขอ"): _delete(MemberRequest.objects.filter(is_over, ended_at__lt=history_ends)),
        _("ครอบครัว"): _delete(Care.objects.filter(Q(ended_at__lt=history_ends) | unanswered)),
        _("รหัสยืนยัน"): _delete(LinkingCode.objects.filter(expires_at__lt=log_ins_end)),
        _("ไฟล์นำเข้า"): _delete(MemberFile.objects.filter(state__in=done, uploaded_at__lt=files_end)),
        _("การเทียบกับไอเมมเบอร์"): _delete(comparisons.filter(uploaded_at__lt=now - comparing.KEPT)),
        _("การติดตามบัญชี LINE"): _delete(_follows_of_nobody().filter(at__lt=now - line_accounts.REMEMBERED)),
        _("การขอหลักฐานก่อนจอง"): _delete(ProofAsked.objects.filter(until__lt=now - ASKED_KEPT)),
        _("งานเบื้องหลัง"): _delete(Task.objects.filter(stopped__lt=log_ins_end)),
    }
    return " ".join(f"{name} {count}" for name, count in counts.items())


def _follows_of_nobody() -> QuerySet[LineFollow]:
    """Those of LINE users who are linked neither to a member nor to a log-in."""
    members = LineAccount.objects.filter(user_id=OuterRef("user_id"))
    staff = StaffLine.objects.filter(line_user_id=OuterRef("user_id"))
    return LineFollow.objects.exclude(Exists(members) | Exists(staff))


def _delete(rows: QuerySet) -> int:
    """Of what belongs to a row, and goes with it, nothing is counted."""
    return rows.delete()[1].get(rows.model._meta.label, 0)


def _by_the_owner(function: str, before: dt.datetime) -> int:
    """Delete of the audit, as the tables' owner; the function says in booking_erasure what it deleted."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [before])
        return cursor.fetchone()[0]
