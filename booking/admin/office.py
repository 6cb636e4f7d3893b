"""The office's own settings: what it is called, what it looks like, how much it lets through, what it says. Each change
is kept, and one press sets it back."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking import colours
from booking.admin import setup
from booking.admin.base import OfficeAdmin, moment, page, require, say
from booking.admin.samples import cards_said, pages_said
from booking.messages import wording
from booking.models.notices import Kind as MessageKind
from booking.rights import Right
from booking.views import sent
from office import logo, stored
from office.kinds import Colour, Kind, Picture, checked
from office.models import Change, Setting
from office.settings import LOOKS, ROWS, SECTIONS, office

CHANGES_SHOWN = 200
TEXTS = {"cards": gettext_lazy("ข้อความถึงสมาชิก"), "pages": gettext_lazy("หน้าที่ปิดหรือเต็ม")}
TITLES = SECTIONS | TEXTS
# A colour too near to one that means something else.
ALIKE = 0.12


@admin.register(Setting)
class SettingAdmin(OfficeAdmin):
    """Pages of their own in place of list and forms."""

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_custom_urls(self):
        return [
            ("history/", "office_history", history),
            ("history/<int:pk>/back/", "office_back", set_back),
            ("part/<slug:section>/", "office_part", part),
            ("setup/", "setup", setup.guide),
            ("setup/holidays/", "setup_holidays", setup.holidays),
            ("setup/department/", "setup_department", setup.department),
            ("setup/counters/", "setup_counters", setup.counters),
        ]

    def changelist_view(self, request, extra_context=None):
        require(request, Right.VIEW_OFFICE)
        values = stored.values()
        sections = [
            {
                "name": name,
                "title": title,
                "rows": [(row.label, row.said(values.get(row.name)), row.name in values) for row in rows_of(name)]
                if name in SECTIONS
                else [],
                "own": sum(row.name in values for row in rows_of(name)),
            }
            for name, title in TITLES.items()
        ]
        return page(
            request,
            self,
            "admin/office/overview.html",
            title=_("การตั้งค่าของสำนักงาน"),
            sections=sections,
            changes=_changes(5),
            may_change=request.user.has_perm(Right.CHANGE_OFFICE),
        )

    def change_view(self, request, object_id, form_url="", extra_context=None):
        raise PermissionDenied

    def history_view(self, request, object_id, extra_context=None):
        raise PermissionDenied


def part(request, model_admin, section):
    """A form with the settings of one part. Texts may be looked at before they are saved."""
    require(request, Right.VIEW_OFFICE)
    if section not in TITLES:
        raise Http404
    may_change = request.user.has_perm(Right.CHANGE_OFFICE)
    form = form_of(section)(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        require(request, Right.CHANGE_OFFICE)
        is_valid = form.is_valid()
        if is_valid and not sent.has(request, "look"):
            return _keep(request, form, section)
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    return page(
        request,
        model_admin,
        "admin/office/part.html",
        title=TITLES[section],
        section=section,
        sections=TITLES.items(),
        form=form,
        groups=_groups(section, form),
        said=_previews(section, form),
        gaps_of=section in TEXTS,
        logo=office.logo if section == LOOKS else None,
        may_change=may_change,
    )


def history(request, model_admin):
    """Who has set what, newest first."""
    require(request, Right.VIEW_OFFICE)
    return page(
        request,
        model_admin,
        "admin/office/history.html",
        title=_("ประวัติการตั้งค่า"),
        changes=_changes(CHANGES_SHOWN),
        may_change=request.user.has_perm(Right.CHANGE_OFFICE),
    )


def set_back(request, model_admin, pk):
    """POST: give a setting the value that it had before this change."""
    require(request, Right.CHANGE_OFFICE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    change = get_object_or_404(Change, pk=pk)
    row = all_rows().get(change.name)
    try:
        if row is None:
            raise ValidationError(_("ไม่มีการตั้งค่านี้แล้ว"))
        _check_colour(row, checked(row, change.before))
    except ValidationError as refused:
        say(request, messages.ERROR, _("ตั้งกลับไม่ได้: %s") % " ".join(refused.messages))
    else:
        if stored.keep(change.name, change.before, by=request.user):
            say(request, messages.SUCCESS, _("ตั้ง %s กลับแล้ว") % _name(row))
        else:
            say(request, messages.INFO, _("ค่านี้เป็นเช่นเดิมอยู่แล้ว"))
    return HttpResponseRedirect(reverse("admin:office_history"))


def all_rows() -> dict[str, Kind]:
    """Every setting by its name, texts too."""
    texts = {setting.name: setting for row in wording.WORDINGS.values() for setting in row.settings()}
    return ROWS | texts


def rows_of(section: str) -> list[Kind]:
    return [row for row in all_rows().values() if row.section == section]


def form_of(section: str) -> type[forms.Form]:
    """The form of a part. A field carries what it showed: a colleague's change of another field meanwhile stays."""
    fields: dict = {}
    for row in rows_of(section):
        if isinstance(row, Picture):
            continue
        fields[row.name] = field = row.field()
        field.initial, field.show_hidden_initial = row.now(), True
        _style(row, field)
    if section == LOOKS:
        fields["logo"] = forms.FileField(label=_("ภาพใหม่"), required=False, help_text=_("PNG หรือ JPEG ไม่เกิน 2 MB"))
        fields["no_logo"] = forms.BooleanField(label=_("ไม่ใช้ตรา"), required=False)
    return type("Part", (PartForm,), fields)


class PartForm(forms.Form):
    def __init__(self, data=None, files=None, **kwargs):
        super().__init__(data, files, **kwargs)

    def clean(self):
        super().clean()
        for name, row in ROWS.items():
            if isinstance(row, Colour) and self.cleaned_data.get(name):
                try:
                    _check_colour(row, self.cleaned_data[name])
                except ValidationError as refused:
                    self.add_error(name, refused)
        return self.cleaned_data


def _style(row: Kind, field: forms.Field) -> None:
    if isinstance(field, forms.BooleanField):
        field.widget.attrs["class"] = "office-tick"
    else:
        field.widget.attrs["class"] = "office-input"
    if isinstance(row, Colour):
        field.widget.attrs["data-colour"] = ""
        field.widget.attrs["placeholder"] = "#"


def _check_colour(row: Kind, colour) -> None:
    """Raises ValidationError for a colour whose letters could not be read, or that says something else already."""
    if not isinstance(row, Colour) or not colour:
        return
    is_line = row.name == "colour_line"
    least = colours.SEEN if is_line else colours.ENOUGH
    found = colours.contrast(colour, colours.PAPER)
    if found < least:
        raise ValidationError(
            _("สีนี้อ่านยาก ความต่างกับสีขาว %(found).1f : 1 ต้องไม่น้อยกว่า %(least).0f : 1 กรุณาใช้สีที่เข้มกว่านี้")
            % {"found": found, "least": least}
        )
    if not is_line and colours.distance(colour, colours.RED) < ALIKE:
        raise ValidationError(_("สีนี้ใกล้กับสีแดงของปุ่มยกเลิกเกินไป สมาชิกอาจแตะผิด"))


@transaction.atomic
def _keep(request, form, section):
    rows = all_rows()
    changed = [name for name in form.changed_data if name in rows and not isinstance(rows[name], Picture)]
    kept = [stored.keep(name, form.cleaned_data[name], by=request.user) for name in changed]
    if section == LOOKS:
        try:
            kept.append(_keep_logo(request, form))
        except ValidationError as refused:
            say(request, messages.ERROR, _("ตราไม่ได้บันทึก: %s") % " ".join(refused.messages))
    if any(kept):
        say(request, messages.SUCCESS, _("บันทึกแล้ว %d รายการ มีผลทุกหน้าภายในสองวินาที") % len(list(filter(None, kept))))
    else:
        say(request, messages.INFO, _("ไม่มีอะไรเปลี่ยน"))
    return HttpResponseRedirect(reverse("admin:office_part", args=[section]))


def _keep_logo(request, form) -> Change | None:
    """Raises ValidationError for a file that is no picture."""
    file = request.FILES.get("logo")
    if file:
        made = logo.make(file.read(logo.BIGGEST + 1))
        return stored.keep("logo", made.digest, by=request.user)
    if form.cleaned_data.get("no_logo"):
        return stored.keep("logo", None, by=request.user)
    return None


def _groups(section: str, form) -> list[dict]:
    """The fields of a part, those of texts by the card or page they stand on."""
    if section not in TEXTS:
        return [{"title": "", "fields": [form[name] for name in form.fields if name not in ("logo", "no_logo")]}]
    groups: dict[str, dict] = {}
    for row in wording.WORDINGS.values():
        if row.section != section:
            continue
        group = groups.setdefault(row.subject, {"title": _title(row), "subject": row.subject, "fields": [], "gaps": []})
        for setting in row.settings():
            field = form[setting.name]
            if setting.name.endswith(".en"):
                field.label = _("%s (อังกฤษ)") % field.label
            field.field.widget.attrs["placeholder"] = "" if setting.name.endswith(".en") else str(row.first)
            group["fields"].append(field)
            group["gaps"] = list(dict.fromkeys([*group["gaps"], *setting.gaps]))
    return list(groups.values())


def _title(row: wording.Wording) -> str:
    if row.section == "pages":
        return str(row.label)
    return str(MessageKind(row.subject).label)


def _previews(section: str, form) -> dict:
    """How each card or page would say it, with what stands in the form."""
    if section not in TEXTS:
        return {}
    with wording.trying(getattr(form, "cleaned_data", {})):
        return cards_said() if section == "cards" else pages_said()


def _changes(most: int) -> list[dict]:
    rows = all_rows()
    return [
        {
            "pk": change.pk,
            "what": _name(rows[change.name]) if change.name in rows else change.name,
            "before": rows[change.name].said(change.before) if change.name in rows else change.before,
            "after": rows[change.name].said(change.after) if change.name in rows else change.after,
            "by": change.by.get_full_name() or change.by.get_username(),
            "at": moment(change.at),
        }
        for change in Change.objects.select_related("by")[:most]
    ]


def _name(row: Kind) -> str:
    """What a setting is called, with where it stands."""
    if row.section in TEXTS:
        words = wording.WORDINGS[row.name.rpartition(".")[0]]
        where = f"{_title(words)}: {row.label}" if row.section == "cards" else str(row.label)
        return f"{where} (EN)" if row.name.endswith(".en") else where
    return str(row.label)
