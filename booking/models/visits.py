from django.db import models
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class VisitCount(models.Model):
    """How many visits the guide had on a day. Who came is not stored."""

    date = models.DateField(_("วันที่"), primary_key=True)
    visits = models.PositiveIntegerField(_("จำนวนครั้ง"), default=0)

    class Meta:
        verbose_name = _("จำนวนผู้เข้าชมคู่มือ")
        verbose_name_plural = _("จำนวนผู้เข้าชมคู่มือ")
        ordering = ["-date"]

    def __str__(self) -> str:
        return f"{self.date}: {self.visits}"


def count_visit() -> None:
    """Add one visit to today, atomically."""
    VisitCount.objects.bulk_create([VisitCount(date=timezone.localdate(), visits=0)], ignore_conflicts=True)
    VisitCount.objects.filter(date=timezone.localdate()).update(visits=F("visits") + 1)


def total_visits() -> int:
    return VisitCount.objects.aggregate(total=Sum("visits"))["total"] or 0
