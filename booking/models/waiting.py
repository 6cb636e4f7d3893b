import datetime as dt
import hmac
import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from booking.models.departments import Department
from booking.models.notices import NoticeState
from booking.models.tickets import secret_of
from booking.models.topics import Topic
from members.models import Member

# What an entry has that was offered nothing yet.
NO_OFFER: dict[str, None] = dict.fromkeys(["offered_starts_at", "offered_number", "offered_at", "offer_ends_at"])


class WaitingEntryQuerySet(models.QuerySet["WaitingEntry"]):
    def live(self) -> Self:
        """Those that still wait, or have an offer."""
        return self.filter(ended_at=None)

    def without_offer(self) -> Self:
        return self.live().filter(offered_at=None)

    def in_line(self) -> Self:
        return self.order_by("joined_at", "pk")


class WaitingEntry(models.Model):
    """A member waits for a place of a day that is full, or of one time of it. The first in line is offered a place that
    comes free; while the offer lasts, the place is kept for them (Place.offered_to). It is made once: who does not take
    it in time is off the list."""

    class Ending(models.TextChoices):
        NONE = "", "-"
        BOOKED = "booked", _("ได้คิวแล้ว")
        LEFT = "left", _("ออกจากรายการรอ")
        LAPSED = "lapsed", _("ไม่ได้รับคิวในเวลา")
        DAY_OVER = "day_over", _("หมดเวลาจองของวันนั้น")

    public_id = models.CharField(max_length=32, unique=True, editable=False)
    member = models.ForeignKey(Member, models.CASCADE, related_name="waiting", verbose_name=_("สมาชิก"))
    department = models.ForeignKey(Department, models.CASCADE, related_name="waiting", verbose_name=_("ฝ่าย"))
    date = models.DateField(_("วันที่"))
    # One time of the day; None: any. A time, since laying out anew makes other slots.
    starts_at = models.DateTimeField(_("เวลา"), null=True, blank=True)
    topic = models.ForeignKey(
        Topic, models.CASCADE, null=True, blank=True, related_name="waiting", verbose_name=_("เรื่องที่ติดต่อ")
    )
    joined_at = models.DateTimeField(_("เริ่มรอเมื่อ"))
    # Who put the member on the list; None: they did.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("โดย")
    )
    # Of the identity by which they joined: what nothing proved may see the entry again by the same identity alone.
    identity_mark = models.CharField(max_length=32, null=True, editable=False)
    # The offer: of which place, when, and until when the member was told to answer. All four or none.
    offered_starts_at = models.DateTimeField(null=True, blank=True)
    offered_number = models.PositiveIntegerField(null=True, blank=True)
    offered_at = models.DateTimeField(_("เสนอคิวเมื่อ"), null=True, blank=True)
    offer_ends_at = models.DateTimeField(_("เสนอถึง"), null=True, blank=True)
    ended_at = models.DateTimeField(_("สิ้นสุดเมื่อ"), null=True, blank=True)
    ending = models.CharField(
        _("สิ้นสุดอย่างไร"), max_length=10, choices=Ending, default=Ending.NONE, db_default="", blank=True
    )

    objects = WaitingEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("ผู้รอคิวว่าง")
        verbose_name_plural = _("รายการรอคิวว่าง")
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="one_live_entry_per_member_department_date",
                fields=["member", "department", "date"],
                condition=Q(ended_at=None),
                violation_error_message=_("สมาชิกอยู่ในรายการรอของวันนี้แล้ว"),
            ),
            models.CheckConstraint(
                name="waiting_offer_is_whole",
                condition=Q(offered_at=None, offer_ends_at=None, offered_number=None, offered_starts_at=None)
                | Q(
                    offered_at__isnull=False,
                    offer_ends_at__isnull=False,
                    offered_number__isnull=False,
                    offered_starts_at__isnull=False,
                ),
                violation_error_message=_("ข้อมูลการเสนอคิวไม่ครบ"),
            ),
        ]
        indexes = [
            models.Index(name="waiting_of_day", fields=["department", "date"], condition=Q(ended_at=None)),
            models.Index(name="waiting_by_date", fields=["date"]),
        ]

    def __str__(self) -> str:
        return f"{self.department_id} {self.date}: {self.pk}"

    @property
    def is_live(self) -> bool:
        return self.ended_at is None

    def has_offer(self, now: dt.datetime) -> bool:
        """Whether a place is kept for the member at this moment."""
        return self.is_live and self.offer_ends_at is not None and now < self.offer_ends_at

    @property
    def secret(self) -> str:
        """What opens the entry's page on any device."""
        return secret_of(self.public_id)

    def is_opened_by(self, secret: str) -> bool:
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        # As bytes: of texts it compares only those in ASCII, and a stranger may send any.
        sent = secret.encode()
        return any(hmac.compare_digest(secret_of(self.public_id, key=key).encode(), sent) for key in keys)


class OfferMessageQuerySet(models.QuerySet["OfferMessage"]):
    def owed(self) -> Self:
        return self.filter(state=NoticeState.OWED)

    def to_telephone(self) -> Self:
        return self.filter(state=NoticeState.TO_TELEPHONE)

    def lasting(self, now: dt.datetime) -> Self:
        """Those of offers that still last."""
        return self.filter(entry__ended_at=None, entry__offer_ends_at__gt=now, entry__offered_at=F("offered_at"))


class OfferMessage(models.Model):
    """A message owed of an offer: one to the member, written with the offer, and one to each carer who is told as well,
    written when the member's is sent (messages/offers.py). It is always sent with the row's retry key, so LINE accepts
    it once."""

    entry = models.ForeignKey(WaitingEntry, models.CASCADE, related_name="messages", verbose_name=_("ผู้รอ"))
    # Which offer: an entry whose place went away may be offered another.
    offered_at = models.DateTimeField(_("เสนอคิวเมื่อ"))
    # Whom it goes to in the member's place: somebody who looks after them.
    carer = models.ForeignKey(Member, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("ผู้ดูแล"))
    state = models.CharField(
        _("สถานะ"), max_length=12, choices=NoticeState, default=NoticeState.OWED, db_default=NoticeState.OWED
    )
    channel = models.CharField(_("ช่องทาง"), max_length=8, default="", db_default="", blank=True)
    # The member of staff who telephoned.
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("โดย")
    )
    reason = models.CharField(_("เหตุผล"), max_length=60, default="", db_default="", blank=True)
    # LINE's last answer, if it refused the message.
    line_status = models.PositiveSmallIntegerField(null=True, blank=True)
    retry_key = models.UUIDField(default=uuid.uuid4, editable=False)
    tries = models.PositiveSmallIntegerField(_("ส่งแล้ว (ครั้ง)"), default=0, db_default=0)
    next_try_at = models.DateTimeField(_("ส่งครั้งต่อไป"))
    ended_at = models.DateTimeField(_("สิ้นสุดเมื่อ"), null=True, blank=True)

    objects = OfferMessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("ข้อความเสนอคิวว่าง")
        verbose_name_plural = _("ข้อความเสนอคิวว่าง")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                name="one_message_of_an_offer_to_each",
                fields=["entry", "offered_at", "carer"],
                nulls_distinct=False,
                violation_error_message=_("มีข้อความนี้ของการเสนอคิวนี้แล้ว"),
            )
        ]
        indexes = [
            models.Index(name="offers_owed", fields=["next_try_at"], condition=Q(state=NoticeState.OWED)),
            models.Index(name="offers_to_telephone", fields=["id"], condition=Q(state=NoticeState.TO_TELEPHONE)),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.offered_at}"
