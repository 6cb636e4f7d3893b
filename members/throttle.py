"""Counts look-ups of members in the database, because a page that tells whether a number exists invites people to fish
for members.

There are four scopes, each with its own limit in settings.LOOKUP_LIMITS ("tries/seconds"): the network of an IPv6
address, the address, the device, and the identifier asked for. A row keeps the times of the last tries, at most as many
as the limit allows, so the limit holds for every stretch of that many seconds. Its key is an HMAC: the table names
nobody.
"""

import ipaddress
import logging
import math
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import Error, InterfaceError, InternalError, OperationalError, connection, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from members.errors import TooManyAttempts
from members.models import LookupCount, LookupLog
from members.origins import network_of, origin_of
from office.settings import office

log = logging.getLogger(__name__)

SCOPES = ("network", "address", "device", "identifier")
UNKNOWN_ADDRESS = "0.0.0.0"
RETRY_AFTER_FAULT = 5  # seconds


class Limit(NamedTuple):
    tries: int
    seconds: int


MISSED = "missed"  # look-ups that found nobody, by address block and hour
PURGED_EVERY = timedelta(hours=1)
# Wrong proofs for one member. After that many only a clerk's code counts: anybody who knows the number can use them up,
# and must not lock the member out by that.
WRONG_PROOFS = Limit(10, 24 * 60 * 60)
# Wrong codes for one member from then on: while one clerk's code lasts (the next one has as many again), and in a day.
# Codes have eight digits: a day's guesses find one with a chance of three in a million.
WRONG_CODES = Limit(50, 15 * 60)
WRONG_CODES_A_DAY = Limit(300, 24 * 60 * 60)
# Wrong passwords for one member, from wherever. After that many only a new password opens the account; with it the
# count begins anew.
WRONG_PASSWORDS = Limit(100, 24 * 60 * 60)

# A try that is let through is written into its row. The condition is checked again once the row is locked, so two tries
# cannot both be the last one allowed.
COUNT_IN = """{scope} AS (
    INSERT INTO members_lookuplog AS row (scope, key_hmac, tried_at, ends_at)
    SELECT '{scope}', %({scope})s, ARRAY[%(now)s::timestamptz], %(now)s::timestamptz + %({scope}_lasts)s::interval
     WHERE {is_reached} AND %({scope})s::text IS NOT NULL
    ON CONFLICT (scope, key_hmac) DO UPDATE
       SET tried_at = ARRAY(SELECT at FROM unnest(row.tried_at) at
                             WHERE at > %(now)s::timestamptz - %({scope}_lasts)s::interval) || %(now)s::timestamptz,
           ends_at = excluded.ends_at
     WHERE (SELECT count(*) FROM unnest(row.tried_at) at
             WHERE at > %(now)s::timestamptz - %({scope}_lasts)s::interval) < %({scope}_tries)s
    RETURNING 1
)"""
LET_THROUGH = "(%({scope})s::text IS NULL OR EXISTS (SELECT FROM {scope}))"


def _statement(*scopes: str) -> str:
    """Count one try in each scope, and say which let it through.

    A scope is counted only if the ones before it let the try through: a blocked address neither uses up somebody else's
    identifier nor fills the table. Every try locks the rows in this order (each part reads from the ones before), so
    two tries cannot deadlock.
    """
    passed = [LET_THROUGH.format(scope=scope) for scope in scopes]
    parts = [
        COUNT_IN.format(scope=scope, is_reached=" AND ".join(passed[:nth]) or "true")
        for nth, scope in enumerate(scopes)
    ]
    return f"WITH {', '.join(parts)} SELECT {', '.join(passed)}"


COUNT = _statement(*SCOPES)
OF_A_MEMBER = {
    "proof": {"proof": WRONG_PROOFS},
    "code": {"code": WRONG_CODES, "code_day": WRONG_CODES_A_DAY},
    "password": {"password": WRONG_PASSWORDS},
}
COUNT_OF_A_MEMBER = {what: _statement(*limits) for what, limits in OF_A_MEMBER.items()}


def count_attempt(*, identifier: str, device: str, address: str) -> None:
    """Count one look-up. Raises TooManyAttempts if a limit is passed, or if it could not be counted;
    OperationalError, InterfaceError or InternalError without a database that can be written.

    Without a device (no cookie yet), and without a network (IPv4), only the others count. Locks one row for each scope,
    until this function's own transaction commits. It must not run inside another transaction, whose rollback would
    forget the try and which would hold those locks: that raises RuntimeError (Django's durable atomic block, which
    knows a test's own transaction).
    """
    keys = {"network": network_of(address), "address": address, "device": device, "identifier": identifier}
    limits = {scope: Limit(_tries(scope), limit(scope).seconds) for scope in SCOPES}
    try:
        refusing = _count(COUNT, limits, keys)
        if refusing is not None:
            raise TooManyAttempts(_seconds_until_free(refusing, keys[refusing], limits[refusing]))
    except (OperationalError, InterfaceError, InternalError) as fault:
        log.error("a look-up could not be counted, so it is refused: %s", type(fault).__name__)
        raise  # without the database nothing can be looked up either: the page says so
    except Error as fault:
        log.error("a look-up could not be counted, so it is refused: %s", type(fault).__name__)
        raise TooManyAttempts(RETRY_AFTER_FAULT) from fault


def give_back(*, identifier: str) -> None:
    """Uncount the last try at this identifier."""
    _give_back("identifier", identifier)


def count_proof_or_code(member_id: int) -> str:
    """Count one proof of a member before it is compared. Returns as what it counts, for give_back_proof(): "proof",
    which may be of any kind; "code" once too many were wrong today, which must be a clerk's code; "" where nothing may
    be compared any more."""
    return next((what for what in ("proof", "code") if count_proof(member_id, what)), "")


def count_proof(member_id: int, what: str) -> bool:
    """Count one proof ("proof", "code" or "password") for a member before it is compared. False if too many were wrong.
    `give_back_proof` uncounts a right one."""
    limits = OF_A_MEMBER[what]
    try:
        return _count(COUNT_OF_A_MEMBER[what], limits, dict.fromkeys(limits, str(member_id))) is None
    except Error as fault:
        log.error("a proof could not be counted, so it is refused: %s", type(fault).__name__)
        return False


def give_back_proof(member_id: int, what: str) -> None:
    """Uncount the last proof of a kind."""
    for scope in OF_A_MEMBER[what]:
        _give_back(scope, str(member_id))


def forget_proofs(member_id: int, scope: str) -> None:
    """Uncount all that was counted in a scope for a member: what was guessed at is no longer what opens."""
    LookupLog.objects.filter(scope=scope, key_hmac=_key_hmac(scope, str(member_id))).delete()


def count_miss(address: str, *, is_miss: bool = True) -> None:
    """Count a look-up that found nobody, by the address block that it came from (one row an hour). Where the answer is
    to take as long for one that found somebody, that is written too, and adds nothing (`is_miss` False)."""
    now = timezone.now()
    ends_at = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO members_lookupcount AS row (scope, key_hmac, ends_at, count) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (scope, key_hmac, ends_at) DO UPDATE SET count = row.count + excluded.count",
                [MISSED, origin_of(address=address, device="").block, ends_at, int(is_miss)],
            )
    except Error as fault:
        log.error("a miss could not be counted: %s", type(fault).__name__)


def limit(scope: str) -> Limit:
    """A scope's limit as the environment has it; the office may allow fewer tries. Raises ValueError unless it is
    "tries/seconds", both above zero."""
    tries, seconds = (int(part) for part in settings.LOOKUP_LIMITS[scope].split("/"))
    if tries < 1 or seconds < 1:
        raise ValueError(scope)
    return Limit(tries, seconds)


def longest_kept() -> timedelta:
    """How long a try is kept at most: the longest time for which one counts, and until the job that deletes."""
    counted = [
        *(limit(scope) for scope in SCOPES),
        *(one for limits in OF_A_MEMBER.values() for one in limits.values()),
    ]
    return timedelta(seconds=max(one.seconds for one in counted)) + PURGED_EVERY


def _tries(scope: str) -> int:
    """How many tries the office allows in a scope."""
    tries: int = getattr(office, f"lookups_of_{scope}")
    return tries


def purge_lookups() -> int:
    """Delete what no longer counts. Returns how many rows."""
    now = timezone.now()
    logs, _rows = LookupLog.objects.filter(ends_at__lt=now).delete()
    misses, _rows = LookupCount.objects.filter(
        ends_at__lt=now - timedelta(days=office.keeps_lookup_counts_days)
    ).delete()
    return logs + misses


def client_address(request: HttpRequest) -> str:
    """The IP address that a request comes from. For IPv6 the first of its /64, since a home has a whole one.

    Behind our own nginx, queuesite.middleware.whose_address has put there what nginx saw.
    """
    return grouped(request.META.get("REMOTE_ADDR", ""))


def grouped(text: str) -> str:
    """An address as it is counted. Everything that is not an address (a Unix socket, garbage) counts as one."""
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


def _count(statement: str, limits: dict[str, Limit], keys: dict[str, str]) -> str | None:
    """Run the statement for these scopes in a transaction of its own; the scope that refused, or None."""
    parameters: dict[str, Any] = {"now": timezone.now()}
    for scope, (tries, seconds) in limits.items():
        parameters[scope] = _key_hmac(scope, keys[scope]) if keys[scope] else None
        parameters[f"{scope}_tries"] = tries
        parameters[f"{scope}_lasts"] = timedelta(seconds=seconds)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        passed = cursor.fetchone()
    return next((scope for scope, let_through in zip(limits, passed, strict=True) if not let_through), None)


def _seconds_until_free(scope: str, key: str, limit: Limit) -> int:
    """Whole seconds until the limit lets another try through, if none is made meanwhile."""
    now = timezone.now()
    row = LookupLog.objects.filter(scope=scope, key_hmac=_key_hmac(scope, key)).first()
    recent = sorted(at for at in (row.tried_at if row else []) if at > now - timedelta(seconds=limit.seconds))
    if len(recent) < limit.tries:
        return 1
    return max(1, math.ceil((recent[-limit.tries] - now).total_seconds() + limit.seconds))


def _give_back(scope: str, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE members_lookuplog SET tried_at = trim_array(tried_at, 1)"
            " WHERE scope = %s AND key_hmac = %s AND cardinality(tried_at) > 0",
            [scope, _key_hmac(scope, key)],
        )


def _key_hmac(scope: str, value: str) -> str:
    return salted_hmac(
        f"members.throttle.{scope}", value, secret=settings.CITIZEN_ID_KEY, algorithm="sha256"
    ).hexdigest()
