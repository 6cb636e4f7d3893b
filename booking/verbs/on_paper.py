"""What was served on paper while there was no power or no line is entered afterwards, as if it had been called then. A
line that was entered wrongly is taken back, and entered again: events are only added, and what was struck out stands in
the ticket's history, but counts nowhere (TicketEventQuerySet.standing)."""

import datetime as dt
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from booking import errors, thai
from booking.calling import times
from booking.days import serving
from booking.models import Counter, Department, Ticket, TicketEvent
from booking.models.tickets import AT_COUNTER, FIRST_WALK_IN_NUMBER, MOVES, Cause, State, hash_of, secret_of
from booking.verbs import locks, moves

DAYS_BACK = 7
# Who comes long before the opening, or is served long after the closing: further off it is a slip of the pen.
AROUND_THE_DAY = dt.timedelta(hours=2)
LAST_NUMBER = 999
# What a sheet of paper can say in the end of a ticket.
ENDINGS = (State.SERVED, State.MISSED, State.NOT_ARRIVED, State.WAITING)
_ENDED_BY_A_JOB = ("close_day", "cancel", "on_paper")
_CALLED_BY: dict[str, str] = {State.ON_HOLD: "resume", State.BOOKED: "call", State.WAITING: "call"}
_TAKES_COUNTER = ("call", "resume", "undo_finish")
# What a ticket was before a line was entered.
_KEPT = ("state", "counter_id", "called_at", "arrived_at", "due_at", "recalls")
_LEAVES_COUNTER = ("finish", "miss", "hold", "put_back", "undo_call", "transfer")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the sheet: a ticket, or a walk-in by its number; how it ended (one of ENDINGS), and the times written
    there. `counter` and `called_at` belong to who was called, `finished_at` to who was served. `arrived_at` may be
    missing where the member had come before; who came today and was not called yet waits."""

    ticket_id: int | None = None
    number: int | None = None
    member_id: int | None = None
    ending: str = State.SERVED
    arrived_at: dt.datetime | None = None
    called_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    counter: Counter | None = None

    @property
    def key(self) -> str:
        """By its day and department: a walk-in is entered once."""
        return f"paper {self.number}"


class NotEntered(Exception):
    """Nothing was entered, or taken back. `faults`: a sentence for each line that is not right, by its place among
    them."""

    code = "not_entered"

    def __init__(self, faults: dict[int, str]) -> None:
        super().__init__(faults)
        self.faults = faults


class Busy(NamedTuple):
    """From when to when a counter was taken, and by whom: a ticket's code."""

    since: dt.datetime
    until: dt.datetime
    code: str


@locks.verb
def served_on_paper(*, department: Department, date: dt.date, lines: list[Line], by: User) -> int:
    """Enter what the sheet of a department and day says: all lines, or none of them. Each ticket gets the events that a
    counter's buttons would have given it, with the times on paper; they keep who entered them, and when. Messages are
    not owed: the moment has passed. A line that was entered before is passed over. Returns how many tickets changed.

    Tickets that were closed at the end of the day are reopened first. Their places stay free: nobody books a time that
    is over. Locks the counters, the queue, the tickets and the members of walk-ins. Raises NotEntered; DayClosed for a
    day that is not one of the last DAYS_BACK, or on which the department did not serve.
    """
    now = timezone.now()
    today = timezone.localdate(now)
    periods = serving.serving_periods(date).get(department.pk)
    if not periods or not today - dt.timedelta(days=DAYS_BACK) <= date <= today:
        raise errors.DayClosed
    counters = {line.counter.pk for line in lines if line.counter}
    _lock_counters(counters)
    locks.lock_queues(department.pk)
    locks.raise_versions(department.pk)
    tickets = _lock_tickets(department, date, lines)
    left = {
        nth: line
        for nth, line in enumerate(lines)
        if not _is_entered(line, tickets.get(line.ticket_id or 0), department, date)
    }
    hours = (periods[0][0] - AROUND_THE_DAY, min(now, periods[-1][1] + AROUND_THE_DAY))
    known_at, walk_ins = _known_at(tickets), walk_in_numbers(department, date)
    faults = (
        _of_members(left, department, date)
        | _same_number(left)
        | _overlaps(left, tickets, _busy(counters, date, set(tickets), now))
    )
    for nth, line in left.items():
        ticket = tickets.get(line.ticket_id or 0)
        fault = _fault(line, ticket, walk_ins, hours=hours, known_at=known_at.get(line.ticket_id or 0))
        # What is wrong with a line by itself is said first.
        faults |= {nth: fault} if fault else {}
    if faults:
        raise NotEntered(faults)
    entered = 0
    for line in left.values():
        ticket = tickets.get(line.ticket_id or 0)
        if ticket is None:
            _enter_walk_in(line, department, date, by=by, now=now)
            entered += 1
        else:
            entered += _enter(line, ticket, by=by, now=now)
    return entered


@locks.verb
def take_back_paper(*, department: Department, date: dt.date, tickets: list[int], reason: str, by: User) -> int:
    """Take back what was entered from paper for these tickets: all of them, or none. Each is again what it was before,
    so that its line can be entered anew; a walk-in that was there on paper alone is cancelled, and its number is free
    for the next line. Reports count as if the line had not been entered. Returns how many.

    Locks the counters, the queue, the tickets and the members of those that live again. Raises NotEntered where nothing
    of a ticket is from paper, something has happened to it since, its counter has another one now, or its member has;
    DayClosed for a day that is not one of the last DAYS_BACK.
    """
    now = timezone.now()
    today = timezone.localdate(now)
    if not today - dt.timedelta(days=DAYS_BACK) <= date <= today:
        raise errors.DayClosed
    chosen = Ticket.objects.filter(pk__in=tickets, queue=department, date=date)
    entries = TicketEvent.objects.filter(ticket__in=chosen, before__counter_id__isnull=False)
    _lock_counters(set(entries.values_list("before__counter_id", flat=True)))
    locks.lock_queues(department.pk)
    locks.raise_versions(department.pk)
    found = chosen.select_for_update(no_key=True, of=["self"]).with_details().in_bulk()
    faults = {}
    for nth, pk in enumerate(tickets):
        ticket = found.get(pk)
        if fault := _take_back(ticket, by=by, reason=reason, now=now) if ticket else str(errors.WrongState()):
            faults[nth] = fault
    if faults:
        raise NotEntered(faults)
    return len(found)


# --- what was there before ---


def _lock_counters(pks: set[int]) -> None:
    list(Counter.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk"))


def _lock_tickets(department: Department, date: dt.date, lines: list[Line]) -> dict[int, Ticket]:
    wanted = [line.ticket_id for line in lines if line.ticket_id]
    found = Ticket.objects.select_for_update(no_key=True, of=["self"]).with_details()
    return {ticket.pk: ticket for ticket in found.filter(pk__in=wanted, queue=department, date=date).order_by("pk")}


def walk_in_numbers(department: Department, date: dt.date) -> set[int]:
    """Their numbers, but of those that were on paper alone and taken back."""
    taken_back = Ticket.objects.filter(state=State.CANCELLED, events__strikes__isnull=False)
    found = Ticket.objects.of_day(department, date).filter(slot=None).exclude(pk__in=taken_back)
    return set(found.values_list("number", flat=True))


def _known_at(tickets: Iterable[int]) -> dict[int, dt.datetime]:
    """When the last thing happened to each of these tickets, as the system knows it."""
    events = TicketEvent.objects.standing().filter(ticket__in=list(tickets)).exclude(verb__in=_ENDED_BY_A_JOB)
    events = events.order_by()
    return dict(events.values_list("ticket").annotate(last=Max("at")))


def _is_entered(line: Line, ticket: Ticket | None, department: Department, date: dt.date) -> bool:
    """Whether the same line was entered before: the form was sent twice."""
    if line.number is not None:
        kept = Ticket.objects.of_day(department, date).filter(idempotency_key=_key(line, department, date)).first()
        return kept is not None and kept.called_at == line.called_at
    if ticket is None or ticket.called_at != line.called_at:
        return False
    return ticket.events.standing().filter(entered_at__isnull=False).exists()


def _busy(counters: set[int], date: dt.date, besides: set[int], now: dt.datetime) -> dict[int, list[Busy]]:
    """When these counters had which tickets on that day, by the id of the counter, without the tickets of the sheet."""
    events = TicketEvent.objects.standing().filter(counter__in=counters, ticket__date=date)
    rows = (
        events.exclude(ticket__in=besides)
        .order_by("id")
        .values_list("ticket_id", "verb", "counter_id", "at", "ticket__department__letter", "ticket__number")
    )
    found: dict[int, list[Busy]] = {pk: [] for pk in counters}
    begun: dict[tuple[int, int], tuple[dt.datetime, str]] = {}
    for ticket_id, verb, counter_id, at, letter, number in rows:
        one = (ticket_id, counter_id)
        if verb in _TAKES_COUNTER or (verb == "start" and one not in begun):
            begun[one] = (at, f"{letter}{number:03d}")
        elif verb in _LEAVES_COUNTER and one in begun:
            since, code = begun.pop(one)
            found[counter_id].append(Busy(since, at, code))
    for (_ticket, counter_id), (since, code) in begun.items():
        found[counter_id].append(Busy(since, now, code))
    return found


# --- what is wrong with a line ---


def _fault(
    line: Line,
    ticket: Ticket | None,
    walk_ins: set[int],
    *,
    hours: tuple[dt.datetime, dt.datetime],
    known_at: dt.datetime | None,
) -> str:
    """In a sentence; "" for a line that is right by itself."""
    if line.number is not None:
        if fault := _fault_of_number(line, walk_ins):
            return fault
    elif ticket is None or not _is_open(ticket):
        return str(errors.WrongState())
    if line.ending == State.NOT_ARRIVED:
        has_come = ticket is None or ticket.state not in (State.BOOKED, State.NOT_ARRIVED)
        return _("ระบบรู้ว่ามาถึงแล้ว หากเรียกแล้วไม่พบ กรุณาเลือกอย่างนั้น") if has_come else ""
    if line.ending == State.WAITING:
        return _fault_of_waiting(line, ticket, hours=hours)
    if ticket and ticket.state == State.SERVING and line.ending == State.MISSED:
        return _("ระบบรู้ว่าเริ่มให้บริการแล้ว กรุณากรอกเวลาเสร็จ")
    return _fault_of_times(line, ticket, hours=hours, known_at=known_at)


def _fault_of_waiting(line: Line, ticket: Ticket | None, *, hours: tuple[dt.datetime, dt.datetime]) -> str:
    if not line.arrived_at or timezone.localdate(line.arrived_at) < timezone.localdate():
        return _("กรุณากรอกเวลาเรียก")  # of a day that is over nobody waits
    if ticket and ticket.state not in (State.BOOKED, State.NOT_ARRIVED, State.MISSED, State.NO_SHOW):
        return _("ระบบรู้ว่ามาถึงแล้ว")
    if line.arrived_at > hours[1]:
        return _("เวลานี้ยังไม่ถึง หรือหลังเวลาทำการมากเกินไป")
    return _("เวลานี้ก่อนเวลาทำการมากเกินไป") if line.arrived_at < hours[0] else ""


def _fault_of_number(line: Line, walk_ins: set[int]) -> str:
    assert line.number is not None
    if not FIRST_WALK_IN_NUMBER <= line.number <= LAST_NUMBER:
        return _("หมายเลขของผู้ที่ไม่ได้จองเริ่มที่ %d") % FIRST_WALK_IN_NUMBER
    if line.number in walk_ins:
        free = max(walk_ins) + 1
        return _("หมายเลขนี้มีผู้ใช้แล้ว หมายเลขถัดไปที่ว่างคือ %d") % free
    return ""


def _fault_of_times(
    line: Line, ticket: Ticket | None, *, hours: tuple[dt.datetime, dt.datetime], known_at: dt.datetime | None
) -> str:
    at_counter = ticket is not None and ticket.state in (State.CALLED, State.SERVING)
    if not line.called_at and not at_counter:
        return _("กรุณากรอกเวลาเรียก")
    if line.counter is None:
        return _("กรุณากรอกช่องบริการ")
    if at_counter and ticket and ticket.counter_id != line.counter.pk:
        return _("ระบบรู้ว่าบัตรนี้เรียกที่ช่อง %d แล้ว") % (ticket.counter.number if ticket.counter else 0)
    if line.ending == State.SERVED and not line.finished_at:
        return _("กรุณากรอกเวลาเสร็จ หรือเลือกว่าไม่พบ")
    if not line.arrived_at and _asks_arrival(ticket):
        return _("กรุณากรอกเวลามาถึง")
    order = [at for at in (line.arrived_at, line.called_at, line.finished_at) if at]
    if order != sorted(order) or (line.called_at and line.called_at == line.finished_at):
        return _("เวลาต้องเรียงตามลำดับ: มาถึง เรียก เสร็จ")
    if order and order[-1] > hours[1]:
        return _("เวลานี้ยังไม่ถึง หรือหลังเวลาทำการมากเกินไป")
    if order and order[0] < hours[0]:
        return _("เวลานี้ก่อนเวลาทำการมากเกินไป")
    first = line.arrived_at if _asks_arrival(ticket) else line.called_at or line.finished_at
    if known_at and first and first < known_at.replace(second=0, microsecond=0):
        return _("ระบบบันทึกเหตุการณ์ของบัตรนี้ไว้เวลา %s เวลาบนกระดาษต้องไม่ก่อนนั้น") % thai.clock(known_at)
    return ""


def _is_open(ticket: Ticket) -> bool:
    """Whether the ticket may still be entered: it has not ended, or a job has ended it because the day was over."""
    if ticket.state == State.CANCELLED:
        last = ticket.events.standing().order_by("-id").first()
        return last is not None and last.cause == Cause.DAY_OVER
    return ticket.is_live or ticket.state in (State.NO_SHOW, State.NOT_ARRIVED)


def _asks_arrival(ticket: Ticket | None) -> bool:
    if ticket is None or ticket.state in (State.MISSED, State.NO_SHOW):
        return True
    return ticket.state in (State.BOOKED, State.NOT_ARRIVED) and ticket.queue.uses_check_in


def _overlaps(lines: dict[int, Line], tickets: dict[int, Ticket], busy: dict[int, list[Busy]]) -> dict[int, str]:
    """The lines whose service at a counter overlaps another one's there."""
    faults: dict[int, str] = {}
    for nth, line in lines.items():
        ticket = tickets.get(line.ticket_id or 0)
        since = line.called_at or (ticket.called_at if ticket else None)
        if line.ending != State.SERVED or not (line.counter and since and line.finished_at):
            continue
        code = ticket.code if ticket else str(line.number)
        for other in busy[line.counter.pk]:
            if since < other.until and other.since < line.finished_at:
                faults[nth] = _("ช่อง %(counter)d มี %(code)s อยู่ตั้งแต่ %(since)s ถึง %(until)s") % {
                    "counter": line.counter.number,
                    "code": other.code,
                    "since": thai.clock(other.since),
                    "until": thai.clock(other.until),
                }
                break
        busy[line.counter.pk].append(Busy(since, line.finished_at, code))
    return faults


def _of_members(lines: dict[int, Line], department: Department, date: dt.date) -> dict[int, str]:
    """The walk-ins of members who have a ticket of that day: it is theirs that was served."""
    faults = {}
    for nth, line in sorted(lines.items(), key=lambda one: one[1].member_id or 0):
        try:
            moves.require_no_other_ticket(member_id=line.member_id, department_id=department.pk, date=date)
        except errors.AlreadyBooked as refusal:
            code = refusal.ticket.code if refusal.ticket else ""
            faults[nth] = _("สมาชิกมีบัตรคิว %s อยู่แล้ว กรุณากรอกในแถวนั้น") % code
    return faults


def _same_number(lines: dict[int, Line]) -> dict[int, str]:
    seen: set[int] = set()
    faults = {}
    for nth, line in lines.items():
        if line.number in seen:
            faults[nth] = _("หมายเลขนี้อยู่ในแถวอื่นแล้ว")
        if line.number is not None:
            seen.add(line.number)
    return faults


# --- what is written ---


def _enter(line: Line, ticket: Ticket, *, by: User, now: dt.datetime) -> bool:
    """Returns whether there was anything to change."""
    steps = _steps(
        line,
        ticket.state,
        uses_check_in=ticket.queue.uses_check_in,
        is_over=ticket.date < timezone.localdate(now),
        now=now,
    )
    fields: dict[str, object] = {}
    if any(verb in ("check_in", "come_back") for verb, _at in steps):
        fields["arrived_at"] = line.arrived_at
        if line.arrived_at and times.is_late(ticket.queue, ticket.due_at, came_at=line.arrived_at):
            fields["due_at"] = moves.due_again(ticket, ticket.queue, line.arrived_at)
    if any(verb in ("call", "resume") for verb, _at in steps):
        fields |= {"called_at": line.called_at, "recalls": 0}
    if line.counter and line.ending in (State.SERVED, State.MISSED):
        fields["counter"] = line.counter
    elif line.ending == State.WAITING:
        fields |= {"counter": None, "called_at": None, "recalls": 0}
    moves.replay(ticket, steps, by=by, at_counter=line.counter, entered_at=now, before=_as_it_is(ticket), **fields)
    return bool(steps)


def _enter_walk_in(line: Line, department: Department, date: dt.date, *, by: User, now: dt.datetime) -> None:
    assert line.number is not None and line.arrived_at is not None
    public_id = secrets.token_urlsafe(16)
    steps = _steps(line, State.WAITING, uses_check_in=True, is_over=date < timezone.localdate(now), now=now)
    ticket = Ticket.objects.create(
        public_id=public_id,
        secret_hash=hash_of(secret_of(public_id)),
        department=department,
        queue=department,
        date=date,
        number=line.number,
        member_id=line.member_id,
        # As it will be: two that were served one after the other were never at a counter at once.
        state=State.SERVED,
        issued_at=line.arrived_at,
        arrived_at=line.arrived_at,
        due_at=line.arrived_at,
        called_at=line.called_at,
        counter=line.counter,
        idempotency_key=_key(line, department, date),
    )
    ticket.state = State.WAITING
    moves.write_event(ticket, "walk_in", "", by=by, at=line.arrived_at, entered_at=now, before={})
    moves.replay(ticket, steps, by=by, at_counter=line.counter, entered_at=now)


def _steps(
    line: Line, state: str, *, uses_check_in: bool, is_over: bool, now: dt.datetime
) -> list[tuple[str, dt.datetime]]:
    """The moves that lead from a state to what the line says, each with its time."""
    steps: list[tuple[str, dt.datetime]] = []

    def step(verb: str, at: dt.datetime | None) -> None:
        nonlocal state
        steps.append((verb, at or now))
        state = MOVES[verb][State(state)]

    if line.ending == State.NOT_ARRIVED:
        if state == State.BOOKED:
            step("close_day", now)
        return steps
    if state in MOVES["on_paper"]:
        step("on_paper", now)
    if state == State.BOOKED and (uses_check_in or line.arrived_at):
        step("check_in", line.arrived_at)
    elif state == State.MISSED:
        step("come_back", line.arrived_at)
    if line.ending == State.WAITING:
        return steps
    if verb := _CALLED_BY.get(state):
        step(verb, line.called_at)
    for verb, at in _after_call(line, state, is_over=is_over, now=now):
        step(verb, at)
    return steps


def _after_call(line: Line, state: str, *, is_over: bool, now: dt.datetime) -> list[tuple[str, dt.datetime | None]]:
    if line.ending == State.MISSED:
        return [("miss", line.called_at), *([("close_day", now)] if is_over else [])]
    start = [("start", line.called_at)] if state == State.CALLED else []
    return [*start, ("finish", line.finished_at)]


# --- what is taken back ---


def _take_back(ticket: Ticket, *, by: User, reason: str, now: dt.datetime) -> str:
    """Make a locked ticket what it was before; or say in a sentence why not."""
    events = list(ticket.events.standing().order_by("id"))
    first = next((event for event in events if event.entered_at), None)
    if first is None:
        return _("บัตรนี้ไม่มีสิ่งที่กรอกจากกระดาษ")
    if first.before is None:
        return _("บัตรนี้กรอกไว้ก่อนที่ระบบจะถอนได้")
    later = [event for event in events if event.pk > first.pk and not event.entered_at]
    if any(event.verb != "close_day" and event.cause != Cause.DAY_OVER for event in later):
        return _("หลังจากกรอกแล้ว มีการทำรายการกับบัตรนี้ในระบบ จึงถอนไม่ได้")
    was_live, from_state = ticket.is_live, ticket.state
    fields = _restored(first.before)
    for name, value in fields.items():
        setattr(ticket, name, value)
    there = Ticket.objects.filter(counter=ticket.counter_id, state__in=AT_COUNTER).exclude(pk=ticket.pk)
    if ticket.state in AT_COUNTER and there.exists():
        return _("ก่อนกรอก บัตรนี้อยู่ที่ช่องบริการซึ่งขณะนี้มีบัตรอื่น กรุณารอให้ช่องว่างก่อน")
    if ticket.is_live and not was_live:
        try:
            moves.require_no_other_ticket(
                member_id=ticket.member_id, department_id=ticket.department_id, date=ticket.date
            )
        except errors.AlreadyBooked as refusal:
            return str(refusal)
    ticket.save(update_fields=list(fields))
    moves.write_event(ticket, "take_back_paper", from_state, by=by, reason=reason, at=now, strikes=first.pk)
    return ""


def _as_it_is(ticket: Ticket) -> dict[str, object]:
    values = {name: getattr(ticket, name) for name in _KEPT}
    return {name: one.isoformat() if isinstance(one, dt.datetime) else one for name, one in values.items()}


def _restored(before: dict[str, Any]) -> dict[str, Any]:
    """The fields again. A walk-in that was on paper alone never was: its number may be entered anew."""
    if not before:
        return {"state": State.CANCELLED, "idempotency_key": None}
    return {
        name: dt.datetime.fromisoformat(value) if name.endswith("_at") and value else value
        for name, value in before.items()
    }


def _key(line: Line, department: Department, date: dt.date) -> str:
    return f"{line.key} {department.pk} {date}"
