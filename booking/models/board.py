"""What staff put on the board: recorded words, and notices."""

import datetime as dt
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from members.free_text import FreeCharField


class Clip(models.Model):
    """A recorded word that the board says (calling/board.py). It is in the database, so every web process has it, and
    every backup."""

    word = models.CharField(_("คำ"), max_length=20, unique=True)
    sound = models.BinaryField(_("เสียง"))
    content_type = models.CharField(_("ชนิดของไฟล์"), max_length=20)
    uploaded_at = models.DateTimeField(_("บันทึกเมื่อ"))

    class Meta:
        verbose_name = _("เสียงประกาศ")
        verbose_name_plural = _("เสียงประกาศ")
        ordering = ["word"]

    def __str__(self) -> str:
        return self.word


class BoardNoticeQuerySet(models.QuerySet["BoardNotice"]):
    def shown(self, *, today: dt.date | None = None) -> Self:
        """Those on the board today, oldest first."""
        today = today or timezone.localdate()
        begun = Q(first_day=None) | Q(first_day__lte=today)
        not_over = Q(last_day=None) | Q(last_day__gte=today)
        return self.filter(begun, not_over, is_active=True).order_by("pk")


class BoardNotice(models.Model):
    """A sentence at the foot of the board, from its first day to its last, both included."""

    text = FreeCharField(_("ข้อความ"), max_length=120, help_text=_("หนึ่งประโยค ยิ่งสั้นยิ่งอ่านได้จากไกล"))
    text_en = FreeCharField(_("ข้อความ (อังกฤษ)"), max_length=120, blank=True)
    first_day = models.DateField(_("แสดงตั้งแต่วันที่"), null=True, blank=True, help_text=_("เว้นว่างคือแสดงทันที"))
    last_day = models.DateField(_("แสดงถึงวันที่"), null=True, blank=True, help_text=_("เว้นว่างคือแสดงจนกว่าจะปิด"))
    is_active = models.BooleanField(_("แสดงบนจอ"), default=True)

    history = HistoricalRecords()
    objects = BoardNoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("ประกาศบนจอ")
        verbose_name_plural = _("ประกาศบนจอ")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="board_notice_days_in_order",
                condition=Q(first_day__isnull=True) | Q(last_day__isnull=True) | Q(first_day__lte=F("last_day")),
                violation_error_message=_("วันสุดท้ายต้องไม่อยู่ก่อนวันแรก"),
            )
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def said(self) -> str:
        """The text in the language of the page."""
        return self.text_en if get_language() == "en" and self.text_en else self.text
