"""A database connection that was kept and has ended meanwhile: the booking goes through all the same, once."""

import psycopg
import pytest
from django.db import OperationalError, connection

from booking import prepared, verbs
from booking.models import Ticket
from tests.factories import make_member, make_slot

pytestmark = pytest.mark.django_db(transaction=True)


def end_the_connection():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    address = {name: value for name, value in connection.get_connection_params().items() if name in ADDRESS}
    with psycopg.connect(**address, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


ADDRESS = {"dbname", "user", "password", "passfile", "host", "port"}


def test_a_booking_goes_through_on_a_new_connection():
    member, slot = make_member(), make_slot()
    end_the_connection()

    booking = verbs.book(member_id=member.pk, slot_id=slot.pk, key="one-key")

    assert booking.created
    assert Ticket.objects.get().public_id == booking.public_id


def test_one_that_was_carried_out_before_its_answer_was_lost_is_found_by_its_key(monkeypatch):
    member, slot = make_member(), make_slot()
    execute = prepared.first_row

    def carry_out_and_lose_the_answer(sql, values):
        monkeypatch.setattr(prepared, "first_row", execute)
        execute(sql, values)
        end_the_connection()
        raise OperationalError

    monkeypatch.setattr(prepared, "first_row", carry_out_and_lose_the_answer)
    booking = verbs.book(member_id=member.pk, slot_id=slot.pk, key="one-key")

    assert not booking.created
    assert Ticket.objects.get().public_id == booking.public_id


def test_a_database_that_cannot_be_reached_is_told(monkeypatch):
    member, slot = make_member(), make_slot()
    connection.close()

    def refuse():
        raise OperationalError

    monkeypatch.setattr(connection, "connect", refuse)
    with pytest.raises(OperationalError):
        verbs.book(member_id=member.pk, slot_id=slot.pk, key="one-key")
    monkeypatch.undo()
