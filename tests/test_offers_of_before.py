"""The migration of what stood on waiting entries of how their offers were told: each has its message afterwards."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from booking.models import OfferMessage
from tests.factories import in_days, make_member, make_open_department

BEFORE = [("booking", "0047_the_audit_is_kept")]


@pytest.fixture
def migrate(transactional_db):
    """Go to a state of the schema, and answer with its models. In the end the schema is as the code has it."""

    def go(targets):
        executor = MigrationExecutor(connection)
        executor.migrate(targets)
        return MigrationExecutor(connection).loader.project_state(targets).apps

    yield go
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.slow
def test_each_offer_has_the_message_by_which_it_was_told(migrate):
    department, member = make_open_department(), make_member()
    last = MigrationExecutor(connection).loader.graph.leaf_nodes()
    entries = migrate(BEFORE).get_model("booking", "WaitingEntry").objects
    now = timezone.now()
    offer = {"offered_at": now, "offer_ends_at": now, "offered_number": 1, "offered_starts_at": now}
    told = [("sent", "line"), ("telephone", ""), ("owed", ""), ("", "")]
    for nth, (telling, by) in enumerate(told):
        entries.create(
            public_id=str(nth),
            member_id=member.pk,
            department_id=department.pk,
            date=in_days(nth),
            joined_at=now,
            telling=telling,
            told_by=by,
            retry_key=None if telling == "owed" else "12345678-1234-5678-1234-567812345678",
            **(offer if telling else {}),
        )

    migrate(last)

    found = OfferMessage.objects.order_by("entry__public_id").values_list("entry__public_id", "state", "channel")
    assert list(found) == [("0", "sent", "line"), ("1", "to_telephone", ""), ("2", "owed", "")]
    assert str(OfferMessage.objects.get(entry__public_id="0").retry_key) == "12345678-1234-5678-1234-567812345678"
    assert OfferMessage.objects.get(entry__public_id="2").retry_key
