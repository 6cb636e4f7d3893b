"""The statements that are asked most, asked so that psycopg does not read them: it keeps what it has read of a
statement with names only up to 4,096 characters, and reads a longer one anew each time; and so that PostgreSQL plans
them once for each connection, because planning takes as long as running them or longer."""

import re
import threading
from collections.abc import Iterable
from functools import cache
from typing import Any

import psycopg
from django.db import connections
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from booking import replica

_kept = threading.local()


def first_row(sql: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
    """Run a statement with `%(name)s` in it, and give its first row. Raises Django's database errors.

    A kept connection is not asked first whether it is still there: the caller knows what to do where it is not.
    """
    return _execute(sql, values).fetchone()


def rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All rows that a statement reads; from the replica, where that is what the caller reads from. Raises Django's
    database errors."""
    connections[replica.alias()].close_if_health_check_failed()
    return _execute(sql, values).fetchall()


def array(names: Iterable[str]) -> str:
    """Names of ours, of letters, digits and `_`, as PostgreSQL writes an array, for a value with `::text[]` after it:
    psycopg takes ten times as long to write a list."""
    return "{" + ",".join(f'"{name}"' for name in names) + "}"


def _execute(sql: str, values: dict[str, Any]) -> psycopg.RawCursor:
    alias = replica.alias()
    connection = connections[alias]
    connection.ensure_connection()
    numbered, names = _numbered(sql)
    if connection.queries_logged:  # somebody counts: Django does not see these statements by itself
        asked = psycopg.ClientCursor(connection.connection).mogrify(sql, values)
        connection.queries_log.append({"sql": asked, "time": "-"})
    with connection.wrap_database_errors:
        return _cursor(alias).execute(numbered, [values[name] for name in names], prepare=True)


def _cursor(alias: str) -> psycopg.RawCursor:
    """One for each connection: making it takes a third as long as asking."""
    cursor = getattr(_kept, alias, None)
    if cursor is None or cursor.connection is not connections[alias].connection:
        cursor = psycopg.RawCursor(connections[alias].connection)
        # psycopg's own in place of Django's, which is written in Python: a console reads four hundred moments.
        moments = psycopg.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, psycopg.pq.Format.TEXT)
        assert moments
        cursor.adapters.register_loader("timestamptz", moments)
        setattr(_kept, alias, cursor)
    return cursor


@receiver(connection_created)
def _plan_once(connection: Any, **kwargs: Any) -> None:
    """Left to itself PostgreSQL plans a prepared statement anew each time, if the plan for any values looks dear to it:
    that was so with all but one of what bookings, calls and consoles ask."""
    if connection.settings_dict["OPTIONS"].get("prepare_threshold") is not None:  # else nothing is prepared
        connection.connection.execute("SET plan_cache_mode = force_generic_plan", prepare=False)


@cache
def _numbered(sql: str) -> tuple[bytes, list[str]]:
    """With `$1`, `$2` in place of the names, and the names in that order."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    return re.sub(r"%\((\w+)\)s", lambda named: f"${names.index(named[1]) + 1}", sql).encode(), names
