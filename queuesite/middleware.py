"""Our own middleware."""

import ipaddress
import logging
from functools import cache

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpResponse, JsonResponse
from django.urls import resolve
from django.utils import translation
from django.utils.cache import patch_vary_headers

log = logging.getLogger(__name__)

LONGEST_BODY = 64 * 1024  # bytes; the longest that members send has a few thousand
LONGEST_WEBHOOK = 1_000_000
# Where staff send files, by path, and how many bytes these may have in all. deploy/nginx/pages.conf has the same paths.
LONGEST_UPLOADS = {
    "/admin/members/member/import/": 32 * 1024 * 1024,
    "/admin/booking/clip/": 32 * 1024 * 1024,
    "/admin/booking/department/import/": 4 * 1024 * 1024,
    "/admin/office/setting/part/looks/": 3 * 1024 * 1024,
}


def whose_address(get_response):
    """Take the client's address and scheme from our own nginx, and from nobody else.

    Its two headers have names without dash or underscore, so no other header is folded into them, and nginx replaces
    whatever a client sends under these names. With BEHIND_FRONT=on every request must carry them: one without has
    bypassed the front. With off no request may: whoever sends them pretends to be the front.
    """

    def middleware(request):
        address = true_address(request.META)
        if address is None:
            if settings.BEHIND_FRONT:
                log.error("a request did not come through the front (deploy/nginx.conf), and is refused")
            return _refusal(request, 400, "round_the_front", ROUND_THE_FRONT)
        request.META["REMOTE_ADDR"] = address
        return get_response(request)

    return middleware


def true_address(environ: dict[str, str]) -> str | None:
    """The client's address; None if the request has bypassed the front, or pretends to be it."""
    client, scheme = environ.get("HTTP_QUEUECLIENT"), environ.get("HTTP_QUEUESCHEME")
    if settings.BEHIND_FRONT:
        return client if scheme in ("http", "https") and _is_address(client) else None
    return environ.get("REMOTE_ADDR", "") if client is None and scheme is None else None


def small_bodies(get_response):
    """Refuse a long body before reading any of it. Behind nginx such a body does not get this far."""

    def middleware(request):
        path = request.path_info
        most = LONGEST_WEBHOOK if path == "/line/webhook/" else LONGEST_UPLOADS.get(path, LONGEST_BODY)
        if _length(request) > most:
            return _refusal(request, 413, "too_large", TOO_LARGE)
        return get_response(request)

    return middleware


def uploads_of_staff(get_response):
    """Let only staff send files. Checked before anything reads the body; the CSRF check would be the first to."""

    def middleware(request):
        is_long = request.path_info in LONGEST_UPLOADS and _length(request) > LONGEST_BODY
        if is_long and not (request.user.is_active and request.user.is_staff):
            return _refusal(request, 403, "not_permitted", FOR_STAFF)
        return get_response(request)

    return middleware


ROUND_THE_FRONT = "เปิดหน้านี้ด้วยที่อยู่นี้ไม่ได้ / This address cannot be used. Please use the one that the office gives."
TOO_LARGE = "ข้อมูลที่ส่งมาใหญ่เกินไป ยังไม่มีการบันทึก / What was sent is too large, and nothing was saved."
FOR_STAFF = "ส่งไฟล์ได้เฉพาะเจ้าหน้าที่ กรุณาเข้าสู่ระบบก่อน / Only staff may send files. Please sign in first."


def _length(request) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _is_address(text: str | None) -> bool:
    try:
        ipaddress.ip_address(text or "")
    except ValueError:
        return False
    return True


def _refusal(request, status: int, code: str, message: str) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        response = JsonResponse({"code": code, "message": message}, status=status)
    else:
        response = HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
    response._has_been_logged = True  # the client is told; a log line for each would help a flood
    return response


class MessagesOfTheBackOffice(MessageMiddleware):
    """Django's messages, where anything says one. To look for them is a twentieth of a member's booking."""

    def __call__(self, request):
        return super().__call__(request) if request.path_info.startswith("/admin/") else self.get_response(request)


def content_security_policy(get_response):
    """Send the strict policy everywhere but under `/admin/`, whose theme needs a wider one."""
    return _Policy(get_response)


class _Policy(CSPMiddleware):
    def process_response(self, request, response):
        if request.path.startswith("/admin/"):
            if not hasattr(response, "_csp_replace"):
                response._csp_replace = settings.ADMIN_CONTENT_SECURITY_POLICY
        elif not hasattr(request, "_csp_nonce") and not any(name.startswith("_csp") for name in vars(response)):
            # Every response has the policy of the settings, so its text is built once, not each time.
            response.headers.setdefault(HEADER, _strict_policy())
            return response
        return super().process_response(request, response)


@cache
def _strict_policy() -> str:
    return build_policy()


def api(get_response):
    """Answer the API here. What follows in MIDDLEWARE is for pages (files, sessions, CSRF, messages, the back office's
    history), or does more than the API needs. The part that it needs is done here: check the host, choose the language
    of messages, and set the length and the strict policy. All of that middleware would be a third of a booking's cost.
    """

    def middleware(request):
        if not request.path_info.startswith("/api/v1/"):
            return get_response(request)
        request.get_host()  # raises DisallowedHost
        language = translation.get_language_from_request(request)
        translation.activate(language)
        view, arguments, named = request.resolver_match = resolve(request.path_info)
        response = view(request, *arguments, **named)
        if hasattr(response, "render"):
            response.render()
        response.headers[HEADER] = _strict_policy()
        response.headers["Content-Language"] = language
        if request.method != "GET" or "HTTP_AUTHORIZATION" in request.META:
            response.headers.setdefault("Cache-Control", "no-store")  # somebody's ticket, identity or secret
        response.headers["Content-Length"] = str(len(response.content))
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return middleware


def thai_until_switched(get_response):
    """Ignore the browser's own language: many telephones here are set to English without their owners' knowledge. Pages
    are Thai until somebody uses the switch on them. The API, above, answers in the language it is asked for."""

    def middleware(request):
        request.META.pop("HTTP_ACCEPT_LANGUAGE", None)
        return get_response(request)

    return middleware
