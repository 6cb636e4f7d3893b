from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords


class DepartmentQuerySet(models.QuerySet):
    def active(self):
        return self.filter(is_active=True)


class Department(models.Model):
    """A department of the office: what a member chooses first, and whose letter stands on the ticket."""

    class Hue(models.TextChoices):
        TEAL = "teal", _("เขียวน้ำทะเล")
        AMBER = "amber", _("เหลืองอำพัน")
        VIOLET = "violet", _("ม่วง")
        ROSE = "rose", _("ชมพูกุหลาบ")
        OLIVE = "olive", _("เขียวมะกอก")

    slug = models.SlugField(_("ชื่อในที่อยู่เว็บ"), unique=True, max_length=40)
    letter = models.CharField(
        _("อักษรนำหมายเลข"),
        unique=True,
        max_length=1,
        validators=[RegexValidator(r"^[A-Z]$", _("ใช้อักษร A ถึง Z หนึ่งตัว"))],
    )
    name = models.CharField(_("ชื่อฝ่าย"), max_length=100)
    name_en = models.CharField(_("ชื่อฝ่าย (อังกฤษ)"), max_length=100, blank=True)
    description = models.CharField(_("ติดต่อเรื่องอะไร"), max_length=300, blank=True)
    description_en = models.CharField(_("ติดต่อเรื่องอะไร (อังกฤษ)"), max_length=300, blank=True)
    bring = models.TextField(_("สิ่งที่ต้องนำมา"), blank=True, help_text=_("หนึ่งบรรทัดต่อหนึ่งรายการ"))
    bring_en = models.TextField(_("สิ่งที่ต้องนำมา (อังกฤษ)"), blank=True)
    hue = models.CharField(_("สีประจำฝ่าย"), max_length=10, choices=Hue, default=Hue.TEAL)
    position = models.PositiveSmallIntegerField(_("ลำดับที่แสดง"), default=0)
    is_active = models.BooleanField(_("เปิดใช้งาน"), default=True)

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

    history = HistoricalRecords()
    objects = DepartmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("ฝ่าย")
        verbose_name_plural = _("ฝ่าย")
        ordering = ["position", "letter"]
        constraints = [
            models.CheckConstraint(
                name="department_window_in_order",
                condition=Q(min_days_ahead__lte=F("max_days_ahead")),
                violation_error_message=_("จำนวนวันที่จองล่วงหน้าอย่างน้อยต้องไม่มากกว่าจำนวนวันสูงสุด"),
            )
        ]

    def __str__(self):
        return self.name

    @property
    def title(self) -> str:
        """The name in the language of the page."""
        return self._in_language("name")

    @property
    def purpose(self) -> str:
        """What the department is for, in the language of the page."""
        return self._in_language("description")

    @property
    def things_to_bring(self) -> list[str]:
        """What to bring, in the language of the page, one thing an item."""
        return [line.strip() for line in self._in_language("bring").splitlines() if line.strip()]

    def _in_language(self, field: str) -> str:
        english = getattr(self, f"{field}_en") if get_language() == "en" else ""
        return english or getattr(self, field)
