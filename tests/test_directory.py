"""Members are looked up where i-member has them: in its database or by its service, answering or not."""

import contextlib
import json
import logging
import sqlite3
import time
from decimal import Decimal
from urllib.parse import urlencode

import jsonschema
import psycopg
import pytest
import time_machine
import yaml
from django.core.checks import run_checks
from django.db import connection
from django.test import Client
from django.urls import reverse

from booking import jobs, roles
from booking.models import Ticket
from members import directory
from members.citizen_id import citizen_id_hmac
from members.directory import answers, breaker, comparing, database, http
from members.directory.answers import DirectoryFault
from members.errors import DirectorySilent, NotRegistered
from members.identify import identify, registration_status
from members.models import DirectoryState, Member, MemberFile
from queuesite.settings import BASE_DIR
from tests import fake_directory, mariadb
from tests.factories import make_citizen_id, make_member, make_open_department, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "203.0.113.7"
CITIZEN_ID = "1234567890121"
SOMSRI = {
    "member_number": "004501",
    "citizen_id": CITIZEN_ID,
    "title": "นาง",
    "given_name": "สมศรี",
    "family_name": "ใจดี",
    "phone": "081-234-5678",
    "email": "somsri@example.org",
    "registered": True,
}
COLUMNS = {
    "member_number": "memb_no",
    "citizen_id": "card id",
    "title": "prefix",
    "given_name": "fname",
    "family_name": "lname",
    "phone": "tel",
    "email": "mail",
    "registered": "status",
}
MAKE = """CREATE TABLE {table} (memb_no {kind}, "card id" varchar(20), prefix varchar(20), fname varchar(100),
          lname varchar(100), tel varchar(20), mail varchar(100), status varchar(10))"""


def person(number: int, **values) -> dict:
    return SOMSRI | {
        "member_number": f"{number:06}",
        "citizen_id": make_citizen_id(),
        "given_name": f"สม{number}",
        "email": "",
        **values,
    }


@pytest.fixture
def service(settings):
    with fake_directory.running() as fake:
        settings.MEMBER_DIRECTORY, settings.DIRECTORY_URL = "http", fake.url
        settings.DIRECTORY_TOKEN = fake_directory.TOKEN
        fake.people = [SOMSRI]
        yield fake


@contextlib.contextmanager
def waited_for_two_seconds():
    """Two as a figure, not as a constant says."""
    begun = time.monotonic()
    yield
    assert 1.5 < time.monotonic() - begun < 8  # a busy machine is late


def _in_database(settings, url: str, table: str) -> None:
    settings.MEMBER_DIRECTORY, settings.DIRECTORY_DATABASE_URL = "database", url
    settings.DIRECTORY_TABLE, settings.DIRECTORY_COLUMNS = table, COLUMNS
    settings.DIRECTORY_REGISTERED = ["1", "active"]


ROWS = [
    ("004501", "1-2345-67890-12-1", "นาง", "สมศรี", "ใจดี", "0812345678", "", "Active"),
    ("004502", "", "นาย", "สมชาย", "ใจดี", "not a number", "", "0"),
]


@pytest.fixture
def sqlite_file(settings, tmp_path):
    path = tmp_path / "imember.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as there, there:
        there.execute(MAKE.format(table="people", kind="integer"))  # a database that has lost the zeros
        there.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ROWS)
    _in_database(settings, f"sqlite:///{path}", "people")


@pytest.fixture
def second_postgres(settings):
    """Another database of the tests' server. Gives a function that connects to it as who may change it."""
    params = connection.get_connection_params()
    server = {name: params[name] for name in ("host", "port", "user", "password", "passfile") if params.get(name)}
    name = f"imember_{params['dbname']}"[:60]
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as there:
        there.execute(f'DROP DATABASE IF EXISTS "{name}"')
        there.execute(f'CREATE DATABASE "{name}"')
    with psycopg.connect(**server, dbname=name, autocommit=True) as there:
        there.execute("CREATE SCHEMA old")
        there.execute(MAKE.format(table="old.people", kind="varchar(12)"))
        there.cursor().executemany("INSERT INTO old.people VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", ROWS)
    _in_database(settings, f"postgres:///{name}?{urlencode(server)}", "old.people")
    yield lambda: psycopg.connect(**server, dbname=name)
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as there:
        there.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def a_mariadb(settings):
    """A MariaDB, through a user who may read one table."""
    rows = ", ".join("(" + ", ".join(f"'{cell}'" for cell in row) + ")" for row in ROWS)
    with mariadb.running() as socket:
        mariadb.run(
            socket,
            "CREATE DATABASE imember CHARACTER SET utf8mb4",
            "USE imember",
            MAKE.format(table="people", kind="integer").replace('"', "`"),
            f"INSERT INTO people VALUES {rows}",
            "CREATE USER queue_reader@localhost",
            "GRANT SELECT ON imember.people TO queue_reader@localhost",
        )
        options = urlencode({"unix_socket": str(socket), "charset": "utf8mb4"})
        _in_database(settings, f"mysql://queue_reader@localhost/imember?{options}", "people")
        yield


@pytest.fixture(params=["service", "sqlite_file", "second_postgres", pytest.param("a_mariadb", marks=pytest.mark.slow)])
def anywhere(request):
    return request.getfixturevalue(request.param)


# --- asked --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [{"citizen_id": CITIZEN_ID}, {"member_number": "4501"}, {"member_number": "004501"}])
def test_who_is_there_is_found_and_kept_with_an_hmac(anywhere, asked):
    member = identify(**asked, address=ADDRESS)
    assert (member.full_name, member.phone) == ("นางสมศรี ใจดี", "0812345678")
    assert member.citizen_id_hmac == citizen_id_hmac(CITIZEN_ID)
    assert Member.objects.get() == member
    assert member.history.get().history_change_reason == "จากไอเมมเบอร์"
    assert identify(**asked, address=ADDRESS) == member
    assert member.history.count() == 1, "nothing had changed"


def test_who_is_not_there_or_not_registered_is_not_found(anywhere, settings):
    make_member(member_number="777777", citizen_id=make_citizen_id())  # known to us alone
    for asked in ({"member_number": "777777"}, {"citizen_id": make_citizen_id()}, {"member_number": "004502"}):
        with pytest.raises(NotRegistered):
            identify(**asked, address=ADDRESS)


def test_what_changed_there_changes_here(service):
    member = identify(member_number="4501", address=ADDRESS)
    service.people = [SOMSRI | {"family_name": "ใจงาม", "phone": ""}]
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS).full_name == "นางสมศรี ใจงาม"
    member.refresh_from_db()
    assert member.phone == ""


def test_who_was_in_our_table_before_stays_the_same_member(service):
    kept = make_member(member_number="4501", left_at="2026-01-01T00:00Z", is_registered=False)
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == kept
    kept.refresh_from_db()
    assert (kept.member_number, kept.left_at, kept.is_registered) == ("004501", None, True)


def test_one_citizen_id_and_another_members_number_is_left_to_staff(service):
    make_member(member_number="888888", citizen_id=CITIZEN_ID)
    by_number = make_member(member_number="004501")
    before = list(Member.objects.order_by("pk").values())
    assert identify(member_number="004501", address=ADDRESS) == by_number
    assert list(Member.objects.order_by("pk").values()) == before


def test_numbers_go_in_bodies_and_into_no_log(service, caplog):
    caplog.set_level(logging.DEBUG)
    identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    service.status = 500
    with pytest.raises(DirectorySilent):
        identify(member_number="004599", address=ADDRESS)
    assert [(path, list(body)) for path, body in service.asked] == [
        ("/members/find", ["citizen_id"]),
        ("/members/find", ["member_number"]),
    ]
    assert CITIZEN_ID not in caplog.text and "4599" not in caplog.text


def test_the_database_is_only_read(second_postgres, settings):
    identify(member_number="4501", address=ADDRESS)
    with pytest.raises(DirectoryFault, match="InternalError"), database.cursor() as rows:
        rows.execute("DELETE FROM old.people")
    assert len(next(directory.everyone())) == len(ROWS)


@pytest.mark.slow
def test_a_mariadb_is_only_read_and_compared_whole(a_mariadb, settings):
    assert len(next(directory.everyone())) == len(ROWS)
    # By the user's rights, and where these were too wide by the session, too.
    with pytest.raises(DirectoryFault, match="OperationalError"), database.cursor() as rows:
        rows.execute("DELETE FROM people")
    settings.DIRECTORY_DATABASE_URL = settings.DIRECTORY_DATABASE_URL.replace("queue_reader", "root")
    with pytest.raises(DirectoryFault, match="OperationalError"), database.cursor() as rows:
        rows.execute("DELETE FROM people")
    assert len(next(directory.everyone())) == len(ROWS)


KINDS = [("integer", "bigint"), ("numeric(10)", "numeric(13)"), ("double precision", "double precision")]


@pytest.mark.parametrize(("number", "citizen_id"), KINDS)
def test_numbers_that_a_database_keeps_as_numbers(second_postgres, number, citizen_id):
    with second_postgres() as there:
        there.execute("UPDATE old.people SET \"card id\" = nullif(replace(\"card id\", '-', ''), '')")
        there.execute(f"ALTER TABLE old.people ALTER memb_no TYPE {number} USING memb_no::{number}")
        there.execute(f'ALTER TABLE old.people ALTER "card id" TYPE {citizen_id} USING "card id"::{citizen_id}')
    assert identify(member_number="004501", address=ADDRESS) == identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    for asked in ({"member_number": "999999999999"}, {"citizen_id": make_citizen_id()}):
        with pytest.raises(NotRegistered):
            identify(**asked, address=ADDRESS)
    assert directory.silent_since() is None
    assert [cells["member_number"] for cells in next(directory.everyone())] == ["4501", "4502"]


@pytest.mark.parametrize("kind", ["integer", "real", "numeric"])
def test_numbers_that_a_file_of_sqlite_keeps_as_numbers(sqlite_file, settings, kind):
    path = settings.DIRECTORY_DATABASE_URL.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path)) as there, there:
        there.execute("ALTER TABLE people RENAME TO before")
        there.execute(MAKE.format(table="people", kind=kind).replace('"card id" varchar(20)', f'"card id" {kind}'))
        there.execute("INSERT INTO people SELECT * FROM before")
        there.execute("UPDATE people SET \"card id\" = replace(\"card id\", '-', '')")
    assert identify(member_number="004501", address=ADDRESS) == identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    assert directory.silent_since() is None


@pytest.mark.parametrize(
    "value", [Decimal("4501.5"), Decimal("NaN"), Decimal("Infinity"), 4501.5, float("inf"), b"4501"]
)
def test_what_is_no_whole_number_is_a_fault(value):
    with pytest.raises(DirectoryFault, match="member_number"):
        answers.cells_of(SOMSRI | {"member_number": value})


# --- silent -------------------------------------------------------------------------------------------------------


def test_who_was_seen_before_books_while_it_is_down_and_the_page_says_since_when(service, client):
    department = make_open_department()
    member = identify(member_number="4501", address=ADDRESS)
    service.status = 502
    address = reverse("identify", args=[department.slug])
    answer = client.post(address, {"by": "member_number", "member_number": "4501"})
    assert answer.status_code == 302, "from our own table"
    since = DirectoryState.objects.get().silent_since
    assert "ติดต่อไอเมมเบอร์ไม่ได้ตั้งแต่ 07.3" in client.get(f"{address}?who=1").content.decode()
    answer = client.post(address, {"by": "member_number", "member_number": "004777"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "004777" in answer.content.decode(), "what was typed is kept"
    assert directory.silent_since() == since
    answer = Client().post("/api/v1/members/identify/", {"member_number": "004777"}, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "directory_silent")
    answer = Client().post("/api/v1/members/identify/", {"member_number": "4501"}, "application/json")
    assert (answer.status_code, answer.json()["masked_name"]) == (200, member.masked_name)


def test_while_it_is_down_a_wrong_proof_and_an_unknown_number_look_alike(service, settings):
    settings.MEMBER_PROOF = "phone_last4"
    identify(member_number="4501", proof="5678", address=ADDRESS)
    service.status = 503
    for number in ("4501", "4999"):
        with pytest.raises(DirectorySilent):
            identify(member_number=number, proof="0000", address=ADDRESS)
    with pytest.raises(DirectorySilent):
        registration_status(member_number="4999", address=ADDRESS)


def test_a_slow_one_is_waited_for_two_seconds_and_then_left_alone(service):
    identify(member_number="4501", address=ADDRESS)
    service.delay = 5
    with waited_for_two_seconds():
        identify(member_number="4501", address=ADDRESS)
    asked = len(service.asked)
    for _again in range(5):
        identify(member_number="4501", address=ADDRESS)
    assert len(service.asked) == asked, "nobody asks while it rests"


def test_the_limits_are_two_seconds():
    assert (directory.SECONDS, http.SECONDS) == (2, 2)
    assert {kind.get("connect_timeout", 2) for kind in database.READ_ONLY.values()} == {2}


@pytest.mark.parametrize("limit", [(directory, "SECONDS"), (http, "SECONDS")])
def test_either_limit_alone_ends_the_wait(service, monkeypatch, limit):
    identify(member_number="4501", address=ADDRESS)
    monkeypatch.setattr(*limit, 60)
    service.delay = 5
    with waited_for_two_seconds():
        identify(member_number="4501", address=ADDRESS)
    assert directory.silent_since()


def test_a_locked_table_is_waited_for_two_seconds(second_postgres):
    with time_machine.travel("2026-11-23T08:00+07:00", tick=False) as clock:
        member = identify(member_number="4501", address=ADDRESS)
        with second_postgres() as there, waited_for_two_seconds():
            there.execute("LOCK TABLE old.people IN ACCESS EXCLUSIVE MODE")
            assert identify(member_number="4501", address=ADDRESS) == member
            assert directory.silent_since()
        with pytest.raises(DirectorySilent):
            identify(member_number="4599", address=ADDRESS)
        clock.shift(breaker.REST)
        with pytest.raises(NotRegistered):
            identify(member_number="4599", address=ADDRESS)
        assert directory.silent_since() is None


def test_after_a_rest_one_asks_and_it_is_back(service):
    with time_machine.travel("2026-11-23T08:00+07:00", tick=False) as clock:
        identify(member_number="4501", address=ADDRESS)
        service.status = 500
        identify(member_number="4501", address=ADDRESS)
        since = directory.silent_since()
        clock.shift(breaker.REST)
        identify(member_number="4501", address=ADDRESS)  # asked, in vain
        assert directory.silent_since() == since
        service.status = 200
        asked = len(service.asked)
        identify(member_number="4501", address=ADDRESS)
        assert len(service.asked) == asked
        clock.shift(breaker.REST)
        identify(member_number="4501", address=ADDRESS)
        assert len(service.asked) == asked + 1
        assert directory.silent_since() is None


def test_a_server_that_is_gone_and_a_database_that_is_gone(service, settings, tmp_path):
    identify(member_number="4501", address=ADDRESS)
    service.server.shutdown()
    service.server.server_close()
    identify(member_number="4501", address=ADDRESS)
    assert directory.silent_since()
    DirectoryState.objects.all().delete()
    _in_database(settings, f"sqlite:///{tmp_path}/nowhere/imember.sqlite", "people")
    identify(member_number="4501", address=ADDRESS)
    assert directory.silent_since()


@pytest.mark.parametrize(
    "answer",
    [
        "<html>Welcome</html>",
        "[]",
        "{}",
        '{"members": [1]}',
        '{"members": [{"member_number": "004501"}]}',
        '{"members": [{"member_number": "004501", "given_name": ["a"], "registered": true}]}',
        '{"members": [{"member_number": "999999", "given_name": "สมหมาย", "registered": true}]}',
        '{"members": [{"member_number": "004501", "given_name": "สมศรี", "registered": "perhaps"}]}',
        "[" * 100_000,
    ],
)
def test_nonsense_changes_nothing(service, answer):
    member = identify(member_number="4501", address=ADDRESS)
    before = Member.objects.values().get()
    service.answer = answer
    assert identify(member_number="4501", address=ADDRESS) == member
    assert Member.objects.values().get() == before
    assert directory.silent_since()


def test_another_persons_citizen_id_in_the_answer_changes_nothing(service):
    service.answer = json.dumps({"members": [person(7)]})
    with pytest.raises(DirectorySilent):
        identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    assert not Member.objects.exists()


WITHOUT_ID = SOMSRI | {"citizen_id": None, "given_name": "ใครสักคน"}


def answering(service, **values) -> None:
    """Whatever is asked, this is the answer; it keeps to the contract, and names no citizen ID."""
    service.answer = json.dumps({"members": [WITHOUT_ID | values]})


@pytest.mark.parametrize("is_somebodys", [True, False])
def test_an_answer_without_a_citizen_id_gives_its_owner_no_other_number(service, is_somebodys):
    if is_somebodys:
        make_member(member_number="000001", citizen_id=make_citizen_id())
    owner = identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    before = list(Member.objects.order_by("pk").values())
    answering(service, member_number="000001")
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == owner
    assert list(Member.objects.order_by("pk").values()) == before


def test_an_answer_without_a_citizen_id_gives_no_member_another_id(service):
    known = make_member(member_number="004501", citizen_id=make_citizen_id())
    before = Member.objects.values().get()
    answering(service)
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == known
    assert Member.objects.values().get() == before


def test_whose_citizen_id_never_leaves_i_member_is_found_by_it_while_it_is_silent(service):
    answering(service)
    member = identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == member
    service.status = 500
    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == member


def test_whose_number_changed_there_long_ago_is_the_one_with_the_number_of_now(service):
    """By night the new number came in without an ID, and the old one left."""
    gone = make_member(member_number="004501", citizen_id=CITIZEN_ID, is_registered=False, left_at="2026-01-01T00:00Z")
    answering(service, member_number="000001")
    found = identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    assert (found.member_number, found.citizen_id_hmac) == ("000001", None)
    gone.refresh_from_db()
    assert (gone.member_number, gone.citizen_id_hmac) == ("004501", citizen_id_hmac(CITIZEN_ID))


# --- compared at night ---------------------------------------------------------------------------------------------


def test_who_is_new_changed_or_gone_is_brought_in_by_night(service):
    service.people = [person(number) for number in range(1, 8)]
    compared = comparing.compare()
    assert compared.counts | {"padded": 0, "same_digits": 0} == compared.counts | {"n": 7, "c": 0, "u": 0, "f": 0}
    service.people = [*service.people[1:6], service.people[6] | {"given_name": "ใหม่"}, person(9)]
    compared = comparing.compare()
    compared.refresh_from_db()
    assert compared.state == MemberFile.State.DONE
    assert [compared.counts[name] for name in ("n", "c", "u", "missing")] == [1, 1, 5, 1]
    assert Member.objects.get(member_number="000001").left_at
    assert Member.objects.get(member_number="000007").given_name == "ใหม่"


@pytest.mark.parametrize("people", [[], [person(1)], [person(n, registered=False) for n in range(1, 41)]])
def test_a_night_that_would_change_too_much_waits_for_staff(service, people):
    service.people = [person(number) for number in range(1, 41)]
    comparing.compare()
    service.people = people
    before = list(Member.objects.order_by("pk").values())
    compared = comparing.compare()
    assert compared.state == MemberFile.State.CHECKED
    assert list(Member.objects.order_by("pk").values()) == before
    client = Client()
    client.force_login(make_user(group=roles.MANAGER))
    page = client.get(reverse("admin:index")).content.decode()
    address = reverse("admin:members_member_file", args=[compared.pk])
    assert address in page
    assert "ต่างจากที่มีอยู่มากผิดปกติ" in client.get(address).content.decode()
    jobs.forget_imports()
    assert comparing.waiting() == compared, "it does not vanish before somebody has looked"
    client.post(address, {"do": "forget"})
    assert comparing.waiting() is None


def test_a_row_that_cannot_be_read_does_not_keep_the_others_out(service):
    service.people = [person(number) for number in range(1, 8)] + [person(8, given_name="")]
    compared = comparing.compare()
    compared.refresh_from_db()
    assert (compared.state, Member.objects.count()) == (MemberFile.State.DONE, 7)


def test_a_directory_that_breaks_off_is_not_compared(service):
    service.people = [person(number) for number in range(1, 8)]
    comparing.compare()
    service.answer = "oops"
    assert comparing.compare() is None
    assert not Member.objects.exclude(left_at=None).exists()
    assert DirectoryState.objects.get().fault


def test_all_of_a_database_is_compared(second_postgres):
    comparing.compare()
    assert list(Member.objects.order_by("pk").values_list("member_number", "is_registered", "phone")) == [
        ("004501", True, "0812345678"),
        ("004502", False, ""),
    ]


def test_once_a_night_and_only_where_there_is_one(service, settings):
    with time_machine.travel("2026-11-24T01:30+07:00", tick=False) as clock:
        jobs.compare_members()
        assert not service.asked, "before two"
        clock.shift(3600)
        jobs.compare_members()
        asked = len(service.asked)
        assert asked
        clock.shift(3600)
        jobs.compare_members()
        assert len(service.asked) == asked
        clock.shift(24 * 3600)
        settings.MEMBER_DIRECTORY = "table"
        jobs.compare_members()
        assert len(service.asked) == asked


# --- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"MEMBER_DIRECTORY": "ldap"}, "must be one of: table, database, http"),
        ({"MEMBER_DIRECTORY": "http"}, "needs DIRECTORY_URL"),
        ({"MEMBER_DIRECTORY": "database"}, "needs DIRECTORY_DATABASE_URL"),
        ({"MEMBER_DIRECTORY": "database", "DIRECTORY_COLUMNS": {"given_name": "a"}}, "which column is member_number"),
        ({"MEMBER_DIRECTORY": "database", "DIRECTORY_COLUMNS": COLUMNS | {"age": "a"}}, "names what is unknown: age"),
    ],
)
def test_what_could_not_be_asked_stops_the_start(settings, values, words):
    for name, value in values.items():
        setattr(settings, name, value)
    assert any(words in str(fault.msg) for fault in run_checks(tags=["members"]))


def test_no_directory_elsewhere_is_the_default(settings):
    assert settings.MEMBER_DIRECTORY == "table"
    assert not [fault for fault in run_checks(tags=["members"]) if fault.id == "members.E007"]
    assert not Ticket.objects.exists()


def test_what_is_asked_and_answered_keeps_to_the_contract(service):
    contract = yaml.safe_load((BASE_DIR / "docs" / "member-directory.yaml").read_text())
    service.people = [SOMSRI, *(person(number) for number in range(1, 5))]
    identify(citizen_id=CITIZEN_ID, address=ADDRESS)
    identify(member_number="4501", address=ADDRESS)
    list(directory.everyone())
    assert {path for path, _body in service.asked} == set(contract["paths"])
    for path, body in service.asked:
        call = contract["paths"][path]["post"]
        for schema, said in (
            (call["requestBody"]["content"]["application/json"]["schema"], body),
            (call["responses"]["200"]["content"]["application/json"]["schema"], service.says(path, body)),
        ):
            jsonschema.validate(said, schema | {"components": contract["components"]})
