"""Members: found by number or name, imported from a file, and never shown with their citizen ID."""

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from booking import verbs
from booking.admin import duplicates, member_files
from booking.admin.base import KeptAdmin, moment, page, say
from booking.admin.line_accounts import line_account
from booking.days import no_shows
from booking.errors import BookingError
from booking.models import Department, ForgivenNoShows
from booking.rights import Right
from members import erased
from members.citizen_id import ascii_digits, citizen_id_hmacs, parse_citizen_id, parse_member_number
from members.errors import MemberError
from members.models import Member
from members.phones import parse_phone


class ForgiveForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("เหตุผล"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("เก็บไว้กับสมาชิก"),
    )


class MemberForm(forms.ModelForm):
    """The citizen ID goes in and never comes out: only its HMAC is stored, and what was typed is not shown again."""

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
        number = _or_refuse(parse_member_number, self.cleaned_data["member_number"])
        others = Member.objects.alike(number).exclude(pk=self.instance.pk).exclude(member_number=number)
        if number != self.instance.member_number and (other := others.first()):
            raise forms.ValidationError(
                _("มีสมาชิกเลข %s อยู่แล้ว ต่างกันเพียงเลขศูนย์ข้างหน้า กรุณาตรวจว่าเป็นท่านเดียวกันหรือไม่") % other.member_number
            )
        return number

    def clean_phone(self):
        try:
            return parse_phone(self.cleaned_data["phone"])
        except ValueError as refused:
            raise forms.ValidationError(_("หมายเลขโทรศัพท์ไม่ถูกต้อง กรุณากรอกเป็นตัวเลข เช่น 081 234 5678")) from refused

    def clean_citizen_id(self):
        """The HMAC of what was typed, or "" for nothing typed. All HMACs of it are in `citizen_id_hmacs`."""
        typed = self.cleaned_data["citizen_id"]
        self.citizen_id_hmacs = []
        if not typed:
            return ""
        self.citizen_id_hmacs = hmacs = citizen_id_hmacs(_or_refuse(parse_citizen_id, typed))
        if Member.objects.filter(citizen_id_hmac__in=hmacs).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(Member._meta.get_field("citizen_id_hmac").error_messages["unique"])
        return hmacs[0]

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
class MemberAdmin(KeptAdmin):
    form = MemberForm
    list_filter = ["is_registered", ("left_at", admin.EmptyFieldListFilter)]
    search_fields = ["member_number"]
    search_help_text = gettext_lazy("เลขทะเบียน ชื่อ หรือเลขประจำตัวประชาชน")
    finds_members = True
    ordering = ["member_number"]
    fieldsets = [
        (None, {"fields": ["member_number", "title", ("given_name", "family_name"), "is_registered"]}),
        (gettext_lazy("ติดต่อ"), {"fields": [("phone", "email")]}),
        (gettext_lazy("ยืนยันตัวตน"), {"fields": ["citizen_id"]}),
    ]
    actions_list = ["bring_in", "take_out", "who_is_twice", "who_left"]
    actions_detail = ["forgive", "erase"]

    def get_custom_urls(self):
        return [
            ("line/", "members_member_line", line_account),
            ("import/", "members_member_import", member_files.upload),
            ("import/<int:pk>/", "members_member_file", member_files.one_file),
            ("import/<int:pk>/progress/", "members_member_file_progress", member_files.progress),
            ("export/", "members_member_export", member_files.export_page),
            ("export/members.<str:kind>", "members_member_export_file", member_files.export),
            ("duplicates/", "members_member_duplicates", duplicates.duplicates),
            ("left/", "members_member_left", member_files.who_left),
        ]

    def has_import_permission(self, request, obj=None):
        return member_files.may_import(request.user)

    def has_export_permission(self, request, obj=None):
        return request.user.has_perm(Right.CHANGE_MEMBER)

    @action(description=gettext_lazy("นำเข้าจากไฟล์"), url_path="bring-in", icon="upload", permissions=["import"])
    def bring_in(self, request):
        return HttpResponseRedirect(reverse("admin:members_member_import"))

    @action(description=gettext_lazy("ส่งออกเป็นไฟล์"), url_path="take-out", icon="download", permissions=["export"])
    def take_out(self, request):
        return HttpResponseRedirect(reverse("admin:members_member_export"))

    def render_delete_form(self, request, context):
        """Members with tickets are not deleted. Above the tickets in the way, the page says what to do instead."""
        if context["protected"]:
            say(
                request,
                messages.WARNING,
                _(
                    "สมาชิกท่านนี้มีบัตรคิว จึงลบไม่ได้ หากไม่ให้จองคิวอีก ให้เอาเครื่องหมาย สมัครไอเมมเบอร์แล้ว ออก"
                    " หากมีสองรายการ ให้รวมในหน้า รายการที่ซ้ำ หากสมาชิกขอให้ลบข้อมูล ให้ใช้ ลบข้อมูลตามคำขอ"
                ),
            )
        return super().render_delete_form(request, context)

    def has_forgive_permission(self, request, obj=None):
        return request.user.has_perm(Right.BOOK_FOR_MEMBER)

    @action(description=gettext_lazy("ไม่มาตามนัด"), url_path="forgive", icon="event_busy", permissions=["forgive"])
    def forgive(self, request, object_id):
        """GET: how often the member did not come, where that is counted. POST: what was missed no longer counts."""
        member = self.get_object(request, object_id)
        if member is None:
            raise Http404
        form = ForgiveForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            ForgivenNoShows.objects.create(
                member=member, by=request.user, at=timezone.now(), reason=form.cleaned_data["reason"]
            )
            say(request, messages.SUCCESS, _("สมาชิกท่านนี้จองเองได้อีกครั้ง"))
            return HttpResponseRedirect(request.path)
        records = [no_shows.record(member.pk, one) for one in Department.objects.filter(no_show_limit__gt=0)]
        return page(
            request,
            self,
            "admin/members/forgive.html",
            title=_("ไม่มาตามนัด"),
            member=member,
            records=[one for one in records if one.missed],
            form=form,
            forgiven=member.forgiven.select_related("by"),
        )

    @action(description=gettext_lazy("ลบข้อมูลตามคำขอ"), url_path="erase", icon="person_remove", permissions=["delete"])
    def erase(self, request, object_id):
        """GET: what would be deleted. POST: delete it."""
        member = self.get_object(request, object_id)
        if member is None:
            raise Http404
        if request.method == "POST":
            try:
                count = verbs.erase_member(member=member, by=request.user)
            except BookingError as refusal:
                say(request, messages.ERROR, str(refusal))
                return HttpResponseRedirect(request.path)
            say(request, messages.SUCCESS, _("ลบข้อมูลแล้ว บัตรคิวที่ผ่านมา %d ใบไม่มีชื่ออีก") % count)
            return HttpResponseRedirect(reverse("admin:members_member_changelist"))
        return page(
            request,
            self,
            "admin/members/erase.html",
            title=_("ลบข้อมูลตามคำขอของสมาชิก"),
            member=member,
            coming=member.tickets.live().count(),
            over=member.tickets.count(),
            tickets=f"{reverse('admin:booking_ticket_changelist')}?member__id__exact={member.pk}",
        )

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if not change:
            erased.unbury(obj, citizen_id_hmacs=form.citizen_id_hmacs)

    @action(description=gettext_lazy("รายการที่ซ้ำ"), url_path="same-digits", icon="join_inner", permissions=["import"])
    def who_is_twice(self, request):
        return HttpResponseRedirect(reverse("admin:members_member_duplicates"))

    @action(
        description=gettext_lazy("บัตรคิวของผู้ที่พ้นจากสมาชิก"),
        url_path="who-left",
        icon="person_off",
        permissions=["export"],
    )
    def who_left(self, request):
        return HttpResponseRedirect(reverse("admin:members_member_left"))

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
    """The members whose number begins so, or has the same digits but for zeros in front; or whose names have each of
    these words in them.

    By name only if `names` are seen: otherwise they could be guessed letter by letter."""
    digits = ascii_digits(text)
    if digits.isdecimal():
        return members.filter(member_number__startswith=digits) | members.filter(
            pk__in=Member.objects.alike(digits).values("pk")
        )
    if text and not names:
        return members.none()
    for word in text.split():
        members = members.named(word)
    return members
