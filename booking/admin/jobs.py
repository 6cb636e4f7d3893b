"""What the background worker does, and when it last did it."""

from django.contrib import admin
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking.admin.base import ReadOnlyAdmin, moment
from booking.models import JobRun

WHAT_IT_DOES = {
    "heartbeat": gettext_lazy("บอกว่าโปรแกรมเบื้องหลังทำงานอยู่"),
    "open_days": gettext_lazy("เปิดวันใหม่ให้จอง"),
    "close_days": gettext_lazy("ปิดวันที่ผ่านไปแล้ว"),
    "measure_pace": gettext_lazy("วัดเวลาให้บริการของแต่ละฝ่าย"),
    "purge_lookups": gettext_lazy("ลบตัวนับการค้นหาสมาชิกที่หมดอายุ"),
    "send_notices": gettext_lazy("ส่งข้อความถึงสมาชิก"),
    "read_line_quota": gettext_lazy("อ่านจำนวนข้อความ LINE ของเดือนนี้"),
    "forget_imports": gettext_lazy("ลบไฟล์สมาชิกที่ไม่มีผู้ยืนยัน"),
    "go_on_with_imports": gettext_lazy("นำเข้าไฟล์สมาชิกที่ค้างอยู่ต่อ"),
    "purge_line_events": gettext_lazy("ลบเลขเหตุการณ์เก่าจาก LINE"),
    "back_up": gettext_lazy("ดูว่าถึงเวลาสำรองข้อมูลหรือยัง"),
    "backup": gettext_lazy("สำรองข้อมูล และตรวจแล้วว่าใช้ได้"),
    "check_queue": gettext_lazy("ตรวจว่าข้อมูลคิวถูกต้องทุกข้อ"),
    "compare_members": gettext_lazy("เทียบรายชื่อสมาชิกกับไอเมมเบอร์"),
    "forget_challenges": gettext_lazy("ลบคำถามของพาสคีย์ที่หมดอายุ"),
    "forget_sessions": gettext_lazy("ลบการเข้าสู่ระบบที่หมดอายุ"),
    "unlink_members": gettext_lazy("เลิกเก็บชื่อสมาชิกในบัตรคิวเก่า"),
    "forget_old": gettext_lazy("ลบสิ่งที่เก็บครบเวลาแล้ว"),
    "go_on_with_settlements": gettext_lazy("ย้ายหรือยกเลิกบัตรคิวของเวลาที่ปิดให้ครบ"),
    "watch_surges": gettext_lazy("ดูว่ามีผู้จองหรือค้นหามากผิดปกติหรือไม่"),
    "watch_today": gettext_lazy("ดูว่ามีเรื่องต้องแจ้งผู้จัดการวันนี้หรือไม่"),
    "tell_alarms": gettext_lazy("ส่งการแจ้งเตือนถึงเจ้าหน้าที่ทาง LINE และอีเมล"),
    "follow_profiles": gettext_lazy("สลับแบบการจัดช่องตามเวลา"),
    "offer_free_places": gettext_lazy("เสนอคิวที่ว่างลงให้ผู้รอ"),
    "measure_waits": gettext_lazy("เทียบเวลารอที่บอกไว้กับเวลารอจริง"),
    "count_days": gettext_lazy("นับสถิติของวันที่ผ่านไป"),
}


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ["what", "finished", "ago", "said"]
    list_display_links = None

    @display(description=gettext_lazy("งาน"), ordering="name")
    def what(self, run):
        return WHAT_IT_DOES.get(run.name, run.name)

    @display(description=gettext_lazy("เสร็จล่าสุดเมื่อ"), ordering="finished_at")
    def finished(self, run):
        return moment(run.finished_at)

    @display(description=gettext_lazy("ผ่านมาแล้ว"))
    def ago(self, run):
        return timesince(run.finished_at, timezone.now()) or _("เมื่อครู่")

    @display(description=gettext_lazy("สิ่งที่พบ"))
    def said(self, run):
        return run.found or "-"
