"""Profiles in real processes: of many workers one switches, and clerks go on calling while counters change."""

import datetime as dt
import time
from collections import Counter as Tally

import pytest

from booking import invariants, verbs
from booking.models import CounterProfile, ProfileCounter, ProfileSwitch, TicketEvent
from booking.verbs import profiles
from tests.factories import make_counter, make_open_department, make_user, make_walk_in
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

WORKERS = 6


def make_profile(name, served, **fields) -> CounterProfile:
    profile = CounterProfile.objects.create(name=name, **fields)
    for counter, departments in served:
        for nth, department in enumerate(departments):
            ProfileCounter.objects.create(profile=profile, counter=counter, department=department, position=nth)
    return profile


def slowly(switch):
    """The work of a worker that takes its time between the look and the writing."""

    def switched(**arguments):
        time.sleep(0.3)
        return switch(**arguments)

    return switched


@pytest.mark.parametrize("is_guarded", [True, False])
def test_of_many_workers_one_switches(monkeypatch, is_guarded):
    first, second = make_open_department(max_days_ahead=1), make_open_department(max_days_ahead=1)
    counter = make_counter(departments=[first])
    make_profile("เช้า", [(counter, [second])], starts=dt.time(0, 5))
    monkeypatch.setattr(profiles, "switch", slowly(profiles.switch))
    if not is_guarded:
        monkeypatch.setattr(CounterProfile.objects, "select_for_update", CounterProfile.objects.all)

    race(*[lambda _round: bool(profiles.switch_by_time())] * WORKERS)

    assert (ProfileSwitch.objects.count() == 1) is is_guarded
    assert counter.department_ids() == [second.pk]


@pytest.mark.parametrize("is_guarded", [True, False])
def test_a_press_amid_the_switch_by_time_stays(monkeypatch, tmp_path, is_guarded):
    """The worker has looked and found nothing pressed; somebody presses before it writes."""
    first, second = make_open_department(max_days_ahead=1), make_open_department(max_days_ahead=1)
    counter, manager = make_counter(departments=[first]), make_user()
    make_profile("เช้า", [(counter, [first])], starts=dt.time(0, 5))
    short = make_profile("คนน้อย", [(counter, [second])])
    looked, press, by_time = tmp_path / "looked", profiles.switch, profiles.switch

    def late(**arguments):
        looked.touch()
        if is_guarded:
            time.sleep(0.5)
        else:
            wait_until(ProfileSwitch.objects.filter(by=manager).exists)
        return by_time(**arguments)

    def pressed(_round):
        wait_until(looked.exists)
        return press(profile=short, by=manager).pk

    monkeypatch.setattr(profiles, "switch", late)
    if not is_guarded:
        monkeypatch.setattr(profiles, "_lock_profiles", lambda: None)

    race(lambda _round: bool(profiles.switch_by_time()), pressed)

    assert ProfileSwitch.objects.count() == 2
    assert counter.department_ids() == [second.pk if is_guarded else first.pk]


def wait_until(happened) -> None:
    gives_up = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < gives_up
        time.sleep(0.02)


def test_clerks_go_on_calling_while_counters_change():
    first, second = make_open_department(max_days_ahead=1), make_open_department(max_days_ahead=1)
    counters = [make_counter(departments=[first, second]) for _ in range(3)]
    for nth in range(40):
        make_walk_in(department=[first, second][nth % 2])
    there = make_profile("ก", [(counter, [first]) for counter in counters])
    back = make_profile("ข", [(counter, [second, first]) for counter in counters])

    def clerk(counter):
        def work(_round):
            ticket = verbs.call_next(counter=counter, by=counter.clerk)
            if ticket:
                verbs.start(counter=counter, by=counter.clerk)
                verbs.finish(counter=counter, by=counter.clerk)
            return ticket and ticket.pk

        return work

    def manager(number):
        profiles.switch(profile=[there, back][number % 2], by=None)

    table = race(*map(clerk, counters), manager, manager, rounds=10)

    called = Tally(pk for row in table for pk in row[:3] if pk)
    assert set(called.values()) == {1}
    assert len(called) == TicketEvent.objects.filter(verb="finish").count()
    assert ProfileSwitch.objects.count() == 20
    assert invariants.violations() == {}
