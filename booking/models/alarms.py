"""What a manager should look at now, and who hears of it by e-mail."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from booking.models.counters import Counter
from booking.models.departments import Department


class AlarmQuerySet(models.QuerySet["Alarm"]):
    def open(self) -> AlarmQuerySet:
        return self.filter(ended_at=None)

    def of(self, departments: frozenset[int] | None) -> AlarmQuerySet:
        """The alarms of these departments; None: all alarms, including those of the whole office."""
        return self if departments is None else self.filter(department__in=departments)


class Alarm(models.Model):
    """Something that went wrong, from when it was first seen until it was no longer seen. A job raises and ends it
    (verbs/alarms.py), and whoever takes care of it acknowledges it. It is kept."""

    class Kind(models.TextChoices):
        LONG_WAIT = "long_wait", _("มีผู้รอนานเกินกำหนด")
        UNSERVED = "unserved", _("มีผู้รอ แต่ไม่มีช่องใดให้บริการ")
        SILENT = "silent", _("ช่องว่างอยู่ ทั้งที่มีผู้รอ")
        MESSAGES = "messages", _("ข้อความถึงสมาชิกค้างส่ง")
        SURGE = "surge", _("มีการจองหรือค้นหามากผิดปกติ")

    kind = models.CharField(_("เรื่อง"), max_length=12, choices=Kind)
    # None if it concerns the whole office.
    department = models.ForeignKey(
        Department, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("ฝ่าย")
    )
    counter = models.ForeignKey(
        Counter, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("ช่องบริการ")
    )
    since = models.DateTimeField(_("ตั้งแต่"))
    ended_at = models.DateTimeField(_("สิ้นสุดเมื่อ"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("รับทราบโดย")
    )
    acknowledged_at = models.DateTimeField(_("รับทราบเมื่อ"), null=True, blank=True)
    mailed_at = models.DateTimeField(_("ส่งอีเมลเมื่อ"), null=True, blank=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = _("การแจ้งเตือน")
        verbose_name_plural = _("การแจ้งเตือน")
        ordering = ["-id"]
        permissions = [("acknowledge_alarm", _("รับทราบการแจ้งเตือนได้"))]
        constraints = [
            models.UniqueConstraint(
                name="one_open_alarm_of_a_kind",
                fields=["kind", "department", "counter"],
                condition=Q(ended_at=None),
                nulls_distinct=False,
                violation_error_message=_("มีการแจ้งเตือนนี้อยู่แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.department_id or ''} {self.counter_id or ''}"

    @property
    def words(self) -> str:
        """ช่องว่างอยู่ ทั้งที่มีผู้รอ: ฝ่ายสินเชื่อ ช่องบริการ 3"""
        about = [str(one) for one in (self.department and self.department.title, self.counter) if one]
        return f"{self.get_kind_display()}: {' '.join(about)}" if about else str(self.get_kind_display())


class AlarmMail(models.Model):
    """A member of staff who hears of alarms by e-mail, and the address."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="alarm_mail", verbose_name=_("ผู้ใช้")
    )
    address = models.EmailField(_("อีเมล"))

    class Meta:
        verbose_name = _("อีเมลรับการแจ้งเตือน")
        verbose_name_plural = _("อีเมลรับการแจ้งเตือน")

    def __str__(self) -> str:
        return str(self.user)
