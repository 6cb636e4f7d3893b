"""The API of the office: what a clerk's program does with tickets. Each view calls one verb of booking/verbs/."""

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response

from booking import verbs
from booking.api.endpoint import IDEMPOTENCY_KEY, body, endpoint, idempotency_key, ticket_of_holder
from booking.api.serializers import (
    CallTicketSerializer,
    FinishSerializer,
    NewTicketSerializer,
    ReasonSerializer,
    ResumeSerializer,
    TicketSerializer,
    TransferSerializer,
    WalkInSerializer,
)
from booking.models import Counter, Department, Ticket
from booking.models.staff import has_department, has_ticket
from booking.rights import Right
from booking.verbs import seats
from members import directory
from members.citizen_id import parse_member_number
from members.errors import NotRegistered


@endpoint(
    "POST",
    "token",
    {200: TicketSerializer, 204: OpenApiResponse(description="Nobody is waiting.")},
    404,
    409,
    verb="call_next",
)
def call_next(request, number):
    """Call the ticket whose turn it is to the counter. The clerk sits down there, where nobody sits yet."""
    ticket = verbs.call_next(counter=_seat(request, number), by=request.user)
    return _answer(ticket) if ticket else Response(status=204)


@endpoint(
    "POST",
    "token",
    {200: TicketSerializer},
    400,
    404,
    409,
    415,
    request=CallTicketSerializer,
    verb="call",
)
def call(request, number):
    """Call a certain ticket to the counter, whoever else is waiting."""
    if not (request.user.has_perm(Right.SERVE) and request.auth.allows(Right.SERVE)):
        raise PermissionDenied
    wanted = body(CallTicketSerializer(), request)
    ticket = _ticket(request, wanted["ticket"])
    return _answer(verbs.call(ticket=ticket, counter=_seat(request, number), by=request.user, reason=wanted["reason"]))


def _of_the_counter(verb, says: str):
    """A view for a verb on the ticket that the counter is calling or serving."""

    def view(request, number):
        return _answer(verb(counter=_seat(request, number), by=request.user))

    view.__name__, view.__doc__ = verb.__name__, says
    return endpoint("POST", "token", {200: TicketSerializer}, 404, 409, verb=verb.__name__)(view)


recall = _of_the_counter(verbs.recall, "Call again. Past the department's maximum the ticket is `missed` instead.")
undo_call = _of_the_counter(verbs.undo_call, "Take the call back: the ticket waits where it stood.")
start = _of_the_counter(verbs.start, "The called member stands at the counter: `serving`.")
undo_finish = _of_the_counter(
    verbs.undo_finish,
    "Take back that the counter's last ticket was served, up to a minute later: `serving` again. A ticket that the "
    "counter has called since then waits again where it stood.",
)
miss = _of_the_counter(verbs.miss, "The called member did not come: `missed`.")


@endpoint("POST", "token", {200: TicketSerializer}, 400, 404, 409, 415, request=FinishSerializer, verb="finish")
def finish(request, number):
    """The member has been served: `served`."""
    what = body(FinishSerializer(), request)
    return _answer(verbs.finish(counter=_seat(request, number), by=request.user, **what))


@endpoint("POST", "token", {200: TicketSerializer}, 400, 404, 409, 415, request=ReasonSerializer, verb="hold")
def hold(request, number):
    """Set the counter's ticket aside: `on_hold`. The counter is free for the next."""
    why = body(ReasonSerializer(), request)
    return _answer(verbs.hold(counter=_seat(request, number), by=request.user, **why))


@endpoint("POST", "token", {200: TicketSerializer}, 400, 404, 409, 415, request=ReasonSerializer, verb="put_back")
def put_back(request, number):
    """Put the counter's ticket back into its queue, where it stood."""
    why = body(ReasonSerializer(), request)
    return _answer(verbs.put_back(counter=_seat(request, number), by=request.user, **why))


@endpoint("POST", "token", {200: TicketSerializer}, 400, 404, 409, 415, request=TransferSerializer, verb="transfer")
def transfer(request, number):
    """Send the member being served on to another department, under the same number."""
    wanted = body(TransferSerializer(), request)
    to = get_object_or_404(Department, slug=wanted.pop("department"))
    return _answer(verbs.transfer(counter=_seat(request, number), to=to, by=request.user, **wanted))


@endpoint("POST", "token", {200: TicketSerializer}, 400, 404, 409, 415, request=ResumeSerializer, verb="resume")
def resume(request, number):
    """Call a ticket that was set aside to the counter again."""
    held = _ticket(request, body(ResumeSerializer(), request)["ticket"])
    return _answer(verbs.resume(ticket=held, counter=_seat(request, number), by=request.user))


@endpoint(
    "POST",
    "token",
    {201: NewTicketSerializer},
    400,
    404,
    409,
    415,
    422,
    request=WalkInSerializer,
    parameters=[IDEMPOTENCY_KEY],
    verb="walk_in",
)
def walk_in(request):
    """Issue a ticket to somebody who has come without one; it waits at once. The secret is for the slip's QR code."""
    wanted = body(WalkInSerializer(), request)
    department = get_object_or_404(Department.objects.active(), slug=wanted["department"])
    if not has_department(request.user, department.pk):
        raise PermissionDenied
    ticket = verbs.walk_in(
        department=department,
        by=request.user,
        member_id=_member_id(wanted.get("member_number")),
        priority=wanted.get("priority", ""),
        reason=wanted.get("reason", ""),
        key=idempotency_key(request),
    )
    return Response(NewTicketSerializer(ticket).data, status=201)


@endpoint("POST", "ticket_or_token", {200: TicketSerializer}, 404, 409, verb="check_in")
def check_in(request, public_id):
    """The member has come. By the ticket's holder from some time before its turn; by staff at any time of its day."""
    if request.user:
        return _answer(verbs.check_in(ticket=_ticket(request, public_id), by=request.user))
    return _answer(verbs.check_in(ticket=ticket_of_holder(request, public_id)))


@endpoint("POST", "token", {200: TicketSerializer}, 404, 409, verb="undo_check_in")
def undo_check_in(request, public_id):
    """Take back that the member has come: `booked` again."""
    return _answer(verbs.undo_check_in(ticket=_ticket(request, public_id), by=request.user))


@endpoint("POST", "token", {200: TicketSerializer}, 404, 409, verb="finish_held")
def finish_held(request, public_id):
    """A ticket that was set aside needs no more: `served`. One at a counter is finished there."""
    return _answer(verbs.finish_held(ticket=_ticket(request, public_id), by=request.user))


@endpoint("POST", "token", {200: TicketSerializer}, 404, 409, verb="come_back")
def come_back(request, public_id):
    """A member who missed the call has come back, and waits again by the department's rule for late arrivals."""
    return _answer(verbs.come_back(ticket=_ticket(request, public_id), by=request.user))


def _seat(request, number: int) -> Counter:
    """The counter, with the clerk sitting at it. Raises Http404, CounterTaken, and CounterBusy if the clerk would
    leave a ticket behind at another counter."""
    own = getattr(request.user, "counter", None)  # came with the token
    if own and own.number == number and own.is_active:
        return own
    return seats.sign_in(counter=get_object_or_404(Counter, number=number, is_active=True), by=request.user)


def _ticket(request, public_id: str) -> Ticket:
    """Raises Http404, and PermissionDenied for a ticket of a department that is not theirs."""
    ticket = Ticket.objects.with_details().filter(public_id=public_id).first()
    if ticket is None:
        raise Http404
    if not has_ticket(request.user, ticket):
        raise PermissionDenied
    return ticket


def _member_id(number: str | None) -> int | None:
    """Raises InvalidMemberNumber; NotRegistered if nobody in i-member has this number; DirectorySilent."""
    if not number:
        return None
    member = directory.find(member_number=parse_member_number(number))
    if member is None:
        raise NotRegistered
    return member.pk


def _answer(ticket: Ticket) -> Response:
    return Response(TicketSerializer(ticket).data)
