"""A hundredth of a national morning: members go their way to a booking, and what that costs in processors.

The whole would be 1,000 offices with 1,000 bookings each within two hours. Here ten offices' bookings are made on one
database, as fast as the machine takes them. Each is three requests: the page of days, the page of times, the form.
"""

from pathlib import Path

from bench import bookings, client, storm
from bench.servers import database_cpu_seconds, serving
from booking import invariants
from booking.models import Ticket

CLIENTS = 16
WHOLE = 1_000_000  # bookings of the national morning
REQUESTS_EACH = 3


def measure(url: str, *, count: int, workspace: Path) -> dict:
    """Let `count` members book, and give the seconds of processor that web and database used for all of it."""
    wanted = bookings.wanted(count, spare=CLIENTS, days=5, slots_a_day=14)
    before = Ticket.objects.count()
    with serving(url) as site:
        ways = [_way(site.port, booking) for booking in wanted]
        used = -site.cpu_seconds(), -database_cpu_seconds()
        reads = client.send(site.port, [page for way in ways for page in way[:2]], clients=CLIENTS, workspace=workspace)
        forms = client.send(site.port, [way[2] for way in ways], clients=CLIENTS, workspace=workspace)
        used = used[0] + site.cpu_seconds(), used[1] + database_cpu_seconds()
    booked = sum(b"?booked=1" in answer.head for answer in forms.answers)
    seconds = reads.seconds + forms.seconds
    broken = [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]
    if reads.count(200) != 2 * count:
        broken.append(f"{2 * count - reads.count(200)} pages were not shown")
    if booked != count or Ticket.objects.count() - before != count:
        broken.append(f"{count} bookings, {booked} acknowledged, {Ticket.objects.count() - before} tickets")
    web, database = (one * WHOLE / count / 3600 for one in used)
    return {
        "bookings": count,
        "seconds": seconds,
        "bookings_a_second": count / seconds,
        "web_seconds": used[0],
        "database_seconds": used[1],
        "whole_core_hours": {"web": web, "database": database},
        "broken": broken,
    }


def _way(port: int, booking: bookings.Wanted) -> list[bytes]:
    """The page of days, that of the day's times, and the form, with the same cookies."""
    form = storm._form(port, booking)
    head = form.split(b"\r\n\r\n", 1)[0].decode().split("\r\n")
    kept = [line for line in head[1:] if not line.startswith(("Content-", "Origin"))]
    take = head[0].split()[1]
    day = take.removesuffix("take/")
    days = day.removesuffix(f"{booking.date}/")
    return [*("\r\n".join([f"GET {path} HTTP/1.1", *kept, "", ""]).encode() for path in (days, day)), form]
