"""Works as web and worker do where the tables' owner is another role."""

import contextlib

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from queuesite import database_roles

ROLE, PASSWORD = "queue_app_of_tests", "of-tests"


def make() -> None:
    """The role, if the server has not got it yet; the tests' own may become it."""
    address = connection.get_connection_params()
    own, most = address["user"], "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    with psycopg.connect(**_plain(address)) as asked:
        superuser = own if asked.execute(most).fetchone()[0] else "postgres"
    try:
        by = psycopg.connect(**_plain(address) | {"user": superuser, "dbname": "postgres"}, autocommit=True)
    except psycopg.OperationalError:
        pytest.skip("NO SUPERUSER OF THIS SERVER: THE APPLICATION'S ROLE IS NOT TESTED")
    with by:
        by.execute("SELECT pg_advisory_lock(2569)")  # several test runs begin at once
        if not by.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            by.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(ROLE)))
            by.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(ROLE), sql.Identifier(own)))
        by.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), PASSWORD))


def _plain(address: dict) -> dict:
    names = ("host", "port", "user", "password", "passfile", "dbname")
    return {name: address[name] for name in names if address.get(name)}


@contextlib.contextmanager
def worn():
    """The connection is the application's during the block, where DATABASE_APP_ROLE is ROLE."""
    database_roles.grant()
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def log_in() -> psycopg.Connection:
    """A connection of its own; what was granted has to be committed."""
    own = {"user": ROLE, "password": PASSWORD}
    return psycopg.connect(**_plain(connection.get_connection_params()) | own, autocommit=True)
