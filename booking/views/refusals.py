"""Where each refusal leads: to the page with the next thing to do, and with what had been chosen.

A refusal is answered by a redirect that carries its code, so that a refresh or the back button repeats nothing.
"""

import datetime as dt
from urllib.parse import urlencode

from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from booking import errors, thai
from booking.days import availability
from booking.days.availability import DayState
from booking.errors import Leads
from booking.messages import wording
from booking.models import tallies
from booking.views import sent, visitor
from members.errors import DirectorySilent, TooManyAttempts


def why(request, department=None) -> dict | None:
    """The refusal that led here, for the top of the page. A closed day of the department is named."""
    kind = errors.BY_CODE.get(request.GET.get("why"))
    if kind is None:
        return None
    return {"code": kind.code, "message": _in_own_words(request, kind, department) or kind.message}


def _in_own_words(request, kind, department) -> str | None:
    """What the office says of a day that is full, and what a closed one is."""
    if department is None:
        return None
    if kind is errors.DayFull:
        return wording.said("pages.day_full", department=department.title)
    return _closed_day(request, department) if kind is errors.DayClosed else None


def _closed_day(request, department) -> str | None:
    """What a refused day is, and why; None unless the whole day is closed."""
    try:
        day = availability.day(department, dt.date.fromisoformat(request.GET.get("day", "")))
    except (ValueError, OverflowError):
        return None
    if day.state not in (DayState.HOLIDAY, DayState.CLOSED):
        return None
    if day.reason == _("ปิด"):
        return wording.said("pages.day_closed", day=thai.long_date(day.date), department=department.title)
    return _("%(day)s ปิด: %(reason)s") % {"day": thai.long_date(day.date), "reason": day.reason}


def beside_the_field(request, template: str, context: dict, refusal):
    """The form once more, with the refusal beside what was typed."""
    tallies.refused(refusal, getattr(context.get("department"), "pk", None))
    later = isinstance(refusal, TooManyAttempts | DirectorySilent)
    response = render(request, template, context | {"refusal": refusal}, status=refusal.status if later else 422)
    if later:
        response["Retry-After"] = refusal.retry_after
    return response


def to_booking_page(request, refusal, *, days_url: str, date, slot_id: int | None):
    """After a refused booking or move: the page where the member chooses again."""
    if refusal.leads_to is Leads.TICKET and refusal.ticket and visitor.holds(request, refusal.ticket):
        return to_ticket(refusal.ticket, refusal)
    if refusal.leads_to is Leads.TIMES:
        return _to(f"{days_url}{date}/", refusal, slot=slot_id, topic=sent.topic(request))
    day = date if isinstance(refusal, errors.DayClosed) else None
    return _to(days_url, refusal, day=day, topic=sent.topic(request))


def to_days(request, days_url: str, *, is_full: bool, date, department):
    """From a day that has no free time (any more)."""
    refusal = errors.DayFull if is_full else errors.DayClosed
    tallies.refused(refusal, department.pk)
    return _to(days_url, refusal, day=date, topic=sent.topic(request))


def to_identify(request, refusal=None, *, slug: str, **kwargs):
    """Sends somebody who has to say who they are to the form, which then leads back to the chosen slot. Without a
    `refusal` nobody is known, for one of three reasons."""
    if refusal is None and visitor.has_begun_anew(request):
        refusal = errors.AnotherBegun
    elif refusal is None:
        # Browsers do not send expired cookies: only a page that was shown for somebody tells that there was one.
        refusal = errors.WhoAgain if sent.has(request, "for") or request.COOKIES.get("identity") else errors.WhoFirst
    return _to(reverse("identify", args=[slug]), refusal, **sent.chosen(request))


def to_ticket(ticket, refusal):
    tallies.refused(refusal, ticket.department_id)
    return _to(reverse("ticket", args=[ticket.public_id]), refusal)


def to_closed_ticket(public_id: str):
    """After a link that opened nothing."""
    return _to(reverse("ticket", args=[public_id]), errors.WrongLink)


def closed_ticket(request, public_id: str, *, open_url: str = ""):
    """The same page for somebody else's ticket and for an unknown id. `open_url`: where a link is sent that opens
    something else than a ticket."""
    context = {"open_url": open_url or reverse("ticket_open", args=[public_id]), "why": why(request)}
    return render(request, "booking/open.html", context, status=404)


def _to(address: str, refusal, **values):
    query = {"why": refusal.code} | {name: value for name, value in values.items() if value}
    return redirect(f"{address}?{urlencode(query)}")
