from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from booking.models.departments import Department


class Counter(models.Model):
    """A counter (ช่องบริการ): its number, the departments that it serves, in order, and who sits there now."""

    number = models.PositiveSmallIntegerField(_("หมายเลขช่องบริการ"), unique=True)
    departments: "models.ManyToManyField[Department, CounterDepartment]" = models.ManyToManyField(
        Department, through="CounterDepartment", related_name="counters", verbose_name=_("ฝ่ายที่ให้บริการ")
    )
    is_active = models.BooleanField(_("เปิดใช้งาน"), default=True)
    clerk = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="counter",
        verbose_name=_("เจ้าหน้าที่ที่นั่งอยู่"),
    )

    history = HistoricalRecords(excluded_fields=["clerk"])

    class Meta:
        verbose_name = _("ช่องบริการ")
        verbose_name_plural = _("ช่องบริการ")
        ordering = ["number"]
        permissions = [
            ("serve_at_counter", _("ให้บริการที่ช่องบริการได้")),
            ("take_over_counter", _("นั่งแทนผู้อื่นที่ช่องบริการได้")),
        ]

    def __str__(self) -> str:
        return str(_("ช่องบริการ %(number)s") % {"number": self.number})

    def department_ids(self) -> list[int]:
        """The ids of the departments that it serves, in its order."""
        return list(self.serves.order_by("position", "pk").values_list("department_id", flat=True))


class CounterDepartment(models.Model):
    counter = models.ForeignKey(Counter, models.CASCADE, related_name="serves", verbose_name=_("ช่องบริการ"))
    department = models.ForeignKey(Department, models.CASCADE, related_name="served_at", verbose_name=_("ฝ่าย"))
    position = models.PositiveSmallIntegerField(_("ลำดับ"), default=0)

    class Meta:
        verbose_name = _("ฝ่ายที่ให้บริการ")
        verbose_name_plural = _("ฝ่ายที่ให้บริการ")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="counter_serves_a_department_once",
                fields=["counter", "department"],
                violation_error_message=_("ช่องบริการนี้มีฝ่ายนี้แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.counter}: {self.department}"


class SeatEvent(models.Model):
    """One change of who sits at a counter: who came or went, and who made the change. Rows are only ever added."""

    class Kind(models.TextChoices):
        SAT = "sat", _("นั่ง")
        LEFT = "left", _("ออก")
        TAKEN_OVER = "taken_over", _("มีผู้นั่งแทน")
        FREED = "freed", _("เพื่อนร่วมงานปล่อยช่อง")

    counter = models.ForeignKey(Counter, models.PROTECT, related_name="seat_events", verbose_name=_("ช่องบริการ"))
    kind = models.CharField(_("เหตุการณ์"), max_length=10, choices=Kind)
    clerk = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("เจ้าหน้าที่ที่นั่งอยู่")
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("โดย"))
    at = models.DateTimeField(_("เมื่อ"))

    class Meta:
        verbose_name = _("เหตุการณ์ของที่นั่ง")
        verbose_name_plural = _("ใครนั่งเมื่อไร")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.counter_id}: {self.kind}"


class QueueVersion(models.Model):
    """A number for each department, which goes up with every change of its queue today. Pages that poll compare it.
    Whoever changes the queue holds this row's lock meanwhile."""

    department = models.OneToOneField(Department, models.CASCADE, primary_key=True, related_name="queue_version")
    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name = _("รุ่นของคิว")
        verbose_name_plural = _("รุ่นของคิว")

    def __str__(self) -> str:
        return f"{self.department_id}: {self.version}"


class Pace(models.Model):
    """How long a department takes for one ticket, measured from today's and recent events by a job."""

    department = models.OneToOneField(Department, models.CASCADE, primary_key=True, related_name="pace")
    seconds = models.PositiveIntegerField(_("เวลาให้บริการต่อคิว (วินาที)"))
    spread = models.PositiveIntegerField(_("ส่วนเบี่ยงเบน (วินาที)"))
    measured_at = models.DateTimeField(_("วัดเมื่อ"))

    class Meta:
        verbose_name = _("เวลาให้บริการของฝ่าย")
        verbose_name_plural = _("เวลาให้บริการของฝ่าย")

    def __str__(self) -> str:
        return f"{self.department_id}: {self.seconds}"


class WaitSpread(models.Model):
    """How far a department's real waits were from the expected ones (calling/forecast.py): the lower and upper
    multiple, at a time of day or, if that is empty, all day. A job measures it."""

    class Part(models.TextChoices):
        MORNING = "morning", _("ก่อน 10.00 น.")
        NOON = "noon", _("10.00 ถึง 13.00 น.")
        AFTERNOON = "afternoon", _("หลัง 13.00 น.")

    department = models.ForeignKey(Department, models.CASCADE, related_name="+", verbose_name=_("ฝ่าย"))
    part_of_day = models.CharField(_("ช่วงของวัน"), max_length=10, choices=Part, blank=True)
    is_early = models.BooleanField(_("มาก่อนเวลา"))
    low = models.FloatField(_("อย่างน้อย (เท่า)"))
    high = models.FloatField(_("อย่างมาก (เท่า)"))
    count = models.PositiveIntegerField(_("จากกี่คิว"))
    measured_at = models.DateTimeField(_("วัดเมื่อ"))

    class Meta:
        verbose_name = _("ช่วงของเวลารอ")
        verbose_name_plural = _("ช่วงของเวลารอ")
        constraints = [
            models.UniqueConstraint(
                name="one_spread_per_department_part_and_class",
                fields=["department", "part_of_day", "is_early"],
                violation_error_message=_("ฝ่ายนี้มีช่วงของเวลารอนี้แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.department_id} {self.part_of_day}: {self.low:.2f}-{self.high:.2f}"
