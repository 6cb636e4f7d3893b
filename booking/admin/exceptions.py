"""Days and times that differ from the weekly hours: their list, and the page that changes a day."""

import copy
import datetime as dt
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import (
    BASE_INPUT_CLASSES,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from booking import thai
from booking.admin import seen, settlements
from booking.admin.base import page, require, say
from booking.admin.closed import offered, tell
from booking.admin.departments import tell_of_full_slots, tell_of_short_slots
from booking.admin.fields import DateField, TimeInput
from booking.admin.links import calendar_of, closed_times
from booking.admin.rules import RulesAdmin
from booking.days.changing import WhatIf
from booking.days.rules import as_change
from booking.models import DayException, Department
from booking.rights import Right
from booking.verbs import closures, settling
from booking.verbs.closures import Choice, Decision
from booking.views import sent

SHOWN_DAYS = 20
LONGEST_LOOKED_AT = 10_000  # letters
ONE_BY_ONE = 100  # so many tickets can be decided on each for itself; of more, all are treated alike


@admin.register(DayException)
class DayExceptionAdmin(RulesAdmin):
    list_display = ["days", "time", "who", "what", "reason"]
    list_filter = ["kind", "is_office", "departments"]
    search_fields = ["reason", "departments__name"]
    date_hierarchy = "first_date"
    filter_horizontal = ()
    fields = [
        ("first_date", "last_date"),
        ("starts", "ends"),
        "is_office",
        "departments",
        "kind",
        ("quota", "slot_minutes"),
        ("break_starts", "break_ends"),
        ("reason", "reason_en"),
    ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("departments")

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        kwargs["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @display(description=gettext_lazy("วันที่"), ordering="first_date")
    def days(self, exception):
        return days_in_words(exception)

    @display(description=gettext_lazy("เวลา"), ordering="starts")
    def time(self, exception):
        return times_in_words(exception)

    @display(description=gettext_lazy("ฝ่าย"))
    def who(self, exception):
        if exception.is_office:
            return _("ทั้งสำนักงาน")
        return ", ".join(department.name for department in exception.departments.all())

    @display(description=gettext_lazy("เปลี่ยนเป็น"), ordering="kind")
    def what(self, exception):
        if exception.kind == DayException.Kind.CLOSED:
            return _("ปิด")
        return _("%(quota)d คิวต่อช่วง") % {"quota": exception.quota}

    def add_view(self, request, form_url="", extra_context=None):
        require(request, Right.ADD_EXCEPTION)
        return change_day(request, self)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        exception = self.get_object(request, unquote(object_id))
        if exception is None or not self.has_change_permission(request, exception):
            return super().change_view(request, object_id, form_url, extra_context)
        return change_day(request, self, exception)

    def delete_view(self, request, object_id, extra_context=None):
        exception = self.get_object(request, unquote(object_id))
        if exception is None or not self.has_delete_permission(request, exception):
            return super().delete_view(request, object_id, extra_context)
        return take_back(request, self, exception)

    def delete_queryset(self, request, queryset):
        """Several at once from the list, which shows no ticket: so it leads to those left in a closed time."""
        super().delete_queryset(request, queryset)
        tell_of_stranded(request)


class DayForm(forms.ModelForm):
    """What the page asks: which days, from when until when, which departments, and what happens then."""

    first_date = DateField(label=gettext_lazy("ตั้งแต่วันที่"))
    last_date = DateField(label=gettext_lazy("ถึงวันที่"), required=False, help_text=gettext_lazy("เว้นว่างไว้ หากเป็นวันเดียว"))

    class Meta:
        model = DayException
        fields = [
            "first_date",
            "last_date",
            "starts",
            "ends",
            "is_office",
            "departments",
            "kind",
            "quota",
            "slot_minutes",
            "break_starts",
            "break_ends",
            "reason",
            "reason_en",
        ]
        widgets = {
            "starts": TimeInput,
            "ends": TimeInput,
            "break_starts": TimeInput,
            "break_ends": TimeInput,
            "departments": forms.CheckboxSelectMultiple,
            "kind": forms.RadioSelect,
            "quota": UnfoldAdminIntegerFieldWidget,
            "slot_minutes": UnfoldAdminIntegerFieldWidget,
            "reason": UnfoldAdminTextInputWidget,
            "reason_en": UnfoldAdminTextInputWidget,
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        named = self.instance.departments.values("pk") if self.instance.pk else []
        self.fields["departments"].queryset = Department.objects.active() | Department.objects.filter(pk__in=named)
        self.fields["kind"].choices = DayException.Kind.choices

    def clean(self):
        typed = super().clean()
        if typed.get("first_date") and not typed.get("last_date") and "last_date" not in self.errors:
            typed["last_date"] = typed["first_date"]
        if not typed.get("is_office") and not typed.get("departments") and "departments" not in self.errors:
            self.add_error("departments", _("กรุณาเลือกอย่างน้อยหนึ่งฝ่าย หรือทั้งสำนักงาน"))
        return typed

    @property
    def concerned(self) -> list[Department]:
        if self.cleaned_data["is_office"]:
            return list(Department.objects.active())
        return list(self.cleaned_data["departments"])


def change_day(request, model_admin, exception=None):
    """GET ?first=&last=&department=: the empty form, for these days; or the form of an exception that is to be changed.

    POST looks: what the days become, and which tickets that touches, each with a proposal; nothing is saved. POST with
    `save` saves what was looked at, and does with each ticket as chosen; where the form says something else by then,
    somebody changed the exception, or a ticket came meanwhile that staff have not seen, it looks again."""
    if request.method != "POST":
        initial = {} if exception else _initial(request)
        return _show(request, model_admin, DayForm(instance=exception, initial=initial), exception)
    # The form writes what was typed into the exception it is given.
    old = copy.copy(exception)
    form = DayForm(request.POST, instance=exception)
    if not form.is_valid():
        return _show(request, model_admin, form, old)
    what_if = WhatIf(departments=form.concerned, new=[as_change(form.instance)], old=old)
    looked = _look(request, what_if, asked=_what_is_asked(form, old), reason=form.cleaned_data["reason"])
    if looked.decisions is not None:
        return _save(request, model_admin, form, old, what_if, looked.decisions)
    return _show(request, model_admin, form, old, **looked.context)


def take_back(request, model_admin, exception):
    """GET: what the days become without this exception, and which tickets that touches; POST deletes it, and does with
    each ticket as chosen, under the same conditions as change_day()."""
    what_if = WhatIf(old=exception)
    reason = sent.text(request, "reason", most=120) if request.method == "POST" else ""
    looked = _look(request, what_if, asked=_version(exception), reason=reason)
    if looked.decisions is None:
        return page(
            request,
            model_admin,
            "admin/booking/dayexception/take_back.html",
            title=_("ลบวันและเวลาที่ต่างจากปกติ"),
            in_words=_in_words(exception),
            kind=model_admin.what(exception),
            who=model_admin.who(exception),
            reason=reason,
            back=reverse("admin:booking_dayexception_change", args=[exception.pk]),
            **_shown_tickets(request, looked.context),
        )
    gone = copy.copy(exception)  # deleting takes its id
    done = _carry_out(
        request,
        what_if,
        looked.decisions,
        reason=reason,
        done=_("ลบแล้ว: %s") % _in_words(exception),
        verb=partial(closures.take_back, exception=exception),
    )
    model_admin.log_deletions(request, [gone])
    return done


@dataclass
class Looked:
    """What the page shows of a change that is not made yet; `decisions` if staff saw it all and decided."""

    context: dict
    decisions: list[Decision] | None = None


def _look(request, what_if: WhatIf, *, asked: str, reason: str) -> Looked:
    tickets = what_if.tickets()
    free_times = what_if.free_times_for(tickets)
    one_by_one = len(tickets) <= ONE_BY_ONE
    faults: list[str] = []
    if sent.has(request, "save") and sent.code(request, "looked_at", most=LONGEST_LOOKED_AT) == asked:
        shown = seen.read(request, {})
        if {str(ticket.pk) for ticket in tickets} <= shown.keys():
            decisions, faults = _decisions(request, tickets, shown, reason)
            if not faults:
                return Looked({}, decisions)
        else:
            faults = [_("มีบัตรคิวที่จองเข้ามาระหว่างนี้ กรุณาดูรายชื่ออีกครั้ง")]
    return Looked(
        {
            "looked_at": asked,
            "changed_days": [_day_in_words(day) for day in what_if.changed_days()],
            "tickets": [_row(request, ticket, free_times.get(ticket.pk)) for ticket in tickets],
            "one_by_one": one_by_one,
            "for_all": sent.choice(request, "for_all", default="each" if one_by_one else ""),
            "seen": seen.sign({ticket.pk: _iso(free_times.get(ticket.pk)) for ticket in tickets}),
            "faults": faults,
        }
    )


def _show(request, model_admin, form, exception, **context):
    return page(
        request,
        model_admin,
        "admin/booking/dayexception/change_day.html",
        title=_("แก้ไขวันและเวลาที่ต่างจากปกติ") if exception else _("เปลี่ยนวันและเวลา"),
        form=form,
        exception=exception,
        may_delete=exception and model_admin.has_delete_permission(request, exception),
        back=calendar_of(form["first_date"].value()),
        **_shown_tickets(request, context),
    )


def _shown_tickets(request, context: dict) -> dict:
    days = context.get("changed_days", [])
    return context | {
        "choices": _choices(request.user),
        "input_classes": " ".join(BASE_INPUT_CLASSES),
        "with_phones": request.user.has_perm(Right.VIEW_MEMBERS),
        "changed_days": days[:SHOWN_DAYS],
        "more_days": len(days[SHOWN_DAYS:]),
    }


def _initial(request) -> dict:
    """What the calendar put into the address, without anything that is not a date or a department."""
    initial: dict[str, Any] = {"kind": DayException.Kind.CLOSED, "slot_minutes": 30, "quota": 4}
    for name, field in (("first", "first_date"), ("last", "last_date")):
        try:
            initial[field] = dt.date.fromisoformat(request.GET.get(name, ""))
        except ValueError:
            continue
    if initial.get("last_date") and initial.get("first_date") and initial["last_date"] < initial["first_date"]:
        initial["first_date"], initial["last_date"] = initial["last_date"], initial["first_date"]
    initial["departments"] = list(Department.objects.active().filter(slug=request.GET.get("department", "")[:40]))
    return initial


def _what_is_asked(form, old) -> str:
    """The form's content in one line, and which version of the exception it changes: only what was looked at is
    saved."""
    names = [name for name in form.fields if name not in ("reason", "reason_en")]
    asked = "|".join(f"{name}={_plain(form.cleaned_data.get(name))}" for name in names)
    return f"{asked}|{_version(old)}" if old else asked


def _version(exception) -> str:
    return f"version={exception.history.latest().pk}"


def _plain(value) -> str:
    if hasattr(value, "values_list"):
        return ",".join(str(pk) for pk in sorted(value.values_list("pk", flat=True)))
    return str(value)


def _choices(user) -> list[Choice]:
    return offered(user, list(Choice))


def _decisions(request, tickets, shown: dict, reason: str) -> tuple[list[Decision], list[str]]:
    """What staff chose for each ticket, or for all of them; and what is wrong with it. `shown` has the time that was
    proposed for each."""
    allowed = {choice.value for choice in _choices(request.user)}
    for_all = sent.choice(request, "for_all", default="each")
    if tickets and for_all == "each" and len(tickets) > ONE_BY_ONE:
        return [], [_("กรุณาเลือกว่าจะทำอย่างไรกับบัตรคิวทุกใบ")]
    decisions = []
    for ticket in tickets:
        chosen, _separator, wish = sent.choice(request, f"do_{ticket.pk}").partition(" ")
        if for_all != "each":
            wish = wish or shown[str(ticket.pk)]
            chosen = for_all
        if chosen not in allowed:
            return [], [_("กรุณาเลือกว่าจะทำอย่างไรกับบัตรคิว %(code)s") % {"code": ticket.code}]
        decisions.append(Decision(ticket, Choice(chosen), _moment_of(wish)))
    if not reason and any(decision.choice != Choice.KEEP for decision in decisions):
        return [], [_("กรุณากรอกเหตุผลที่แจ้งสมาชิก เพราะมีบัตรคิวที่ย้ายหรือยกเลิก")]
    return decisions, []


def _moment_of(text: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if timezone.is_aware(found) else None


def _save(request, model_admin, form, old, what_if, decisions):
    exception = form.instance
    done = _carry_out(
        request,
        what_if,
        decisions,
        reason=exception.reason,
        done=_("บันทึกแล้ว: %s") % _in_words(exception),
        verb=partial(
            closures.change_day,
            exception=exception,
            departments=[] if exception.is_office else form.concerned,
        ),
    )
    if old:
        model_admin.log_change(request, exception, model_admin.construct_change_message(request, form, []))
    else:
        model_admin.log_addition(request, exception, [{"added": {}}])
    return done


def _carry_out(request, what_if, decisions, *, reason: str, done: str, verb):
    """Change the rules and do with the tickets as decided: few of them at once, many in the background."""
    changes = [decision for decision in decisions if decision.choice != Choice.KEEP]
    in_background = len(changes) > settling.AT_ONCE
    with transaction.atomic() if in_background else nullcontext():
        laid_out, outcomes = verb(decisions=[] if in_background else changes, by=request.user, reason=reason)
        if in_background:
            settlement = settling.begin(decisions=changes, by=request.user, reason=reason)
    say(request, messages.SUCCESS, done)
    tell_of_short_slots(request, [slot for slot in laid_out.short if what_if.touches(slot)])
    if in_background:
        return settlements.to_progress(settlement)
    tell(request, outcomes)
    tell_of_full_slots(request, what_if.departments)
    seen = [decision.ticket.pk for decision in decisions]
    left = closures.stranded().filter(department__in=what_if.departments, date__range=(what_if.first, what_if.last))
    unseen = left.exclude(pk__in=seen).count()
    if unseen:
        say(request, messages.WARNING, _("มีบัตรคิวที่จองเข้ามาระหว่างนี้ %d ใบ กรุณาเลือกว่าจะทำอย่างไร") % unseen)
    if unseen or any(outcome.refusal for outcome in outcomes):
        return HttpResponseRedirect(closed_times(date=what_if.first if what_if.first == what_if.last else None))
    return HttpResponseRedirect(calendar_of(what_if.first))


def tell_of_stranded(request) -> None:
    stranded = closures.stranded().count()
    if stranded:
        say(
            request,
            messages.WARNING,
            _("บันทึกแล้ว มีบัตรคิว %d ใบในเวลาที่ปิด กรุณาเลือกว่าจะทำอย่างไรกับบัตรคิวเหล่านี้") % stranded,
        )


def _row(request, ticket, free_time) -> dict:
    options: list[tuple[str, str | Promise]] = []
    for choice in _choices(request.user):
        if choice == Choice.MOVE:
            if free_time is None:
                continue
            moment = timezone.localtime(free_time)
            where = _("ย้ายไป %(day)s %(time)s") % {"day": thai.short_date(moment), "time": thai.clock(moment)}
            options.append((f"{choice} {moment.isoformat()}", where))
        else:
            options.append((choice.value, choice.label))
    wanted = sent.choice(request, f"do_{ticket.pk}", default=Choice.KEEP.value)
    return {
        "ticket": ticket,
        "options": options,
        "chosen": wanted,
        "free_time": _iso(free_time),
    }


def _iso(free_time) -> str:
    return timezone.localtime(free_time).isoformat() if free_time else ""


def _day_in_words(day) -> dict:
    return {
        "date": day.after.date,
        "department": day.department,
        "before": _plan_in_words(day.before),
        "after": _plan_in_words(day.after),
    }


def _plan_in_words(plan) -> str:
    if not plan.serving:
        return plan.reason or _("ปิด")
    hours = ", ".join(f"{_clock(starts)}-{_clock(ends)}" for starts, ends in plan.serving)
    turns = sum(quota for _starts, _ends, quota in plan.slots)
    return _("%(hours)s จองได้ %(turns)d คิว") % {"hours": hours, "turns": turns}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}.{minute % 60:02d}"


def _in_words(exception) -> str:
    return f"{days_in_words(exception)} {times_in_words(exception)}"


def days_in_words(exception) -> str:
    if exception.first_date == exception.last_date:
        return thai.short_date(exception.first_date)
    return f"{thai.short_date(exception.first_date)} - {thai.short_date(exception.last_date)}"


def times_in_words(exception) -> str:
    if not exception.starts and not exception.ends:
        return _("ทั้งวัน")
    if not exception.ends:
        return _("ตั้งแต่ %(time)s") % {"time": thai.clock(exception.starts)}
    if not exception.starts:
        return _("ถึง %(time)s") % {"time": thai.clock(exception.ends)}
    return f"{thai.clock(exception.starts)} - {thai.clock(exception.ends)}"
