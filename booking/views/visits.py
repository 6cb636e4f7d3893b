"""How often the public pages are visited, by people: without robots and prefetches, and nothing is kept of whom."""

import re

from booking.models import Department, tallies

ROBOTS = re.compile(r"bot|crawl|spider|slurp|preview|facebookexternalhit|line-poker|curl|wget|python|monitor", re.I)


def count(request, page: str, department: Department | None = None) -> None:
    if is_read_by_a_person(request):
        tallies.visited(page, department.pk if department else None)


def is_read_by_a_person(request) -> bool:
    agent = request.headers.get("User-Agent", "")
    prefetched = "prefetch" in (request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", ""))
    return request.method == "GET" and not prefetched and bool(agent) and not ROBOTS.search(agent)
