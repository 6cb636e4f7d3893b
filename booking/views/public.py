"""Pages for anyone: home, status check, the device's tickets, the guide."""

from dataclasses import dataclass

from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from booking.errors import ProofNeeded
from booking.models import Department, DepartmentDay, Ticket
from booking.models.visits import count_visit, total_visits
from booking.views import refusals, visitor, visits
from booking.views.access import access, may_be_kept
from members import line
from members.errors import MemberError
from members.identify import registration_status


@dataclass(frozen=True)
class Stub:
    """A ticket in a list, and the name that this device may be shown on it."""

    ticket: Ticket
    name: str


@require_safe
@access("anyone")
def home(request):
    visits.count(request, "home")
    now = timezone.now()
    open_today = DepartmentDay.objects.on(timezone.localdate(now)).open().by_department()
    context = {
        "departments": Department.objects.active(),
        "open_today": open_today.keys(),
        "over_today": {pk for pk, day in open_today.items() if day.closes_at <= now},
        "tickets": visitor.my_tickets(request).upcoming()[:3],
        "has_line": line.log_in_is_on(),
    }
    response = render(request, "booking/home.html", context)
    return response if context["tickets"] else may_be_kept(response)


@require_safe
@access("anyone")
def tickets(request):
    found = visitor.my_tickets(request).select_related("member").order_by("due_at")
    mine = [Stub(ticket, visitor.name_shown(request, ticket)) for ticket in found]
    upcoming = [one for one in mine if one.ticket.is_live and one.ticket.date >= timezone.localdate()]
    over = [one for one in reversed(mine) if one not in upcoming]
    waiting = [
        {"entry": entry, "has_offer": entry.has_offer(timezone.now()), "name": visitor.waiter_shown(request, entry)}
        for entry in visitor.my_waiting(request)
    ]
    context = {
        "upcoming": upcoming,
        "over": over,
        "waiting": waiting,
        "member": visitor.member(request),
        "signs_in_by_line": line.log_in_is_on(),
        "as_of": timezone.now(),
    }
    return render(request, "booking/tickets.html", context)


@sensitive_post_parameters("citizen_id", "member_number", "proof")
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")
def status(request):
    """Whether a number is registered in i-member; the same throttle as where one books."""
    context = visitor.form_context(request) | {"typed": visitor.typed(request)}
    try:
        if request.method == "POST":
            context["registered"] = registration_status(**visitor.claim(request))
        response = render(request, "booking/status.html", context)
    except (MemberError, ProofNeeded) as refusal:
        response = refusals.beside_the_field(request, "booking/status.html", context, refusal)
    visitor.ensure_device(response, request)
    return may_be_kept(response) if request.method != "POST" else response


@require_safe
@access("anyone")
def guide(request):
    """How to book, and how often this page was visited: once a browser session, robots and prefetches left out."""
    is_new = "visited" not in request.COOKIES and visits.is_read_by_a_person(request)
    if is_new:
        count_visit()
        visits.count(request, "guide")
    response = render(request, "booking/guide.html", {"visits": total_visits()})
    if is_new:
        response.set_cookie("visited", "1", secure=request.is_secure(), httponly=True, samesite="Lax")
    return may_be_kept(response)
