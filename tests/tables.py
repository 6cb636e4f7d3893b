"""Empties the database after a test that commits: what it touched alone.

Django empties all fifty tables and makes permissions, roles and schedules anew, which takes longer than most tests.
Here one query asks which tables have rows, and these lose them. Where a test has changed what every test starts with
(a role's rights, a schedule), or where the database does not let us delete without triggers, it is done Django's way.
"""

from functools import cache

from django.db import connection
from django.test import TransactionTestCase

django_s_way = TransactionTestCase._fixture_teardown

# What migrations and `post_migrate` put there: every test starts with it.
FILLED = [
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
    "booking_messagechoice",
    "django_q_schedule",
]


def empty_what_was_touched(test) -> None:
    """Takes the place of TransactionTestCase._fixture_teardown."""
    if not may_leave_triggers_out() or what_every_test_starts_with() != at_first():
        _allow_emptying()
        django_s_way(test)
        at_first.cache_clear()
        at_first()
        return
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in others()))
        touched = [name for (name,) in cursor.fetchall()]
        if touched:
            # Without triggers: an event may not be deleted, and nothing that refers to a row outlives it here.
            delete = "".join(f"DELETE FROM {name};" for name in touched)
            cursor.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {delete} COMMIT")


def _allow_emptying() -> None:
    """Where triggers cannot be left out, the one that keeps the audit from being emptied goes."""
    if may_leave_triggers_out():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'never_emptied'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER never_emptied ON {table}")


@cache
def may_leave_triggers_out() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        return cursor.fetchone()[0]


@cache
def others() -> list[str]:
    with connection.cursor() as cursor:
        return sorted(set(connection.introspection.table_names(cursor)) - set(FILLED))


def what_every_test_starts_with() -> tuple:
    rows = ", ".join(f"(SELECT md5(string_agg(row::text, ',' ORDER BY row::text)) FROM {name} row)" for name in FILLED)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {rows}")
        return cursor.fetchone()


at_first = cache(what_every_test_starts_with)
