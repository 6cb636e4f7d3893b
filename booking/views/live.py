"""How open pages learn of changes: they ask with the version they have, and are told 304 while it is still the one.

Every change of a queue raises its department's version (queue.py), in the same transaction, so this works across any
number of web processes on one database. What changes without a version (the clock, bookings for later today) is shown
after half a minute at the latest.
"""

from django.utils import timezone
from django.utils.translation import get_language

from booking import waiting

REFRESH_SECONDS = 30


def queue_etag(department_ids=None, *about) -> str:
    """The ETag of a page that shows these departments' queues (all of them by default). `about` is what else the page
    depends on. One indexed query."""
    versions = waiting.versions(department_ids)
    half_minute = int(timezone.now().timestamp()) // REFRESH_SECONDS
    parts = [*(f"{pk}.{version}" for pk, version in versions.items()), half_minute, get_language(), *about]
    return '"' + "-".join(str(part) for part in parts) + '"'
