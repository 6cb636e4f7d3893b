"""When missed look-ups or bookings surge above the usual, bookings from the addresses behind the surge need a proof.
Only staff can ask everybody for one: no stranger can switch that on.

Devices that held a ticket before are never asked.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from booking.models import ProofAsked, TicketEvent
from booking.models.surges import EVERYBODY
from members.models import LookupCount
from members.throttle import MISSED

HOUR, WEEK = dt.timedelta(hours=1), dt.timedelta(days=7)
TIMES_THE_USUAL, AT_LEAST, WEEKS = 5, 50, 4
# A block with so few is left alone, whatever goes on elsewhere.
FEW = 5
ASKED_FOR = HOUR


@dataclass(frozen=True)
class Surge:
    """What surges ("bookings" or "missed"), how many came in the last hour, and up to how many is normal."""

    kind: str
    count: int
    most: int
    blocks: dict[str, int]


def watch(*, now: dt.datetime | None = None) -> list[Surge]:
    """Ask the blocks behind a surge for a proof, those with the most first, until the rest would be no surge. A block
    is asked until an hour after it was last among them. Returns the current surges."""
    now = now or timezone.now()
    surges = found(now)
    for surge in surges:
        for block in _first_to_surge(surge):
            ProofAsked.objects.update_or_create(
                block=block,
                defaults={"until": now + ASKED_FOR, "count": surge.blocks[block]},
                create_defaults={"since": now, "until": now + ASKED_FOR, "count": surge.blocks[block]},
            )
    return surges


def found(now: dt.datetime) -> list[Surge]:
    """The surges of the last hour."""
    measured = [("bookings", _bookings), ("missed", _missed)]
    surges = []
    for kind, blocks_of in measured:
        blocks = blocks_of(now)
        usual = sum(sum(blocks_of(now - week * WEEK).values()) for week in range(1, WEEKS + 1)) / WEEKS
        most = max(AT_LEAST, round(TIMES_THE_USUAL * usual))
        if sum(blocks.values()) > most:
            surges.append(Surge(kind, sum(blocks.values()), most, blocks))
    return surges


def departments(now: dt.datetime, times: Mapping[int, int]) -> set[int]:
    """The departments for which members booked so many `times` the usual in the last hour, of those for which that is
    not 0. One query, and one for each of the weeks compared with where any may be above."""
    last = _by_department(now)
    above = {pk for pk, most in times.items() if most and last.get(pk, 0) > AT_LEAST}
    if not above:
        return set()
    before = [_by_department(now - week * WEEK) for week in range(1, WEEKS + 1)]
    return {pk for pk in above if last[pk] > times[pk] * sum(hour.get(pk, 0) for hour in before) / WEEKS}


def ask_everybody(*, by: User, hours: int = 2) -> None:
    """A member of staff makes every booking need a proof, for so many hours."""
    now = timezone.now()
    asked = {"since": now, "until": now + hours * HOUR, "by": by}
    ProofAsked.objects.update_or_create(block=EVERYBODY, defaults=asked)


def stop_asking(*, by: User) -> int:
    """A member of staff stops all asking, of everybody and of blocks. Returns how many were being asked."""
    return ProofAsked.objects.now().update(until=timezone.now(), by=by)


def _first_to_surge(surge: Surge) -> list[str]:
    left, blocks = surge.count, []
    for block, count in Counter(surge.blocks).most_common():
        if left <= surge.most or count <= FEW:
            break
        blocks.append(block)
        left -= count
    return blocks


def _bookings(until: dt.datetime) -> dict[str, int]:
    """How many members booked for themselves in the hour before, by block."""
    events = _booked(until)
    block = Coalesce(F("ticket__origin_network"), F("ticket__origin_address"))
    return dict(events.annotate(block=block).values_list("block").annotate(count=Count("pk")).order_by())


def _by_department(until: dt.datetime) -> dict[int, int]:
    return dict(_booked(until).values_list("ticket__department").annotate(count=Count("pk")).order_by())


def _booked(until: dt.datetime) -> QuerySet[TicketEvent]:
    """By members for themselves, in the hour before."""
    return TicketEvent.objects.filter(
        at__gt=until - HOUR, at__lte=until, verb="book", ticket__origin_address__isnull=False
    )


def _missed(until: dt.datetime) -> dict[str, int]:
    """How many look-ups missed, by block, in the clock's hour; in its first half those of the one before too."""
    counts = LookupCount.objects.filter(scope=MISSED, ends_at__gt=until - HOUR / 2, ends_at__lte=until + HOUR)
    return dict(counts.values_list("key_hmac").annotate(count=Sum("count")).order_by())
