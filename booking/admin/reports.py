"""Reports on a range of dates: a page, files of its tables, and the same on paper."""

import calendar
import datetime as dt
import logging

from django import forms
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from booking import thai
from booking.admin.base import page, require
from booking.admin.fields import DateField
from booking.models import Counter, Department, Topic
from booking.models.staff import departments_for, departments_of
from booking.replica import TookTooLong, may_be_late
from booking.reports import plots, tables
from booking.reports.figures import Scope
from booking.rights import Right
from booking.time_limits import may_think
from members.files import spreadsheets

log = logging.getLogger(__name__)

MOST_YEARS = 5


class ScopeForm(forms.Form):
    """What the report is about; what is left empty is not narrowed down."""

    first = DateField(label=gettext_lazy("ตั้งแต่วันที่"))
    last = DateField(label=gettext_lazy("ถึงวันที่"))
    department = forms.ModelChoiceField(
        Department.objects.none(), label=gettext_lazy("ฝ่าย"), required=False, empty_label=gettext_lazy("ทุกฝ่าย")
    )
    topic = forms.ModelChoiceField(
        Topic.objects.none(), label=gettext_lazy("เรื่องที่ติดต่อ"), required=False, empty_label=gettext_lazy("ไม่แยกเรื่อง")
    )
    counter = forms.ModelChoiceField(
        Counter.objects.order_by("number"),
        label=gettext_lazy("ช่องบริการ"),
        required=False,
        empty_label=gettext_lazy("ทุกช่อง"),
    )
    clerk = forms.ModelChoiceField(
        User.objects.filter(is_staff=True).order_by("first_name", "last_name", "username"),
        label=gettext_lazy("เจ้าหน้าที่"),
        required=False,
        empty_label=gettext_lazy("ทุกคน"),
    )
    weekday = forms.TypedChoiceField(
        choices=[("", gettext_lazy("ทุกวัน")), *WEEKDAYS.items()],
        label=gettext_lazy("วัน"),
        required=False,
        coerce=int,
        empty_value=None,
    )
    hour = forms.TypedChoiceField(
        choices=[("", gettext_lazy("ทุกเวลา")), *((hour, f"{hour:02d}.00") for hour in range(24))],
        label=gettext_lazy("ชั่วโมง"),
        required=False,
        coerce=int,
        empty_value=None,
    )

    def __init__(self, data, *, departments: list[Department]):
        super().__init__(data)
        of_theirs = Department.objects.filter(pk__in=[one.pk for one in departments])
        self.fields["department"].queryset = of_theirs  # type: ignore[attr-defined]
        # Those that are offered no more as well: a report is about days that are over.
        topics = Topic.objects.filter(department__in=of_theirs).select_related("department")
        self.fields["topic"].queryset = topics.order_by("department__position", "position", "name")  # type: ignore[attr-defined]
        self.fields["topic"].label_from_instance = lambda topic: f"{topic.title} · {topic.department.title}"  # type: ignore[attr-defined]
        self.fields["clerk"].label_from_instance = lambda user: user.get_full_name() or user.get_username()  # type: ignore[attr-defined]

    def clean(self):
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and first > last:
            self.add_error("last", _("วันสุดท้ายต้องไม่ก่อนวันแรก"))
        elif first and last and (last - first).days > MOST_YEARS * 366:
            self.add_error("last", _("ดูได้ครั้งละไม่เกิน %d ปี") % MOST_YEARS)
        return self.cleaned_data


@require_safe
def report(request, model_admin):
    """GET ?first=&last=&department=&topic=&counter=&clerk=&weekday=&hour=: this month, where no dates are given.
    &as=csv|xlsx: a file of the table named by &table=, or of all (xlsx). &as=paper: to print. 503, with the form, for
    what takes longer than a minute."""
    require(request, Right.VIEW_REPORTS)
    theirs = departments_of(request.user)
    departments = list(departments_for(request.user, all_of_them=Department.objects.all()))
    this_month = _month(timezone.localdate())
    asked = request.GET.dict()
    if "first" not in asked and "last" not in asked:
        asked |= {"first": f"{this_month[0]}", "last": f"{this_month[1]}"}
    form = ScopeForm(asked, departments=departments)
    scope = _scope(form, None if theirs is None else frozenset(one.pk for one in departments), this_month)
    try:
        found = _counted(scope, departments)
    except TookTooLong:
        log.warning("a report took too long: %s", scope)
        # Whatever way was asked for. Nobody is told to try again: it would take as long.
        answer = _shown(request, model_admin, form, scope, [], is_too_long=True)
        answer.status_code = 503
        return answer
    way = request.GET.get("as", "")
    if way in spreadsheets.KINDS:
        return _file(way, found, scope, request.GET.get("table"))
    return _shown(request, model_admin, form, scope, found, is_paper=way == "paper")


@may_be_late
@may_think
def _counted(scope: Scope, departments: list[Department]) -> list[tables.Table]:
    return tables.tables(scope, departments=departments)


def _shown(
    request,
    model_admin,
    form: ScopeForm,
    scope: Scope,
    found: list[tables.Table],
    *,
    is_paper: bool = False,
    is_too_long: bool = False,
) -> HttpResponse:
    return page(
        request,
        model_admin,
        "admin/booking/report/paper.html" if is_paper else "admin/booking/report/report.html",
        title=_("รายงาน"),
        form=form,
        range=title_of(scope),
        narrowed=_narrowed(form),
        presets=_presets(timezone.localdate()),
        tables=[(table, plots.bars(table)) for table in found if table.rows],
        query=not is_too_long and form.is_valid() and _query(request.GET),
        made_at=timezone.now(),
        is_too_long=is_too_long,
    )


def _scope(form: ScopeForm, theirs: frozenset[int] | None, otherwise: tuple[dt.date, dt.date]) -> Scope:
    if not form.is_valid():
        return Scope(*otherwise, departments=theirs)
    asked = form.cleaned_data
    department, topic, counter, clerk = asked["department"], asked["topic"], asked["counter"], asked["clerk"]
    return Scope(
        asked["first"],
        asked["last"],
        departments=frozenset([department.pk]) if department else theirs,
        counter=counter.pk if counter else None,
        clerk=clerk.pk if clerk else None,
        weekday=asked["weekday"],
        hour=asked["hour"],
        topic=topic.pk if topic else None,
    )


def _narrowed(form: ScopeForm) -> list[tuple[str, str]]:
    """What besides the dates was chosen, in words."""
    if not form.is_valid():
        return []
    found = []
    for name in ("department", "topic", "counter", "clerk", "weekday", "hour"):
        value = form.cleaned_data[name]
        if value in (None, ""):
            continue
        chosen = form.fields[name]
        if isinstance(chosen, forms.ModelChoiceField):
            said = str(chosen.label_from_instance(value))
        else:
            said = str(dict(chosen.choices)[value])  # type: ignore[attr-defined]
        found.append((str(chosen.label), said))
    return found


def _query(asked) -> str:
    """The question, to be asked again for a file or for paper."""
    kept = asked.copy()
    for name in ("as", "table"):
        kept.pop(name, None)
    return kept.urlencode()


def _presets(today: dt.date) -> list[tuple[str, dt.date, dt.date]]:
    monday = today - dt.timedelta(days=today.weekday())
    last_month = _month(today.replace(day=1) - dt.timedelta(days=1))
    return [
        (_("วันนี้"), today, today),
        (_("สัปดาห์นี้"), monday, monday + dt.timedelta(days=6)),
        (_("เดือนนี้"), *_month(today)),
        (_("เดือนที่แล้ว"), *last_month),
        (_("ปีนี้"), dt.date(today.year, 1, 1), dt.date(today.year, 12, 31)),
    ]


def _month(day: dt.date) -> tuple[dt.date, dt.date]:
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _file(kind: str, found: list[tables.Table], scope: Scope, key: str | None) -> HttpResponse:
    """Raises Http404 for a table that is none, and for all tables as CSV, which has one."""
    chosen = [table for table in found if key in (None, table.key)]
    if not chosen or (kind == "csv" and key is None):
        raise Http404
    sheets = [(table.title, [str(column.title) for column in table.columns], table.in_file) for table in chosen]
    name = "-".join(["report", *([key] if key else []), f"{scope.first}", f"{scope.last}"])
    return HttpResponse(
        spreadsheets.write_sheets(kind, sheets),
        content_type=spreadsheets.KINDS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Cache-Control": "no-store"},
    )


def title_of(scope: Scope) -> str:
    """The range in words."""
    if scope.first == scope.last:
        return thai.long_date(scope.first)
    if (scope.first, scope.last) == _month(scope.first):
        return thai.month(scope.first)
    return _("%(first)s ถึง %(last)s") % {"first": thai.short_date(scope.first), "last": thai.short_date(scope.last)}
