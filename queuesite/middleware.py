"""What every request passes through that is ours."""

import logging
from functools import cache

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.urls import resolve
from django.utils import translation
from django.utils.cache import patch_vary_headers

log = logging.getLogger(__name__)


def content_security_policy(get_response):
    """Send the strict policy everywhere but under `/admin/`, whose theme needs a wider one."""
    return _Policy(get_response)


class _Policy(CSPMiddleware):
    def process_response(self, request, response):
        if request.path.startswith("/admin/"):
            if not hasattr(response, "_csp_replace"):
                response._csp_replace = settings.ADMIN_CONTENT_SECURITY_POLICY
        elif not hasattr(request, "_csp_nonce") and not any(name.startswith("_csp") for name in vars(response)):
            # Nothing asks for another policy than the settings': its text is put together once, not each time.
            response.headers.setdefault(HEADER, _strict_policy())
            return response
        return super().process_response(request, response)


@cache
def _strict_policy() -> str:
    return build_policy()


def api(get_response):
    """Answer the API here. What stands below in MIDDLEWARE is for pages (files, sessions, CSRF, messages, the history
    of the back office) or costs more than the API needs of it, which is done here: the host looked at, the language of
    its messages chosen, the length and the strict policy told. All of it would make up a third of what a booking takes.
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
        response.headers["Content-Length"] = str(len(response.content))
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return middleware


def thai_until_switched(get_response):
    """Leave the browser's own language out of account: many a telephone here is set to English without its owner's
    knowing. The pages are Thai until the switch on them is used; the API, above, answers as it is asked."""

    def middleware(request):
        request.META.pop("HTTP_ACCEPT_LANGUAGE", None)
        return get_response(request)

    return middleware


def database_faults(get_response):
    """Answer 503 with Retry-After when the database cannot be reached, so that a client tries again."""

    def middleware(request):
        return get_response(request)

    def process_exception(request, exception):
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        log.error("database unavailable: %s", type(exception).__name__)
        return HttpResponse(
            "ระบบขัดข้องชั่วคราว กรุณาลองใหม่ในอีกสักครู่ / Please try again in a moment.",
            status=503,
            headers={"Retry-After": "5"},
            content_type="text/plain; charset=utf-8",
        )

    middleware.process_exception = process_exception
    return middleware
