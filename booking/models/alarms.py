"""What a manager should look at now, and who is told of it, by LINE or e-mail."""

from __future__ import annotations

import datetime as dt
import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
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


class AlarmChoice(models.Model):
    """What a member of staff wants to be told of, and by which channels. Who has chosen nothing is told nothing: the
    manager's page has it all."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="alarm_choice", verbose_name=_("ผู้ใช้")
    )
    # "": not by e-mail.
    address = models.EmailField(_("อีเมล"), blank=True)
    # Once an account is linked (StaffLine).
    by_line = models.BooleanField(_("ส่งทาง LINE"), default=True, db_default=True)
    # Kinds, so that a kind which comes later is told.
    unwanted = ArrayField(
        models.CharField(max_length=12, choices=Alarm.Kind), verbose_name=_("เรื่องที่ไม่รับ"), default=list, db_default=[]
    )
    # Times of the office's clock, which may pass midnight; both None: never.
    quiet_from = models.TimeField(_("ไม่ส่งตั้งแต่"), null=True, blank=True)
    quiet_until = models.TimeField(_("ไม่ส่งจนถึง"), null=True, blank=True)

    class Meta:
        db_table = "booking_alarmmail"  # from when there was e-mail alone
        verbose_name = _("การรับการแจ้งเตือน")
        verbose_name_plural = _("การรับการแจ้งเตือน")

    def __str__(self) -> str:
        return str(self.user)

    @property
    def kinds(self) -> list[Alarm.Kind]:
        return [kind for kind in Alarm.Kind if kind not in self.unwanted]

    def quiet_ends(self, now: dt.datetime) -> dt.datetime | None:
        """When the quiet hours end in which this moment lies; None outside of them."""
        if self.quiet_from is None or self.quiet_until is None:
            return None
        here = timezone.localtime(now)
        after_start, before_end = here.time() >= self.quiet_from, here.time() < self.quiet_until
        passes_midnight = self.quiet_from > self.quiet_until
        if not (after_start or before_end if passes_midnight else after_start and before_end):
            return None
        date = here.date() + dt.timedelta(days=passes_midnight and after_start)
        return timezone.make_aware(dt.datetime.combine(date, self.quiet_until))


class AlarmTelling(models.Model):
    """That a member of staff is told of an alarm by a channel: once, or why not."""

    class Channel(models.TextChoices):
        LINE = "line", "LINE"
        EMAIL = "email", _("อีเมล")

    class State(models.TextChoices):
        OWED = "owed", _("รอส่ง")
        SENT = "sent", _("ส่งแล้ว")
        NOT_SENT = "not_sent", _("ส่งไม่ได้")
        DROPPED = "dropped", _("ไม่ต้องส่งแล้ว")

    class Reason(models.TextChoices):
        """Of those that were not sent, and what the last try came to of those that are still owed."""

        OVER = "over", _("เรื่องสิ้นสุดหรือมีผู้รับทราบก่อน")
        UNWANTED = "unwanted", _("เลิกรับ หรือไม่มีสิทธิ์แล้ว")
        UNFOLLOWED = "unfollowed", _("บล็อกหรือเลิกติดตามบัญชี LINE ของสำนักงาน")
        LINE_REFUSED = "line_refused", _("LINE ไม่รับ")
        LINE_SILENT = "line_silent", _("ติดต่อ LINE ไม่ได้")
        MAIL_REFUSED = "mail_refused", _("เซิร์ฟเวอร์อีเมลไม่รับที่อยู่นี้")
        MAIL_FAULT = "mail_fault", _("ติดต่อเซิร์ฟเวอร์อีเมลไม่ได้")
        FAULT = "fault", _("ข้อผิดพลาดในระบบ")

    alarm = models.ForeignKey(Alarm, models.CASCADE, related_name="tellings", verbose_name=_("การแจ้งเตือน"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("ผู้ใช้"))
    channel = models.CharField(_("ช่องทาง"), max_length=5, choices=Channel)
    # Under which LINE takes it once, however often it is tried.
    retry_key = models.UUIDField(default=uuid.uuid4, editable=False)
    state = models.CharField(_("สถานะ"), max_length=8, choices=State, default=State.OWED)
    reason = models.CharField(_("เหตุผล"), max_length=12, choices=Reason, blank=True)
    tries = models.PositiveSmallIntegerField(_("จำนวนครั้งที่ส่ง"), default=0)
    # From when on its time runs; quiet hours that come between do not count.
    owed_since = models.DateTimeField(_("ต้องส่งตั้งแต่"))
    next_try_at = models.DateTimeField(_("ส่งครั้งต่อไป"))
    ended_at = models.DateTimeField(_("สิ้นสุดเมื่อ"), null=True, blank=True)

    class Meta:
        verbose_name = _("การส่งการแจ้งเตือน")
        verbose_name_plural = _("การส่งการแจ้งเตือน")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                name="alarm_told_once",
                fields=["alarm", "user", "channel"],
                violation_error_message=_("มีการส่งนี้อยู่แล้ว"),
            )
        ]
        indexes = [models.Index(name="tellings_owed", fields=["next_try_at"], condition=Q(state="owed"))]

    def __str__(self) -> str:
        return f"{self.alarm_id} {self.user_id} {self.channel}"


class StaffLine(models.Model):
    """The LINE account of a member of staff, for alarms alone. It opens nothing, and says nothing about whether its
    holder is a member."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="staff_line", verbose_name=_("ผู้ใช้")
    )
    line_user_id = models.CharField(_("รหัสผู้ใช้ LINE"), max_length=40, unique=True)
    linked_at = models.DateTimeField(_("ผูกเมื่อ"))

    class Meta:
        verbose_name = _("บัญชี LINE ของเจ้าหน้าที่")
        verbose_name_plural = _("บัญชี LINE ของเจ้าหน้าที่")

    def __str__(self) -> str:
        return str(self.user)


class StaffLineCode(models.Model):
    """The code by which a member of staff links a LINE account, as an HMAC; the newest one of each is good."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+", verbose_name=_("ผู้ใช้")
    )
    code_hmac = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(_("ใช้ได้ถึง"))

    class Meta:
        verbose_name = _("รหัสผูกบัญชี LINE ของเจ้าหน้าที่")
        verbose_name_plural = _("รหัสผูกบัญชี LINE ของเจ้าหน้าที่")

    def __str__(self) -> str:
        return str(self.user)
