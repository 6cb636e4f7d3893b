"""The share of a day that is kept for who comes without a booking; and which places go where there are too many."""

import pytest

from booking.days import opening
from booking.models import Slot
from tests.factories import in_days, make_exception, make_open_department, make_slot, make_ticket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("percent", "quota", "bookable"),
    [(0, 10, 140), (1, 10, 139), (25, 10, 105), (30, 10, 98), (50, 5, 35), (99, 10, 1), (100, 10, 0)],
)
def test_the_rest_of_the_day_can_be_booked(percent, quota, bookable):
    slots = make_open_department(quota=quota, walk_in_percent=percent).slots.filter(date=in_days(1))

    assert slots.count() == 14
    assert sum(slot.quota for slot in slots) == sum(slot.places.count() for slot in slots) == bookable
    assert max(slot.quota for slot in slots) - min(slot.quota for slot in slots) <= 1


def test_where_there_are_too_many_the_highest_free_places_go():
    department = make_open_department(quota=5)
    slot = make_slot(department=department)
    tickets = [make_ticket(slot=slot) for _ in range(2)]
    numbers = list(slot.places.order_by("number").values_list("number", flat=True))

    make_exception(department, date=in_days(1), quota=3)
    opening.rules_changed([department])

    slot = Slot.objects.get(pk=slot.pk)
    assert slot.quota == 3
    assert list(slot.places.order_by("number").values_list("number", flat=True)) == numbers[:3]
    assert [ticket.number for ticket in tickets] == numbers[:2]
