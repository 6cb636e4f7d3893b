"""What was deleted of the audit: by retention, and because a member asked."""

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking.admin.base import ReadOnlyAdmin, moment
from booking.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Counts alone. The member's number stays in the table: it is a name of who asked to be forgotten."""

    list_display = ["when", "what", "count", "who", "role"]
    list_display_links = None
    list_select_related = ["by"]
    list_filter = ["what"]
    fields = ["at", "what", "count", "by", "role"]

    @display(description=gettext_lazy("เมื่อ"), ordering="at")
    def when(self, erasure):
        return moment(erasure.at)

    @display(description=gettext_lazy("โดย"), ordering="by")
    def who(self, erasure):
        if erasure.by:
            return erasure.by.get_full_name() or erasure.by.username
        return _("ไม่ได้บันทึก") if erasure.what == Erasure.What.MEMBER else _("ระบบ")
