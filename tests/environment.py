"""What the tests run in, set before any setting is read (`-p tests.environment` in pyproject.toml).

Settings keep their defaults in demo mode: nothing of the machine's environment or of `.env` counts. The database
is a PostgreSQL like the one in production, but for durability; TEST_DATABASE_URL names another one.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from queuesite.launcher import postgres
from tests import clock

_held = contextlib.ExitStack()


def _prepare() -> None:
    _keep_what_was_compiled()
    clock.move_the_real_clock()
    given = os.environ.get("TEST_DATABASE_URL")
    for name in _setting_names():
        os.environ.pop(name, None)
    os.environ |= {"DEMO": "on", "ENV_FILE": os.devnull, "LOG_LEVEL": "WARNING"}
    var = postgres.BASE_DIR / "var"
    number = _own_number(var / "test")
    os.environ["VAR_DIR"] = str(var / "test" / str(number))
    (var / "test" / str(number) / "static").mkdir(parents=True, exist_ok=True)
    server = postgres.running(
        var / "test-postgres",
        database="queue" if number == 1 else f"queue_{number}",
        durable=False,
        shared_buffers="128MB",
    )
    os.environ["DATABASE_URL"] = given or _held.enter_context(server)
    atexit.register(_held.close)
    if not given:
        _allow_deleting_without_triggers(os.environ["DATABASE_URL"])


def _keep_what_was_compiled() -> None:
    """Containers often forbid it. Then this process compiles all tests, which takes 15 seconds, and each one that it
    starts compiles Django."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def _allow_deleting_without_triggers(server: str) -> None:
    """So that tests/tables.py can empty single tables; production's role may not."""
    role = sql.Identifier(postgres.ROLE)
    own = urlsplit(server)
    address = own._replace(netloc=own.netloc.replace(postgres.ROLE, "postgres", 1), path="/postgres").geturl()
    with _locked(), psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(role))


def _template(server: str) -> str:
    """The name of a database with all migrations applied, from which each run's own is copied: applying them takes ten
    times as long. It is named after the migrations, so that a new one makes a new template; under a lock, since several
    processes begin at once."""
    digest = hashlib.sha256()
    for path in sorted(postgres.BASE_DIR.glob("*/migrations/*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    name = f"template_{digest.hexdigest()[:16]}"
    with _locked(), psycopg.connect(server, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return name
        for (old,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^(template|making)_'"):
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(old)))
        unfinished = f"making_{name}"
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
        address = urlsplit(server)._replace(path=f"/{unfinished}").geturl()
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(command, cwd=postgres.BASE_DIR, env=os.environ | {"DATABASE_URL": address}, check=True)
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
    return name


@contextlib.contextmanager
def _locked():
    with (postgres.BASE_DIR / "var" / "test" / "template.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _setting_names() -> list[str]:
    text = (postgres.BASE_DIR / ".env.example").read_text()
    return re.findall(r"^#? ?([A-Z_]+)=", text, flags=re.MULTILINE)


def _own_number(folder: Path) -> int:
    """A number that no other test run has now, the same one whenever it is free; held until this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while not _hold(folder / f"{number}.lock"):
        number += 1
    return number


def _hold(path: Path) -> bool:
    file = _held.enter_context(path.open("w"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def pytest_configure(config) -> None:
    """Leave out what only makes tests slow: migrating and emptying all tables each time, hashed names of files, hashes
    that resist guessing."""
    from django.conf import settings
    from django.test import TransactionTestCase

    from tests import tables

    settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = _template(os.environ["DATABASE_URL"])
    TransactionTestCase._fixture_teardown = tables.empty_what_was_touched
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    # Tests sign in, and let hours pass; tests/test_second_factor.py has the office's own half hour.
    settings.STAFF_IDLE_MINUTES = 24 * 60
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


_prepare()
