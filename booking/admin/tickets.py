"""Tickets: read here, and changed only by the verbs, each on a page of its own that asks for what it needs."""

import datetime as dt
import re

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import BooleanField, ExpressionWrapper, Q, Value
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from booking import thai, verbs
from booking.admin import close_day, closed, day_list, for_members, on_paper, origins, settlements, waiting
from booking.admin.base import OfficeInline, ReadOnlyAdmin, moment, page, say
from booking.days import availability
from booking.errors import BookingError
from booking.messages import ledger
from booking.models import Ticket, TicketEvent
from booking.models.staff import departments_of, only_theirs
from booking.models.tickets import STAFF_CAUSES, State
from booking.verbs import catalogue
from booking.verbs.catalogue import Surface
from members.citizen_id import ascii_digits
from members.models import Member

# A state that is not here would be shown by its name in the database.
CHIPS = dict.fromkeys(State, "default") | {
    State.BOOKED: "info",
    State.WAITING: "primary",
    State.CALLED: "warning",
    State.SERVING: "warning",
    State.ON_HOLD: "warning",
    State.MISSED: "danger",
    State.SERVED: "success",
}


class When(admin.SimpleListFilter):
    """Coming tickets, where nothing else is asked for."""

    title = gettext_lazy("เมื่อไร")
    parameter_name = "when"

    def lookups(self, request, model_admin):
        return [
            ("coming", _("วันนี้และวันข้างหน้า")),
            ("today", _("วันนี้")),
            ("tomorrow", _("พรุ่งนี้")),
            ("all", _("ทุกวัน")),
        ]

    def __init__(self, request, *args, **kwargs):
        self.is_narrowed = not {"q", "date__year", "slot__id__exact"}.isdisjoint(request.GET)
        super().__init__(request, *args, **kwargs)

    def value(self):
        return super().value() or ("all" if self.is_narrowed else "coming")

    def choices(self, changelist):
        """Without the choice for none: one of these always holds."""
        return list(super().choices(changelist))[1:]

    def queryset(self, request, queryset):
        today = timezone.localdate()
        if self.value() == "today":
            return queryset.filter(date=today)
        if self.value() == "tomorrow":
            return queryset.filter(date=today + dt.timedelta(days=1))
        if self.value() == "coming":
            return queryset.filter(date__gte=today)
        return queryset


class EventsInline(OfficeInline):
    model = TicketEvent
    verbose_name_plural = gettext_lazy("เหตุการณ์")
    fields = readonly_fields = ["when", "what", "becomes", "counter", "who", "why"]
    can_delete = False
    max_num = 0

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("by", "counter")

    @display(description=gettext_lazy("เมื่อ"))
    def when(self, event):
        return moment(event.at)

    @display(description=gettext_lazy("เหตุการณ์"))
    def what(self, event):
        return catalogue.label(event.verb)

    @display(description=gettext_lazy("สถานะ"))
    def becomes(self, event):
        return State(event.to_state).label

    @display(description=gettext_lazy("เหตุผล"))
    def why(self, event):
        return event.why or "-"

    @display(description=gettext_lazy("โดย"))
    def who(self, event):
        """By whom: without a member of staff it was the member, or the system."""
        return (event.by.get_full_name() or event.by.get_username()) if event.by else _("สมาชิก")


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    list_display = ["code_", "day", "time", "department", "state_chip", "holder"]
    list_filter = [When, "department", "state"]
    list_select_related = ["department", "slot", "member", "moved_to"]
    date_hierarchy = "date"
    ordering = ["date", "department__position", "number"]
    search_fields = ["number"]
    search_help_text = gettext_lazy("หมายเลขบัตรคิว เช่น A012 หรือเลขทะเบียนสมาชิก")
    finds_members = True
    fieldsets = [
        (None, {"fields": [("code_", "state"), ("day", "time"), "department", "holder", "issued"]}),
        (gettext_lazy("การย้าย"), {"fields": ["moved_from_", "moved_to_"]}),
    ]
    readonly_fields = [
        "code_",
        "state",
        "day",
        "time",
        "department",
        "holder",
        "issued",
        "moved_from_",
        "moved_to_",
    ]
    inlines = [EventsInline]
    actions_detail = ["move", "cancel"]
    actions_list = ["book_for_member", "closed_times"]

    def get_custom_urls(self):
        return [
            ("close-day/", "booking_ticket_close_day", close_day.close_day),
            ("day-list/", "booking_ticket_day_list", day_list.day_list),
            ("on-paper/", "booking_ticket_on_paper", on_paper.on_paper),
            ("closed/", "booking_ticket_closed", closed.closed_times),
            ("closed/settling/<int:pk>/", "booking_settlement", settlements.progress_page),
            ("closed/settling/<int:pk>/progress", "booking_settlement_progress", settlements.progress),
            ("closed/list.<str:kind>", "booking_ticket_closed_list", closed.download),
            ("<int:ticket_id>/read-out/", "booking_ticket_read_out", for_members.read_out),
            ("<int:ticket_id>/slip/", "booking_ticket_slip", for_members.slip),
            ("waiting/", "booking_ticket_waiting", waiting.waiting_list),
            ("origins/", "booking_ticket_origins", origins.origins),
            ("origins/<str:kind>/<str:origin>/", "booking_ticket_origin", origins.one_origin),
        ]

    def has_cancel_permission(self, request, obj=None):
        return catalogue.may(request.user, "cancel", Surface.BACK_OFFICE)

    def has_move_permission(self, request, obj=None):
        return catalogue.may(request.user, "reschedule", Surface.BACK_OFFICE)

    def has_book_permission(self, request, obj=None):
        return catalogue.may(request.user, "book", Surface.BACK_OFFICE)

    @display(description=gettext_lazy("หมายเลข"), ordering="number")
    def code_(self, ticket):
        return ticket.code

    @display(description=gettext_lazy("วันที่"), ordering="date")
    def day(self, ticket):
        return thai.short_date(ticket.date)

    @display(description=gettext_lazy("เวลา"), ordering="slot__starts_at")
    def time(self, ticket):
        return time_of(ticket)

    @display(description=gettext_lazy("สถานะ"), ordering="state", label=CHIPS)
    def state_chip(self, ticket):
        moved = ticket.state == State.CANCELLED and hasattr(ticket, "moved_to")
        return ticket.state, _("ย้ายแล้ว") if moved else ticket.get_state_display()

    @display(description=gettext_lazy("สมาชิก"), ordering="member__member_number")
    def holder(self, ticket):
        return holder(ticket)

    @display(description=gettext_lazy("ออกบัตรเมื่อ"))
    def issued(self, ticket):
        return moment(ticket.issued_at)

    @display(description=gettext_lazy("ย้ายมาจาก"))
    def moved_from_(self, ticket):
        return ticket_link(ticket.moved_from)

    @display(description=gettext_lazy("ย้ายไปเป็น"))
    def moved_to_(self, ticket):
        return ticket_link(getattr(ticket, "moved_to", None))

    def get_ordering(self, request):
        """All days: the latest first, since the list goes only so far."""
        when = request.GET.get("when")
        is_of_all = when == "all" or (not when and "q" in request.GET)
        return ["-date", *self.ordering[1:]] if is_of_all and "date__year" not in request.GET else self.ordering

    def get_search_results(self, request, queryset, search_term):
        found = found_by(queryset, search_term)
        # Whose ticket it is, is not told by searching for them either.
        tells_whose = search_term.strip() and not is_code(search_term)
        return only_theirs(found, request.user) if tells_whose else found, False

    def get_queryset(self, request):
        """Each with whether it is theirs: of the others, number and state are shown and no more."""
        theirs = departments_of(request.user)
        if theirs is None:
            return super().get_queryset(request).annotate(is_theirs=Value(True))
        among = ExpressionWrapper(Q(department__in=theirs) | Q(queue__in=theirs), BooleanField())
        return super().get_queryset(request).annotate(is_theirs=among)

    def get_inlines(self, request, obj):
        return self.inlines if obj and obj.is_theirs else []

    def get_fieldsets(self, request, obj=None):
        if obj and not obj.is_theirs:
            return [(None, {"fields": [("code_", "state"), ("day", "department")]})]
        return super().get_fieldsets(request, obj)

    def get_actions_detail(self, request, object_id):
        """Only what the ticket's state allows; the pages themselves ask the verbs."""
        ticket = self.get_object(request, unquote(str(object_id)))
        possible = {"cancel": ticket and ticket.can_cancel, "move": ticket and ticket.can_move}
        offered = super().get_actions_detail(request, object_id) if ticket and ticket.is_theirs else []
        return [one for one in offered if possible[one.path]]

    @action(
        description=gettext_lazy("ยกเลิกบัตรคิว"),
        url_path="cancel",
        icon="cancel",
        permissions=["cancel"],
    )
    def cancel(self, request, object_id):
        ticket = self._ticket(request, object_id)
        form = CancelForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                is_told = form.cleaned_data.pop("is_told")
                verbs.cancel(ticket=ticket, by=request.user, **form.cleaned_data)
            except BookingError as refusal:
                say(request, messages.ERROR, refusal)
            else:
                say(request, messages.SUCCESS, _("ยกเลิกบัตรคิว %s แล้ว") % ticket.code)
                if is_told:
                    ledger.told(ticket=ticket, by=request.user)
                else:
                    say(request, messages.INFO, who_tells(ticket))
            return HttpResponseRedirect(address_of(ticket.pk))
        title = _("ยกเลิกบัตรคิว %s") % ticket.code
        return page(request, self, "admin/booking/ticket/cancel.html", title=title, ticket=ticket, form=form)

    @action(
        description=gettext_lazy("ย้ายไปเวลาอื่น"),
        url_path="move",
        icon="event_repeat",
        permissions=["move"],
    )
    def move(self, request, object_id):
        ticket = self._ticket(request, object_id)
        form = MoveForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data
            try:
                moved = verbs.reschedule(
                    ticket=ticket, slot_id=chosen["slot"], key=chosen["key"], by=request.user, reason=chosen["reason"]
                )
            except BookingError as refusal:
                say(request, messages.ERROR, refusal)
            else:
                say(request, messages.SUCCESS, _("ย้ายแล้ว หมายเลขใหม่คือ %s") % moved.code)
                if chosen["is_told"]:
                    ledger.told(ticket=Ticket.objects.select_related("member").get(pk=moved.ticket_id), by=request.user)
                    return HttpResponseRedirect(reverse("admin:booking_ticket_read_out", args=[moved.ticket_id]))
                say(request, messages.INFO, who_tells(ticket))
                return HttpResponseRedirect(address_of(moved.ticket_id))
        if not ticket.can_move:
            return HttpResponseRedirect(address_of(ticket.pk))
        days = open_days(ticket.department)
        date = chosen_date(request.GET.get("date"), [day.date for day in days])
        return page(
            request,
            self,
            "admin/booking/ticket/move.html",
            title=_("ย้ายบัตรคิว %s") % ticket.code,
            ticket=ticket,
            days=days,
            date=date,
            times=for_members.open_times(ticket.department, date, ticket.topic),
            key=for_members.new_key(),
        )

    @action(description=gettext_lazy("จองให้สมาชิก"), url_path="book", icon="add_call", permissions=["book"])
    def book_for_member(self, request):
        return for_members.book(request, self)

    @action(
        description=gettext_lazy("บัตรคิวในเวลาที่ปิด"),
        url_path="closed-times",
        icon="event_busy",
        permissions=["view"],
    )
    def closed_times(self, request):
        return HttpResponseRedirect(reverse("admin:booking_ticket_closed"))

    def _ticket(self, request, object_id) -> Ticket:
        ticket = self.get_object(request, unquote(object_id))
        if ticket is None:
            raise Http404
        if not ticket.is_theirs:
            raise PermissionDenied
        return ticket


class CancelForm(forms.Form):
    """Why: one of the list, to be counted; words beside it, or in its place."""

    cause = forms.ChoiceField(
        label=gettext_lazy("เหตุผล"),
        choices=[("", gettext_lazy("เลือกเหตุผล")), *((cause.value, cause.label) for cause in STAFF_CAUSES)],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        label=gettext_lazy("รายละเอียด"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("เก็บไว้ในประวัติของบัตรคิว"),
    )
    is_told = forms.BooleanField(required=False)

    def clean(self):
        if not (self.cleaned_data.get("cause") or self.cleaned_data.get("reason")) and not self.errors:
            self.add_error("cause", _("เลือกเหตุผล หรือเขียนรายละเอียด"))
        return self.cleaned_data


class MoveForm(for_members.TimeForm):
    """Where to, why, and whether the member has been told."""

    reason = forms.CharField(max_length=200, required=False)
    is_told = forms.BooleanField(required=False)


def found_by(tickets, text: str):
    """The tickets that a code (A012), a member number, or part of a member's name points to."""
    text = text.strip()
    compact = ascii_digits(text).upper()
    if not text:
        return tickets
    if code := re.fullmatch(r"([A-Z]{1,2})([0-9]{1,6})", compact):
        return tickets.filter(department__letter=code[1], number=int(code[2]))
    if compact.isdecimal():
        return tickets.filter(member__in=Member.objects.alike(compact))
    for word in text.split():
        tickets = tickets.filter(member__in=Member.objects.named(word))
    return tickets


def open_days(department) -> list[availability.Day]:
    first, last = availability.booking_window(department)
    return [day for day in availability.days(department, first, last) if day.state == availability.DayState.OPEN]


def chosen_date(text, dates):
    """The date of these that is asked for, else the first, or None of none."""
    return next((date for date in dates if date.isoformat() == text), dates[0] if dates else None)


def is_code(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Z]{1,2}[0-9]{1,6}", ascii_digits(text.strip()).upper()))


def holder(ticket) -> str:
    if not getattr(ticket, "is_theirs", True):
        return _("ฝ่ายอื่น")
    if ticket.member is None:
        return _("ไม่ได้แจ้งเลขทะเบียน") if ticket.is_walk_in else _("ไม่เก็บชื่อแล้ว")
    return f"{ticket.member.member_number} {ticket.member.full_name}"


def who_tells(ticket) -> str:
    """Who tells a ticket's holder what the office has just done to it."""
    if ticket.member_id is None:
        return _("บัตรคิวนี้ไม่มีชื่อสมาชิก กรุณาแจ้งผู้ถือบัตร")
    return _("หากสมาชิกไม่ได้รับข้อความ จะอยู่ในหน้า ต้องโทรแจ้ง")


def time_of(ticket) -> str:
    """When the turn is; of a walk-in, when it came."""
    if ticket.is_walk_in:
        return _("%s ไม่ได้จอง") % thai.clock(ticket.issued_at)
    return thai.clock(ticket.slot)


def address_of(ticket_id: int) -> str:
    return reverse("admin:booking_ticket_change", args=[ticket_id])


def ticket_link(ticket):
    if ticket is None:
        return "-"
    return format_html('<a href="{}">{} {}</a>', address_of(ticket.pk), ticket.code, thai.short_date(ticket.date))
