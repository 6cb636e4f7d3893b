"""Tickets that one place booked, seen together, and cancelled together if the place is a stranger's. And the alarm:
what surges, where a proof is asked for, and whether it is asked of everybody."""

from django import forms
from django.contrib import messages
from django.db.models import Count, Max, Min
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from booking.admin.base import moment, page, require, require_verb, say
from booking.admin.closed import paged, tell
from booking.models import ProofAsked, Ticket
from booking.models.staff import only_theirs
from booking.models.surges import EVERYBODY
from booking.rights import Right
from booking.verbs import catalogue, closures, surges
from booking.verbs.catalogue import Surface
from booking.verbs.closures import Choice
from booking.views import sent
from members.origins import HEX_DIGITS

# The dashboard mentions a place with so many live tickets.
MANY = 10
KINDS = {
    "address": gettext_lazy("ที่อยู่เครือข่ายเดียวกัน"),
    "network": gettext_lazy("เครือข่าย IPv6 เดียวกัน"),
    "device": gettext_lazy("เครื่องเดียวกัน"),
}
SAID = {
    "bookings": gettext_lazy("จองมากผิดปกติ %(count)d ใบใน 1 ชั่วโมง ปกติไม่เกิน %(most)d"),
    "missed": gettext_lazy("ค้นหาสมาชิกแล้วไม่พบมากผิดปกติ %(count)d ครั้งใน 1 ชั่วโมง ปกติไม่เกิน %(most)d"),
}


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("เหตุผลที่จะแจ้งสมาชิก"), max_length=200, widget=UnfoldAdminTextInputWidget)


def many_from_one_place(user):
    """Places from which more than MANY live tickets of today and later were booked, of the departments that are theirs;
    those with the most first."""
    found = []
    for kind in KINDS:
        field = f"origin_{kind}"
        groups = (
            only_theirs(Ticket.objects.upcoming(), user)
            .order_by()
            .exclude(**{field: None})
            .values(field)
            .annotate(count=Count("pk"), members=Count("member", distinct=True), first=Min("issued_at"))
            .annotate(last=Max("issued_at"))
            .filter(count__gt=MANY)
        )
        found += [group | {"kind": kind, "name": KINDS[kind], "hash": group[field]} for group in groups]
    return sorted(found, key=lambda group: -group["count"])


def origins(request, model_admin):
    """GET: places with many tickets, and the alarm. POST: ask everybody for a proof, or end all asking."""
    require(request, Right.VIEW_TICKETS)
    if request.method == "POST":
        require(request, Right.ASK_FOR_PROOF)
        match sent.choice(request, "do"):
            case "ask":
                surges.ask_everybody(by=request.user)
                say(request, messages.SUCCESS, _("ขอหลักฐานจากทุกคนที่จอง เป็นเวลา 2 ชั่วโมง"))
            case "stop":
                surges.stop_asking(by=request.user)
                say(request, messages.SUCCESS, _("เลิกขอหลักฐานแล้ว"))
        return HttpResponseRedirect(request.path)
    asked = list(ProofAsked.objects.now().order_by("-count"))
    everybody = next((one for one in asked if one.block == EVERYBODY), None)
    return page(
        request,
        model_admin,
        "admin/booking/ticket/origins.html",
        title=_("บัตรคิวที่จองจากที่เดียวกัน"),
        places=[group | {"between": _between(group)} for group in many_from_one_place(request.user)],
        surges=said_of(surges.found(timezone.now())),
        blocks=[one for one in asked if one.block != EVERYBODY],
        everybody_until=everybody and moment(everybody.until),
        is_asking=bool(asked),
        may_ask=request.user.has_perm(Right.ASK_FOR_PROOF),
    )


def one_origin(request, model_admin, kind, origin):
    """The live tickets of one place. POST: cancel the ticked ones, and tell their members."""
    require(request, Right.VIEW_TICKETS)
    if kind not in KINDS or len(origin) != HEX_DIGITS:
        raise Http404
    tickets = (
        Ticket.objects.filter(**{f"origin_{kind}": origin})
        .upcoming()
        .with_details()
        .select_related("member", "department", "slot")
    )
    tickets = only_theirs(tickets, request.user)
    form = ReasonForm(request.POST or None)
    if request.method == "POST":
        require_verb(request, "cancel")
        if form.is_valid():
            ticked = list(tickets.filter(pk__in=sent.ids(request, "ticket")))
            reason = form.cleaned_data["reason"]
            tell(request, closures.settle(choice=Choice.CANCEL, tickets=ticked, by=request.user, reason=reason))
            return HttpResponseRedirect(request.path)
    return page(
        request,
        model_admin,
        "admin/booking/ticket/origin.html",
        title=_("บัตรคิวที่จองจากที่เดียวกัน"),
        name=KINDS[kind],
        tickets=paged(request, tickets.order_by("pk")),
        form=form,
        may_cancel=catalogue.may(request.user, "cancel", Surface.BACK_OFFICE),
        ticked=sent.ids(request, "ticket") if request.method == "POST" else None,
        with_phones=request.user.has_perm(Right.VIEW_MEMBERS),
    )


def warnings(user):
    """The dashboard's sentences about all this."""
    texts = said_of(surges.found(timezone.now()))
    groups = many_from_one_place(user)
    if groups:
        texts.append(
            _("มีบัตรคิวที่จองจากที่เดียวกันเกิน %(many)d ใบ มากที่สุด %(count)d ใบ") % {"many": MANY, "count": groups[0]["count"]}
        )
    link = reverse("admin:booking_ticket_origins")
    return [{"text": text, "do": _("ดูและตัดสินใจ"), "link": link} for text in texts]


def said_of(found) -> list[str]:
    return [str(SAID[surge.kind]) % {"count": surge.count, "most": surge.most} for surge in found]


def _between(group) -> str:
    return f"{moment(group['first'])} - {moment(group['last'])}"
