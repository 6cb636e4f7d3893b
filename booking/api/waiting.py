"""The API of the waiting list: who finds a day full waits, and takes or leaves what is offered to them."""

from drf_spectacular.utils import OpenApiResponse
from rest_framework.response import Response

from booking.api.endpoint import body, endpoint, entry_of_holder
from booking.api.serializers import IssuedTicketSerializer, NewWaitingSerializer, WaitingSerializer, WaitSerializer
from booking.api.views import date_of, department_of, issued, origin
from booking.verbs import waiting
from members.identify import name_confirmed, read_identity

PRIVATE = {"Cache-Control": "no-store"}


@endpoint(
    "POST",
    "identity",
    {201: OpenApiResponse(NewWaitingSerializer, "On the list: from now on, or by this identity before.")},
    400,
    401,
    403,
    404,
    409,
    415,
    429,
    request=WaitSerializer,
)
def join(request):
    """Wait for a place of a day that is full, or of one time of it.

    What comes free is offered to the first in line for some minutes; the office sends a message by LINE or e-mail, or
    telephones. It does not use the identity up. The answer has the entry's secret; keep it, nothing else opens the
    entry. Who waits already is answered with it again under the same identity, or one with a proof; under another with
    `already_waits`.
    """
    wanted = body(WaitSerializer(), request)
    identity = read_identity(wanted["identity"])
    entry = waiting.join(
        member_id=identity.member_id,
        department=department_of(wanted["department"]),
        date=date_of(wanted["date"]),
        slot_id=wanted.get("slot"),
        topic_id=wanted.get("topic"),
        origin=origin(request),
        identity_mark=identity.mark,
        is_proven=bool(identity.proved_by),
    )
    name_confirmed(identity)
    return Response(NewWaitingSerializer(entry).data, status=201, headers=PRIVATE)


@endpoint("GET", "waiting", {200: WaitingSerializer}, 404)
def entry(request, public_id):
    """Where the member stands, or what is offered to them and until when."""
    return Response(WaitingSerializer(entry_of_holder(request, public_id)).data, headers=PRIVATE)


@endpoint(
    "POST",
    "waiting",
    {201: IssuedTicketSerializer, 200: OpenApiResponse(IssuedTicketSerializer, "Accepted before.")},
    403,
    404,
    409,
    429,
)
def accept(request, public_id):
    """Book what is offered. The answer has the ticket's secret; keep it."""
    return issued(waiting.accept(entry=entry_of_holder(request, public_id), origin=origin(request)))


@endpoint("POST", "waiting", {200: WaitingSerializer}, 404)
def leave(request, public_id):
    """Off the list. What was offered goes to the next in line."""
    return Response(WaitingSerializer(waiting.leave(entry=entry_of_holder(request, public_id))).data, headers=PRIVATE)
