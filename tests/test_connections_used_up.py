"""The database's connections are used up: the public pages say so at once, and the counters go on."""

import collections
import concurrent.futures
import contextlib
import http.client
import os
import statistics
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
TURNS = 3
ALLOWED = 3  # times as long; who waited for a connection's time-out would wait many times as long
ROLES = {"usedup_public": "one", "usedup_staff": "another"}


def _own():
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")


def _as_superuser() -> str:
    own = _own()
    return own._replace(netloc=own.netloc.replace(postgres.ROLE, postgres.SUPERUSER, 1)).geturl()


@pytest.fixture
def addresses():
    """Of this test's database as the public's role, which may have POOL connections, and as the staff's."""
    own = _own()
    if "passfile=" not in own.query:
        pytest.skip("ANOTHER SERVER IS NAMED: CONNECTIONS THAT ARE USED UP ARE NOT TESTED")
    with psycopg.connect(_as_superuser(), autocommit=True) as superuser:
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
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
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


def three_hundred_ask(pages, clients, meanwhile) -> tuple[collections.Counter, float, float]:
    """What CLIENTS at once are answered, how long the last of them waits, and for how much processor; `meanwhile` is
    done beside them."""
    before = pages.cpu_seconds()
    asked = [clients.submit(ask, pages.port) for _ in range(CLIENTS)]
    meanwhile()
    answers = [one.result() for one in asked]
    said = collections.Counter(one[:2] for one in answers)
    return said, max(one[2] for one in answers), pages.cpu_seconds() - before


def test_three_hundred_clients_of_ten_connections_are_told_at_once(addresses, press):
    """At once: they need no longer than 300 who are answered, by turns with whom they ask."""
    public, staff = addresses["usedup_public"], addresses["usedup_staff"]
    with (
        serving(public, is_quiet=True, PROCESS_KIND="public") as pages,
        serving(staff, PROCESS_KIND="staff") as counters,
        concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients,
    ):
        for _ in range(20):
            ask(pages.port)  # what both processes load at the first
        called: list[tuple[int, bool, float]] = []
        answered: list[float] = []
        refused: list[float] = []
        for _ in range(TURNS):
            said, last, used = three_hundred_ask(pages, clients, lambda: None)
            assert said == {(200, False): CLIENTS}
            answered.append(last)
            give_back(public)
            with all_taken(public):
                # Those who hold the connections keep them until the last client has been told.
                said, last, used = three_hundred_ask(
                    pages, clients, lambda: called.extend(press(counters.port) for _ in range(3))
                )
                assert said == {(503, True): CLIENTS}
            refused.append(last)
            print(
                f"{CLIENTS} clients: the last 503 after {last:.2f} s, {used:.2f} s of processor; the last 200 after "
                f"{answered[-1]:.2f} s; calls {[round(one[2], 2) for one in called[-3:]]} s; "
                f"load {os.getloadavg()[0]:.1f}"
            )
            assert ask(pages.port)[0] == 200, "well again by itself"
        assert {status for status, _, _ in called} <= {200, 409} and called[0][0] == 200
        assert statistics.median(refused) < ALLOWED * statistics.median(answered)


def give_back(address):
    """End the connections that the pages have kept, so that others can have all."""
    role = urlsplit(address).username
    with psycopg.connect(_as_superuser(), autocommit=True) as superuser:
        superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role])
        for _ in range(600):
            left = superuser.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [role]).fetchone()
            if left == (0,):
                return
            time.sleep(0.1)
    raise AssertionError("connections do not end")


@pytest.mark.skipif(pools.PROGRAM is None, reason="NO PGBOUNCER: TRANSACTION POOLING IS NOT TESTED")
def test_a_pool_that_is_used_up_says_so_as_soon_as_the_pool_does(addresses, press, folder):  # noqa: F811
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
                bare = refused_by(public)
                status, says_when, seconds = ask(pages.port)
                called, _, _ = press(counters.port)
            print(f"the pool refuses after {bare:.2f} s, the page says so after {seconds:.2f} s")
            assert (status, says_when, called) == (503, True, 200)
            assert seconds < 2 * bare, "it does not try a second time"
            assert ask(pages.port)[0] == 200


def refused_by(address) -> float:
    """How long PgBouncer leaves one waiting before it refuses."""
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address, prepare_threshold=None).execute("SELECT 1")
    return time.monotonic() - began
