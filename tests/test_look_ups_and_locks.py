"""Who is looked up while an import has members' rows in hand goes on: nobody waits for it at the member's telephone."""

import contextlib

import psycopg
import pytest
from django.db import connection

from members.citizen_id import citizen_id_hmac
from members.directory import database, keeping
from members.errors import DirectorySilent
from members.identify import identify
from members.models import Member
from tests import test_directory
from tests.factories import make_member
from tests.test_directory import ADDRESS, CITIZEN_ID, SOMSRI, person

pytestmark = pytest.mark.django_db(transaction=True)
service = test_directory.service
second_postgres = test_directory.second_postgres


@contextlib.contextmanager
def in_hand(statement: str, *parameters):
    """Another process has done this, and will not be done while the block runs. A statement of ours that waits is
    ended, and not the test with it."""
    wanted = connection.get_connection_params()
    server = {name: wanted[name] for name in ("host", "port", "user", "password", "passfile") if wanted.get(name)}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '20s'")
    with psycopg.connect(**server, dbname=wanted["dbname"]) as other:
        other.execute(statement, parameters)
        yield
        other.rollback()
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(keeping, "LOCK_WAIT", "100ms")


def test_who_is_stored_goes_on_as_stored(service):
    member = identify(member_number="4501", address=ADDRESS)
    service.people = [SOMSRI | {"phone": "0899999999"}]

    with in_hand("UPDATE members_member SET phone = '' WHERE id = %s", member.pk):
        assert identify(member_number="4501", address=ADDRESS) == member
        assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == member

    assert identify(member_number="4501", address=ADDRESS).phone == "0899999999", "the next look-up keeps it"


def test_who_is_just_being_brought_in_is_asked_to_come_back(service):
    service.people = [person(4502)]
    statement = (
        "INSERT INTO members_member (member_number, title, given_name, family_name, phone, email, is_registered,"
        " created_at) VALUES ('004502', '', 'สม', '', '', '', true, now())"
    )
    with in_hand(statement), pytest.raises(DirectorySilent):
        identify(member_number="4502", address=ADDRESS)

    assert identify(member_number="4502", address=ADDRESS).given_name == "สม4502"


def test_a_member_who_has_to_move_to_the_new_key_moves_when_the_row_is_free(settings):
    settings.CITIZEN_ID_KEY = "the-key-of-before" * 3
    member = make_member(citizen_id=CITIZEN_ID)
    settings.CITIZEN_ID_KEY, settings.CITIZEN_ID_KEY_FALLBACKS = "the-new-key" * 4, [settings.CITIZEN_ID_KEY]

    with in_hand("UPDATE members_member SET phone = '' WHERE id = %s", member.pk):
        assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == member
    assert Member.objects.get().citizen_id_hmac != citizen_id_hmac(CITIZEN_ID)

    assert identify(citizen_id=CITIZEN_ID, address=ADDRESS) == member
    assert Member.objects.get().citizen_id_hmac == citizen_id_hmac(CITIZEN_ID)


def test_i_members_own_server_ends_a_look_up_after_two_seconds_and_the_nights_later(second_postgres):
    said = []
    for seconds in (database.SECONDS, database.SECONDS_FOR_ALL):
        with database.cursor(seconds) as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('transaction_read_only')")
            said.append(cursor.fetchone())
    assert said == [("2s", "on"), ("1min", "on")]
