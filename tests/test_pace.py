"""How long a department takes for a ticket is measured from honest services alone."""

import datetime as dt

import pytest
from django.urls import reverse

from booking import jobs, roles, verbs
from booking.calling import pace
from booking.models import Pace
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_open_department, make_user, make_walk_in
from tests.pages import text

pytestmark = pytest.mark.django_db

MONDAY = today_at("8.00")


clock = standing_still(MONDAY)


@pytest.fixture
def counter(clock):
    return make_counter(departments=[make_open_department(opens=dt.time(8), usual_service_minutes=10)])


def department_of(counter):
    return counter.departments.get()


def begin(counter, **walk_in):
    make_walk_in(department=department_of(counter), **walk_in)
    ticket = verbs.call_next(counter=counter, by=counter.clerk)
    verbs.start(counter=counter, by=counter.clerk)
    return ticket


def serve(clock, counter, *, seconds, times=1):
    for _ in range(times):
        begin(counter)
        clock.shift(seconds)
        verbs.finish(counter=counter, by=counter.clerk)


def measured(counter):
    jobs.measure_pace()
    return pace.pace_of(department_of(counter))


def test_a_ticket_that_nobody_finished_does_not_count(clock, counter):
    serve(clock, counter, seconds=240, times=4)
    begin(counter)
    clock.move_to(MONDAY + dt.timedelta(days=1))
    verbs.close_day(department=department_of(counter), date=MONDAY.date())
    assert measured(counter) == (600, 300)  # four are too few: what the office says is usual

    serve(clock, counter, seconds=240)
    assert measured(counter) == (240, 0)


def test_what_was_put_back_does_not_count_and_its_second_service_does(clock, counter):
    serve(clock, counter, seconds=300, times=5)
    ticket = begin(counter)
    clock.shift(5)
    verbs.put_back(counter=counter, by=counter.clerk)
    clock.shift(600)
    assert measured(counter) == (300, 0)

    assert verbs.call_next(counter=counter, by=counter.clerk) == ticket
    verbs.start(counter=counter, by=counter.clerk)
    clock.shift(600)
    verbs.finish(counter=counter, by=counter.clerk)
    assert measured(counter)[0] == 300  # an outlier beside five alike counts as one of them
    assert [service.seconds for service in pace.services(since=MONDAY)][-2:] == [5, 600]


def test_the_time_on_hold_is_nobodys_service(clock, counter):
    ticket = begin(counter)
    clock.shift(120)
    verbs.hold(counter=counter, by=counter.clerk)
    clock.shift(3600)
    verbs.resume(ticket=ticket, counter=counter, by=counter.clerk)
    clock.shift(30)
    verbs.start(counter=counter, by=counter.clerk)
    clock.shift(60)
    verbs.hold(counter=counter, by=counter.clerk)
    clock.shift(3600)
    verbs.finish_held(ticket=ticket, by=counter.clerk)

    [service] = pace.services(since=MONDAY)
    assert (service.seconds, service.left_out) == (210, "")


def test_a_transfer_is_a_service_of_each_department(clock, counter):
    other = make_counter(departments=[make_open_department(opens=dt.time(8))])
    begin(counter)
    clock.shift(60)
    verbs.transfer(counter=counter, to=department_of(other), by=counter.clerk)
    verbs.call_next(counter=other, by=other.clerk)
    verbs.start(counter=other, by=other.clerk)
    clock.shift(200)
    verbs.finish(counter=other, by=other.clerk)

    found = [(service.department_id, service.seconds) for service in pace.services(since=MONDAY)]
    assert found == [(department_of(counter).pk, 60), (department_of(other).pk, 200)]


def test_an_undone_finish_lets_the_service_go_on(clock):
    at = [MONDAY + dt.timedelta(minutes=minutes) for minutes in (0, 4, 5, 9)]
    history = [("start", 1, 7, at[0]), ("finish", 1, 7, at[1]), ("undo_finish", 1, 7, at[2]), ("finish", 1, 7, at[3])]

    [service] = pace.services_of(1, history)

    assert service.seconds == 9 * 60


def services(*seconds, left_out=""):
    return [pace.Service(1, nth, length, MONDAY, left_out) for nth, length in enumerate(seconds)]


def test_the_longest_is_capped_and_the_mean_stays_above_the_median():
    skewed = [200] * 10 + [300] * 20 + [400] * 10 + [700] * 8
    honest = pace.measured(services(*skewed))
    assert honest.capped == 0
    assert honest.seconds == pytest.approx(366.7, abs=0.1)  # the median is 300

    forgotten = pace.measured(services(*skewed, 4438))
    assert (forgotten.capped, forgotten.cap) == (1, 700)
    assert forgotten.seconds < 375


def test_the_last_fifty_count():
    assert pace.measured(services(*[900] * 30, *[100] * 50)).seconds == 100
    assert pace.measured(services(*[900] * 30, *[100] * 49)).count == 50


def test_staff_see_what_was_left_out(client, clock, counter):
    serve(clock, counter, seconds=240, times=8)
    serve(clock, counter, seconds=4438)
    begin(counter)
    verbs.put_back(counter=counter, by=counter.clerk)
    verbs.call_next(counter=counter, by=counter.clerk)
    verbs.start(counter=counter, by=counter.clerk)
    clock.move_to(MONDAY + dt.timedelta(days=1))
    verbs.close_day(department=department_of(counter), date=MONDAY.date())
    jobs.measure_pace()
    client.force_login(make_user(group=roles.MANAGER))

    page = client.get(reverse("admin:booking_waitprediction_changelist"))

    [(department, found)] = page.context["paces"]
    assert department == department_of(counter)
    assert (found.count, found.capped, found.left_out) == (9, 1, {pace.BY_A_JOB: 1, pace.TAKEN_BACK: 1})
    assert "เวลาให้บริการต่อคิว" in text(page)
    assert Pace.objects.get().seconds == 240
