"""The way to a ticket: who, the name, the day, the time, the ticket."""

import uuid
from functools import partial
from urllib.parse import urlencode

from django.http import Http404, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from booking import errors, verbs
from booking.models import Slot, Ticket
from booking.verbs import limits
from booking.verbs.family import book_for
from booking.views import calendar, refusals, sent, topics, visitor, visits
from booking.views.access import access, may_be_kept
from booking.views.departments import department_or_404
from members import line
from members.errors import CareIsOver, MemberError, NotRegistered
from members.identify import Identity, look_up, name_confirmed
from members.models import Member


@sensitive_post_parameters("citizen_id", "member_number", "proof")
@require_http_methods(["GET", "HEAD", "POST"])
@access("anyone")
def identify(request, slug):
    """Ask for one number, and look it up. What was typed is never in an address.

    Members who are signed in need not type one, but may: "?who" books for somebody else.
    """
    department = department_or_404(slug)
    if request.method != "POST" and visitor.member(request) and request.GET.keys().isdisjoint(["who", "why"]):
        return redirect(_after_confirming(request, department))
    why = refusals.why(request) if request.method != "POST" else None
    if request.method == "POST":
        try:
            found = look_up(**visitor.claim(request))
        except (MemberError, errors.ProofNeeded) as refusal:
            context = _who(request, department) | {"not_registered": isinstance(refusal, NotRegistered)}
            response = refusals.beside_the_field(request, "booking/identify.html", context, refusal)
        else:
            response = redirect(_with_chosen(request, "confirm", slug))
            visitor.remember_asked(response, found)
    else:
        response = render(request, "booking/identify.html", _who(request, department) | {"why": why})
    visitor.ensure_device(response, request)
    return may_be_kept(response) if request.method != "POST" and not why else response


@require_http_methods(["GET", "HEAD", "POST"])
@access("asked")
def confirm(request, slug, member_id):
    """Show the masked name, and ask whether it is theirs."""
    department = department_or_404(slug)
    if request.method == "POST" and sent.says_yes(request):
        response = redirect(_after_confirming(request, department))
        name_confirmed(visitor.asked(request))
        visitor.remember_confirmed(response, request)
        return response
    if request.method == "POST":
        response = redirect(_with_chosen(request, "identify", slug))
        visitor.forget_identity(response)
        return response
    member = visitor.member_with(member_id)
    if member is None:
        raise Http404
    context = {"department": department, "member": member, "chosen": sent.chosen(request)}
    return render(request, "booking/confirm.html", context)


@require_safe
@access("anyone")
def days(request, slug):
    department = department_or_404(slug)
    visits.count(request, "days", department)
    choice = topics.choice(request, department)
    member = visitor.booked_for(request)
    context = (
        choice.context()
        | _for_whom(request, member)
        | {"why": refusals.why(request, department), "department": department}
    )
    if choice.is_open:
        response = render(request, "booking/topics.html", context)
    else:
        days_shown = calendar.days_context(department, days_url=request.path, topic=choice.topic, query=choice.query)
        response = render(request, "booking/days.html", context | days_shown)
    return response if member or context["why"] else may_be_kept(response)


@require_safe
@access("anyone")
def times(request, slug, date):
    department = department_or_404(slug)
    days_url = reverse("days", args=[slug])
    choice = topics.choice(request, department)
    if choice.is_open:
        return redirect(days_url)
    member = visitor.booked_for(request)
    context = calendar.times_context(
        department,
        date,
        wanted=sent.slot(request),
        days_url=days_url,
        topic=choice.topic,
        query=choice.query,
        member_id=member.pk if member else None,
    )
    waits = bool(context["full"]) and (not context["is_open"] or "wait" in request.GET)
    if not context["is_open"] and not waits:
        return refusals.to_days(request, days_url, is_full=context["is_full"], date=date, department=department)
    context |= choice.context() | _for_whom(request, member)
    context |= {
        "why": refusals.why(request),
        "key": _key(request, slug, date),
        "booked_for": visitor.sign_name(member.pk) if member else "",
    }
    response = render(request, "booking/wait.html" if waits else "booking/times.html", context)
    return response if member or context["why"] or waits else may_be_kept(response)


@require_POST
@access("identity")
def take(request, slug, date, identity):
    """Book. The same form sent again leads to the same ticket."""
    slot_id = sent.slot(request)
    key = sent.key(request)
    shown_for = sent.text(request, "for", most=200)
    if shown_for and shown_for != visitor.sign_name(identity.member_id):
        # The page was shown for somebody else: whoever is known now has begun after that; or the name that was
        # confirmed has ended meanwhile, and the ticket would be the LINE account's member's.
        is_other_person = identity.mark is not None
        return refusals.to_identify(request, errors.AnotherBegun if is_other_person else None, slug=slug)
    try:
        if slot_id is None:
            raise errors.NoTimeChosen
        public_id = _book(request, identity, slot_id=slot_id, topic_id=sent.topic(request), key=key).public_id
    except (errors.IdentityUsed, errors.ProofNeeded) as refusal:
        return refusals.to_identify(request, refusal, slug=slug)
    except CareIsOver:
        response = redirect(f"{reverse('family')}?done=over")
        visitor.choose_oneself(response)
        return response
    except errors.BookingError as refusal:
        if theirs := _proved_to_be_theirs(refusal, identity):
            response = refusals.to_ticket(theirs, refusal)
            visitor.remember_ticket(response, request, theirs.public_id)
            return response
        booked = _booked_by_this_form(refusal, key, identity.member_id)
        if booked is None:
            days_url = reverse("days", args=[slug])
            return refusals.to_booking_page(request, refusal, days_url=days_url, date=date, slot_id=slot_id)
        public_id = booked.public_id
        response = refusals.to_ticket(booked, errors.AlreadyBooked(booked))
    else:
        # redirect() would look for a page of that name first.
        response = HttpResponseRedirect(f"{reverse('ticket', args=[public_id])}?booked=1")
    # What a member's family has on this device is theirs as long as they consent, and no longer.
    if not _is_family(identity):
        visitor.remember_booked(response, request, public_id)
    return response


def _book(request, identity: Identity, *, slot_id: int, topic_id: int | None, key: str) -> verbs.Booking:
    carer = visitor.member(request)
    book = partial(book_for, carer_id=carer.pk) if carer and _is_family(identity) else verbs.book
    return book(
        member_id=identity.member_id,
        slot_id=slot_id,
        topic_id=topic_id,
        key=key,
        origin=visitor.origin(request),
        identity_mark=identity.mark,
        is_proven=bool(identity.proved_by),
    )


def _is_family(identity: Identity) -> bool:
    return identity.proved_by == "family"


def _for_whom(request, member: Member | None) -> dict:
    """In whose name it would be booked, and in whose else it can be."""
    who = visitor.member(request)
    ours = [who, *visitor.family(request)] if who else []
    return {
        "member": member,
        "is_own": member is not None and member in ours,
        "others": [one for one in ours if one != member] if member in ours else [],
    }


def _who(request, department) -> dict:
    """What the form that asks for a number shows."""
    form = visitor.form_context(request)
    return form | {
        "asks_proof": _asks_proof(request, form),
        "department": department,
        "chosen": sent.chosen(request),
        "typed": visitor.typed(request),
        "has_line": line.log_in_is_on(),
    }


def _asks_proof(request, form: dict) -> bool:
    """Whether the form asks for a proof besides the number: always, or because so much is booked from this address."""
    is_refused = request.GET.get("why") == errors.ProofNeeded.code
    return is_refused or form["asks_proof"] or limits.has_booked_much(visitor.origin(request), now=timezone.now())


def _key(request, slug, date) -> str:
    """The idempotency key of a booking form.

    It stays the same until this device receives another ticket: if a reply was lost, the form loaded again still leads
    to the ticket that was issued.
    """
    token = visitor.identity(request) or request.COOKIES.get("line")
    # What is booked for the family is not kept on this device: nothing would tell the next booking's key from this.
    if not token or visitor.chosen_cared(request):
        return str(uuid.uuid4())
    return str(uuid.uuid5(uuid.NAMESPACE_OID, " ".join([token, slug, str(date), *visitor.ticket_ids(request)])))


def _booked_by_this_form(refusal, key, member_id) -> Ticket | None:
    """The live ticket that this form led to when it was sent earlier with another time, if that is why it is
    refused."""
    if not isinstance(refusal, errors.IdempotencyKeyReused):
        return None
    return Ticket.objects.live().filter(idempotency_key=key, member=member_id).first()


def _proved_to_be_theirs(refusal, identity: Identity) -> Ticket | None:
    """The member's ticket that stands in the way, where a clerk's code has proved who they are: that opens tickets
    booked elsewhere too (recover.py). The last digits of a telephone do not."""
    return refusal.ticket if isinstance(refusal, errors.AlreadyBooked) and identity.proved_by == "code" else None


def _after_confirming(request, department) -> str:
    """The days. If a time was chosen before the identity ended, its page with that time still chosen."""
    chosen = sent.chosen(request)
    slot = Slot.objects.filter(pk=chosen["slot"], department=department).first() if "slot" in chosen else None
    if slot is None:
        return _with_query(reverse("days", args=[department.slug]), topic=chosen.get("topic"))
    return _with_query(reverse("times", args=[department.slug, slot.date]), **chosen)


def _with_chosen(request, page: str, slug: str) -> str:
    return _with_query(reverse(page, args=[slug]), **sent.chosen(request))


def _with_query(address: str, **values: int | None) -> str:
    kept = {name: value for name, value in values.items() if value}
    return f"{address}?{urlencode(kept)}" if kept else address
