"""Reads i-member's members from a database of the office: one table or view, which we never write.

The connection is not an alias in DATABASES, so Django never migrates it, tests it or routes to it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import TextField
from django.db.utils import ConnectionHandler
from django.views.decorators.debug import sensitive_variables
from environ import Env

from members.directory.answers import COLUMNS, DirectoryFault, cells_of

PAGE = 1_000
SECONDS = 2  # of a look-up, where the server can be told: one behind a lock gives its thread back
SECONDS_FOR_ALL = 60
MOST = 3  # rows of one look-up: several members cannot be told apart by name anyway
FLOAT = ".0"  # what SQLite puts behind a whole number in a column of floating-point ones
READ_ONLY: dict[str, dict[str, Any]] = {
    "postgresql": {"options": "-c default_transaction_read_only=on", "connect_timeout": 2},
    "mysql": {"init_command": "SET SESSION TRANSACTION READ ONLY", "connect_timeout": 2},
    "sqlite": {"timeout": 2},
}


@sensitive_variables("citizen_id", "wanted")
def find(*, citizen_id: str = "", member_number: str = "") -> list[dict[str, str]]:
    """The rows with this citizen ID or member number, as cells. Raises DirectoryFault."""
    if citizen_id:
        return _rows("citizen_id", _as_typed(citizen_id))
    return _rows("member_number", _with_zeros(member_number))


def everyone() -> Iterator[list[dict[str, str]]]:
    """All rows, a page at a time, in the order of their member numbers. Raises DirectoryFault."""
    with cursor(SECONDS_FOR_ALL) as rows:
        number = _names()["member_number"]
        rows.execute(f"SELECT {_selected()} FROM {_table()} ORDER BY {number}")
        while page := rows.fetchmany(PAGE):
            yield [_cells(row) for row in page]


def _rows(column: str, wanted: Sequence[str]) -> list[dict[str, str]]:
    name = _names().get(column)
    if name is None:
        return []
    places = ", ".join(["%s"] * len(wanted))
    # As text: what was typed may be longer than the numbers that the column can hold.
    text = f"CAST({name} AS {TextField().cast_db_type(_connection())})"  # type: ignore[attr-defined]
    with cursor() as rows:
        rows.execute(f"SELECT {_selected()} FROM {_table()} WHERE {text} IN ({places})", list(wanted))
        return [_cells(row) for row in rows.fetchmany(MOST)]


def _as_typed(citizen_id: str) -> list[str]:
    """The forms in which databases store a citizen ID, as text."""
    d = citizen_id
    return [
        d,
        d + FLOAT,
        f"{d[0]}-{d[1:5]}-{d[5:10]}-{d[10:12]}-{d[12]}",
        f"{d[0]} {d[1:5]} {d[5:10]} {d[10:12]} {d[12]}",
    ]


def _with_zeros(number: str) -> list[str]:
    """The number with every count of leading zeros that a database may have stored, as text."""
    digits = number.lstrip("0")
    return [(digits or "0") + FLOAT, *(digits.zfill(width) for width in range(max(len(digits), 1), 13))]


def _cells(row: Sequence[Any]) -> dict[str, str]:
    answer = dict(zip(_names(), row, strict=True))
    registered = answer.get("registered")
    said = settings.DIRECTORY_REGISTERED
    answer["registered"] = str(registered).strip().lower() in said if said else True
    return cells_of(answer)


def _selected() -> str:
    return ", ".join(_names().values())


def _names() -> dict[str, str]:
    """Our name of each column to the database's, quoted."""
    columns = settings.DIRECTORY_COLUMNS
    return {name: _quoted(columns[name]) for name in COLUMNS if columns.get(name)}


def _table() -> str:
    return ".".join(_quoted(part) for part in settings.DIRECTORY_TABLE.split("."))


def _quoted(name: str) -> str:
    return _connection().ops.quote_name(name)


@contextlib.contextmanager
def cursor(seconds: int = SECONDS) -> Iterator[Any]:
    """A cursor of this thread's connection, for statements of so many seconds at most. Raises DirectoryFault for any
    database fault."""
    try:
        connection = _connection(seconds)
        try:
            connection.close_if_unusable_or_obsolete()
            with connection.cursor() as rows:
                yield rows
        except Error:
            connection.close()
            raise
    except Error as fault:
        raise DirectoryFault(type(fault).__name__) from None


def _connection(seconds: int = SECONDS) -> BaseDatabaseWrapper:
    return _connections(settings.DIRECTORY_DATABASE_URL, seconds)["default"]


@lru_cache(maxsize=4)
def _connections(url: str, seconds: int) -> ConnectionHandler:
    config = Env.db_url_config(url)
    kind = config["ENGINE"].rsplit(".", 1)[-1]
    engine = next((name for name in READ_ONLY if name.startswith(kind[:5])), "")
    options = READ_ONLY.get(engine, {}) | config.get("OPTIONS", {})
    if engine == "postgresql":
        options["options"] = f"-c statement_timeout={seconds}s {options['options']}"
    return ConnectionHandler({"default": config | {"OPTIONS": options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}})
