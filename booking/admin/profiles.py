"""Profiles of counters: which departments each counter serves in the morning, on pay-day, when staff are short."""

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking.admin.base import KeptAdmin, moment, page, require, say
from booking.admin.served import ServedForm
from booking.models import Counter, CounterProfile, Department, ProfileCounter, ProfileSwitch
from booking.rights import Right
from booking.verbs import profiles

SWITCHES_SHOWN = 20


@admin.register(CounterProfile)
class CounterProfileAdmin(KeptAdmin):
    list_display = ["name", "when", "counters_"]
    list_before_template = "admin/booking/counterprofile/switch.html"
    fields = ["name", "starts", ("weekday", "day_of_month")]
    actions = None

    def get_custom_urls(self):
        return [
            ("<int:pk>/served/", "booking_counterprofile_served", served),
            ("<int:pk>/switch/", "booking_counterprofile_switch", switch),
        ]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("rows__counter", "rows__department")

    def changelist_view(self, request, extra_context=None):
        current = profiles.current()
        shown = {
            "title": _("แบบการจัดช่องบริการ"),
            "profiles": CounterProfile.objects.all(),
            "current": current,
            "switches": [_as_row(one) for one in ProfileSwitch.objects.select_related("by")[:SWITCHES_SHOWN]],
            "may_switch": request.user.has_perm(Right.SWITCH_PROFILE),
        }
        return super().changelist_view(request, shown | (extra_context or {}))

    def response_add(self, request, obj, *args, **kwargs):
        return HttpResponseRedirect(reverse("admin:booking_counterprofile_served", args=[obj.pk]))

    @display(description=gettext_lazy("เปลี่ยนเอง"))
    def when(self, profile):
        if profile.starts is None:
            return _("ด้วยการกดเท่านั้น")
        parts = [
            profile.get_weekday_display() if profile.weekday is not None else "",
            _("วันที่ %d") % profile.day_of_month if profile.day_of_month else "",
            f"{profile.starts:%H.%M}",
        ]
        return " ".join(filter(None, parts))

    @display(description=gettext_lazy("ช่องบริการ"))
    def counters_(self, profile):
        found: dict[int, list[str]] = {}
        for row in profile.rows.all():
            found.setdefault(row.counter.number, []).append(row.department.letter)
        said = " · ".join(f"{number}: {', '.join(letters)}" for number, letters in sorted(found.items()))
        return said or _("ยังไม่ได้เลือกฝ่าย")


def served(request, model_admin, pk):
    """Which departments each counter serves in the profile."""
    require(request, Right.CHANGE_PROFILE)
    profile = get_object_or_404(CounterProfile, pk=pk)
    before: dict[int, list[int]] = {}
    for row in profile.rows.all():
        before.setdefault(row.counter_id, []).append(row.department_id)
    form = ServedForm(
        request.POST if request.method == "POST" else None,
        counters=list(Counter.objects.filter(is_active=True)),
        departments=list(Department.objects.filter(is_active=True)),
        served=before,
    )
    if form.is_bound and form.is_valid():
        _keep(profile, form.wanted())
        say(request, messages.SUCCESS, _("บันทึกแบบ %s แล้ว มีผลเมื่อเปลี่ยนไปใช้แบบนี้") % profile.name)
        return HttpResponseRedirect(reverse("admin:booking_counterprofile_changelist"))
    return page(
        request,
        model_admin,
        "admin/booking/counterprofile/served.html",
        title=_("แบบ %s") % profile.name,
        form=form,
        profile=profile,
    )


@transaction.atomic
def _keep(profile: CounterProfile, wanted: dict[int, list[int]]) -> None:
    CounterProfile.objects.select_for_update().get(pk=profile.pk)
    profile.rows.filter(counter__in=wanted).delete()
    ProfileCounter.objects.bulk_create(
        ProfileCounter(profile=profile, counter_id=counter, department_id=department, position=nth)
        for counter, departments in wanted.items()
        for nth, department in enumerate(departments, start=1)
    )


def switch(request, model_admin, pk):
    """POST: switch the profile on, for all counters in it."""
    require(request, Right.SWITCH_PROFILE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    done = profiles.switch(profile=get_object_or_404(CounterProfile, pk=pk), by=request.user)
    say(request, messages.SUCCESS, _("ใช้แบบ %s แล้ว") % done.name)
    tell_of_left_out(request, done.left_out)
    return HttpResponseRedirect(reverse("admin:booking_counterprofile_changelist"))


def tell_of_left_out(request, numbers: list[int]) -> None:
    if numbers:
        text = _("ช่องบริการ %s ยังเหมือนเดิม เพราะผู้ที่นั่งอยู่ไม่ได้ดูแลทุกฝ่ายที่เลือก ให้ออกจากช่องก่อน หรือเพิ่มฝ่ายให้ที่หน้าผู้ใช้")
        say(request, messages.WARNING, text % ", ".join(map(str, numbers)))


def _as_row(one: ProfileSwitch) -> dict:
    by = one.by.get_full_name() or one.by.get_username() if one.by else _("ตามเวลา")
    return {"name": one.name, "at": moment(one.at), "by": by, "left_out": ", ".join(map(str, one.left_out)) or "-"}
