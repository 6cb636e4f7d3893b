import datetime as dt
from typing import Self

from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import models
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from booking.models.departments import Department
from booking.models.places import Place


class ServedAt(Func):
    """Whether a moment lies in one of the stretches of an array: ServedAt(moment, stretches)."""

    template = "(%(expressions)s))"
    arg_joiner = " <@ ANY ("
    output_field = BooleanField()


class DepartmentDayQuerySet(models.QuerySet["DepartmentDay"]):
    def on(self, date: dt.date) -> Self:
        return self.filter(date=date)

    def open(self) -> Self:
        """The days on which the department serves somebody, booked or not, at some time."""
        return self.filter(state=DepartmentDay.State.OPEN)

    def by_department(self) -> dict[int, "DepartmentDay"]:
        """The days of one date, by the department's id."""
        return {day.department_id: day for day in self}


class DepartmentDay(models.Model):
    """What a day is for a department. days/opening.py works it out from all rules, 366 days ahead. Everybody else reads
    this row, and never the rules."""

    class State(models.TextChoices):
        OPEN = "open", _("เปิด")
        CLOSED = "closed", _("ปิด")
        HOLIDAY = "holiday", _("วันหยุด")
        NO_HOURS = "no_hours", _("ไม่มีเวลาทำการ")

    department = models.ForeignKey(Department, models.CASCADE, related_name="days", verbose_name=_("ฝ่าย"))
    date = models.DateField(_("วันที่"))
    state = models.CharField(_("สถานะ"), max_length=10, choices=State)
    # Why the day, or a part of it, is closed.
    reason = models.CharField(_("เหตุผล"), max_length=200, blank=True)
    reason_en = models.CharField(_("เหตุผล (อังกฤษ)"), max_length=200, blank=True)
    # When it serves, in order of time, without the break and closed times.
    serving = ArrayField(DateTimeRangeField(), verbose_name=_("เวลาที่ให้บริการ"), default=list, blank=True)

    objects = DepartmentDayQuerySet.as_manager()

    class Meta:
        verbose_name = _("วันของฝ่าย")
        verbose_name_plural = _("วันของฝ่าย")
        ordering = ["date", "department"]
        constraints = [
            models.UniqueConstraint(
                name="one_day_per_department_and_date",
                fields=["department", "date"],
                violation_error_message=_("ฝ่ายนี้มีวันนี้แล้ว"),
            )
        ]
        indexes = [models.Index(name="days_by_date", fields=["date"])]

    def __str__(self) -> str:
        return f"{self.department_id} {self.date}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def why(self) -> str:
        """The reason in the language of the page."""
        return (self.reason_en if get_language() == "en" else "") or self.reason

    @property
    def hours(self) -> list[tuple[dt.datetime, dt.datetime]]:
        """The stretches in which it serves, in order of time, in the office's zone."""
        return [(timezone.localtime(one.lower), timezone.localtime(one.upper)) for one in self.serving]

    @property
    def opens_at(self) -> dt.datetime | None:
        return self.hours[0][0] if self.serving else None

    @property
    def closes_at(self) -> dt.datetime | None:
        return self.hours[-1][1] if self.serving else None

    def serves_at(self, moment: dt.datetime) -> bool:
        return any(starts <= moment < ends for starts, ends in self.hours)


def in_closed_time() -> Q:
    """A condition for tickets: nobody is served at the ticket's minute, at the minute at which a further part of its
    visit begins, or, if it has no slot, at any time of its day."""
    day = DepartmentDay.objects.open().filter(department=OuterRef("department"), date=OuterRef("date"))
    served = Exists(day.filter(ServedAt(OuterRef("slot__starts_at"), F("serving"))))
    day_of_slot = DepartmentDay.objects.open().filter(
        ServedAt(OuterRef("slot__starts_at"), F("serving")),
        department=OuterRef("slot__department"),
        date=OuterRef("slot__date"),
    )
    further = Exists(Place.objects.filter(~Exists(day_of_slot), ticket=OuterRef("pk"), part__gt=1))
    unserved = Q(slot__isnull=False) & ~Q(served)
    return unserved | Q(parts__gt=1) & Q(further) | Q(slot__isnull=True) & ~Q(Exists(day))
