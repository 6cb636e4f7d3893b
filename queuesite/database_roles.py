"""What the role of web and worker may do in the database (DATABASE_APP_ROLE), where it is not the one that owns the
tables: it reads and writes, but cannot empty a table, leave triggers out, change the audit, or delete a log-in."""

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction

WRITES = "SELECT, INSERT, UPDATE, DELETE"
ADDS = "SELECT, INSERT"
READS = "SELECT"
# Beside the history of each model. Of a log-in only its end is filled in later.
LIMITED = {
    "auth_user": "SELECT, INSERT, UPDATE",
    "axes_accesslog": "SELECT, INSERT, UPDATE (logout_time)",
    "booking_erasure": READS,
    "booking_profileswitch": ADDS,
    "booking_seatevent": ADDS,
    "booking_staffevent": ADDS,
    "booking_ticketevent": ADDS,
    "django_admin_log": ADDS,
    "django_migrations": READS,
    "office_change": ADDS,
}
FUNCTIONS = {
    "booking_forget_log_ins(timestamptz)": True,
    "booking_forget_member_history(timestamptz)": True,
    "booking_forget_member(bigint)": True,
    "booking_say_erased(text, bigint, integer)": False,
}


def grant(using: str = "default") -> None:
    """Give DATABASE_APP_ROLE what it needs, and take all else from it. Does nothing where none is named, or where the
    connection is that role's own (`make run` on a server of one's own, with nothing to migrate). Raises
    ImproperlyConfigured where the role does not exist or can become the owner."""
    role, connection = settings.DATABASE_APP_ROLE, connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        if not role or cursor.fetchone()[0] == role:
            return
        cursor.execute(
            "SELECT rolsuper OR pg_has_role(oid, current_user, 'MEMBER') FROM pg_roles WHERE rolname = %s", [role]
        )
        found = cursor.fetchone()
        if found is None:
            raise ImproperlyConfigured(f"DATABASE_APP_ROLE names {role}, which the database has not got.")
        if found[0]:
            raise ImproperlyConfigured(f"DATABASE_APP_ROLE names {role}, which may act as the owner of the tables.")
        quoted = connection.ops.quote_name(role)
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {quoted}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {quoted}")
        for table in sorted(connection.introspection.table_names(cursor)):
            name = connection.ops.quote_name(table)
            cursor.execute(f"REVOKE ALL ON {name} FROM {quoted}")
            cursor.execute(f"GRANT {of_table(table)} ON {name} TO {quoted}")
        for function, is_for_the_role in FUNCTIONS.items():
            cursor.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC, {quoted}")
            if is_for_the_role:
                cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")


def waits_for_owner(using: str = "default") -> str:
    """The role of the connection if it cannot read the tables, or make them where there are none: their owner has to
    migrate first. "" otherwise."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT current_user, coalesce(has_schema_privilege(schema.oid, 'USAGE') AND"
            " coalesce(has_table_privilege(kept.oid, 'SELECT'), has_schema_privilege(schema.oid, 'CREATE')), true)"
            " FROM (SELECT to_regnamespace('public') AS oid) schema"
            " LEFT JOIN pg_class kept ON kept.relname = 'django_migrations' AND kept.relnamespace = schema.oid"
        )
        role, may = cursor.fetchone()
    return "" if may else role


def can_erase(using: str = "default", *, role: str = "") -> bool:
    """Whether a role (this connection's, where none is named) can empty the events of tickets, or become who can."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(coalesce(nullif(%s, ''), current_user)::name, 'booking_ticketevent',"
            " 'TRUNCATE, TRIGGER, UPDATE, DELETE')",
            [role],
        )
        return cursor.fetchone()[0]


def of_table(table: str) -> str:
    """The privileges of the application's role on a table."""
    if table in LIMITED:
        return LIMITED[table]
    return ADDS if table in _histories() else WRITES


def _histories() -> set[str]:
    return {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model.__name__.startswith("Historical")
    }
