"""Finds settings that would expose the office or that no longer mean anything. Each is an error at start or, if only a
public address makes it unsafe, a warning of `check --deploy`."""

import os

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.db import connections

from queuesite.launcher import demo_left, front

OLDEST_POSTGRESQL = 16
SHORTEST_TOKEN = 20


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


@register(Tags.database)
def check_nothing_is_left_of_the_demo(app_configs, databases=None, **kwargs):
    """Asked by `migrate`, by `make run`, and by `check --database default`."""
    if settings.DEMO or "default" not in (databases or []):
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
