"""A member's tickets, whoever booked them, brought onto this device by a clerk's code."""

from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from booking.models import Ticket
from booking.views import refusals, visitor
from booking.views.access import access
from members import line
from members.errors import CodeNeeded, MemberError, NotRegistered, WrongCode
from members.identify import look_up


@sensitive_post_parameters("citizen_id", "member_number", "proof")
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")
def recover(request):
    """If a stranger took a member's turn: with the code the member sees that ticket here, and may cancel it. Members
    with a linked LINE account see it without a code."""
    context = visitor.form_context(request) | {
        "asks_proof": False,
        "typed": visitor.typed(request),
        "has_line": line.log_in_is_on(),
    }
    try:
        if request.method == "POST":
            return _to_their_tickets(request)
        response = render(request, "booking/recover.html", context)
    except MemberError as refusal:
        context["is_code"] = isinstance(refusal, CodeNeeded | WrongCode)
        response = refusals.beside_the_field(request, "booking/recover.html", context, refusal)
    visitor.ensure_device(response, request)
    return response


def _to_their_tickets(request):
    if not visitor.typed(request)["proof"]:
        raise CodeNeeded
    try:
        member = look_up(**visitor.claim(request), asks="code").member
    except NotRegistered:  # nor does it tell whether there is such a member
        raise WrongCode from None
    response = redirect("tickets")
    found = Ticket.objects.filter(member=member).upcoming().values_list("public_id", flat=True)
    visitor.remember_tickets(response, request, list(found))
    return response
