from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Erasure(models.Model):
    """What was deleted of the audit, and by which role of the database. The database's own functions write it as they
    delete (migration `the_audit_is_kept`); a role of the application may read it and no more."""

    class What(models.TextChoices):
        MEMBER = "member", _("สมาชิกที่ขอให้ลบข้อมูล")
        MEMBER_HISTORY = "member_history", _("ประวัติสมาชิกที่เก็บครบเวลา")
        LOG_INS = "log_ins", _("การเข้าสู่ระบบที่เก็บครบเวลา")

    at = models.DateTimeField(_("เมื่อ"))
    what = models.CharField(_("สิ่งที่ลบ"), max_length=20, choices=What)
    # Of a member who was forgotten; a number that names nobody any more.
    member_id = models.BigIntegerField(null=True, blank=True)
    count = models.PositiveIntegerField(_("จำนวน"))
    # As which role of the database, and by whom according to the application; None: by itself, when its time was over.
    role = models.CharField(_("บทบาทในฐานข้อมูล"), max_length=63)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("โดย"))

    class Meta:
        verbose_name = _("การลบประวัติ")
        verbose_name_plural = _("การลบประวัติ")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.at}: {self.what} {self.count}"
