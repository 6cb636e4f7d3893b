"""A clerk's day: choose a counter, and its console.

Every button is a form that works without a script and leads back to the console. With one (static/js/counter.js) the
same answers hold only the console's part of the page, which is asked for again every second. All state is in the
database: a clerk can go on from any machine.
"""

import re
import uuid
from functools import lru_cache, wraps
from typing import NamedTuple
from urllib.parse import urlencode

from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import get_template
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from booking import errors, verbs
from booking.calling import console as reads
from booking.calling import queues
from booking.kept import kept
from booking.models import Counter, Department, Ticket
from booking.models.staff import has_ticket
from booking.models.tickets import Outcome, Priority, State
from booking.rights import Right
from booking.verbs import alarms, catalogue, seats
from booking.verbs.catalogue import Surface
from booking.views import refusals, scan, sent, who_waits
from booking.views.access import access
from booking.views.live import polled, queue_etag
from members.citizen_id import parse_member_number
from members.errors import InvalidMemberNumber
from members.models import Member

LONGEST_REASON = 200  # as long as an event keeps
LONGEST_SEEN = 100
LONGEST_CLASS_REASON = 120  # as long as a ticket keeps
PUBLIC_ID = re.compile(r"[-\w]{1,32}", re.ASCII)
SHORTEST_NAME = 2
WAITING = "waiting"
# What search has found, beside reads.LISTS. Its tickets stand in the address, not the name: addresses are logged.
FOUND = "found"


def _form(view):
    """A view that a form is sent to. If the form is refused, this address stays in the address bar: a reload leads back
    to the page with the form."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def guarded(request, **kwargs):
        if request.method == "POST":
            return view(request, **kwargs)
        number = kwargs.get("number")
        return redirect(_console_address(request, number)) if number else redirect("counters")

    return guarded


# --- choosing a counter ---


@require_safe
@access("staff", permission=Right.SERVE)
def choose(request):
    counters = Counter.objects.filter(is_active=True).select_related("clerk").prefetch_related("serves__department")
    mine = Counter.objects.filter(clerk=request.user).first()
    context = {
        "counters": counters,
        "mine": mine,
        "may_take_over": request.user.has_perm(Right.TAKE_OVER),
        "freeable": {one.pk for one in counters if one.clerk_id and seats.may_free(one, request.user)},
        "why": refusals.why(request),
    }
    return render(request, "counter/choose.html", context)


@access("staff", permission=Right.SERVE)
@_form
def sit(request, number):
    return _sit(request, get_object_or_404(Counter, number=number), takes_over=False)


@require_http_methods(["GET", "HEAD", "POST"])
@access("staff", permission=Right.TAKE_OVER)
def take_over(request, number):
    """Ask once more, since somebody is sent away. Then take their seat, and go on with their ticket."""
    counter = get_object_or_404(Counter.objects.select_related("clerk"), number=number)
    if request.method == "POST":
        return _sit(request, counter, takes_over=True)
    if counter.clerk is None or counter.clerk == request.user:
        return redirect("counters")
    return render(request, "counter/take_over.html", {"counter": counter, "at_counter": reads.at_counter(counter)})


@require_http_methods(["GET", "HEAD", "POST"])
@access("staff", permission=Right.SERVE)
def free(request, number):
    """Ask once more. Then free the counter of a colleague who went away."""
    counter = get_object_or_404(Counter.objects.select_related("clerk"), number=number)
    if request.method == "POST":
        try:
            seats.free(counter=counter, by=request.user)
        except errors.BookingError as refusal:
            return _to_choice(refusal)
        return redirect("counters")
    if counter.clerk is None or counter.clerk == request.user:
        return redirect("counters")
    if not seats.may_free(counter, request.user):
        return _to_choice(errors.NotAColleague)
    return render(request, "counter/free.html", {"counter": counter, "at_counter": reads.at_counter(counter)})


def _sit(request, counter, *, takes_over):
    try:
        seats.sign_in(counter=counter, by=request.user, takes_over=takes_over)
    except errors.BookingError as refusal:
        return _to_choice(refusal)
    return redirect("counter", counter.number)


# --- the console ---


def _seated(view):
    """Give a view the counter that the member of staff sits at. Others are told, and led back to the choice."""

    @wraps(view)
    def guarded(request, number, **kwargs):
        counter = next(iter(_counters(number=number)), None)
        if counter is None:
            raise Http404
        if counter.clerk_id != request.user.pk:
            return _not_seated(request, counter)
        return view(request, counter=counter, **kwargs)

    return guarded


@kept
def _counters(*, number):
    return Counter.objects.filter(number=number).order_by()


@require_safe
@access("staff", permission=Right.SERVE)
@_seated
def console(request, counter):
    if request.htmx:
        return _part(request, counter)
    return render(request, "counter/console.html", _context(request, counter, said=request.GET.get("said")))


@polled("counter")
@require_safe
@access("staff", permission=Right.SERVE)
@_seated
def live(request, counter):
    """The console as it is now; 304 if the page that asks already has it."""
    versions = queues.versions_at(counter)
    unchanged = get_conditional_response(request, etag=_etag(request, counter, versions))
    return unchanged or _part(request, counter, versions=versions)


@access("staff", permission=Right.SERVE)
@_form
@_seated
def leave(request, counter):
    try:
        seats.sign_out(counter=counter, by=request.user)
    except errors.BookingError as refusal:
        return _refused(request, counter, refusal)
    return redirect("counters")


@access("staff", permission=Right.SERVE)
@_form
def log_out(request):
    """Leave the counter and end the log-in. With a ticket at the counter both stay."""
    counter = Counter.objects.select_related("clerk").filter(clerk=request.user).first()
    try:
        if counter:
            seats.sign_out(counter=counter, by=request.user)
    except errors.BookingError as refusal:
        return _refused(request, counter, refusal)
    logout(request)
    return redirect_to_login(reverse("counters"))


@access("staff", permission=Right.SERVE)
@_form
@_seated
def press(request, counter, verb):
    """One of the buttons for the ticket at the counter."""
    if verb not in PRESSED:
        raise Http404
    try:
        _require_what_was_seen(request, counter)
        said = PRESSED[verb](request, counter)
    except errors.BookingError as refusal:
        return _refused(request, counter, refusal, form=verb)
    return _done(request, counter, said=said)


@access("staff", permission=Right.SERVE)
@_form
@_seated
def press_for(request, counter, public_id, verb):
    """A button for a ticket in one of the lists."""
    if verb not in PRESSED_FOR:
        raise Http404
    name, act = PRESSED_FOR[verb]
    if not catalogue.may(request.user, name, Surface.CONSOLE):
        raise PermissionDenied
    ticket = get_object_or_404(Ticket.objects.with_details(), public_id=public_id)
    try:
        if not has_ticket(request.user, ticket):
            raise errors.NotYourDepartment
        act(request, counter, ticket)
    except errors.BookingError as refusal:
        return _refused(request, counter, refusal, form=verb)
    return _done(request, counter)


@access("staff", permission=Right.SERVE)
@_form
@_seated
def walk_in(request, counter):
    """Issue a ticket to somebody who came without one. The same form sent again shows the same ticket."""
    if not catalogue.may(request.user, "walk_in", Surface.CONSOLE):
        raise PermissionDenied
    try:
        ticket = _issue(request, counter)
    except errors.AlreadyBooked as refusal:
        return _refused(request, counter, refusal, show=refusal.ticket and refusal.ticket.public_id)
    except (errors.BookingError, InvalidMemberNumber) as refusal:
        return _refused(request, counter, refusal, form="walk-in")
    return _done(request, counter, show=ticket.public_id, said="issued")


@access("staff", permission=Right.SERVE)
@_form
@_seated
def find(request, counter):
    """Show the ticket that was scanned or typed, or the tickets of members with the typed name. Somebody whose ticket
    is scanned has come: a booked one is checked in."""
    text = sent.text(request, "text", most=scan.LONGEST)
    departments = _departments(counter)
    ticket = scan.ticket_meant(text, letters=[department.letter for department in departments])
    if ticket is None:
        named = reads.named(text, departments) if len(text) >= SHORTEST_NAME else []
        if not named or len(named) > reads.MOST_FOUND:
            refusal = errors.TooManyNames() if named else errors.NotFound()
            return _refused(request, counter, refusal, form="find")
        if len(named) > 1:
            return _done(request, counter, found=[one.public_id for one in named])
        (ticket,) = named
    may_check_in = catalogue.may(request.user, "check_in", Surface.CONSOLE)
    checks_in = scan.is_link(text) and ticket.state == State.BOOKED and may_check_in
    if not checks_in or not has_ticket(request.user, ticket):
        return _done(request, counter, show=ticket.public_id)
    try:
        verbs.check_in(ticket=ticket, by=request.user)
    except errors.BookingError as refusal:
        return _refused(request, counter, refusal, show=ticket.public_id)
    return _done(request, counter, show=ticket.public_id, said="checked_in")


# What a clerk may say besides that it is done.
OUTCOMES = [Outcome.OTHER_TOPIC, Outcome.DOCUMENT_MISSING, Outcome.REFERRED]


# --- what the buttons do; each gives the code of something to say, or None ---


def _call_next(request, counter):
    return None if verbs.call_next(counter=counter, by=request.user) else "nobody_waits"


def _recall(request, counter):
    ticket = verbs.recall(counter=counter, by=request.user)
    return "missed" if ticket.state == State.MISSED else None


def _hold(request, counter):
    verbs.hold(counter=counter, by=request.user, reason=_reason(request))


def _transfer(request, counter):
    to = next((one for one in Department.objects.active() if one.slug == sent.choice(request, "to")), None)
    if to is None:
        raise errors.ChooseDepartment
    verbs.transfer(counter=counter, to=to, by=request.user, note=_reason(request))
    return "transferred"


def _finish(request, counter):
    """Finish and, if asked for, call the next: two verbs. The first holds even if the second finds nobody."""
    verbs.finish(
        counter=counter, by=request.user, outcome=sent.choice(request, "outcome", OUTCOMES, default=Outcome.DONE)
    )
    return _call_next(request, counter) if sent.has(request, "then_next") else None


def _simply(verb):
    def act(request, counter):
        verb(counter=counter, by=request.user)

    return act


PRESSED = {
    "call-next": _call_next,
    "recall": _recall,
    "undo-call": _simply(verbs.undo_call),
    "start": _simply(verbs.start),
    "finish": _finish,
    "undo-finish": _simply(verbs.undo_finish),
    "miss": _simply(verbs.miss),
    "hold": _hold,
    "put-back": _simply(verbs.put_back),
    "transfer": _transfer,
}


def _for_ticket(verb):
    def act(request, counter, ticket):
        verb(ticket=ticket, by=request.user)

    return act


def _resume(request, counter, ticket):
    verbs.resume(ticket=ticket, counter=counter, by=request.user)


def _call(request, counter, ticket):
    verbs.call(ticket=ticket, counter=counter, by=request.user, reason=_reason(request))


def _cancel(request, counter, ticket):
    verbs.cancel(ticket=ticket, by=request.user, reason=_reason(request))


# Each with the name of its verb, whose right it takes besides serving at a counter.
PRESSED_FOR = {
    "call": ("call", _call),
    "resume": ("resume", _resume),
    "finish": ("finish_held", _for_ticket(verbs.finish_held)),
    "come-back": ("come_back", _for_ticket(verbs.come_back)),
    "check-in": ("check_in", _for_ticket(verbs.check_in)),
    "undo-check-in": ("undo_check_in", _for_ticket(verbs.undo_check_in)),
    "cancel": ("cancel", _cancel),
    "reopen": ("reopen", _for_ticket(verbs.reopen)),
}


def _issue(request, counter) -> Ticket:
    """The ticket of the form for somebody who came without one. Raises what verbs.walk_in raises, InvalidMemberNumber,
    NoSuchMember, PriorityNeedsReason."""
    slug, typed = sent.choice(request, "department"), sent.number(request, "member_number").strip()
    department = next((one for one in _departments(counter) if one.slug == slug), None)
    if department is None:
        raise errors.ChooseDepartment
    priority = sent.choice(request, "priority", Priority)
    reason = _reason(request)[:LONGEST_CLASS_REASON] if priority else ""
    if priority and not reason:
        raise errors.PriorityNeedsReason
    return verbs.walk_in(
        department=department,
        by=request.user,
        member_id=_member_id(typed) if typed else None,
        priority=priority,
        reason=reason,
        key=f"console {counter.pk} {sent.key(request)}",
    )


def _member_id(typed: str) -> int:
    """Raises InvalidMemberNumber, and NoSuchMember if nobody has this number."""
    member = Member.objects.with_number(parse_member_number(typed))
    if member is None:
        raise errors.NoSuchMember
    return member.pk


def _reason(request) -> str:
    return sent.text(request, "reason", most=LONGEST_REASON)


def _require_what_was_seen(request, counter) -> None:
    """Refuse a button of an outdated page. Another tab, or an earlier press, has moved the counter on to another ticket
    or state, for which this press was not meant. Raises WrongState; CounterBusy for a second "next"."""
    ticket = Ticket.objects.with_details().at_counter(counter).first()
    seen = sent.text(request, "seen", most=LONGEST_SEEN)
    if seen == _seen(ticket):
        return
    raise errors.CounterBusy(ticket) if ticket and not seen else errors.WrongState


def _seen(ticket) -> str:
    return f"{ticket.public_id}:{ticket.state}:{ticket.recalls}" if ticket else ""


# --- what is answered ---

SAID = {
    "nobody_waits": _("ยังไม่มีคิวรอเรียก"),
    "missed": _("เรียกครบจำนวนครั้งแล้ว ย้ายไปอยู่ในรายการเรียกแล้วไม่พบ"),
    "transferred": _("โอนไปฝ่ายอื่นแล้ว"),
    "checked_in": _("แจ้งว่ามาถึงแล้ว"),
    "issued": _("ออกบัตรคิวแล้ว"),
}

# What is said about the lists stands beside them, on the right.
ABOUT_QUEUE_SAID = {"checked_in", "issued"}
ABOUT_QUEUE = {"counter_find", "counter_press_for", "counter_walk_in"}


def _done(request, counter, *, said=None, show=None, found=None):
    """With a script, the console as it is now. Without, a redirect to its page, so that a refresh repeats nothing."""
    if request.htmx:
        return _part(request, counter, said=said, show=show, found=found)
    return redirect(_console_address(request, counter.number, said=said, show=show, found=found))


def _console_address(request, number, *, said=None, show=None, found=None) -> str:
    """The console's page with the list and the ticket that are shown."""
    query = _list_query(request, found) | {"show": show or ("" if found else _shown_id(request)), "said": said}
    wanted = urlencode({name: value for name, value in query.items() if value})
    return f"{reverse('counter', args=[number])}?{wanted}"


def _refused(request, counter, refusal, *, form="", show=None):
    """The console with the refusal, and the refused form open with what was typed."""
    if isinstance(refusal, errors.NotAtCounter):
        counter.refresh_from_db()
        return _not_seated(request, counter)
    typed = sent.typed(request, most=scan.LONGEST)
    context = _context(request, counter, show=show) | {"refusal": refusal, "form": form, "typed": typed}
    if form == "walk-in":
        context["issue_key"] = sent.key(request)
    template = "counter/_console.html" if request.htmx else "counter/console.html"
    return render(request, template, context, status=422)


def _part(request, counter, **shown):
    return render(request, "counter/_console.html", _context(request, counter, **shown))


def _not_seated(request, counter):
    """An open page is told why it stops. Anybody else is sent to choose a counter."""
    if request.htmx:
        return render(request, "counter/_elsewhere.html", {"counter": counter})
    return _to_choice(errors.NotAtCounter())


def _to_choice(refusal):
    return redirect(f"{reverse('counters')}?{urlencode({'why': refusal.code})}")


def _context(request, counter, *, versions=None, said=None, show=None, found=None) -> dict:
    """`versions` of the counter's queues, where they have been read: before anything that is shown with them."""
    now = timezone.now()
    versions = queues.versions_at(counter) if versions is None else versions
    etag = _etag(request, counter, versions, show=show, found=found)
    at_counter, figures = reads.at_counter(counter), reads.figures(counter)
    shown = _shown(show or ("" if found else _shown_id(request)), at_counter)
    list_query = _list_query(request, found)
    name = list_query["list"]
    query = list_query | ({"show": shown.ticket.public_id} if shown else {})
    line = who_waits.line(versions, is_open=name == WAITING, now=now)
    departments = line.departments
    rows: list | str = line.rows
    if name == FOUND:
        rows = reads.found(list_query["found"].split("."), departments, now=now)
    elif name != WAITING:
        rows = reads.rows(name, departments, now=now)
    return {
        "counter": counter,
        "departments": departments,
        "other_departments": Department.objects.active(),
        "at_counter": at_counter,
        "seen": _seen(at_counter and at_counter.ticket),
        "next": line.following,
        "finished": _undoable(counter, at_counter, figures, now),
        "figures": figures,
        "list": name,
        "counts": line.counts,
        "list_query": f"?{urlencode(list_query)}",
        "rows": rows,
        "more": 0 if name == FOUND else max(0, line.counts[name] - reads.MOST_ROWS),
        "shown": shown,
        "shown_is_theirs": shown and has_ticket(request.user, shown.ticket),
        "shown_is_served_here": shown and shown.ticket.queue in departments,
        "query": f"?{urlencode(query)}",
        "etag": etag,
        "messages_are_stuck": alarms.messages_are_stuck(),
        "now": now,
        "said": SAID.get(said),
        "is_about_queue": said in ABOUT_QUEUE_SAID or request.resolver_match.url_name in ABOUT_QUEUE,
        "classes": Priority,
        "walk_in_fields": _walk_in_fields(_choices(departments), get_language()),
        "outcomes": OUTCOMES,
        "issue_key": uuid.uuid4(),
        "may": catalogue.used_by(request.user, Surface.CONSOLE),
    }


class _Choice(NamedTuple):
    """All that the form for somebody without a ticket shows of a department."""

    slug: str
    letter: str
    hue: str
    title: str


def _choices(departments: list[Department]) -> tuple[_Choice, ...]:
    return tuple(_Choice(one.slug, one.letter, one.hue, one.title) for one in departments)


@lru_cache(100)
def _walk_in_fields(departments: tuple[_Choice, ...], language: str) -> str:
    """As nobody has typed anything yet: the same on each console of these departments, so it is drawn once."""
    return get_template("counter/_walk_in_fields.html").render({"departments": departments, "classes": Priority})


def _undoable(counter, at_counter, figures, now):
    """The finish that can be undone now, or None."""
    if not figures.may_be_undone(now) or (at_counter and at_counter.ticket.state == State.SERVING):
        return None
    finished = reads.last_finish(counter)
    return finished if finished and finished.can_be_undone(now) else None


def _etag(request, counter, versions, *, show=None, found=None) -> str:
    """The version of everything that the console shows. The ticket shown may be in another queue."""
    shown = show or ("" if found else _shown_id(request))
    list_query = _list_query(request, found)
    state = Ticket.objects.filter(public_id=shown).values_list("state", flat=True).first() if shown else ""
    return queue_etag(versions, counter.clerk_id, *list_query.values(), shown, state)


def _departments(counter) -> list[Department]:
    return [served.department for served in counter.serves.select_related("department")]


def _list_query(request, found=None) -> dict[str, str]:
    """Which list is open: one of reads.LISTS, or what search has found (`found`, public ids)."""
    if found:
        return {"list": FOUND, "found": ".".join(found)}
    name, kept = request.GET.get("list"), request.GET.get("found", "")
    public_ids = [one for one in kept.split(".") if PUBLIC_ID.fullmatch(one)][: reads.MOST_FOUND]
    if name == FOUND and public_ids:
        return {"list": FOUND, "found": ".".join(public_ids)}
    return {"list": name if name in reads.LISTS else reads.LISTS[0]}


def _shown_id(request) -> str:
    public_id = request.GET.get("show", "")
    return public_id if PUBLIC_ID.fullmatch(public_id) else ""


def _shown(public_id, at_counter):
    """The row of the ticket to show, unless it is at the counter anyway."""
    tickets = Ticket.objects.with_details().select_related("member")
    ticket = tickets.filter(public_id=public_id).first() if public_id else None
    return reads.row(ticket) if ticket and ticket != (at_counter and at_counter.ticket) else None
