"""The demo's full day with those who wait for it, which the manual's picture shows."""

import pytest
from django.core.management import CommandError, call_command

from booking import invariants
from booking.days import availability
from booking.models import Department, WaitingEntry
from booking.verbs.waiting import offer_free_places
from queuesite.demo import office
from tests.clock import standing_still, today_at

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("8.00"), autouse=True)


def test_a_day_is_full_five_wait_and_two_are_offered_what_came_free():
    office.seed()
    call_command("wait_in_demo")
    department = Department.objects.get(slug="legal")
    [date] = set(WaitingEntry.objects.values_list("date", flat=True))
    assert {time.state for time in availability.times(department, date)} == {"full"}
    assert WaitingEntry.objects.count() == 5
    assert offer_free_places() == 2
    assert WaitingEntry.objects.filter(offered_at__isnull=False).count() == 2
    assert invariants.violations() == {}


def test_it_is_for_the_demo_alone(settings):
    settings.DEMO = False
    with pytest.raises(CommandError):
        call_command("wait_in_demo")


def test_it_says_what_it_does_not_find():
    with pytest.raises(CommandError, match="no department"):
        call_command("wait_in_demo", department="no-such")
