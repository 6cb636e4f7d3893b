import datetime as dt
import secrets
from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.kept import kept
from booking.models.tickets import hash_of
from booking.rights import Right


class StaffToken(models.Model):
    """Lets a program call the API as a member of staff, with their rights. It was shown once. What is stored cannot be
    used as a token. Deleting the row revokes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tokens", verbose_name=_("เจ้าหน้าที่"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("ออกเมื่อ"))
    # What of its owner's rights it may use, separated by spaces; empty: all of them.
    scopes = models.CharField(_("ใช้ได้กับ"), max_length=200, default="", db_default="", blank=True)
    # None: a token from before there were ends.
    ends_at = models.DateTimeField(_("ใช้ได้ถึง"), null=True, blank=True)
    # To the hour: otherwise each request would write the row.
    last_used_at = models.DateTimeField(_("ใช้ล่าสุด"), null=True, blank=True)
    # The release before kept the day.
    last_used_on = models.DateField(_("ใช้ล่าสุดวันที่"), null=True, blank=True)

    class Meta:
        verbose_name = _("โทเคนของ API")
        verbose_name_plural = _("โทเคนของ API")
        ordering = ["user", "-created_at"]

    def __str__(self) -> str:
        return f"{self.user}"

    def allows(self, right: str) -> bool:
        return not self.scopes or any(right in SCOPES[scope] for scope in self.scopes.split())


# What a token may be made for: each is a part of its owner's rights.
SCOPES = {
    "counter": {Right.SERVE},
    "out-of-order": {Right.CALL_OUT_OF_ORDER},
    "reception": {Right.RECEIVE},
}


def issue_token(user: User, *, scopes: Iterable[str] = (), lasts: dt.timedelta | None = None) -> str:
    """A new token of 256 random bits for a member of staff. It cannot be shown again. `scopes` are names in SCOPES
    (none: all of them). Without `lasts` it does not end by itself."""
    token, now = secrets.token_urlsafe(32), timezone.now()
    StaffToken.objects.create(
        user=user,
        token_hash=hash_of(token),
        created_at=now,
        scopes=" ".join(sorted(scopes)),
        ends_at=now + lasts if lasts else None,
    )
    return token


def token_of(secret: str) -> StaffToken | None:
    """The token that was sent, with its user and the counter where the user sits, if it has not ended and its owner is
    active. Notes to the hour when it was used: of many requests at once, one writes."""
    now = timezone.now()
    token = next(iter(_tokens(token_hash=hash_of(secret))), None)
    if token is None or (token.ends_at and token.ends_at <= now):
        return None
    hour = now.replace(minute=0, second=0, microsecond=0)
    if token.last_used_at is None or token.last_used_at < hour:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=hour)
        StaffToken.objects.filter(stale, pk=token.pk).update(last_used_at=hour, last_used_on=timezone.localdate())
    return token


@kept
def _tokens(*, token_hash: str) -> models.QuerySet[StaffToken]:
    found = StaffToken.objects.filter(token_hash=token_hash, user__is_active=True)
    return found.select_related("user__counter").order_by()


def user_of(secret: str) -> User | None:
    """The member of staff whose token it is, or None."""
    token = token_of(secret)
    return token.user if token else None
