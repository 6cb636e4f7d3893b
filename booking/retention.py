"""How long things are kept that no ticket needs: a job deletes them each day and says how many. What belongs to tickets
is unlinked by verbs.unlink_members(); docs/privacy.md lists all of it."""

import datetime as dt

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.models import Failure

from members.models import Member, MemberRequest
from office.settings import office


def forget_old() -> str:
    """Delete what is older than the office keeps it. Returns what that was, in words; a second run finds nothing."""
    now = timezone.now()
    log_ins_end = now - dt.timedelta(days=office.keeps_log_ins_days)
    history_ends = now - dt.timedelta(days=office.keeps_history_days)
    log_ins = sum(
        model.objects.filter(attempt_time__lt=log_ins_end).delete()[0]
        for model in (AccessAttempt, AccessFailureLog, AccessLog)
    )
    # The newest change of somebody who is still a member stays: it says how what is there came about.
    later = Member.history.filter(id=OuterRef("id"), history_date__gt=OuterRef("history_date"))
    is_gone = ~Exists(Member.objects.filter(pk=OuterRef("id")))
    old = Member.history.filter(history_date__lt=history_ends).filter(Exists(later) | is_gone)
    history, _by_model = old.delete()
    over = MemberRequest.objects.exclude(state=MemberRequest.State.OPEN)
    asked, _by_model = over.filter(ended_at__lt=history_ends).delete()
    failures, _by_model = Failure.objects.filter(stopped__lt=log_ins_end).delete()
    return _("การเข้าสู่ระบบ %(log_ins)d ประวัติสมาชิก %(history)d คำขอ %(asked)d งานที่ล้มเหลว %(failures)d") % {
        "log_ins": log_ins,
        "history": history,
        "asked": asked,
        "failures": failures,
    }
