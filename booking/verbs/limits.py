"""How much members may book for themselves. The statement in places.py enforces the rule; this module repeats it in
Python, to say why a booking was refused. Bookings by staff and the kiosk have no origin: they are neither limited nor
counted."""

import datetime as dt
import math
from typing import Any

from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from booking import errors
from booking.kept import kept
from booking.models import ProofAsked, Ticket
from booking.models.surges import EVERYBODY
from booking.models.tickets import LIVE
from booking.prepared import array
from members.origins import Origin
from office.settings import office

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


def refusal(*, member_id: int, origin: Origin | None, is_proven: bool, now: dt.datetime) -> errors.BookingError | None:
    """Why this member may not book again from this origin, or None if they may."""
    if origin is None:
        return None
    own = Ticket.objects.filter(member=member_id, origin_address__isnull=False)
    live = own.filter(state__in=LIVE, date__gte=timezone.localdate(now))
    if live.count() >= office.bookings_live:
        next_day = live.aggregate(next=Min("date"))["next"] or timezone.localdate(now)
        return errors.TooManyTickets(_seconds_until_the_day_is_over(next_day, now))
    wait = _wait(own, office.bookings_of_day, DAY, now)
    if not wait and origin.device:
        wait = _wait(Ticket.objects.filter(origin_device=origin.device), office.bookings_of_device, HOUR, now)
    if wait:
        return errors.TooManyBookings(wait)
    if not is_proven and needs_proof(origin, now=now):
        return errors.ProofNeeded()
    return None


def in_the_statement(origin: Origin | None, *, now: dt.datetime) -> dict[str, Any]:
    """The limits, as parameters of the booking statement."""
    return {
        "address": origin and origin.address,
        "network": origin and origin.network,
        "device": origin and origin.device,
        "blocks": array(_blocks(origin) if origin else []),
        "hour_ago": now - HOUR,
        "day_ago": now - DAY,
        "most_live": office.bookings_live,
        "most_a_day": office.bookings_of_day,
        "most_of_device": office.bookings_of_device,
        "most_of_address": office.bookings_of_address,
    }


def look_up_needs_proof(origin: Origin, *, now: dt.datetime) -> bool:
    """Whether looking up a member from here needs a proof, because of a surge (surges.py) or because staff ask
    everybody."""
    blocks = _blocks(origin)
    asked = _asked(address=origin.address, network=blocks[-1], now=now)
    return bool(asked) and not _held_one_before(origin, now)


def needs_proof(origin: Origin, *, now: dt.datetime) -> bool:
    """Whether a booking from here needs a proof."""
    return look_up_needs_proof(origin, now=now) or has_booked_much(origin, now=now)


def has_booked_much(origin: Origin, *, now: dt.datetime) -> bool:
    """Whether so much has been booked from here within the hour that the next booking needs a proof."""
    most, since = office.bookings_of_address, now - HOUR
    if len(_booked_since(most, address=origin.address, since=since)) >= most:
        return True
    if origin.network and len(_booked_since(most, network=origin.network, since=since)) >= most:
        return True
    if origin.device:
        return False
    # Without a cookie one visitor cannot be told from the next: all of an address together count as one device.
    few = office.bookings_of_device
    return len(_booked_since(few, "without a device", address=origin.address, since=since)) >= few


@kept
def _booked_since(
    most: int, which: str = "", *, since: dt.datetime, address: str | None = None, network: str | None = None
) -> QuerySet[Ticket, tuple[int]]:
    of_origin = Q(origin_network=network) if address is None else Q(origin_address=address)
    without_device = Q(origin_device=None) if which else Q()
    return Ticket.objects.filter(of_origin & without_device, issued_at__gt=since).order_by().values_list("pk")[:most]


@kept
def _asked(*, address: str, network: str, now: dt.datetime) -> QuerySet[ProofAsked]:
    return ProofAsked.objects.filter(until__gt=now, block__in=[EVERYBODY, address, network])[:1]


def _blocks(origin: Origin) -> list[str]:
    """The blocks that this origin lies in: asking one of them for a proof asks this origin."""
    return [EVERYBODY, origin.address, *([origin.network] if origin.network else [])]


def _held_one_before(origin: Origin, now: dt.datetime) -> bool:
    """Whether this device booked before today's surge, if any, can have begun."""
    before = Ticket.objects.filter(origin_device=origin.device, issued_at__lt=now - DAY)
    return bool(origin.device) and before.exists()


def _wait(tickets: QuerySet[Ticket], most: int, within: dt.timedelta, now: dt.datetime) -> int:
    """Seconds until fewer than `most` of these tickets were issued `within` that time; 0 if that is so now."""
    last = list(
        tickets.filter(issued_at__gt=now - within).order_by("-issued_at").values_list("issued_at", flat=True)[:most]
    )
    return math.ceil((last[-1] + within - now).total_seconds()) if len(last) >= most else 0


def _seconds_until_the_day_is_over(date: dt.date, now: dt.datetime) -> int:
    next_day = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), tzinfo=timezone.get_current_timezone())
    return math.ceil((next_day - now).total_seconds())
