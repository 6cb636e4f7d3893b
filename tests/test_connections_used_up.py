"""The database's connections are used up: the public pages say so at once, and the counters go on."""

import collections
import concurrent.futures
import contextlib
import http.client
import os
import time
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from bench.servers import serving
from booking import roles
from queuesite.launcher import postgres
from tests import pools
from tests.factories import make_counter, make_open_department, make_user, make_walk_in
from tests.test_pooling import folder  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.slow, pytest.mark.real_clock, pytest.mark.django_db(transaction=True)]

POOL = 10
CLIENTS = 300
SECONDS = 5
ROLES = {"usedup_public": "one", "usedup_staff": "another"}


@pytest.fixture
def addresses():
    """Of this test's database as the public's role, which may have POOL connections, and as the staff's."""
    own = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    if "passfile=" not in own.query:
        pytest.skip("ANOTHER SERVER IS NAMED: CONNECTIONS THAT ARE USED UP ARE NOT TESTED")
    as_superuser = own._replace(netloc=own.netloc.replace(postgres.ROLE, postgres.SUPERUSER, 1)).geturl()
    with psycopg.connect(as_superuser, autocommit=True) as superuser:
        for role, password in ROLES.items():
            superuser.execute(f"CREATE ROLE {role} LOGIN IN ROLE {postgres.ROLE} PASSWORD '{password}'")
            superuser.execute(f"ALTER ROLE {role} SET role = '{postgres.ROLE}'")
        superuser.execute(f"ALTER ROLE usedup_public CONNECTION LIMIT {POOL}")
        try:
            yield {role: own._replace(netloc=f"{role}:{password}@:5432").geturl() for role, password in ROLES.items()}
        finally:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)", [[*ROLES]]
            )
            superuser.execute(f"DROP ROLE {', '.join(ROLES)}")


@pytest.fixture
def press(capsys):
    """A clerk's press at a counter with people who wait, on a port: its status and its seconds."""
    department = make_open_department()
    clerk = make_user(username="clerk", group=roles.CLERK)
    counter = make_counter(departments=[department], clerk=clerk)
    for _ in range(5):
        make_walk_in(department=department)
    call_command("staff_token", "clerk")
    token = capsys.readouterr().out.split()[-1]
    connection.close()
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    return lambda port: ask(port, "POST", f"/api/v1/counters/{counter.number}/call-next/", "{}", headers)


def ask(port, method="GET", path="/api/v1/departments/", body=None, headers=None):
    """Status, whether it says when to try again, and how long it took."""
    began = time.monotonic()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request(method, path, body, headers or {})
        answer = line.getresponse()
        answer.read()
        return answer.status, "Retry-After" in answer.headers, time.monotonic() - began
    finally:
        line.close()


@contextlib.contextmanager
def all_taken(address, count=POOL):
    with contextlib.ExitStack() as held:
        for _ in range(count):
            one = held.enter_context(psycopg.connect(address, prepare_threshold=None))
            one.execute("SELECT 1")  # and a transaction stays open
        yield


def test_three_hundred_clients_of_ten_connections_are_told_within_five_seconds(addresses, press):
    public, staff = addresses["usedup_public"], addresses["usedup_staff"]
    with (
        serving(public, is_quiet=True, PROCESS_KIND="public") as pages,
        serving(staff, PROCESS_KIND="staff") as counters,
        concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients,
    ):
        with all_taken(public):
            for _ in range(20):
                ask(pages.port)  # what both processes load at the first
            before = pages.cpu_seconds()
            asked = [clients.submit(ask, pages.port) for _ in range(CLIENTS)]
            called = [press(counters.port) for _ in range(3)]
            answers = [one.result() for one in asked]
        took = sorted(seconds for _, _, seconds in answers)
        used = pages.cpu_seconds() - before
        print(
            f"{CLIENTS} clients: the last 503 after {took[-1]:.2f} s, {used:.2f} s of processor; "
            f"calls {[round(one[2], 2) for one in called]} s; load {os.getloadavg()[0]:.1f}"
        )
        assert collections.Counter(one[:2] for one in answers) == {(503, True): CLIENTS}
        # Where other work has the processors, too, each waits for them as well.
        assert took[-1] < SECONDS * max(1, os.getloadavg()[0] / os.cpu_count())
        assert {status for status, _, _ in called} <= {200, 409} and max(one[2] for one in called) < SECONDS
        assert called[0][0] == 200
        assert ask(pages.port)[0] == 200, "well again by itself"


@pytest.mark.skipif(pools.PROGRAM is None, reason="NO PGBOUNCER: TRANSACTION POOLING IS NOT TESTED")
def test_a_pool_that_is_used_up_says_so_within_five_seconds(addresses, press, folder):  # noqa: F811
    with pools.pooled(os.environ["DATABASE_URL"], folder, size=POOL, roles=ROLES) as url:
        at = urlsplit(url)
        name = urlsplit(addresses["usedup_public"]).path
        public, staff = (
            at._replace(netloc=at.netloc.replace(postgres.ROLE, role), path=name).geturl() for role in ROLES
        )
        with (
            serving(public, is_quiet=True, DATABASE_POOLING="transaction", PROCESS_KIND="public") as pages,
            serving(staff, DATABASE_POOLING="transaction", PROCESS_KIND="staff") as counters,
        ):
            with all_taken(public):
                status, says_when, seconds = ask(pages.port)
                called, _, call_seconds = press(counters.port)
            assert (status, says_when, called) == (503, True, 200)
            assert seconds < SECONDS and call_seconds < SECONDS
            assert ask(pages.port)[0] == 200
