"""Cleans every request before anything reads it, and answers when a number is out of range.

PostgreSQL cannot store a NUL in a text, and Python decodes a request in whatever charset it names. Nobody ever means
either, so both are dealt with here once and not in each form.
"""

import logging
from urllib.parse import parse_qsl, urlencode

from django.contrib.admin.options import TO_FIELD_VAR
from django.core.exceptions import FieldDoesNotExist
from django.db import DataError
from django.http import Http404, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils.http import escape_leading_slashes

from members.citizen_id import DIGITS, is_as_long
from members.free_text import masked

log = logging.getLogger(__name__)


def addresses_and_cookies(get_response):
    """Take each NUL out of the query and the cookies, and each citizen ID out of the query; read everything as UTF-8.

    An address with a NUL leads nowhere: 404. One with a citizen ID leads to the same without it, so that nothing here
    keeps it: no session, no log, no address to come back to. Must come before anything that reads a cookie."""

    def middleware(request):
        if "\0" in request.path_info:
            raise Http404
        query = request.META.get("QUERY_STRING", "")
        while "%00" in query or "\0" in query:
            query = query.replace("%00", "").replace("\0", "")
        request.META["QUERY_STRING"], has_id = _without_citizen_ids(query)
        if has_id and request.method in ("GET", "HEAD"):
            return HttpResponseRedirect(f"{escape_leading_slashes(request.path)}?{request.META['QUERY_STRING']}")
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
    """Answer 400 if the query contains a number, such as a year, that nothing can hold, or `_to_field=`, for which the
    admin looks for a field without a name. A form checks its own numbers: one that gets past it is our fault, and
    crashes loudly."""

    def middleware(request):
        return get_response(request)

    def process_exception(request, exception):
        is_beyond = isinstance(exception, OverflowError | DataError) and (request.GET or request.method == "GET")
        names_nothing = isinstance(exception, FieldDoesNotExist) and request.GET.get(TO_FIELD_VAR) == ""
        if not is_beyond and not names_nothing:
            return None
        log.warning("beyond range at %s: %s", request.resolver_match.view_name, type(exception).__name__)
        return render(request, "400.html", status=400)

    middleware.process_exception = process_exception
    return middleware


def _without_citizen_ids(query: str) -> tuple[str, bool]:
    """The query with dots in place of each value that is a citizen ID, and whether there was one."""
    if len(query) < DIGITS:
        return query, False
    values = parse_qsl(query, keep_blank_values=True)
    kept = [(name, masked(value) if _is_citizen_id(value) else value) for name, value in values]
    return (query, False) if kept == values else (urlencode(kept), True)


def _is_citizen_id(value: str) -> bool:
    """The whole value: a run of digits within a token or a version is none."""
    return is_as_long(value) and masked(value) != value


def _without_nul(form: QueryDict) -> QueryDict:
    cleaned = QueryDict(mutable=True, encoding=form.encoding)
    for name, values in form.lists():
        cleaned.setlist(name.replace("\0", ""), [text.replace("\0", "") for text in values])
    cleaned._mutable = False
    return cleaned
