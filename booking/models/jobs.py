from django.db import models
from django.utils.translation import gettext_lazy as _


class JobRun(models.Model):
    """When each recurring job last finished; `/readyz` and the back office read it."""

    name = models.CharField(_("งาน"), max_length=60, primary_key=True)
    finished_at = models.DateTimeField(_("เสร็จล่าสุดเมื่อ"))

    class Meta:
        verbose_name = _("งานที่ทำเป็นประจำ")
        verbose_name_plural = _("งานที่ทำเป็นประจำ")
        ordering = ["name"]

    def __str__(self):
        return self.name


class KeyInUse(models.Model):
    """A secret of the settings by its fingerprint: one that was changed is noticed before it costs (secret_keys.py)."""

    name = models.CharField(max_length=40, primary_key=True)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("รหัสลับที่ใช้อยู่")
        verbose_name_plural = _("รหัสลับที่ใช้อยู่")

    def __str__(self):
        return self.name
