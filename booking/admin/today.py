"""The manager's first page: what goes on in the office at this moment, and its alarms. It looks again by itself, as
boards do."""

import datetime as dt
import zlib

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractUser
from django.db.models import Count, Max, Prefetch
from django.http import HttpResponseRedirect, QueryDict
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from booking import thai
from booking.admin.base import page, require, say
from booking.calling import queues, waits
from booking.calling import today as reads
from booking.models import Alarm, AlarmTelling, Counter, Department
from booking.models.alarms import AlarmQuerySet
from booking.models.staff import departments_of
from booking.rights import Right
from booking.verbs import alarms
from booking.views import sent
from booking.views.live import polled, queue_etag, with_version

MOST_ENDED = 10


class WhatIfForm(forms.Form):
    """A counter that closes at a time of today, which is still to come."""

    counter = forms.ModelChoiceField(
        Counter.objects.filter(is_active=True),
        to_field_name="number",
        error_messages=dict.fromkeys(["required", "invalid_choice"], gettext_lazy("กรุณาเลือกช่อง")),
    )
    at = forms.TimeField(
        error_messages=dict.fromkeys(["required", "invalid"], gettext_lazy("กรุณากรอกเวลาที่จะปิดช่อง เช่น 11.00"))
    )

    def __init__(self, data: QueryDict, *, now: dt.datetime):
        super().__init__(data)
        self.now = now

    def clean_at(self) -> dt.datetime:
        """The moment of today. This minute is still to come: what if the counter closed now."""
        today = timezone.localtime(self.now)
        at = timezone.make_aware(dt.datetime.combine(today.date(), self.cleaned_data["at"]))
        if at < today.replace(second=0, microsecond=0):
            told = {"at": thai.clock(at), "now": thai.clock(today)}
            raise forms.ValidationError(_("%(at)s ผ่านไปแล้ว ขณะนี้ %(now)s กรุณาเลือกเวลาที่ยังไม่ถึง") % told)
        return at


def departments_shown(user: AbstractUser) -> list[Department]:
    """The departments in use whose day this member of staff sees."""
    theirs = departments_of(user)
    found = Department.objects.active()
    return list(found if theirs is None else found.filter(pk__in=theirs))


def alarms_shown(user: AbstractUser) -> AlarmQuerySet:
    """Each with the tellings that could not be sent (`untold`)."""
    found = Alarm.objects.of(departments_of(user)).select_related("department", "counter", "acknowledged_by")
    unsent = AlarmTelling.objects.filter(state=AlarmTelling.State.NOT_SENT).select_related("user")
    return found.prefetch_related(Prefetch("tellings", unsent.order_by("pk"), to_attr="untold"))


def open_alarms(user: AbstractUser) -> int:
    """How many of theirs nobody has acknowledged: the number in the sidebar."""
    if not user.has_perm(Right.VIEW_TODAY):
        return 0
    return Alarm.objects.of(departments_of(user)).open().filter(acknowledged_at=None).count()


@polled("today")
@require_http_methods(["GET", "HEAD", "POST"])
def today(request, model_admin):
    """GET ?department=loans: of one department, or of all that are theirs; &counter=3&at=11:00: what if
    that counter closed then. POST: acknowledge an alarm."""
    require(request, Right.VIEW_TODAY)
    if request.method == "POST":
        return _post(request)
    departments = departments_shown(request.user)
    chosen = next((one for one in departments if one.slug == request.GET.get("department")), None)
    shown = [chosen] if chosen else departments
    # Before all that is shown with it. Counters serve several departments, so that every queue counts.
    versions = queues.versions()
    marks = Alarm.objects.aggregate(Max("pk"), Count("ended_at"), Count("acknowledged_at"))
    unsent = AlarmTelling.objects.filter(state=AlarmTelling.State.NOT_SENT, alarm__ended_at=None).count()
    marks_of_page = (chosen.pk if chosen else 0, _mark(request.GET), unsent, *marks.values())
    etag = queue_etag(versions, request.user.pk, *marks_of_page)
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged:
        return with_version(unchanged, etag)
    now = timezone.now()
    of_today = alarms_shown(request.user).filter(ended_at__date=timezone.localdate(now))
    form = WhatIfForm(request.GET, now=now)
    closing = None
    if form.is_valid():
        waits_now = waits.ends(now=now)
        closing = waits.ends(now=now, closing={form.cleaned_data["counter"].pk: form.cleaned_data["at"]})
    response = page(
        request,
        model_admin,
        "admin/booking/today/today.html",
        title=_("วันนี้"),
        now=now,
        office=reads.office(shown, now=now),
        departments=departments,
        chosen=chosen,
        what_if=closing and [(one, waits_now[one.pk], closing[one.pk]) for one in shown],
        asked=request.GET,
        faults=[fault for faults in form.errors.values() for fault in faults] if "at" in request.GET else [],
        alarms=list(alarms_shown(request.user).open()),
        ended=list(of_today[:MOST_ENDED]),
        may_acknowledge=request.user.has_perm(Right.ACKNOWLEDGE_ALARM),
    )
    return with_version(response, etag)


def _mark(asked) -> int:
    """Tells apart the questions of a page."""
    return zlib.crc32(asked.urlencode().encode())


def _post(request):
    require(request, Right.ACKNOWLEDGE_ALARM)
    alarm = alarms_shown(request.user).filter(pk=sent.id_of(request, "alarm") or 0).first()
    if alarm and alarms.acknowledge(alarm=alarm, by=request.user):
        say(request, messages.SUCCESS, _("รับทราบแล้ว"))
    else:
        say(request, messages.WARNING, _("มีผู้รับทราบแล้ว"))
    return HttpResponseRedirect(request.path)
