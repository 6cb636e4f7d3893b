"""What members ask to be corrected or erased: a list with its ages, and a page on which staff answer."""

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from booking.admin.base import ReadOnlyAdmin, moment, page, require, say
from booking.admin.members import sees_names
from booking.rights import Right
from booking.views import sent
from members import directory, requests
from members.errors import MemberError
from members.models import MemberRequest

CHIPS = {"open": "warning", "done": "success", "refused": "danger", "withdrawn": "info"}


class AnswerForm(forms.Form):
    """What the member reads. Who refuses gives the reason."""

    answer = forms.CharField(
        label=gettext_lazy("คำตอบที่สมาชิกเห็น"),
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def clean(self):
        if sent.choice(self.request, "do") == "refuse" and not self.cleaned_data.get("answer"):
            self.add_error("answer", _("กรุณาบอกเหตุผลที่ไม่รับคำขอ สมาชิกจะเห็นเหตุผลนี้"))

    def __init__(self, request):
        super().__init__(request.POST if request.method == "POST" else None)
        self.request = request


@admin.register(MemberRequest)
class MemberRequestAdmin(ReadOnlyAdmin):
    list_display = ["kind_", "member_", "state_chip", "asked", "days_left"]
    list_filter = ["state", "kind"]
    list_select_related = ["member"]
    ordering = ["-asked_at", "-pk"]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        return one_request(request, self, object_id)

    @display(description=gettext_lazy("คำขอ"), ordering="kind")
    def kind_(self, one):
        return one.get_kind_display()

    @display(description=gettext_lazy("สมาชิก"))
    def member_(self, one):
        return str(one.member)

    @display(description=gettext_lazy("สถานะ"), ordering="state", label=CHIPS)
    def state_chip(self, one):
        return one.state, said_to_staff(one)

    @display(description=gettext_lazy("ขอเมื่อ"), ordering="asked_at")
    def asked(self, one):
        return moment(one.asked_at)

    @display(description=gettext_lazy("เหลือเวลา"))
    def days_left(self, one):
        return time_left(one)


def said_to_staff(one: MemberRequest) -> str:
    names = {"open": _("รอตอบ"), "done": _("ดำเนินการแล้ว"), "refused": _("ไม่รับคำขอ"), "withdrawn": _("สมาชิกถอนแล้ว")}
    return names[one.state]


def time_left(one: MemberRequest) -> str:
    """How many of the days that law gives are left; "-" where it is over."""
    if not one.is_open:
        return "-"
    days = (requests.due_on(one) - timezone.localdate()).days
    return _("เกินกำหนด %d วัน") % -days if days < 0 else _("%d วัน") % days


def one_request(request, model_admin, object_id):
    """GET: what is asked. POST `do`: `done` or `refuse`, with `answer`. Erasing itself is on the member's page."""
    require(request, Right.VIEW_MEMBER_REQUESTS)
    one = model_admin.get_object(request, object_id)
    if one is None:
        raise Http404
    may_answer = request.user.has_perm(Right.ANSWER_MEMBER_REQUEST) and one.is_open
    form = AnswerForm(request)
    if request.method == "POST":
        require(request, Right.ANSWER_MEMBER_REQUEST)
        if form.is_valid():
            _answer(request, one, form.cleaned_data["answer"])
            return HttpResponseRedirect(reverse("admin:members_memberrequest_changelist"))
    return page(
        request,
        model_admin,
        "admin/members/request.html",
        title=one.get_kind_display(),
        one=one,
        state=said_to_staff(one),
        left=time_left(one),
        asked=moment(one.asked_at),
        ended=moment(one.ended_at),
        names=sees_names(request),
        form=form if may_answer else None,
        is_erasure=one.kind == MemberRequest.Kind.ERASURE,
        is_elsewhere=directory.is_elsewhere(),
        may_change=request.user.has_perm(Right.CHANGE_MEMBER),
        may_erase=request.user.has_perm(Right.DELETE_MEMBER),
    )


def _answer(request, one: MemberRequest, answer: str) -> None:
    do = sent.choice(request, "do")
    try:
        if do == "refuse":
            requests.refuse(request=one, by=request.user, answer=answer)
            what = _("ไม่รับคำขอ")
        elif do == "done" and one.kind == MemberRequest.Kind.CORRECTION:
            requests.carried_out(request=one, by=request.user, answer=answer)
            what = _("ดำเนินการตามคำขอแล้ว")
        else:
            return
    except MemberError as refusal:
        say(request, messages.ERROR, str(refusal))
        return
    LogEntry.objects.log_actions(request.user.pk, [one], CHANGE, change_message=what, single_object=True)
    say(request, messages.SUCCESS, what)
