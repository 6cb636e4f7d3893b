"""Holidays: a year of them comes in as drafts, staff confirm them, and no ticket is overlooked."""

from typing import NamedTuple
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from booking import thai
from booking.admin import seen, settlements
from booking.admin.base import page, require, say
from booking.admin.closed import ChoiceForm, tell
from booking.admin.exceptions import times_in_words
from booking.admin.links import closed_times
from booking.admin.rules import RulesAdmin
from booking.days.changing import WhatIf
from booking.days.rules import as_closure
from booking.models import Department, Ticket
from booking.rights import Right
from booking.thai import ERA
from booking.verbs import closures, settling
from booking.verbs.closures import Choice, Decision
from booking.views import sent
from holidays import calendar
from holidays.errors import YearWithoutData
from holidays.models import Holiday
from members.free_text import masked

# A change of these fields may close a time that was open.
CLOSES_MORE = {"date", "starts", "ends", "is_confirmed"}
MOST_AT_ONCE = 400  # holidays that are confirmed together


class Year(admin.SimpleListFilter):
    title = gettext_lazy("ปี พ.ศ.")
    parameter_name = "year"

    def lookups(self, request, model_admin):
        return [(str(first.year), str(first.year + ERA)) for first in Holiday.objects.dates("date", "year")]

    def queryset(self, request, queryset):
        is_offered = self.value() in dict(self.lookup_choices)
        return queryset.filter(date__year=self.value()) if is_offered else queryset


class Saved(NamedTuple):
    """What became of a holiday that a form sent: whether it closes more than before, and whether it was kept a draft
    because of the tickets in its way."""

    takes_effect: bool
    is_held_back: bool


@admin.register(Holiday)
class HolidayAdmin(RulesAdmin):
    list_display = ["day", "name", "kind", "state"]
    list_filter = [Year, "is_confirmed", "kind"]
    search_fields = ["name", "name_en"]
    ordering = ["date"]
    fields = ["date", ("starts", "ends"), "name", "name_en", "kind", "is_confirmed"]
    actions = ["confirm_chosen"]
    actions_list = ["load_year"]

    def get_changeform_initial_data(self, request):
        """A holiday that staff type closes the day unless they say otherwise. Drafts are those that were loaded."""
        return {"is_confirmed": True} | super().get_changeform_initial_data(request)

    def get_custom_urls(self):
        return [("confirm/", "holidays_holiday_confirm", confirm)]

    @display(description=gettext_lazy("วันที่"), ordering="date")
    def day(self, holiday):
        part = times_in_words(holiday) if holiday.starts or holiday.ends else ""
        return f"{thai.short_date(holiday.date)} {part}".strip()

    @display(
        description=gettext_lazy("สถานะ"), ordering="is_confirmed", label={"confirmed": "success", "draft": "warning"}
    )
    def state(self, holiday):
        if holiday.is_confirmed:
            return "confirmed", _("ยืนยันแล้ว")
        return "draft", _("ร่าง ยังไม่ปิดรับจอง")

    def save_model(self, request, obj, form, change):
        """A day that has tickets stays a draft until staff have seen them and chosen."""
        # `holidays` knows nothing of members: their IDs are masked here.
        obj.name, obj.name_en = masked(obj.name), masked(obj.name_en)
        takes_effect = obj.is_confirmed and not CLOSES_MORE.isdisjoint(form.changed_data)
        request.saved = Saved(takes_effect, takes_effect and bool(tickets_in_the_way([obj])))
        if request.saved.is_held_back:
            obj.is_confirmed = False
        super().save_model(request, obj, form, change)

    def response_add(self, request, obj, *args, **kwargs):
        return self._after_save(request, obj) or super().response_add(request, obj, *args, **kwargs)

    def response_change(self, request, obj):
        return self._after_save(request, obj) or super().response_change(request, obj)

    def _after_save(self, request, holiday):
        if request.saved.is_held_back:
            return to_confirmation([holiday])
        if request.saved.takes_effect and closures.stranded().filter(date=holiday.date).exists():
            # Booked between the look and the save: the places are gone now, so this list is complete.
            return HttpResponseRedirect(closed_times(date=holiday.date))
        return None

    @admin.action(description=gettext_lazy("ยืนยันวันหยุดที่เลือก"), permissions=["change"])
    def confirm_chosen(self, request, queryset):
        drafts = list(queryset.filter(is_confirmed=False).order_by("date"))
        if not drafts:
            say(request, messages.INFO, _("วันหยุดที่เลือกยืนยันไว้แล้วทั้งหมด"))
            return None
        if tickets_in_the_way(drafts):
            return to_confirmation(drafts)
        return put_in_force(request, drafts, shown=[], choice=Choice.KEEP)

    @action(
        description=gettext_lazy("นำเข้าวันหยุดราชการ"),
        url_path="load",
        icon="download",
        permissions=["add"],
    )
    def load_year(self, request):
        form = YearForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            year = form.cleaned_data["year"]
            try:
                drafts = calendar.load_year(year, by=request.user)
            except YearWithoutData as refusal:
                say(request, messages.ERROR, refusal)
            else:
                say(
                    request,
                    messages.SUCCESS,
                    _("นำเข้าปี พ.ศ. %(year)d เป็นร่าง %(count)d วัน กรุณาตรวจ แล้วเลือกวันที่หยุดจริงและยืนยัน")
                    % {"year": year + ERA, "count": len(drafts)},
                )
                query = urlencode({"year": year, "is_confirmed__exact": 0})
                return HttpResponseRedirect(f"{reverse('admin:holidays_holiday_changelist')}?{query}")
        return page(request, self, "admin/holidays/holiday/load.html", title=_("นำเข้าวันหยุดราชการ"), form=form)


class YearForm(forms.Form):
    year = forms.TypedChoiceField(
        label=gettext_lazy("ปี พ.ศ."),
        coerce=int,
        choices=lambda: [(year, str(year + ERA)) for year in calendar.years_with_data()],
        initial=lambda: timezone.localdate().year,
        widget=UnfoldAdminSelectWidget,
    )


def confirm(request, model_admin):
    """GET ?holiday=1&holiday=2: drafts, with the tickets of their days.

    POST: they take effect, and the tickets shown are treated as chosen. Tickets that came meanwhile are shown next."""
    require(request, Right.CHANGE_HOLIDAY)
    named = sent.named(request, "holiday")[:MOST_AT_ONCE]
    drafts = list(Holiday.objects.filter(pk__in=named, is_confirmed=False).order_by("date"))
    if not drafts:
        return HttpResponseRedirect(reverse("admin:holidays_holiday_changelist"))
    tickets = tickets_in_the_way(drafts)
    form = ChoiceForm(request.user, request.POST or None, choices=list(Choice))
    if request.method == "POST":
        shown = seen.read(request, [])
        if not shown:
            return put_in_force(request, drafts, shown=[], choice=Choice.KEEP)
        if form.is_valid():
            return put_in_force(request, drafts, shown=shown, **form.cleaned_data)
    return page(
        request,
        model_admin,
        "admin/holidays/holiday/confirm.html",
        title=_("ยืนยันวันหยุด"),
        drafts=[(draft, [ticket for ticket in tickets if ticket.date == draft.date]) for draft in drafts],
        tickets=tickets,
        seen=seen.sign([ticket.pk for ticket in tickets]),
        form=form,
        with_phones=request.user.has_perm(Right.VIEW_MEMBERS),
    )


def put_in_force(request, drafts, *, shown: list[int], choice, reason=""):
    """Confirm drafts and settle the tickets that were shown. Redirects to those that are left, if any. Many tickets are
    settled in the background: redirects to the progress."""
    known = set(shown)
    tickets = [ticket for ticket in tickets_in_the_way(drafts) if ticket.pk in known]
    if choice != Choice.KEEP and len(tickets) > settling.AT_ONCE:
        decisions = [Decision(ticket, Choice(choice)) for ticket in tickets]
        with transaction.atomic():
            closures.close_for_holidays(holidays=drafts, choice=Choice.KEEP, tickets=[], by=request.user)
            settlement = settling.begin(decisions=decisions, by=request.user, reason=reason)
        _tell_in_force(request, drafts)
        return settlements.to_progress(settlement)
    outcomes = closures.close_for_holidays(
        holidays=drafts, choice=choice, tickets=tickets, by=request.user, reason=reason
    )
    _tell_in_force(request, drafts)
    tell(request, outcomes)
    dates = [draft.date for draft in drafts]
    unseen = closures.stranded().filter(date__in=dates).exclude(pk__in=shown).count()
    if unseen:
        say(request, messages.WARNING, _("มีบัตรคิวที่จองเข้ามาระหว่างนี้ %d ใบ กรุณาเลือกว่าจะทำอย่างไร") % unseen)
    if unseen or shown:
        return HttpResponseRedirect(closed_times(date=dates[0] if len(dates) == 1 else None))
    return HttpResponseRedirect(reverse("admin:holidays_holiday_changelist"))


def _tell_in_force(request, drafts) -> None:
    say(request, messages.SUCCESS, _("วันหยุดมีผลแล้ว: %s") % ", ".join(thai.short_date(draft.date) for draft in drafts))


def tickets_in_the_way(holidays) -> list[Ticket]:
    """The live tickets of today and later at whose minute these holidays would leave nobody serving."""
    coming = [holiday for holiday in holidays if holiday.date >= timezone.localdate()]
    if not coming:
        return []
    closures_of_all = [as_closure(holiday) for holiday in coming]
    return WhatIf(departments=Department.objects.all(), new=closures_of_all).tickets()


def to_confirmation(drafts):
    query = urlencode({"holiday": [draft.pk for draft in drafts]}, doseq=True)
    return HttpResponseRedirect(f"{reverse('admin:holidays_holiday_confirm')}?{query}")
