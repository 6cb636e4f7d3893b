"""Log-ins of staff and their roles; for superusers only, since no role has these rights."""

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from booking.admin.base import OfficeAdmin, moment

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffAdmin(UserAdmin, OfficeAdmin):
    """Rights come from roles: none are given to a person alone."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "roles", "is_active", "last_seen"]
    list_filter = ["is_active", "is_superuser", "groups"]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (gettext_lazy("ผู้ใช้"), {"fields": [("first_name", "last_name"), "email"]}),
        (gettext_lazy("สิทธิ์"), {"fields": ["is_active", "is_staff", "groups", "is_superuser"]}),
        (gettext_lazy("ล่าสุด"), {"fields": ["last_seen"]}),
    ]
    readonly_fields = ["last_seen"]

    @display(description=gettext_lazy("บทบาท"))
    def roles(self, user):
        return ", ".join(group.name for group in user.groups.all()) or "-"

    @display(description=gettext_lazy("เข้าสู่ระบบล่าสุด"), ordering="last_login")
    def last_seen(self, user):
        return moment(user.last_login)

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups")

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        return super().formfield_for_manytomany(db_field, request, **kwargs)


RIGHTS = {
    "add": gettext_lazy("เพิ่ม"),
    "change": gettext_lazy("แก้ไข"),
    "delete": gettext_lazy("ลบ"),
    "view": gettext_lazy("ดู"),
}


class PermissionField(forms.ModelMultipleChoiceField):
    """The rights of our own parts, in words: ฝ่าย: แก้ไข"""

    def label_from_instance(self, permission):
        model = permission.content_type.model_class()
        right, _underscore, _rest = permission.codename.partition("_")
        return f"{model._meta.verbose_name}: {RIGHTS.get(right, permission.name)}"


@admin.register(Group)
class RoleAdmin(GroupAdmin, OfficeAdmin):
    filter_horizontal = []

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        ours = Permission.objects.filter(content_type__app_label__in=["booking", "holidays", "members"])
        return PermissionField(
            ours.exclude(codename__contains="_historical").select_related("content_type"),
            label=gettext_lazy("สิทธิ์"),
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            required=False,
        )
