import datetime as dt

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from booking.models.departments import Department
from booking.models.hours import LAST_BOOKED_NUMBER, periods_of
from members.free_text import FreeCharField

LONGEST = 366  # days


class DayException(models.Model):
    """A stretch of time that differs from the weekly hours. Only days/rules.py says which exception counts if several
    overlap, and what it makes of a day."""

    class Kind(models.TextChoices):
        CLOSED = "closed", _("ปิด")
        QUOTA = "quota", _("เปลี่ยนจำนวนคิวต่อช่วง")
        HOURS = "hours", _("เปิดตามเวลาอื่น หรือเปิดเป็นพิเศษ")

    first_date = models.DateField(_("ตั้งแต่วันที่"))
    last_date = models.DateField(_("ถึงวันที่"))
    starts = models.TimeField(_("ตั้งแต่เวลา"), null=True, blank=True)
    ends = models.TimeField(_("ถึงเวลา"), null=True, blank=True)
    is_office = models.BooleanField(_("ทั้งสำนักงาน"), default=False, db_default=False)
    departments = models.ManyToManyField(Department, blank=True, related_name="exceptions", verbose_name=_("ฝ่าย"))
    kind = models.CharField(_("เปลี่ยนเป็น"), max_length=10, choices=Kind)
    quota = models.PositiveSmallIntegerField(
        _("จำนวนคิวต่อช่วง"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LAST_BOOKED_NUMBER)],
    )
    # Of other hours only.
    break_starts = models.TimeField(_("พักตั้งแต่"), null=True, blank=True)
    break_ends = models.TimeField(_("พักถึง"), null=True, blank=True)
    slot_minutes = models.PositiveSmallIntegerField(
        _("ช่วงละ (นาที)"), null=True, blank=True, validators=[MinValueValidator(5), MaxValueValidator(480)]
    )
    reason = FreeCharField(_("เหตุผลที่แจ้งสมาชิก"), max_length=120, blank=True)
    reason_en = FreeCharField(_("เหตุผลที่แจ้งสมาชิก (อังกฤษ)"), max_length=120, blank=True)

    history = HistoricalRecords(m2m_fields=[departments])

    class Meta:
        verbose_name = _("วันและเวลาที่ต่างจากปกติ")
        verbose_name_plural = _("วันและเวลาที่ต่างจากปกติ")
        ordering = ["-first_date", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="exception_dates_in_order",
                condition=Q(first_date__lte=F("last_date")),
                violation_error_message=_("วันสุดท้ายต้องไม่อยู่ก่อนวันแรก"),
            ),
            models.CheckConstraint(
                name="exception_times_in_order",
                # A CHECK lets NULL pass. Empty means the beginning, or the end, of the day.
                condition=Q(starts__lt=F("ends")),
                violation_error_message=_("เวลาสิ้นสุดต้องอยู่หลังเวลาเริ่ม"),
            ),
            models.CheckConstraint(
                name="exception_says_what_its_kind_needs",
                condition=Q(kind="closed")
                | Q(kind="quota", quota__isnull=False, quota__gte=1)
                | Q(
                    kind="hours",
                    quota__isnull=False,
                    quota__gte=1,
                    starts__isnull=False,
                    ends__isnull=False,
                    slot_minutes__isnull=False,
                    slot_minutes__gte=5,
                ),
                violation_error_message=_("กรอกข้อมูลไม่ครบ"),
            ),
        ]
        indexes = [models.Index(name="exceptions_by_date", fields=["last_date", "first_date"])]

    def __str__(self) -> str:
        days = f"{self.first_date:%d/%m/%Y}"
        if self.last_date != self.first_date:
            days += f"-{self.last_date:%d/%m/%Y}"
        return f"{self.get_kind_display()} {days}"

    def clean(self) -> None:
        super().clean()
        if self.first_date and self.last_date:
            if self.last_date < self.first_date:
                raise ValidationError({"last_date": _("วันสุดท้ายต้องไม่อยู่ก่อนวันแรก")})
            if (self.last_date - self.first_date).days >= LONGEST:
                raise ValidationError({"last_date": _("กำหนดได้ไม่เกิน %(days)s วัน") % {"days": LONGEST}})
            if self._state.adding and self.last_date < timezone.localdate():
                raise ValidationError({"last_date": _("วันนี้ผ่านไปแล้ว กรุณาเลือกวันนี้หรือวันข้างหน้า")})
        if self.starts and self.ends and self.ends <= self.starts:
            raise ValidationError({"ends": _("เวลาสิ้นสุดต้องอยู่หลังเวลาเริ่ม")})
        if self.kind == self.Kind.QUOTA:
            self._require("quota")
        if self.kind == self.Kind.HOURS:
            self._require("starts", "ends", "slot_minutes", "quota")
            self._make_slots()

    def concerned(self) -> list[Department]:
        """The departments whose days it changes."""
        return list(Department.objects.active() if self.is_office else self.departments.all())

    def periods(self) -> list[tuple[dt.time, dt.time]]:
        """The slots of other hours, as OpeningHours.periods()."""
        if self.starts is None or self.ends is None or self.slot_minutes is None:  # of another kind
            return []
        return periods_of(self.starts, self.ends, self.break_starts, self.break_ends, self.slot_minutes)

    def _require(self, *names: str) -> None:
        empty = {name: _("กรุณากรอกช่องนี้") for name in names if getattr(self, name) in (None, "")}
        if empty:
            raise ValidationError(empty)

    def _make_slots(self) -> None:
        if bool(self.break_starts) != bool(self.break_ends):
            empty = "break_ends" if self.break_starts else "break_starts"
            raise ValidationError({empty: _("กรอกเวลาพักให้ครบทั้งเริ่มและสิ้นสุด หรือเว้นว่างทั้งสองช่อง")})
        if not self._break_is_within():
            raise ValidationError({"break_starts": _("เวลาพักต้องอยู่ระหว่างเวลาเปิดและเวลาปิด")})
        slots = len(self.periods())
        if not slots:
            raise ValidationError({"slot_minutes": _("ช่วงยาวกว่าเวลาทำการ จึงไม่มีช่วงให้จอง กรุณาลดจำนวนนาที")})
        if slots * (self.quota or 0) > LAST_BOOKED_NUMBER:
            raise ValidationError(
                {
                    "quota": _("วันหนึ่งออกหมายเลขจองได้ %(most)s คิว แต่ %(slots)s ช่วง ช่วงละ %(quota)s คิว เกินจำนวนนี้")
                    % {"most": LAST_BOOKED_NUMBER, "slots": slots, "quota": self.quota}
                }
            )

    def _break_is_within(self) -> bool:
        """Where one of the four is missing, that is said elsewhere."""
        if not (self.starts and self.break_starts and self.break_ends and self.ends):
            return True
        return self.starts <= self.break_starts < self.break_ends <= self.ends
