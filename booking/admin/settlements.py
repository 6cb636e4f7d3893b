"""The progress of settling many tickets, and what became of each."""

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from booking import errors
from booking.admin.base import moment, page, require
from booking.models import SettledTicket, Settlement
from booking.models.staff import only_theirs
from booking.rights import Right
from booking.verbs.closures import Choice

ROWS = 50


def to_progress(settlement: Settlement) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("admin:booking_settlement", args=[settlement.pk]))


def at_work():
    return Settlement.objects.filter(finished_at=None).order_by("pk")


def progress_page(request, model_admin, pk):
    """The progress. At the end, how many were moved and cancelled, and which could not be, with the reason of each."""
    require(request, Right.VIEW_TICKETS)
    settlement = Settlement.objects.filter(pk=pk).first()
    if settlement is None:
        return HttpResponseRedirect(reverse("admin:booking_ticket_closed"))
    refused = _theirs(request, settlement).exclude(refusal="").select_related("ticket__department", "ticket__slot")
    rows = Paginator(refused.order_by("pk"), ROWS).get_page(request.GET.get("page"))
    return page(
        request,
        model_admin,
        "admin/booking/ticket/settlement.html",
        title=_("ย้ายหรือยกเลิกบัตรคิวหลายใบ"),
        settlement=settlement,
        finished=moment(settlement.finished_at),
        rows=rows,
        refused=[(row.ticket, errors.BY_CODE[row.refusal].message) for row in rows],
        **_counts(request, settlement),
    )


def progress(request, model_admin, pk):
    """The part of the page that is loaded again and again. Once there is more to show, the whole page is."""
    require(request, Right.VIEW_TICKETS)
    settlement = Settlement.objects.filter(pk=pk).first()
    if settlement is None or settlement.finished_at:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"settlement": settlement} | _counts(request, settlement)
    return render(request, "admin/booking/ticket/_settling.html", context)


def _theirs(request, settlement):
    return only_theirs(SettledTicket.objects.filter(settlement=settlement), request.user, path="ticket__")


def _counts(request, settlement) -> dict:
    done = Q(done_at__isnull=False)
    return _theirs(request, settlement).aggregate(
        total=Count("pk"),
        done=Count("pk", filter=done),
        moved=Count("pk", filter=done & Q(refusal="", choice=Choice.MOVE)),
        cancelled=Count("pk", filter=done & Q(refusal="", choice=Choice.CANCEL)),
    )
