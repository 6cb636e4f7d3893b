"""Every refusal of the API, in one shape: `{"code", "message"}`, the message in the request's language."""

import logging

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from psycopg.errors import ReadOnlySqlTransaction
from rest_framework import exceptions, status
from rest_framework.response import Response

from booking import errors
from booking.errors import BookingError, IdentityUsed, TooManyBookings, TooManyTickets
from booking.models import Ticket, tallies
from members import errors as member_errors
from members.errors import IdentityExpired, MemberError

log = logging.getLogger(__name__)

NOT_FOUND = _("ไม่พบสิ่งที่ขอ กรุณาตรวจที่อยู่หรือรหัส")
INVALID = _("ข้อมูลที่ส่งมาไม่ถูกต้อง กรุณาตรวจแล้วส่งอีกครั้ง")
NOT_SIGNED_IN = _("ส่วนนี้สำหรับเจ้าหน้าที่ กรุณาส่งโทเคนที่ใช้ได้ในส่วนหัว Authorization")
# For requests that never reach our own checks.
BY_FRAMEWORK: dict[type[exceptions.APIException], tuple[str, str | Promise]] = {
    exceptions.NotFound: ("not_found", NOT_FOUND),
    exceptions.MethodNotAllowed: ("method_not_allowed", _("ที่อยู่นี้ใช้วิธีเรียกนี้ไม่ได้ กรุณาดูวิธีที่ใช้ได้ในส่วนหัว Allow")),
    exceptions.NotAcceptable: ("not_acceptable", _("ส่วนนี้ตอบเป็น JSON เท่านั้น กรุณาแก้ส่วนหัว Accept")),
    exceptions.UnsupportedMediaType: ("invalid", _("กรุณาส่งข้อมูลเป็น application/json")),
    exceptions.NotAuthenticated: ("not_signed_in", NOT_SIGNED_IN),
    exceptions.AuthenticationFailed: ("not_signed_in", NOT_SIGNED_IN),
    exceptions.PermissionDenied: ("not_permitted", _("บัญชีนี้ไม่มีสิทธิ์ทำรายการนี้ กรุณาติดต่อผู้จัดการ")),
    exceptions.ParseError: ("invalid", _("อ่านข้อมูลที่ส่งมาไม่ได้ กรุณาส่งเป็น JSON ที่ถูกต้อง")),
}
# What the documentation adds to a status's codes.
NOTES = {
    400: "the request is wrong; `message` says what to change",
    401: "no token or identity, or one that has ended or booked its ticket",
    403: "this member of staff has not the right, or a member's identity needs a `proof`",
    415: "send `application/json`",
    422: "the key named another booking",
    429: "the header `Retry-After` says for how many seconds",
    503: "i-member is silent, and has not been asked about this member before; `Retry-After` says when to try again",
}
# Pages tell these apart; programs need not.
SAME_TO_PROGRAMS = {IdentityUsed.code: IdentityExpired.code, TooManyTickets.code: TooManyBookings.code}
UNAVAILABLE = _("ระบบขัดข้องชั่วคราว กรุณาลองใหม่ในอีกสักครู่")
RETRY_AFTER_FAULT = 5  # seconds


class Invalid(exceptions.APIException):
    """The request itself is wrong; `message` says what to change."""

    def __init__(self, message=INVALID):
        self.message = message


def codes(status_code: int, policy: str) -> str:
    """What the documentation says of a status: the codes that it may have under the view's `policy`, and a note."""
    callers = {"token": {errors.STAFF}, "ticket_or_token": {errors.STAFF, errors.MEMBERS}}.get(policy, {errors.MEMBERS})
    of_bookings = [kind for kind in errors.REFUSALS if callers.intersection(kind.api)]
    of_members = [kind for kind in member_errors.REFUSALS if kind.is_in_api]
    found = {kind.code for kind in (*of_bookings, *of_members) if kind.status == status_code}
    found |= {code for kind, (code, _message) in BY_FRAMEWORK.items() if kind.status_code == status_code}
    listed = ", ".join(f"`{code}`" for code in sorted(found))
    return f"{listed}: {NOTES[status_code]}" if status_code in NOTES else listed


def is_of_the_database(fault: BaseException | None) -> bool:
    """Whether the database cannot be reached, did not answer in time, or lets nothing be written, as a server whose
    place another has taken: nothing is wrong with what was asked."""
    if isinstance(fault, InternalError):
        return isinstance(fault.__cause__, ReadOnlySqlTransaction)
    return isinstance(fault, OperationalError | InterfaceError)


def answer_refusal(exc, context) -> Response | None:
    """The answer to what a view raised (DRF's EXCEPTION_HANDLER). None means a bug, which crashes loudly."""
    match exc:
        case MemberError() | BookingError():
            if not getattr(context["request"].user, "is_staff", False):
                tallies.refused(exc)
            wait = getattr(exc, "retry_after", None)
            headers = {"Retry-After": str(wait)} if wait else None
            return refusal(exc.status, SAME_TO_PROGRAMS.get(exc.code, exc.code), exc, headers)
        case Ticket.DoesNotExist() | Http404():
            return refusal(status.HTTP_404_NOT_FOUND, "not_found", NOT_FOUND)
        case Invalid():
            return refusal(status.HTTP_400_BAD_REQUEST, "invalid", exc.message)
        case exceptions.ValidationError():
            return refusal(status.HTTP_400_BAD_REQUEST, "invalid", f"{INVALID} ({', '.join(map(str, exc.detail))})")
        case exceptions.APIException():
            code, message = BY_FRAMEWORK[type(exc)]
            headers = {"WWW-Authenticate": exc.auth_header} if hasattr(exc, "auth_header") else None
            return refusal(exc.status_code, code, message, headers)
        case SuspiciousOperation():
            return refusal(status.HTTP_400_BAD_REQUEST, "invalid", INVALID)
        case _ if is_of_the_database(exc):
            log.error("database unavailable: %s", type(exc).__name__)
            headers = {"Retry-After": str(RETRY_AFTER_FAULT)}
            return refusal(status.HTTP_503_SERVICE_UNAVAILABLE, "unavailable", UNAVAILABLE, headers)
    return None


def refusal(status_code: int, code: str, message, headers: dict | None = None) -> Response:
    return Response({"code": code, "message": str(message)}, status=status_code, headers=headers)
