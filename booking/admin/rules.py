"""Lists whose rows are rules of what a day is."""

from booking.admin.base import KeptAdmin
from booking.days import opening


class RulesAdmin(KeptAdmin):
    """Once all of a form is saved, or rows are deleted, the days are laid out anew: once a request, in its
    transaction."""

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        opening.rules_changed()

    def delete_model(self, request, obj):
        super().delete_model(request, obj)
        opening.rules_changed()

    def delete_queryset(self, request, queryset):
        super().delete_queryset(request, queryset)
        opening.rules_changed()
