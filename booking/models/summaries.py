"""What reports are read from: the days that are over, counted once, hour by hour (booking/reports/facts.py counts)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.models.counters import Counter
from booking.models.departments import Department
from booking.models.notices import MESSAGES, NoticeState
from booking.models.topics import Topic


class SummarisedDay(models.Model):
    """A day whose counts are stored, and when they were made: what happens to its tickets later makes them anew."""

    date = models.DateField(_("วันที่"), primary_key=True)
    made_at = models.DateTimeField(_("นับเมื่อ"))
    # Days that were counted before there were TicketSummaries have none yet: the night's job counts them again.
    has_tickets = models.BooleanField(_("นับบัตรคิวแล้ว"), db_default=False, default=False)

    class Meta:
        verbose_name = _("วันที่นับแล้ว")
        verbose_name_plural = _("วันที่นับแล้ว")

    def __str__(self) -> str:
        return str(self.date)


class HourSummary(models.Model):
    """What fell into one hour of a day in a department; with a counter and a clerk, what they did of it.
    docs/figures.md says what each column counts, by which hour. Durations: seconds, in order, one for each."""

    date = models.DateField(_("วันที่"))
    hour = models.PositiveSmallIntegerField(_("ชั่วโมง"))
    department = models.ForeignKey(Department, models.CASCADE, related_name="+", verbose_name=_("ฝ่าย"))
    counter = models.ForeignKey(Counter, models.CASCADE, null=True, related_name="+", verbose_name=_("ช่องบริการ"))
    clerk = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", verbose_name=_("เจ้าหน้าที่")
    )
    # Tickets by how they came about.
    booked = models.PositiveIntegerField(default=0)
    booked_by_staff = models.PositiveIntegerField(default=0)
    walk_ins = models.PositiveIntegerField(default=0)
    # The same tickets by what became of them.
    served = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    cancelled_by_staff = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0)
    left_over = models.PositiveIntegerField(default=0)
    no_shows = models.PositiveIntegerField(default=0)
    not_arrived = models.PositiveIntegerField(default=0)
    still_open = models.PositiveIntegerField(default=0)
    came = models.PositiveIntegerField(default=0)
    # Places, and those that a booking holds in the end.
    places = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0)
    # Waits that were told, by what they became.
    told_within = models.PositiveIntegerField(default=0)
    told_before = models.PositiveIntegerField(default=0)
    told_after = models.PositiveIntegerField(default=0)
    missed = models.PositiveIntegerField(default=0)
    leads = ArrayField(models.PositiveIntegerField(), default=list)  # days
    waits = ArrayField(models.PositiveIntegerField(), default=list)
    services = ArrayField(models.PositiveIntegerField(), default=list)
    totals = ArrayField(models.PositiveIntegerField(), default=list)

    class Meta:
        verbose_name = _("รายงาน")
        verbose_name_plural = _("รายงาน")
        constraints = [
            models.UniqueConstraint(
                name="one_summary_of_an_hour",
                fields=["date", "department", "hour", "counter", "clerk"],
                nulls_distinct=False,
                violation_error_message=_("นับชั่วโมงนี้แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.hour} {self.department_id}"


class MessageSummary(models.Model):
    """How many messages about tickets, or free places, of a day and department went which way, and ended how."""

    date = models.DateField(_("วันที่"))
    department = models.ForeignKey(Department, models.CASCADE, related_name="+", verbose_name=_("ฝ่าย"))
    kind = models.CharField(_("ข้อความ"), max_length=12, choices=MESSAGES)
    channel = models.CharField(_("ช่องทาง"), max_length=8, blank=True)
    state = models.CharField(_("สถานะ"), max_length=12, choices=NoticeState)
    count = models.PositiveIntegerField(_("จำนวน"))

    class Meta:
        verbose_name = _("จำนวนข้อความ")
        verbose_name_plural = _("จำนวนข้อความ")
        constraints = [
            models.UniqueConstraint(
                name="one_summary_of_messages",
                fields=["date", "department", "kind", "channel", "state"],
                violation_error_message=_("นับข้อความเหล่านี้แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.kind} {self.channel} {self.state}"


class TicketSummary(models.Model):
    """How many tickets of a day and department staff booked, and how that was asked for; how many were for a topic, and
    what came of it; and why they were cancelled. `name` is a value of Asked, Outcome or Cause."""

    class What(models.TextChoices):
        ASKED = "asked", _("ขอมาทาง")
        TOPIC = "topic", _("เรื่อง")
        OUTCOME = "outcome", _("ผล")
        BY_MEMBER = "by_member", _("สมาชิกยกเลิก")
        BY_STAFF = "by_staff", _("เจ้าหน้าที่ยกเลิก")

    date = models.DateField(_("วันที่"))
    department = models.ForeignKey(Department, models.CASCADE, related_name="+", verbose_name=_("ฝ่าย"))
    what = models.CharField(_("นับอะไร"), max_length=10, choices=What)
    name = models.CharField(_("ค่า"), max_length=20, blank=True)
    topic = models.ForeignKey(Topic, models.CASCADE, null=True, related_name="+", verbose_name=_("เรื่อง"))
    count = models.PositiveIntegerField(_("จำนวน"))

    class Meta:
        verbose_name = _("จำนวนบัตรคิว")
        verbose_name_plural = _("จำนวนบัตรคิว")
        constraints = [
            models.UniqueConstraint(
                name="one_summary_of_tickets",
                fields=["date", "department", "what", "name", "topic"],
                nulls_distinct=False,
                violation_error_message=_("นับบัตรคิวเหล่านี้แล้ว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.what} {self.name}"
