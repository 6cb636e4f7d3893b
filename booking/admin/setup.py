"""The set-up guide: from an empty database to the first day that can be booked, in one sitting. Its pages for a new
department and for the counters are those of every department that is added later."""

import datetime as dt

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.admin import fields
from booking.admin.base import page, require, say
from booking.admin.departments import next_department
from booking.admin.missing import missing, other_staff
from booking.admin.profiles import tell_of_left_out
from booking.admin.served import ServedForm
from booking.days import opening
from booking.models import Counter, CounterDepartment, Department, OpeningHours, Ticket
from booking.rights import Right
from booking.verbs import profiles
from holidays import calendar
from holidays.errors import YearWithoutData
from holidays.models import Holiday
from members import directory, line
from members.models import Member
from office.models import Change

MOST_COUNTERS = 60
UNDER_WAY = "set_up"  # in the session: other pages lead back to the guide (templates/unfold/helpers/userlinks.html)
OFFICE_WEEK = ["0", "1", "2", "3", "4"]


def guide(request, model_admin):
    """The steps, which of them are done, and what is still missing."""
    require(request, Right.CHANGE_OFFICE)
    steps = _steps(request.user)
    left = [step for step in steps if not step["is_done"] and not step["is_optional"]]
    if left:
        request.session[UNDER_WAY] = True
    else:
        request.session.pop(UNDER_WAY, None)
    return page(
        request,
        model_admin,
        "admin/setup/guide.html",
        title=_("คู่มือตั้งค่า"),
        steps=steps,
        left=left,
        missing=missing(),
    )


def _steps(user) -> list[dict]:
    departments = Department.objects.filter(is_active=True).exists()
    served = CounterDepartment.objects.filter(counter__is_active=True).exists()
    return [
        _step(
            _("สำนักงาน"),
            _("ชื่อ โทรศัพท์ และที่อยู่ ซึ่งสมาชิกเห็นทุกหน้า"),
            reverse("admin:office_part", args=["facts"]),
            Change.objects.filter(name__in=["name_th", "phone", "address"]).exists(),
        ),
        _step(
            _("วันหยุด"),
            _("นำวันหยุดราชการเข้ามา วันเหล่านี้จะไม่เปิดให้จอง"),
            reverse("admin:setup_holidays"),
            Holiday.objects.filter(is_confirmed=True, date__gte=timezone.localdate()).exists(),
        ),
        _step(_("ฝ่าย"), _("ชื่อ วันและเวลาทำการ จำนวนคิว ทีละฝ่าย"), reverse("admin:setup_department"), departments),
        _step(_("ช่องบริการ"), _("มีกี่ช่อง และช่องใดเรียกฝ่ายใด"), reverse("admin:setup_counters"), served),
        _step(
            _("เจ้าหน้าที่"),
            _("ชื่อผู้ใช้ของแต่ละคน ระบบออกลิงก์ให้ตั้งรหัสผ่านเอง"),
            reverse("admin:auth_user_add"),
            other_staff(user),
        ),
        _step(
            _("สมาชิก"),
            _("นำไฟล์จากไอเมมเบอร์เข้า หรือเพิ่มทีละคนเพื่อลองก่อน"),
            reverse("admin:members_member_import"),
            directory.is_elsewhere() or Member.objects.filter(is_registered=True).exists(),
            also=(_("เพิ่มทีละคน"), reverse("admin:members_member_add")),
        ),
        _step(
            _("LINE และอีเมล"),
            _("ไม่มีก็ใช้งานได้ ผู้ดูแลเครื่องเป็นผู้ตั้ง หน้านี้บอกว่ายังขาดอะไร"),
            reverse("admin:booking_messagechoice_changelist"),
            line.is_on(),
            is_optional=True,
        ),
        _step(
            _("บัตรทดลอง"),
            _("จองให้สมาชิกที่นำเข้าแล้วหนึ่งใบ ดูบัตร แล้วยกเลิกโดยเลือก จองผิด และ สมาชิกอยู่ในสายหรืออยู่ที่นี่"),
            reverse("admin:booking_ticket_book_for_member"),
            Ticket.objects.exists(),
        ),
    ]


def _step(title, text, link, is_done, *, is_optional=False, also=None) -> dict:
    return {"title": title, "text": text, "link": link, "is_done": is_done, "is_optional": is_optional, "also": also}


def holidays(request, model_admin):
    """This year's and next year's public holidays. Where tickets are booked already, each is confirmed on the page that
    asks what becomes of them."""
    require(request, Right.CHANGE_HOLIDAY)
    if request.method != "POST":
        today = timezone.localdate()
        coming = Holiday.objects.filter(date__gte=today).order_by("date")
        return page(
            request,
            model_admin,
            "admin/setup/holidays.html",
            title=_("วันหยุด"),
            holidays=coming,
            has_drafts=any(not one.is_confirmed for one in coming),
            has_tickets=_has_tickets(),
        )
    if _has_tickets():
        return HttpResponseRedirect(reverse("admin:holidays_holiday_load_year"))
    count = _bring_in_holidays(request.user)
    say(request, messages.SUCCESS, _("นำวันหยุดเข้าแล้ว %d วัน") % count)
    return HttpResponseRedirect(reverse("admin:setup_holidays"))


@transaction.atomic
def _bring_in_holidays(user) -> int:
    this_year, count = timezone.localdate().year, 0
    for year in (this_year, this_year + 1):
        try:
            drafts = calendar.load_year(year, by=user)
        except YearWithoutData:
            continue
        count += len(calendar.confirm([one for one in drafts if not one.is_optional], by=user))
    opening.rules_changed()
    return count


def _has_tickets() -> bool:
    return Ticket.objects.live().filter(date__gte=timezone.localdate()).exists()


class DepartmentForm(forms.ModelForm):
    """A department with one week of hours and its counters. Everything else of it has a default that is safe."""

    weekdays = forms.MultipleChoiceField(
        label=gettext_lazy("วันทำการ"),
        choices=OpeningHours.Weekday.choices,
        initial=OFFICE_WEEK,
        widget=forms.CheckboxSelectMultiple,
    )
    opens = forms.TimeField(label=gettext_lazy("เปิด"), initial=dt.time(8, 30), widget=fields.TimeInput)
    closes = forms.TimeField(label=gettext_lazy("ปิด"), initial=dt.time(15, 30), widget=fields.TimeInput)
    break_starts = forms.TimeField(
        label=gettext_lazy("พักเที่ยงตั้งแต่"), initial=dt.time(12), required=False, widget=fields.TimeInput
    )
    break_ends = forms.TimeField(label=gettext_lazy("ถึง"), initial=dt.time(13), required=False, widget=fields.TimeInput)
    slot_minutes = forms.IntegerField(label=gettext_lazy("ช่วงละ (นาที)"), initial=30, min_value=5, max_value=480)
    quota = forms.IntegerField(label=gettext_lazy("จำนวนคิวต่อช่วง"), initial=4, min_value=1, max_value=500)
    counters = forms.ModelMultipleChoiceField(
        label=gettext_lazy("ช่องบริการที่เรียกฝ่ายนี้"),
        queryset=Counter.objects.filter(is_active=True),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Department
        fields = ["name", "name_en", "letter", "slug", "hue", "description", "bring"]
        widgets = {"bring": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = _("ตามที่สมาชิกเห็น เช่น ฝ่ายสินเชื่อ")
        self.fields["slug"].required = False
        self.fields["slug"].help_text = _("เว้นว่างไว้ ระบบตั้งให้จากชื่ออังกฤษ")
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxSelectMultiple):
                field.widget.attrs["class"] = f"{field.widget.attrs.get('class', '')} office-input".strip()

    def clean_slug(self):
        return self.cleaned_data.get("slug") or free_slug(
            self.cleaned_data.get("name_en", ""), self.cleaned_data.get("letter", "")
        )

    def clean(self):
        """The hours by the rules of hours: what they refuse stands beside the field."""
        super().clean()
        hours = self.hours(Department())
        if hours and not self.errors:
            try:
                hours[0].clean()
            except forms.ValidationError as refused:
                self.add_error(None, refused)
        return self.cleaned_data

    def hours(self, department: Department) -> list[OpeningHours]:
        names = ["opens", "closes", "break_starts", "break_ends", "slot_minutes", "quota"]
        values = {name: self.cleaned_data.get(name) for name in names}
        return [
            OpeningHours(department=department, weekday=int(weekday), **values)
            for weekday in self.cleaned_data.get("weekdays", [])
        ]


def free_slug(name_en: str, letter: str) -> str:
    """A name for the address that no department has."""
    wanted = slugify(name_en)[:36] or f"department-{letter.lower() or 'new'}"
    taken = set(Department.objects.values_list("slug", flat=True))
    return next(slug for slug in (wanted, *(f"{wanted}-{nth}" for nth in range(2, 99))) if slug not in taken)


def department(request, model_admin):
    """A new department, with its hours and counters."""
    require(request, Right.ADD_DEPARTMENT)
    proposed = next_department()
    form = DepartmentForm(
        request.POST if request.method == "POST" else None,
        initial=proposed | {"counters": Counter.objects.filter(is_active=True)},
    )
    if form.is_bound and form.is_valid():
        _keep_department(form, position=proposed["position"], by=request.user)
        say(request, messages.SUCCESS, _("เพิ่มฝ่าย %s แล้ว") % form.instance.name)
        return HttpResponseRedirect(reverse("admin:setup_counters"))
    existing = Department.objects.filter(is_active=True)
    return page(request, model_admin, "admin/setup/department.html", title=_("ฝ่ายใหม่"), form=form, departments=existing)


@transaction.atomic
def _keep_department(form: DepartmentForm, *, position: int, by) -> None:
    department = form.save(commit=False)
    department.position, department.waits_for_counter = position, True
    department.save()
    for hours in form.hours(department):
        hours.save()
    opening.rules_changed([department])
    profiles.serve(
        wanted={one.pk: [*one.department_ids(), department.pk] for one in form.cleaned_data["counters"]},
    )


class CountForm(forms.Form):
    count = forms.IntegerField(
        label=gettext_lazy("มีช่องบริการกี่ช่อง"),
        min_value=1,
        max_value=MOST_COUNTERS,
        widget=forms.NumberInput(attrs={"class": "office-input office-order"}),
    )


def counters(request, model_admin):
    """How many counters there are, and which departments each serves."""
    require(request, Right.CHANGE_COUNTER)
    departments = list(Department.objects.filter(is_active=True))
    existing = list(Counter.objects.filter(is_active=True))
    data = request.POST if request.method == "POST" else None
    count = CountForm(data if data and "count" in data else None)
    if count.is_bound and count.is_valid():
        return _add_counters(request, count.cleaned_data["count"], departments)
    served = {one.pk: one.department_ids() for one in existing}
    form = ServedForm(data if not count.is_bound else None, counters=existing, departments=departments, served=served)
    if form.is_bound and form.is_valid():
        tell_of_left_out(request, [one.number for one in profiles.serve(wanted=form.wanted())])
        say(request, messages.SUCCESS, _("บันทึกแล้ว"))
        return HttpResponseRedirect(reverse("admin:setup"))
    return page(
        request,
        model_admin,
        "admin/setup/counters.html",
        title=_("ช่องบริการ"),
        form=form,
        count=count,
        existing=existing,
    )


@transaction.atomic
def _add_counters(request, count: int, departments: list[Department]):
    """Counters 1 to `count`; a new one serves all departments, each another one first."""
    require(request, Right.ADD_COUNTER)
    known = set(Counter.objects.values_list("number", flat=True))
    pks = [one.pk for one in departments]
    added = [Counter.objects.create(number=number) for number in range(1, count + 1) if number not in known]
    firsts = {one.pk: (one.number - 1) % len(pks) if pks else 0 for one in added}
    profiles.serve(wanted={pk: pks[first:] + pks[:first] for pk, first in firsts.items()})
    say(request, messages.SUCCESS, _("เพิ่มช่องบริการแล้ว %d ช่อง ตรวจว่าช่องใดเรียกฝ่ายใด แล้วบันทึก") % len(added))
    return HttpResponseRedirect(reverse("admin:setup_counters"))
