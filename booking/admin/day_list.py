"""The day on paper: each department's tickets with boxes to tick, for when there is no power or no line."""

import datetime as dt

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from booking.admin.base import page, require
from booking.admin.fields import DateField
from booking.models import Department, DepartmentDay, Ticket
from booking.models.staff import departments_of
from booking.models.tickets import LIVE
from booking.rights import Right

EMPTY_ROWS = 15  # for who comes without a booking


class DayForm(forms.Form):
    """Which day, and of one department or all."""

    date = DateField(label=gettext_lazy("วันที่"))
    department = forms.ModelChoiceField(
        Department.objects.none(), label=gettext_lazy("ฝ่าย"), required=False, empty_label=gettext_lazy("ทุกฝ่าย")
    )
    at = forms.TimeField(label=gettext_lazy("พิมพ์เองทุกวันเวลา"), required=False)

    def __init__(self, data, *, departments):
        super().__init__(data)
        self.fields["department"].queryset = departments


@require_safe
def day_list(request, model_admin):
    """GET ?date=&department=: the list, to be printed. Without a date the next day on which somebody serves: today
    until it is over. &at=16:30: the page stays open, and each day at that time it shows the next day and prints."""
    require(request, Right.VIEW_TICKETS)
    theirs = departments_of(request.user)
    departments = Department.objects.active() if theirs is None else Department.objects.filter(pk__in=theirs)
    asked = request.GET.dict()
    if not asked.get("date") or asked.get("at"):
        asked["date"] = f"{next_day()}"
    form = DayForm(asked, departments=departments)
    is_right = form.is_valid()
    date = form.cleaned_data["date"] if is_right else next_day()
    chosen = form.cleaned_data["department"] if is_right else None
    return page(
        request,
        model_admin,
        "admin/booking/ticket/day_list.html",
        title=_("รายการคิวของวัน"),
        form=form,
        date=date,
        at=form.cleaned_data["at"] if is_right else None,
        sheets=[(one, _tickets(one, date)) for one in ([chosen] if chosen else departments)],
        empty_rows=range(EMPTY_ROWS),
        made_at=timezone.now(),
    )


def next_day() -> dt.date:
    """Today until the last department closes; then the next day on which one is open. One or two queries."""
    now = timezone.now()
    today = timezone.localdate(now)
    opens = DepartmentDay.objects.filter(date__gte=today, state=DepartmentDay.State.OPEN).order_by("date")
    for day in opens[:100]:
        if day.date > today or (day.closes_at and day.closes_at > now):
            return day.date
    return today


def _tickets(department: Department, date: dt.date) -> list[Ticket]:
    """In the order of the day, those that are to be served: on paper a cancelled one would only confuse."""
    found = Ticket.objects.filter(queue=department, date=date, state__in=LIVE)
    return list(found.select_related("member", "slot", "department").order_by("due_at", "number"))
