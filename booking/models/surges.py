from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

EVERYBODY = ""


class ProofAskedQuerySet(models.QuerySet["ProofAsked"]):
    def now(self) -> Self:
        return self.filter(until__gt=timezone.now())


class ProofAsked(models.Model):
    """A block of addresses whose bookings need a proof for some time: see verbs/surges.py."""

    # A hash of members/origins.py, or EVERYBODY.
    block = models.CharField(_("ที่มา"), max_length=32, unique=True, editable=False)
    since = models.DateTimeField(_("ตั้งแต่"))
    until = models.DateTimeField(_("ถึงเวลา"))
    # How much came from there in an hour, when it was last looked at.
    count = models.PositiveIntegerField(_("จำนวน"), default=0, db_default=0)
    # Who asked it of everybody; None if the service itself asked it of a block.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("โดย"))

    objects = ProofAskedQuerySet.as_manager()

    class Meta:
        verbose_name = _("การขอหลักฐานก่อนจอง")
        verbose_name_plural = _("การขอหลักฐานก่อนจอง")

    def __str__(self) -> str:
        return self.block[:8]
