"""Which counter serves which departments: one by one, and by profiles that a press or the time switches on."""

import datetime as dt

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from booking import roles, verbs
from booking.calling import queues
from booking.models import CounterProfile, Department, ProfileCounter, ProfileSwitch, StaffDepartment
from booking.verbs import profiles
from tests.clock import MORNING
from tests.factories import make_counter, make_open_department, make_user, make_walk_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def two():
    return make_open_department(name="ก"), make_open_department(name="ข")


def make_profile(name="เช้า", served=(), **fields) -> CounterProfile:
    profile = CounterProfile.objects.create(name=name, **fields)
    for counter, departments in served:
        for nth, department in enumerate(departments):
            ProfileCounter.objects.create(profile=profile, counter=counter, department=department, position=nth)
    return profile


def test_one_press_changes_what_every_counter_calls(two, client, manager):
    first, second = two
    counters = [make_counter(departments=[first]), make_counter(departments=[first])]
    profile = make_profile(served=[(counters[0], [second, first]), (counters[1], [second])])
    before = queues.versions()
    waiting = make_walk_in(department=second)

    client.post(reverse("admin:booking_counterprofile_switch", args=[profile.pk]))

    assert counters[0].department_ids() == [second.pk, first.pk]
    assert verbs.call_next(counter=counters[1], by=counters[1].clerk).pk == waiting.pk
    done = ProfileSwitch.objects.get()
    assert (done.name, done.by, done.left_out) == ("เช้า", manager, [])
    after = queues.versions()
    assert all(after[pk] > before.get(pk, 0) for pk in (first.pk, second.pk))  # open pages look again


def test_a_counter_that_the_profile_does_not_name_stays(two):
    first, second = two
    named, other = make_counter(departments=[first]), make_counter(departments=[first])

    profiles.switch(profile=make_profile(served=[(named, [second])]), by=None)

    assert (named.department_ids(), other.department_ids()) == ([second.pk], [first.pk])


def test_a_clerk_is_not_given_a_department_that_is_not_theirs(two):
    first, second = two
    clerk = make_user(group=roles.CLERK)
    StaffDepartment.objects.create(user=clerk, department=first)
    counter = make_counter(departments=[first], clerk=clerk)

    done = profiles.switch(profile=make_profile(served=[(counter, [second])]), by=None)

    assert done.left_out == [counter.number]
    assert counter.department_ids() == [first.pk]


def at(hour: int, minute: int = 0) -> dt.datetime:
    return MORNING.replace(hour=hour, minute=minute)


def test_profiles_follow_the_time(two, clock):
    first, second = two
    counter = make_counter(departments=[first])
    make_profile("เช้า", [(counter, [first])], starts=dt.time(8))
    make_profile("บ่าย", [(counter, [second])], starts=dt.time(13))

    assert profiles.switch_by_time() is None  # 07.30
    clock.move_to(at(8, 1))
    assert profiles.switch_by_time().name == "เช้า"
    assert profiles.switch_by_time() is None  # once
    clock.move_to(at(13, 1))
    assert profiles.switch_by_time().name == "บ่าย"
    assert counter.department_ids() == [second.pk]


def test_what_was_pressed_stays_until_the_next_time(two, clock):
    first, second = two
    counter = make_counter(departments=[first])
    make_profile("เช้า", [(counter, [first])], starts=dt.time(8))
    short = make_profile("คนน้อย", [(counter, [second])])
    clock.move_to(at(8, 1))
    profiles.switch_by_time()

    profiles.switch(profile=short, by=make_user())
    clock.move_to(at(11))

    assert profiles.switch_by_time() is None
    assert counter.department_ids() == [second.pk]


@pytest.mark.parametrize(("pressed_at", "expected"), [((8, 30), None), ((7, 45), "เช้า"), ((8, 0), None)])
def test_a_switch_that_was_due_before_a_press_is_not_made_after_it(two, clock, pressed_at, expected):
    """The worker was down from before 8 until 9; at the next time it goes on."""
    first, second = two
    counter = make_counter(departments=[first])
    make_profile("เช้า", [(counter, [first])], starts=dt.time(8))
    make_profile("บ่าย", [(counter, [first])], starts=dt.time(13))
    short = make_profile("คนน้อย", [(counter, [second])])
    clock.move_to(at(*pressed_at))
    profiles.switch(profile=short, by=make_user())

    clock.move_to(at(9))
    done = profiles.switch_by_time()
    assert (done and done.name) == expected
    assert counter.department_ids() == [second.pk if expected is None else first.pk]
    clock.move_to(at(13))
    assert profiles.switch_by_time().name == "บ่าย"


def test_a_press_of_yesterday_holds_up_nothing(two, clock):
    first, second = two
    counter = make_counter(departments=[second])
    make_profile("เช้า", [(counter, [first])], starts=dt.time(8))
    clock.move_to(at(17) - dt.timedelta(days=1))
    profiles.switch(profile=make_profile("คนน้อย", [(counter, [second])]), by=make_user())
    clock.move_to(at(9))
    assert profiles.switch_by_time().name == "เช้า"


@pytest.mark.parametrize(
    ("fields", "is_due"),
    [
        ({}, False),
        ({"starts": dt.time(9)}, True),
        ({"starts": dt.time(11)}, False),
        ({"starts": dt.time(9), "weekday": MORNING.weekday()}, True),
        ({"starts": dt.time(9), "weekday": (MORNING.weekday() + 1) % 7}, False),
        ({"starts": dt.time(9), "day_of_month": MORNING.day}, True),
        ({"starts": dt.time(9), "day_of_month": MORNING.day % 28 + 1}, False),
    ],
)
def test_when_a_profile_is_due(fields, is_due):
    profile = make_profile(**fields)
    assert (profiles.due_profile(at(10)) == profile) is is_due


def test_pay_day_goes_before_every_day():
    make_profile("ทุกวัน", starts=dt.time(8))
    pay_day = make_profile("เงินเดือนออก", starts=dt.time(8), day_of_month=MORNING.day)

    assert profiles.due_profile(at(10)) == pay_day


def test_of_one_time_that_of_a_date_goes_before_that_of_a_weekday_and_this_before_every_day():
    of_date = make_profile("เงินเดือนออก", starts=dt.time(8), day_of_month=MORNING.day)
    of_weekday = make_profile("วันจันทร์", starts=dt.time(8), weekday=MORNING.weekday())
    make_profile("ทุกวัน", starts=dt.time(8))

    assert profiles.due_profile(at(10)) == of_date
    of_date.delete()
    assert profiles.due_profile(at(10)) == of_weekday


def test_a_switch_that_is_written_down_cannot_be_changed():
    done = profiles.switch(profile=make_profile(), by=None)

    with pytest.raises(DatabaseError), transaction.atomic():
        ProfileSwitch.objects.filter(pk=done.pk).delete()


def test_a_profile_may_be_deleted_and_what_it_did_stays(client, manager):
    profile = make_profile()
    profiles.switch(profile=profile, by=manager)

    client.post(reverse("admin:booking_counterprofile_delete", args=[profile.pk]), {"post": "yes"})

    assert not CounterProfile.objects.exists()
    assert ProfileSwitch.objects.get().name == "เช้า"
    assert client.get(reverse("admin:booking_counterprofile_changelist")).status_code == 200


def test_the_order_of_a_profile_is_chosen_in_a_table(two, client, manager):
    first, second = two
    counter = make_counter()
    profile = make_profile()
    address = reverse("admin:booking_counterprofile_served", args=[profile.pk])

    client.post(address, {f"c{counter.pk}_d{first.pk}": "2", f"c{counter.pk}_d{second.pk}": "1"})

    assert [row.department for row in profile.rows.all()] == [second, first]
    assert client.post(address, {f"c{counter.pk}_d{first.pk}": "x"}).status_code == 200
    assert profile.rows.count() == 2


@pytest.mark.parametrize("role", [roles.CLERK, roles.HEAD, roles.AUDITOR])
def test_only_managers_switch(client, role, two):
    profile = make_profile()
    client.force_login(make_user(group=role))

    assert client.post(reverse("admin:booking_counterprofile_switch", args=[profile.pk])).status_code == 403
    assert client.get(reverse("admin:booking_counterprofile_served", args=[profile.pk])).status_code == 403
    assert not ProfileSwitch.objects.exists()


def test_a_department_that_waits_opens_with_its_first_counter():
    department = make_open_department(waits_for_counter=True)
    assert department not in Department.objects.active()
    assert not department.slots.filter(places__isnull=False).exists()
    counter = make_counter()

    profiles.serve(wanted={counter.pk: [department.pk]})

    assert department in Department.objects.active()
    assert department.slots.filter(places__isnull=False).exists()
    profiles.serve(wanted={counter.pk: []})
    assert department in Department.objects.active()  # what was opened is not shut by a profile
