"""Finds settings that would expose the office or that no longer mean anything. Each is an error at start or, if only a
public address makes it unsafe, a warning of `check --deploy`."""

import os

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.db import connections

from members import throttle
from queuesite import database_roles, health
from queuesite.launcher import demo_left, front

OLDEST_POSTGRESQL = 16
SHORTEST_TOKEN = 20
LONGEST_IDLE = 120  # minutes
# The limits of .env.example; look-ups by the hour.
SHIPPED = {
    "BOOKING_LIMIT_LIVE": 3,
    "BOOKING_LIMIT_DAY": 6,
    "BOOKING_LIMIT_DEVICE": 6,
    "BOOKING_LIMIT_ADDRESS": 60,
    "LOOKUP_LIMIT_IDENTIFIER": 40,
    "LOOKUP_LIMIT_DEVICE": 80,
    "LOOKUP_LIMIT_ADDRESS": 800,
    "LOOKUP_LIMIT_NETWORK": 4000,
    "LOGIN_FAILURE_LIMIT": 8,
    "LOGIN_LIMIT_NAME": 50,
    "LOGIN_LIMIT_ADDRESS": 20,
}


@register("queuesite")
def check_serving(app_configs, **kwargs):
    faults = []
    if os.environ.get("PROXY_HOPS", "0") != "0":
        text = (
            "PROXY_HOPS is read no longer: X-Forwarded-For can be forged past most proxies. Take it out, and use "
            "deploy/nginx.conf, or name the proxy before `make run` in PROXIES (.env.example)."
        )
        faults.append(Error(text, id="queuesite.E001"))
    if settings.METRICS_TOKEN and len(settings.METRICS_TOKEN) < SHORTEST_TOKEN:
        text = f"METRICS_TOKEN must have {SHORTEST_TOKEN} letters or more: it is all that guards /metrics."
        faults.append(Error(text, id="queuesite.E005"))
    try:
        front.proxies()
    except ValueError as exc:
        faults.append(Error(f"PROXIES must be addresses, separated by commas: {exc}.", id="queuesite.E002"))
    return faults


@register("queuesite", deploy=True)
def check_demo(app_configs, **kwargs):
    if not settings.DEMO:
        return []
    text = "DEMO=on: log-ins that everyone knows, secrets that everyone knows. Never on a public address."
    return [Warning(text, id="queuesite.W001")]


@register("queuesite", deploy=True)
def check_what_guards_the_back_office(app_configs, **kwargs):
    faults = []
    if not settings.SECOND_FACTOR:
        text = "SECOND_FACTOR=off: a password alone opens the back office, where members' names are read."
        faults.append(Warning(text, id="queuesite.W004"))
    if settings.STAFF_IDLE_MINUTES > LONGEST_IDLE:
        text = f"STAFF_IDLE_MINUTES is above {LONGEST_IDLE}: a back office that was left open stays open."
        faults.append(Warning(text, id="queuesite.W005"))
    return faults


@register("queuesite", deploy=True)
def check_limits_limit(app_configs, **kwargs):
    """Limits so far above what is shipped that they hold off nobody."""
    given = {f"BOOKING_LIMIT_{name.upper()}": most for name, most in settings.BOOKING_LIMITS.items()}
    given |= {f"LOOKUP_LIMIT_{name.upper()}": _an_hour(name) for name in settings.LOOKUP_LIMITS}
    given |= {name: getattr(settings, name) for name in SHIPPED if name.startswith("LOGIN_")}
    return [
        Warning(f"{name} is more than ten times what is shipped, and limits little.", id="queuesite.W006")
        for name, most in given.items()
        if most > 10 * SHIPPED[name]
    ]


def _an_hour(scope: str) -> float:
    try:
        limit = throttle.limit(scope)
    except ValueError:  # members.E002 says so
        return 0
    return limit.tries * 3600 / limit.seconds


@register("queuesite", deploy=True)
def check_the_audit_is_kept(app_configs, **kwargs):
    if settings.DATABASE_APP_ROLE:
        return []
    text = (
        "DATABASE_APP_ROLE is not set: web and worker own the tables, and code that runs as they do could erase the "
        "audit. docs/operations.md says how your PostgreSQL gets a role that cannot; the embedded one has it."
    )
    return [Warning(text, id="queuesite.W002")]


@register(Tags.database, deploy=True)
def check_the_role_cannot_erase(app_configs, databases=None, **kwargs):
    """Asked by `check --deploy --database default`."""
    if not settings.DATABASE_APP_ROLE or "default" not in (databases or []):
        return []
    # On the embedded server commands, this one too, are the owner's.
    role = settings.DATABASE_APP_ROLE if settings.HAS_EMBEDDED_DATABASE else ""
    if database_roles.waits_for_owner() or not database_roles.can_erase(role=role):
        return []
    text = "The role of DATABASE_URL can erase the audit: name that of DATABASE_APP_ROLE there, for all but `migrate`."
    return [Warning(text, id="queuesite.W003")]


@register(Tags.database)
def check_owner_migrates(app_configs, databases=None, **kwargs):
    """Asked by `migrate`, by `make run`, and by `check --database default`."""
    if "default" not in (databases or []):
        return []
    role = database_roles.waits_for_owner()
    if not role and settings.DATABASE_APP_ROLE:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT current_user")
            (current,) = cursor.fetchone()
        role = current if current == settings.DATABASE_APP_ROLE and health.unapplied_migrations() else ""
    if not role:
        return []
    text = (
        f"The database has to be migrated, which {role} may not: run `manage.py migrate` with the owner's address in "
        "DATABASE_URL (docs/operations.md)."
    )
    return [Error(text, id="queuesite.E007")]


@register(Tags.database)
def check_nothing_is_left_of_the_demo(app_configs, databases=None, **kwargs):
    """Asked by `migrate`, by `make run`, and by `check --database default`."""
    if settings.DEMO or "default" not in (databases or []) or database_roles.waits_for_owner():
        return []
    with connections["default"].cursor() as cursor:
        left = demo_left.found(cursor)
    if not left:
        return []
    text = (
        f"DEMO=off, and the database still has {left} of the demo, which everyone knows. An office begins with an "
        "empty database: name another in DATABASE_URL, or another folder in VAR_DIR. Where it goes on with this one, "
        "`manage.py remove_demo` takes them out."
    )
    return [Error(text, id="queuesite.E003")]


@register(Tags.database)
def check_postgresql_is_new_enough(app_configs, databases=None, **kwargs):
    """Asked by `migrate`, by `make run`, and by `check --database default`."""
    if "default" not in (databases or []):
        return []
    connection = connections["default"]
    connection.ensure_connection()
    version = connection.pg_version // 10_000
    if version >= OLDEST_POSTGRESQL:
        return []
    text = f"PostgreSQL {OLDEST_POSTGRESQL} or newer is needed; DATABASE_URL names one of version {version}."
    return [Error(text, id="queuesite.E004")]


@register(Tags.database)
def check_pool_is_named(app_configs, databases=None, **kwargs):
    """Asked by `migrate`, by `make run`, and by `check --database default`."""
    if settings.DATABASE_POOLING or "default" not in (databases or []):
        return []
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (answering,) = cursor.fetchone()
    # A pool gives a made-up process number, since the server process behind it changes.
    if connection.connection.info.backend_pid == answering:
        return []
    text = (
        "DATABASE_URL leads through a pool of connections (PgBouncer), which loses what is prepared in one: set "
        "DATABASE_POOLING=transaction, and see docs/operations.md for the time limits, or name PostgreSQL itself."
    )
    return [Error(text, id="queuesite.E006")]
