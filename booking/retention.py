"""How long things are kept that no ticket needs: a job deletes them each day and says how many. What belongs to tickets
is unlinked by verbs.unlink_members(), what ends within hours by jobs of its own; docs/privacy.md lists all of it."""

import datetime as dt

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.models import Failure

from members import family
from members.models import Care, LinkingCode, Member, MemberFile, MemberRequest
from office.settings import office


def forget_old() -> str:
    """Delete what is older than the office keeps it. Returns what that was, in words; a second run finds nothing."""
    now = timezone.now()
    log_ins_end = now - dt.timedelta(days=office.keeps_log_ins_days)
    history_ends = now - dt.timedelta(days=office.keeps_history_days)
    files_end = now - dt.timedelta(days=office.keeps_files_days)
    # The newest change of somebody who is still a member stays: it says how what is there came about.
    later = Member.history.filter(id=OuterRef("id"), history_date__gt=OuterRef("history_date"))
    is_gone = ~Exists(Member.objects.filter(pk=OuterRef("id")))
    is_over = ~Q(state=MemberRequest.State.OPEN)
    unanswered = Q(began_at=None, ended_at=None, asked_at__lt=now - family.ASK_LASTS)
    done = [MemberFile.State.DONE, MemberFile.State.REFUSED]
    old = {
        _("การเข้าสู่ระบบ"): [
            model.objects.filter(attempt_time__lt=log_ins_end) for model in (AccessAttempt, AccessFailureLog, AccessLog)
        ],
        _("ประวัติสมาชิก"): [Member.history.filter(history_date__lt=history_ends).filter(Exists(later) | is_gone)],
        _("คำขอ"): [MemberRequest.objects.filter(is_over, ended_at__lt=history_ends)],
        _("ครอบครัว"): [Care.objects.filter(Q(ended_at__lt=history_ends) | unanswered)],
        _("รหัสยืนยัน"): [LinkingCode.objects.filter(expires_at__lt=log_ins_end)],
        _("ไฟล์นำเข้า"): [MemberFile.objects.filter(state__in=done, uploaded_at__lt=files_end)],
        _("งานที่ล้มเหลว"): [Failure.objects.filter(stopped__lt=log_ins_end)],
    }
    # Of what belongs to a row, and goes with it, nothing is counted.
    return " ".join(
        f"{name} {sum(rows.delete()[1].get(rows.model._meta.label, 0) for rows in sets)}" for name, sets in old.items()
    )
