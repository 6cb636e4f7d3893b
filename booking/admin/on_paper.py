"""What was served on paper, entered afterwards by keyboard: the sheet of a department and day, some rows at a time.
Below them is what has been entered: rows that were wrong are taken back, with a reason, and entered anew."""

import datetime as dt
import re
from dataclasses import dataclass, field

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q
from django.http import HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from booking import thai, verbs
from booking.admin.base import page, require_verb, say
from booking.errors import BookingError
from booking.models import Counter, Department, Ticket, TicketEvent
from booking.models.staff import departments_for
from booking.models.tickets import AT_COUNTER, FIRST_WALK_IN_NUMBER, LIVE, Cause, State
from booking.verbs.on_paper import DAYS_BACK, Line, NotEntered, walk_in_numbers
from booking.views import sent
from members.citizen_id import ascii_digits, parse_member_number
from members.errors import MemberError
from members.models import Member

# A form may have so many fields and no more; and nobody finds a slip among three hundred rows.
ROWS = 25
WALK_INS = 10
LONGEST = 20
LONGEST_REASON = 200
FIELDS = ["arrived", "called", "counter", "finished", "ending", "number", "member"]
ENDINGS = {State.MISSED: gettext_lazy("เรียกแล้วไม่พบ"), State.NOT_ARRIVED: gettext_lazy("ไม่ได้มา")}


class SheetForm(forms.Form):
    """Which department's sheet of which of the last days."""

    department = forms.ModelChoiceField(Department.objects.none(), label=gettext_lazy("ฝ่าย"), empty_label=None)
    date = forms.ChoiceField(label=gettext_lazy("วันที่"))

    def __init__(self, data, *, departments, today):
        super().__init__(data)
        days = [today - dt.timedelta(days=nth) for nth in range(DAYS_BACK + 1)]
        self.fields["department"].queryset = departments
        self.fields["date"].choices = [(day.isoformat(), thai.short_date(day)) for day in days]

    def clean_date(self) -> dt.date:
        return dt.date.fromisoformat(self.cleaned_data["date"])


@dataclass
class Row:
    """A row of the page: a ticket, or room for a walk-in; what was typed into it, and what is wrong with that."""

    key: str
    ticket: Ticket | None = None
    typed: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    @property
    def is_at_counter(self) -> bool:
        return self.ticket is not None and self.ticket.state in AT_COUNTER

    @property
    def has_come(self) -> bool:
        """Whether the system knows that they came, so that paper need not say when."""
        return self.ticket is not None and self.ticket.state not in (
            State.BOOKED,
            State.NOT_ARRIVED,
            State.MISSED,
            State.NO_SHOW,
        )

    @property
    def is_empty(self) -> bool:
        """A counter alone is filled in for who is there already, as a walk-in's number is."""
        return not any(self.typed.get(name) for name in ("arrived", "called", "finished", "ending", "member"))


@dataclass
class Entered:
    """A row that has been entered: its ticket, when it was finished, by whom and when it was entered; whether it is
    chosen to be taken back, and why it cannot be."""

    ticket: Ticket
    finished_at: dt.datetime | None
    by: User | None
    at: dt.datetime | None
    is_chosen: bool = False
    fault: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def on_paper(request, model_admin):
    """GET ?department=&date=&page=&done=: the rows that are not entered yet, and those that are. POST: enter those with
    something in them, all of them or none; then the page says beside each row what is wrong, and keeps what was typed.
    POST do=take_back: take back the chosen ones of those that are entered, all of them or none."""
    require_verb(request, "served_on_paper")
    departments = departments_for(request.user, all_of_them=Department.objects.active())
    today = timezone.localdate()
    asked = {"department": departments.values_list("pk", flat=True).first(), "date": today.isoformat()}
    form = SheetForm(asked | request.GET.dict(), departments=departments, today=today)
    context = {"title": _("กรอกจากกระดาษ"), "form": form, "chosen": None, "rows": None, "walk_ins": []}
    if form.is_valid():
        department, date = form.cleaned_data["department"], form.cleaned_data["date"]
        rows = Paginator(_left(department, date), ROWS).get_page(request.GET.get("page"))
        shown = [Row(f"t{ticket.pk}", ticket, _known(ticket)) for ticket in rows]
        walk_ins = _empty_rows(department, date)
        done_pages = Paginator(_done(department, date), ROWS).get_page(request.GET.get("done"))
        done, reason = _entered_rows(list(done_pages)), sent.text(request, "reason", most=LONGEST_REASON)
        takes_back = sent.choice(request, "do", ("take_back",)) == "take_back"
        if takes_back and (taken_back := _take_back(request, department, date, done, reason)) is not None:
            say(request, messages.SUCCESS, _("ถอนแล้ว %d ใบ กรอกใหม่ได้ในตารางด้านบน") % taken_back)
            return HttpResponseRedirect(f"{request.path}?department={department.pk}&date={date}")
        if request.method == "POST" and not takes_back:
            shown, walk_ins = _sent_rows(request, department, date)
            entered = _enter(request, department, date, [*shown, *walk_ins])
            if entered is not None:
                say(request, messages.SUCCESS, _("บันทึกจากกระดาษแล้ว %d ใบ") % entered)
                return HttpResponseRedirect(f"{request.path}?department={department.pk}&date={date}")
        context |= {
            "chosen": department,
            "date": date,
            "kept": f"department={department.pk}&date={date}&",
            "pages": rows,
            "rows": shown,
            "walk_ins": walk_ins,
            "endings": list(ENDINGS.items()),
            "is_wrong": any(row.fault for row in [*shown, *walk_ins]),
            "entered": done_pages.paginator.count,
            "done_pages": done_pages,
            "done": done,
            "reason": reason,
            "kept_done": f"department={department.pk}&date={date}&page={rows.number}&",
            "uses_check_in": department.uses_check_in,
        }
    return page(request, model_admin, "admin/booking/ticket/on_paper.html", **context)


# --- what there is ---


def _of_day(department: Department, date: dt.date):
    return Ticket.objects.filter(queue=department, date=date)


def _from_paper() -> Exists:
    return Exists(TicketEvent.objects.standing().filter(ticket=OuterRef("pk"), entered_at__isnull=False))


def _left(department: Department, date: dt.date):
    """The tickets that may have been served on paper: not over yet, or ended because the day was over."""
    day_over = Exists(TicketEvent.objects.filter(ticket=OuterRef("pk"), cause=Cause.DAY_OVER))
    open_ = Q(state__in=[*LIVE, State.NO_SHOW, State.NOT_ARRIVED]) | (Q(state=State.CANCELLED) & Q(day_over))
    found = _of_day(department, date).filter(open_).exclude(_from_paper())
    return found.select_related("department", "slot", "member", "counter").order_by("due_at", "number", "pk")


def _done(department: Department, date: dt.date):
    """The tickets that have been entered from paper."""
    found = _of_day(department, date).filter(_from_paper())
    return found.select_related("department", "slot", "member", "counter").order_by("due_at", "number", "pk")


def _entered_rows(tickets: list[Ticket]) -> list[Entered]:
    events = TicketEvent.objects.standing().filter(ticket__in=tickets, entered_at__isnull=False).select_related("by")
    last = {event.ticket_id: event for event in events.order_by("id")}
    finished = {event.ticket_id: event.at for event in last.values() if event.verb == "finish"}
    return [Entered(one, finished.get(one.pk), last[one.pk].by, last[one.pk].entered_at) for one in tickets]


def _known(ticket: Ticket) -> dict[str, str]:
    is_there = ticket.state in AT_COUNTER and ticket.counter
    return {"counter": f"{ticket.counter.number}"} if is_there and ticket.counter else {}


def _empty_rows(department: Department, date: dt.date) -> list[Row]:
    first = max([*walk_in_numbers(department, date), FIRST_WALK_IN_NUMBER - 1]) + 1
    return [Row(f"w{nth}", typed={"number": f"{first + nth}"}) for nth in range(WALK_INS)]


# --- what was sent ---


def _sent_rows(request, department: Department, date: dt.date) -> tuple[list[Row], list[Row]]:
    tickets = _of_day(department, date).filter(pk__in=sent.ids(request, "ticket")[:ROWS])
    found = tickets.select_related("department", "slot", "member", "counter").order_by("due_at", "number", "pk")
    shown = [Row(f"t{ticket.pk}", ticket, _typed(request, f"t{ticket.pk}")) for ticket in found]
    return shown, [Row(f"w{nth}", typed=_typed(request, f"w{nth}")) for nth in range(WALK_INS)]


def _typed(request, key: str) -> dict[str, str]:
    return {name: sent.text(request, f"{name}-{key}", most=LONGEST) for name in FIELDS}


def _enter(request, department: Department, date: dt.date, rows: list[Row]) -> int | None:
    """How many tickets changed; None if something is wrong, which is then said in the rows."""
    counters = {counter.number: counter for counter in Counter.objects.all()}
    full = [row for row in rows if not row.is_empty]
    if not full:
        say(request, messages.ERROR, _("ยังไม่ได้กรอกแถวใด"))
        return None
    lines = []
    for row in full:
        try:
            lines.append(_line(row, date, counters))
        except ValueError as fault:
            row.fault = str(fault)
    if len(lines) < len(full):
        return None
    try:
        return verbs.served_on_paper(department=department, date=date, lines=lines, by=request.user)
    except NotEntered as refused:
        for nth, sentence in refused.faults.items():
            full[nth].fault = sentence
    except BookingError as refusal:
        say(request, messages.ERROR, refusal)
    return None


def _take_back(request, department: Department, date: dt.date, done: list[Entered], reason: str) -> int | None:
    """How many were taken back; None if something is wrong, which is then said."""
    ids = set(sent.ids(request, "entered"))
    for row in done:
        row.is_chosen = row.ticket.pk in ids
    chosen = [row for row in done if row.is_chosen]
    if not chosen:
        say(request, messages.ERROR, _("ยังไม่ได้เลือกแถวใด"))
        return None
    if not reason:
        say(request, messages.ERROR, _("กรุณากรอกเหตุผลที่ถอน"))
        return None
    tickets = [row.ticket.pk for row in chosen]
    try:
        return verbs.take_back_paper(department=department, date=date, tickets=tickets, reason=reason, by=request.user)
    except NotEntered as refused:
        for nth, sentence in refused.faults.items():
            chosen[nth].fault = sentence
    except BookingError as refusal:
        say(request, messages.ERROR, refusal)
    return None


def _line(row: Row, date: dt.date, counters: dict[int, Counter]) -> Line:
    """Raises ValueError, with a sentence, for what cannot be read."""
    typed = row.typed
    number = counter = member_id = None
    if row.ticket is None:
        number = _number(typed["number"])
        member_id = _member_id(typed["member"])
    if typed["counter"]:
        counter = counters.get(_number(typed["counter"]) or 0)
        if counter is None:
            raise ValueError(_("ไม่มีช่องบริการ %s") % typed["counter"])
    return Line(
        ticket_id=row.ticket.pk if row.ticket else None,
        number=number,
        member_id=member_id,
        ending=_ending(row),
        arrived_at=None if row.has_come else _moment(typed["arrived"], date),
        called_at=row.ticket.called_at if row.ticket and row.is_at_counter else _moment(typed["called"], date),
        finished_at=None if typed["ending"] in ENDINGS else _moment(typed["finished"], date),
        counter=counter,
    )


def _ending(row: Row) -> str:
    """What was chosen; else who came and has no other time waits, and who has one was served."""
    typed = row.typed
    if typed["ending"] in ENDINGS:
        return typed["ending"]
    only_came = not (row.has_come or typed["called"] or typed["finished"] or typed["counter"])
    return State.WAITING if only_came else State.SERVED


def _moment(text: str, date: dt.date) -> dt.datetime | None:
    """A time as people type it: 1005, 10.05, 10:05, 9, in Thai digits too."""
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,2})(?:[.:]?([0-9]{2}))?", ascii_digits(text.strip()).replace(" ", ""))
    try:
        if not found:
            raise ValueError(text)
        time = dt.time(int(found[1]), int(found[2] or 0))
    except ValueError as fault:
        raise ValueError(_("%s ไม่ใช่เวลา กรอกเช่น 1005 หรือ 10.05") % text) from fault
    return timezone.make_aware(dt.datetime.combine(date, time))


def _number(text: str) -> int:
    digits = ascii_digits(text.strip())
    if not re.fullmatch(r"[0-9]{1,5}", digits):
        raise ValueError(_("%s ไม่ใช่หมายเลข") % text if text else _("กรุณากรอกหมายเลข"))
    return int(digits)


def _member_id(text: str) -> int | None:
    """Raises ValueError for a number that nobody has: on paper it may have been misread."""
    if not text:
        return None
    try:
        member = Member.objects.with_number(parse_member_number(text))
    except MemberError as refusal:
        raise ValueError(str(refusal)) from refusal
    if member is None:
        raise ValueError(_("ไม่พบเลขทะเบียนนี้ ตรวจกับกระดาษ หรือเว้นว่างไว้"))
    return member.pk
