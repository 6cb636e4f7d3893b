"""How open pages learn of changes: they ask with the version they have, and are told 304 while it is still the one.

Every change of a queue raises its department's version (queue.py), in the same transaction, so this works across any
number of web processes on one database. What changes without a version (the clock, bookings for later today) is shown
after half a minute at the latest.
"""

import zlib

from django.utils import timezone
from django.utils.translation import get_language

from booking import waiting

REFRESH_SECONDS = 30


def queue_etag(department_ids=None, *about) -> str:
    """The ETag of a page that shows these departments' queues (all of them by default). `about` is what else the page
    depends on; the half minutes of pages about other things end at other moments, so that a thousand do not fetch
    themselves anew at once. One indexed query."""
    versions = waiting.versions(department_ids)
    spread = zlib.crc32(repr(about).encode()) % REFRESH_SECONDS
    half_minute = (int(timezone.now().timestamp()) + spread) // REFRESH_SECONDS
    today = timezone.localdate().toordinal()  # at midnight all queues are empty
    parts = [*(f"{pk}.{version}" for pk, version in versions.items()), today, half_minute, get_language(), *about]
    return '"' + "-".join(str(part) for part in parts) + '"'
