"""What happens to tickets when the office closes their day or time: staff see them and choose.

The order makes the list complete. First the closure takes effect and every free place is gone; only then are the
tickets read. A booking under way has either lost its place or is on the list.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import errors, verbs
from booking.days import opening
from booking.days.opening import Changes
from booking.models import DayException, Department, Place, Slot, Ticket
from booking.models.days import in_closed_time
from booking.models.tickets import Cause, State, TicketQuerySet
from holidays import calendar
from holidays.models import Holiday


class Choice(TextChoices):
    """What the office does with a ticket of a day that it closes."""

    KEEP = "keep", _("คงบัตรคิวไว้ตามเดิม")
    MOVE = "move", _("ย้ายไปเวลาว่างที่ใกล้ที่สุด ในวันเดียวกันก่อน แล้วจึงวันทำการถัดไป")
    CANCEL = "cancel", _("ยกเลิกบัตรคิว และแจ้งสมาชิก")


@dataclass(frozen=True)
class Outcome:
    """What happened to one ticket: it was moved to `moved_to`, cancelled, or refused with `refusal`."""

    ticket: Ticket
    moved_to: verbs.Booking | None = None
    refusal: errors.BookingError | None = None


def stranded() -> TicketQuerySet:
    """Live tickets from today on for a minute at which nobody is served any more: the office closed the day or the time
    after they were booked. A ticket whose slot is gone but whose minute is still served is not among them."""
    return _of_closed_times(Ticket.objects.live())


def settled() -> TicketQuerySet:
    """Tickets of such days and times that staff have moved or cancelled, each with its `reason`. Their members have to
    be told."""
    return (
        _of_closed_times(Ticket.objects.filter(state=State.CANCELLED))
        .annotate(
            ending=FilteredRelation("events", condition=Q(events__to_state=State.CANCELLED, events__by__isnull=False))
        )
        .filter(ending__isnull=False)
        .annotate(reason=F("ending__reason"))
        .select_related("moved_to__slot", "moved_to__department")
    )


def close_for_holidays(
    *, holidays: Iterable[Holiday], choice: Choice, tickets: Iterable[Ticket], by: User, reason: str = ""
) -> list[Outcome]:
    """Confirm drafts of holidays, then apply the choice to `tickets`, which staff were shown.

    Tickets booked after that stay as they are; stranded() finds them from now on. The confirmation is one transaction,
    each ticket another; a second run goes on where the first one ended. Locks what confirm(), rules_changed() and the
    verbs lock.
    """
    with transaction.atomic():
        calendar.confirm(holidays, by=by)
        opening.rules_changed()
    return settle(choice=choice, tickets=tickets, by=by, reason=reason)


@dataclass(frozen=True)
class Decision:
    """What staff decided for one ticket. If it is moved, `wish` is the proposed start."""

    ticket: Ticket
    choice: Choice
    wish: dt.datetime | None = None


def change_day(
    *,
    exception: DayException,
    departments: Iterable[Department],
    decisions: list[Decision],
    by: User,
    reason: str,
) -> tuple[Changes, list[Outcome]]:
    """Put an exception in force, a new one or a changed one, then apply the decision for each ticket. Gives what laying
    out the days changed, and what became of the tickets.

    Saving the exception and laying out the days is one transaction, each ticket another. Tickets booked after staff
    looked stay as they are; stranded() finds them. Locks what rules_changed() and the verbs lock.
    """
    with transaction.atomic():
        exception.save()
        exception.departments.set(departments)
        changes = opening.rules_changed()
    return changes, _carry_out_all(decisions, by=by, reason=reason)


def take_back(
    *, exception: DayException, decisions: list[Decision], by: User, reason: str
) -> tuple[Changes, list[Outcome]]:
    """Delete an exception, so that its days are what they are without it, then apply the decision for each ticket. As
    change_day() otherwise."""
    with transaction.atomic():
        exception.delete()
        changes = opening.rules_changed()
    return changes, _carry_out_all(decisions, by=by, reason=reason)


def settle(*, choice: Choice, tickets: Iterable[Ticket], by: User, reason: str = "") -> list[Outcome]:
    """Keep, move or cancel tickets, each in a transaction of its own. A refusal does not stop the others."""
    if choice == Choice.KEEP:
        return []
    return [carry_out(Decision(ticket, choice), by=by, reason=reason) for ticket in tickets]


def _carry_out_all(decisions: list[Decision], *, by: User, reason: str) -> list[Outcome]:
    return [carry_out(decision, by=by, reason=reason) for decision in decisions if decision.choice != Choice.KEEP]


def carry_out(decision: Decision, *, by: User, reason: str) -> Outcome:
    """Move or cancel one ticket, as decided. Locks what move_to_free_time() and cancel() lock."""
    ticket = decision.ticket
    try:
        if decision.choice == Choice.MOVE:
            return Outcome(ticket, moved_to=move_to_free_time(ticket=ticket, wish=decision.wish, by=by, reason=reason))
        verbs.cancel(ticket=ticket, by=by, reason=reason, cause=Cause.OFFICE)
        return Outcome(ticket)
    except errors.BookingError as refusal:
        return Outcome(ticket, refusal=refusal)


def move_to_free_time(*, ticket: Ticket, by: User, wish: dt.datetime | None = None, reason: str = "") -> verbs.Booking:
    """Move a ticket to a free time of its department: on its own day, else on the first later day that has one, at the
    time nearest to its own. `wish` is a start to try first.

    Later days on which the member already has a ticket of the department are skipped. Locks what reschedule()
    locks. Raises NoFreeTime, WrongState, NotRegistered.
    """
    if ticket.slot is None:
        raise errors.WrongState
    wished = _bookable(ticket.department).filter(starts_at=wish).exclude(pk=ticket.slot.pk) if wish else []
    for slot in [*wished, *_free_slots(ticket, ticket.slot)]:
        try:
            return verbs.reschedule(
                ticket=ticket, slot_id=slot.pk, key=f"closing:{ticket.public_id}", by=by, reason=reason
            )
        except (errors.AlreadyBooked, errors.SlotFull, errors.DayClosed, errors.WindowPassed):
            continue
    raise errors.NoFreeTime


def _free_slots(ticket: Ticket, slot: Slot) -> list[Slot]:
    """The slots with room, from the ticket's day on: day by day, nearest to the ticket's own time first."""
    wish = _minute_of_day(slot)
    later = _bookable(ticket.department).filter(date__gte=ticket.date).exclude(pk=slot.pk)
    held = Ticket.objects.live().filter(member=ticket.member_id, department=ticket.department_id).exclude(pk=ticket.pk)
    later = later.exclude(date__in=held.values("date"))
    return sorted(later, key=lambda one: (one.date, abs(_minute_of_day(one) - wish), one.starts_at))


def _bookable(department: Department) -> QuerySet[Slot]:
    now = timezone.now()
    has_room = Exists(Place.objects.open_to(now, by_staff=True).filter(slot=OuterRef("pk")))
    return Slot.objects.filter(
        has_room, department=department, quota__gt=0, bookable_from__lte=now, bookable_until__gt=now
    )


def _minute_of_day(slot: Slot) -> int:
    local = timezone.localtime(slot.starts_at)
    return local.hour * 60 + local.minute


def _of_closed_times(tickets: TicketQuerySet) -> TicketQuerySet:
    return (
        tickets.filter(in_closed_time(), date__gte=timezone.localdate())
        .with_details()
        .select_related("member")
        .order_by("date", "department__position", "number")
    )
