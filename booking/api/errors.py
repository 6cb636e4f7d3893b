"""Every refusal of the API, in one shape: `{"code", "message"}`, the message in the request's language."""

import logging

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.response import Response

from booking.errors import BookingError
from booking.models import Ticket
from members.errors import MemberError, TooManyAttempts

log = logging.getLogger(__name__)

# Every other refusal is a conflict with what is booked by now: 409.
STATUS_OF = {
    "identity_expired": status.HTTP_401_UNAUTHORIZED,
    "not_registered": status.HTTP_404_NOT_FOUND,
    "invalid_citizen_id": status.HTTP_400_BAD_REQUEST,
    "invalid_member_number": status.HTTP_400_BAD_REQUEST,
    "too_many_attempts": status.HTTP_429_TOO_MANY_REQUESTS,
    "idempotency_key_reused": status.HTTP_422_UNPROCESSABLE_ENTITY,
}

NOT_FOUND = _("ไม่พบสิ่งที่ขอ กรุณาตรวจที่อยู่หรือรหัส")
INVALID = _("ข้อมูลที่ส่งมาไม่ถูกต้อง กรุณาตรวจแล้วส่งอีกครั้ง")
NOT_SIGNED_IN = _("ส่วนนี้สำหรับเจ้าหน้าที่ กรุณาส่งโทเคนที่ใช้ได้ในส่วนหัว Authorization")
# Of a request that never reaches our own checks.
BY_FRAMEWORK = {
    exceptions.NotFound: ("not_found", NOT_FOUND),
    exceptions.MethodNotAllowed: ("method_not_allowed", _("ที่อยู่นี้ใช้วิธีเรียกนี้ไม่ได้ กรุณาดูวิธีที่ใช้ได้ในส่วนหัว Allow")),
    exceptions.NotAcceptable: ("not_acceptable", _("ส่วนนี้ตอบเป็น JSON เท่านั้น กรุณาแก้ส่วนหัว Accept")),
    exceptions.UnsupportedMediaType: ("invalid", _("กรุณาส่งข้อมูลเป็น application/json")),
    exceptions.NotAuthenticated: ("not_signed_in", NOT_SIGNED_IN),
    exceptions.AuthenticationFailed: ("not_signed_in", NOT_SIGNED_IN),
    exceptions.PermissionDenied: ("not_permitted", _("บัญชีนี้ไม่มีสิทธิ์ทำรายการนี้ กรุณาติดต่อผู้จัดการ")),
    exceptions.ParseError: ("invalid", _("อ่านข้อมูลที่ส่งมาไม่ได้ กรุณาส่งเป็น JSON ที่ถูกต้อง")),
}
UNAVAILABLE = _("ระบบขัดข้องชั่วคราว กรุณาลองใหม่ในอีกสักครู่")
RETRY_AFTER_FAULT = 5  # seconds


class Invalid(exceptions.APIException):
    """The request itself is wrong; `message` says what to change."""

    def __init__(self, message=INVALID):
        self.message = message


def answer_refusal(exc, context) -> Response | None:
    """The answer to what a view raised (DRF's EXCEPTION_HANDLER). None is a fault of ours, and crashes loudly."""
    match exc:
        case TooManyAttempts():
            return refusal(STATUS_OF[exc.code], exc.code, exc, {"Retry-After": str(exc.retry_after)})
        case MemberError() | BookingError():
            return refusal(STATUS_OF.get(exc.code, status.HTTP_409_CONFLICT), exc.code, exc)
        case Ticket.DoesNotExist() | Http404():
            return refusal(status.HTTP_404_NOT_FOUND, "not_found", NOT_FOUND)
        case Invalid():
            return refusal(status.HTTP_400_BAD_REQUEST, "invalid", exc.message)
        case exceptions.ValidationError():
            return refusal(status.HTTP_400_BAD_REQUEST, "invalid", f"{INVALID} ({', '.join(exc.detail)})")
        case exceptions.APIException():
            code, message = BY_FRAMEWORK[type(exc)]
            headers = {"WWW-Authenticate": exc.auth_header} if hasattr(exc, "auth_header") else None
            return refusal(exc.status_code, code, message, headers)
        case SuspiciousOperation():
            return refusal(status.HTTP_400_BAD_REQUEST, "invalid", INVALID)
        case OperationalError() | InterfaceError():
            log.error("database unavailable: %s", type(exc).__name__)
            headers = {"Retry-After": str(RETRY_AFTER_FAULT)}
            return refusal(status.HTTP_503_SERVICE_UNAVAILABLE, "unavailable", UNAVAILABLE, headers)
    return None


def refusal(status_code: int, code: str, message, headers: dict | None = None) -> Response:
    return Response({"code": code, "message": str(message)}, status=status_code, headers=headers)
