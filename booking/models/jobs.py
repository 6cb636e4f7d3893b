import datetime as dt

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.kept import kept

# The worker gives a sign of life every minute. After so long without one it counts as dead.
HEARTBEAT_LATE = dt.timedelta(minutes=3)


class JobRun(models.Model):
    """When each recurring job last finished, and what it found, for `/readyz` and the back office."""

    name = models.CharField(_("งาน"), max_length=60, primary_key=True)
    finished_at = models.DateTimeField(_("เสร็จล่าสุดเมื่อ"))
    # What a job that looks for something found, a line each; "" where all is well.
    found = models.TextField(_("สิ่งที่พบ"), blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("งานที่ทำเป็นประจำ")
        verbose_name_plural = _("งานที่ทำเป็นประจำ")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class KeyInUse(models.Model):
    """The fingerprint of a secret setting: a changed one is noticed before it does harm (secret_keys.py)."""

    name = models.CharField(max_length=40, primary_key=True)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("รหัสลับที่ใช้อยู่")
        verbose_name_plural = _("รหัสลับที่ใช้อยู่")

    def __str__(self) -> str:
        return self.name


def worker_is_late() -> bool:
    """Whether the background worker has not been heard of for too long, or never."""
    return not _heartbeat(since=timezone.now() - HEARTBEAT_LATE)


@kept
def _heartbeat(*, since: dt.datetime) -> models.QuerySet[JobRun]:
    return JobRun.objects.filter(name="heartbeat", finished_at__gte=since).order_by()
