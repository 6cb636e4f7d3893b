"""How a view of the API is made: its one method, who may call it, and what the schema says of it."""

import re
import secrets
from functools import wraps

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.negotiation import DefaultContentNegotiation

from booking.api.errors import Invalid, codes
from booking.api.serializers import RefusalSerializer
from booking.models import Ticket, WaitingEntry
from booking.models.tokens import token_of
from booking.verbs import catalogue
from booking.verbs.catalogue import Surface
from members.free_text import masked

Authority = dict[str, list[str]]
SECRET: Authority = {"ticketSecret": []}
WAITING: Authority = {"waitingSecret": []}
TOKEN: Authority = {"staffToken": []}
AUTHORITIES = {
    "anyone": [],
    "identity": [],
    "ticket": [SECRET],
    "waiting": [WAITING],
    "token": [TOKEN],
    "ticket_or_token": [SECRET, TOKEN],
}

LONGEST_KEY = 200
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Names this request: the same key again gives the same ticket with its secret, so it may be "
    "repeated when its answer was lost. Make a random one (a UUID) for each ticket.",
)


def endpoint(method: str, policy: str, answers: dict, *refusals: int, request=None, parameters=(), verb=""):
    """Make a view of the API.

    tests/test_access_policy.py reads the policy: `anyone`; `identity`, which is in the body; `ticket`, whose secret is
    in the header; `waiting`, likewise of an entry of a waiting list; `token`, of a member of staff with a right to
    `verb`; `ticket_or_token`.
    """
    takes_token = policy in ("token", "ticket_or_token")
    if takes_token:
        refusals += (401, 403)

    def decorate(function):
        function.content_negotiation_class = OnlyJSON
        guarded = _only_with(function, verb, is_needed=policy == "token") if takes_token else function
        view = extend_schema(
            request=request,
            responses=answers
            | {status: OpenApiResponse(RefusalSerializer, codes(status, policy)) for status in refusals},
            parameters=list(parameters),
            auth=AUTHORITIES[policy],
        )(api_view([method])(authentication_classes([ByToken] if takes_token else [])(guarded)))
        view.access_policy = policy
        return view

    return decorate


class OnlyJSON(DefaultContentNegotiation):
    """JSON whatever the client asks for: there is no other format."""

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class ByToken(BaseAuthentication):
    """`Authorization: Token <token>`, made by `manage.py staff_token`."""

    def authenticate(self, request):
        token = credentials(request, "token")
        if token is None:
            return None
        row = token_of(token)
        if row is None:
            raise AuthenticationFailed
        return row.user, row

    def authenticate_header(self, request):
        return "Token"


def credentials(request, scheme: str) -> str | None:
    """What follows the scheme in the header `Authorization`; None if it is missing or has another scheme."""
    named, _space, rest = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return rest.strip() if named.lower() == scheme else None


def ticket_of_holder(request, public_id: str) -> Ticket:
    """The ticket that the header `Authorization: Ticket <secret>` opens. Raises Ticket.DoesNotExist."""
    secret = credentials(request, "ticket")
    if secret is None:
        raise Ticket.DoesNotExist
    return Ticket.objects.reached_by(public_id, secret)


def entry_of_holder(request, public_id: str) -> WaitingEntry:
    """The entry of a waiting list that the header `Authorization: Waiting <secret>` opens. Raises Http404."""
    secret = credentials(request, "waiting")
    entry = WaitingEntry.objects.select_related("department").filter(public_id=public_id).first()
    if secret is None or entry is None or not entry.is_opened_by(secret):
        raise Http404
    return entry


def body(serializer, request) -> dict:
    """What was sent, checked. Raises DRF's ParseError, UnsupportedMediaType and ValidationError."""
    return serializer.run_validation(request.data)


def idempotency_key(request) -> str:
    """The key by which the client names its booking, or a fresh one."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    return secrets.token_urlsafe(16) if key is None else allowed_key(key)


def allowed_key(key: str) -> str:
    """The key that a client gave. Raises Invalid."""
    if not re.fullmatch(rf"[!-~]{{1,{LONGEST_KEY}}}", key):
        raise Invalid(
            _("ส่วนหัว Idempotency-Key ไม่ถูกต้อง กรุณาใช้อักษรละตินและตัวเลข 1 ถึง %(most)s ตัว") % {"most": LONGEST_KEY}
        )
    if masked(key) != key:
        raise Invalid(_("ส่วนหัว Idempotency-Key ต้องไม่มีเลขประจำตัวประชาชน กรุณาใช้ค่าที่สุ่มขึ้นใหม่ เช่น UUID"))
    return key


def _only_with(function, verb, *, is_needed):
    @wraps(function)
    def guarded(request, **arguments):
        if not request.user:
            if is_needed:
                raise NotAuthenticated
        elif not any(
            request.user.has_perm(right) and request.auth.allows(right) for right in catalogue.rights(verb, Surface.API)
        ):
            raise PermissionDenied
        return function(request, **arguments)

    return guarded
