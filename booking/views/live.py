"""How open pages learn of changes: they send the version they have, and get a 304 while it is still current.

Every change of a queue raises its department's version (verbs/locks.py) in the same transaction, so this works across
any number of web processes on one database. Pages show what changes without a version (the clock, bookings for later
today) within half a minute.
"""

import re
import zlib
from functools import wraps

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import parse_etags
from django.utils.translation import get_language

from booking.calling import waits
from booking.models import Department, tallies

REFRESH_SECONDS = 30
OUTLOOK_KEPT_SECONDS = 5
POLLED = ["ticket", "board", "counter", "today"]  # pages that stay open, and are counted
POLL_ANSWERS = {304: "unchanged", 200: "changed"}
ETAG_OF_ONE_QUEUE = re.compile(r'(?:W/)?("(?P<queue>\d{1,18})\.\d+-\d+-\d+-[a-z]+-(?P<about>[\d-]+)")', re.ASCII)


def queue_etag(versions: dict[int, int], *about) -> str:
    """The ETag of a page that shows the queues of the departments with these versions. `about` is what else the page
    depends on. Half minutes end at another moment for each `about`, so that a thousand pages do not reload at once."""
    spread = zlib.crc32("-".join(str(part) for part in about).encode()) % REFRESH_SECONDS
    half_minute = (int(timezone.now().timestamp()) + spread) // REFRESH_SECONDS
    today = timezone.localdate().toordinal()  # at midnight all queues are empty
    parts = [*(f"{pk}.{version}" for pk, version in versions.items()), today, half_minute, get_language(), *about]
    return '"' + "-".join(str(part) for part in parts) + '"'


def polled(page: str):
    """Count how a view answers those that ask again, which send the version they have. `page`: one of POLLED."""

    def count(view):
        @wraps(view)
        def answer(request, *args, **kwargs):
            if "If-None-Match" not in request.headers:
                return view(request, *args, **kwargs)
            said = "failed"
            try:
                response = view(request, *args, **kwargs)
                said = POLL_ANSWERS.get(response.status_code, "refused")
                return response
            except (Http404, PermissionDenied):
                said = "refused"
                raise
            finally:
                tallies.polled(page, said)

        return answer

    return count


def unchanged(request, versions: dict[int, int]) -> HttpResponse | None:
    """304 if the request has the ETag of a page about one queue and some numbers, and it is still current. The ETag and
    the queues' versions tell, without a look at what the page is about."""
    sent = parse_etags(request.headers.get("If-None-Match", ""))
    known = ETAG_OF_ONE_QUEUE.fullmatch(sent[0]) if len(sent) == 1 else None
    if known is None:
        return None
    department_id = int(known["queue"])
    etag = queue_etag({department_id: versions.get(department_id, 0)}, *known["about"].split("-"))
    return with_version(HttpResponseNotModified(), etag) if etag == known[1] else None


def with_version(response: HttpResponse, etag: str) -> HttpResponse:
    response["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)
    return response


def outlook_today(department: Department, version: int) -> waits.Outlook:
    """Who is in a queue today, and what they are told. Worked out once for all pages that ask while the queue has this
    version, and again every five seconds, since bookings, counters and other queues change without it."""
    now = timezone.now()
    today = timezone.localdate(now)
    key = f"outlook.{department.pk}.{version}.{today}.{int(now.timestamp()) // OUTLOOK_KEPT_SECONDS}"
    kept = cache.get(key)
    if kept is None:
        kept = waits.outlook(department.pk, now=now)
        cache.set(key, kept, OUTLOOK_KEPT_SECONDS)
    return kept
