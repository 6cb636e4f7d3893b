"""The day on paper: each department's tickets with boxes to tick, for when there is no power or no line."""

import datetime as dt
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from booking.admin.base import page, require
from booking.admin.fields import DateField
from booking.models import Department, DepartmentDay, Ticket, Topic
from booking.models.staff import departments_for
from booking.models.tickets import LIVE
from booking.rights import Right
from booking.views import list_key
from booking.views.access import access
from booking.views.list_key import Waiting

EMPTY_ROWS = 15  # for who comes without a booking


class DayForm(forms.Form):
    """Which day, and of one department or all."""

    date = DateField(label=gettext_lazy("วันที่"))
    department = forms.ModelChoiceField(
        Department.objects.none(), label=gettext_lazy("ฝ่าย"), required=False, empty_label=gettext_lazy("ทุกฝ่าย")
    )
    at = forms.TimeField(label=gettext_lazy("พิมพ์เองวันนี้เวลา"), required=False)

    def __init__(self, data, *, departments):
        super().__init__(data)
        self.fields["department"].queryset = departments


@require_safe
def day_list(request, model_admin):
    """GET ?date=&department=: the list, to be printed. Without a date the next day on which somebody serves: today
    until it is over. &at=16:30: the page stays open, and prints today at that time what is to be served from then on.
    It is given the address and the key of that list, since whoever opened it is signed out by then."""
    require(request, Right.VIEW_TICKETS)
    asked = request.GET.dict()
    if not asked.get("date") or asked.get("at"):
        asked["date"] = f"{next_day()}"
    form = DayForm(asked, departments=_departments(request.user))
    is_right = form.is_valid()
    chosen = form.cleaned_data["department"] if is_right else None
    waiting = None
    if is_right and form.cleaned_data["at"]:
        waiting = Waiting(request.user, chosen and chosen.pk, form.cleaned_data["at"])
        shown = _kept(waiting)
    else:
        date = form.cleaned_data["date"] if is_right else next_day()
        shown = _sheets(_chosen(request.user, chosen and chosen.pk), date)
    return page(
        request,
        model_admin,
        "admin/booking/ticket/day_list.html",
        title=_("รายการคิวของวัน"),
        form=form,
        waiting=waiting,
        key=waiting and list_key.key(waiting),
        is_past=waiting and _today_at(waiting.at) <= timezone.now(),
        **shown,
    )


@require_safe
@access("list_key")
def kept_list(request, *, waiting: Waiting):
    """The sheets alone, for the page that waits to print them."""
    return render(request, "admin/booking/ticket/_day_sheets.html", _kept(waiting))


def next_day(after: dt.datetime | None = None) -> dt.date:
    """Today until the last department closes; then the next day on which one is open. `after`: as it will be at that
    moment of today. One or two queries."""
    now = timezone.now()
    moment = max(after or now, now)
    today = timezone.localdate(now)
    opens = DepartmentDay.objects.filter(date__gte=today, state=DepartmentDay.State.OPEN).order_by("date")
    for day in opens[:100]:
        if day.date > today or (day.closes_at and day.closes_at > moment):
            return day.date
    return today


def _kept(waiting: Waiting) -> dict[str, Any]:
    """What the page shows from the first moment on is what it prints: if the line is lost, it has that."""
    return _sheets(_chosen(waiting.user, waiting.department_id), next_day(_today_at(waiting.at)))


def _today_at(time: dt.time) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(timezone.localdate(), time))


def _departments(user: User) -> QuerySet[Department]:
    return departments_for(user, all_of_them=Department.objects.active())


def _chosen(user: User, department_id: int | None) -> QuerySet[Department]:
    found = _departments(user)
    return found.filter(pk=department_id) if department_id else found


def _sheets(departments: QuerySet[Department], date: dt.date) -> dict[str, Any]:
    with_topics = set(Topic.objects.filter(department__in=departments).values_list("department", flat=True))
    return {
        "date": date,
        "sheets": [(one, _tickets(one, date), one.pk in with_topics) for one in departments],
        "empty_rows": range(EMPTY_ROWS),
        "made_at": timezone.now(),
    }


def _tickets(department: Department, date: dt.date) -> list[Ticket]:
    """In the order of the day, those that are to be served: on paper a cancelled one would only confuse."""
    found = Ticket.objects.filter(queue=department, date=date, state__in=LIVE)
    return list(found.select_related("member", "slot", "department", "topic").order_by("due_at", "number"))
