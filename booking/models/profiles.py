"""Which counter serves which departments at which time: profiles, and when each was switched on."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from booking.models.counters import Counter
from booking.models.departments import Department
from booking.models.hours import OpeningHours
from members.free_text import FreeCharField


class CounterProfile(models.Model):
    """A set of counters with the departments that each serves (morning, pay-day, short of staff). It is switched on by
    a press, or by itself at `starts`. A counter that has none in it stays as it is."""

    name = FreeCharField(_("ชื่อ"), max_length=60, unique=True)
    starts = models.TimeField(_("เปลี่ยนเองเมื่อ"), null=True, blank=True, help_text=_("เว้นว่างไว้ หากเปลี่ยนด้วยการกดเท่านั้น"))
    weekday = models.PositiveSmallIntegerField(
        _("เฉพาะวัน"), null=True, blank=True, choices=OpeningHours.Weekday, help_text=_("เว้นว่างไว้ หากทุกวัน")
    )
    day_of_month = models.PositiveSmallIntegerField(
        _("เฉพาะวันที่"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("เช่น 25 สำหรับวันเงินเดือนออก"),
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("แบบการจัดช่องบริการ")
        verbose_name_plural = _("แบบการจัดช่องบริการ")
        ordering = ["starts", "name"]
        permissions = [("switch_counterprofile", _("เปลี่ยนแบบการจัดช่องบริการได้"))]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        if self.starts is None and (self.weekday is not None or self.day_of_month is not None):
            raise ValidationError({"starts": _("กรอกเวลาด้วย แบบนี้จึงจะเปลี่ยนเองในวันนั้นได้")})


class ProfileCounter(models.Model):
    """A department that a counter serves in a profile, and its place in the counter's order."""

    profile = models.ForeignKey(CounterProfile, models.CASCADE, related_name="rows", verbose_name=_("แบบ"))
    counter = models.ForeignKey(Counter, models.CASCADE, related_name="+", verbose_name=_("ช่องบริการ"))
    department = models.ForeignKey(Department, models.CASCADE, related_name="+", verbose_name=_("ฝ่าย"))
    position = models.PositiveSmallIntegerField(_("ลำดับ"), default=0)

    class Meta:
        verbose_name = _("ฝ่ายของช่องบริการในแบบ")
        verbose_name_plural = _("ฝ่ายของช่องบริการในแบบ")
        ordering = ["counter", "position", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="profile_counter_serves_a_department_once",
                fields=["profile", "counter", "department"],
                violation_error_message=_("ช่องบริการนี้มีฝ่ายนี้แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.profile_id}: {self.counter_id} {self.department_id}"


class ProfileSwitch(models.Model):
    """A profile was switched on: when, by whom, and what was left out. Rows are only ever added (a trigger refuses the
    rest)."""

    # A profile may be deleted; what was done stays.
    profile = models.ForeignKey(
        CounterProfile, models.DO_NOTHING, related_name="+", verbose_name=_("แบบ"), db_constraint=False
    )
    name = FreeCharField(_("ชื่อ"), max_length=60)
    at = models.DateTimeField(_("เมื่อ"))
    # None: by its time.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("โดย"))
    # The numbers of counters that stayed as they were, because who sits there has other departments.
    left_out = models.JSONField(_("ช่องที่ไม่ได้เปลี่ยน"), default=list)

    class Meta:
        verbose_name = _("การเปลี่ยนแบบ")
        verbose_name_plural = _("การเปลี่ยนแบบ")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} {self.at}"
