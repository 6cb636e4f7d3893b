"""Reads from a copy of the database (DATABASE_REPLICA_URL), so that they take nothing from bookings and calls. Reports
may be a second old; boards and calendars are read from a copy that has all that is committed by now."""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections
from psycopg.errors import QueryCanceled

log = logging.getLogger(__name__)
Read = TypeVar("Read")

ALIAS = "replica"
CATCHES_UP = 0.05  # seconds for which a read waits for the copy
LOOKS_EVERY = 0.005
# Seconds for which it is not asked again once it was behind, or did not answer.
BEHIND_FOR, AWAY_FOR = 1, 60
# Up to where the database's log has what others can see. A commit is seen once it is flushed, or earlier where commits
# do not wait for that.
WRITTEN = """
SELECT CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn()
       ELSE pg_current_wal_flush_lsn() END::text
"""
# Who is signed in, and until when, is never read from a copy.
APPS = {"booking", "members", "holidays"}

_is_on: ContextVar[bool] = ContextVar("reads_from_replica", default=False)
_left_alone_until = 0.0  # of time.monotonic(), in this process


class TookTooLong(OperationalError):
    """What was read took longer than it may (time_limits.py). The database would take as long."""


def was_cut_off(fault: BaseException) -> bool:
    """Whether time was up: whoever was asked does answer."""
    return isinstance(fault, TookTooLong) or isinstance(fault.__cause__, QueryCanceled)


class Router:
    """Sends to the replica what is read inside what `may_be_late`; everything else stays where it is."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if _is_on.get() and model._meta.app_label in APPS else None

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, *args: Any, **hints: Any) -> bool:
        return db != ALIAS


def alias() -> str:
    """Where a view's reads go."""
    return ALIAS if _is_on.get() else DEFAULT_DB_ALIAS


def as_of_now(read: Callable[[], Read]) -> Read:
    """What `read` gives. It asks the replica once that has all that is committed by now, so that it sees nothing less
    than the database would show; the database itself, where the replica takes too long, does not answer or is not
    there, and in a transaction, of whose changes the replica cannot know."""
    if ALIAS not in settings.DATABASES or _is_on.get() or connections[DEFAULT_DB_ALIAS].in_atomic_block:
        return read()
    if time.monotonic() < _left_alone_until:
        return read()
    token = _is_on.set(True)
    try:
        if _has_caught_up():
            return read()
        _leave_alone(BEHIND_FOR)
    except (DatabaseError, InterfaceError) as fault:
        log.warning("the replica does not answer, the database is asked: %s", type(fault).__name__)
        _leave_alone(AWAY_FOR)
    finally:
        _is_on.reset(token)
    return read()


def _has_caught_up() -> bool:
    """Whether the replica has replayed, now or in a moment, what the database has written so far. One that
    has become a database of its own never has."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(WRITTEN)
        written = cursor.fetchone()[0]
    until = time.monotonic() + CATCHES_UP
    with connections[ALIAS].cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn", [written])
            if cursor.fetchone()[0]:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(LOOKS_EVERY)


def _leave_alone(seconds: float) -> None:
    global _left_alone_until
    _left_alone_until = time.monotonic() + seconds


def may_be_late(read: Callable[..., Any]) -> Callable[..., Any]:
    """Let what only reads ask the replica, where there is one. If that does not answer, it asks the database; but not
    for what was cut off because it took too long."""

    @wraps(read)
    def answer(*args: Any, **kwargs: Any) -> Any:
        if ALIAS not in settings.DATABASES:
            return read(*args, **kwargs)
        token = _is_on.set(True)
        try:
            return read(*args, **kwargs)
        except (OperationalError, InterfaceError) as fault:
            if was_cut_off(fault):
                raise
            log.warning("the replica does not answer, the database is asked: %s", type(fault).__name__)
        finally:
            _is_on.reset(token)
        return read(*args, **kwargs)

    return answer
