import datetime as dt
from typing import Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from booking.models.departments import Department
from booking.models.languages import InTwoLanguages
from members.free_text import FreeCharField, FreeTextField


class TopicQuerySet(models.QuerySet["Topic"]):
    def offered(self, department: Department | int | None = None, *, today: dt.date | None = None) -> Self:
        """Those for which members may come today or later, to a department or to any."""
        found = self.filter(Q(active_until=None) | Q(active_until__gte=today or timezone.localdate()))
        return found.filter(department=department) if department else found

    def by_department(self) -> dict[int, list["Topic"]]:
        found: dict[int, list[Topic]] = {}
        for topic in self:
            found.setdefault(topic.department_id, []).append(topic)
        return found


class Topic(InTwoLanguages):
    """What a member comes to a department for. A topic that takes longer than a slot takes a place in each of the slots
    that follow, so that a ticket holds several."""

    department = models.ForeignKey(Department, models.CASCADE, related_name="topics", verbose_name=_("ฝ่าย"))
    name = FreeCharField(_("ชื่อเรื่อง"), max_length=100)
    name_en = FreeCharField(_("ชื่อเรื่อง (อังกฤษ)"), max_length=100, blank=True)
    minutes = models.PositiveSmallIntegerField(
        _("ใช้เวลา (นาที)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(8 * 60)],
        help_text=_("เว้นว่างไว้ หากไม่เกินหนึ่งช่วงเวลา เรื่องที่นานกว่าหนึ่งช่วงจะจองช่วงถัดไปด้วย"),
    )
    bring = FreeTextField(_("เอกสารที่ต้องนำมา"), blank=True, help_text=_("หนึ่งบรรทัดต่อหนึ่งรายการ เว้นว่างไว้ หากเหมือนของฝ่าย"))
    bring_en = FreeTextField(_("เอกสารที่ต้องนำมา (อังกฤษ)"), blank=True)
    online_url = models.URLField(
        _("ลิงก์ทำทางออนไลน์"), blank=True, help_text=_("หากทำเรื่องนี้ได้โดยไม่ต้องมา หน้าจองจะบอกและให้ลิงก์")
    )
    needs_proof = models.BooleanField(
        _("จองได้เฉพาะผู้ที่ยืนยันตัวตน"), default=False, help_text=_("ด้วย LINE ไอเมมเบอร์ เลขท้ายโทรศัพท์ หรือรหัสจากเจ้าหน้าที่")
    )
    share = models.PositiveSmallIntegerField(
        _("กันที่ไว้ให้ (ร้อยละของวัน)"),
        default=0,
        validators=[MaxValueValidator(100)],
        help_text=_("0 คือใช้ที่ร่วมกับเรื่องอื่น มากกว่า 0 คือจองได้เฉพาะที่ที่กันไว้ และเรื่องอื่นใช้ที่เหล่านั้นไม่ได้"),
    )
    active_from = models.DateField(_("ใช้ตั้งแต่วันที่"), null=True, blank=True)
    active_until = models.DateField(_("ใช้ถึงวันที่"), null=True, blank=True)
    position = models.PositiveSmallIntegerField(_("ลำดับที่แสดง"), default=0)

    # How long it takes at the counter, measured as a department's pace is; None until that could be measured.
    pace_seconds = models.PositiveIntegerField(null=True, editable=False)

    history = HistoricalRecords(excluded_fields=["pace_seconds"])
    objects = TopicQuerySet.as_manager()

    class Meta:
        verbose_name = _("เรื่องที่ติดต่อ")
        verbose_name_plural = _("เรื่องที่ติดต่อ")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_topic_per_department_and_name",
                fields=["department", "name"],
                violation_error_message=_("ฝ่ายนี้มีเรื่องนี้แล้ว"),
            ),
            models.CheckConstraint(
                name="topic_ends_after_it_begins",
                condition=Q(active_until__gte=F("active_from")),
                violation_error_message=_("วันสุดท้ายต้องไม่มาก่อนวันแรก"),
            ),
            models.CheckConstraint(
                name="topic_share_is_a_percentage",
                condition=Q(share__lte=100),
                violation_error_message=_("ส่วนที่กันไว้ต้องอยู่ระหว่างร้อยละ 0 ถึง 100"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """What the constraints refuse, said beside the field: a section of a form shows nothing else."""
        if self.active_from and self.active_until and self.active_until < self.active_from:
            raise ValidationError({"active_until": _("วันสุดท้ายต้องไม่มาก่อนวันแรก")})
        alike = Topic.objects.filter(department=self.department_id, name=self.name).exclude(pk=self.pk)
        if alike.exists():
            raise ValidationError({"name": _("ฝ่ายนี้มีเรื่องนี้แล้ว")})

    def is_offered(self, date: dt.date) -> bool:
        return (self.active_from or date) <= date <= (self.active_until or date)

    @property
    def places_of(self) -> int | None:
        """Which places it is booked in, as a place's `topic`: its own, or None for those that all others share."""
        return self.pk if self.share else None
