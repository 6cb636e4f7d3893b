"""Departments as one file: sent out, and brought in after a look at what would change."""

import hashlib

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from booking.admin import seen
from booking.admin.base import page, require, say
from booking.days import departments_file
from booking.days.departments_file import CannotRead, Planned
from booking.rights import Right
from booking.verbs import closures
from booking.views import sent

BIGGEST = 1024 * 1024  # bytes


def export(request, model_admin):
    require(request, Right.VIEW_DEPARTMENTS)
    name = f"departments-{timezone.localdate():%Y-%m-%d}.json"
    return HttpResponse(
        departments_file.written(),
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def bring_in(request, model_admin):
    """A file is looked at first; confirmed, it is carried out if it would still do what was shown."""
    require(request, Right.ADD_DEPARTMENT)
    require(request, Right.CHANGE_DEPARTMENT)
    shown = {"title": _("นำฝ่ายเข้าจากไฟล์")}
    if request.method == "POST":
        try:
            text = _sent_text(request)
            planned = departments_file.plan(text)
        except CannotRead as refused:
            shown["fault"] = str(refused)
        else:
            if sent.has(request, "confirm") and not _faults(planned):
                if seen.read(request, None) == [text, _digest(planned)]:
                    return _carry_out(request, planned)
                shown["fault"] = _("ข้อมูลเปลี่ยนไปหลังจากแสดง กรุณาตรวจอีกครั้ง")
            shown |= {
                "planned": planned,
                "has_faults": _faults(planned),
                "changes": any(one.is_new or one.differences for one in planned),
                "seen": seen.sign([text, _digest(planned)]),
            }
    return page(request, model_admin, "admin/booking/department/file.html", **shown)


def _sent_text(request) -> str:
    """The file, or what was shown of it. Raises CannotRead."""
    file = request.FILES.get("file")
    if file is None:
        text = (seen.read(request, None) or [""])[0]
        if not text:
            raise CannotRead(_("กรุณาเลือกไฟล์ก่อน"))
        return text
    content = file.read(BIGGEST + 1)
    if len(content) > BIGGEST:
        raise CannotRead(_("ไฟล์ใหญ่เกิน 1 MB"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise CannotRead(_("ไฟล์นี้ไม่ใช่ไฟล์ของฝ่ายที่ส่งออกจากระบบ")) from fault


def _faults(planned: list[Planned]) -> bool:
    return any(one.faults for one in planned)


def _digest(planned: list[Planned]) -> str:
    """What was shown: if it is another by now, somebody has changed a department."""
    shown = [(one.department.slug, one.is_new, one.differences) for one in planned]
    return hashlib.sha256(repr(shown).encode()).hexdigest()


def _carry_out(request, planned: list[Planned]):
    changed = departments_file.carry_out(planned, by=request.user)
    say(request, messages.SUCCESS, _("นำเข้าแล้ว %d ฝ่าย") % len(changed))
    stranded = closures.stranded().filter(department__in=changed).count()
    if stranded:
        text = _("มีบัตรคิว %d ใบในเวลาที่ปิด กรุณาเลือกว่าจะทำอย่างไรกับบัตรคิวเหล่านี้")
        say(request, messages.WARNING, text % stranded)
        return HttpResponseRedirect(reverse("admin:booking_ticket_closed"))
    return HttpResponseRedirect(reverse("admin:setup_counters"))
