"""Members: found by number or name, brought in from a file, and never shown by their citizen ID."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.admin import ImportExportModelAdmin
from import_export.formats.base_formats import CSV, XLSX
from unfold.contrib.import_export.forms import ExportForm, ImportForm
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from booking.admin.base import KeptAdmin, moment, say
from booking.admin.line_accounts import line_account
from booking.rights import Right
from members.citizen_id import ascii_digits, citizen_id_hmac, parse_citizen_id, parse_member_number
from members.errors import MemberError
from members.files.importing import ImportedFile, MemberResource
from members.files.spreadsheets import FileRefused, SpreadsheetFile
from members.models import Member
from members.phones import parse_phone


class MemberForm(forms.ModelForm):
    """The citizen ID goes in and never comes out: only its HMAC is kept, and nothing typed is shown again."""

    citizen_id = forms.CharField(
        label=gettext_lazy("เลขประจำตัวประชาชน"),
        required=False,
        max_length=40,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    class Meta:
        model = Member
        fields = ["member_number", "title", "given_name", "family_name", "phone", "email", "is_registered"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "citizen_id" in self.fields:
            self.fields["citizen_id"].help_text = (
                _("เก็บเป็นรหัสลับ เปิดดูไม่ได้ กรอกใหม่เฉพาะเมื่อต้องการเปลี่ยน")
                if self.instance.citizen_id_hmac
                else _("13 หลัก เก็บเป็นรหัสลับ เปิดดูไม่ได้ ยังไม่มีของสมาชิกท่านนี้")
            )

    def clean_member_number(self):
        return _or_refuse(parse_member_number, self.cleaned_data["member_number"])

    def clean_phone(self):
        try:
            return parse_phone(self.cleaned_data["phone"])
        except ValueError as refused:
            raise forms.ValidationError(_("หมายเลขโทรศัพท์ไม่ถูกต้อง กรุณากรอกเป็นตัวเลข เช่น 081 234 5678")) from refused

    def clean_citizen_id(self):
        """The HMAC of what was typed, or "" for nothing typed."""
        typed = self.cleaned_data["citizen_id"]
        if not typed:
            return ""
        hmac = citizen_id_hmac(_or_refuse(parse_citizen_id, typed))
        if Member.objects.filter(citizen_id_hmac=hmac).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(Member._meta.get_field("citizen_id_hmac").error_messages["unique"])
        return hmac

    def save(self, commit=True):
        if self.cleaned_data.get("citizen_id"):
            self.instance.citizen_id_hmac = self.cleaned_data["citizen_id"]
        return super().save(commit)


def _or_refuse(parse, text):
    try:
        return parse(text)
    except MemberError as refusal:
        raise forms.ValidationError(str(refusal)) from refusal


@admin.register(Member)
class MemberAdmin(ImportExportModelAdmin, KeptAdmin):
    form = MemberForm
    list_filter = ["is_registered"]
    search_fields = ["member_number"]
    search_help_text = gettext_lazy("เลขทะเบียนสมาชิก หรือชื่อ")
    ordering = ["member_number"]
    fieldsets = [
        (None, {"fields": ["member_number", "title", ("given_name", "family_name"), "is_registered"]}),
        (gettext_lazy("ติดต่อ"), {"fields": [("phone", "email")]}),
        (gettext_lazy("ยืนยันตัวตน"), {"fields": ["citizen_id"]}),
    ]
    resource_classes = [MemberResource]
    import_form_class = ImportForm
    export_form_class = ExportForm
    tmp_storage_class = ImportedFile
    skip_admin_log = True  # the history has each row
    skip_export_form = False

    def get_custom_urls(self):
        return [("line/", "members_member_line", line_account)]

    def get_import_formats(self):
        return [SpreadsheetFile]

    def get_export_formats(self):
        return [CSV, XLSX]

    def has_import_permission(self, request):
        return request.user.has_perms([Right.ADD_MEMBER, Right.CHANGE_MEMBER])

    def has_export_permission(self, request):
        return request.user.has_perm(Right.CHANGE_MEMBER)

    def has_view_history_or_change_history_permission(self, request, obj=None):
        """The history has full names."""
        return request.user.has_perm(Right.CHANGE_MEMBER)

    def get_list_display(self, request):
        if sees_names(request):
            return ["member_number", "name", "is_registered", "phone_", "imported"]
        return ["member_number", "masked", "is_registered"]

    def get_fieldsets(self, request, obj=None):
        if sees_names(request):
            return super().get_fieldsets(request, obj)
        return [(None, {"fields": ["member_number", "masked", "is_registered"]})]

    def get_readonly_fields(self, request, obj=None):
        return [] if sees_names(request) else ["masked"]

    def get_search_results(self, request, queryset, search_term):
        return found_by(queryset, search_term, names=sees_names(request)), False

    def export_action(self, request):
        """A query that the list would not understand either exports nothing: the list says so."""
        try:
            return super().export_action(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse('admin:members_member_changelist')}?e=1")

    def process_import(self, request, **kwargs):
        try:
            return super().process_import(request, **kwargs)
        except FileRefused as refusal:
            say(request, messages.ERROR, refusal)
            return HttpResponseRedirect(reverse("admin:members_member_import"))

    def process_result(self, result, request):
        """What was right when it was shown may have become wrong by the time it is confirmed; then nothing is kept."""
        if result.has_errors() or result.has_validation_errors():
            raise FileRefused(_("ข้อมูลสมาชิกเปลี่ยนไปหลังจากดูตัวอย่าง ยังไม่มีการนำเข้า กรุณาเลือกไฟล์อีกครั้ง"))
        return super().process_result(result, request)

    @display(description=gettext_lazy("ชื่อ"), ordering="given_name")
    def name(self, member):
        return member.full_name

    @display(description=gettext_lazy("ชื่อ"))
    def masked(self, member):
        return member.masked_name

    @display(description=gettext_lazy("โทรศัพท์"), ordering="phone")
    def phone_(self, member):
        return member.phone or "-"

    @display(description=gettext_lazy("นำเข้าล่าสุดเมื่อ"), ordering="imported_at")
    def imported(self, member):
        return moment(member.imported_at)


def sees_names(request) -> bool:
    """Who may only look at members sees their names masked."""
    return request.user.has_perm(Right.CHANGE_MEMBER) or request.user.has_perm(Right.ADD_MEMBER)


def found_by(members, text: str, *, names: bool):
    """The members whose number begins so, or whose names have each of these words in them.

    Only where the `names` are seen: else one could be guessed letter by letter."""
    digits = ascii_digits(text)
    if digits.isdecimal():
        return members.filter(member_number__startswith=digits)
    if text and not names:
        return members.none()
    for word in text.split():
        members = members.filter(given_name__contains=word) | members.filter(family_name__contains=word)
    return members
