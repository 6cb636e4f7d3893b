"""The whole database in one tested file: `manage.py backup` and `manage.py restore`.

The file is a zip of two entries: `database.dump` (pg_dump's custom format) and `manifest.json` (release, migrations,
rows of each table, fingerprints of the keys; never the keys). The manifest is written last, and a zip ends with
its directory, so a file that was cut short never passes for a backup.

A backup counts as good once it has been restored into an empty database, with the same rows, and keeps the rules of
booking/invariants.py. A restore does the same, and only then replaces the database in use.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from booking import disk, invariants, verbs
from booking.models import Department, JobRun, Ticket
from members.models import Member
from queuesite import release, secret_keys
from queuesite.launcher import postgres

FORMAT = 1
DUMP, MANIFEST = "database.dump", "manifest.json"
NIGHTLY = "queue-{:%Y-%m-%d}.backup"
IS_NIGHTLY = re.compile(r"queue-\d{4}-\d\d-\d\d\.backup")
ONE_AT_A_TIME = 7_201_569  # of pg_try_advisory_lock
CHUNK = 1 << 20


class Refused(Exception):
    """Nothing was done and nothing has changed. The message says why and what to do."""


def make(file: Path) -> dict:
    """Write a backup to `file` and check it; gives its manifest. An older file there is replaced only at the end.

    Only its owner may read the file. Raises Refused. Takes an advisory lock of the database throughout.
    """
    _refuse_a_pool()
    if not _applied("default"):
        raise Refused("There is nothing to back up: the database has no tables yet (python manage.py migrate).")
    _refuse_the_last_room(file)
    unfinished = file.with_name(f"{file.name}.part")
    with _alone():
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            manifest = _write(unfinished)
            # The worker's role may be another than that of a command, and could not drop what one left behind.
            is_app = connection.settings_dict["USER"] == settings.DATABASE_APP_ROLE
            with _scratch("backup_check_of_app" if is_app else "backup_check") as alias:
                _fill(alias, unfinished, manifest)
            unfinished.rename(file)
            _sync(file.parent)
        except OSError as exc:
            raise Refused(f"{file} cannot be written: {exc.strerror}.") from None
        finally:
            unfinished.unlink(missing_ok=True)
    JobRun.objects.update_or_create(name="backup", defaults={"finished_at": timezone.now()})
    return manifest


def make_nightly() -> Path | None:
    """Make today's backup in BACKUP_DIR, unless it is there, and keep the newest BACKUP_KEEP. Raises Refused."""
    folder = Path(settings.BACKUP_DIR)
    file = folder / NIGHTLY.format(timezone.localdate())
    if file.exists():
        return None
    for cut_off in folder.glob("queue-*.backup.part"):
        cut_off.unlink(missing_ok=True)
    make(file)
    kept = sorted(old for old in folder.iterdir() if IS_NIGHTLY.fullmatch(old.name))
    for old in kept[: -max(1, settings.BACKUP_KEEP)]:
        old.unlink()
    return file


def restore(file: Path, *, replaces: bool = False, new_key: bool = False) -> list[str]:
    """Replace the database with the backup. Returns sentences that the operator has to know.

    With `replaces` the database may have data, which is lost. With `new_key` the keys may differ from the backup's.
    Raises Refused, and then the database is unchanged.
    """
    _refuse_a_pool()
    manifest = read_manifest(file)
    _refuse_newer(manifest)
    costs = _costs_of_other_keys(manifest)
    if costs and not new_key:
        raise Refused(
            "\n".join(costs.values())
            + "\nPut the keys of then into SECRET_KEY and CITIZEN_ID_KEY, or into SECRET_KEY_FALLBACKS and"
            " CITIZEN_ID_KEY_FALLBACKS, or say that it shall cost that: --new-key"
        )
    _refuse_what_is_in_use(replaces)
    with _scratch("restoring") as alias:
        _fill(alias, file, manifest)
        if costs:
            verbs.issue_secrets_anew(using=alias)
            secret_keys.keep(accepts=True, using=alias)
        _take_its_place(alias)
    said = list(costs.values())
    if _on_disk() - set(manifest["migrations"]):
        said.append("The backup is of an older release. Before the start: python manage.py migrate")
    return said


def read_manifest(file: Path) -> dict:
    """A backup's manifest. Raises Refused if the file is no backup, or incomplete."""
    try:
        with zipfile.ZipFile(file) as whole:
            manifest = json.loads(whole.read(MANIFEST))
    except OSError as exc:
        raise Refused(f"{file} cannot be read: {exc.strerror}.") from None
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise Refused(f"{file} is no backup, or was cut short. Take another one.") from None
    if manifest.get("format") != FORMAT:
        raise Refused(f"{file} is a backup of a form that this release does not know.")
    return manifest


def _refuse_the_last_room(file: Path) -> None:
    """Keep the last disk space for bookings and calls. The database needs space too: the backup is restored beside
    it."""
    for one in (disk.of(file.parent), *([disk.of(settings.VAR_DIR)] if settings.HAS_EMBEDDED_DATABASE else [])):
        if one.is_short:
            raise Refused(f"{one.percent:.1f}% of the disk of {one.folder} is left: the last of it is for bookings.")


def _refuse_a_pool() -> None:
    """A dump's settings, its snapshot and our lock belong to a connection that a pool would lend to others."""
    if settings.DATABASE_POOLING:
        raise Refused(
            "Not through a pool of connections: name PostgreSQL itself in DATABASE_URL for this command (and for the "
            "worker, which backs up each night), without DATABASE_POOLING."
        )


# --- writing it ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _alone():
    """The lock belongs to the connection, so it ends with a process that is killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ONE_AT_A_TIME])
        if not cursor.fetchone()[0]:
            raise Refused("Another backup is being made. Wait for it to end.")
    try:
        yield
    finally:
        with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME])


def _write(file: Path) -> dict:
    """Dump and count in one snapshot, so that the rows of the manifest are those of the dump."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as raw, transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = cursor.fetchone()[0]
        manifest = {
            "format": FORMAT,
            "made_at": timezone.now().isoformat(timespec="seconds"),
            "release": release.version(),
            "postgresql": connection.pg_version // 10_000,
            "migrations": sorted(_applied("default")),
            "rows": _rows("default"),
            "keys": secret_keys.fingerprints(),
        }
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as whole:
            with whole.open(DUMP, "w", force_zip64=True) as entry:
                _dump(snapshot, entry)
            whole.writestr(MANIFEST, json.dumps(manifest, indent=1))
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def _dump(snapshot: str, target) -> None:
    command = [_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=_address("default"), stdout=subprocess.PIPE, stderr=said)
        try:
            shutil.copyfileobj(process.stdout, target, CHUNK)
        except BaseException:
            process.kill()
            raise
        finally:
            process.stdout.close()
            process.wait()
        _refuse_a_failure("pg_dump", process, said)


# --- reading it back ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _scratch(purpose: str):
    """An empty database beside the one in use, with an alias of its own. Dropped afterwards, unless it has replaced the
    other. First drops one that a killed process left behind."""
    name = f"{connection.settings_dict['NAME'][:40]}_{purpose}"
    quoted = connection.ops.quote_name(name)
    try:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted}")
            cursor.execute(f"CREATE DATABASE {quoted}")
    except DatabaseError as exc:
        raise Refused(
            f"The database {name}, in which the file is tried, cannot be made ({_first_line(exc)}). The role of "
            "DATABASE_URL may have to be let: ALTER ROLE ... CREATEDB"
        ) from None
    connections.settings[name] = connections.settings["default"] | {"NAME": name}
    try:
        yield name
    finally:
        connections[name].close()
        del connections[name], connections.settings[name]
        with contextlib.suppress(DatabaseError), connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted}")


def _fill(alias: str, file: Path, manifest: dict) -> None:
    """Restore the file's dump there, and check that it is complete and keeps the rules. Raises Refused."""
    address = _address(alias)
    command = [_program("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]
    command.append(f"--dbname={address['PGDATABASE']}")
    with zipfile.ZipFile(file) as whole, whole.open(DUMP) as entry, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=address, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        try:
            with contextlib.suppress(BrokenPipeError):  # it ended early; the reason is read below
                shutil.copyfileobj(entry, process.stdin, CHUNK)
                process.stdin.close()
        except zipfile.BadZipFile:
            process.kill()
            raise Refused(f"{file} is damaged. Take another one.") from None
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
        _refuse_a_failure("pg_restore", process, said)
    found = _rows(alias)
    if found != manifest["rows"]:
        other = sorted(table for table, _ in set(found.items()) ^ set(manifest["rows"].items()))
        raise Refused(f"{file} is not good: other rows than were counted, in {', '.join(other)}.")
    if broken := invariants.violations(using=alias):
        raise Refused(f"{file} is not good: its queue breaks rules: {'; '.join(broken)}. See manage.py check_queue.")


def _take_its_place(alias: str) -> None:
    """Rename both or neither. Nobody may be connected to either."""
    new, now = alias, connection.settings_dict["NAME"]
    old = f"{now[:40]}_replaced"
    new_, now_, old_ = (connection.ops.quote_name(name) for name in (new, now, old))
    connections[alias].close()
    connection.close()
    try:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {old_}")
            cursor.execute("BEGIN")
            cursor.execute(f"ALTER DATABASE {now_} RENAME TO {old_}")
            cursor.execute(f"ALTER DATABASE {new_} RENAME TO {now_}")
            cursor.execute("COMMIT")
            cursor.execute(f"DROP DATABASE {old_}")
    except DatabaseError as exc:
        raise Refused(f"The database could not be replaced: {_first_line(exc)}. End the service first.") from None


def _refuse_newer(manifest: dict) -> None:
    if unknown := set(manifest["migrations"]) - _on_disk():
        raise Refused(
            f"The backup is of a newer release ({manifest['release']}) than this one: it has {len(unknown)} migrations "
            f"that are unknown here, {min(unknown)} among them. Restore it with that release."
        )


def _costs_of_other_keys(manifest: dict) -> dict[str, str]:
    """What it costs that the keys differ from the backup's, by name; nothing if they are the same."""
    costs = {
        "SECRET_KEY": "The backup was made under another SECRET_KEY: the links of its tickets (in LINE, in QR codes, "
        "on slips) end, and members need new ones.",
        "CITIZEN_ID_KEY": "The backup was made under another CITIZEN_ID_KEY: no member is found by the citizen ID "
        "until all are imported again.",
    }
    of_then = manifest["keys"]
    return {name: cost for name, cost in costs.items() if of_then[name] not in secret_keys.all_fingerprints(name)}


def _refuse_what_is_in_use(replaces: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND usesysid IS NOT NULL"  # the server's own work has no user; what another role does is not shown
        )
        others = cursor.fetchone()[0]
    if others:
        raise Refused(f"The database is in use by {others} other connections. End the service first.")
    tables = connection.introspection.table_names()
    known = [model for model in (Department, Member, Ticket, User) if model._meta.db_table in tables]
    if not replaces and any(model._default_manager.exists() for model in known):
        raise Refused("The database is not empty. To lose what is in it: --replace")


# --- what both need -----------------------------------------------------------------------------------------------


def _rows(alias: str) -> dict[str, int]:
    """How many rows each table has."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = sorted(name for (name,) in cursor.fetchall())
        counts = [f"SELECT count(*) FROM public.{connection.ops.quote_name(table)}" for table in tables]
        cursor.execute(" UNION ALL ".join(f"SELECT {n}, ({count})" for n, count in enumerate(counts)))
        return {tables[n]: count for n, count in sorted(cursor.fetchall())}


def _applied(alias: str) -> set[str]:
    return {".".join(name) for name in MigrationRecorder(connections[alias]).applied_migrations()}


def _on_disk() -> set[str]:
    """The names of this release's migrations, including those replaced by others."""
    loader = MigrationLoader(None)
    replaced = {name for migration in loader.disk_migrations.values() for name in migration.replaces}
    return {".".join(name) for name in {*loader.disk_migrations, *replaced}}


def _program(name: str) -> str:
    """The system's program if it is as new as the server, else the bundled one. Raises Refused."""
    system = shutil.which(name)
    if system and _major(system) >= connection.pg_version // 10_000:
        return system
    try:
        return str(postgres.binaries() / name)
    except postgres.CannotStart:
        raise Refused(f"There is no {name} as new as the server. Install PostgreSQL's client programs.") from None


def _major(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"\d+", said)
    return int(found[0]) if found else 0


def _address(alias: str) -> dict[str, str]:
    """The environment in which PostgreSQL's programs find the database; a password stands on no command line."""
    params = connections[alias].get_connection_params()
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    names |= {name: f"PG{name.upper()}" for name in ("passfile", "sslmode", "sslrootcert", "sslcert", "sslkey")}
    return os.environ | {names[name]: str(value) for name, value in params.items() if name in names and value}


def _refuse_a_failure(name: str, process, said) -> None:
    if process.returncode:
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        raise Refused(f"{name} failed: {lines[0] if lines else f'exit code {process.returncode}'}")


def _first_line(fault: Exception) -> str:
    return str(fault).strip().split("\n", 1)[0]


def _sync(folder: Path) -> None:
    """Make the new name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
