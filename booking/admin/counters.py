"""Counters: which departments each one serves, and in which order."""

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking.admin.base import KeptAdmin, OfficeInline
from booking.models import Counter, CounterDepartment


class ServesInline(OfficeInline):
    model = CounterDepartment
    verbose_name_plural = gettext_lazy("ฝ่ายที่ให้บริการ เรียกจากลำดับน้อยไปมาก")
    fields = ["position", "department"]


@admin.register(Counter)
class CounterAdmin(KeptAdmin):
    list_display = ["number", "serves_", "clerk_", "is_active"]
    list_display_links = ["number", "serves_"]
    list_filter = ["is_active"]
    fields = ["number", "is_active", "clerk_"]
    readonly_fields = ["clerk_"]
    inlines = [ServesInline]

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
