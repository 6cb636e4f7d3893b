"""Books what is plainly right before Django has made a request of it: Django and DRF are more than half of what a
booking by the API costs a web server.

Everything else goes on to Django as if it had not been here: what is not plain, what is refused, and what the database
did not answer. Django asks again under the same Idempotency-Key, so a ticket is never issued twice, and says why.
What an answer has besides its body, Django says too: its headers are kept from an answer of Django's own to a request
that differs in nothing that they depend on. So a host that is not allowed, or a connection that must be encrypted, gets
nothing from here.
"""

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from django.core.signals import request_finished
from django.db import Error
from rest_framework.exceptions import ParseError

from booking.api.endpoint import allowed_key
from booking.api.errors import Invalid
from booking.api.parsers import LONGEST_BODY, parsed
from booking.api.views import as_issued, origin_of_program, plainly_wanted
from booking.verbs.places import Booking, book_at_once
from members.errors import IdentityExpired
from members.identify import name_confirmed, read_identity
from members.throttle import grouped
from queuesite.middleware import true_address

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

PATH = "/api/v1/tickets/"
ISSUED = "201 Created"
# What the headers of an answer depend on.
DEPENDS_ON = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "HTTP_QUEUESCHEME", "HTTP_ACCEPT_LANGUAGE")
MOST_KEPT = 500  # a client may send any languages


def before(django: Application) -> Application:
    """The WSGI application that asks `django` only where it has to."""
    kept: dict[tuple[str | None, ...], Headers] = {}

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or environ["PATH_INFO"] != PATH or not _is_plain(environ):
            return django(environ, start_response)
        depends_on = tuple(map(environ.get, DEPENDS_ON))
        headers = kept.get(depends_on)
        if headers is None:

            def keep(status: str, headers: Headers, *rest: Any) -> Any:
                names = {name for name, _value in headers}
                if status == ISSUED and len(kept) < MOST_KEPT and "Set-Cookie" not in names:
                    kept[depends_on] = [(name, value) for name, value in headers if name != "Content-Length"]
                return start_response(status, headers, *rest)

            return django(environ, keep)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        booking = _booked(environ, body)
        if booking is None:
            environ["wsgi.input"] = io.BytesIO(body)
            return django(environ, start_response)
        # Connections are looked after, and what has been counted is written, as after any request.
        request_finished.send(sender=before)
        answer = json.dumps(as_issued(booking)).encode()
        start_response(ISSUED, [*headers, ("Content-Length", str(len(answer)))])
        return [answer]

    return application


def _is_plain(environ: Environ) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        environ.get("CONTENT_TYPE") == "application/json"
        and length.isdecimal()
        and len(length) < 6
        and int(length) <= LONGEST_BODY
        and "HTTP_IDEMPOTENCY_KEY" in environ
        and not (environ.get("QUERY_STRING") or environ.get("SCRIPT_NAME"))
        and "HTTP_COOKIE" not in environ
    )


def _booked(environ: Environ, body: bytes) -> Booking | None:
    """What was issued now; None if Django has to answer."""
    address = true_address(environ)
    if address is None:
        return None
    try:
        wanted = plainly_wanted(parsed(body))
        if wanted is None:
            return None
        token, slot_id = wanted
        key = allowed_key(environ["HTTP_IDEMPOTENCY_KEY"])
        identity = read_identity(token)
        booking = book_at_once(
            member_id=identity.member_id,
            slot_id=slot_id,
            key=key,
            origin=origin_of_program(grouped(address)),
            identity_mark=identity.mark,
            is_proven=bool(identity.proved_by),
        )
        if booking:
            name_confirmed(identity)
    except (ParseError, Invalid, IdentityExpired, Error):
        return None
    return booking
