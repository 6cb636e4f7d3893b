"""What each caller is told while the database cannot be reached: 503, when to try again, and a body of its own kind."""

import logging
import sys
from functools import cache

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.template import loader

from booking.api.errors import RETRY_AFTER_FAULT, UNAVAILABLE, is_of_the_database
from booking.views import faults

log = logging.getLogger(__name__)

FOR_PROGRAMS = "/line/webhook/"  # LINE reads the status alone
BY_THEMSELVES = ("/board/", "/kiosk/")  # nobody stands there who could try again


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
    if path.startswith(BY_THEMSELVES):
        first = next(start for start in BY_THEMSELVES if path.startswith(start))
        again = path if request.method == "GET" and first == "/board/" else first
        return _page("unavailable_by_itself.html", again=again)
    if path.startswith(faults.OF_STAFF):
        return _page("staff_unavailable.html", back=faults.back(request))
    return HttpResponse(_of_members())


def _page(template: str, **context) -> HttpResponse:
    return HttpResponse(loader.get_template(template).render(context))


@cache
def _of_members() -> bytes:
    """The page that nginx also shows while nothing answers: in both languages, and made without the database."""
    return (settings.BASE_DIR / "static" / "front" / "unavailable.html").read_bytes()
