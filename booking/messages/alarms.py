"""Telling staff of alarms, by LINE and e-mail: each alarm once to each person by each channel they have chosen.

As with messages to members (sending.py), a telling is claimed in a transaction of its own and always sent under its
retry key: whatever dies in between, LINE takes it once. What fails is tried again until GIVEN_UP_AFTER, and then shown
beside the alarm as not sent.
"""

import datetime as dt
import logging
import smtplib
from typing import TypeAlias

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from booking import thai
from booking.models import Alarm, AlarmChoice, AlarmTelling
from booking.models.staff import departments_of
from booking.rights import Right
from members import line
from members.models import LineFollow

Channel: TypeAlias = AlarmTelling.Channel
State: TypeAlias = AlarmTelling.State
Reason: TypeAlias = AlarmTelling.Reason
Key = tuple[int, int, str]

GIVEN_UP_AFTER = dt.timedelta(hours=1)
# A claim that nobody ended is taken over after so long: longer than LINE and the mail server may take together.
CLAIM = dt.timedelta(seconds=40)
# The first wait between tries (it doubles each time), and the longest. The job comes each minute.
FIRST_WAIT = dt.timedelta(minutes=1)
LONGEST_WAIT = dt.timedelta(minutes=15)

log = logging.getLogger(__name__)


def channels(choice: AlarmChoice) -> list[Channel]:
    """By which channels a member of staff is told, of those that the office has."""
    by_line = line.is_on() and choice.by_line and hasattr(choice.user, "staff_line")
    by_mail = bool(settings.EMAIL_HOST and choice.address)
    return [channel for channel, is_on in ((Channel.LINE, by_line), (Channel.EMAIL, by_mail)) if is_on]


def owe() -> None:
    """Owe who wants it each alarm that is there and that nobody looks after. What comes in somebody's quiet hours is
    owed when they end, if it is still there."""
    now = timezone.now()
    alarms = list(Alarm.objects.open().filter(acknowledged_at=None))
    if not alarms:
        return
    known: set[Key] = set(AlarmTelling.objects.filter(alarm__in=alarms).values_list("alarm", "user", "channel"))
    new: list[AlarmTelling] = []
    for choice in AlarmChoice.objects.filter(user__is_active=True).select_related("user__staff_line"):
        missing = [
            (alarm, channel)
            for channel in channels(choice)
            for alarm in alarms
            if (alarm.pk, choice.pk, channel) not in known
        ]
        if missing and not choice.quiet_ends(now):
            new += [
                AlarmTelling(alarm=alarm, user=choice.user, channel=channel, owed_since=now, next_try_at=now)
                for alarm, channel in missing
                if wants(choice, alarm)
            ]
    # Another worker may owe the same at this moment: one of the two is kept.
    AlarmTelling.objects.bulk_create(new, ignore_conflicts=True)


def wants(choice: AlarmChoice, alarm: Alarm) -> bool:
    """Whether somebody wants to be told of an alarm, and may see it."""
    user = choice.user
    theirs = departments_of(user)
    is_theirs = theirs is None or alarm.department_id in theirs
    return alarm.kind in choice.kinds and is_theirs and user.is_active and bool(user.has_perm(Right.VIEW_TODAY))


def send_owed(*, most: int = 100) -> int:
    """Send what is due, one after the other. Returns how many were claimed. Several workers may run it at once. A
    channel that is silent is left alone until the next run, so that a run ends."""
    silent: set[str] = set()
    for sent in range(most):
        telling = _claim(silent)
        if telling is None:
            return sent
        try:
            if not _send(telling):
                silent.add(telling.channel)
                _give_up_late(telling)
        except Exception:  # our own fault in one must not hold up the others; it is logged with its traceback
            log.exception("telling %s could not be sent", telling.pk)
            _try_again(telling, Reason.FAULT)
    return most


def _claim(silent: set[str]) -> AlarmTelling | None:
    """Claim what has been owed for longest. Nobody else takes it before the claim runs out."""
    now = timezone.now()
    with transaction.atomic():
        due = AlarmTelling.objects.filter(state=State.OWED, next_try_at__lte=now).exclude(channel__in=silent)
        claimed = due.order_by("next_try_at", "pk").select_for_update(skip_locked=True).first()
        if claimed is None:
            return None
        AlarmTelling.objects.filter(pk=claimed.pk).update(tries=F("tries") + 1, next_try_at=now + CLAIM)
    found = AlarmTelling.objects.select_related("alarm__department", "alarm__counter", "user__staff_line")
    return found.get(pk=claimed.pk)


def _send(telling: AlarmTelling) -> bool:
    """Send a claimed telling, or end it with the reason why not. Returns False where the channel was silent."""
    choice = AlarmChoice.objects.filter(user=telling.user).first()
    if telling.alarm.ended_at or telling.alarm.acknowledged_at:
        _end(telling, State.DROPPED, Reason.OVER)
    elif choice is None or telling.channel not in channels(choice) or not wants(choice, telling.alarm):
        _end(telling, State.DROPPED, Reason.UNWANTED)
    elif quiet_ends := choice.quiet_ends(timezone.now()):
        _change(telling, tries=0, owed_since=quiet_ends, next_try_at=quiet_ends)
    elif telling.channel == Channel.LINE:
        return _by_line(telling)
    else:
        return _by_mail(telling, choice.address)
    return True


def _by_line(telling: AlarmTelling) -> bool:
    account = telling.user.staff_line
    if LineFollow.objects.filter(user_id=account.line_user_id, follows=False).exists():
        _end(telling, State.NOT_SENT, Reason.UNFOLLOWED)
        return True
    try:
        line.push(
            user_id=account.line_user_id,
            messages=[{"type": "text", "text": _text(telling.alarm)}],
            retry_key=str(telling.retry_key),
        )
    except line.LineFault as fault:
        log.warning("telling %s: LINE %s", telling.pk, fault)
        if fault.permanent:
            _end(telling, State.NOT_SENT, Reason.LINE_REFUSED)
            return True
        _try_again(telling, Reason.LINE_REFUSED if fault.status else Reason.LINE_SILENT)
        return False
    _end(telling, State.SENT)
    return True


def _by_mail(telling: AlarmTelling, address: str) -> bool:
    with translation.override("th"):
        subject = _("แจ้งเตือนจากบัตรคิวออนไลน์")
    headers = {"Message-ID": f"<{telling.retry_key}@queue.invalid>"}
    try:
        EmailMessage(subject, _text(telling.alarm), to=[address], headers=headers).send()
    except smtplib.SMTPRecipientsRefused:
        _end(telling, State.NOT_SENT, Reason.MAIL_REFUSED)
        return True
    except OSError as fault:  # smtplib's faults are OSErrors
        log.warning("telling %s: mail %s", telling.pk, type(fault).__name__)
        _try_again(telling, Reason.MAIL_FAULT)
        return False
    _end(telling, State.SENT)
    return True


def _text(alarm: Alarm) -> str:
    """10.05 น. ช่องว่างอยู่ ทั้งที่มีผู้รอ: ฝ่ายสินเชื่อ ช่องบริการ 3, and where to look. It names nobody."""
    with translation.override("th"):
        lines = [f"{thai.clock(alarm.since)} {alarm.words}"]
    if settings.PUBLIC_URL:
        lines.append(settings.PUBLIC_URL + reverse("admin:booking_today"))
    return "\n".join(lines)


def _try_again(telling: AlarmTelling, reason: Reason) -> None:
    now = timezone.now()
    if now >= telling.owed_since + GIVEN_UP_AFTER:
        return _end(telling, State.NOT_SENT, reason)
    wait = min(FIRST_WAIT * 2 ** min(telling.tries - 1, 10), LONGEST_WAIT)
    return _change(telling, next_try_at=now + wait, reason=reason)


def _give_up_late(telling: AlarmTelling) -> None:
    """A channel is silent: give up what else has been owed by it for too long, and is due."""
    now = timezone.now()
    late = AlarmTelling.objects.filter(state=State.OWED, channel=telling.channel, next_try_at__lte=now)
    late = late.filter(owed_since__lte=now - GIVEN_UP_AFTER)
    late.update(state=State.NOT_SENT, reason=telling.reason, ended_at=now)


def _end(telling: AlarmTelling, state: State, reason: Reason | str = "") -> None:
    _change(telling, state=state, reason=reason, ended_at=timezone.now())


def _change(telling: AlarmTelling, **fields: object) -> None:
    """Only while the claim is ours: a worker so slow that another took over leaves the telling to that one."""
    tries = telling.tries
    for name, value in fields.items():
        setattr(telling, name, value)
    held = AlarmTelling.objects.filter(pk=telling.pk, state=State.OWED, tries=tries)
    if not held.update(**fields):
        log.warning("telling %s: taken up by another meanwhile", telling.pk)
