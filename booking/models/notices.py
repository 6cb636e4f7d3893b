import datetime as dt
import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from booking.models.tickets import Ticket
from members.free_text import FreeCharField


class Kind(models.TextChoices):
    """The names of the kinds of messages, for the column. messages/kinds.py says what each is."""

    ISSUED = "issued", _("ออกบัตรคิวแล้ว")
    DAY_BEFORE = "day_before", _("เตือนก่อนวันนัด")
    NEARLY = "nearly", _("ใกล้ถึงคิว")
    YOUR_TURN = "your_turn", _("ถึงคิวแล้ว")
    MISSED = "missed", _("เรียกแล้วไม่พบ")
    MOVED = "moved", _("สหกรณ์ย้ายเวลา")
    CANCELLED = "cancelled", _("สหกรณ์ยกเลิกคิว")


# The one message that is of no ticket: a place is offered to who waits for it (messages/offers.py).
OFFER = "offer"
# All messages to members.
MESSAGES = [*Kind.choices, (OFFER, _("มีคิวว่างให้ผู้รอ"))]


# By what a message went, in words.
CHANNELS = {"line": "LINE", "email": _("อีเมล"), "phone": _("โทรศัพท์")}


class NoticeState(models.TextChoices):
    OWED = "owed", _("รอส่ง")
    SENT = "sent", _("ส่งแล้ว")
    DROPPED = "dropped", _("ไม่ส่ง")
    TO_TELEPHONE = "to_telephone", _("ต้องโทรแจ้ง")
    TELEPHONED = "telephoned", _("โทรแจ้งแล้ว")


class NoticeQuerySet(models.QuerySet["Notice"]):
    def owed(self) -> Self:
        return self.filter(state=NoticeState.OWED)

    def to_telephone(self) -> Self:
        return self.filter(state=NoticeState.TO_TELEPHONE)


class Notice(models.Model):
    """A message owed to a ticket's holder: one row for each ticket, kind and window, written in the same transaction as
    the change it tells of; and a row for each carer who is told as well, written when the holder's is sent. The worker
    always sends it with the row's retry key, so LINE accepts it once."""

    # Without an index of its own: one_notice_per_ticket_kind_and_window begins with it.
    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="notices", db_index=False, verbose_name=_("บัตรคิว"))
    kind = models.CharField(_("ข้อความ"), max_length=12, choices=Kind)
    # Whom it goes to in the ticket's member's place: somebody who looks after them.
    carer = models.ForeignKey(
        "members.Member",
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name=_("ผู้ดูแล"),
    )
    # Tells apart messages of one kind: which call it was, for example, and to which carer it goes.
    window = models.CharField(max_length=40, default="", db_default="", blank=True)
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
    # After this moment it is no longer sent.
    expires_at = models.DateTimeField(_("ส่งได้ถึง"))
    created_at = models.DateTimeField(_("เกิดเมื่อ"))
    ended_at = models.DateTimeField(_("สิ้นสุดเมื่อ"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("ข้อความถึงสมาชิก")
        verbose_name_plural = _("ข้อความถึงสมาชิก")
        ordering = ["-id"]
        permissions = [("telephone_notice", _("โทรแจ้งสมาชิกได้"))]
        constraints = [
            models.UniqueConstraint(
                name="one_notice_per_ticket_kind_and_window",
                fields=["ticket", "kind", "window"],
                violation_error_message=_("มีข้อความนี้ของบัตรคิวนี้แล้ว"),
            )
        ]
        indexes = [
            models.Index(name="notices_owed", fields=["next_try_at"], condition=models.Q(state=NoticeState.OWED)),
            models.Index(name="notices_to_carers", fields=["carer"], condition=models.Q(carer__isnull=False)),
            models.Index(
                name="notices_to_telephone", fields=["id"], condition=models.Q(state=NoticeState.TO_TELEPHONE)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id}: {self.kind}"


# For so long nobody else is to call somebody whom a colleague calls.
CALLING_LASTS = dt.timedelta(minutes=10)


class NoticeCall(models.Model):
    """Somebody telephoned a member about a message that could not be sent (a ticket's notice or an offer's message), or
    is about to. Rows are only added."""

    class Result(models.TextChoices):
        CALLING = "calling", _("กำลังโทร")
        REACHED = "reached", _("โทรแจ้งแล้ว")
        NO_ANSWER = "no_answer", _("ไม่รับสาย")
        CALL_AGAIN = "call_again", _("ขอให้โทรอีกครั้ง")

    notice = models.ForeignKey(
        Notice, models.CASCADE, null=True, blank=True, related_name="calls", verbose_name=_("ข้อความ")
    )
    offer = models.ForeignKey(
        "booking.OfferMessage",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="calls",
        verbose_name=_("ข้อความเสนอคิวว่าง"),
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("โดย")
    )
    at = models.DateTimeField(_("เมื่อ"))
    result = models.CharField(_("ผล"), max_length=10, choices=Result)
    again_at = models.DateTimeField(_("โทรอีกครั้งเมื่อ"), null=True, blank=True)
    note = FreeCharField(_("หมายเหตุ"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("การโทรแจ้ง")
        verbose_name_plural = _("การโทรแจ้ง")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="a_call_is_about_one_message",
                condition=models.Q(notice__isnull=False, offer=None) | models.Q(notice=None, offer__isnull=False),
                violation_error_message=_("การโทรหนึ่งครั้งเป็นเรื่องของข้อความเดียว"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.notice_id or self.offer_id}: {self.result}"

    @property
    def member_id(self) -> int | None:
        """Whom they telephoned; None once the ticket has lost its member."""
        if self.offer is not None:
            return self.offer.entry.member_id
        return self.notice.ticket.member_id if self.notice else None

    def is_going_on(self, now: dt.datetime) -> bool:
        """Whether nobody else is to call this member yet."""
        return self.result == self.Result.CALLING and now < self.at + CALLING_LASTS


class MessageChoice(models.Model):
    """Which messages the office pays for."""

    kind = models.CharField(_("ข้อความ"), max_length=12, choices=MESSAGES, primary_key=True)
    is_on = models.BooleanField(_("ส่ง"), default=True)

    class Meta:
        verbose_name = _("ข้อความที่เลือกส่ง")
        verbose_name_plural = _("ข้อความที่เลือกส่ง")

    def __str__(self) -> str:
        return self.get_kind_display()
