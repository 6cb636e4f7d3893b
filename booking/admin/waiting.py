"""The waiting lists: who waits for which full day, what is offered to whom and until when, and whom to telephone."""

from itertools import groupby

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from booking.admin.base import page, require, say
from booking.admin.messages import offers_to_call, why
from booking.errors import BookingError
from booking.messages import offers
from booking.models import Department, OfferMessage, WaitingEntry
from booking.models.notices import CHANNELS
from booking.models.staff import departments_of, has_department
from booking.rights import Right
from booking.verbs import waiting
from booking.views import sent

MOST_ON_A_PAGE = 300


@require_http_methods(["GET", "HEAD", "POST"])
def waiting_list(request, model_admin):
    """Each day with those in line, and the offers before them. POST: take an offer for a member, who says so on the
    telephone, or take a member off the list."""
    require(request, Right.TELEPHONE)
    if request.method == "POST":
        return _answer(request)
    entries = theirs(request.user).select_related("department", "member", "topic", "by")
    entries = entries.prefetch_related("messages__carer", "messages__ended_by")
    found = list(entries.order_by("date", "department__position", "department", "joined_at", "pk")[:MOST_ON_A_PAGE])
    now = timezone.now()
    days = [
        {"department": day[0].department, "date": day[0].date, "rows": _rows(day, now)}
        for day in (list(group) for _key, group in groupby(found, lambda one: (one.date, one.department_id)))
    ]
    return page(
        request,
        model_admin,
        "admin/booking/ticket/waiting.html",
        title=_("รายการรอคิวว่าง"),
        days=days,
        count=entries.count(),
        to_telephone=offers_to_call(request.user, now),
        has_lists=Department.objects.active().filter(has_waiting_list=True).exists(),
    )


def to_telephone(user) -> list[OfferMessage]:
    """Those of their departments, whom a member of staff has to telephone at this moment."""
    return [one for one in offers.to_telephone() if has_department(user, one.entry.department_id)]


def theirs(user):
    """The entries of their departments that are not over."""
    found = WaitingEntry.objects.live().filter(date__gte=timezone.localdate())
    ours = departments_of(user)
    return found if ours is None else found.filter(department__in=ours)


def _rows(entries: list[WaitingEntry], now) -> list[dict]:
    """Of one day: the offers that last first, then the line."""
    offered = [one for one in entries if one.offered_at]
    line = [one for one in entries if not one.offered_at]
    return [
        *({"entry": one, "has_offer": one.has_offer(now), "told": _told(one)} for one in offered),
        *({"entry": one, "nth": nth} for nth, one in enumerate(line, start=1)),
    ]


def _told(entry: WaitingEntry) -> list[str]:
    """What has become of the messages of the offer, to the member and to who looks after them, and why."""
    return [_of_message(one) for one in entry.messages.all() if one.offered_at == entry.offered_at]


def _of_message(message: OfferMessage) -> str:
    whom = _("ผู้ดูแล %(name)s") % {"name": message.carer.full_name} if message.carer else ""
    reason = why(message)
    parts = [whom, message.get_state_display(), CHANNELS.get(message.channel, ""), "" if reason == "-" else reason]
    return " ".join(str(part) for part in parts if part)


def _answer(request):
    """Pressed twice, or by two people, it is one ticket."""
    entry = get_object_or_404(WaitingEntry.objects.select_related("department"), pk=sent.id_of(request, "entry"))
    if not has_department(request.user, entry.department_id):
        raise PermissionDenied
    here = HttpResponseRedirect(reverse("admin:booking_ticket_waiting"))
    if not sent.has(request, "take"):
        waiting.leave(entry=entry, by=request.user)
        say(request, messages.SUCCESS, _("เอาออกจากรายการรอแล้ว"))
        return here
    try:
        booking = waiting.accept(entry=entry, by=request.user)
    except BookingError as refusal:
        say(request, messages.ERROR, refusal)
        return here
    return HttpResponseRedirect(reverse("admin:booking_ticket_read_out", args=[booking.ticket_id]))
