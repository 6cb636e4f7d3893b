"""Counters: which departments each one serves, and in which order."""

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking import thai
from booking.admin.base import KeptAdmin, OfficeInline
from booking.models import Counter, CounterDepartment, SeatEvent
from booking.verbs import profiles

SEATS_SHOWN = 20


class ServesInline(OfficeInline):
    model = CounterDepartment
    verbose_name_plural = gettext_lazy("ฝ่ายที่ให้บริการ เรียกจากลำดับน้อยไปมาก")
    fields = ["position", "department"]


@admin.register(Counter)
class CounterAdmin(KeptAdmin):
    list_display = ["number", "serves_", "clerk_", "is_active"]
    list_display_links = ["number", "serves_"]
    list_filter = ["is_active"]
    fields = ["number", "is_active", "clerk_", "seats_"]
    readonly_fields = ["clerk_", "seats_"]
    inlines = [ServesInline]

    @display(description=gettext_lazy("ฝ่ายที่ให้บริการ ตามลำดับ"))
    def serves_(self, counter):
        return " · ".join(served.department.name for served in counter.serves.all()) or _("ยังไม่มีฝ่าย")

    @display(description=gettext_lazy("เจ้าหน้าที่ที่นั่งอยู่"))
    def clerk_(self, counter):
        """Who sits there is not set here: clerks take their seat at the console."""
        if counter.clerk is None:
            return _("ว่าง")
        return _name(counter.clerk)

    @display(description=gettext_lazy("ใครนั่งเมื่อไร (20 รายการล่าสุด)"))
    def seats_(self, counter):
        """Who sat there, and who sent whom away."""
        rows = [(_seen(event),) for event in counter.seat_events.select_related("clerk", "by")[:SEATS_SHOWN]]
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", rows)) if rows else "-"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("clerk").prefetch_related("serves__department")

    def save_related(self, request, form, formsets, change):
        """Open pages follow, and a department that waited for its first counter opens."""
        before = set(form.instance.department_ids())
        super().save_related(request, form, formsets, change)
        profiles.served_changed({*before, *form.instance.department_ids()})

    def has_delete_permission(self, request, obj=None):
        """A counter is switched off. The calls that it made stay."""
        return False


def _seen(event: SeatEvent) -> str:
    """When; who, what, and by whom where it was another."""
    at = timezone.localtime(event.at)
    by = f" ({_name(event.by)})" if event.by_id != event.clerk_id else ""
    return f"{thai.short_date(at.date())} {at:%H.%M} {_name(event.clerk)} · {event.get_kind_display()}{by}"


def _name(user) -> str:
    return user.get_full_name() or user.get_username()
