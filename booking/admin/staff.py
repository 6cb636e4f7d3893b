"""The people of the office: their log-ins, roles and departments. Nobody gives, resets or switches off above their own
rights, and what is done is kept for good."""

from axes.utils import reset as unlock_log_in
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from booking import roles, sign_in
from booking.admin.base import OfficeAdmin, OfficeInline, moment, page, say
from booking.models import Department, StaffDepartment, StaffEvent
from booking.rights import Right
from booking.verbs import seats
from members.free_text import masked

What = StaffEvent.What

admin.site.unregister(User)
admin.site.unregister(Group)
# Their own pages show everybody's secrets.
admin.site.unregister(TOTPDevice)
admin.site.unregister(StaticDevice)


class StaffForm(forms.ModelForm):
    departments = forms.ModelMultipleChoiceField(
        Department.objects.order_by("position", "pk"),
        label=gettext_lazy("ฝ่ายที่เห็นและแก้ไขบัตรคิวได้"),
        help_text=gettext_lazy("ไม่เลือกเลยคือทุกฝ่าย ของฝ่ายอื่นจะเห็นเพียงหมายเลขและสถานะ"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        required=False,
    )

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "groups", "is_active"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk and "departments" in self.fields:
            chosen = StaffDepartment.objects.filter(user=self.instance).values_list("department_id", flat=True)
            self.initial["departments"] = list(chosen)

    def clean_username(self):
        name = self.cleaned_data["username"]
        if masked(name) != name:
            raise forms.ValidationError(_("อย่าใช้เลขประจำตัวประชาชนเป็นชื่อผู้ใช้ กรุณาตั้งชื่ออื่น"))
        return name

    def clean_first_name(self):
        return masked(self.cleaned_data["first_name"])

    def clean_last_name(self):
        return masked(self.cleaned_data["last_name"])


class HistoryInline(OfficeInline):
    model = StaffEvent
    fk_name = "user"
    verbose_name_plural = gettext_lazy("ประวัติ")
    fields = readonly_fields = ["when", "what", "detail", "who"]
    can_delete = False
    max_num = 0

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm(Right.VIEW_USERS)

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("by")

    @display(description=gettext_lazy("เมื่อ"))
    def when(self, event):
        return moment(event.at)

    @display(description=gettext_lazy("โดย"))
    def who(self, event):
        return (event.by.get_full_name() or event.by.get_username()) if event.by else "-"


@admin.register(User)
class StaffAdmin(OfficeAdmin):
    """Rights come from roles: none are given to a person alone. A log-in is switched off and never deleted."""

    form = StaffForm
    list_display = ["username", "full_name", "roles", "departments_", "is_active", "last_seen"]
    list_filter = ["is_active", "groups"]
    search_fields = ["username", "first_name", "last_name"]
    ordering = ["username"]
    fieldsets = [
        (None, {"fields": ["username", ("first_name", "last_name")]}),
        (gettext_lazy("สิทธิ์"), {"fields": ["groups", "departments", "is_active", "is_superuser_"]}),
        (gettext_lazy("ล่าสุด"), {"fields": ["last_seen", "second_factor_"]}),
    ]
    readonly_fields = ["last_seen", "is_superuser_", "second_factor_"]
    inlines = [HistoryInline]
    actions = None
    actions_detail = ["link", "unlock", "reset_factor"]

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm(Right.VIEW_USERS)

    def has_add_permission(self, request):
        return request.user.has_perm(Right.MANAGE_STAFF)

    def has_change_permission(self, request, obj=None):
        if obj is None:
            return request.user.has_perm(Right.MANAGE_STAFF)
        return roles.may_manage(request.user, obj)

    def has_delete_permission(self, request, obj=None):
        return False

    def has_reset_permission(self, request, object_id=None):
        """Asked by the theme, with the id in the address."""
        user = self.get_object(request, unquote(str(object_id)))
        return user is not None and roles.may_manage(request.user, user)

    def lookup_allowed(self, lookup, value, request):
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)

    @display(description=gettext_lazy("ชื่อ"), ordering="first_name")
    def full_name(self, user):
        return user.get_full_name() or "-"

    @display(description=gettext_lazy("บทบาท"))
    def roles(self, user):
        names = [group.name for group in user.groups.all()]
        return ", ".join([_("ผู้ดูแลระบบ"), *names] if user.is_superuser else names) or "-"

    @display(description=gettext_lazy("ฝ่าย"))
    def departments_(self, user):
        return ", ".join(one.department.name for one in user.staff_departments.all()) or _("ทุกฝ่าย")

    @display(description=gettext_lazy("เข้าสู่ระบบล่าสุด"), ordering="last_login")
    def last_seen(self, user):
        return moment(user.last_login)

    @display(description=gettext_lazy("ผู้ดูแลระบบ"), boolean=True)
    def is_superuser_(self, user):
        return user.is_superuser

    @display(description=gettext_lazy("ยืนยันตัวตนขั้นที่สอง"))
    def second_factor_(self, user):
        return _("ตั้งค่าแล้ว") if user.pk and sign_in.has_second_factor(user) else _("ยังไม่ได้ตั้งค่า")

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("groups", "staff_departments__department")

    def get_inlines(self, request, obj):
        return self.inlines if obj else []

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        if db_field.name == "groups":
            given = [role.pk for role in roles.may_be_given_by(request.user)]
            kwargs["queryset"] = Group.objects.filter(pk__in=given).order_by("pk")
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
            kwargs["label"] = _("บทบาท")
            kwargs["help_text"] = _("ให้ได้เฉพาะบทบาทที่ไม่มีสิทธิ์เกินกว่าของท่าน")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request, obj, form, change):
        if not change:
            obj.is_staff = True
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    def save_related(self, request, form, formsets, change):
        """Roles and departments, and with them what is kept of the change."""
        user, by = form.instance, request.user
        had = _in_words(user) if change else ("", "")
        super().save_related(request, form, formsets, change)
        chosen = form.cleaned_data.get("departments", [])
        StaffDepartment.objects.filter(user=user).exclude(department__in=chosen).delete()
        StaffDepartment.objects.bulk_create(
            [StaffDepartment(user=user, department=one) for one in chosen], ignore_conflicts=True
        )
        if not change:
            roles.write_down(What.ADDED, by=by, user=user)
        elif "is_active" in form.changed_data:
            roles.write_down(What.SWITCHED_ON if user.is_active else What.SWITCHED_OFF, by=by, user=user)
        for what, before, after in zip([What.ROLES, What.DEPARTMENTS], had, _in_words(user), strict=True):
            if before != after:
                roles.write_down(what, by=by, user=user, detail=f"{before or '-'} → {after or '-'}")
        if change:
            seats.free_of(clerk=User.objects.get(pk=user.pk), by=by)  # as what was saved just now makes them

    def response_add(self, request, obj, post_url_continue=None):
        say(request, messages.SUCCESS, _("เพิ่มผู้ใช้แล้ว ออกลิงก์ให้ตั้งรหัสผ่านได้ที่หน้านี้"))
        return HttpResponseRedirect(reverse("admin:auth_user_link", args=[obj.pk]))

    @action(description=gettext_lazy("ลิงก์ตั้งรหัสผ่าน"), url_path="link", icon="key", permissions=["reset"])
    def link(self, request, object_id):
        user = self._managed(request, object_id)
        link = ""
        if request.method == "POST":
            link = request.build_absolute_uri(f"{reverse('set_password')}#{sign_in.password_code(user)}")
            roles.write_down(What.LINK, by=request.user, user=user)
        says = _("ลิงก์นี้ใช้ได้ครั้งเดียวภายใน 24 ชั่วโมง ส่งให้เจ้าของชื่อผู้ใช้เท่านั้น")
        if user.has_usable_password():
            says = f"{says} {_('รหัสผ่านเดิมยังใช้ได้จนกว่าจะตั้งใหม่')}"
        return self._act(
            request,
            user,
            title=_("ลิงก์ตั้งรหัสผ่านของ %s") % user,
            says=says,
            button=_("ออกลิงก์"),
            link=link,
        )

    @action(description=gettext_lazy("ปลดล็อก"), url_path="unlock", icon="lock_open", permissions=["reset"])
    def unlock(self, request, object_id):
        user = self._managed(request, object_id)
        if request.method == "POST":
            unlock_log_in(username=user.get_username())
            roles.write_down(What.UNLOCKED, by=request.user, user=user)
            say(request, messages.SUCCESS, _("ปลดล็อกแล้ว เข้าสู่ระบบได้ทันที"))
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))
        return self._act(
            request,
            user,
            title=_("ปลดล็อก %s") % user,
            says=_("ใช้เมื่อกรอกรหัสผ่านผิดหลายครั้งจนเข้าสู่ระบบไม่ได้ ถามให้แน่ใจก่อนว่าเจ้าของเป็นผู้กรอกเอง"),
            button=_("ปลดล็อก"),
        )

    @action(
        description=gettext_lazy("ล้างการยืนยันขั้นที่สอง"),
        url_path="second-factor",
        icon="phonelink_erase",
        permissions=["reset"],
    )
    def reset_factor(self, request, object_id):
        user = self._managed(request, object_id)
        if request.method == "POST":
            sign_in.reset_second_factor(user, by=request.user)
            say(request, messages.SUCCESS, _("ล้างแล้ว จะต้องตั้งค่าใหม่เมื่อเข้าสู่ระบบครั้งต่อไป"))
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[user.pk]))
        return self._act(
            request,
            user,
            title=_("ล้างการยืนยันขั้นที่สองของ %s") % user,
            says=_("ใช้เมื่อโทรศัพท์หายหรือเปลี่ยนเครื่อง รหัสจากเครื่องเดิมและรหัสสำรองจะใช้ไม่ได้อีก"),
            button=_("ล้าง"),
        )

    def _managed(self, request, object_id) -> User:
        user = self.get_object(request, unquote(object_id))
        if user is None:
            raise Http404
        if not roles.may_manage(request.user, user):
            raise PermissionDenied
        return user

    def _act(self, request, user, **context):
        return page(request, self, "admin/auth/user/act.html", staff=user, **{"link": "", **context})


def _in_words(user: User) -> tuple[str, str]:
    """The roles, and the departments, as the history tells them."""
    names = user.groups.order_by("pk").values_list("name", flat=True)
    theirs = StaffDepartment.objects.filter(user=user).order_by("department__position", "department_id")
    return ", ".join(names), ", ".join(theirs.values_list("department__name", flat=True))


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


class RoleForm(forms.ModelForm):
    def clean_name(self):
        return masked(self.cleaned_data["name"])


@admin.register(Group)
class RoleAdmin(GroupAdmin, OfficeAdmin):
    form = RoleForm
    filter_horizontal = ()

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm(Right.VIEW_ROLES)

    def save_related(self, request, form, formsets, change):
        """What was given and what was taken is kept."""
        before = set(form.instance.permissions.values_list("codename", flat=True)) if change else set()
        super().save_related(request, form, formsets, change)
        after = set(form.instance.permissions.values_list("codename", flat=True))
        if before != after:
            given, taken = sorted(after - before), sorted(before - after)
            detail = " ".join([*(f"+{right}" for right in given), *(f"-{right}" for right in taken)])
            roles.write_down(What.RIGHTS, by=request.user, role=form.instance, detail=detail)

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        ours = Permission.objects.filter(content_type__app_label__in=["booking", "holidays", "members"])
        return PermissionField(
            ours.exclude(codename__contains="_historical").select_related("content_type"),
            label=gettext_lazy("สิทธิ์"),
            widget=UnfoldAdminCheckboxSelectMultipleWidget,
            required=False,
        )
