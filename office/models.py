"""What is kept of the office's settings: those that differ from the first value, and every change of one."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Setting(models.Model):
    """A setting that the office has chosen. One without a row has its first value (settings.py)."""

    name = models.CharField(_("ชื่อ"), max_length=60, primary_key=True)
    value = models.JSONField(_("ค่า"))

    class Meta:
        verbose_name = _("การตั้งค่า")
        verbose_name_plural = _("การตั้งค่าของสำนักงาน")

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """One change of a setting: who, when, from what to what. None is the first value. Rows are only ever added (a
    trigger refuses the rest)."""

    name = models.CharField(_("ชื่อ"), max_length=60)
    before = models.JSONField(_("เดิม"), null=True)
    after = models.JSONField(_("เป็น"), null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("โดย"))
    at = models.DateTimeField(_("เมื่อ"), default=timezone.now)

    class Meta:
        verbose_name = _("ประวัติการตั้งค่า")
        verbose_name_plural = _("ประวัติการตั้งค่า")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name}: {self.after}"


class Logo(models.Model):
    """A picture that the office has sent as its logo, as it was made anew (logo.py). It is kept in the database, so
    that every web process has it, and a backup too; former ones stay, to be set back."""

    digest = models.CharField(max_length=16, primary_key=True)
    png = models.BinaryField(_("ภาพ"))
    width = models.PositiveSmallIntegerField(_("กว้าง"))
    height = models.PositiveSmallIntegerField(_("สูง"))
    added_at = models.DateTimeField(_("เมื่อ"), default=timezone.now)

    class Meta:
        verbose_name = _("ตราของสำนักงาน")
        verbose_name_plural = _("ตราของสำนักงาน")

    def __str__(self) -> str:
        return self.digest
