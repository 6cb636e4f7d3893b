from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from members.free_text import FreeCharField
from members.models import Member


class ForgivenNoShows(models.Model):
    """Staff have let a member book again: what the member missed up to then no longer counts. Rows are only added."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="forgiven", verbose_name=_("สมาชิก"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("โดย")
    )
    at = models.DateTimeField(_("เมื่อ"))
    reason = FreeCharField(_("เหตุผล"), max_length=200)

    class Meta:
        verbose_name = _("การยกเว้นการไม่มาตามนัด")
        verbose_name_plural = _("การยกเว้นการไม่มาตามนัด")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.at:%Y-%m-%d}"
