"""What is taken out of every request before anybody reads it, and the answer where a number is beyond all range.

PostgreSQL keeps no NUL in a text and Python decodes what is sent in any charset that it names. Neither is ever meant:
so both end here, once, and not in each form.
"""

import logging

from django.db import DataError
from django.http import Http404, QueryDict
from django.shortcuts import render

log = logging.getLogger(__name__)


def addresses_and_cookies(get_response):
    """Take each NUL out of the query and the cookies, and read everything as UTF-8. An address with a NUL leads
    nowhere: 404. Stands before whatever reads a cookie."""

    def middleware(request):
        if "\0" in request.path_info:
            raise Http404
        query = request.META.get("QUERY_STRING", "")
        while "%00" in query or "\0" in query:
            query = query.replace("%00", "").replace("\0", "")
        request.META["QUERY_STRING"] = query
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if "\0" not in value}
        if (request.encoding or "utf-8").lower() != "utf-8":
            request.encoding = "utf-8"
        return get_response(request)

    return middleware


def forms(get_response):
    """Take each NUL out of the form that was sent; all else of it is kept as it was typed. Stands below what compares
    the form's CSRF token, which has read the form by then."""

    def middleware(request):
        return get_response(request)

    def process_view(request, view, args, kwargs):
        if request.method != "POST" or getattr(view, "csrf_exempt", False):
            return
        if any("\0" in text for name, values in request.POST.lists() for text in [name, *values]):
            request.POST = _without_nul(request.POST)

    middleware.process_view = process_view
    return middleware


def ranges(get_response):
    """Answer 400 to an address whose query names a number, a year say, that nothing can hold. What a form sends is
    checked by the form: there the fault is ours, and crashes loudly."""

    def middleware(request):
        return get_response(request)

    def process_exception(request, exception):
        if not isinstance(exception, OverflowError | DataError) or not (request.GET or request.method == "GET"):
            return None
        log.warning("beyond range at %s: %s", request.resolver_match.view_name, type(exception).__name__)
        return render(request, "400.html", status=400)

    middleware.process_exception = process_exception
    return middleware


def _without_nul(form: QueryDict) -> QueryDict:
    cleaned = QueryDict(mutable=True, encoding=form.encoding)
    for name, values in form.lists():
        cleaned.setlist(name.replace("\0", ""), [text.replace("\0", "") for text in values])
    cleaned._mutable = False
    return cleaned
