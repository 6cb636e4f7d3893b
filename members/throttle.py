"""Look-ups of members are counted in the database, because a page that tells whether a number exists is a way to
fish for members.

Three scopes, each with a limit of its own in settings.LOOKUP_LIMITS ("tries/seconds", in fixed windows): the
address it comes from, the device, the identifier asked for. A row's key is an HMAC: at rest nobody can be read off.
"""

import ipaddress
import logging
import math
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import Error, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from members.errors import TooManyAttempts
from members.models import LookupCount

log = logging.getLogger(__name__)

SCOPES = ("address", "device", "identifier")
UNKNOWN_ADDRESS = "0.0.0.0"
RETRY_AFTER_FAULT = 5  # seconds

# One statement, so that no two tries can both be the last one allowed. Each scope is counted only when the ones before
# it let the try through: a blocked address neither uses up somebody else's identifier nor fills the table. Rows are
# locked in that same order in every try (each part reads from the one before), so two tries cannot deadlock.
COUNT = """
WITH address AS (
    INSERT INTO members_lookupcount AS row (scope, key_hmac, ends_at, count)
    VALUES ('address', %(address)s, %(address_ends)s, 1)
    ON CONFLICT (scope, key_hmac, ends_at) DO UPDATE SET count = row.count + 1
    RETURNING count
), device AS (
    INSERT INTO members_lookupcount AS row (scope, key_hmac, ends_at, count)
    SELECT 'device', %(device)s, %(device_ends)s, 1
    FROM address WHERE address.count <= %(address_tries)s AND %(has_device)s
    ON CONFLICT (scope, key_hmac, ends_at) DO UPDATE SET count = row.count + 1
    RETURNING count
), identifier AS (
    INSERT INTO members_lookupcount AS row (scope, key_hmac, ends_at, count)
    SELECT 'identifier', %(identifier)s, %(identifier_ends)s, 1
    FROM address LEFT JOIN device ON true
    WHERE address.count <= %(address_tries)s AND coalesce(device.count, 0) <= %(device_tries)s
    ON CONFLICT (scope, key_hmac, ends_at) DO UPDATE SET count = row.count + 1
    RETURNING count
)
SELECT 'address', count FROM address
UNION ALL SELECT 'device', count FROM device
UNION ALL SELECT 'identifier', count FROM identifier
"""


class Limit(NamedTuple):
    tries: int
    seconds: int


def count_attempt(*, identifier: str, device: str, address: str) -> None:
    """Count one look-up, and raise TooManyAttempts when a limit is passed, or when it could not be counted.

    Without a device (no cookie yet) only the other two scopes count. Locks one row for each scope, until this
    function's own transaction commits. It must not run inside another transaction, whose rollback would forget the
    try and which would hold those locks: that raises RuntimeError (Django's durable atomic block, which knows a
    test's own transaction).
    """
    now = timezone.now()
    limits = {scope: limit(scope) for scope in SCOPES}
    ends = {scope: _window_end(now, limits[scope].seconds) for scope in SCOPES}
    keys = {"identifier": identifier, "device": device, "address": address}
    parameters = {"has_device": bool(device)}
    for scope in SCOPES:
        parameters[scope] = _key_hmac(scope, keys[scope])
        parameters[f"{scope}_ends"] = ends[scope]
        parameters[f"{scope}_tries"] = limits[scope].tries
    try:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(COUNT, parameters)
            counts = cursor.fetchall()
    except Error as fault:
        log.error("a look-up could not be counted, so it is refused: %s", type(fault).__name__)
        raise TooManyAttempts(RETRY_AFTER_FAULT) from fault
    for scope, count in counts:
        if count > limits[scope].tries:
            raise TooManyAttempts(math.ceil((ends[scope] - now).total_seconds()))


def limit(scope: str) -> Limit:
    """The limit of a scope, from settings. Raises ValueError when it is not "tries/seconds", both above zero."""
    tries, seconds = (int(part) for part in settings.LOOKUP_LIMITS[scope].split("/"))
    if tries < 1 or seconds < 1:
        raise ValueError(scope)
    return Limit(tries, seconds)


def purge_lookups() -> int:
    """Delete the counts of windows that have ended; how many rows went."""
    return LookupCount.objects.filter(ends_at__lt=timezone.now()).delete()[0]


def client_address(request) -> str:
    """The address a request comes from, as an IP address; the first of its /64 for IPv6, which one home has whole.

    Behind our own nginx, queuesite.middleware.whose_address has put there what nginx saw.
    """
    return _grouped(request.META.get("REMOTE_ADDR", ""))


def _grouped(text: str) -> str:
    """What is no address at all (a Unix socket, garbage) is one address together."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:  # IPv4 with a port
        host = host.partition(":")[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return UNKNOWN_ADDRESS
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, 64), strict=False).network_address)


def _window_end(now: datetime, seconds: int) -> datetime:
    """Windows of one length follow each other from the epoch on, the same for every process."""
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, UTC)


def _key_hmac(scope: str, value: str) -> str:
    return salted_hmac(
        f"members.throttle.{scope}", value, secret=settings.CITIZEN_ID_KEY, algorithm="sha256"
    ).hexdigest()
