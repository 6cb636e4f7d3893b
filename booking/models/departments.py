from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from booking.models.languages import InTwoLanguages
from members.free_text import FreeCharField, FreeTextField


class DepartmentQuerySet(models.QuerySet["Department"]):
    def active(self) -> Self:
        """Those that people may come to: in use, and not waiting for a first counter."""
        return self.filter(is_active=True, waits_for_counter=False)


class Department(InTwoLanguages):
    """A department of the office: a member's first choice. Its letter (or two) begins the ticket's number."""

    class Hue(models.TextChoices):
        TEAL = "teal", _("เขียวน้ำทะเล")
        AMBER = "amber", _("เหลืองอำพัน")
        VIOLET = "violet", _("ม่วง")
        ROSE = "rose", _("ชมพูกุหลาบ")
        OLIVE = "olive", _("เขียวมะกอก")
        BROWN = "brown", _("น้ำตาล")
        SLATE = "slate", _("เทาน้ำเงิน")
        FOREST = "forest", _("เขียวป่า")
        PLUM = "plum", _("ม่วงพลัม")
        OCHRE = "ochre", _("เหลืองดิน")
        INDIGO = "indigo", _("คราม")
        RUST = "rust", _("ส้มอิฐ")

    class LateRule(models.TextChoices):
        KEEP = "keep", _("ได้คิวตามเวลาเดิม")
        AS_WALK_IN = "as_walk_in", _("ต่อท้ายผู้ที่มาก่อนหน้า เหมือนผู้ที่ไม่ได้จอง")

    class NoShowRule(models.TextChoices):
        TELEPHONE = "telephone", _("จองทางโทรศัพท์เท่านั้น")
        SHORT = "short", _("จองได้เฉพาะวันนี้และพรุ่งนี้")

    slug = models.SlugField(_("ชื่อในที่อยู่เว็บ"), unique=True, max_length=40)
    letter = models.CharField(
        _("อักษรนำหมายเลข"),
        unique=True,
        max_length=2,
        validators=[RegexValidator(r"^[A-Z]{1,2}$", _("ใช้อักษร A ถึง Z หนึ่งหรือสองตัว"))],
    )
    name = FreeCharField(_("ชื่อฝ่าย"), max_length=100)
    name_en = FreeCharField(_("ชื่อฝ่าย (อังกฤษ)"), max_length=100, blank=True)
    description = FreeCharField(_("ติดต่อเรื่องอะไร"), max_length=300, blank=True)
    description_en = FreeCharField(_("ติดต่อเรื่องอะไร (อังกฤษ)"), max_length=300, blank=True)
    bring = FreeTextField(_("สิ่งที่ต้องนำมา"), blank=True, help_text=_("หนึ่งบรรทัดต่อหนึ่งรายการ"))
    bring_en = FreeTextField(_("สิ่งที่ต้องนำมา (อังกฤษ)"), blank=True)
    hue = models.CharField(_("สีประจำฝ่าย"), max_length=10, choices=Hue, default=Hue.TEAL)
    position = models.PositiveSmallIntegerField(_("ลำดับที่แสดง"), default=0)
    is_active = models.BooleanField(_("เปิดใช้งาน"), default=True)
    # Of a new department: nobody could call whoever books there. The first counter that serves it ends this.
    waits_for_counter = models.BooleanField(
        _("ยังไม่เปิดให้จอง จนกว่าจะมีช่องบริการ"),
        default=False,
        db_default=False,
        help_text=_("เลิกเองเมื่อมีช่องบริการของฝ่ายนี้ หรือเอาออกเพื่อให้จองได้ก่อน"),
    )

    min_days_ahead = models.PositiveSmallIntegerField(
        _("จองล่วงหน้าอย่างน้อย (วัน)"), default=0, help_text=_("0 คือจองของวันนี้ได้")
    )
    max_days_ahead = models.PositiveSmallIntegerField(
        _("จองล่วงหน้าได้ไม่เกิน (วัน)"), default=30, validators=[MaxValueValidator(180)]
    )
    closes_minutes_before = models.PositiveSmallIntegerField(
        _("ปิดรับจองก่อนถึงเวลา (นาที)"), default=30, validators=[MaxValueValidator(24 * 60)]
    )
    arrive_minutes_before = models.PositiveSmallIntegerField(
        _("ให้มาถึงก่อนเวลา (นาที)"), default=15, validators=[MaxValueValidator(120)]
    )

    # Against trading places: who gives one up cannot hand it to somebody who waits for that moment.
    freed_after_minutes = models.PositiveSmallIntegerField(
        _("คิวที่สมาชิกยกเลิก เปิดให้จองใหม่หลัง (นาที)"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(24 * 60)],
        help_text=_("0 คือเปิดให้จองทันที เจ้าหน้าที่จองให้ได้ทันทีเสมอ"),
    )
    has_waiting_list = models.BooleanField(
        _("มีรายการรอคิวว่าง"),
        default=False,
        db_default=False,
        help_text=_("เมื่อวันหรือเวลาเต็ม สมาชิกขอให้แจ้งได้ คิวที่ว่างลงจะเสนอให้ผู้รอคนแรกก่อน"),
    )
    offer_minutes = models.PositiveSmallIntegerField(
        _("เก็บคิวที่เสนอไว้ให้ (นาที)"),
        default=10,
        db_default=10,
        validators=[MinValueValidator(2), MaxValueValidator(12 * 60)],
        help_text=_("ไม่รับภายในเวลานี้ จะเสนอให้ผู้รอคนต่อไป"),
    )
    no_show_limit = models.PositiveSmallIntegerField(
        _("จำกัดผู้ที่ไม่มาตามนัดครบ (ครั้ง)"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(20)],
        help_text=_("0 คือไม่จำกัด เตือนสมาชิกก่อนถึงครั้งสุดท้าย"),
    )
    no_show_days = models.PositiveSmallIntegerField(
        _("นับย้อนหลัง (วัน)"), default=90, db_default=90, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    no_show_rule = models.CharField(
        _("ผู้ที่ถูกจำกัด"),
        max_length=10,
        choices=NoShowRule,
        default=NoShowRule.TELEPHONE,
        db_default=NoShowRule.TELEPHONE,
    )
    no_show_lasts_days = models.PositiveSmallIntegerField(
        _("จำกัดนาน (วัน นับจากครั้งล่าสุด)"),
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )

    uses_check_in = models.BooleanField(
        _("ต้องแจ้งว่ามาถึงแล้ว"), default=True, help_text=_("หากไม่ใช้ จะเรียกคิวที่จองไว้ได้เมื่อถึงเวลา")
    )
    check_in_minutes_before = models.PositiveSmallIntegerField(
        _("แจ้งมาถึงได้ก่อนเวลา (นาที)"), default=60, validators=[MaxValueValidator(12 * 60)]
    )
    check_in_needs_presence = models.BooleanField(_("ต้องสแกน QR ที่สำนักงานเพื่อแจ้งมาถึง"), default=False)
    late_after_minutes = models.PositiveSmallIntegerField(
        _("ถือว่ามาสายเมื่อเลยเวลา (นาที)"), default=15, validators=[MaxValueValidator(12 * 60)]
    )
    late_rule = models.CharField(
        _("ผู้ที่มาสาย หรือกลับมาหลังถูกเรียก"), max_length=10, choices=LateRule, default=LateRule.AS_WALK_IN
    )
    calls_early = models.BooleanField(_("เรียกผู้ที่มาก่อนเวลาเมื่อไม่มีใครถึงเวลา"), default=True)
    priority_in_a_row = models.PositiveSmallIntegerField(
        _("เรียกคิวพิเศษติดกันได้ไม่เกิน (คิว)"),
        default=2,
        help_text=_("แล้วจึงเรียกคิวทั่วไปหนึ่งคิว 0 คือเรียกคิวพิเศษก่อนเสมอ"),
    )
    max_recalls = models.PositiveSmallIntegerField(
        _("เรียกซ้ำได้ไม่เกิน (ครั้ง)"), default=3, help_text=_("เกินจากนี้ถือว่าเรียกแล้วไม่พบ")
    )
    walk_in_percent = models.PositiveSmallIntegerField(
        _("กันไว้ให้ผู้ที่ไม่ได้จอง (ร้อยละ)"),
        default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("ส่วนของแต่ละช่วงเวลาที่ไม่เปิดให้จองล่วงหน้า"),
    )
    walk_ins_minutes_before_opening = models.PositiveSmallIntegerField(
        _("ออกบัตรคิวหน้าสำนักงานก่อนเปิด (นาที)"),
        default=30,
        db_default=30,
        validators=[MaxValueValidator(12 * 60)],
        help_text=_("ตู้ออกบัตรคิวเริ่มออกบัตรก่อนเวลาเปิดทำการเท่านี้"),
    )
    walk_ins_minutes_before_closing = models.PositiveSmallIntegerField(
        _("เลิกออกบัตรคิวหน้าสำนักงานก่อนปิด (นาที)"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(12 * 60)],
        help_text=_("0 คือออกบัตรคิวได้จนถึงเวลาปิดทำการ"),
    )
    nearly_when_ahead = models.PositiveSmallIntegerField(
        _("แจ้งเตือนเมื่อเหลืออีก (คิว)"), default=3, validators=[MaxValueValidator(50)]
    )
    usual_service_minutes = models.PositiveSmallIntegerField(
        _("เวลาให้บริการโดยปกติต่อคิว (นาที)"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text=_("ใช้ประมาณเวลารอจนกว่าจะมีสถิติของฝ่ายเอง"),
    )
    promise_minutes = models.PositiveSmallIntegerField(
        _("ตั้งใจเรียกภายใน (นาที)"),
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(12 * 60)],
        help_text=_("รายงานบอกว่ารอไม่เกินเวลานี้กี่ส่วน"),
    )
    # 0 anywhere of these: no such alarm.
    alarm_wait_minutes = models.PositiveSmallIntegerField(
        _("แจ้งเตือนเมื่อมีผู้รอเกิน (นาที)"), default=60, db_default=60, validators=[MaxValueValidator(12 * 60)]
    )
    alarm_unserved_minutes = models.PositiveSmallIntegerField(
        _("แจ้งเตือนเมื่อไม่มีช่องให้บริการเกิน (นาที)"), default=10, db_default=10, validators=[MaxValueValidator(12 * 60)]
    )
    alarm_silent_minutes = models.PositiveSmallIntegerField(
        _("แจ้งเตือนเมื่อช่องว่างทั้งที่มีผู้รอเกิน (นาที)"), default=15, db_default=15, validators=[MaxValueValidator(12 * 60)]
    )
    alarm_messages_minutes = models.PositiveSmallIntegerField(
        _("แจ้งเตือนเมื่อข้อความถึงสมาชิกค้างส่งเกิน (นาที)"),
        default=10,
        db_default=10,
        validators=[MaxValueValidator(12 * 60)],
        help_text=_("ข้อความเสนอคิวว่างเตือนเร็วกว่านี้ เพราะเก็บคิวไว้ให้ไม่นาน"),
    )
    alarm_surge_times = models.PositiveSmallIntegerField(
        _("แจ้งเตือนเมื่อจองมากกว่าปกติ (เท่า)"),
        default=5,
        db_default=5,
        validators=[MaxValueValidator(100)],
        help_text=_("จองเองใน 1 ชั่วโมง เทียบกับชั่วโมงเดียวกันของ 4 สัปดาห์ก่อน และต้องเกิน 50 คิว"),
    )

    history = HistoricalRecords()
    objects = DepartmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("ฝ่าย")
        verbose_name_plural = _("ฝ่าย")
        ordering = ["position", "letter"]
        permissions = [("view_today_department", _("ดูหน้าวันนี้ของฝ่ายได้"))]
        constraints = [
            models.CheckConstraint(
                name="department_window_in_order",
                condition=Q(min_days_ahead__lte=F("max_days_ahead")),
                violation_error_message=_("จำนวนวันที่จองล่วงหน้าอย่างน้อยต้องไม่มากกว่าจำนวนวันสูงสุด"),
            ),
            models.CheckConstraint(
                name="department_walk_in_share_is_a_percentage",
                condition=Q(walk_in_percent__lte=100),
                violation_error_message=_("ส่วนที่กันไว้ต้องอยู่ระหว่างร้อยละ 0 ถึง 100"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def purpose(self) -> str:
        """What the department is for, in the language of the page."""
        return self.in_language("description")
