import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models.tickets import hash_of


class StaffToken(models.Model):
    """Lets a program call the API as a member of staff, with their rights. It was shown once; what is stored cannot be
    sent. Deleting the row revokes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens", verbose_name=_("เจ้าหน้าที่"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("ออกเมื่อ"))
    # The day alone: a row for each request would be written else.
    last_used_on = models.DateField(_("ใช้ล่าสุดวันที่"), null=True, blank=True)

    class Meta:
        verbose_name = _("โทเคนของ API")
        verbose_name_plural = _("โทเคนของ API")
        ordering = ["user", "-created_at"]

    def __str__(self):
        return f"{self.user}"


def issue_token(user) -> str:
    """A new token of 256 random bits for a member of staff. It cannot be shown again."""
    token = secrets.token_urlsafe(32)
    StaffToken.objects.create(user=user, token_hash=hash_of(token), created_at=timezone.now())
    return token


def user_of(token: str):
    """The member of staff whose token it is, while they are active, or None. Keeps on which day it was used."""
    row = StaffToken.objects.select_related("user").filter(token_hash=hash_of(token), user__is_active=True).first()
    if row is None:
        return None
    today = timezone.localdate()
    if row.last_used_on != today:
        StaffToken.objects.filter(pk=row.pk).update(last_used_on=today)
    return row.user
