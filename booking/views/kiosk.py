"""The tablet at reception: it issues tickets to people without one, and checks in people with one.

Anybody can reach it. So it shows a ticket only until its first page is opened again: the next person does not find it
with the back button.
"""

import uuid

from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from booking import errors, verbs
from booking.calling import board, waits
from booking.days import serving
from booking.models import Department, Ticket, tallies
from booking.models.staff import has_department, has_ticket
from booking.models.tickets import Priority, State
from booking.verbs.catalogue import Surface
from booking.views import scan, sent
from booking.views.access import access
from booking.views.departments import department_or_404
from booking.views.qr import qr_of_ticket
from members.citizen_id import ascii_digits, parse_member_number
from members.errors import InvalidMemberNumber
from members.models import Member

HANDED_OVER = "kiosk_ticket"  # in the session: the ticket that the tablet shows
LONGEST_REASON = 120


@require_safe
@access("staff", verb="walk_in", on=Surface.KIOSK)
def start(request):
    """Which department, and how long it would take. If a person opens the page, it forgets the ticket shown last. The
    page also reloads itself from time to time."""
    if "again" not in request.GET:
        request.session.pop(HANDED_OVER, None)
    return render(request, "kiosk/start.html", _choices(request.user))


@require_http_methods(["GET", "HEAD", "POST"])
@access("staff", verb="walk_in", on=Surface.KIOSK)
def issue(request, slug):
    """Ask for what is optional, and issue. The same form sent again shows the same ticket."""
    department = department_or_404(slug)
    if not has_department(request.user, department.pk):
        raise Http404
    typed = {
        "member_number": sent.number(request, "member_number").strip(),
        "priority": sent.choice(request, "priority", Priority),
        "reason": sent.text(request, "reason", most=LONGEST_REASON),
    }
    context = {"department": department, "typed": typed, "classes": Priority, "key": sent.key(request)}
    if request.method != "POST":
        return render(request, "kiosk/issue.html", context | {"key": uuid.uuid4()})
    try:
        member_id = _member_id(typed["member_number"])
        ticket = _issue(department, typed, member_id, key=f"kiosk {department.pk} {context['key']}", by=request.user)
    except (errors.BookingError, InvalidMemberNumber) as refusal:
        tallies.refused(refusal, department.pk)
        held = refusal.ticket if isinstance(refusal, errors.AlreadyBooked) else None
        context |= {"refusal": refusal, "held": held}
        return render(request, "kiosk/issue.html", context, status=422)
    return _hand_over(request, ticket, verb="issued", unknown_member=bool(typed["member_number"]) and not member_id)


@require_http_methods(["GET", "HEAD", "POST"])
@access("staff", verb="check_in", on=Surface.KIOSK)
def check_in(request):
    """Somebody with a ticket has come. They type or scan its number of today, or its link. After a refusal this address
    stays in the address bar: a reload leads to the first page."""
    if request.method != "POST":
        return redirect("kiosk")
    typed = sent.text(request, "ticket", most=300)
    try:
        ticket = _typed_ticket(typed)
        if not has_ticket(request.user, ticket):
            raise errors.NotReceivedHere
        if ticket.state != State.WAITING:
            ticket = verbs.check_in(ticket=ticket, by=request.user)
    except errors.BookingError as refusal:
        # A link opens its ticket: it is not shown again.
        context = _choices(request.user) | {"typed": "" if scan.is_link(typed) else typed, "refusal": refusal}
        if isinstance(refusal, errors.WrongState):
            context["found"] = ticket
        return render(request, "kiosk/start.html", context, status=422)
    return _hand_over(request, ticket, verb="checked_in")


@require_safe
@access("staff", verb="walk_in", on=Surface.KIOSK)
def ticket(request):
    """The ticket just issued or checked in, to be read, photographed or printed."""
    handed_over = request.session.get(HANDED_OVER)
    if handed_over is None:
        return redirect("kiosk")
    shown = Ticket.objects.with_details().get(pk=handed_over["ticket"])
    outlook = waits.outlook(shown.queue_id) if shown.state == State.WAITING else None
    context = handed_over | {
        "ticket": shown,
        "department": shown.department,
        "now": timezone.now(),
        "ahead": outlook.ahead(shown) if outlook else None,
        "told": outlook.told(shown) if outlook else None,
        "qr": qr_of_ticket(request, shown),
    }
    return render(request, "kiosk/ticket.html", context)


def _choices(user) -> dict:
    """The departments of the first page that are this member of staff's, each with how many people wait and how long a
    newcomer would; or why it issues no tickets now: not yet, no longer, or closed today."""
    now, today = timezone.now(), timezone.localdate()
    serving_today, waiting_now = serving.serving_periods(today), board.waiting_by_department()
    office = waits.office(now=now, expects_walk_ins=True)
    choices = []
    for department in Department.objects.active():
        if not has_department(user, department.pk):
            continue
        periods = serving_today.get(department.pk)
        hours = serving.walk_in_hours(department, periods) if periods else None
        is_open = hours is not None and hours[0] <= now < hours[1]
        choices.append(
            {
                "department": department,
                "is_open": is_open,
                "opens_at": hours[0] if hours and now < hours[0] else None,
                "closed_at": hours[1] if hours and now >= hours[1] else None,
                "waiting": waiting_now.get(department.pk, 0),
                "told": office[department.pk].told_to_who_comes_now(now=now) if is_open else None,
            }
        )
    return {"choices": choices, "now": now}


def _issue(department, typed: dict, member_id: int | None, *, key: str, by) -> Ticket:
    """Raises what verbs.walk_in raises, and PriorityNeedsReason."""
    priority = typed["priority"]
    if priority and not typed["reason"]:
        raise errors.PriorityNeedsReason
    return verbs.walk_in(
        department=department,
        by=by,
        member_id=member_id,
        priority=priority,
        reason=typed["reason"] if priority else "",
        key=key,
    )


def _member_id(typed: str) -> int | None:
    """Who has this number. None if nobody has: the ticket is issued without. Raises InvalidMemberNumber."""
    if not typed:
        return None
    member = Member.objects.with_number(parse_member_number(typed))
    return member.pk if member else None


def _typed_ticket(typed: str) -> Ticket:
    """The ticket of a scanned link, or today's with this number. Raises NoSuchTicket; also for a member number, which
    would tell anybody at the tablet who has a ticket."""
    is_member_number = ascii_digits(typed).isdecimal()
    ticket = None if is_member_number else scan.ticket_meant(typed, letters=[])
    if ticket is None:
        raise errors.NoSuchTicket
    return ticket


def _hand_over(request, ticket: Ticket, *, verb: str, unknown_member: bool = False):
    request.session[HANDED_OVER] = {"ticket": ticket.pk, "verb": verb, "unknown_member": unknown_member}
    return redirect("kiosk_ticket")
