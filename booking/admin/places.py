"""The month at a glance, and the slots behind it."""

import datetime as dt
import re

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking import thai
from booking.admin.base import ReadOnlyAdmin, page, require
from booking.admin.links import change_day, tickets_of
from booking.days import overview
from booking.models import Department, Slot
from booking.rights import Right


class Overfull(admin.SimpleListFilter):
    title = gettext_lazy("เกินโควตา")
    parameter_name = "overfull"

    def lookups(self, request, model_admin):
        return [("1", _("มีบัตรคิวมากกว่าโควตา"))]

    def queryset(self, request, queryset):
        return queryset.holding_more_than_their_quota() if self.value() else queryset


@admin.register(Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ["day", "department", "time", "taken", "quota", "numbers"]
    list_display_links = None
    list_filter = ["department", Overfull]
    list_select_related = ["department"]
    date_hierarchy = "date"
    ordering = ["date", "department__position", "starts_at"]

    def get_custom_urls(self):
        return [("calendar/", "booking_calendar", month)]

    def get_ordering(self, request):
        """The latest first, until a year is chosen: the list goes only so far."""
        return self.ordering if "date__year" in request.GET else ["-date", *self.ordering[1:]]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("places")

    @display(description=gettext_lazy("วันที่"), ordering="date")
    def day(self, slot):
        return thai.short_date(slot.date)

    @display(description=gettext_lazy("เวลา"), ordering="starts_at")
    def time(self, slot):
        return f"{thai.clock(slot.starts_at)} - {thai.clock(slot.ends_at)}"

    @display(description=gettext_lazy("บัตรคิว"))
    def taken(self, slot):
        count = sum(place.ticket_id is not None for place in slot.places.all())
        return format_html('<a href="{}">{}</a>', tickets_of(slot=slot), count)

    @display(description=gettext_lazy("หมายเลข"), ordering="first_number")
    def numbers(self, slot):
        return f"{slot.first_number}-{slot.last_number}"


def month(request, model_admin):
    """GET ?month=2026-11&department=loans: a month of one department, or of all where none is named."""
    require(request, Right.VIEW_SLOTS)
    departments = list(Department.objects.active())
    chosen = next((one for one in departments if one.slug == request.GET.get("department")), None)
    shown = [chosen] if chosen else departments
    first = _month_of(request.GET.get("month", ""))
    booked_until = timezone.localdate() + dt.timedelta(days=max((one.max_days_ahead for one in shown), default=0))
    return page(
        request,
        model_admin,
        "admin/booking/slot/calendar.html",
        title=_("ปฏิทิน%(month)s") % {"month": thai.month(first)},
        weeks=[
            [day and _cell(day, chosen, booked_until) for day in week] for week in overview.weeks_of_month(shown, first)
        ],
        departments=departments,
        chosen=chosen,
        first=first,
        before=(first - dt.timedelta(days=1)).replace(day=1),
        after=(first + dt.timedelta(days=31)).replace(day=1),
        weekdays=[first + dt.timedelta(days=nth - first.weekday()) for nth in range(7)],
    )


def _cell(day, department, booked_until) -> dict:
    row = day.rows.get(department.pk) if department else None
    return {
        "day": day,
        "is_open_yet": day.date <= booked_until,
        "tickets": tickets_of(date=day.date, department=department),
        "hours": ", ".join(f"{starts:%H.%M}-{ends:%H.%M}" for starts, ends in row.hours) if row else "",
        "change": "" if day.is_past else change_day(date=day.date, department=department),
    }


def _month_of(text: str) -> dt.date:
    """The first day of the named month, or of this month if the name makes no sense."""
    if re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text):
        return dt.date.fromisoformat(f"{text}-01")
    return timezone.localdate().replace(day=1)
