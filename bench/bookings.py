"""The bookings that are made: each by another member, in slots made for them on days of their own."""

import datetime as dt
import json
import secrets
from typing import NamedTuple

from django.db.models import Max
from django.utils import timezone

from bench import database
from booking.models import Slot
from members.identify import issue_identity
from members.models import Member

# Members come back round after round: what one may book in a day is measured elsewhere.
UNLIMITED = {"BOOKING_LIMIT_LIVE": "100000", "BOOKING_LIMIT_DAY": "100000"}


class Wanted(NamedTuple):
    """One booking to be made."""

    member: int
    slot: int
    date: dt.date


def wanted(count: int, *, spare: int, days: int, slots_a_day: int) -> list[Wanted]:
    """So many bookings, dealt out to new slots on days of the bench's own department after its last ones.
    `spare`: places in each slot beyond them, because a statement that finds the last free ones locked comes back empty.
    """
    last = Slot.objects.filter(department__slug=database.STORM).aggregate(date=Max("date"))["date"]
    first_date = (last or timezone.localdate()) + dt.timedelta(days=1)
    slots = database.add_slots(places=count, spare=spare, days=days, slots_a_day=slots_a_day, first_date=first_date)
    dates = [first_date + dt.timedelta(days=nth // slots_a_day) for nth in range(len(slots))]
    # The last ones, whose keys follow each other: pgbench counts through them.
    members = sorted(Member.objects.order_by("-pk").values_list("pk", flat=True)[:count])
    return [Wanted(member, slots[nth % len(slots)], dates[nth % len(slots)]) for nth, member in enumerate(members)]


def body_for_api(booking: Wanted) -> str:
    # With a proof: all of the bench has one address.
    identity, _ends = issue_identity(Member(pk=booking.member), proved_by="phone")
    return json.dumps({"identity": identity, "slot": booking.slot})


def by_api(port: int, booking: Wanted) -> bytes:
    """The request that makes it."""
    return post(port, "/api/v1/tickets/", body_for_api(booking), {"Idempotency-Key": secrets.token_urlsafe(16)})


def post(port: int, path: str, body: str, headers: dict, kind: str = "application/json") -> bytes:
    headers = {"Host": f"127.0.0.1:{port}", "Content-Type": kind, "Content-Length": len(body)} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n{body}".encode()
