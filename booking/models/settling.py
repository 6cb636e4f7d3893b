from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.models.tickets import Ticket
from members.free_text import FreeCharField


class Settlement(models.Model):
    """What staff decided for many tickets at once. It is carried out in the background, ticket by ticket."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("ผู้ตัดสินใจ"))
    reason = FreeCharField(_("เหตุผล"), max_length=200, blank=True)
    begun_at = models.DateTimeField(_("เริ่มเมื่อ"))
    finished_at = models.DateTimeField(_("เสร็จเมื่อ"), null=True)

    class Meta:
        verbose_name = _("การตัดสินใจกับบัตรคิวหลายใบ")
        verbose_name_plural = _("การตัดสินใจกับบัตรคิวหลายใบ")
        default_permissions = ()

    def __str__(self):
        return str(self.pk)


class SettledTicket(models.Model):
    """One ticket of a settlement: what was decided, and what became of it once `done_at` is set. `refusal` is the code
    of what stood in the way, "" if nothing did."""

    settlement = models.ForeignKey(Settlement, models.CASCADE, related_name="tickets")
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="+")
    choice = models.CharField(max_length=10)
    wish = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=40, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("บัตรคิวที่ตัดสินใจแล้ว")
        verbose_name_plural = _("บัตรคิวที่ตัดสินใจแล้ว")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(name="one_decision_per_ticket", fields=["settlement", "ticket"]),
            models.UniqueConstraint(
                name="one_open_decision_per_ticket", fields=["ticket"], condition=models.Q(done_at=None)
            ),
        ]

    def __str__(self):
        return f"{self.settlement_id}: {self.ticket_id}"
