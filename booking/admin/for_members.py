"""Staff book for members who telephone or stand at the desk: who, which department and day; then the name, to be asked
for, what the member has already, and the times; then what to tell.

All of it by POST, so that no number or name of a member stands in an address.
"""

import secrets

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from booking import verbs
from booking.admin import fields
from booking.admin.base import page, require, say
from booking.calling import times
from booking.days import availability
from booking.days.waiting import one_may_wait_for
from booking.errors import BookingError
from booking.messages import ledger
from booking.models import Department, Ticket, Topic
from booking.models.staff import departments_of, has_ticket, only_theirs
from booking.models.tickets import STAFF_ASKED, Asked, State
from booking.rights import Right
from booking.verbs import waiting
from booking.views import sent
from booking.views.qr import qr_of_ticket
from members.citizen_id import ascii_digits, citizen_id_hmacs, is_as_long, parse_citizen_id, parse_member_number
from members.errors import MemberError, NotRegistered
from members.models import Member

MOST_FOUND = 8


class BookForm(forms.Form):
    department = forms.ModelChoiceField(
        Department.objects.active(),
        label=gettext_lazy("ฝ่าย"),
        empty_label=gettext_lazy("เลือกฝ่าย"),
        widget=UnfoldAdminSelectWidget,
    )
    member = forms.CharField(
        label=gettext_lazy("สมาชิก"),
        max_length=100,
        help_text=gettext_lazy("เลขทะเบียน ชื่อ หรือเลขประจำตัวประชาชน"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    date = fields.DateField(label=gettext_lazy("วันที่"))
    asked = forms.ChoiceField(
        label=gettext_lazy("ขอมาทาง"),
        choices=[(one.value, one.label) for one in STAFF_ASKED],
        initial=Asked.TELEPHONE,
        widget=UnfoldAdminRadioSelectWidget,
        required=False,
    )
    note = forms.CharField(
        label=gettext_lazy("ใครขอแทน หรือหมายเหตุ"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("ไม่ต้องกรอก หากสมาชิกขอเอง เก็บไว้ในประวัติของบัตรคิว"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    def clean_member(self) -> list[Member]:
        """Whom the text means: one, or those of whom staff have to choose one."""
        found = _meant(self.cleaned_data["member"])
        if len(found) == 1 and not found[0].is_registered:
            raise forms.ValidationError(str(NotRegistered()))
        return found

    def clean_asked(self) -> str:
        return self.cleaned_data["asked"] or Asked.TELEPHONE

    def clean(self):
        """Raises no fault of its own: why a day has no times is said beside the date. A day that is full for members
        may have places for staff, or for a topic."""
        chosen = super().clean()
        if chosen.get("department") and chosen.get("date"):
            day = availability.day(chosen["department"], chosen["date"])
            if day.state not in (availability.DayState.OPEN, availability.DayState.FULL):
                self.add_error("date", _("วันนี้จองไม่ได้: %s กรุณาเลือกวันอื่น") % day.reason)
        return chosen


class TimeForm(forms.Form):
    """A time that was chosen, and the key that makes a second press of the same button the same request."""

    slot = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    key = forms.RegexField(r"^office:[\w-]{20,80}$")


def new_key() -> str:
    """For a TimeForm."""
    return f"office:{secrets.token_urlsafe(24)}"


def open_times(department, date, topic=None, *, member_id=None) -> list[availability.Time]:
    """What staff may book on a day, for a member also what is offered to them; nothing without a day."""
    if date is None:
        return []
    return [
        time
        for time in availability.times(department, date, topic, member_id=member_id, for_staff=True)
        if time.state == availability.TimeState.OPEN
    ]


def book(request, model_admin):
    """GET: the form. POST: its next step, or the booking."""
    form = BookForm(request.POST if request.method == "POST" else None)
    if (theirs := departments_of(request.user)) is not None:
        form.fields["department"].queryset = form.fields["department"].queryset.filter(pk__in=theirs)
    context = {"form": form, "key": new_key()}
    if request.method == "POST" and form.is_valid() and not sent.has(request, "edit"):
        chosen = form.cleaned_data
        member = _chosen(chosen["member"], sent.id_of(request, "who"))
        if member is None:
            context |= {"found": chosen["member"]}
        else:
            topics = list(Topic.objects.offered(chosen["department"]))
            topic = next((one for one in topics if one.pk == sent.topic(request)), topics[0] if topics else None)
            time_form = TimeForm(request.POST)
            if sent.has(request, "slot") and time_form.is_valid():
                booked = _book(request, chosen, member, topic, time_form.cleaned_data)
                if booked:
                    return HttpResponseRedirect(reverse("admin:booking_ticket_read_out", args=[booked.ticket_id]))
            held = only_theirs(Ticket.objects.upcoming().filter(member=member).with_details(), request.user)
            context |= {"member": member, "topics": topics, "topic": topic, "held": held}
            if sent.has(request, "wait") and _waits(request, chosen, member, topic):
                return HttpResponseRedirect(reverse("admin:booking_ticket_waiting"))
            times = open_times(chosen["department"], chosen["date"], topic, member_id=member.pk)
            full = [chosen["date"]] if chosen["date"] and not times else []
            may_wait = bool(one_may_wait_for(chosen["department"], topic, full))
            context |= {"times": times, "may_wait": may_wait}
    return page(request, model_admin, "admin/booking/ticket/book.html", title=_("จองให้สมาชิก"), **context)


@require_safe
def slip(request, model_admin, ticket_id: int):
    """The ticket on paper of 80 mm, as the kiosk prints it: who has it opens the ticket by its QR code."""
    require(request, Right.BOOK_FOR_MEMBER)
    ticket = _theirs(request, ticket_id)
    if not ticket.is_live:
        return HttpResponseRedirect(reverse("admin:booking_ticket_read_out", args=[ticket.pk]))
    return page(
        request,
        model_admin,
        "admin/booking/ticket/slip.html",
        title=ticket.code,
        ticket=ticket,
        department=ticket.department,
        verb="issued",
        now=ticket.due_at,
        qr=qr_of_ticket(request, ticket),
    )


def _theirs(request, ticket_id: int) -> Ticket:
    require(request, Right.VIEW_TICKETS)
    tickets = Ticket.objects.with_details().select_related("member__line_account")
    ticket = get_object_or_404(tickets, pk=ticket_id)
    if not has_ticket(request.user, ticket):
        raise PermissionDenied
    return ticket


@require_http_methods(["GET", "HEAD", "POST"])
def read_out(request, model_admin, ticket_id: int):
    """What to tell somebody whose ticket was just booked, to be read out or printed, and whether a message goes out.
    POST: send the ticket."""
    ticket = _theirs(request, ticket_id)
    may_send = ticket.state == State.BOOKED and ticket.member is not None and ledger.can_reach(ticket.member)
    if request.method == "POST":
        require(request, Right.BOOK_FOR_MEMBER)
        if may_send:
            ledger.send_card(ticket=ticket)
        return HttpResponseRedirect(request.path)
    is_sent = may_send and ledger.has_card(ticket)
    return page(
        request,
        model_admin,
        "admin/booking/ticket/read_out.html",
        title=_("บอกสมาชิก"),
        ticket=ticket,
        arrive_by=times.arrive_by(ticket),
        is_sent=is_sent,
        may_send=may_send and not is_sent,
        may_book=request.user.has_perm(Right.BOOK_FOR_MEMBER),
    )


def _book(request, chosen: dict, member: Member, topic: Topic | None, wanted: dict) -> verbs.Booking | None:
    try:
        return verbs.book(
            member_id=member.pk,
            slot_id=wanted["slot"],
            topic_id=topic.pk if topic else None,
            key=wanted["key"],
            by=request.user,
            asked=chosen["asked"],
            reason=chosen["note"],
        )
    except BookingError as refusal:
        say(request, messages.ERROR, refusal)
        return None


def _waits(request, chosen: dict, member: Member, topic: Topic | None) -> bool:
    """Put who telephones on the list of a full day; False where that is refused."""
    try:
        waiting.join(
            member_id=member.pk,
            department=chosen["department"],
            date=chosen["date"],
            topic_id=topic.pk if topic else None,
            by=request.user,
        )
    except BookingError as refusal:
        say(request, messages.ERROR, refusal)
        return False
    say(request, messages.SUCCESS, _("ใส่ในรายการรอคิวว่างแล้ว"))
    return True


def _chosen(found: list[Member], wanted: int | None) -> Member | None:
    return found[0] if len(found) == 1 else next((one for one in found if one.pk == wanted), None)


def _meant(text: str) -> list[Member]:
    """The members that a citizen ID, a member number or a name points to, at most MOST_FOUND. Raises ValidationError
    for none, and for too many."""
    digits = ascii_digits(text)
    try:
        if is_as_long(text):
            found = list(Member.objects.filter(citizen_id_hmac__in=citizen_id_hmacs(parse_citizen_id(text))))
        elif digits.isdecimal():
            member = Member.objects.with_number(parse_member_number(digits))
            found = [member] if member else []
        else:
            named = Member.objects.filter(is_registered=True)
            for word in text.split():
                named = named.named(word)
            found = list(named.order_by("given_name", "family_name", "pk")[: MOST_FOUND + 1])
    except MemberError as refusal:
        raise forms.ValidationError(str(refusal)) from refusal
    if not found:
        raise forms.ValidationError(_("ไม่พบสมาชิกนี้ กรุณาตรวจเลขหรือชื่อกับสมาชิกอีกครั้ง"))
    if len(found) > MOST_FOUND:
        raise forms.ValidationError(_("พบมากกว่า %d ท่าน กรุณาพิมพ์ทั้งชื่อและนามสกุล หรือใช้เลขทะเบียน") % MOST_FOUND)
    return found
