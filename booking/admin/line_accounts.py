"""Members' LINE accounts at the counter: hand out the code that links one, and end a link."""

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from booking.admin.base import moment, page, require, say
from booking.rights import Right
from booking.views import sent
from members import codes, line, line_accounts
from members.citizen_id import parse_member_number
from members.errors import MemberError
from members.models import LineAccount, Member


class MemberNumberForm(forms.Form):
    member_number = forms.CharField(
        label=gettext_lazy("เลขทะเบียนสมาชิก"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def clean_member_number(self) -> Member:
        try:
            number = parse_member_number(self.cleaned_data["member_number"])
        except MemberError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        member = Member.objects.with_number(number)
        if member is None:
            raise forms.ValidationError(_("ไม่พบเลขทะเบียนนี้ กรุณาตรวจกับสมาชิกอีกครั้ง"))
        return member


def line_account(request, model_admin):
    """The number, then name and state, then what to do; all by POST, so that no address has a number."""
    require(request, Right.HAND_OUT_LINKING_CODE)
    form = MemberNumberForm(request.POST if request.method == "POST" else None)
    member = form.cleaned_data["member_number"] if form.is_valid() else None
    code = _act(request, member) if member else ""
    account = LineAccount.objects.filter(member=member).first() if member else None
    return page(
        request,
        model_admin,
        "admin/members/line.html",
        title=_("บัญชี LINE ของสมาชิก"),
        form=form,
        member=member,
        account=account,
        since=moment(account and account.linked_at),
        code=code,
        line_is_on=line.log_in_is_on(),
        may_unlink=request.user.has_perm(Right.UNLINK_LINE),
    )


def _act(request, member) -> str:
    """Do what was asked for. Returns the code, if it was one; it is shown only this once."""
    match sent.choice(request, "do"):
        case "code":
            code = codes.issue_code(member=member, by=request.user)
            _write_down(request, member, _("ออกรหัสผูกบัญชี LINE"))
            return f"{code[:4]} {code[4:]}"
        case "unlink":
            require(request, Right.UNLINK_LINE)
            if line_accounts.unlink(member=member, by=request.user):
                _write_down(request, member, _("เลิกผูกบัญชี LINE"))
                say(request, messages.SUCCESS, _("เลิกผูกบัญชี LINE แล้ว"))
    return ""


def _write_down(request, member, what: str) -> None:
    LogEntry.objects.log_actions(request.user.pk, [member], CHANGE, change_message=what, single_object=True)
