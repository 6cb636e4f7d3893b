"""The sentences at the foot of the board."""

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking import thai
from booking.admin.base import KeptAdmin
from booking.models import BoardNotice


@admin.register(BoardNotice)
class BoardNoticeAdmin(KeptAdmin):
    list_display = ["text", "days", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["text", "text_en"]
    fields = ["text", "text_en", ("first_day", "last_day"), "is_active"]

    @display(description=gettext_lazy("แสดงวันที่"), ordering="first_day")
    def days(self, notice):
        first = thai.short_date(notice.first_day) if notice.first_day else ""
        last = thai.short_date(notice.last_day) if notice.last_day else ""
        if not last:
            return _("ตั้งแต่ %s") % first if first else _("ทุกวัน")
        return f"{first} - {last}" if first else _("ถึง %s") % last
