"""The work done in the background, and the one list of what recurs."""

import datetime as dt
import time
from functools import wraps

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.models import Schedule

from booking import invariants, retention, verbs
from booking.calling import accuracy, pace
from booking.days import opening
from booking.messages import alarms as telling
from booking.messages import ledger, offers, sending
from booking.models import Department, JobRun, Slot, Ticket
from booking.reports import stored
from booking.verbs import alarms, profiles, settling, surges, waiting
from members import accounts, directory, line, line_accounts, passkeys, throttle
from members.directory import comparing
from members.files import importing
from members.models import LineEvent, LineQuota
from office.settings import office

RECURRING: dict[str, int] = {}
BACKED_UP_FROM = 1  # o'clock
COMPARED_FROM = 2  # o'clock
COUNTED_FROM = 3  # o'clock


def recurring(*, minutes: int):
    """Put a job on the list, to run every so many minutes, and keep when it last finished, with what it returns. A job
    that returns None has nothing to say: what it said before stays."""

    def register(job):
        @wraps(job)
        def run():
            found = job()
            said = {} if found is None else {"found": found}
            JobRun.objects.update_or_create(name=job.__name__, defaults={"finished_at": timezone.now()} | said)

        RECURRING[job.__name__] = minutes
        return run

    return register


@recurring(minutes=1)
def heartbeat() -> None:
    """Shows `/readyz` that the worker works."""


@recurring(minutes=1)
def send_notices() -> None:
    """Sends what is owed until the next minute's run goes on. So a message leaves within a second or two, without a
    process of its own."""
    until = time.monotonic() + sending_lasts()
    while time.monotonic() < until:
        if sending.send_owed():
            continue
        if not ledger.is_on():  # what was owed when it was switched off has ended by now, with its reason
            return
        time.sleep(1)


def sending_lasts() -> int:
    """For how many seconds send_notices runs: until the next run has surely begun (it may be a second or two late), so
    that no call waits in between. A worker that does all by itself has to come to its other work, too."""
    return 62 if settings.Q_CLUSTER["workers"] > 1 else 50


@recurring(minutes=15)
def open_days() -> None:
    opening.rules_changed()


@recurring(minutes=10)
def close_days() -> None:
    """Ends the days that are over, and today an hour after a department's last slot."""
    today = timezone.localdate()
    for department in Department.objects.all():
        unfinished = Ticket.objects.live().filter(queue=department, date__lt=today)
        for date in unfinished.values_list("date", flat=True).distinct():
            verbs.close_day(department=department, date=date)
        last = Slot.objects.of_day(department, today).aggregate(ends_at=Max("ends_at"))["ends_at"]
        if last and timezone.now() > last + dt.timedelta(hours=1):
            verbs.close_day(department=department, date=today, keeps_reopened=True)


@recurring(minutes=5)
def measure_pace() -> None:
    pace.measure_paces(since=timezone.now() - pace.LOOKS_BACK)


@recurring(minutes=10)
def forget_imports() -> str:
    count = importing.forget_old()
    return _("ไฟล์ที่ไม่มีผู้ยืนยัน %d") % count if count else ""


@recurring(minutes=1)
def go_on_with_imports() -> None:
    """A worker that was stopped in the middle of a file of members has written nothing: another takes it up again."""
    importing.go_on()


@recurring(minutes=1)
def go_on_with_settlements() -> None:
    """A worker that was stopped among many tickets has done some of them: another comes to the rest."""
    settling.go_on()


@recurring(minutes=1)
def watch_surges() -> None:
    """Asks for a proof where more is booked, or looked up in vain, than the office usually sees."""
    surges.watch()


@recurring(minutes=1)
def watch_today() -> None:
    """Raises and ends the alarms of the manager's page."""
    alarms.watch()


@recurring(minutes=1)
def tell_alarms() -> None:
    """Tells of alarms by LINE and e-mail who wants it. A job of its own: it may have to wait for either."""
    telling.owe()
    telling.send_owed()


@recurring(minutes=1)
def follow_profiles() -> None:
    """Lets counters serve what the profile says whose time has come."""
    profiles.switch_by_time()


@recurring(minutes=1)
def offer_free_places() -> str:
    """Offers what has come free to the first of each waiting list, and passes on what was not taken in time."""
    count = waiting.offer_free_places()
    offers.send_owed()
    return _("เสนอคิวว่าง %d") % count if count else ""


@recurring(minutes=60)
def measure_waits() -> None:
    """Learns from the waits that are over how wide the ranges have to be."""
    accuracy.measure_spreads()


@recurring(minutes=throttle.PURGED_EVERY // dt.timedelta(minutes=1))
def purge_lookups() -> str:
    return _("การค้นหาสมาชิก %d") % throttle.purge_lookups()


@recurring(minutes=60)
def read_line_quota() -> None:
    """Keeps what LINE says of the month's messages, or why it did not say."""
    if not line.is_on():
        return
    try:
        quota = line.quota()
    except line.LineFault as fault:
        LineQuota.objects.update_or_create(pk=1, defaults={"fault": str(fault)[:60]})
        return
    found = {"limit": quota.limit, "used": quota.used, "read_at": timezone.now(), "fault": ""}
    LineQuota.objects.update_or_create(pk=1, defaults=found)


@recurring(minutes=24 * 60)
def purge_line_events() -> str:
    links = line_accounts.forget_ended_links()
    kept_from = timezone.now() - dt.timedelta(days=office.keeps_line_events_days)
    events, _by_model = LineEvent.objects.filter(received_at__lt=kept_from).delete()
    return _("เหตุการณ์ LINE %(events)d การผูกที่สิ้นสุดแล้ว %(links)d") % {"events": events, "links": links}


@recurring(minutes=24 * 60)
def unlink_members() -> str:
    forgotten = verbs.unlink_members(before=timezone.localdate() - dt.timedelta(days=office.keeps_names_days))
    counts = forgotten._asdict()
    return _("บัตรคิว %(tickets)d ใบ การรอคิวว่าง %(waited)d ข้อความถึงผู้ดูแล %(told)d") % counts


@recurring(minutes=24 * 60)
def forget_old() -> str:
    """Deletes what has been kept for as long as the office says, and says how much that was."""
    return retention.forget_old()


@recurring(minutes=60)
def back_up() -> None:
    """A backup for each day, in the first hour after one at night in which the worker works."""
    if settings.BACKUP_DIR and timezone.localtime().hour >= BACKED_UP_FROM:
        call_command("backup")  # by its name: it belongs to queuesite, which imports this


@recurring(minutes=60)
def compare_members() -> str | None:
    """Compares with i-member, where members are looked up there, in the first hour after two at night. Says how many
    earlier comparisons this one made useless."""
    if directory.is_elsewhere() and timezone.localtime().hour >= COMPARED_FROM and comparing.is_due():
        comparing.compare()
        return _("ลบการเทียบก่อนหน้าที่ยังไม่มีผู้ยืนยัน %d") % comparing.forget_overtaken()
    return None


@recurring(minutes=60)
def count_days() -> None:
    """Counts yesterday for the reports, once the day's tickets have been closed; and earlier days that changed."""
    if timezone.localtime().hour >= COUNTED_FROM:
        stored.bring_up_to_date()


@recurring(minutes=60)
def check_queue() -> str:
    """Asks whether every rule of the queue holds in the database, of the last days and all that come. `manage.py
    check_queue` asks of all days, as does each restore."""
    return "\n".join(invariants.faults(since=timezone.localdate() - dt.timedelta(days=invariants.RECENT_DAYS)))


@recurring(minutes=24 * 60)
def forget_sessions() -> str:
    """Deletes the sessions of staff and of members that have ended."""
    ended = Session.objects.filter(expire_date__lt=timezone.now()).count()
    call_command("clearsessions")
    counts = {"staff": ended, "members": accounts.forget_ended()}
    return _("เจ้าหน้าที่ %(staff)d สมาชิก %(members)d") % counts


@recurring(minutes=60)
def forget_challenges() -> str:
    return _("คำถามพาสคีย์ %d") % passkeys.forget_challenges()


def sync_schedules() -> None:
    """Make django-q2's schedules what the list says; runs after each migrate."""
    for name, minutes in RECURRING.items():
        Schedule.objects.update_or_create(
            name=name,
            defaults={"func": f"booking.jobs.{name}", "schedule_type": Schedule.MINUTES, "minutes": minutes},
        )
    Schedule.objects.filter(func__startswith="booking.jobs.").exclude(name__in=RECURRING).delete()
