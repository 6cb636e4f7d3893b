"""Waiting for a place of a full day: joining the list, what has become of it, and the offer."""

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from booking import errors
from booking.days.waiting import place_in_line
from booking.messages import offers
from booking.models import WaitingEntry
from booking.verbs import waiting
from booking.views import refusals, sent, visitor
from booking.views.access import access
from booking.views.departments import department_or_404
from members.errors import CareIsOver

SECRET_DIGITS = 64


@require_POST
@access("identity")
def join(request, slug, date, identity):
    """Put the member on the list: of the day, or of the one time that was chosen. Sent twice, they wait once."""
    department = department_or_404(slug)
    shown_for = sent.text(request, "for", most=200)
    if shown_for and shown_for != visitor.sign_name(identity.member_id):
        return refusals.to_identify(request, errors.AnotherBegun if identity.mark is not None else None, slug=slug)
    carer = visitor.member(request)
    try:
        entry = waiting.join(
            member_id=identity.member_id,
            department=department,
            date=date,
            slot_id=sent.id_of(request, "only"),
            topic_id=sent.topic(request),
            carer_id=carer.pk if carer and identity.proved_by == "family" else None,
            origin=visitor.origin(request),
            identity_mark=identity.mark,
            is_proven=bool(identity.proved_by),
        )
    except errors.ProofNeeded as refusal:
        return refusals.to_identify(request, refusal, slug=slug)
    except CareIsOver:
        return _care_is_over()
    except errors.BookingError as refusal:
        if isinstance(refusal, errors.AlreadyWaits) and visitor.waits_as(request, refusal.entry):
            return redirect("waiting", refusal.entry.public_id)
        days_url = reverse("days", args=[slug])
        return refusals.to_booking_page(request, refusal, days_url=days_url, date=date, slot_id=sent.slot(request))
    response = redirect("waiting", entry.public_id)
    if identity.proved_by != "family":
        visitor.remember_waiting(response, request, entry.public_id)
    return response


@require_safe
@access("waiting")
def page(request, entry):
    """Where the member stands, or what is offered to them and until when."""
    now = timezone.now()
    context = {
        "entry": entry,
        "department": entry.department,
        "has_offer": entry.has_offer(now),
        "nth": place_in_line(entry) if entry.is_live and entry.offered_at is None else None,
        "is_reached": offers.reaches(entry.member),
        "name": visitor.waiter_shown(request, entry),
        "why": refusals.why(request),
    }
    return render(request, "booking/waiting.html", context)


@require_POST
@access("anyone")
def open_by_link(request, public_id):
    """Let this device see an entry if the secret is right. The secret comes in the body, so no log has it."""
    entry = WaitingEntry.objects.filter(public_id=public_id).first()
    secret = sent.text(request, "link", most=300)[-SECRET_DIGITS:]
    if entry is None or not entry.is_opened_by(secret):
        return redirect(f"{reverse('waiting', args=[public_id])}?why={errors.WrongLink.code}")
    response = redirect("waiting", public_id)
    visitor.remember_waiting(response, request, public_id)
    return response


@require_POST
@access("waiting")
def take(request, entry):
    """Book what is offered. Pressed twice, it is the same ticket."""
    try:
        carer_id = visitor.carer_for(request, entry)
        booking = waiting.accept(entry=entry, carer_id=carer_id, origin=visitor.origin(request))
    except CareIsOver:
        return _care_is_over()
    except errors.BookingError as refusal:
        return redirect(f"{reverse('waiting', args=[entry.public_id])}?why={refusal.code}")
    response = redirect(f"{reverse('ticket', args=[booking.public_id])}?booked=1")
    if entry.public_id in visitor.waiting_ids(request):
        visitor.remember_booked(response, request, booking.public_id)
    return response


@require_POST
@access("waiting")
def leave(request, entry):
    """Off the list. What was offered goes to the next."""
    try:
        waiting.leave(entry=entry, carer_id=visitor.carer_for(request, entry))
    except CareIsOver:
        return _care_is_over()
    return redirect("waiting", entry.public_id)


def _care_is_over():
    """From now on this device acts for the one who is signed in."""
    response = redirect(f"{reverse('family')}?done=over")
    visitor.choose_oneself(response)
    return response
