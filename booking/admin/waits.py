"""How good the expected wait was: what members were told, beside how long they waited."""

import datetime as dt
import math
from dataclasses import dataclass

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.admin.base import ReadOnlyAdmin, page, require
from booking.calling import accuracy, pace
from booking.models import Department, WaitPrediction
from booking.rights import Right
from booking.time_limits import may_think

DAYS = {1: gettext_lazy("วันนี้"), 7: gettext_lazy("7 วัน"), 30: gettext_lazy("30 วัน")}
USUALLY = 7
MOST_DOTS = 1000
WIDTH, HEIGHT, LEFT, BOTTOM, EDGE = 640, 400, 60, 50, 14  # of the picture, in its own units


class ScopeForm(forms.Form):
    """Which waits are looked at: those of the last days, of a department or all."""

    # Django's empty value may be anything, its stubs say a text.
    days = forms.TypedChoiceField(
        choices=DAYS.items(),
        coerce=int,
        empty_value=USUALLY,  # type: ignore[arg-type]
        required=False,
    )
    department = forms.ModelChoiceField(Department.objects.all(), required=False)


@admin.register(WaitPrediction)
class WaitPredictionAdmin(ReadOnlyAdmin):
    """The list itself is of no use to anybody; in its place stands what it amounts to."""

    def changelist_view(self, request, extra_context=None):
        return report(request, self)


@may_think
def report(request, model_admin):
    """GET ?days=&department=: by department, by day, and each wait as a dot."""
    require(request, Right.VIEW_WAITS)
    form = ScopeForm(request.GET)
    scope = form.cleaned_data if form.is_valid() else {"days": USUALLY, "department": None}
    last = timezone.localdate()
    found = accuracy.waits(last - dt.timedelta(days=scope["days"] - 1), last)
    departments = Department.objects.in_bulk()
    of_department = [wait for wait in found if scope["department"] in (None, departments[wait.department_id])]
    by_department = accuracy.by(found, "department_id")
    by_day = accuracy.by(of_department, "date")
    return page(
        request,
        model_admin,
        "admin/booking/waitprediction/report.html",
        title=_("เวลารอที่บอกไว้ กับที่รอจริง"),
        scope=scope,
        spans=DAYS.items(),
        by_department=[
            (department, by_department.get(department.pk))
            for department in sorted(departments.values(), key=lambda one: one.position)
            if department.is_active or department.pk in by_department
        ],
        total=accuracy.accuracy(found),
        by_day=sorted(by_day.items(), reverse=True),
        plot=plot(of_department[-MOST_DOTS:]),
        paces=_paces(departments.values()),
    )


def _paces(departments) -> list[tuple[Department, pace.Measured | None]]:
    """How long each department in use takes for a ticket, and from what that was measured. One query."""
    found = pace.by_department(pace.services(since=timezone.now() - pace.LOOKS_BACK))
    in_use = sorted((one for one in departments if one.is_active), key=lambda one: one.position)
    return [(department, pace.measured(found.get(department.pk, []))) for department in in_use]


@dataclass(frozen=True)
class Plot:
    """What is drawn: a square of minutes from nought to `most` both ways, ticks and dots in the picture's units."""

    most: int
    across: list[tuple[int, float]]
    up: list[tuple[int, float]]
    dots: list[tuple[float, float]]
    left: int = LEFT
    right: int = WIDTH - EDGE
    top: int = EDGE
    bottom: int = HEIGHT - BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def plot(found: list[accuracy.Wait]) -> Plot | None:
    """Told across, waited up. Dots above the diagonal waited longer than they were told."""
    if not found:
        return None
    longest = max(max(wait.told, wait.actual) for wait in found)
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 240)
    step = next((step for step in steps if longest <= 6 * step), math.ceil(longest / 6))
    most = step * max(1, math.ceil(longest / step))

    def x(minutes):
        return round(LEFT + minutes / most * (WIDTH - EDGE - LEFT), 1)

    def y(minutes):
        return round(HEIGHT - BOTTOM - minutes / most * (HEIGHT - BOTTOM - EDGE), 1)

    ticks = range(0, most + 1, step)
    return Plot(
        most=most,
        across=[(tick, x(tick)) for tick in ticks],
        up=[(tick, y(tick)) for tick in ticks],
        dots=[(x(wait.told), y(wait.actual)) for wait in found],
    )
