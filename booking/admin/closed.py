"""Tickets whose day or time the office has closed: what becomes of them, and who has to be told."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from booking import thai
from booking.admin import seen, settlements
from booking.admin.base import page, require, say
from booking.admin.fields import DateField
from booking.models import Department
from booking.models.staff import only_theirs
from booking.rights import Right
from booking.verbs import catalogue, closures, settling
from booking.verbs.catalogue import Surface
from booking.verbs.closures import Choice, Decision
from booking.views import sent
from members.files.spreadsheets import KINDS, write

TICKS = 100  # on one page
VERB_FOR = {Choice.MOVE: "reschedule", Choice.CANCEL: "cancel"}


class ChoiceForm(forms.Form):
    """What to do with the ticked tickets. It offers only what the member of staff has the right to do."""

    choice = forms.ChoiceField(
        label=gettext_lazy("จะทำอย่างไรกับบัตรคิวเหล่านี้"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("กรุณาเลือกหนึ่งข้อ")},
    )
    reason = forms.CharField(
        label=gettext_lazy("เหตุผลที่จะแจ้งสมาชิก"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("เก็บไว้ในประวัติของบัตรคิว และแสดงในรายชื่อที่ต้องโทรแจ้ง"),
    )

    def __init__(self, user, *args, choices, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["choice"].choices = [(choice.value, choice.label) for choice in offered(user, choices)]

    def clean(self):
        chosen = super().clean()
        if chosen.get("choice") in (Choice.MOVE, Choice.CANCEL) and not chosen.get("reason"):
            self.add_error("reason", _("กรุณากรอกเหตุผล"))
        return chosen


def offered(user, choices) -> list[Choice]:
    """Those of these choices that the member of staff has the right to."""
    return [
        choice
        for choice in choices
        if choice not in VERB_FOR or catalogue.may(user, VERB_FOR[choice], Surface.BACK_OFFICE)
    ]


class ScopeForm(forms.Form):
    """Which closed times to show: those of a date, of a department, or all."""

    date = DateField(required=False)
    department = forms.ModelChoiceField(Department.objects.all(), required=False)


def closed_times(request, model_admin):
    """GET ?date=&department=: the tickets of closed times, and those that staff have moved or cancelled.

    POST: the ticked ones are moved or cancelled; with `which=all` all that the pages showed. Many at once are settled
    in the background."""
    require(request, Right.VIEW_TICKETS)
    stranded, settled, scope = _in_scope(request)
    form = ChoiceForm(request.user, request.POST or None, choices=[Choice.MOVE, Choice.CANCEL])
    if request.method == "POST" and form.is_valid():
        chosen = seen.read(request, []) if sent.choice(request, "which") == "all" else sent.ids(request, "ticket")
        tickets = list(stranded.filter(pk__in=chosen))
        if len(tickets) > settling.AT_ONCE:
            choice, reason = form.cleaned_data["choice"], form.cleaned_data["reason"]
            decisions = [Decision(ticket, Choice(choice)) for ticket in tickets]
            return settlements.to_progress(settling.begin(decisions=decisions, by=request.user, reason=reason))
        tell(request, closures.settle(tickets=tickets, by=request.user, **form.cleaned_data))
        return HttpResponseRedirect(request.get_full_path())
    rows = paged(request, stranded)
    return page(
        request,
        model_admin,
        "admin/booking/ticket/closed.html",
        title=_("บัตรคิวในเวลาที่ปิด"),
        stranded=list(rows),
        rows=rows,
        seen=seen.sign(list(stranded.values_list("pk", flat=True))),
        kept="".join(f"{name}={request.GET[name]}&" for name in scope),
        which=sent.choice(request, "which", default="all" if rows.has_other_pages() else "ticked"),
        at_work=settlements.at_work(),
        settled=list(settled),
        scope=scope,
        form=form,
        may_settle=bool(form.fields["choice"].choices),
        ticked=sent.ids(request, "ticket") if request.method == "POST" else None,
        with_phones=request.user.has_perm(Right.VIEW_MEMBERS),
    )


def download(request, model_admin, kind):
    """The same tickets as a file to telephone from. `kind` is csv or xlsx. No cell of it is a formula."""
    require(request, Right.VIEW_TICKETS)
    require(request, Right.VIEW_MEMBERS)
    if kind not in KINDS:
        raise Http404
    stranded, settled, _scope = _in_scope(request)
    headings = [
        _("หมายเลข"),
        _("วันที่"),
        _("เวลา"),
        _("ฝ่าย"),
        _("เลขทะเบียนสมาชิก"),
        _("ชื่อ"),
        _("โทรศัพท์"),
        _("ผล"),
        _("เหตุผล"),
    ]
    content = write(kind, headings, [_cells(ticket) for ticket in [*stranded, *settled]])
    name = f"closed-{timezone.localdate():%Y-%m-%d}.{kind}"
    return HttpResponse(
        content,
        content_type=KINDS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _in_scope(request):
    scope_form = ScopeForm(request.GET)
    scope = {name: value for name, value in scope_form.cleaned_data.items() if value} if scope_form.is_valid() else {}
    tickets = [only_theirs(found.filter(**scope), request.user) for found in (closures.stranded(), closures.settled())]
    return *tickets, scope


def _cells(ticket) -> list:
    member = ticket.member
    return [
        ticket.code,
        thai.short_date(ticket.date),
        thai.clock(ticket.slot or ticket.issued_at),
        ticket.department.name,
        member.member_number if member else "",
        member.full_name if member else "",
        member.phone if member else "",
        ticket.outcome,
        getattr(ticket, "reason", ""),
    ]


def paged(request, tickets):
    """The requested page of tickets. Each has a box to tick, and a form may have only so many fields."""
    return Paginator(tickets, TICKS).get_page(request.GET.get("page"))


def tell(request, outcomes) -> None:
    """Say what became of the tickets, and why some could not be changed."""
    moved = sum(1 for outcome in outcomes if outcome.moved_to)
    refused = [outcome for outcome in outcomes if outcome.refusal]
    cancelled = len(outcomes) - moved - len(refused)
    if moved:
        say(request, messages.SUCCESS, _("ย้ายแล้ว %d ใบ สมาชิกที่ไม่ได้รับข้อความอยู่ในหน้า ต้องโทรแจ้ง") % moved)
    if cancelled:
        say(request, messages.SUCCESS, _("ยกเลิกแล้ว %d ใบ สมาชิกที่ไม่ได้รับข้อความอยู่ในหน้า ต้องโทรแจ้ง") % cancelled)
    for outcome in refused:
        say(request, messages.ERROR, f"{outcome.ticket.code}: {outcome.refusal}")
