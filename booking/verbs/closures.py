"""What becomes of tickets when the office closes their day or time: staff see them, and choose.

The order is what makes the list complete: first the closure takes effect, and with it every free place is gone; only
then are the tickets read. A booking that was under way has either lost its place or is on the list.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking import errors, verbs
from booking.days import opening
from booking.models import Place, Slot, Ticket
from booking.models.tickets import State
from holidays import calendar
from holidays.models import Holiday


class Choice(TextChoices):
    """What the office does with a ticket of a day that it closes."""

    KEEP = "keep", _("คงบัตรคิวไว้ตามเดิม")
    MOVE = "move", _("ย้ายไปเวลาเดียวกัน หรือเวลาว่างที่ใกล้ที่สุด ของวันทำการถัดไป")
    CANCEL = "cancel", _("ยกเลิกบัตรคิว และแจ้งสมาชิก")


@dataclass(frozen=True)
class Outcome:
    """What became of one ticket: it was moved to `moved_to`, cancelled, or could not be, and why."""

    ticket: Ticket
    moved_to: verbs.Booking | None = None
    refusal: errors.BookingError | None = None


def stranded():
    """Live tickets of today and later whose day or time the office has closed since they were booked."""
    return _of_closed_times(Ticket.objects.live())


def settled():
    """Tickets of such days and times that staff have moved or cancelled, each with their `reason`: the members of these
    have to be told."""
    return (
        _of_closed_times(Ticket.objects.filter(state=State.CANCELLED))
        .annotate(
            ending=FilteredRelation("events", condition=Q(events__to_state=State.CANCELLED, events__by__isnull=False))
        )
        .filter(ending__isnull=False)
        .annotate(reason=F("ending__reason"))
        .select_related("moved_to__slot", "moved_to__department")
    )


def close_for_holidays(*, holidays, choice: Choice, tickets, by, reason: str = "") -> list[Outcome]:
    """Confirm drafts of holidays, then do with `tickets`, those that staff were shown, as chosen.

    Tickets that were booked after they were shown are left as they are, and are found by stranded() from now on. The
    confirmation is one transaction, each ticket another; run again it goes on where it ended. Locks what confirm(),
    rules_changed() and the verbs lock.
    """
    with transaction.atomic():
        calendar.confirm(holidays, by=by)
        opening.rules_changed()
    return settle(choice=choice, tickets=tickets, by=by, reason=reason)


def settle(*, choice: Choice, tickets, by, reason: str = "") -> list[Outcome]:
    """Keep, move or cancel tickets, each in a transaction of its own; a refusal stops none of the others."""
    if choice == Choice.KEEP:
        return []
    return [_settle_one(ticket, choice, by, reason) for ticket in tickets]


def _settle_one(ticket: Ticket, choice: Choice, by, reason: str) -> Outcome:
    try:
        if choice == Choice.MOVE:
            return Outcome(ticket, moved_to=move_to_next_open_day(ticket=ticket, by=by, reason=reason))
        verbs.cancel(ticket=ticket, by=by, reason=reason)
        return Outcome(ticket)
    except errors.BookingError as refusal:
        return Outcome(ticket, refusal=refusal)


def move_to_next_open_day(*, ticket: Ticket, by, reason: str = "") -> verbs.Booking:
    """Move a ticket to the first later day of its department with a free time, there to the time nearest to its own.

    A day on which the member has a ticket of the department already is passed over. Locks what reschedule() locks.
    Raises NoFreeTime, WrongState, NotRegistered.
    """
    if ticket.is_walk_in:
        raise errors.WrongState
    for date in _days_with_room_after(ticket):
        for slot in _free_slots(ticket, date):
            try:
                return verbs.reschedule(
                    ticket=ticket, slot_id=slot.pk, key=f"closing:{ticket.public_id}", by=by, reason=reason
                )
            except errors.AlreadyBooked:
                break
            except (errors.SlotFull, errors.DayClosed, errors.WindowPassed):
                continue
    raise errors.NoFreeTime


def _days_with_room_after(ticket: Ticket) -> list[dt.date]:
    later = _bookable(ticket.department).filter(date__gt=ticket.date)
    return list(later.order_by("date").values_list("date", flat=True).distinct())


def _free_slots(ticket: Ticket, date: dt.date) -> list[Slot]:
    """The slots of a day that have room, the nearest to the ticket's own time first."""
    wish = _minute_of_day(ticket.slot)
    slots = _bookable(ticket.department).filter(date=date)
    return sorted(slots, key=lambda slot: (abs(_minute_of_day(slot) - wish), slot.starts_at))


def _bookable(department):
    now = timezone.now()
    has_room = Exists(Place.objects.free().filter(slot=OuterRef("pk")))
    return Slot.objects.filter(
        has_room, department=department, quota__gt=0, bookable_from__lte=now, bookable_until__gt=now
    )


def _minute_of_day(slot: Slot) -> int:
    local = timezone.localtime(slot.starts_at)
    return local.hour * 60 + local.minute


def _of_closed_times(tickets):
    closed = Q(slot__quota=0) | Q(date__in=Holiday.objects.confirmed().values("date"))
    return (
        tickets.filter(closed, date__gte=timezone.localdate())
        .with_details()
        .select_related("member")
        .order_by("date", "department__position", "number")
    )
