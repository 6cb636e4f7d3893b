"""The share of each slot that is kept for who comes without a booking; and which places go where there are too many."""

import pytest

from booking.days import opening
from booking.models import QuotaOverride, Slot
from tests.factories import in_days, make_open_department, make_slot, make_ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("percent", "quota", "bookable"),
    [(0, 10, 10), (1, 10, 9), (25, 10, 7), (30, 10, 7), (50, 5, 2), (99, 10, 0), (100, 10, 0)],
)
def test_the_rest_can_be_booked_rounded_down(percent, quota, bookable):
    slot = make_slot(department=make_open_department(quota=quota, walk_in_percent=percent))
    assert (slot.quota, slot.places.count()) == (bookable, bookable)


def test_where_there_are_too_many_the_highest_free_places_go():
    department = make_open_department(quota=5)
    slot = make_slot(department=department)
    tickets = [make_ticket(slot=slot) for _ in range(2)]
    numbers = list(slot.places.order_by("number").values_list("number", flat=True))

    QuotaOverride.objects.create(department=department, date=in_days(1), quota=3)
    opening.rules_changed([department])

    slot = Slot.objects.get(pk=slot.pk)
    assert slot.quota == 3
    assert list(slot.places.order_by("number").values_list("number", flat=True)) == numbers[:3]
    assert [ticket.number for ticket in tickets] == numbers[:2]
