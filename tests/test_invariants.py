"""The checker of the rules finds what breaks them."""

import pytest
from django.core.management import CommandError, call_command

from booking import invariants
from booking.models import Place, Slot, Ticket
from tests.factories import make_slot, make_ticket

pytestmark = pytest.mark.django_db


def test_all_is_well_after_bookings():
    make_ticket()

    assert invariants.violations() == {}
    call_command("check_queue")


@pytest.mark.parametrize(
    ("breaking", "rule"),
    [
        (lambda: Place.objects.update(ticket=None), "a live ticket holds as many places as it has parts"),
        (lambda: Ticket.objects.update(state="cancelled"), "a cancelled ticket holds no place"),
        (lambda: Ticket.objects.update(state="waiting"), "the last event of a ticket tells its state"),
        (lambda: Slot.objects.filter(tickets__isnull=False).update(quota=1), "no free place above its quota"),
        (lambda: Slot.objects.filter(tickets__isnull=False).update(quota=99), "as many places as its quota"),
        (lambda: Slot.objects.update(first_number=1), "share no numbers"),
    ],
)
def test_a_broken_rule_is_named(breaking, rule):
    make_ticket(slot=make_slot(quota=3))

    breaking()

    assert any(rule in found for found in invariants.violations())
    with pytest.raises(CommandError, match=rule):
        call_command("check_queue")
