"""Who may book: the members of the cooperative, as i-member's database has them."""

import calendar
import math
from collections import defaultdict
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Value
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from members.citizen_id import parse_member_number
from members.errors import InvalidMemberNumber
from members.free_text import FreeCharField, FreeTextField
from members.names import full_name, masked_name
from members.numbers import MAX_WIDTH, significant
from members.phones import parse_phone
from members.thai_text import NameField, normalised

SIGNIFICANT_DIGITS = Func(F("member_number"), Value("0"), function="LTRIM", output_field=models.CharField())


class MemberQuerySet(models.QuerySet["Member"]):
    def with_number(self, number: str) -> "Member | None":
        """The member of exactly this number among these; else the one whose number differs in nothing but the zeros in
        front. None where nobody's does, or more than one member's. One query, by an index."""
        return self.with_numbers([number]).get(number)

    def with_numbers(self, numbers: list[str]) -> "dict[str, Member]":
        """For each number the member that with_number() finds. One query for all of them."""
        digits = {significant(number) for number in numbers}
        alike = defaultdict(list)
        for member in self.alias(digits=SIGNIFICANT_DIGITS).filter(digits__in=digits).order_by("pk"):
            alike[significant(member.member_number)].append(member)
        found = {}
        for number in numbers:
            same = alike[significant(number)]
            exact = [member for member in same if member.member_number == number]
            if exact or len(same) == 1:
                found[number] = (exact or same)[0]
        return found

    def alike(self, number: str) -> Self:
        """The members whose numbers have the same digits, but for zeros in front."""
        return self.alias(digits=SIGNIFICANT_DIGITS).filter(digits=significant(number)).order_by("pk")

    def named(self, word: str) -> Self:
        """Those whose given or family name has this in it, however its Thai was typed."""
        word = normalised(word)
        return self.filter(models.Q(given_name__contains=word) | models.Q(family_name__contains=word))


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
    title = NameField(_("คำนำหน้า"), max_length=40, blank=True)
    given_name = NameField(_("ชื่อ"), max_length=100)
    family_name = NameField(_("นามสกุล"), max_length=100, blank=True)
    phone = models.CharField(_("โทรศัพท์"), max_length=20, blank=True)
    email = models.EmailField(_("อีเมล"), blank=True)
    is_registered = models.BooleanField(_("สมัครไอเมมเบอร์แล้ว"), default=False)
    created_at = models.DateTimeField(_("เพิ่มเมื่อ"), auto_now_add=True)
    imported_at = models.DateTimeField(_("นำเข้าล่าสุดเมื่อ"), null=True, blank=True, editable=False)
    # When an import no longer had them, and staff said that they have left. Who comes back in a later file has none.
    left_at = models.DateTimeField(_("พ้นจากสมาชิกเมื่อ"), null=True, blank=True, editable=False)
    # How often every device was signed out at once: what a telephone keeps of LINE from before opens nothing.
    sign_outs = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = MemberQuerySet.as_manager()
    history = HistoricalRecords(
        excluded_fields=["citizen_id_hmac", "sign_outs"],
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
        indexes = [
            models.Index(SIGNIFICANT_DIGITS, name="member_by_significant_digits"),
            models.Index(name="members_who_left", fields=["left_at"], condition=models.Q(left_at__isnull=False)),
        ]

    def __str__(self) -> str:
        """Name masked: this ends up in log lines."""
        return f"{self.member_number} {self.masked_name}"

    def clean(self) -> None:
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


class DirectoryState(models.Model):
    """Whether i-member answers, where members are looked up there: the one row is written when that changes. And what
    the last nightly comparison with it came to."""

    silent_since = models.DateTimeField(_("ไม่ตอบตั้งแต่"), null=True)
    rests_until = models.DateTimeField(_("ลองใหม่เมื่อ"), null=True)
    fault = models.CharField(_("เหตุ"), max_length=200, default="", blank=True)
    compared_at = models.DateTimeField(_("เทียบล่าสุดเมื่อ"), null=True)

    class Meta:
        verbose_name = _("การติดต่อไอเมมเบอร์")
        verbose_name_plural = _("การติดต่อไอเมมเบอร์")

    def __str__(self) -> str:
        return self.fault or "-"


class MemberNumbering(models.Model):
    """How many digits a member number of this office has. The one row is written when an import is confirmed."""

    width = models.PositiveSmallIntegerField(
        _("จำนวนหลักของเลขทะเบียน"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_WIDTH)],
    )

    class Meta:
        verbose_name = _("จำนวนหลักของเลขทะเบียน")
        verbose_name_plural = _("จำนวนหลักของเลขทะเบียน")

    def __str__(self) -> str:
        return str(self.width or "-")


class MemberFile(models.Model):
    """A file of members: read, checked, shown, and brought in when somebody confirms it. See files/importing.py."""

    class State(models.TextChoices):
        READING = "reading", _("กำลังตรวจ")
        CHECKED = "checked", _("ตรวจแล้ว รอยืนยัน")
        IMPORTING = "importing", _("กำลังนำเข้า")
        DONE = "done", _("นำเข้าแล้ว")
        REFUSED = "refused", _("ไม่ได้นำเข้า")

    name = models.CharField(_("ชื่อไฟล์"), max_length=100, blank=True)
    # Nobody where it is not a file, but what i-member said at night: see directory/comparing.py.
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("ผู้ส่งไฟล์")
    )
    uploaded_at = models.DateTimeField(_("ส่งเมื่อ"), db_index=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("ผู้ยืนยัน")
    )
    confirmed_at = models.DateTimeField(_("ยืนยันเมื่อ"), null=True)
    finished_at = models.DateTimeField(_("เสร็จเมื่อ"), null=True)
    state = models.CharField(_("สถานะ"), max_length=10, choices=State, default=State.READING)
    columns = models.JSONField(default=list)
    # Lines of JSON, gzip'd: the number of the row in the file, then its cells, an HMAC in place of each citizen ID.
    # Emptied when the file is done with.
    rows = models.BinaryField(null=True)
    row_count = models.PositiveIntegerField(_("จำนวนแถว"))
    # How many digits its numbers are padded to, and whether somebody chose that; the office's where it has one.
    number_width = models.PositiveSmallIntegerField(null=True)
    proposed_width = models.PositiveSmallIntegerField(null=True)
    # What the check found: one letter for each row (importing.Outcome), the first faulty rows, who is in no row.
    outcomes = models.TextField(blank=True, default="")
    counts = models.JSONField(default=dict)
    faults = models.JSONField(default=list)
    missing = ArrayField(models.BigIntegerField(), default=list)
    marks_missing = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("ไฟล์สมาชิก")
        verbose_name_plural = _("ไฟล์สมาชิก")

    def __str__(self) -> str:
        return f"{self.pk} {self.state}"

    @property
    def is_from_directory(self) -> bool:
        return self.uploaded_by_id is None

    @property
    def is_at_work(self) -> bool:
        return self.state in (self.State.READING, self.State.IMPORTING)


class MemberFileProgress(models.Model):
    """How far the work on a file has come. A row of its own: the work's transaction holds the lock of the file's."""

    file = models.OneToOneField(MemberFile, models.CASCADE, related_name="progress", primary_key=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("ความคืบหน้าของไฟล์สมาชิก")
        verbose_name_plural = _("ความคืบหน้าของไฟล์สมาชิก")

    def __str__(self) -> str:
        return f"{self.done} / {self.total}"


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

    def __str__(self) -> str:
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

    def __str__(self) -> str:
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

    def __str__(self) -> str:
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

    def __str__(self) -> str:
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

    def __str__(self) -> str:
        return self.user_id


class ErasedMember(models.Model):
    """A tombstone: see erased.py. HMACs alone, so it names nobody."""

    number_hmac = models.CharField(max_length=64, unique=True, editable=False)
    citizen_id_hmac = models.CharField(max_length=64, null=True, db_index=True, editable=False)
    # When the member asked for it in the app; None where it was on paper or at the counter.
    asked_at = models.DateTimeField(_("ขอเมื่อ"), null=True, editable=False)
    erased_at = models.DateTimeField(_("ลบเมื่อ"))
    erased_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("ลบโดย"))

    class Meta:
        verbose_name = _("สมาชิกที่ขอให้ลบข้อมูล")
        verbose_name_plural = _("สมาชิกที่ขอให้ลบข้อมูล")

    def __str__(self) -> str:
        return str(self.pk)


class MemberRequest(models.Model):
    """What a member asks the office to do with what is held of them: see requests.py. With the member it goes."""

    class Kind(models.TextChoices):
        CORRECTION = "correction", _("ขอแก้ไขข้อมูล")
        ERASURE = "erasure", _("ขอให้ลบข้อมูล")

    class State(models.TextChoices):
        OPEN = "open", _("รอสหกรณ์ดำเนินการ")
        DONE = "done", _("ดำเนินการแล้ว")
        REFUSED = "refused", _("สหกรณ์ไม่รับคำขอ")
        WITHDRAWN = "withdrawn", _("ท่านถอนคำขอแล้ว")

    member = models.ForeignKey(Member, models.CASCADE, related_name="requests", verbose_name=_("สมาชิก"))
    kind = models.CharField(_("คำขอ"), max_length=10, choices=Kind)
    state = models.CharField(_("สถานะ"), max_length=10, choices=State, default=State.OPEN)
    wrong = FreeTextField(_("ข้อมูลที่ไม่ถูกต้อง"), max_length=500, blank=True, default="")
    right = FreeTextField(_("ข้อมูลที่ถูกต้อง"), max_length=500, blank=True, default="")
    asked_at = models.DateTimeField(_("ขอเมื่อ"))
    ended_at = models.DateTimeField(_("เสร็จเมื่อ"), null=True)
    # Nobody where the member withdrew it.
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("ผู้ดำเนินการ")
    )
    answer = FreeTextField(_("คำตอบถึงสมาชิก"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("คำขอของสมาชิก")
        verbose_name_plural = _("คำขอของสมาชิก")
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_request_of_a_kind", fields=["member", "kind"], condition=models.Q(state="open")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN


class MemberAccount(models.Model):
    """A member's own way in, where i-member is ours: see accounts.py."""

    member = models.OneToOneField(
        Member, models.CASCADE, related_name="account", primary_key=True, verbose_name=_("สมาชิก")
    )
    password = models.CharField(max_length=128, editable=False)  # hashed as Django does
    set_at = models.DateTimeField(_("ตั้งรหัสผ่านเมื่อ"))

    class Meta:
        verbose_name = _("บัญชีของสมาชิก")
        verbose_name_plural = _("บัญชีของสมาชิก")

    def __str__(self) -> str:
        return str(self.member)


class MemberSession(models.Model):
    """A device on which a member is signed in. Only the hash of what the device holds is kept."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="sessions", verbose_name=_("สมาชิก"))
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    device = models.CharField(_("เครื่อง"), max_length=60)
    began_at = models.DateTimeField(_("เข้าสู่ระบบเมื่อ"))
    seen_at = models.DateTimeField(_("ใช้ล่าสุดเมื่อ"), db_index=True)

    class Meta:
        verbose_name = _("เครื่องที่เข้าสู่ระบบ")
        verbose_name_plural = _("เครื่องที่เข้าสู่ระบบ")
        ordering = ["-seen_at"]

    def __str__(self) -> str:
        return f"{self.member} {self.device}"


class Care(models.Model):
    """That a member looks after another: asked, consented to, ended. Ended ones stay as its log: see family.py."""

    carer = models.ForeignKey(Member, models.CASCADE, related_name="cares_for", verbose_name=_("ผู้ดูแล"))
    member = models.ForeignKey(Member, models.CASCADE, related_name="cared_for_by", verbose_name=_("สมาชิก"))
    asked_at = models.DateTimeField(_("ขอเมื่อ"))
    began_at = models.DateTimeField(_("ยินยอมเมื่อ"), null=True)
    # Whether the carer gets every message; else those alone that reach the member by no channel.
    tells_always = models.BooleanField(_("แจ้งผู้ดูแลทุกข้อความ"), default=False, db_default=False)
    # What proved that it was the member who consented: "password", "line" or "code".
    proved_by = models.CharField(_("ยืนยันด้วย"), max_length=10, default="", blank=True)
    ended_at = models.DateTimeField(_("สิ้นสุดเมื่อ"), null=True)
    ended_by = models.CharField(max_length=10, default="", blank=True)  # "carer" or "member"

    class Meta:
        verbose_name = _("การดูแลคนในครอบครัว")
        verbose_name_plural = _("การดูแลคนในครอบครัว")
        constraints = [
            models.UniqueConstraint(
                name="one_care_of_a_pair", fields=["carer", "member"], condition=models.Q(ended_at=None)
            ),
            models.CheckConstraint(name="nobody_is_their_own_carer", condition=~models.Q(carer=models.F("member"))),
        ]

    def __str__(self) -> str:
        return f"{self.carer_id} {self.member_id}"


class Passkey(models.Model):
    """A passkey of a member: see passkeys.py. The public key opens nothing."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="passkeys", verbose_name=_("สมาชิก"))
    credential_id = models.CharField(max_length=1400, unique=True, editable=False)  # 1,023 bytes at most, as base64url
    public_key = models.BinaryField(editable=False)
    sign_count = models.BigIntegerField(editable=False)
    name = FreeCharField(_("เครื่อง"), max_length=60)
    made_at = models.DateTimeField(_("เพิ่มเมื่อ"))
    used_at = models.DateTimeField(_("ใช้ล่าสุดเมื่อ"), null=True)

    class Meta:
        verbose_name = _("พาสคีย์ของสมาชิก")
        verbose_name_plural = _("พาสคีย์ของสมาชิก")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.member} {self.name}"


class UsedChallenge(models.Model):
    """That a challenge for a passkey has counted, until its cookie ends."""

    challenge_hash = models.CharField(max_length=64, primary_key=True)
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("คำถามพาสคีย์ที่ใช้แล้ว")
        verbose_name_plural = _("คำถามพาสคีย์ที่ใช้แล้ว")

    def __str__(self) -> str:
        return self.challenge_hash[:8]


class LinkingCode(models.Model):
    """A code that proves, once, who somebody is: handed out by a clerk, or sent to the member by LINE or e-mail (then
    nobody issued it)."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="linking_codes", verbose_name=_("สมาชิก"))
    code_hmac = models.CharField(max_length=64, editable=False)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("ออกโดย")
    )
    issued_at = models.DateTimeField(default=timezone.now, db_default=Now())
    expires_at = models.DateTimeField(_("ใช้ได้ถึง"))
    used_at = models.DateTimeField(_("ใช้เมื่อ"), null=True, blank=True)

    class Meta:
        verbose_name = _("รหัสผูกบัญชี LINE")
        verbose_name_plural = _("รหัสผูกบัญชี LINE")

    def __str__(self) -> str:
        return str(self.member)


class LineEvent(models.Model):
    """A webhook event that has been taken up. LINE sends some twice; each acts once."""

    webhook_event_id = models.CharField(max_length=64, primary_key=True)
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("เหตุการณ์จาก LINE")
        verbose_name_plural = _("เหตุการณ์จาก LINE")

    def __str__(self) -> str:
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

    def __str__(self) -> str:
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
