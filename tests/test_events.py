"""What happened to a ticket is only ever added to."""

import pytest
from django.db import DatabaseError, transaction

from booking.models import TicketEvent
from tests.factories import make_ticket

pytestmark = pytest.mark.django_db


def test_the_database_refuses_to_change_an_event():
    make_ticket()

    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        TicketEvent.objects.update(reason="rewritten")


def test_the_database_refuses_to_delete_an_event():
    make_ticket()

    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        TicketEvent.objects.all().delete()
