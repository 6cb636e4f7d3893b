"""What each caller is told while the database cannot be reached: 503, when to try again, and a body of its own kind."""

import logging
import sys
from functools import cache

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from booking.api.errors import RETRY_AFTER_FAULT, UNAVAILABLE, is_of_the_database
from booking.views import faults

log = logging.getLogger(__name__)

FOR_PROGRAMS = "/line/webhook/"  # LINE reads the status alone
FRONT = settings.BASE_DIR / "static" / "front"


def database_faults(get_response):
    """Middleware: answer for a view of a page that could not reach the database. DRF asks booking/api/errors.py."""

    def middleware(request):
        return get_response(request)

    middleware.process_exception = lambda request, exception: answer(request, exception)
    return middleware


def server_error(request):
    """handler500. Django calls it for what middleware raises too (a session that cannot be read), which
    `process_exception` never sees."""
    return answer(request, sys.exc_info()[1]) or faults.server_error(request)


def answer(request, fault: BaseException | None) -> HttpResponse | None:
    """The 503 for this caller; None if `fault` is another one. Asks neither database nor session."""
    if not is_of_the_database(fault):
        return None
    log.error("database unavailable: %s", type(fault).__name__)
    response = _body(request)
    response.status_code = 503
    response["Retry-After"] = str(RETRY_AFTER_FAULT)
    response["Cache-Control"] = "no-store"
    response._has_been_logged = True  # above, in a line: a trace for each request would fill the disk meanwhile
    return response


def _body(request) -> HttpResponse:
    path = request.path_info
    if path.startswith("/api/"):
        return JsonResponse({"code": "unavailable", "message": str(UNAVAILABLE)})
    if path.startswith(FOR_PROGRAMS):
        return HttpResponse()
    if "HX-Request" in request.headers or path.endswith("/live/"):
        return HttpResponse(str(UNAVAILABLE), content_type="text/plain; charset=utf-8")  # a part of a page that is open
    return HttpResponse(_page(_whose(request)))


def _whose(request) -> str:
    """Which page of apology this caller is shown: as $queue_apology in deploy/nginx/limits.conf decides."""
    path = request.path_info
    if path.startswith("/board/"):
        return "board"
    if path.startswith("/kiosk/"):
        return "kiosk"
    if path.startswith(faults.OF_STAFF):
        return "staff" if request.method in ("GET", "HEAD") else "staff-sent"
    return "unavailable"


@cache
def _page(name: str) -> bytes:
    """A page that nginx also shows while nothing answers: in both languages, and made without the database."""
    return (FRONT / f"{name}.html").read_bytes()
