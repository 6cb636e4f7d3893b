"""What a member can be told when a look-up is refused: a code for the API, a sentence for a person, the API's status.

The registry of all of them stands at the end.
"""

import math

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext


class MemberError(Exception):
    """A refusal that a member can cause. `str(exc)` is its message in the language of the request."""

    code = ""
    message: str | Promise = ""
    status = 409
    # Whether it can be caused through the API, whose documentation is written from this.
    is_in_api = False

    def __str__(self) -> str:
        return str(self.message)


class InvalidCitizenId(MemberError):
    """`digits`: how many were typed, where nothing but digits was and their number is what is wrong."""

    code = "invalid_citizen_id"
    message: str | Promise = _("เลขประจำตัวประชาชนไม่ถูกต้อง กรุณาตรวจเลขทั้ง 13 หลักบนบัตร แล้วกรอกอีกครั้ง")
    status = 400
    is_in_api = True

    def __init__(self, digits: int | None = None):
        super().__init__()
        self.digits = digits
        if digits == 0:
            self.message = _("กรุณากรอกเลขประจำตัวประชาชน 13 หลัก")
        elif digits:
            self.message = _("เลขประจำตัวประชาชนมี 13 หลัก แต่กรอกมา %d หลัก กรุณาตรวจแล้วกรอกอีกครั้ง") % digits


class InvalidMemberNumber(MemberError):
    code = "invalid_member_number"
    message = _("เลขทะเบียนสมาชิกเป็นตัวเลขไม่เกิน 12 หลัก กรุณาตรวจแล้วกรอกอีกครั้ง")
    status = 400
    is_in_api = True


class NotRegistered(MemberError):
    """Unknown, known but not registered in i-member, or without the proof asked for: never told apart."""

    code = "not_registered"
    message = _("ไม่พบข้อมูลนี้ในไอเมมเบอร์ กรุณาตรวจสิ่งที่กรอก หรือสมัครใช้บริการไอเมมเบอร์ก่อน แล้วจองคิวอีกครั้ง")
    status = 404
    is_in_api = True


class DirectorySilent(MemberError):
    """i-member does not answer, and who asked has not been seen before (or gave a wrong proof: never told apart)."""

    code = "directory_silent"
    message = _("ขณะนี้ติดต่อไอเมมเบอร์ไม่ได้ จึงยังตรวจเลขนี้ให้ไม่ได้ กรุณาลองใหม่ในอีกสักครู่ หรือติดต่อสหกรณ์")
    status = 503
    is_in_api = True
    retry_after = 60


class TooManyAttempts(MemberError):
    """`retry_after`: whole seconds until another try may be made."""

    code = "too_many_attempts"
    message = _("ขณะนี้ค้นหาข้อมูลให้ไม่ได้ เพราะมีการค้นหาหลายครั้งเกินไป กรุณารอสักครู่ แล้วลองใหม่")
    status = 429
    is_in_api = True

    def __init__(self, retry_after: int):
        super().__init__()
        self.retry_after = retry_after

    def __str__(self) -> str:
        minutes = max(1, math.ceil(self.retry_after / 60))
        return ngettext(
            "ขณะนี้ค้นหาข้อมูลให้ไม่ได้ เพราะมีการค้นหาหลายครั้งเกินไป กรุณารอประมาณ %(minutes)d นาที แล้วลองใหม่",
            "ขณะนี้ค้นหาข้อมูลให้ไม่ได้ เพราะมีการค้นหาหลายครั้งเกินไป กรุณารอประมาณ %(minutes)d นาที แล้วลองใหม่",
            minutes,
        ) % {"minutes": minutes}


class IdentityExpired(MemberError):
    code = "identity_expired"
    message = _("ยืนยันตัวตนไว้นานเกิน 15 นาทีแล้ว กรุณากรอกเลขของท่านอีกครั้ง")
    status = 401
    is_in_api = True


class WrongCode(MemberError):
    """Unknown, used, expired, or handed to another member: never told apart."""

    code = "wrong_code"
    message = _("รหัสนี้ใช้ไม่ได้ กรุณาตรวจรหัส 8 หลักอีกครั้ง หากได้รับนานเกิน 15 นาที กรุณาขอรหัสใหม่จากเจ้าหน้าที่")


class CodeNeeded(MemberError):
    code = "code_needed"
    message = _("กรุณากรอกรหัส 8 หลักที่ได้รับจากเจ้าหน้าที่")


class LineRefused(MemberError):
    """The token, the code or the state is not one that LINE or this device gave."""

    code = "line_refused"
    message = _("ยังเข้าใช้ด้วย LINE ไม่ได้ กรุณาแตะปุ่ม เข้าใช้ด้วย LINE อีกครั้ง หรือจองคิวโดยไม่ใช้ LINE")
    status = 401


class LineSilent(MemberError):
    code = "line_silent"
    message = _("ขณะนี้ติดต่อ LINE ไม่ได้ กรุณาลองใหม่ในอีกสักครู่ หรือจองคิวโดยไม่ใช้ LINE")
    status = 503


class WrongPassword(MemberError):
    """Unknown number, no password yet, or a wrong one: never told apart."""

    code = "wrong_password"
    message = _("เลขทะเบียนสมาชิกหรือรหัสผ่านไม่ถูกต้อง กรุณาตรวจอีกครั้ง หรือแตะ ลืมรหัสผ่าน")
    status = 401


class WeakPassword(MemberError):
    """Its text says why."""

    code = "weak_password"
    message = _("รหัสผ่านนี้เดาง่ายเกินไป กรุณาตั้งใหม่")

    def __init__(self, why: str = ""):
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why or str(self.message)


class NotSignedIn(MemberError):
    code = "not_signed_in"
    message = _("กรุณาเข้าสู่ระบบก่อน")
    status = 401


class WrongPasskey(MemberError):
    """Unknown, removed, another's, or an answer to another question: never told apart."""

    code = "wrong_passkey"
    message = _("ใช้พาสคีย์นี้ไม่ได้ กรุณาลองใหม่ หรือเข้าสู่ระบบด้วยรหัสผ่าน")
    status = 401


class TooManyPasskeys(MemberError):
    code = "too_many_passkeys"
    message = _("มีพาสคีย์ครบ 10 รายการแล้ว กรุณาลบรายการที่ไม่ใช้ก่อน")


class CareIsOver(MemberError):
    """One of the two has ended it, or it never began."""

    code = "care_is_over"
    message = _("ท่านไม่ได้ดูแลคิวของท่านนี้แล้ว กรุณาดูรายชื่อคนในครอบครัว")


class TooManyCared(MemberError):
    code = "too_many_cared"
    message = _("ดูแลได้ไม่เกิน 6 ท่าน กรุณาเลิกดูแลบางท่านก่อน")


class AlreadyAsked(MemberError):
    code = "already_asked"
    message = _("ท่านขอเรื่องนี้ไว้แล้ว และสหกรณ์กำลังดำเนินการ หากต้องการเปลี่ยน กรุณาถอนคำขอเดิมก่อน")


class WordsNeeded(MemberError):
    code = "words_needed"
    message = _("กรุณากรอกทั้งสองช่อง")
    status = 400


class RequestIsOver(MemberError):
    """Carried out, refused or withdrawn meanwhile."""

    code = "request_is_over"
    message = _("คำขอนี้สิ้นสุดแล้ว กรุณาดูสถานะล่าสุด")


REFUSALS = (
    InvalidCitizenId,
    InvalidMemberNumber,
    NotRegistered,
    DirectorySilent,
    TooManyAttempts,
    IdentityExpired,
    WrongCode,
    CodeNeeded,
    LineRefused,
    LineSilent,
    WrongPassword,
    WeakPassword,
    NotSignedIn,
    WrongPasskey,
    TooManyPasskeys,
    CareIsOver,
    TooManyCared,
    AlreadyAsked,
    WordsNeeded,
    RequestIsOver,
)
