import datetime as dt

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from booking.models.departments import Department
from members.free_text import FreeCharField

# Bookings are numbered from 1 to here each day; walk-ins go on from 501.
LAST_BOOKED_NUMBER = 500


class OpeningHours(models.Model):
    """The rule of one weekday, from a date on: when a department is open, and how many it serves in each slot. It holds
    until a later rule of the same weekday begins."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("วันจันทร์")
        TUESDAY = 1, _("วันอังคาร")
        WEDNESDAY = 2, _("วันพุธ")
        THURSDAY = 3, _("วันพฤหัสบดี")
        FRIDAY = 4, _("วันศุกร์")
        SATURDAY = 5, _("วันเสาร์")
        SUNDAY = 6, _("วันอาทิตย์")

    department = models.ForeignKey(Department, models.CASCADE, related_name="hours", verbose_name=_("ฝ่าย"))
    weekday = models.PositiveSmallIntegerField(_("วัน"), choices=Weekday)
    from_date = models.DateField(
        _("ใช้ตั้งแต่วันที่"), null=True, blank=True, help_text=_("เว้นว่างไว้ หากใช้อยู่แล้ว ใส่วันที่เมื่อเวลาใหม่จะเริ่มใช้ภายหลัง")
    )
    is_open = models.BooleanField(_("เปิดทำการ"), default=True, db_default=True)
    opens = models.TimeField(_("เปิด"), default=dt.time(8, 30))
    closes = models.TimeField(_("ปิด"), default=dt.time(15, 30))
    break_starts = models.TimeField(_("พักตั้งแต่"), null=True, blank=True)
    break_ends = models.TimeField(_("พักถึง"), null=True, blank=True)
    slot_minutes = models.PositiveSmallIntegerField(
        _("ช่วงละ (นาที)"), default=30, validators=[MinValueValidator(5), MaxValueValidator(480)]
    )
    quota = models.PositiveSmallIntegerField(
        _("จำนวนคิวต่อช่วง"), default=4, validators=[MaxValueValidator(LAST_BOOKED_NUMBER)]
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("เวลาทำการ")
        verbose_name_plural = _("เวลาทำการ")
        ordering = ["department", "weekday", F("from_date").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                name="one_rule_per_weekday_and_beginning",
                fields=["department", "weekday", "from_date"],
                nulls_distinct=False,
                violation_error_message=_("ฝ่ายนี้มีเวลาทำการของวันนี้ที่เริ่มใช้วันเดียวกันแล้ว"),
            ),
            models.CheckConstraint(
                name="hours_weekday_exists",
                condition=Q(weekday__range=(0, 6)),
                violation_error_message=_("เลือกวันจันทร์ถึงวันอาทิตย์"),
            ),
            models.CheckConstraint(
                name="hours_quota_not_negative",
                condition=Q(quota__gte=0),
                violation_error_message=_("จำนวนคิวต้องไม่ติดลบ"),
            ),
            models.CheckConstraint(
                name="hours_slot_at_least_five_minutes",
                condition=Q(slot_minutes__gte=5),
                violation_error_message=_("ช่วงเวลาต้องไม่น้อยกว่า 5 นาที"),
            ),
            models.CheckConstraint(
                name="hours_open_before_close",
                condition=Q(opens__lt=F("closes")),
                violation_error_message=_("เวลาเปิดต้องมาก่อนเวลาปิด"),
            ),
            models.CheckConstraint(
                name="hours_break_within_opening",
                condition=Q(break_starts__isnull=True, break_ends__isnull=True)
                # A CHECK lets NULL pass, so it has to demand both ends.
                | Q(
                    break_starts__isnull=False,
                    break_ends__isnull=False,
                    break_starts__gte=F("opens"),
                    break_starts__lt=F("break_ends"),
                    break_ends__lte=F("closes"),
                ),
                violation_error_message=_("เวลาพักต้องอยู่ในเวลาทำการ และกรอกทั้งเวลาเริ่มและเวลาสิ้นสุด"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H.%M}-{self.closes:%H.%M}"

    def clean(self) -> None:
        super().clean()
        if None in (self.opens, self.closes, self.slot_minutes, self.quota):
            return
        if self.opens >= self.closes:
            raise ValidationError({"closes": _("เวลาปิดต้องอยู่หลังเวลาเปิด")})
        if bool(self.break_starts) != bool(self.break_ends):
            empty = "break_ends" if self.break_starts else "break_starts"
            raise ValidationError({empty: _("กรอกเวลาพักให้ครบทั้งเริ่มและสิ้นสุด หรือเว้นว่างทั้งสองช่อง")})
        if not self._break_is_within():
            raise ValidationError({"break_starts": _("เวลาพักต้องอยู่ระหว่างเวลาเปิดและเวลาปิด")})
        slots = len(self.periods())
        if not slots and self.is_open:
            raise ValidationError({"slot_minutes": _("ช่วงยาวกว่าเวลาทำการ จึงไม่มีช่วงให้จอง กรุณาลดจำนวนนาที")})
        if slots * self.quota > LAST_BOOKED_NUMBER:
            raise ValidationError(
                {
                    "quota": _("วันหนึ่งออกหมายเลขจองได้ %(most)s คิว แต่ %(slots)s ช่วง ช่วงละ %(quota)s คิว เกินจำนวนนี้")
                    % {"most": LAST_BOOKED_NUMBER, "slots": slots, "quota": self.quota}
                }
            )

    def _break_is_within(self) -> bool:
        if not (self.break_starts and self.break_ends):
            return True
        return self.opens <= self.break_starts < self.break_ends <= self.closes

    def periods(self) -> list[tuple[dt.time, dt.time]]:
        """The day's slots as (start, end) in local time. A slot that would run into the break or past closing is left
        out."""
        if not self.is_open:
            return []
        return periods_of(self.opens, self.closes, self.break_starts, self.break_ends, self.slot_minutes)


def periods_of(
    opens: dt.time, closes: dt.time, break_starts: dt.time | None, break_ends: dt.time | None, slot_minutes: int
) -> list[tuple[dt.time, dt.time]]:
    """The slots of a day with these hours, as (start, end)."""
    if bool(break_starts) != bool(break_ends):
        return []
    stretches = [(opens, break_starts), (break_ends, closes)] if break_starts and break_ends else [(opens, closes)]
    found = []
    for begins, ends in stretches:
        start, end = _minutes(begins), _minutes(ends)
        while start + slot_minutes <= end:
            found.append((_time(start), _time(start + slot_minutes)))
            start += slot_minutes
    return found


class QuotaOverride(models.Model):
    """What DayException has replaced. Nothing reads it any more. The table stays for one release, because the release
    before reads it."""

    department = models.ForeignKey(Department, models.CASCADE, related_name="overrides", verbose_name=_("ฝ่าย"))
    date = models.DateField(_("วันที่"))
    start = models.TimeField(_("ช่วงเวลาที่เริ่ม"), null=True, blank=True, help_text=_("เว้นว่างไว้ หากใช้กับทุกช่วงของวัน"))
    quota = models.PositiveSmallIntegerField(
        _("จำนวนคิวต่อช่วง"), help_text=_("0 คือปิดรับจอง"), validators=[MaxValueValidator(LAST_BOOKED_NUMBER)]
    )
    reason = FreeCharField(_("เหตุผลที่แจ้งสมาชิก"), max_length=120, blank=True)
    reason_en = FreeCharField(_("เหตุผลที่แจ้งสมาชิก (อังกฤษ)"), max_length=120, blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = _("โควตาเฉพาะวัน")
        verbose_name_plural = _("โควตาเฉพาะวัน")
        ordering = ["-date", "department", "start"]
        constraints = [
            models.UniqueConstraint(
                name="one_override_per_date_and_start",
                fields=["department", "date", "start"],
                nulls_distinct=False,
                violation_error_message=_("วันและช่วงเวลานี้มีโควตาเฉพาะแล้ว"),
            ),
            models.CheckConstraint(
                name="override_quota_not_negative",
                condition=Q(quota__gte=0),
                violation_error_message=_("จำนวนคิวต้องไม่ติดลบ"),
            ),
        ]

    def __str__(self) -> str:
        when = f" {self.start:%H.%M}" if self.start else ""
        return f"{self.department} {self.date}{when}: {self.quota}"


def _minutes(time: dt.time) -> int:
    return time.hour * 60 + time.minute


def _time(minutes: int) -> dt.time:
    return dt.time(*divmod(minutes, 60))
