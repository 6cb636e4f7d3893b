"""Through a real PgBouncer in transaction mode: refused until the setting names it, then everything works."""

import collections
import concurrent.futures
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from bench.servers import serving
from booking import invariants
from booking.models import Slot, Ticket
from members.identify import issue_identity
from queuesite import backup
from queuesite.launcher import postgres
from tests import pools
from tests.factories import in_days, make_member, make_open_department

pytestmark = [
    pytest.mark.real_clock,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(pools.PROGRAM is None, reason="NO PGBOUNCER: TRANSACTION POOLING IS NOT TESTED"),
]

BOOKINGS = 40


@pytest.fixture
def folder():
    """Not pytest's own: the database's user has to get into it."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def database():
    """The address of the database that this test is on."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def manage(url, *command, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=postgres.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
def test_without_the_setting_it_is_refused_in_a_sentence(folder, database):
    with pools.pooled(database, folder) as url:
        for command in (["migrate"], ["check", "--database", "default"]):
            answer = manage(url, *command)
            assert answer.returncode == 1
            assert "DATABASE_URL leads through a pool of connections (PgBouncer)" in answer.stderr
            assert "DATABASE_POOLING=transaction" in answer.stderr and "Traceback" not in answer.stderr
        answer = manage(url, "check", "--database", "default", DATABASE_POOLING="transaction")
        assert answer.returncode == 0, answer.stderr


def test_postgresql_itself_is_not(database):
    answer = manage(database, "check", "--database", "default")
    assert answer.returncode == 0, answer.stderr


def test_another_word_is_refused(database):
    answer = manage(database, "check", DATABASE_POOLING="statement")
    assert answer.returncode == 1
    assert answer.stderr.startswith("DATABASE_POOLING must be transaction or nothing")


def test_a_backup_asks_for_postgresql_itself(settings, tmp_path):
    settings.DATABASE_POOLING = "transaction"
    with pytest.raises(backup.Refused, match="Not through a pool"):
        backup.make(tmp_path / "queue.backup")
    with pytest.raises(backup.Refused, match="Not through a pool"):
        backup.restore(tmp_path / "queue.backup")


@pytest.mark.slow
def test_a_role_that_looks_after_its_own_limits_keeps_them_through_the_pool(folder, database, settings):
    """The statements of docs/operations.md."""
    docs = (settings.BASE_DIR / "docs" / "operations.md").read_text()
    statements = docs.partition("```sql\n")[2].partition("```")[0].replace("queue_", "pooltest_")
    owner = urlsplit(database)
    superuser = owner._replace(netloc=owner.netloc.replace(postgres.ROLE, "postgres", 1)).geturl()
    with psycopg.connect(superuser, autocommit=True) as own:
        own.execute(statements)
        passwords = {"pooltest_public": "one", "pooltest_staff": "another"}
        for role, password in passwords.items():
            own.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
        try:
            with pools.pooled(database, folder, roles=passwords) as url:
                for role in ("public", "staff"):
                    address = url.replace(f"//{postgres.ROLE}@", f"//pooltest_{role}@")
                    with psycopg.connect(address, autocommit=True, prepare_threshold=None) as through:
                        asked = "SELECT current_setting('statement_timeout'), current_user"
                        assert through.execute(asked).fetchone() == ("5s", postgres.ROLE)
                        through.execute("SELECT 1 FROM booking_ticket").fetchall()
        finally:
            own.execute("DROP ROLE pooltest_public, pooltest_staff")


@pytest.mark.slow
def test_bookings_and_pages_are_answered_through_it(folder, database):
    department = make_open_department(quota=10)
    slots = Slot.objects.of_day(department, in_days(1))[:6]
    wanted = [
        json.dumps({"identity": issue_identity(make_member(), proved_by="phone")[0], "slot": slots[nth % 6].pk})
        for nth in range(BOOKINGS)
    ]
    connection.close()
    with (
        pools.pooled(database, folder, size=2) as url,
        serving(url, workers=3, DATABASE_POOLING="transaction", PROCESS_KIND="public") as site,
        concurrent.futures.ThreadPoolExecutor(8) as clients,
    ):
        answers = collections.Counter(clients.map(lambda body: book(site.port, body), wanted))
        pages = collections.Counter(
            clients.map(lambda nth: ask(site.port, "GET", PAGES[nth % len(PAGES)].format(department.slug)), range(60))
        )
        command = [
            "shell",
            "-v0",
            "-c",
            "from members.models import Member; print(len(list(Member.objects.iterator(3))))",
        ]
        counted = manage(url, *command, DATABASE_POOLING="transaction")
    assert (counted.stdout.strip(), counted.returncode) == (str(BOOKINGS), 0), counted.stderr
    assert answers == {201: BOOKINGS}
    assert pages == {200: 60}
    assert Ticket.objects.count() == BOOKINGS
    assert invariants.faults() == []


PAGES = ["/readyz", "/api/v1/departments/", "/api/v1/departments/{}/days/", "/api/v1/board/"]


def book(port, body):
    headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_urlsafe(16)}
    return ask(port, "POST", "/api/v1/tickets/", body, headers)


def ask(port, method, path, body=None, headers=None):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        line.request(method, path, body, headers or {})
        answer = line.getresponse()
        answer.read()
        return answer.status
    finally:
        line.close()
