"""Where the code on the office's screen leads: this device's tickets of today, and a button to say that one has come.

A scanned code ends within a minute or two. So that nobody has to hurry, the device may use it for five minutes.
"""

from django.conf import settings
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from booking import verbs
from booking.calling import presence, times, waits
from booking.errors import BookingError
from booking.models import Ticket
from booking.models.tickets import State
from booking.views import refusals, visitor
from booking.views.access import access

PRESENT, PRESENT_LASTS = "present", 5 * 60  # seconds


@require_safe
@access("anyone")
def page(request):
    """The tickets. With a scanned code, first note that this device is here, and take the code out of the address,
    where a reload would find it too old."""
    scanned = request.GET.get("here")
    if scanned and presence.is_valid(scanned):
        response = redirect("arrive")
        _remember_present(response)
        return response
    turns = [_turn(ticket, is_present=is_present(request)) for ticket in _tickets_of_today(request)]
    context = {
        "turns": turns,
        "may_tap": is_present(request) and any(turn["may"] == "check_in" for turn in turns),
        "is_too_old": bool(scanned),
        "why": refusals.why(request),
    }
    return render(request, "booking/arrive.html", context)


@require_POST
@access("ticket")
def check_in(request, ticket):
    if ticket.state != State.WAITING:
        try:
            verbs.check_in(ticket=ticket, present=is_present(request))
        except BookingError as refusal:
            return redirect(f"{reverse('arrive')}?why={refusal.code}")
    return redirect("arrive")


def is_present(request) -> bool:
    """Whether this device has scanned the code in the office within the last minutes."""
    return bool(request.get_signed_cookie(PRESENT, default="", salt="arrive", max_age=PRESENT_LASTS))


def _remember_present(response) -> None:
    response.set_signed_cookie(
        PRESENT,
        "1",
        salt="arrive",
        max_age=PRESENT_LASTS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _tickets_of_today(request):
    return visitor.my_tickets(request).of_today().live().order_by("due_at", "number")


def _turn(ticket: Ticket, *, is_present: bool) -> dict:
    """A ticket, and what there is to do with it now: `may` is one of check_in, scan, later, wait; empty for nothing."""
    department = ticket.department
    opens_at = times.check_in_opens_at(ticket)
    if ticket.state == State.WAITING:
        may = "wait"
    elif ticket.state != State.BOOKED or not department.uses_check_in:
        may = ""
    elif timezone.now() < opens_at:
        may = "later"
    elif department.check_in_needs_presence and not is_present:
        may = "scan"
    else:
        may = "check_in"
    outlook = waits.outlook(ticket.queue_id) if may == "wait" else None
    return {
        "ticket": ticket,
        "may": may,
        "opens_at": opens_at,
        "ahead": outlook.ahead(ticket) if outlook else None,
        "told": outlook.told(ticket) if outlook else None,
    }
