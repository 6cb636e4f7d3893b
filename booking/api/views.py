"""The public API. A view parses, calls, answers; booking/api/errors.py answers what it refuses."""

import datetime as dt
import re
from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import Http404, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.decorators import api_view
from rest_framework.response import Response

from booking import verbs
from booking.api.endpoint import IDEMPOTENCY_KEY, body, endpoint, idempotency_key, ticket_of_holder
from booking.api.errors import Invalid
from booking.api.serializers import (
    BIGGEST_ID,
    LONGEST_IDENTITY,
    BookSerializer,
    DaySerializer,
    DepartmentSerializer,
    IdentifySerializer,
    IdentitySerializer,
    IssuedTicketSerializer,
    NewTicketSerializer,
    RescheduleSerializer,
    SlotSerializer,
    TicketSerializer,
)
from booking.days import availability
from booking.errors import ProofNeeded
from booking.models import Department, DepartmentDay, Ticket, Topic
from booking.verbs import limits
from members.identify import issue_identity, look_up, name_confirmed, read_identity
from members.origins import Origin, origin_of
from members.throttle import client_address

LONGEST_RANGE = 366  # days
TOPIC = OpenApiParameter("topic", OpenApiTypes.INT, description="As it is for those who come for this topic.")


@endpoint("GET", "anyone", {200: DepartmentSerializer(many=True)})
def departments(request):
    """The departments, in the order in which the office shows them."""
    open_today = DepartmentDay.objects.on(timezone.localdate()).open().by_department()
    topics = Topic.objects.offered().by_department()
    found = Department.objects.active()
    return Response(
        DepartmentSerializer(found, many=True, context={"open_today": open_today.keys(), "topics": topics}).data
    )


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
        TOPIC,
    ],
)
def days(request, slug):
    """The days of a department: whether each can be booked, and if not, why."""
    department = department_of(slug)
    asked = _query(request)
    first = date_of(asked["from"]) if "from" in asked else timezone.localdate()
    last = date_of(asked["to"]) if "to" in asked else max(first, availability.booking_window(department)[1])
    if not 0 <= (last - first).days < LONGEST_RANGE:
        raise Invalid(_("ช่วงวันที่ไม่ถูกต้อง กรุณาให้ from ไม่อยู่หลัง to และรวมไม่เกิน %(days)s วัน") % {"days": LONGEST_RANGE})
    return Response(
        DaySerializer(availability.days(department, first, last, _topic(department, asked)), many=True).data
    )


@endpoint(
    "GET",
    "anyone",
    {200: SlotSerializer(many=True)},
    400,
    404,
    parameters=[OpenApiParameter("date", OpenApiTypes.DATE, OpenApiParameter.PATH), TOPIC],
)
def slots(request, slug, date):
    """The times of a day, soonest first; empty where the office is closed."""
    department = department_of(slug)
    topic = _topic(department, _query(request))
    return Response(SlotSerializer(availability.times(department, date_of(date), topic), many=True).data)


@endpoint("POST", "anyone", {200: IdentitySerializer}, 400, 403, 404, 415, 429, 503, request=IdentifySerializer)
def identify(request):
    """From a citizen ID or a member number to an identity, which books one ticket within 15 minutes.

    It says who somebody claims to be; the name is masked. Look-ups are counted. `proof`, the last four digits of the
    member's telephone or a code that a clerk hands out, is needed where the office always asks for it, and after this
    or a booking was refused with `proof_needed`.
    """
    asked = body(IdentifySerializer(), request)
    if not asked.get("proof") and limits.look_up_needs_proof(origin(request), now=timezone.now()):
        raise ProofNeeded
    found = look_up(**asked, address=client_address(request))
    token, expires_at = issue_identity(found.member, proved_by=found.proved_by, found_by=found.by)
    answer = {"identity": token, "masked_name": found.member.masked_name, "expires_at": expires_at}
    return Response(IdentitySerializer(answer).data)


@endpoint(
    "POST",
    "identity",
    {201: IssuedTicketSerializer, 200: OpenApiResponse(IssuedTicketSerializer, "Issued before, under the same key.")},
    400,
    401,
    403,
    404,
    409,
    415,
    422,
    429,
    request=BookSerializer,
    parameters=[IDEMPOTENCY_KEY],
)
def book(request):
    """Book a ticket: one for each identity, and one for each member, department and day.

    A refusal does not use the identity up. The answer has the ticket's secret; keep it, nothing else opens the ticket.
    """
    token, slot_id, topic_id = _wanted(request)
    identity = read_identity(token)
    booking = verbs.book(
        member_id=identity.member_id,
        slot_id=slot_id,
        topic_id=topic_id,
        key=idempotency_key(request),
        origin=origin(request),
        identity_mark=identity.mark,
        is_proven=bool(identity.proved_by),
    )
    if booking.created:
        name_confirmed(identity)
    return issued(booking)


@endpoint("GET", "ticket", {200: TicketSerializer}, 404)
def ticket(request, public_id):
    """A ticket, for whoever holds its secret."""
    return Response(TicketSerializer(ticket_of_holder(request, public_id)).data, headers={"Cache-Control": "no-store"})


@endpoint("POST", "ticket", {200: TicketSerializer}, 404, 409)
def cancel(request, public_id):
    """Cancel a ticket. Its place is free at once."""
    return Response(TicketSerializer(verbs.cancel(ticket=ticket_of_holder(request, public_id))).data)


@endpoint(
    "POST",
    "ticket",
    {200: NewTicketSerializer},
    400,
    404,
    409,
    415,
    422,
    429,
    request=RescheduleSerializer,
    parameters=[IDEMPOTENCY_KEY],
)
def reschedule(request, public_id):
    """Move a ticket to another time of its department: a new ticket with a number and a secret of its own takes the
    place of the old one, which is cancelled. Where the new time refuses, the old ticket stays as it was."""
    old = ticket_of_holder(request, public_id)
    slot_id = body(RescheduleSerializer(), request)["slot"]
    booking = verbs.reschedule(ticket=old, slot_id=slot_id, key=idempotency_key(request), origin=origin(request))
    return Response(NewTicketSerializer(Ticket.objects.with_details().get(pk=booking.ticket_id)).data)


@extend_schema(exclude=True)
@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
def unknown(request):
    """Every other address of the API answers in its form too."""
    raise Http404


schema = SpectacularAPIView.as_view()
# Swagger's own page has a style element; the policy is wider for it, and here only.
docs = csp_update({"style-src": [UNSAFE_INLINE]})(SpectacularSwaggerSplitView.as_view())

for view in (unknown, schema, docs):
    view.access_policy = "anyone"  # type: ignore[union-attr]  # tests/test_access_policy.py reads it there


def _wanted(request) -> tuple[str, int, int | None]:
    """The identity, the slot and the topic in the body of a booking. The serializer says what is wrong with a body that
    is not plainly right."""
    if plain := plainly_wanted(request.data):
        return *plain, None
    wanted = body(BookSerializer(), request)
    return wanted["identity"], wanted["slot"], wanted.get("topic")


def plainly_wanted(sent: Any) -> tuple[str, int] | None:
    """The identity and the slot in the body of a booking without a topic; None if it takes the serializer, which in a
    storm would be a tenth of the work."""
    match sent:
        case {"identity": str(identity), "slot": int(slot), **rest} if (
            "topic" not in rest
            and identity.isascii()
            and identity.isprintable()
            and 0 < len(identity) <= LONGEST_IDENTITY
            and 0 < slot <= BIGGEST_ID
            and slot is not True
        ):
            return identity, slot
    return None


def issued(booking: verbs.Booking) -> JsonResponse:
    return JsonResponse(as_issued(booking), status=201 if booking.created else 200)


def as_issued(booking: verbs.Booking) -> dict[str, str]:
    """The answer to a booking, as IssuedTicketSerializer says."""
    return {
        "id": booking.public_id,
        "secret": booking.secret,
        "number": booking.code,
        "department": booking.department,
        "date": booking.date.isoformat(),
        "start": timezone.localtime(booking.starts_at).isoformat(),
        "status": booking.state,
    }


def origin(request) -> Origin:
    return origin_of_program(client_address(request))


def origin_of_program(address: str) -> Origin:
    """A program has no cookie, and so no device: all programs of an address count as one."""
    return origin_of(address=address, device="")


def department_of(slug: str) -> Department:
    return get_object_or_404(Department.objects.active(), slug=slug)


def _query(request) -> QueryDict:
    """Not request.query_params: Django decodes those with the charset that the request names."""
    return QueryDict(request.META.get("QUERY_STRING", ""), encoding="utf-8")


def _topic(department: Department, asked: QueryDict) -> Topic | None:
    """The topic that the address names. Raises Invalid if the department has no such topic."""
    if "topic" not in asked:
        return None
    number = str(asked["topic"])
    is_number = re.fullmatch(r"[0-9]{1,18}", number)
    found = Topic.objects.offered(department).filter(pk=int(number)) if is_number else None
    if not found:
        raise Invalid(_("ฝ่ายนี้ไม่มีเรื่องนี้"))
    return found[0]


def date_of(text: str) -> dt.date:
    """Raises Invalid."""
    # date.fromisoformat() also accepts other forms of ISO 8601.
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass
    raise Invalid(_("วันที่ไม่ถูกต้อง กรุณาใช้รูปแบบ YYYY-MM-DD (ปี ค.ศ.)"))
