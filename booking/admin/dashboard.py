"""The first page of the back office: today, tomorrow, and what needs attention; and the sidebar with its pages."""

import datetime as dt

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from booking import disk, thai
from booking.admin import origins, waiting
from booking.admin.base import moment
from booking.admin.links import closed_times, tickets_of
from booking.admin.missing import missing
from booking.admin.today import open_alarms
from booking.days import overview
from booking.messages import ledger
from booking.models import Department, JobRun
from booking.models.jobs import worker_is_late
from booking.rights import Right
from booking.verbs import closures
from holidays.models import Holiday
from members import directory, line, requests
from members.directory import comparing
from members.models import LineQuota

ASKED_FROM = 10  # October


def dashboard(request, context: dict) -> dict:
    """Add what this member of staff may see to the first page."""
    if request.user.has_perm(Right.VIEW_SLOTS):
        context["days"] = _two_days()
    context["warnings"] = [warning for warning in _warnings(request.user) if warning]
    return context


def _two_days() -> list[dict]:
    today = timezone.localdate()
    departments = list(Department.objects.active())
    names = [_("วันนี้"), _("พรุ่งนี้")]
    return [
        {"name": name, "day": day, "rows": [_row(department, day) for department in departments]}
        for name, day in zip(names, overview.days(departments, today, today + dt.timedelta(days=1)), strict=True)
    ]


def _row(department, day) -> dict:
    what = day.rows.get(department.pk)
    load = day.loads.get(department.pk, overview.Load())
    closed = ""
    if what and what.state in (what.State.HOLIDAY, what.State.CLOSED):
        closed = what.why or _("ปิด")
    elif not load.places:
        closed = _("ไม่เปิดให้จอง")
    return {
        "department": department,
        "load": load,
        "closed": closed,
        "tickets": tickets_of(date=day.date, department=department),
    }


def _warnings(user):
    if user.has_perm(Right.CHANGE_OFFICE):
        if not Department.objects.exists():
            # What is missing is said there.
            yield {"text": _("ระบบยังว่าง"), "do": _("เปิดคู่มือตั้งค่า"), "link": reverse("admin:setup")}
        else:
            yield from missing()
    yield from _of_today(user)


def _of_today(user):
    """Each a sentence with the address where it is put right; None where all is well or where it is not theirs."""
    if user.has_perm(Right.CHANGE_HOLIDAY):
        drafts = list(overview.undecided_holidays())
        yield drafts and {
            "text": _("วันหยุดที่ยังไม่ยืนยัน %(count)d วัน ถัดไปคือ%(name)s %(date)s วันเหล่านี้ยังเปิดให้จอง")
            % {"count": len(drafts), "name": drafts[0].name, "date": thai.short_date(drafts[0].date)},
            "do": _("ยืนยันหรือลบ"),
            "link": f"{reverse('admin:holidays_holiday_changelist')}?is_confirmed__exact=0",
        }
    yield _of_next_year(user)
    if user.has_perm(Right.VIEW_TICKETS):
        count = closures.stranded().count()
        yield count and {
            "text": _("บัตรคิวที่ยังนัดไว้ในวันหรือเวลาที่ปิด %d ใบ") % count,
            "do": _("ดูและเลือกว่าจะทำอย่างไร"),
            "link": closed_times(),
        }
    if user.has_perm(Right.VIEW_TICKETS):
        yield from origins.warnings(user)
    if user.has_perm(Right.TELEPHONE):
        count = ledger.to_telephone().count()
        yield count and {
            "text": _("สมาชิกที่ต้องโทรแจ้ง %d รายการ") % count,
            "do": _("ดูรายชื่อ"),
            "link": reverse("admin:booking_notice_telephone"),
        }
        count = len(waiting.to_telephone(user))
        yield count and {
            "text": _("ผู้รอคิวว่างที่ต้องโทรตอนนี้ %d ท่าน") % count,
            "do": _("ดูรายชื่อ"),
            "link": reverse("admin:booking_ticket_waiting"),
        }
    if user.has_perm(Right.VIEW_MESSAGES) and line.is_on():
        quota = LineQuota.objects.filter(pk=1).first()
        text = ""
        if quota and quota.fault:
            text = _("อ่านจำนวนข้อความจาก LINE ไม่ได้ อาจส่งข้อความไม่ได้ด้วย")
        elif quota and quota.will_run_out:
            text = _("ข้อความ LINE คาดว่าจะหมดก่อนสิ้นเดือน ส่งแล้ว %(used)d จาก %(limit)d") % {
                "used": quota.used,
                "limit": quota.limit,
            }
        yield text and {
            "text": text,
            "do": _("ดูข้อความถึงสมาชิก"),
            "link": reverse("admin:booking_messagechoice_changelist"),
        }
    if user.has_perm(Right.VIEW_SLOTS):
        count = overview.overfull_slots().count()
        yield count and {
            "text": _("ช่วงเวลาที่มีบัตรคิวมากกว่าโควตา %d ช่วง") % count,
            "do": _("ดูช่วงเวลา"),
            "link": f"{reverse('admin:booking_slot_changelist')}?overfull=1",
        }
    yield _of_requests(user)
    yield _of_the_directory(user)
    if user.has_perm(Right.VIEW_JOBS):
        yield _of_the_check()
        yield _of_the_disk()
        yield worker_is_late() and {
            "text": _("โปรแกรมเบื้องหลังไม่ทำงานเกิน 3 นาที วันใหม่จะไม่เปิดให้จอง กรุณาแจ้งผู้ดูแลระบบ"),
            "do": _("ดูงานเบื้องหลัง"),
            "link": reverse("admin:booking_jobrun_changelist"),
        }


def _open_requests(user) -> int:
    return requests.open_ones().count() if user.has_perm(Right.VIEW_MEMBER_REQUESTS) else 0


def _of_requests(user) -> dict | None:
    """That members have asked for something, and how long is left to answer the oldest."""
    if not user.has_perm(Right.ANSWER_MEMBER_REQUEST):
        return None
    oldest, count = requests.open_ones().first(), requests.open_ones().count()
    if oldest is None:
        return None
    return {
        "text": _("สมาชิกขอแก้ไขหรือลบข้อมูล %(count)d เรื่อง ต้องตอบเรื่องแรกภายใน %(date)s")
        % {"count": count, "date": thai.short_date(requests.due_on(oldest))},
        "do": _("ดูคำขอ"),
        "link": f"{reverse('admin:members_memberrequest_changelist')}?state__exact=open",
    }


def _of_next_year(user) -> dict | None:
    """From October on, that the office has no holiday of next year yet: January can soon be booked."""
    today = timezone.localdate()
    year = today.year + 1
    if today.month < ASKED_FROM or not user.has_perm(Right.ADD_HOLIDAY):
        return None
    if Holiday.objects.filter(date__year=year).exists():
        return None
    return {
        "text": _("ยังไม่มีวันหยุดของปี พ.ศ. %d กรุณานำเข้าและยืนยันก่อนที่จะเปิดให้จอง") % (year + thai.ERA),
        "do": _("นำเข้าวันหยุดราชการ"),
        "link": reverse("admin:holidays_holiday_load_year"),
    }


def _of_the_check() -> dict | None:
    """That the hourly check of the queue's rules found something."""
    found = JobRun.objects.filter(name="check_queue").exclude(found="").values_list("found", flat=True).first()
    if not found:
        return None
    return {
        "text": _("การตรวจประจำชั่วโมงพบข้อมูลคิวที่ไม่ถูกต้อง %d ข้อ กรุณาแจ้งผู้ดูแลระบบ") % len(found.splitlines()),
        "do": _("ดูสิ่งที่พบ"),
        "link": reverse("admin:booking_jobrun_changelist"),
    }


def _of_the_disk() -> dict | None:
    """That the room runs out on the machine that answers."""
    short = disk.short()
    if not short:
        return None
    return {
        "text": _(
            "ที่เก็บข้อมูลของเครื่องเหลือ %(percent).1f%% ระบบหยุดสำรองข้อมูลแล้ว กรุณาแจ้งผู้ดูแลระบบให้เพิ่มที่ว่างก่อนที่จะจองและเรียกคิวไม่ได้"
        )
        % {"percent": min(one.percent for one in short)},
        "do": _("ดูงานเบื้องหลัง"),
        "link": reverse("admin:booking_jobrun_changelist"),
    }


def _of_the_directory(user) -> dict | None:
    """That i-member is silent, or that what it said at night waits for somebody to look at it."""
    if not directory.is_elsewhere() or not user.has_perm(Right.CHANGE_MEMBER):
        return None
    if file := comparing.waiting():
        return {
            "text": _("ข้อมูลจากไอเมมเบอร์เมื่อคืนต่างจากเดิมมากผิดปกติ ยังไม่นำเข้า"),
            "do": _("ดูและตัดสินใจ"),
            "link": reverse("admin:members_member_file", args=[file.pk]),
        }
    if since := directory.silent_since():
        return {
            "text": _("ติดต่อไอเมมเบอร์ไม่ได้ตั้งแต่ %s ผู้ที่เคยจองแล้วเท่านั้นที่จองได้") % moment(since),
            "do": _("ดูการนำเข้าสมาชิก"),
            "link": reverse("admin:members_member_import"),
        }
    return None


def own_pages(request) -> list[dict]:
    """The pages about who is signed in, below their name."""
    user = request.user
    if not user.is_authenticated:
        return []
    pages = [(_("เปลี่ยนรหัสผ่าน"), "admin:password_change")] if user.has_usable_password() else []
    if user.has_perm(Right.VIEW_TODAY):
        pages.append((_("รับการแจ้งเตือน"), "admin:booking_alarm_choice"))
    if request.user.is_verified():
        pages.append((_("ออกรหัสสำรองชุดใหม่"), "recovery_codes"))
    return [{"title": title, "link": reverse(address)} for title, address in pages]


def sidebar(request) -> list[dict]:
    """The pages that this member of staff may open, in the order of use."""
    pages: list[tuple[str, list[tuple[str, str, str, Right | None]]]] = [
        (
            _("งานประจำวัน"),
            [
                (_("วันนี้"), "monitoring", "admin:booking_today", Right.VIEW_TODAY),
                (_("ภาพรวม"), "dashboard", "admin:index", None),
                (_("รายงาน"), "bar_chart", "admin:booking_report", Right.VIEW_REPORTS),
                (_("เรียกคิว"), "support_agent", "counters", Right.SERVE),
                (_("ปฏิทิน"), "calendar_month", "admin:booking_calendar", Right.VIEW_SLOTS),
                (_("บัตรคิว"), "confirmation_number", "admin:booking_ticket_changelist", Right.VIEW_TICKETS),
                (_("บัตรคิวในเวลาที่ปิด"), "event_busy", "admin:booking_ticket_closed", Right.VIEW_TICKETS),
                (_("จองจากที่เดียวกัน"), "hub", "admin:booking_ticket_origins", Right.VIEW_TICKETS),
                (_("ต้องโทรแจ้ง"), "call", "admin:booking_notice_telephone", Right.TELEPHONE),
                (_("รายการรอคิวว่าง"), "notifications_active", "admin:booking_ticket_waiting", Right.TELEPHONE),
                (_("รายการคิวของวัน"), "print", "admin:booking_ticket_day_list", Right.VIEW_TICKETS),
                (_("กรอกจากกระดาษ"), "edit_note", "admin:booking_ticket_on_paper", Right.CLOSE_DAY),
                (_("ปิดคิวสิ้นวัน"), "bedtime", "admin:booking_ticket_close_day", Right.CLOSE_DAY),
                (
                    _("เวลารอ"),
                    "hourglass_top",
                    "admin:booking_waitprediction_changelist",
                    Right.VIEW_WAITS,
                ),
                (_("สมาชิก"), "group", "admin:members_member_changelist", Right.VIEW_MEMBERS),
                (
                    _("คำขอของสมาชิก"),
                    "contract_edit",
                    "admin:members_memberrequest_changelist",
                    Right.VIEW_MEMBER_REQUESTS,
                ),
                (_("บัญชี LINE ของสมาชิก"), "link", "admin:members_member_line", Right.HAND_OUT_LINKING_CODE),
            ],
        ),
        (
            _("ตั้งค่า"),
            [
                (_("ฝ่ายและเวลาทำการ"), "apartment", "admin:booking_department_changelist", Right.VIEW_DEPARTMENTS),
                (_("ช่องบริการ"), "desk", "admin:booking_counter_changelist", Right.VIEW_COUNTERS),
                (_("แบบการจัดช่อง"), "swap_horiz", "admin:booking_counterprofile_changelist", Right.VIEW_PROFILES),
                (
                    _("วันและเวลาที่ต่างจากปกติ"),
                    "edit_calendar",
                    "admin:booking_dayexception_changelist",
                    Right.VIEW_EXCEPTIONS,
                ),
                (_("ข้อความถึงสมาชิก"), "sms", "admin:booking_messagechoice_changelist", Right.VIEW_MESSAGES),
                (_("วันหยุด"), "beach_access", "admin:holidays_holiday_changelist", Right.VIEW_HOLIDAYS),
                (_("คู่มือตั้งค่า"), "checklist", "admin:setup", Right.CHANGE_OFFICE),
                (_("สำนักงาน"), "store", "admin:office_setting_changelist", Right.VIEW_OFFICE),
                (_("ประกาศบนจอ"), "campaign", "admin:booking_boardnotice_changelist", Right.VIEW_BOARD_NOTICES),
                (_("เสียงประกาศ"), "record_voice_over", "admin:booking_clip_changelist", Right.VIEW_CLIPS),
            ],
        ),
        (
            _("ระบบ"),
            [
                (_("ช่วงเวลาและที่"), "grid_view", "admin:booking_slot_changelist", Right.VIEW_SLOTS),
                (_("ข้อความที่ส่ง"), "outbox", "admin:booking_notice_changelist", Right.VIEW_NOTICES),
                (_("ข้อความเสนอคิวว่าง"), "outbox", "admin:booking_offermessage_changelist", Right.VIEW_NOTICES),
                (_("งานเบื้องหลัง"), "schedule", "admin:booking_jobrun_changelist", Right.VIEW_JOBS),
                (_("การลบประวัติ"), "auto_delete", "admin:booking_erasure_changelist", Right.VIEW_ERASURES),
                (_("โทเคนของ API"), "key", "admin:booking_stafftoken_changelist", Right.VIEW_TOKENS),
                (_("ผู้ใช้"), "person", "admin:auth_user_changelist", Right.VIEW_USERS),
                (_("บทบาท"), "badge", "admin:auth_group_changelist", Right.VIEW_ROLES),
            ],
        ),
    ]
    links = [reverse(address) for _title, items in pages for _name, _icon, address, _right in items]
    index = reverse("admin:index")
    badges = {
        "admin:booking_today": open_alarms(request.user),
        "admin:members_memberrequest_changelist": _open_requests(request.user),
    }
    here = max((link for link in links if request.path.startswith(link) and link != index), key=len, default=index)
    return [
        {
            "title": title,
            "separator": nth > 0,
            "items": [
                {
                    "title": name,
                    "icon": icon,
                    "link": reverse(address),
                    "active": reverse(address) == here,
                    "badge": badges.get(address),
                }
                for name, icon, address, right in items
                if right is None or request.user.has_perm(right)
            ],
        }
        for nth, (title, items) in enumerate(pages)
    ]
