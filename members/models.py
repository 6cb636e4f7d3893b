"""Who may book: the members of the cooperative, as i-member's database has them."""

import calendar
import math

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from members.citizen_id import parse_member_number
from members.errors import InvalidMemberNumber
from members.free_text import FreeCharField
from members.names import full_name, masked_name
from members.phones import parse_phone


class Member(models.Model):
    """A member. Of the citizen ID only its HMAC is kept, and only here: not in the history either."""

    member_number = models.CharField(
        _("เลขทะเบียนสมาชิก"),
        max_length=12,
        unique=True,
        error_messages={"unique": _("มีสมาชิกเลขทะเบียนนี้อยู่แล้ว กรุณาตรวจเลขทะเบียน")},
    )
    citizen_id_hmac = models.CharField(
        _("เลขประจำตัวประชาชน (รหัสลับ)"),
        max_length=64,
        unique=True,
        null=True,
        blank=True,
        editable=False,
        error_messages={"unique": _("เลขประจำตัวประชาชนนี้เป็นของสมาชิกท่านอื่นแล้ว กรุณาตรวจอีกครั้ง")},
    )
    title = FreeCharField(_("คำนำหน้า"), max_length=40, blank=True)
    given_name = FreeCharField(_("ชื่อ"), max_length=100)
    family_name = FreeCharField(_("นามสกุล"), max_length=100, blank=True)
    phone = models.CharField(_("โทรศัพท์"), max_length=20, blank=True)
    email = models.EmailField(_("อีเมล"), blank=True)
    is_registered = models.BooleanField(_("สมัครไอเมมเบอร์แล้ว"), default=False)
    created_at = models.DateTimeField(_("เพิ่มเมื่อ"), auto_now_add=True)
    imported_at = models.DateTimeField(_("นำเข้าล่าสุดเมื่อ"), null=True, blank=True, editable=False)

    history = HistoricalRecords(
        excluded_fields=["citizen_id_hmac"],
        verbose_name=_("ประวัติสมาชิก"),
        verbose_name_plural=_("ประวัติสมาชิก"),
    )

    class Meta:
        verbose_name = _("สมาชิก")
        verbose_name_plural = _("สมาชิก")
        ordering = ["member_number"]
        constraints = [
            models.CheckConstraint(
                name="member_number_is_digits",
                condition=models.Q(member_number__regex=r"^[0-9]+$"),
                violation_error_message=_("เลขทะเบียนสมาชิกเป็นตัวเลขเท่านั้น กรุณาตรวจอีกครั้ง"),
            ),
            # An ID stored in the clear by mistake is refused.
            models.CheckConstraint(
                name="member_citizen_id_is_an_hmac",
                condition=models.Q(citizen_id_hmac__isnull=True) | models.Q(citizen_id_hmac__regex=r"^[0-9a-f]{64}$"),
                violation_error_message=_("เลขประจำตัวประชาชนต้องเก็บเป็นรหัสลับเท่านั้น"),
            ),
        ]

    def __str__(self):
        """Name masked: this ends up in log lines."""
        return f"{self.member_number} {self.masked_name}"

    def clean(self):
        """Store numbers in the one form in which they are looked up."""
        try:
            self.member_number = parse_member_number(self.member_number)
        except InvalidMemberNumber as refusal:
            raise ValidationError({"member_number": str(refusal)}) from None
        try:
            self.phone = parse_phone(self.phone)
        except ValueError:
            raise ValidationError({"phone": _("หมายเลขโทรศัพท์ไม่ถูกต้อง กรุณากรอกเป็นตัวเลข เช่น 081 234 5678")}) from None

    @property
    def full_name(self) -> str:
        return full_name(self.title, self.given_name, self.family_name)

    @property
    def masked_name(self) -> str:
        return masked_name(self.title, self.given_name, self.family_name)


class LookupLog(models.Model):
    """When the last look-ups by one identifier, device, address or network were made: see throttle.py."""

    scope = models.CharField(_("นับตาม"), max_length=10)
    key_hmac = models.CharField(_("รหัสลับ"), max_length=64)
    tried_at = ArrayField(models.DateTimeField(), verbose_name=_("ค้นหาเมื่อ"))
    ends_at = models.DateTimeField(_("ถึงเวลา"), db_index=True)

    class Meta:
        verbose_name = _("เวลาที่ค้นหาสมาชิก")
        verbose_name_plural = _("เวลาที่ค้นหาสมาชิก")
        constraints = [models.UniqueConstraint(name="one_lookup_log_per_key", fields=["scope", "key_hmac"])]

    def __str__(self):
        return f"{self.scope}: {len(self.tried_at)}"


class LookupCount(models.Model):
    """How many look-ups found nobody in one hour, from one address block: see throttle.py."""

    scope = models.CharField(_("นับตาม"), max_length=10)
    key_hmac = models.CharField(_("รหัสลับ"), max_length=64)
    ends_at = models.DateTimeField(_("ถึงเวลา"), db_index=True)
    count = models.PositiveIntegerField(_("จำนวนครั้ง"))

    class Meta:
        verbose_name = _("จำนวนครั้งที่ค้นหาสมาชิก")
        verbose_name_plural = _("จำนวนครั้งที่ค้นหาสมาชิก")
        constraints = [
            models.UniqueConstraint(name="lookup_window", fields=["scope", "key_hmac", "ends_at"]),
        ]

    def __str__(self):
        return f"{self.scope}: {self.count}"


class LineAccount(models.Model):
    """A member's LINE account: linked once, one for each member and one member for each."""

    member = models.OneToOneField(Member, models.CASCADE, related_name="line_account", verbose_name=_("สมาชิก"))
    user_id = models.CharField(_("รหัสผู้ใช้ LINE"), max_length=40, unique=True)
    linked_at = models.DateTimeField(_("ผูกเมื่อ"))
    # What proved that it is the member's: "phone" or "code". "" for links that nothing proved: these get messages, and
    # nothing else.
    proved_by = models.CharField(_("ยืนยันด้วย"), max_length=10, default="", db_default="", blank=True)
    # LINE accepts messages to who has blocked the account; its unfollow event is the only sign.
    unfollowed_at = models.DateTimeField(_("เลิกติดตามเมื่อ"), null=True, blank=True)

    class Meta:
        verbose_name = _("บัญชี LINE ของสมาชิก")
        verbose_name_plural = _("บัญชี LINE ของสมาชิก")

    def __str__(self):
        return str(self.member)

    @property
    def can_be_reached(self) -> bool:
        return self.unfollowed_at is None


class EndedLink(models.Model):
    """That a member and a LINE account were linked, as hashes, for 30 days after the link ended: who unlinks and links
    another member needs what a change needs."""

    member_hmac = models.CharField(max_length=64, db_index=True)
    user_hmac = models.CharField(max_length=64, db_index=True)
    ended_at = models.DateTimeField(_("เลิกผูกเมื่อ"))

    class Meta:
        verbose_name = _("การผูกบัญชี LINE ที่สิ้นสุดแล้ว")
        verbose_name_plural = _("การผูกบัญชี LINE ที่สิ้นสุดแล้ว")

    def __str__(self):
        return self.user_hmac[:8]


class LineFollow(models.Model):
    """Whether a LINE user follows the office's account, by the newest event of theirs. Kept for users who are not
    linked too: who links later is not reached either, if they have blocked the account before."""

    user_id = models.CharField(max_length=40, primary_key=True)
    follows = models.BooleanField()
    # The time that LINE wrote on the event: events come late, and out of order.
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("การติดตามบัญชี LINE ของสหกรณ์")
        verbose_name_plural = _("การติดตามบัญชี LINE ของสหกรณ์")

    def __str__(self):
        return self.user_id


class LinkingCode(models.Model):
    """A code that a clerk hands to a member who stands at the counter: proof for linking a LINE account, once."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="linking_codes", verbose_name=_("สมาชิก"))
    code_hmac = models.CharField(max_length=64, editable=False)
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("ออกโดย"))
    expires_at = models.DateTimeField(_("ใช้ได้ถึง"))
    used_at = models.DateTimeField(_("ใช้เมื่อ"), null=True, blank=True)

    class Meta:
        verbose_name = _("รหัสผูกบัญชี LINE")
        verbose_name_plural = _("รหัสผูกบัญชี LINE")

    def __str__(self):
        return str(self.member)


class LineEvent(models.Model):
    """A webhook event that has been taken up. LINE sends some twice; each acts once."""

    webhook_event_id = models.CharField(max_length=64, primary_key=True)
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("เหตุการณ์จาก LINE")
        verbose_name_plural = _("เหตุการณ์จาก LINE")

    def __str__(self):
        return self.webhook_event_id


class LineQuota(models.Model):
    """What LINE last said of this month's messages: the one row is written by a job each hour."""

    limit = models.PositiveIntegerField(_("ส่งได้เดือนนี้"), null=True)  # None: LINE sets no limit
    used = models.PositiveIntegerField(_("ส่งแล้วเดือนนี้"), default=0)
    read_at = models.DateTimeField(_("อ่านเมื่อ"), null=True)
    # Why the last reading did not succeed; "" where it did.
    fault = models.CharField(max_length=60, default="", blank=True)

    class Meta:
        verbose_name = _("โควตาข้อความ LINE")
        verbose_name_plural = _("โควตาข้อความ LINE")

    def __str__(self):
        return f"{self.used} / {self.limit}"

    @property
    def forecast(self) -> int:
        """How many messages it will be by the end of the month, if they go on as they have so far."""
        read_at = timezone.localtime(self.read_at)
        days = calendar.monthrange(read_at.year, read_at.month)[1]
        # In the month's first hours a handful of messages says nothing yet.
        passed = max(1.0, read_at.day - 1 + read_at.hour / 24)
        return math.ceil(self.used * days / passed)

    @property
    def will_run_out(self) -> bool:
        return self.limit is not None and self.forecast > self.limit
