"""Cleans every request before anything reads it, and answers when a number is out of range.

PostgreSQL cannot store a NUL in a text, and Python decodes a request in whatever charset it names. Nobody ever means
either, so both are dealt with here once and not in each form.
"""

import logging

from django.db import DataError
from django.http import Http404, QueryDict
from django.shortcuts import render

log = logging.getLogger(__name__)


def addresses_and_cookies(get_response):
    """Take each NUL out of the query and the cookies, and read everything as UTF-8. An address with a NUL leads
    nowhere: 404. Must come before anything that reads a cookie."""

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
    """Take each NUL out of the submitted form; everything else stays as it was typed. Must come after the CSRF check,
    which has read the form by then."""

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
    """Answer 400 if the query contains a number, such as a year, that nothing can hold. A form checks its own numbers:
    one that gets past it is our fault, and crashes loudly."""

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
