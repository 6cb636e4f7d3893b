"""The page on which a member of staff chooses how to be told of alarms; and who is told what, for those who see the
people of the office."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from booking.admin.base import page, require, say
from booking.admin.fields import TimeInput
from booking.line import staff
from booking.models import Alarm, AlarmChoice, AlarmTelling, StaffLine
from booking.rights import Right
from booking.views import sent
from members import line

SHOWN = 10


class AlarmChoiceForm(forms.ModelForm):
    kinds = forms.MultipleChoiceField(
        choices=Alarm.Kind, label=gettext_lazy("เรื่องที่รับ"), widget=forms.CheckboxSelectMultiple, required=False
    )

    class Meta:
        model = AlarmChoice
        fields = ["by_line", "address", "quiet_from", "quiet_until"]
        widgets = {
            "address": forms.EmailInput(attrs={"class": "office-input", "autocomplete": "email"}),
            "quiet_from": TimeInput(attrs={"class": "office-input"}),
            "quiet_until": TimeInput(attrs={"class": "office-input"}),
        }

    def __init__(self, *args, linked: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["kinds"] = [str(kind) for kind in self.instance.kinds]
        if not settings.EMAIL_HOST:
            del self.fields["address"]
        if not linked:
            del self.fields["by_line"]

    def clean(self):
        found = super().clean()
        start, end = found.get("quiet_from"), found.get("quiet_until")
        if not self.errors.keys() & {"quiet_from", "quiet_until"}:
            if (start is None) != (end is None):
                self.add_error("quiet_until" if end is None else "quiet_from", _("กรอกทั้งสองเวลา หรือเว้นว่างทั้งคู่"))
            elif start is not None and start == end:
                self.add_error("quiet_until", _("เวลาทั้งสองต้องต่างกัน"))
        return found

    def save(self, commit=True):
        chosen = self.cleaned_data["kinds"]
        self.instance.unwanted = [str(kind) for kind in Alarm.Kind if kind not in chosen]
        return super().save(commit)


@sensitive_variables("code")
@require_http_methods(["GET", "HEAD", "POST"])
def alarm_choice(request, model_admin):
    """GET: one's own choice. POST `do`: save it, make a code that links a LINE account (shown once), or unlink it."""
    require(request, Right.VIEW_TODAY)
    user = request.user
    do = sent.choice(request, "do", ("save", "code", "unlink")) if request.method == "POST" else ""
    account = StaffLine.objects.filter(user=user).first()
    choice = AlarmChoice.objects.filter(user=user).first() or AlarmChoice(user=user)
    form = AlarmChoiceForm(
        request.POST if do == "save" else None, instance=choice, linked=bool(account and line.is_on())
    )
    code = ""
    if do == "save" and form.is_valid():
        form.save()
        say(request, messages.SUCCESS, _("บันทึกแล้ว"))
        return HttpResponseRedirect(request.path)
    if do == "unlink":
        if staff.unlink(user=user, by=user):
            say(request, messages.SUCCESS, _("เลิกผูกบัญชี LINE แล้ว"))
        return HttpResponseRedirect(request.path)
    if do == "code" and line.is_on():
        code = staff.issue_code(user=user)
    return page(
        request,
        model_admin,
        "admin/booking/today/alarm_choice.html",
        title=_("รับการแจ้งเตือน"),
        form=form,
        account=account,
        code=" ".join(code[at : at + 4] for at in range(0, len(code), 4)),
        code_minutes=round(staff.CODE_LASTS.total_seconds() / 60),
        line_is_on=line.is_on(),
        mail_is_on=bool(settings.EMAIL_HOST),
        tellings=AlarmTelling.objects.filter(user=user).select_related("alarm__department", "alarm__counter")[:SHOWN],
        people=_people() if user.has_perm(Right.VIEW_USERS) else None,
    )


def _people() -> list[tuple[AlarmChoice, AlarmTelling | None]]:
    """Who has chosen something, with the last that could not be sent to them."""
    people = list(AlarmChoice.objects.select_related("user__staff_line").order_by("user__username"))
    unsent = AlarmTelling.objects.filter(state=AlarmTelling.State.NOT_SENT, user__in=[one.pk for one in people])
    last = {one.user_id: one for one in unsent.order_by("user", "-pk").distinct("user")}
    return [(one, last.get(one.pk)) for one in people]
