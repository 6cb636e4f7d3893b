"""Messages to members: which the office pays for, what became of each, and whom to telephone."""

import datetime as dt
from collections.abc import Callable
from functools import partial

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib import messages as said_to_staff
from django.core.exceptions import PermissionDenied
from django.db.models import Case, When
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from booking import thai
from booking.admin.base import OfficeAdmin, ReadOnlyAdmin, moment, page, require, say
from booking.errors import BookingError
from booking.messages import cards, kinds, ledger, offers
from booking.messages.kinds import KINDS
from booking.models import MessageChoice, Notice, NoticeCall, OfferMessage
from booking.models.notices import CHANNELS, MESSAGES, OFFER, NoticeState
from booking.models.staff import has_department, only_theirs
from booking.rights import Right
from booking.views import sent
from members import line
from members.models import LineQuota

MOST_ON_A_PAGE = 300
CHIPS = {
    NoticeState.OWED: "info",
    NoticeState.SENT: "success",
    NoticeState.DROPPED: "default",
    NoticeState.TO_TELEPHONE: "warning",
    NoticeState.TELEPHONED: "success",
}
REASONS = {
    "not_sent": gettext_lazy("สหกรณ์ไม่ได้เปิดส่งข้อความนี้"),
    "moment_passed": gettext_lazy("เลยเวลาที่ควรส่งแล้ว"),
    "too_many": gettext_lazy("สมาชิกได้รับข้อความการจองครบจำนวนของวันแล้ว"),
    "just_cancelled": gettext_lazy("เพิ่งจองแล้วยกเลิก จึงไม่ส่งข้อความการจองซ้ำ"),
    "no_longer_true": gettext_lazy("บัตรคิวเปลี่ยนไปแล้ว ไม่ต้องส่ง"),
    "unfollowed": gettext_lazy("สมาชิกบล็อกบัญชี LINE ของสหกรณ์"),
    "no_channel": gettext_lazy("สมาชิกไม่มี LINE หรืออีเมล"),
    "line_quota": gettext_lazy("ข้อความ LINE ของเดือนนี้หมดแล้ว"),
    "line_silent": gettext_lazy("LINE ไม่ตอบ"),
    "mail_refused": gettext_lazy("ที่อยู่อีเมลรับจดหมายไม่ได้"),
    "mail_fault": gettext_lazy("ส่งอีเมลไม่ได้ชั่วคราว"),
    "another_told": gettext_lazy("แจ้งสมาชิกหรือผู้ดูแลแล้ว"),
    "consent_ended": gettext_lazy("เลิกดูแลกันแล้ว"),
    "fault": gettext_lazy("ส่งไม่ได้ กรุณาแจ้งผู้ดูแลระบบ"),
}


@admin.register(MessageChoice)
class MessageChoiceAdmin(OfficeAdmin):
    list_display = ["kind_", "when", "is_on"]
    list_display_links = None
    list_editable = ["is_on"]
    list_before_template = "admin/booking/messages_state.html"
    readonly_fields = ["kind"]
    actions = None

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        return super().get_queryset(request).filter(kind__in=dict(MESSAGES))

    def get_ordering(self, request):
        """As a ticket's messages follow each other; then the waiting list's."""
        return [Case(*[When(kind=kind, then=nth) for nth, kind in enumerate(dict(MESSAGES))])]

    def changelist_view(self, request, extra_context=None):
        quota = LineQuota.objects.filter(pk=1).first()
        shown = {
            "title": _("ข้อความถึงสมาชิก"),
            "what_is_off": list(_what_is_off()),
            "line_is_on": line.is_on(),
            "quota": quota if line.is_on() else None,
            "read_at": moment(quota and quota.read_at),
        }
        return super().changelist_view(request, shown | (extra_context or {}))

    @display(description=gettext_lazy("ข้อความ"))
    def kind_(self, choice):
        return choice.get_kind_display()

    @display(description=gettext_lazy("ส่งเมื่อ"))
    def when(self, choice):
        return offers.WHEN_SENT if choice.kind == OFFER else KINDS[choice.kind].when_sent


def _what_is_off():
    """What the office has not set up, each with what that means and the setting's name."""
    if not ledger.is_on():
        yield _("ยังไม่มีทั้ง LINE และอีเมล ระบบจึงไม่ส่งข้อความใดเลย สมาชิกที่สหกรณ์ย้ายหรือยกเลิกคิวให้ จะอยู่ในหน้า ต้องโทรแจ้ง")
    if not line.is_on():
        yield _("ไม่ส่งข้อความทาง LINE เพราะยังไม่ได้ตั้ง LINE_CHANNEL_ACCESS_TOKEN")
    elif not settings.LINE_CHANNEL_SECRET:
        yield _("ไม่ตอบสมาชิกใน LINE และไม่รู้ว่าใครบล็อก เพราะยังไม่ได้ตั้ง LINE_CHANNEL_SECRET")
    if line.is_on() and not line.log_in_is_on():
        yield _("สมาชิกผูกบัญชี LINE ไม่ได้ เพราะยังไม่ได้ตั้ง LINE_LOGIN_CHANNEL_ID")
    elif line.is_on() and not settings.LINE_LOGIN_CHANNEL_SECRET:
        yield _("ผู้ที่เปิดเว็บนอก LINE เข้าสู่ระบบด้วย LINE ไม่ได้ เพราะยังไม่ได้ตั้ง LINE_LOGIN_CHANNEL_SECRET")
    if not settings.PUBLIC_URL:
        yield _("ข้อความไม่มีปุ่มเปิดบัตรคิวและปุ่มจองใหม่ เพราะยังไม่ได้ตั้ง PUBLIC_URL")
    elif line.is_on() and not cards.line_reaches_us():
        yield _("บัตรใน LINE ไม่มี QR และแอปใน LINE เปิดไม่ได้ เพราะ PUBLIC_URL ไม่ได้ขึ้นต้นด้วย https://")
    if not settings.EMAIL_HOST:
        yield _("ไม่ส่งอีเมล เพราะยังไม่ได้ตั้ง EMAIL_HOST")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ["created", "kind_", "ticket_", "member", "state_chip", "channel_", "why", "tries"]
    list_display_links = None
    list_filter = ["kind", "state", "channel"]
    list_select_related = ["ticket__department", "ticket__member", "ended_by"]
    search_fields = ["ticket__member__member_number"]
    search_help_text = gettext_lazy("เลขทะเบียนสมาชิก")
    finds_members = True

    def get_custom_urls(self):
        return [
            ("telephone/", "booking_notice_telephone", telephone),
            ("telephone/<int:pk>/called/", "booking_notice_called", called),
            ("telephone/offers/<int:pk>/called/", "booking_notice_offer_called", offer_called),
        ]

    @display(description=gettext_lazy("เกิดเมื่อ"), ordering="created_at")
    def created(self, notice):
        return moment(notice.created_at)

    @display(description=gettext_lazy("ข้อความ"), ordering="kind")
    def kind_(self, notice):
        return notice.get_kind_display()

    @display(description=gettext_lazy("บัตรคิว"))
    def ticket_(self, notice):
        return notice.ticket.code

    @display(description=gettext_lazy("สมาชิก"))
    def member(self, notice):
        return str(notice.ticket.member or "-")

    @display(description=gettext_lazy("สถานะ"), ordering="state", label=CHIPS)
    def state_chip(self, notice):
        return notice.state, notice.get_state_display()

    @display(description=gettext_lazy("ช่องทาง"))
    def channel_(self, notice):
        return CHANNELS.get(notice.channel, "-")

    @display(description=gettext_lazy("เหตุผล"))
    def why(self, notice):
        return why(notice)


@admin.register(OfferMessage)
class OfferMessageAdmin(ReadOnlyAdmin):
    """Read by who reads the messages about tickets."""

    list_display = ["offered", "department", "date", "whom", "state_chip", "channel_", "why", "tries"]
    list_display_links = None
    list_filter = ["state", "channel"]
    list_select_related = ["entry__department", "entry__member", "carer", "ended_by"]
    search_fields = ["entry__member__member_number"]
    search_help_text = gettext_lazy("เลขทะเบียนสมาชิก")
    finds_members = True
    ordering = ["-id"]

    def has_view_permission(self, request, obj=None):
        return request.user.has_perm(Right.VIEW_NOTICES)

    @display(description=gettext_lazy("เสนอคิวเมื่อ"), ordering="offered_at")
    def offered(self, message):
        return moment(message.offered_at)

    @display(description=gettext_lazy("ฝ่าย"))
    def department(self, message):
        return message.entry.department

    @display(description=gettext_lazy("คิวของวันที่"))
    def date(self, message):
        return thai.short_date(message.entry.date)

    @display(description=gettext_lazy("ถึง"))
    def whom(self, message):
        return _("ผู้ดูแล %(name)s") % {"name": message.carer} if message.carer else str(message.entry.member)

    @display(description=gettext_lazy("สถานะ"), ordering="state", label=CHIPS)
    def state_chip(self, message):
        return message.state, message.get_state_display()

    @display(description=gettext_lazy("ช่องทาง"))
    def channel_(self, message):
        return CHANNELS.get(message.channel, "-")

    @display(description=gettext_lazy("เหตุผล"))
    def why(self, message):
        return why(message)


def why(notice: Notice | OfferMessage) -> str:
    """Why a message is where it is, in words."""
    if notice.state == NoticeState.TELEPHONED:
        return _("โดย %(name)s") % {"name": notice.ended_by} if notice.ended_by else "-"
    if notice.reason == "line_refused":
        return _("LINE ไม่รับ (%(status)s)") % {"status": notice.line_status}
    return str(REASONS.get(notice.reason, notice.reason)) or "-"


class CallForm(forms.Form):
    """What came of a call. The time, of today or tomorrow where it has passed, is for CALL_AGAIN."""

    result = forms.ChoiceField(choices=NoticeCall.Result)
    again = forms.TimeField(required=False)
    note = forms.CharField(max_length=200, required=False)

    def clean(self):
        chosen = super().clean()
        if chosen.get("result") == NoticeCall.Result.CALL_AGAIN and not chosen.get("again") and not self.errors:
            self.add_error("again", _("กรุณาใส่เวลาที่จะโทรอีกครั้ง"))
        return chosen

    def again_at(self) -> dt.datetime | None:
        at = self.cleaned_data.get("again")
        if at is None or self.cleaned_data["result"] != NoticeCall.Result.CALL_AGAIN:
            return None
        moment = timezone.make_aware(dt.datetime.combine(timezone.localdate(), at))
        return moment if moment > timezone.now() else moment + dt.timedelta(days=1)


def telephone(request, model_admin):
    """Whom to telephone, soonest day first, with what to say; who is to be called later stands below."""
    require(request, Right.TELEPHONE)
    found = only_theirs(ledger.to_telephone(), request.user, path="ticket__")
    notices = found.select_related("ticket__department", "ticket__slot", "ticket__counter", "ticket__member")
    now = timezone.now()
    shown = list(notices.prefetch_related("calls__by")[:MOST_ON_A_PAGE])
    callers = ledger.callers(now)
    rows = [_row(notice, callers.get(notice.ticket.member_id), request.user, now) for notice in shown]
    return page(
        request,
        model_admin,
        "admin/booking/notice/telephone.html",
        title=_("ต้องโทรแจ้ง"),
        count=found.count(),
        rows=sorted(rows, key=lambda row: (row["is_later"], row["again_at"] or now)),
        offers=offers_to_call(request.user, now),
        is_on=ledger.is_on(),
        closed_times=request.user.has_perm(Right.VIEW_TICKETS),
    )


def offers_to_call(user, now: dt.datetime) -> list[dict]:
    """The offers that last, of their departments, whose members have to be telephoned; the one that ends soonest first,
    and below whom to call later. Three queries at most."""
    ours = [message for message in offers.to_telephone() if has_department(user, message.entry.department_id)]
    callers = ledger.callers(now) if ours else {}
    rows = [
        {"message": message, "entry": message.entry, "why": why(message)}
        | _of_calls(message, callers.get(message.entry.member_id), user, now)
        for message in ours
    ]
    return sorted(rows, key=lambda row: row["is_later"])


def _row(notice: Notice, calling, user, now: dt.datetime) -> dict:
    what = kinds.said(notice, **KINDS[notice.kind].facts(notice.ticket))
    return {
        "notice": notice,
        "ticket": notice.ticket,
        "say": [what.heading, *what.lines],
        "why": why(notice),
    } | _of_calls(notice, calling, user, now)


def _of_calls(message: Notice | OfferMessage, calling, user, now: dt.datetime) -> dict:
    """What came of the calls so far, and who calls now. `calling`: who calls the member, about whatever it is."""
    calls = list(message.calls.all())
    last = calls[-1] if calls else None
    again_at = last.again_at if last else None
    return {
        "calls": [call for call in calls if call.result != NoticeCall.Result.CALLING],
        "again_at": again_at,
        "is_later": again_at is not None and again_at > now,
        "caller": calling if calling != user else None,
        "is_mine": calling == user and bool(last and last.is_going_on(now)),
    }


def called(request, model_admin, pk):
    """POST: somebody telephones the member, or says what came of it. Pressed twice, or by two people, a call that
    reached the member counts once."""
    require(request, Right.TELEPHONE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    notice = get_object_or_404(only_theirs(Notice.objects.all(), request.user, path="ticket__"), pk=pk)
    _record(request, partial(ledger.called, notice=notice))
    return HttpResponseRedirect(f"{reverse('admin:booking_notice_telephone')}#notice-{notice.pk}")


def offer_called(request, model_admin, pk):
    """POST: as called(), about an offer. `list`: it was pressed on the page of the waiting list, and leads back."""
    require(request, Right.TELEPHONE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    message = get_object_or_404(OfferMessage.objects.select_related("entry"), pk=pk)
    if not has_department(request.user, message.entry.department_id):
        raise PermissionDenied
    _record(request, partial(offers.called, message=message))
    page_of = "admin:booking_ticket_waiting" if sent.has(request, "list") else "admin:booking_notice_telephone"
    return HttpResponseRedirect(f"{reverse(page_of)}#offer-{message.pk}")


def _record(request, record: Callable[..., NoticeCall | None]) -> None:
    """Keep what the form says of a call, and say what came of that."""
    form = CallForm(request.POST)
    if not form.is_valid():
        say(request, said_to_staff.ERROR, " ".join(str(one) for errors in form.errors.values() for one in errors))
        return
    result = form.cleaned_data["result"]
    try:
        call = record(by=request.user, result=result, again_at=form.again_at(), note=form.cleaned_data["note"])
    except BookingError as refusal:
        say(request, said_to_staff.WARNING, refusal)
        return
    if call is None:
        say(request, said_to_staff.INFO, _("รายการนี้ไม่ต้องโทรแล้ว มีผู้โทรแจ้งไว้ก่อน"))
    elif result != NoticeCall.Result.CALLING:
        say(request, said_to_staff.SUCCESS, _("บันทึกแล้ว: %s") % NoticeCall.Result(result).label)
