"""A ticket's page, and what its holder may do with it."""

import re
import uuid
from functools import wraps

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from booking import errors, verbs
from booking.calling import queues, times, waits
from booking.days import no_shows
from booking.messages import texts
from booking.models import Ticket
from booking.models.tickets import MEMBERS_CAUSES, State
from booking.papers import calendar_file, pictures
from booking.views import calendar, refusals, scan, sent, visitor
from booking.views.access import access
from booking.views.live import outlook_today, polled, queue_etag, unchanged, with_version
from booking.views.qr import qr_of_ticket, secret_link

# How often an open page looks again: when its turn is near (a call shows within a second, reload included), while it
# waits today, and on the days before.
POLL_SECONDS_NEAR, POLL_SECONDS_TODAY, POLL_SECONDS_BEFORE = 0.6, 5, 300
QR_LASTS = 30 * 24 * 60 * 60  # seconds
LINK = re.compile(r"(?:/t/(?P<public_id>[-\w]+)/?#)?(?P<secret>[0-9a-f]{64})\s*$")


@require_safe
@access("ticket")
def page(request, ticket):
    if ticket.state == State.CANCELLED and hasattr(ticket, "moved_to"):
        return _to_what_it_became(request, ticket, ticket.moved_to)
    is_just_booked = "booked" in request.GET
    context = _live_context(ticket) | {
        "shown": _shown(ticket),
        "check_in": _check_in(ticket),
        "department": ticket.department,
        "why": refusals.why(request),
        "as_of": timezone.now(),
        "name": visitor.name_shown(request, ticket),
        "just_booked": is_just_booked,
        "is_kept_here": is_just_booked and visitor.keeps(request, ticket),
        "arrive_at": times.arrive_by(ticket),
        "warning": texts.warning(ticket) if no_shows.is_warned(ticket) else "",
        "qr": qr_of_ticket(request, ticket),
    }
    return render(request, "booking/ticket.html", context)


@require_POST
@access("anyone")
def open_by_link(request, public_id):
    """Let this device see a ticket if the secret is right. The secret comes in the body, so no log has it."""
    link = LINK.search(sent.text(request, "link", most=300))
    try:
        if link is None:
            raise Ticket.DoesNotExist
        ticket = Ticket.objects.reached_by(link["public_id"] or public_id, link["secret"])
    except Ticket.DoesNotExist:
        return refusals.to_closed_ticket(public_id)
    response = redirect("ticket", ticket.public_id)
    visitor.remember_ticket(response, request, ticket.public_id)
    return response


def _unless_unchanged(view):
    """Answer 304 before loading the ticket, if the device holds it: that is most of what open pages are told. Otherwise
    the view is given `versions`, which were read before its ticket: with a version newer than what it shows, a page
    would never learn what happened between the two."""

    @wraps(view)
    def answer(request, *, public_id):
        versions = queues.versions()
        is_held = public_id in visitor.ticket_ids(request)
        response = unchanged(request, versions) if is_held else None
        return response or view(request, public_id=public_id, versions=versions)

    return answer


@polled("ticket")
@require_safe
@_unless_unchanged
@access("ticket")
def live(request, ticket, versions):
    """The part of the page that changes. 304 while its queue has not; a reload of the page if that part is not
    enough."""
    if request.GET.get("shown") != _shown(ticket):
        return HttpResponseClientRefresh()
    if ticket.date != timezone.localdate():  # such a ticket changes without its queue's version
        return render(request, "booking/_live.html", _live_context(ticket))
    version = versions.get(ticket.queue_id, 0)
    etag = queue_etag({ticket.queue_id: version}, ticket.pk, ticket.recalls)
    response = get_conditional_response(request, etag=etag) or render(
        request, "booking/_live.html", _live_context(ticket, version)
    )
    return with_version(response, etag)


@require_POST
@access("ticket")
def check_in(request, ticket):
    """The member taps that they have come."""
    try:
        verbs.check_in(ticket=ticket)
    except errors.BookingError as refusal:
        return refusals.to_ticket(ticket, refusal)
    return redirect("ticket", ticket.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@access("ticket")
def cancel(request, ticket):
    """Ask once more. Then cancel, which frees the place at once."""
    if request.method != "POST":
        if ticket.state == State.CANCELLED:  # back from the page that says so
            return redirect("ticket", ticket.public_id)
        if not ticket.can_cancel:
            return refusals.to_ticket(ticket, errors.WrongState())
        context = {"ticket": ticket, "department": ticket.department, "causes": MEMBERS_CAUSES}
        return render(request, "booking/cancel.html", context)
    if ticket.state != State.CANCELLED:
        try:
            verbs.cancel(ticket=ticket, cause=sent.choice(request, "why", [str(one) for one in MEMBERS_CAUSES]))
        except errors.BookingError as refusal:
            return refusals.to_ticket(ticket, refusal)
    return redirect("ticket", ticket.public_id)


@require_safe
@access("ticket")
def move_days(request, ticket):
    if not ticket.can_move:
        return refusals.to_ticket(ticket, errors.WrongState())
    context = calendar.days_context(ticket.department, days_url=request.path, topic=ticket.topic, is_move=True)
    return render(
        request, "booking/move_days.html", context | {"ticket": ticket, "why": refusals.why(request, ticket.department)}
    )


@require_http_methods(["GET", "HEAD", "POST"])
@access("ticket")
def move(request, ticket, date):
    """Choose the new time, and move to it. The member keeps the old ticket until the new place is taken."""
    if not ticket.can_move:
        return refusals.to_ticket(ticket, errors.WrongState())
    days_url = reverse("ticket_move_days", args=[ticket.public_id])
    if request.method == "POST":
        return _move(request, ticket, date, days_url)
    wanted = sent.slot(request)
    context = calendar.times_context(ticket.department, date, wanted=wanted, days_url=days_url, topic=ticket.topic)
    if not context["is_open"]:
        return refusals.to_days(request, days_url, is_full=context["is_full"], date=date, department=ticket.department)
    context |= {"ticket": ticket, "why": refusals.why(request), "key": uuid.uuid4()}
    return render(request, "booking/move_times.html", context)


@require_safe
@access("ticket")
def picture(request, ticket):
    image = pictures.drawn(ticket, arrive_at=times.arrive_by(ticket), link=secret_link(request, ticket))
    return HttpResponse(image, content_type="image/png", headers={"Content-Disposition": _inline(ticket, "png")})


@require_safe
@access("anyone")
def qr_picture(request, public_id):
    """The QR code on a message's card: LINE's servers fetch it, staff scan it. It leads to the ticket's page without
    the secret, so it opens nothing. It is drawn from the address alone, so it does not tell whether the ticket
    exists."""
    link = request.build_absolute_uri(reverse("ticket", args=[public_id]))
    if not scan.is_link(link):  # it would help nobody, and a long one would not fit
        raise Http404
    response = HttpResponse(pictures.qr(link), content_type="image/png")
    patch_cache_control(response, public=True, max_age=QR_LASTS, immutable=True)
    return response


@require_safe
@access("ticket")
def calendar_entry(request, ticket):
    if ticket.slot is None:
        raise Http404
    # Without the secret: calendars are shared and synchronised. On this device the link opens the ticket all the same.
    link = request.build_absolute_uri(reverse("ticket", args=[ticket.public_id]))
    entry = calendar_file.entry(ticket, arrive_at=times.arrive_by(ticket), link=link)
    return HttpResponse(entry, content_type="text/calendar", headers={"Content-Disposition": _inline(ticket, "ics")})


def _move(request, ticket, date, days_url):
    slot_id = sent.slot(request)
    try:
        if slot_id is None:
            raise errors.NoTimeChosen
        moved = verbs.reschedule(ticket=ticket, slot_id=slot_id, key=sent.key(request), origin=visitor.origin(request))
    except errors.WrongState as refusal:
        return refusals.to_ticket(ticket, refusal)
    except errors.BookingError as refusal:
        return refusals.to_booking_page(request, refusal, days_url=days_url, date=date, slot_id=slot_id)
    return _to_what_it_became(request, ticket, moved)


def _to_what_it_became(request, ticket, moved):
    """The page of the ticket that another was moved to. A device keeps it as it kept the other: what it shows to a
    member who is signed in, or to who looks after them, it shows as long as they are, and no longer."""
    response = redirect("ticket", moved.public_id)
    if visitor.keeps(request, ticket):
        visitor.remember_ticket(response, request, moved.public_id)
    return response


def _live_context(ticket, version: int | None = None) -> dict:
    today = timezone.localdate()
    is_today, is_past = ticket.date == today, ticket.date < today
    told = None
    if is_today:
        version = queues.versions([ticket.queue_id])[ticket.queue_id] if version is None else version
        outlook = outlook_today(ticket.queue, version)
        ahead, told = outlook.ahead(ticket), outlook.told(ticket)
    else:
        ahead = waits.ahead(ticket)
    return {
        "ticket": ticket,
        "ahead": ahead,
        "is_today": is_today,
        "is_past": is_past,
        "wait": told.in_words() if told and ticket.state == State.WAITING else "",
        "is_next": told is not None and not ahead and told.can_be_called and _waits(ticket),
        "poll_seconds": _poll_seconds(ticket, ahead) if is_today else POLL_SECONDS_BEFORE,
    }


def _poll_seconds(ticket, ahead: int) -> float:
    """Near is a ticket that is called, or that has no more ahead than the department's "nearly": several counters may
    call within a moment."""
    is_near = ticket.state == State.CALLED or (_waits(ticket) and ahead <= ticket.queue.nearly_when_ahead)
    return POLL_SECONDS_NEAR if is_near else POLL_SECONDS_TODAY


def _waits(ticket) -> bool:
    """Whether it may be called as soon as its turn comes."""
    return ticket.state == State.WAITING or (ticket.state == State.BOOKED and not ticket.queue.uses_check_in)


def _check_in(ticket) -> dict | None:
    """What the page says about checking in today; None if nothing."""
    department = ticket.department
    if ticket.state != State.BOOKED or ticket.date != timezone.localdate() or not department.uses_check_in:
        return None
    opens_at = times.check_in_opens_at(ticket)
    return {
        "opens_at": opens_at,
        "is_open": timezone.now() >= opens_at,
        "needs_presence": department.check_in_needs_presence,
    }


def _shown(ticket) -> str:
    """What the page depends on besides the part that is loaded again."""
    check_in = _check_in(ticket)
    return f"{ticket.state}-{ticket.counter_id}-{bool(check_in and check_in['is_open'])}"


def _inline(ticket, ending: str) -> str:
    return f'inline; filename="{ticket.code}.{ending}"'
