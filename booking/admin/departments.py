"""Departments with their hours, and the dates that differ."""

import datetime as dt
from itertools import product
from string import ascii_uppercase

from django import forms
from django.contrib import admin, messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking import thai
from booking.admin import departments_file
from booking.admin.alarm_choice import alarm_choice
from booking.admin.base import OfficeInline, OfficeSections, say
from booking.admin.links import closed_times, tickets_of
from booking.admin.reports import report
from booking.admin.rules import RulesAdmin, laid_out
from booking.admin.today import today
from booking.days import overview
from booking.models import Department, OpeningHours, Topic
from booking.verbs import closures


class HoursForm(forms.ModelForm):
    def has_changed(self):
        """A new row counts as soon as it has a weekday, even if everything else is as proposed."""
        if self.instance._state.adding:
            return bool(self["weekday"].value())
        return super().has_changed()


class HoursFormSet(forms.BaseInlineFormSet):
    KEY = ("weekday", "from_date")

    def clean(self):
        """Two rows of one weekday with the same beginning, in the form or beside it. Django's own check skips rows
        without a date."""
        super().clean()
        shown = [form.instance.pk for form in self.initial_forms]
        seen = set(
            OpeningHours.objects.filter(department=self.instance.pk).exclude(pk__in=shown).values_list(*self.KEY)
        )
        for form in self.forms:
            row = form.cleaned_data if hasattr(form, "cleaned_data") else {}
            if row.get("weekday") is None or row.get("DELETE"):
                continue
            key = row["weekday"], row.get("from_date")
            if key in seen:
                form.add_error("weekday", _("ฝ่ายนี้มีเวลาทำการของวันนี้ที่เริ่มใช้วันเดียวกันแล้ว"))
            seen.add(key)

    def save(self, commit=True):
        """Rows that change days with each other would meet halfway: all that move wait at the end of time first."""
        moved = [form.instance.pk for form in self.initial_forms if not set(self.KEY).isdisjoint(form.changed_data)]
        for nth, pk in enumerate(moved if commit else []):
            OpeningHours.objects.filter(pk=pk).update(from_date=dt.date.max - dt.timedelta(days=nth))
        return super().save(commit)


class HoursInline(OfficeInline):
    model = OpeningHours
    form = HoursForm
    formset = HoursFormSet
    verbose_name_plural = gettext_lazy("เวลาทำการประจำสัปดาห์")
    fields = [
        "weekday",
        "from_date",
        "is_open",
        "opens",
        "closes",
        "break_starts",
        "break_ends",
        "slot_minutes",
        "quota",
    ]
    # What holds now, what held, and what is to come.
    max_num = 4 * len(OpeningHours.Weekday)

    def get_extra(self, request, obj=None, **kwargs):
        return 0 if obj else len(OFFICE_WEEK)

    def get_formset(self, request, obj=None, **kwargs):
        formset = super().get_formset(request, obj, **kwargs)
        return formset if obj else type("NewHours", (ProposedHours, formset), {})


class TopicInline(OfficeSections):
    model = Topic
    fields = [
        ("name", "name_en"),
        ("minutes", "share"),
        ("bring", "bring_en"),
        ("online_url", "needs_proof"),
        ("active_from", "active_until"),
        "position",
    ]
    max_num = 40


OFFICE_WEEK = [weekday for weekday in OpeningHours.Weekday if weekday <= OpeningHours.Weekday.FRIDAY]


class ProposedHours:
    """A formset for a new department: Monday to Friday stand there already."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, initial=[{"weekday": weekday} for weekday in OFFICE_WEEK], **kwargs)


@admin.register(Department)
class DepartmentAdmin(RulesAdmin):
    list_display = ["name", "letter", "week", "window", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "name_en", "letter"]
    inlines = [HoursInline, TopicInline]
    list_before_template = "admin/booking/department/list.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("name", "name_en"),
                    ("letter", "slug"),
                    ("hue", "position"),
                    ("is_active", "waits_for_counter"),
                ]
            },
        ),
        (
            gettext_lazy("การจอง"),
            {
                "classes": ["tab"],
                "fields": [
                    ("min_days_ahead", "max_days_ahead"),
                    ("closes_minutes_before", "arrive_minutes_before"),
                    "freed_after_minutes",
                    ("has_waiting_list", "offer_minutes"),
                    ("no_show_limit", "no_show_days"),
                    ("no_show_rule", "no_show_lasts_days"),
                ],
            },
        ),
        (
            gettext_lazy("การเรียกคิว"),
            {
                "classes": ["tab"],
                "fields": [
                    ("uses_check_in", "check_in_needs_presence"),
                    ("check_in_minutes_before", "late_after_minutes"),
                    ("late_rule", "calls_early"),
                    ("priority_in_a_row", "max_recalls"),
                    ("walk_in_percent", "usual_service_minutes"),
                    "promise_minutes",
                    ("walk_ins_minutes_before_opening", "walk_ins_minutes_before_closing"),
                ],
            },
        ),
        (
            gettext_lazy("การแจ้งเตือน"),
            {
                "classes": ["tab"],
                "description": gettext_lazy("แจ้งผู้จัดการในหน้า วันนี้ ใส่ 0 คือไม่แจ้ง"),
                "fields": [
                    ("alarm_wait_minutes", "alarm_unserved_minutes"),
                    ("alarm_silent_minutes", "alarm_messages_minutes"),
                    "alarm_surge_times",
                ],
            },
        ),
        (
            gettext_lazy("ข้อความถึงสมาชิก"),
            {
                "classes": ["tab"],
                "fields": [("description", "description_en"), ("bring", "bring_en"), "nearly_when_ahead"],
            },
        ),
    ]

    def get_custom_urls(self):
        return [
            ("today/", "booking_today", today),
            ("today/alarms/", "booking_alarm_choice", alarm_choice),
            ("reports/", "booking_report", report),
            ("export/", "booking_department_export", departments_file.export),
            ("import/", "booking_department_import", departments_file.bring_in),
        ]

    def get_changeform_initial_data(self, request):
        """What the next department of the office would have: its letter, a hue that no other has, the last position."""
        return next_department() | super().get_changeform_initial_data(request)

    @display(description=gettext_lazy("เวลาทำการ"))
    def week(self, department):
        return week_in_words(in_force(department.hours.all())) or _("ยังไม่มีเวลาทำการ")

    @display(description=gettext_lazy("จองล่วงหน้า (วัน)"))
    def window(self, department):
        return f"{department.min_days_ahead}-{department.max_days_ahead}"

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("hours")

    def get_readonly_fields(self, request, obj=None):
        """What is on people's tickets and in their links no longer changes."""
        return ["letter", "slug"] if obj and obj.tickets.exists() else []

    def get_prepopulated_fields(self, request, obj=None):
        return {} if obj else {"slug": ["name_en"]}

    def has_delete_permission(self, request, obj=None):
        """A department is switched off. Its tickets stay."""
        return False

    def response_add(self, request, obj, *args, **kwargs):
        return self._after_save(request, obj) or super().response_add(request, obj, *args, **kwargs)

    def response_change(self, request, obj):
        return self._after_save(request, obj) or super().response_change(request, obj)

    def _after_save(self, request, department):
        """The places are laid out by now. Tell what the change did not reach."""
        tell_of_a_missing_counter(request, department)
        tell_of_full_slots(request, [department])
        tell_of_short_slots(request, [slot for slot in laid_out(request).short if slot.department_id == department.pk])
        return to_stranded_tickets(request, department=department)


def tell_of_a_missing_counter(request, department) -> None:
    """A department that no counter serves yet is not open; say where its counters are chosen."""
    if department.waits_for_counter:
        say(
            request,
            messages.WARNING,
            format_html(
                _("ฝ่ายนี้ยังไม่เปิดให้จอง เพราะยังไม่มีช่องบริการเรียกคิวได้ {}"),
                format_html('<a href="{}">{}</a>', reverse("admin:setup_counters"), _("เลือกช่องบริการ")),
            ),
        )


def in_force(rules) -> list[OpeningHours]:
    """Those of these rules, in order of weekday and beginning, that hold today."""
    today = timezone.localdate()
    begun = {rule.weekday: rule for rule in rules if rule.from_date is None or rule.from_date <= today}
    return [rule for rule in begun.values() if rule.is_open]


def week_in_words(rules) -> str:
    """จันทร์-ศุกร์ 08.30-15.30 · เสาร์ 08.30-12.00"""
    runs: list[list[OpeningHours]] = []
    for rule in rules:
        last = runs[-1][-1] if runs else None
        if last and rule.weekday == last.weekday + 1 and (rule.opens, rule.closes) == (last.opens, last.closes):
            runs[-1].append(rule)
        else:
            runs.append([rule])
    return " · ".join(
        f"{'-'.join(dict.fromkeys(str(WEEKDAYS[rule.weekday]) for rule in (run[0], run[-1])))} "
        f"{run[0].opens:%H.%M}-{run[0].closes:%H.%M}"
        for run in runs
    )


def tell_of_full_slots(request, departments) -> None:
    """Say which coming slots hold more tickets than their quota now allows, each with a link to its tickets."""
    slots = list(overview.overfull_slots().filter(department__in=departments))
    if not slots:
        return
    links = format_html_join(
        ", ",
        '<a href="{}">{} {} ({}/{})</a>',
        (
            (tickets_of(slot=slot), thai.short_date(slot), thai.clock(slot), slot.held, slot.quota)
            for slot in slots[:SHOWN]
        ),
    )
    more = _(" และอีก %d ช่วง") % (len(slots) - SHOWN) if len(slots) > SHOWN else ""
    say(
        request,
        messages.WARNING,
        format_html(_("ช่วงที่มีบัตรคิวมากกว่าโควตา (บัตรคิวยังอยู่ครบ ไม่มีที่ให้จองเพิ่ม): {}{}"), links, more),
    )


SHOWN = 12


def tell_of_short_slots(request, slots) -> None:
    """Say of these slots that a raised quota does not fit into the numbers of days that were laid out earlier."""
    if slots:
        say(
            request,
            messages.WARNING,
            _("วันที่ออกหมายเลขไว้แล้วเพิ่มได้เท่าที่มีหมายเลขว่าง จึงยังไม่ถึงโควตาใหม่ %(slots)d ช่วง จนถึง%(date)s")
            % {"slots": len(slots), "date": thai.long_date(max(slots, key=lambda slot: slot.starts_at))},
        )


def to_stranded_tickets(request, *, department, date=None):
    """A redirect to the tickets whose time the change has closed, so that staff choose what becomes of them. None if
    there are none."""
    stranded = closures.stranded().filter(department=department)
    count = (stranded.filter(date=date) if date else stranded).count()
    if not count:
        return None
    say(
        request,
        messages.WARNING,
        _("บันทึกแล้ว มีบัตรคิว %d ใบในเวลาที่ปิด กรุณาเลือกว่าจะทำอย่างไรกับบัตรคิวเหล่านี้") % count,
    )
    return HttpResponseRedirect(closed_times(department=department, date=date))


def next_department() -> dict:
    """The first letter (or two letters, past Z) and the first hue that no department has, and the position after the
    last. Once all hues are taken they are used again."""
    taken = Department.objects.values_list("letter", "hue", "position")
    letters, hues = {letter for letter, _hue, _position in taken}, {hue for _letter, hue, _position in taken}
    codes = [*ascii_uppercase, *map("".join, product(ascii_uppercase, repeat=2))]
    wheel = Department.Hue.values
    return {
        "letter": next(code for code in codes if code not in letters),
        "hue": next((hue for hue in wheel if hue not in hues), wheel[len(taken) % len(wheel)]),
        "position": max((position for _letter, _hue, position in taken), default=0) + 1,
        "waits_for_counter": True,
    }
