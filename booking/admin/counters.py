"""Counters: which departments each one serves, and in which order."""

from django.contrib import admin
from django.db.models import OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking.admin.base import KeptAdmin, OfficeInline
from booking.models import Counter, CounterDepartment, SeatEvent
from booking.rights import Right


class ServesInline(OfficeInline):
    model = CounterDepartment
    verbose_name_plural = gettext_lazy("ฝ่ายที่ให้บริการ เรียกจากลำดับน้อยไปมาก")
    fields = ["position", "department"]


class SeatEventsInline(OfficeInline):
    """Who sat there, and who sent whom away: the last twenty changes. Nobody changes them."""

    model = SeatEvent
    verbose_name_plural = gettext_lazy("ใครนั่งเมื่อไร (20 รายการล่าสุด)")
    fields = readonly_fields = ["at", "kind", "clerk", "by"]
    can_delete = False

    def get_queryset(self, request):
        newest = super().get_queryset(request).filter(counter_id=OuterRef("counter_id")).order_by("-id").values("pk")
        return super().get_queryset(request).filter(pk__in=newest[:20]).select_related("clerk", "by").order_by("-id")

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm(Right.VIEW_COUNTERS)

    def has_add_permission(self, request, obj):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Counter)
class CounterAdmin(KeptAdmin):
    list_display = ["number", "serves_", "clerk_", "is_active"]
    list_display_links = ["number", "serves_"]
    list_filter = ["is_active"]
    fields = ["number", "is_active", "clerk_"]
    readonly_fields = ["clerk_"]
    inlines = [ServesInline, SeatEventsInline]

    @display(description=gettext_lazy("ฝ่ายที่ให้บริการ ตามลำดับ"))
    def serves_(self, counter):
        return " · ".join(served.department.name for served in counter.serves.all()) or _("ยังไม่มีฝ่าย")

    @display(description=gettext_lazy("เจ้าหน้าที่ที่นั่งอยู่"))
    def clerk_(self, counter):
        """Who sits there is not set here: clerks sit down at their console."""
        if counter.clerk is None:
            return _("ว่าง")
        return counter.clerk.get_full_name() or counter.clerk.get_username()

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("clerk").prefetch_related("serves__department")

    def has_delete_permission(self, request, obj=None):
        """A counter is switched off. The calls that it made stay."""
        return False
