"""Members from a file (sent, checked in the background, looked at, confirmed) and into one; and who was missing in
it."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from booking.admin.base import moment, page, require, say
from booking.models import Ticket
from booking.rights import Right
from booking.views import sent
from members.files import columns, importing, spreadsheets
from members.files.importing import Outcome
from members.files.spreadsheets import FileRefused
from members.models import Member, MemberFile
from members.numbers import MAX_WIDTH

ROWS = 50  # on one page of anything
SHOWN = {
    "faults": gettext_lazy("ต้องแก้ไข"),
    "new": gettext_lazy("เพิ่มใหม่"),
    "changed": gettext_lazy("เปลี่ยนแปลง"),
    "unchanged": gettext_lazy("ไม่เปลี่ยน"),
    "missing": gettext_lazy("ไม่อยู่ในไฟล์"),
    "erased": gettext_lazy("ขอให้ลบข้อมูลแล้ว ไม่นำเข้า"),
}
OUTCOMES = {
    "faults": Outcome.FAULTY,
    "new": Outcome.NEW,
    "changed": Outcome.CHANGED,
    "unchanged": Outcome.UNCHANGED,
    "erased": Outcome.ERASED,
}
FIELDS = {"registered": "is_registered"}


class UploadForm(forms.Form):
    import_file = forms.FileField(
        label=gettext_lazy("ไฟล์ CSV หรือ XLSX"),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.txt", "class": "office-file"}),
        allow_empty_file=True,
        error_messages={"required": gettext_lazy("กรุณาเลือกไฟล์")},
    )


class WidthForm(forms.Form):
    number_width = forms.IntegerField(
        label=gettext_lazy("เลขทะเบียนมีกี่หลัก"),
        min_value=1,
        max_value=MAX_WIDTH,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": gettext_lazy("กรุณากรอกเป็นตัวเลข 1 ถึง 12")},
    )


def may_import(user) -> bool:
    return user.has_perms([Right.ADD_MEMBER, Right.CHANGE_MEMBER])


def upload(request, model_admin):
    """GET: the form, and the latest imports. POST: the file is accepted, and its page shows what it says."""
    require(request, Right.ADD_MEMBER)
    require(request, Right.CHANGE_MEMBER)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["import_file"]
        try:
            if sent.size > spreadsheets.MAX_BYTES:
                spreadsheets.read(b"x" * (spreadsheets.MAX_BYTES + 1), is_heading=bool)
            file = importing.take_in(sent.read(), name=sent.name, by=request.user)
            return HttpResponseRedirect(_address(file))
        except FileRefused as refusal:
            form.add_error("import_file", str(refusal))
    return page(
        request,
        model_admin,
        "admin/members/import.html",
        title=_("นำเข้าสมาชิกจากไฟล์"),
        form=form,
        headings=columns.HEADINGS.items(),
        max_rows=spreadsheets.MAX_ROWS,
        lately=[
            (file, moment(file.uploaded_at))
            for file in MemberFile.objects.defer("rows", "outcomes", "missing").order_by("-pk")[:10]
        ],
    )


def one_file(request, model_admin, pk):
    """The progress, what the file would change (?show=, ?page=: a page of rows), and the result.

    POST: `confirm` imports it, `width` checks it again with another width of numbers, `forget` deletes it."""
    require(request, Right.ADD_MEMBER)
    require(request, Right.CHANGE_MEMBER)
    file = MemberFile.objects.filter(pk=pk).first()
    if file is None:
        say(request, messages.ERROR, _("ไฟล์นี้รอยืนยันนานเกินหนึ่งชั่วโมงจึงถูกลบแล้ว กรุณาเลือกไฟล์อีกครั้ง"))
        return HttpResponseRedirect(reverse("admin:members_member_import"))
    width_form = WidthForm(
        request.POST if sent.choice(request, "do") == "width" else None,
        initial={"number_width": file.number_width or file.proposed_width},
    )
    if request.method == "POST" and (done := _act(request, file, width_form)):
        return done
    rows, shown = _rows(request, file) if file.state == MemberFile.State.CHECKED else (None, "")
    return page(
        request,
        model_admin,
        "admin/members/file.html",
        title=_("นำเข้าสมาชิกจากไฟล์"),
        file=file,
        percent=_percent(file),
        width_form=width_form,
        columns=[(name, columns.LABELS[name]) for name in file.columns if name in columns.EXPORTED],
        shows=[(name, label, _count(file, name)) for name, label in SHOWN.items()],
        shown=shown,
        rows=rows,
        finished=moment(file.finished_at),
        faulty=file.counts.get(Outcome.FAULTY, 0),
        max_faults=importing.MAX_FAULTS,
        counts={name: _count(file, name) for name in SHOWN},
    )


def progress(request, model_admin, pk):
    """The part of the page that is loaded again and again. Once there is more to show, the whole page is."""
    require(request, Right.ADD_MEMBER)
    require(request, Right.CHANGE_MEMBER)
    file = MemberFile.objects.filter(pk=pk).defer("rows", "outcomes", "missing").first()
    if file is None or not file.is_at_work:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "admin/members/_progress.html", {"file": file, "percent": _percent(file)})


def export_page(request, model_admin):
    require(request, Right.CHANGE_MEMBER)
    return page(
        request,
        model_admin,
        "admin/members/export.html",
        title=_("ส่งออกสมาชิกเป็นไฟล์"),
        count=Member.objects.count(),
    )


def export(request, model_admin, kind):
    """All members, without citizen IDs, as a file that comes in again as it was. `kind` is csv or xlsx."""
    require(request, Right.CHANGE_MEMBER)
    if kind not in spreadsheets.KINDS:
        raise Http404
    members = Member.objects.order_by("member_number").values_list(
        *(FIELDS.get(name, name) for name in columns.EXPORTED)
    )
    rows = ([int(cell) if isinstance(cell, bool) else cell for cell in member] for member in members.iterator(2000))
    name = f"members-{timezone.localdate():%Y-%m-%d}.{kind}"
    return HttpResponse(
        spreadsheets.write(kind, columns.EXPORTED, rows),
        content_type=spreadsheets.KINDS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def who_left(request, model_admin):
    """Coming tickets of members who have left. Staff decide on each."""
    require(request, Right.VIEW_MEMBERS)
    require(request, Right.CHANGE_MEMBER)
    require(request, Right.VIEW_TICKETS)
    tickets = Ticket.objects.upcoming().filter(member__left_at__isnull=False).with_details().select_related("member")
    return page(
        request,
        model_admin,
        "admin/members/left.html",
        title=_("บัตรคิวของผู้ที่พ้นจากสมาชิก"),
        rows=Paginator(tickets.order_by("date", "due_at", "number"), ROWS).get_page(request.GET.get("page")),
        left=Member.objects.filter(left_at__isnull=False).count(),
    )


def _act(request, file, width_form):
    """Do what was asked for. None if the form has an error to show."""
    match sent.choice(request, "do"):
        case "confirm":
            if not importing.confirm(file=file, marks_missing=sent.has(request, "marks_missing"), by=request.user):
                say(request, messages.ERROR, _("ไฟล์นี้ยืนยันไปแล้ว หรือยังมีแถวที่ต้องแก้ไข"))
        case "width":
            if not width_form.is_valid():
                return None
            importing.choose_width(file=file, width=width_form.cleaned_data["number_width"])
        case "forget":
            MemberFile.objects.filter(pk=file.pk, state=MemberFile.State.CHECKED).delete()
            say(request, messages.SUCCESS, _("ไม่นำเข้า และลบไฟล์แล้ว"))
            return HttpResponseRedirect(reverse("admin:members_member_import"))
    return HttpResponseRedirect(_address(file))


def _rows(request, file):
    """The requested page of rows, and their kind: the most telling one if none is named."""
    shown = request.GET.get("show")
    if shown not in SHOWN:
        shown = next((name for name in SHOWN if _count(file, name)), "unchanged")
    kept = min(_count(file, shown), importing.MAX_FAULTS) if shown == "faults" else _count(file, shown)
    rows = Paginator(range(kept), ROWS).get_page(request.GET.get("page"))
    first = max(rows.start_index() - 1, 0)
    if shown == "faults":
        rows.object_list = [_fault(*fault) for fault in file.faults[first : first + ROWS]]
    elif shown == "missing":
        pks = file.missing[first : first + ROWS]
        rows.object_list = list(Member.objects.filter(pk__in=pks).order_by("member_number"))
    else:
        found = importing.rows_of(file, OUTCOMES[shown], first=first, count=ROWS)
        stored = Member.objects.with_numbers([values["member_number"] for _line, values in found])
        rows.object_list = [_row(file, line, values, stored.get(values["member_number"])) for line, values in found]
    return rows, shown


def _row(file, line: int, values: dict, stored: Member | None) -> dict:
    """Each cell as it would be stored, with what is stored now if that differs."""
    cells = []
    for name in file.columns:
        if name not in columns.EXPORTED:
            continue
        field = FIELDS.get(name, name)
        new, old = values[field], getattr(stored, field, None)
        if name == "member_number":
            new = max(new, old or "", key=len)
        cells.append((_words(new), _words(old) if stored and old != new else ""))
    alike = stored.member_number if stored and stored.member_number != values["typed"] else ""
    has_citizen_id = bool(values.get("citizen_id_hmac")) and values["citizen_id_hmac"] != getattr(
        stored, "citizen_id_hmac", ""
    )
    return {"line": line, "cells": cells, "alike": alike, "typed": values["typed"], "has_citizen_id": has_citizen_id}


def _fault(line: int, typed: str, faults: list) -> dict:
    return {
        "line": line,
        "typed": typed,
        "faults": [(columns.LABELS[column], columns.sentence(code, about)) for column, code, about in faults],
    }


def _words(value) -> str:
    if isinstance(value, bool):
        return _("ใช่") if value else _("ไม่ใช่")
    return value or "-"


def _count(file, shown: str) -> int:
    return file.counts.get(OUTCOMES.get(shown, shown), 0)


def _percent(file) -> int:
    return min(99, file.progress.done * 100 // max(file.progress.total, 1))


def _address(file) -> str:
    return reverse("admin:members_member_file", args=[file.pk])
