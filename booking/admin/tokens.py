"""The tokens of programs that call the API for a member of staff."""

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking.admin.base import OfficeAdmin, moment
from booking.models import StaffToken


@admin.register(StaffToken)
class StaffTokenAdmin(OfficeAdmin):
    """Made by `manage.py staff_token`, which shows it once; here it is revoked, by deleting it."""

    list_display = ["user", "made", "may", "ends", "used"]
    list_display_links = None
    list_select_related = ["user"]
    search_fields = ["user__username"]

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    @display(description=gettext_lazy("ออกเมื่อ"), ordering="created_at")
    def made(self, token):
        return moment(token.created_at)

    @display(description=gettext_lazy("ใช้ได้กับ"))
    def may(self, token):
        return token.scopes or _("ทุกอย่างที่เจ้าของทำได้")

    @display(description=gettext_lazy("ใช้ได้ถึง"), ordering="ends_at")
    def ends(self, token):
        return moment(token.ends_at)

    @display(description=gettext_lazy("ใช้ล่าสุด"), ordering="last_used_at")
    def used(self, token):
        return moment(token.last_used_at)
