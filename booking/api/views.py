"""The public API. A view parses, calls, answers; what it refuses is answered in booking/api/errors.py."""

import datetime as dt
import re
import secrets

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.decorators import api_view
from rest_framework.response import Response

from booking import availability, queue
from booking.api.errors import Invalid
from booking.api.serializers import (
    BookSerializer,
    DaySerializer,
    DepartmentSerializer,
    IdentifySerializer,
    IdentitySerializer,
    IssuedTicketSerializer,
    MovedTicketSerializer,
    RefusalSerializer,
    RescheduleSerializer,
    SlotSerializer,
    TicketSerializer,
)
from booking.models import Department, Ticket
from members.identify import identify as find_member
from members.identify import issue_identity, member_id_of
from members.throttle import client_address

LONGEST_RANGE = 366  # days
LONGEST_KEY = 200

REFUSALS = {
    400: "`invalid`, `invalid_citizen_id`, `invalid_member_number`",
    401: "`identity_expired`",
    404: "`not_found`, `not_registered`",
    409: "`slot_full`, `already_booked`, `day_closed`, `window_passed`, `not_yet`, `wrong_state`, `other_department`",
    415: "`invalid`: send `application/json`",
    422: "`idempotency_key_reused`: the key named another booking",
    429: "`too_many_attempts`; the header `Retry-After` says for how many seconds",
}
TICKET_SECRET = [{"ticketSecret": []}]
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Names this booking: the same key again gives the same ticket with its secret, so a request may be "
    "repeated when its answer was lost. Make a random one (a UUID) for each booking.",
)


def endpoint(method: str, policy: str, answers: dict, *refusals: int, request=None, parameters=()):
    """Make a view of the API: its one method, who may call it, and what the schema says of it.

    tests/test_access_policy.py reads the policy: `anyone`; `identity`, which stands in the body; `ticket`, whose secret
    is in the header.
    """

    def decorate(function):
        view = extend_schema(
            request=request,
            responses=answers | {status: OpenApiResponse(RefusalSerializer, REFUSALS[status]) for status in refusals},
            parameters=list(parameters),
            auth=TICKET_SECRET if policy == "ticket" else [],
        )(api_view([method])(function))
        view.access_policy = policy
        return view

    return decorate


@endpoint("GET", "anyone", {200: DepartmentSerializer(many=True)})
def departments(request):
    """The departments, in the order in which the office shows them."""
    open_today = availability.open_today()
    found = list(Department.objects.active())
    for department in found:
        department.is_open_today = department.pk in open_today
    return Response(DepartmentSerializer(found, many=True).data)


@endpoint(
    "GET",
    "anyone",
    {200: DaySerializer(many=True)},
    400,
    404,
    parameters=[
        OpenApiParameter("from", OpenApiTypes.DATE, description="First day; today where it is left out."),
        OpenApiParameter(
            "to",
            OpenApiTypes.DATE,
            description=f"Last day, at most {LONGEST_RANGE} days in all; the last bookable day where it is left out.",
        ),
    ],
)
def days(request, slug):
    """The days of a department: whether each can be booked, and if not, why."""
    department = _department(slug)
    # Not request.query_params: Django reads those in the charset that the request names.
    asked = QueryDict(request.META.get("QUERY_STRING", ""), encoding="utf-8")
    first = _date(asked["from"]) if "from" in asked else timezone.localdate()
    last = _date(asked["to"]) if "to" in asked else max(first, availability.booking_window(department)[1])
    if not 0 <= (last - first).days < LONGEST_RANGE:
        raise Invalid(_("ช่วงวันที่ไม่ถูกต้อง กรุณาให้ from ไม่อยู่หลัง to และรวมไม่เกิน %(days)s วัน") % {"days": LONGEST_RANGE})
    return Response(DaySerializer(availability.days(department, first, last), many=True).data)


@endpoint(
    "GET",
    "anyone",
    {200: SlotSerializer(many=True)},
    400,
    404,
    parameters=[OpenApiParameter("date", OpenApiTypes.DATE, OpenApiParameter.PATH)],
)
def slots(request, slug, date):
    """The times of a day, soonest first; empty where the office is closed."""
    return Response(SlotSerializer(availability.times(_department(slug), _date(date)), many=True).data)


@endpoint("POST", "anyone", {200: IdentitySerializer}, 400, 404, 415, 429, request=IdentifySerializer)
def identify(request):
    """From a citizen ID or a member number to an identity, with which tickets are booked for 15 minutes.

    It says who somebody claims to be; the name is masked. Look-ups are counted.
    """
    member = find_member(**_body(IdentifySerializer, request), address=client_address(request))
    token, expires_at = issue_identity(member)
    answer = {"identity": token, "masked_name": member.masked_name, "expires_at": expires_at}
    return Response(IdentitySerializer(answer).data)


@endpoint(
    "POST",
    "identity",
    {201: IssuedTicketSerializer, 200: OpenApiResponse(IssuedTicketSerializer, "Issued before, under the same key.")},
    400,
    401,
    404,
    409,
    415,
    422,
    request=BookSerializer,
    parameters=[IDEMPOTENCY_KEY],
)
def book(request):
    """Book a ticket: one for each member, department and day.

    The answer has the ticket's secret; keep it, nothing else opens the ticket.
    """
    wanted = _body(BookSerializer, request)
    booking = queue.book(
        member_id=member_id_of(wanted["identity"]), slot_id=wanted["slot"], key=_idempotency_key(request)
    )
    return Response(IssuedTicketSerializer(booking).data, status=201 if booking.created else 200)


@endpoint("GET", "ticket", {200: TicketSerializer}, 404)
def ticket(request, public_id):
    """A ticket, for whoever holds its secret."""
    return Response(TicketSerializer(_ticket(request, public_id)).data, headers={"Cache-Control": "no-store"})


@endpoint("POST", "ticket", {200: TicketSerializer}, 404, 409)
def cancel(request, public_id):
    """Cancel a ticket. Its place is free at once."""
    return Response(TicketSerializer(queue.cancel(ticket=_ticket(request, public_id))).data)


@endpoint(
    "POST",
    "ticket",
    {200: MovedTicketSerializer},
    400,
    404,
    409,
    415,
    422,
    request=RescheduleSerializer,
    parameters=[IDEMPOTENCY_KEY],
)
def reschedule(request, public_id):
    """Move a ticket to another time of its department: a new ticket with a number and a secret of its own takes the
    place of the old one, which is cancelled. Where the new time refuses, the old ticket stays as it was."""
    old = _ticket(request, public_id)
    slot_id = _body(RescheduleSerializer, request)["slot"]
    booking = queue.reschedule(ticket=old, slot_id=slot_id, key=_idempotency_key(request))
    return Response(MovedTicketSerializer(Ticket.objects.with_details().get(pk=booking.ticket_id)).data)


@extend_schema(exclude=True)
@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
def unknown(request):
    """Every other address of the API answers in its form too."""
    raise Http404


schema = SpectacularAPIView.as_view()
# Swagger's own page has a style element; the policy is wider for it, and here only.
docs = csp_update({"style-src": [UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view())

unknown.access_policy = schema.access_policy = docs.access_policy = "anyone"


def _department(slug: str) -> Department:
    return get_object_or_404(Department.objects.active(), slug=slug)


def _date(text: str) -> dt.date:
    # date.fromisoformat() takes other forms of ISO 8601 as well.
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass
    raise Invalid(_("วันที่ไม่ถูกต้อง กรุณาใช้รูปแบบ YYYY-MM-DD (ปี ค.ศ.)"))


def _body(serializer_class, request) -> dict:
    """What was sent, checked. Raises DRF's ParseError, UnsupportedMediaType and ValidationError."""
    wanted = serializer_class(data=request.data)
    wanted.is_valid(raise_exception=True)
    return wanted.validated_data


def _idempotency_key(request) -> str:
    """The key that the client names its booking by, or a fresh one."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return secrets.token_urlsafe(16)
    if not re.fullmatch(rf"[!-~]{{1,{LONGEST_KEY}}}", key):
        raise Invalid(
            _("ส่วนหัว Idempotency-Key ไม่ถูกต้อง กรุณาใช้อักษรละตินและตัวเลข 1 ถึง %(most)s ตัว") % {"most": LONGEST_KEY}
        )
    return key


def _ticket(request, public_id: str) -> Ticket:
    """The ticket that the header `Authorization: Ticket <secret>` opens. Raises Ticket.DoesNotExist."""
    scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "ticket":
        raise Ticket.DoesNotExist
    return Ticket.objects.reached_by(public_id, secret.strip())
