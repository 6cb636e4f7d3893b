"""The waiting list of a full day: who waits is offered, first come first served, what comes free.

A verb that frees a place keeps it (days/waiting.py) where somebody waits; the job offer_free_places() offers it to the
first in line. While an offer lasts, the booking statement (places.py) gives the place to nobody else. So a place can
neither be snatched between being freed and being offered, nor be offered once it is taken. An offer lapses by time, in
that statement; the job passes the place on.
"""

import datetime as dt
import logging
import secrets
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from booking import errors
from booking.days import availability, no_shows
from booking.days import waiting as days_waiting
from booking.days.availability import TimeState
from booking.messages import offers
from booking.models import Department, Place, Slot, Ticket, Topic, WaitingEntry
from booking.models.waiting import NO_OFFER
from booking.verbs import limits, locks
from booking.verbs.places import Booking, book
from members import family
from members.models import Member
from members.origins import Origin
from office.settings import office

Ending = WaitingEntry.Ending
log = logging.getLogger(__name__)


@locks.verb
def join(
    *,
    member_id: int,
    department: Department,
    date: dt.date,
    slot_id: int | None = None,
    topic_id: int | None = None,
    by: User | None = None,
    carer_id: int | None = None,
    origin: Origin | None = None,
    identity_mark: str | None = None,
    is_proven: bool = False,
) -> WaitingEntry:
    """Put a member on the list of a day that is full, or of one time of it. Who waits for the day already goes on
    waiting as before. The rules of a booking hold (limits.py where there is an origin, who did not come too often).

    `carer_id`: a member who looks after them puts them there; the consent is held until it is done.

    Locks the member, and the consent. Raises CareIsOver (members.errors) where there is none; NoWaitingList,
    NotFullYet, DayClosed, AlreadyBooked, NotRegistered, ProofNeeded, MissedTooOften, TooManyTickets, TooManyBookings,
    WaitsTooOften; and AlreadyWaits where a number alone (an origin, nothing proven) asks for an entry that another
    identity made: who has it may end it.
    """
    _hold_consent(carer_id, member_id)
    topic = Topic.objects.filter(pk=topic_id, department=department).first() if topic_id else None
    if not department.has_waiting_list or (topic_id and topic is None):
        raise errors.NoWaitingList
    if not Member.objects.select_for_update(no_key=True).filter(pk=member_id, is_registered=True).exists():
        raise errors.NotRegistered
    live = WaitingEntry.objects.live().filter(member=member_id)
    present = live.filter(department=department, date=date).first()
    if present:
        if origin and not is_proven and not (identity_mark and identity_mark == present.identity_mark):
            raise errors.AlreadyWaits(present)
        return present
    held = Ticket.objects.with_details().live().of_day(department, date).filter(member=member_id).first()
    if held:
        raise errors.AlreadyBooked(held)
    kept_away = None if by else no_shows.is_kept_away(member_id, department, date)
    if kept_away and kept_away.until:
        raise errors.MissedTooOften(kept_away.missed, kept_away.until, department.no_show_rule)
    if topic and topic.needs_proof and origin and not is_proven:
        raise errors.ProofNeeded
    now = timezone.now()
    limited = limits.refusal(member_id=member_id, origin=origin, is_proven=is_proven, now=now)
    if limited:
        raise limited
    if origin and live.filter(date__gte=timezone.localdate(now)).count() >= office.bookings_live:
        raise errors.WaitsTooOften
    return WaitingEntry.objects.create(
        public_id=secrets.token_urlsafe(16),
        member_id=member_id,
        department=department,
        date=date,
        starts_at=_full_time(department, date, topic, slot_id=slot_id, by_staff=by is not None),
        topic=topic,
        joined_at=now,
        by=by,
        identity_mark=identity_mark,
    )


@locks.verb
def leave(*, entry: WaitingEntry, by: User | None = None, carer_id: int | None = None) -> WaitingEntry:
    """Take a member off the list, because they want it or do not take what is offered: the place goes to the next. Who
    is off already stays so. `carer_id`: a member who looks after them answers for them.

    Locks the entry, its place and the consent. Raises CareIsOver (members.errors)."""
    locked = _lock(entry)
    _hold_consent(carer_id, locked.member_id)
    if locked.is_live:
        end([locked], Ending.LEFT)
        if by:
            offers.answered(locked, by=by)
    return locked


@locks.verb
def accept(
    *, entry: WaitingEntry, by: User | None = None, carer_id: int | None = None, origin: Origin | None = None
) -> Booking:
    """Book what is offered, by the same statement as any booking. Accepted twice, it is one ticket. An offer that has
    lapsed is still good while nobody else has the place. `carer_id`: as in leave().

    Locks the entry, the consent and what book() locks. Raises OfferOver, CareIsOver (members.errors), and what `book`
    raises.
    """
    locked = _lock(entry)
    _hold_consent(carer_id, locked.member_id)
    if locked.offered_starts_at is None or locked.ending not in (Ending.NONE, Ending.BOOKED):
        raise errors.OfferOver
    slot = Slot.objects.filter(department=locked.department, starts_at=locked.offered_starts_at).first()
    if slot is None:
        raise errors.OfferOver
    try:
        booking = book(
            member_id=locked.member_id,
            slot_id=slot.pk,
            topic_id=locked.topic_id,
            key=f"offer:{locked.public_id}",
            by=by,
            origin=origin,
            is_proven=True,
        )
    except (errors.SlotFull, errors.DayClosed, errors.WindowPassed) as refusal:
        raise errors.OfferOver from refusal
    if locked.is_live:
        end([locked], Ending.BOOKED)
        if by:
            offers.answered(locked, by=by)
    return booking


def offer_free_places() -> int:
    """End the waiting that is over, and offer free places to the first in line, each day a transaction of its own.
    Returns how many were offered. May run at any time, any number of times, several at once."""
    days = WaitingEntry.objects.live().order_by("date").values_list("department", "date").distinct()
    departments = Department.objects.in_bulk()
    offered = 0
    for pk, date in days:
        try:
            offered += _offer(department=departments[pk], date=date)
        except Exception:  # our own fault on one day must not hold up the others; it is logged with its traceback
            if connection.in_atomic_block:
                raise
            log.exception("nothing could be offered in department %s on %s", pk, date)
    return offered


@locks.verb
def _offer(*, department: Department, date: dt.date) -> int:
    """Locks the day's entries in line, all of them: two of these at once come one after the other, else the second
    would see nobody wait and let a place go. Then the places; one that somebody else holds at this moment is left to
    the next run (SKIP LOCKED)."""
    now = timezone.now()
    entries = WaitingEntry.objects.live().filter(department=department, date=date).in_line()
    line = list(
        entries.select_for_update(no_key=True, of=["self"]).select_related(
            "department", "topic", "member__line_account"
        )
    )
    slots = Slot.objects.of_day(department, date).filter(quota__gt=0, bookable_from__lte=now, bookable_until__gt=now)
    slot_of = {slot.pk: slot for slot in slots}
    over = _end_what_is_over(line, is_day_over=not _may_still_be_booked(department, date, now), now=now)
    line = [entry for entry in line if entry.pk not in over and entry.offered_at is None]
    if not slot_of or not department.has_waiting_list:
        return 0
    free = Place.objects.free().filter(slot__in=slot_of, offered_to=None).order_by("slot__starts_at", "number")
    offered = 0
    for place in free.select_for_update(skip_locked=True, no_key=True, of=["self"]):
        slot = slot_of[place.slot_id]
        first = next((entry for entry in line if _suits(entry, place, slot)), None)
        if first is None:
            if place.offered_until:  # kept for nobody: free to all again
                Place.objects.filter(pk=place.pk).update(offered_until=None)
            continue
        line.remove(first)
        _make_offer(first, place, slot, department, now)
        offered += 1
    return offered


def _make_offer(entry: WaitingEntry, place: Place, slot: Slot, department: Department, now: dt.datetime) -> None:
    ends_at = days_waiting.offer_ends_at(department, slot, now)
    # A little longer than the member is told: until the job has passed it on.
    Place.objects.filter(pk=place.pk).update(offered_to=entry, offered_until=ends_at + days_waiting.KEPT)
    entry.offered_starts_at, entry.offered_number = slot.starts_at, place.number
    entry.offered_at, entry.offer_ends_at = now, ends_at
    entry.save(update_fields=[*NO_OFFER])
    offers.owe(entry)


def _suits(entry: WaitingEntry, place: Place, slot: Slot) -> bool:
    """Whether the entry's member may have this place."""
    wanted = entry.starts_at in (None, slot.starts_at)
    if not wanted or not days_waiting.fits(entry.topic, slot.starts_at, slot.ends_at):
        return False
    if place.topic_id != (entry.topic.places_of if entry.topic else None):
        return False
    if not entry.member.is_registered or (entry.topic and not entry.topic.is_offered(entry.date)):
        return False
    return entry.by_id is not None or no_shows.is_kept_away(entry.member_id, entry.department, entry.date) is None


def _end_what_is_over(line: list[WaitingEntry], *, is_day_over: bool, now: dt.datetime) -> set[int]:
    """End what is: the member has a ticket by now, the offer has lapsed, or nothing of the day can be booked any more.
    The places are free for the next, in the same transaction. Returns the entries' ids."""
    if not line:
        return set()
    day = Ticket.objects.live().of_day(line[0].department_id, line[0].date)
    booked = set(day.filter(member__in=[entry.member_id for entry in line]).values_list("member", flat=True))
    over: set[int] = set()
    for entry in line:
        if entry.member_id in booked:
            end([entry], Ending.BOOKED)
        elif entry.offer_ends_at and entry.offer_ends_at <= now:
            end([entry], Ending.LAPSED)
        elif is_day_over:
            end([entry], Ending.DAY_OVER)
        else:
            continue
        over.add(entry.pk)
    return over


def _may_still_be_booked(department: Department, date: dt.date, now: dt.datetime) -> bool:
    """Whether any time of the day can be booked now or later. A day that is closed now may open again."""
    if date > timezone.localdate(now):
        return True
    return Slot.objects.of_day(department, date).filter(bookable_until__gt=now).exists()


def end(entries: Iterable[WaitingEntry], ending: WaitingEntry.Ending) -> None:
    """End locked entries. What was offered is kept for who waits next."""
    now = timezone.now()
    for entry in entries:
        entry.ended_at, entry.ending = now, ending
        entry.save(update_fields=["ended_at", "ending"])
        if entry.offered_at:
            kept_until = days_waiting.kept_until(entry.department, entry.date, now)
            Place.objects.filter(offered_to=entry).update(offered_to=None, offered_until=kept_until)


def lock_of_member(member_id: int) -> list[WaitingEntry]:
    """What a member waits for, locked."""
    live = WaitingEntry.objects.live().filter(member=member_id).order_by("pk")
    return list(live.select_for_update(no_key=True, of=["self"]).select_related("department"))


def _hold_consent(carer_id: int | None, member_id: int) -> None:
    """Until the transaction ends, where a carer acts. Raises CareIsOver."""
    if carer_id is not None:
        family.lock(carer_id=carer_id, member_id=member_id)


def _lock(entry: WaitingEntry) -> WaitingEntry:
    locked = WaitingEntry.objects.select_for_update(no_key=True, of=["self"]).select_related("department")
    return locked.get(pk=entry.pk)


def _full_time(
    department: Department, date: dt.date, topic: Topic | None, *, slot_id: int | None, by_staff: bool
) -> dt.datetime | None:
    """When the time begins that is waited for; None for the whole day. Raises NotFullYet where it can be booked,
    DayClosed where it never can, NoWaitingList where the topic takes longer than a time."""
    times = availability.times(department, date, topic, for_staff=by_staff)
    wanted = [time for time in times if slot_id is None or time.id == slot_id]
    if any(time.state == TimeState.OPEN for time in wanted):
        raise errors.NotFullYet
    full = [time for time in wanted if time.state == TimeState.FULL]
    if not full:
        raise errors.DayClosed
    if not any(days_waiting.fits(topic, time.start, time.end) for time in full):
        raise errors.NoWaitingList
    return wanted[0].start if slot_id is not None else None
