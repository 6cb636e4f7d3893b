"""Which days the whole office is closed."""

import datetime as dt
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords


class Kind(models.TextChoices):
    PUBLIC = "public", _("วันหยุดราชการ")
    SUBSTITUTION = "substitution", _("วันหยุดชดเชย")
    # Not a public holiday: a day on which the office may choose to close, as a teachers' cooperative may on วันครู.
    OPTIONAL = "optional", _("วันสำคัญ เลือกหยุดหรือไม่ก็ได้")
    OFFICE = "office", _("วันหยุดของสหกรณ์")


class HolidayQuerySet(models.QuerySet["Holiday"]):
    def confirmed(self) -> Self:
        """Holidays in force. The others are drafts, which close nothing."""
        return self.filter(is_confirmed=True)

    def between(self, first: dt.date, last: dt.date) -> Self:
        """Holidays from `first` to `last`, both included."""
        return self.filter(date__range=(first, last))


class Holiday(models.Model):
    """A day, or part of a day, on which the whole office is closed once staff have confirmed it."""

    date = models.DateField(
        _("วันที่"),
        unique=True,
        error_messages={"unique": _("มีวันหยุดของวันนี้อยู่แล้ว กรุณาแก้ไขรายการเดิม")},
    )
    name = models.CharField(_("ชื่อวันหยุด"), max_length=200)
    name_en = models.CharField(_("ชื่อวันหยุด (อังกฤษ)"), max_length=200, blank=True)
    kind = models.CharField(_("ประเภท"), max_length=12, choices=Kind, default=Kind.OFFICE)
    # Half a day. Empty means the beginning, or the end, of the day.
    starts = models.TimeField(
        _("หยุดตั้งแต่เวลา"), null=True, blank=True, help_text=_("เว้นว่างทั้งสองช่องหากหยุดทั้งวัน หยุดครึ่งบ่ายใส่เพียง 12.00")
    )
    ends = models.TimeField(_("ถึงเวลา"), null=True, blank=True, help_text=_("หยุดครึ่งเช้าใส่เพียง 12.00"))
    is_confirmed = models.BooleanField(
        _("ยืนยันแล้ว"),
        default=False,
        help_text=_("วันหยุดที่ยังไม่ยืนยันเป็นเพียงร่าง ยังไม่ปิดรับจองคิว"),
    )

    objects = HolidayQuerySet.as_manager()
    history = HistoricalRecords(verbose_name=_("ประวัติวันหยุด"), verbose_name_plural=_("ประวัติวันหยุด"))

    class Meta:
        verbose_name = _("วันหยุด")
        verbose_name_plural = _("วันหยุด")
        ordering = ["date"]
        constraints = [
            models.CheckConstraint(
                name="holiday_times_in_order",
                condition=models.Q(starts__lt=models.F("ends")),  # a CHECK lets NULL pass
                violation_error_message=_("เวลาสิ้นสุดต้องอยู่หลังเวลาเริ่ม"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m-%d} {self.name}"

    @property
    def is_optional(self) -> bool:
        return self.kind == Kind.OPTIONAL
