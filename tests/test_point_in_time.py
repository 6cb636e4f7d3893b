"""Point-in-time recovery as docs/operations.md describes it, with the embedded server's programs."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from queuesite.launcher import postgres

pytestmark = [pytest.mark.slow, pytest.mark.real_clock]


def superuser(folder):
    file = postgres.passwords_of(folder)
    return psycopg.connect(f"host={folder} user=postgres dbname=queue passfile={file}", autocommit=True)


def test_the_database_comes_back_as_it_was_at_a_moment():
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "postgres"
        Path(name).chmod(0o711)
        if os.getuid() == 0:
            folder.mkdir()
            shutil.chown(folder, postgres.SYSTEM_USER)
        with postgres.running(folder, database="queue", durable=False):
            archive = folder / "archive"
            server = postgres._Server(folder)
            as_owner = {"user": folder.owner(), "cwd": folder} if os.getuid() == 0 else {}
            subprocess.run(["mkdir", archive], check=True, **as_owner)
            with superuser(folder) as own:
                own.execute("ALTER SYSTEM SET archive_mode = on")
                own.execute(f"ALTER SYSTEM SET archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'")
        with postgres.running(folder, database="queue", durable=False):
            base = [server.bin / "pg_basebackup", "-h", folder, "-U", "postgres", "-D", folder / "base", "-X", "none"]
            with superuser(folder) as own:
                own.execute("CREATE TABLE tickets (code text)")
                environment = os.environ | {"PGPASSFILE": str(postgres.passwords_of(folder))}
                subprocess.run([*base, "--no-manifest"], check=True, capture_output=True, env=environment, **as_owner)
                own.execute("INSERT INTO tickets VALUES ('A001'), ('A002')")
                (moment,) = own.execute("SELECT clock_timestamp()::text").fetchone()
                time.sleep(0.1)
                own.execute("DELETE FROM tickets")  # the mistake
                own.execute("SELECT pg_switch_wal()")
                until(lambda: own.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()[0])
        # Stopped. The folder of before is kept until all is well.
        (folder / "data").rename(folder / "data.of-before")
        (folder / "base").rename(folder / "data")
        settings = folder / "data" / "postgresql.auto.conf"
        with settings.open("a") as file:
            file.write(f"restore_command = 'cp {archive}/%f %p'\n")
            file.write(f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
        subprocess.run(["touch", folder / "data" / "recovery.signal"], check=True, **as_owner)
        with postgres.running(folder, database="queue", durable=False), superuser(folder) as own:
            until(lambda: own.execute("SELECT NOT pg_is_in_recovery()").fetchone()[0])
            assert own.execute("SELECT array_agg(code ORDER BY code) FROM tickets").fetchone() == (["A001", "A002"],)


def until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("never came about")
