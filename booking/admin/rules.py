"""Lists whose rows are rules of what a day is."""

from booking.admin.base import KeptAdmin
from booking.days import opening
from booking.days.opening import Changes


class RulesAdmin(KeptAdmin):
    """Lays the days out anew once a form is saved or rows are deleted: once a request, in its transaction."""

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        lay_out(request)

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        lay_out(request)

    def delete_queryset(self, request, queryset):
        super().delete_queryset(request, queryset)
        lay_out(request)


def lay_out(request) -> None:
    request.laid_out = opening.rules_changed()


def laid_out(request) -> Changes:
    """What laying out changed in this request."""
    return getattr(request, "laid_out", Changes())
