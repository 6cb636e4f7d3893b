"""Ending today by hand before the scheduled job does, and undoing that."""

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _

from booking import verbs
from booking.admin.base import page, require_verb, say
from booking.admin.closed import paged
from booking.errors import BookingError
from booking.models import Department, Ticket
from booking.models.staff import departments_for, only_theirs
from booking.models.tickets import AT_COUNTER, State
from booking.views import sent


class DepartmentsForm(forms.Form):
    department = forms.ModelMultipleChoiceField(Department.objects.all())

    def __init__(self, *args, departments):
        super().__init__(*args)
        self.fields["department"].queryset = departments


def close_day(request, model_admin):
    """GET: what closing today would do in each department, and what was closed. POST `do`: `close` the ticked
    departments, or `reopen` the ticked tickets."""
    require_verb(request, "close_day")
    if request.method == "POST":
        match sent.choice(request, "do"):
            case "close":
                _close(request)
            case "reopen":
                require_verb(request, "reopen")
                _reopen(request)
        return HttpResponseRedirect(request.path)
    return page(
        request,
        model_admin,
        "admin/booking/ticket/close_day.html",
        title=_("ปิดคิวสิ้นวัน"),
        today=timezone.localdate(),
        departments=_departments(request.user),
        closed=paged(request, _closed_today(request.user)),
        ticked=[],
    )


def _close(request) -> None:
    form = DepartmentsForm(request.POST, departments=_departments(request.user))
    if not form.is_valid():
        say(request, messages.ERROR, _("กรุณาเลือกฝ่ายที่จะปิดคิวสิ้นวัน"))
        return
    today = timezone.localdate()
    changed = sum(
        verbs.close_day(department=department, date=today, by=request.user)
        for department in form.cleaned_data["department"]
    )
    say(request, messages.SUCCESS, _("ปิดคิวสิ้นวันแล้ว บัตรคิวที่ปิด %d ใบ") % changed)


def _reopen(request) -> None:
    tickets = list(_closed_today(request.user).filter(pk__in=sent.ids(request, "ticket")))
    if not tickets:
        say(request, messages.ERROR, _("กรุณาเลือกบัตรคิวที่จะเปิดอีกครั้ง"))
        return
    reopened = 0
    for ticket in tickets:
        try:
            verbs.reopen(ticket=ticket, by=request.user)
            reopened += 1
        except BookingError as refusal:
            say(request, messages.ERROR, f"{ticket.code}: {refusal}")
    if reopened:
        say(request, messages.SUCCESS, _("เปิดอีกครั้งแล้ว %d ใบ") % reopened)


def _departments(user):
    """The departments, each with what closing its day now would end, and what would go on."""
    of_today = Q(queued_tickets__date=timezone.localdate())

    def count(**which):
        return Count(
            "queued_tickets", filter=of_today & Q(**{f"queued_tickets__{name}": v for name, v in which.items()})
        )

    departments = departments_for(user, all_of_them=Department.objects.all())
    return departments.annotate(
        not_arrived=count(state=State.BOOKED),
        still_to_come=count(state=State.BOOKED, due_at__gt=timezone.now()),
        missed=count(state=State.MISSED),
        going_on=count(state__in=[State.WAITING, State.ON_HOLD, *AT_COUNTER]),
    ).order_by("position", "letter")


def _closed_today(user):
    return only_theirs(
        Ticket.objects.with_details()
        .of_today()
        .filter(state__in=[State.NO_SHOW, State.NOT_ARRIVED])
        .select_related("member")
        .order_by("department__position", "number"),
        user,
    )
