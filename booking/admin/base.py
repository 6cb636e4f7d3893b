"""What every part of the back office has in common."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from simple_history.admin import SimpleHistoryAdmin
from simple_history.template_utils import HistoricalRecordContextHelper
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from booking import thai
from booking.admin import fields, searching
from booking.admin.paging import BoundedPaginator
from booking.verbs import catalogue
from booking.verbs.catalogue import Surface
from booking.views import sent

PICKERS: Mapping[type[models.Field], Mapping[str, Any]] = {
    models.DateField: {"form_class": fields.DateField, "widget": fields.DateInput},
    models.TimeField: {"widget": fields.TimeInput},
    models.URLField: {"assume_scheme": "https"},
}


class OfficeAdmin(ModelAdmin):
    formfield_overrides = PICKERS
    compressed_fields = True
    warn_unsaved_form = True
    list_per_page = 50
    show_full_result_count = False
    paginator: type = BoundedPaginator
    finds_members = False  # whether the list is searched by member numbers

    def changelist_view(self, request, extra_context=None):
        if searching.is_search(request) and self.has_view_or_change_permission(request):
            return searching.searched(request, finds_members=self.finds_members)
        if request.method == "POST":
            sent.keep_rows(request, ACTION_CHECKBOX_NAME, self._may_be_id)
        return super().changelist_view(request, extra_context)

    def _may_be_id(self, text: str) -> bool:
        try:
            self.model._meta.pk.clean(text, None)
        except (ValidationError, ValueError):
            return False
        return True


class OfficeInline(TabularInline):
    formfield_overrides = PICKERS
    extra = 0
    hide_title = True

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        """The column's heading has the label. Give it to screen readers at each field too."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field:
            field.widget.attrs.setdefault("aria-label", field.label)
        return field


class OfficeSections(StackedInline):
    """Rows with too many fields for a line of a table, each a section of its own."""

    formfield_overrides = PICKERS
    extra = 0


class InWords(HistoricalRecordContextHelper):
    """Words a change in the history as the form would show it."""

    def prepare_delta_change_value(self, change, value):
        field = self.model._meta.get_field(change.field)
        if value is None or value == "":
            return "-"
        if isinstance(value, bool):
            return _("ใช่") if value else _("ไม่ใช่")
        if isinstance(value, dt.date):
            return thai.short_date(value)
        if field.choices:
            return dict(field.flatchoices).get(value, value)
        return super().prepare_delta_change_value(change, value)


class KeptAdmin(SimpleHistoryAdmin, OfficeAdmin):
    """A list that staff keep. Their changes become history, which nobody changes or restores: going back is a change
    like any other, and asks everything that a change asks first."""

    def get_historical_record_context_helper(self, request, historical_record):
        return InWords(self.model, historical_record)

    def set_history_delta_changes(self, request, historical_records, foreign_keys_are_objs=True):
        super().set_history_delta_changes(request, historical_records, foreign_keys_are_objs)
        for record in historical_records:
            record.history_change_reason = record.history_change_reason or "-"

    def history_view(self, request, object_id, extra_context=None):
        _require_number(unquote(object_id))
        return super().history_view(request, object_id, extra_context)

    def history_form_view(self, request, object_id, version_id, extra_context=None):
        if request.method != "GET":
            raise PermissionDenied
        _require_number(object_id)
        _require_number(version_id)
        return super().history_form_view(request, object_id, version_id, extra_context)


def _require_number(text: str) -> None:
    """Raises Http404 unless the text is a row's id: django-simple-history would query for anything."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Http404


class ReadOnlyAdmin(OfficeAdmin):
    """A list that staff only read. What can be done to its rows are verbs, on pages of their own."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def page(request, admin, template: str, *, title: str, **context) -> TemplateResponse:
    """Answer with a page of the back office that belongs to the lists of `admin`."""
    request.current_app = admin.admin_site.name
    context = {**admin.admin_site.each_context(request), "title": title, **context}
    return TemplateResponse(request, template, context)


def require(request, permission: str) -> None:
    """Raises PermissionDenied, a 403, if the member of staff lacks the right named `app.right_model`."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


def require_verb(request, name: str) -> None:
    """Raises PermissionDenied, a 403, if the member of staff may not use this verb in the back office."""
    if not catalogue.may(request.user, name, Surface.BACK_OFFICE):
        raise PermissionDenied


def say(request, level: int, text) -> None:
    messages.add_message(request, level, text)


def moment(value) -> str:
    """พ. 25 พ.ย. 2569 09.00 น."""
    return "-" if value is None else thai.moment(value)
