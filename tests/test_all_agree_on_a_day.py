"""Rules and exceptions drawn at random: slots, rows, strip, API, kiosk, home and calendar agree on what each day is."""

import datetime as dt

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking import invariants, roles
from booking.days import availability, opening, overview
from booking.days.availability import TimeState
from booking.days.rules import Change, Hours, Kind, what_a_day_is
from booking.models import DayException, Department, OpeningHours, Slot
from booking.verbs import closures
from holidays.models import Holiday
from tests.factories import in_days, make_open_department, make_slot, make_ticket, make_user

pytestmark = pytest.mark.django_db

DAYS = 4  # Monday, when tests begin, to Thursday
times = st.integers(min_value=16, max_value=34).map(lambda half_hours: dt.time(*divmod(half_hours * 30, 60)))
spans = st.tuples(times, times).filter(lambda span: span[0] < span[1])


@st.composite
def exceptions(draw):
    first = draw(st.integers(0, DAYS))
    last = first + draw(st.sampled_from([0, 0, 0, 1, 30]))
    kind = draw(st.sampled_from(["closed", "closed", "quota", "hours"]))
    fields = {"kind": kind, "is_office": draw(st.booleans()), "reason": draw(st.sampled_from(["", "ประชุม", "อบรม"]))}
    if kind == "hours":
        starts, ends = draw(spans)
        fields |= {"starts": starts, "ends": ends, "slot_minutes": 30, "quota": draw(st.integers(1, 4))}
    else:
        starts, ends = draw(st.one_of(st.just((None, None)), spans))
        fields |= {"starts": starts, "ends": ends, "quota": draw(st.integers(1, 4)) if kind == "quota" else None}
    return first, last, fields, draw(st.sets(st.integers(0, 1), min_size=1))


holidays = st.tuples(st.integers(0, DAYS), st.sampled_from([(None, None), (dt.time(12), None), (None, dt.time(12))]))
settings_of_department = st.fixed_dictionaries(
    {"walk_in_percent": st.sampled_from([0, 0, 10, 50, 100]), "is_active": st.sampled_from([True, True, True, False])}
)
hours = st.fixed_dictionaries(
    {"slot_minutes": st.sampled_from([30, 45, 60]), "quota": st.integers(0, 3), "from_days": st.sampled_from([None, 2])}
)


@pytest.mark.parametrize("examples", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_all_agree(examples):
    every = settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    every(drawn_at_random(all_agree))()


drawn_at_random = given(
    drawn=st.lists(exceptions(), max_size=5),
    closed=st.lists(holidays, max_size=2, unique_by=lambda holiday: holiday[0]),
    changed=st.tuples(settings_of_department, settings_of_department),
    new_hours=st.lists(hours, max_size=2),
    held=st.sets(st.tuples(st.integers(0, DAYS - 1), st.integers(0, 13)), max_size=4),
)


def all_agree(drawn, closed, changed, new_hours, held):
    with transaction.atomic():
        departments = [
            make_open_department(opens=dt.time(9), closes=dt.time(16), quota=2, weekdays=range(6), max_days_ahead=6)
            for _ in range(2)
        ]
        tickets = [
            make_ticket(slot=make_slot(department=departments[nth % 2], days_ahead=days_ahead, nth=nth))
            for days_ahead, nth in held
        ]
        for first, last, fields, of in drawn:
            exception = DayException.objects.create(first_date=in_days(first), last_date=in_days(last), **fields)
            exception.departments.set([] if exception.is_office else [departments[nth] for nth in of])
        for days_ahead, (starts, ends) in closed:
            Holiday.objects.create(date=in_days(days_ahead), name="วันหยุด", starts=starts, ends=ends, is_confirmed=True)
        for department, fields in zip(departments, changed, strict=True):
            Department.objects.filter(pk=department.pk).update(**fields)
        for nth, fields in enumerate(new_hours):
            _change_hours(departments[nth], **fields)
        opening.rules_changed()
        assert opening.differences().count == 0, "laying out again finds nothing to do"
        assert invariants.violations() == {}
        _all_agree(list(Department.objects.order_by("pk")), tickets)
        transaction.set_rollback(True)


def _change_hours(department, *, slot_minutes, quota, from_days):
    rules = list(department.hours.all())
    if from_days is None:
        department.hours.update(slot_minutes=slot_minutes, quota=quota)
        return
    OpeningHours.objects.bulk_create(
        OpeningHours(
            department=department,
            weekday=rule.weekday,
            from_date=in_days(from_days),
            opens=rule.opens,
            closes=rule.closes,
            slot_minutes=slot_minutes,
            quota=quota,
        )
        for rule in rules
    )


def _all_agree(departments, tickets):
    first, last = in_days(0), in_days(DAYS)
    client, staff = Client(), Client()
    staff.force_login(make_user(group=roles.MANAGER))
    calendar = {day.date: day for day in overview.days(departments, first, last)}
    for department in departments:
        query = f"?from={first:%Y-%m-%d}&to={last:%Y-%m-%d}"
        in_api = client.get(f"/api/v1/departments/{department.slug}/days/{query}")
        by_api = {row["date"]: row for row in in_api.json()} if department.is_active else {}
        for day in availability.days(department, first, last):
            row = calendar[day.date].rows[department.pk]
            slots = list(Slot.objects.of_day(department, day.date))
            offered = availability.times(department, day.date)
            # The row and the slots: what can be booked lies in what is served, and a closed day has nothing to book.
            for slot in slots:
                if slot.quota:
                    assert row.serves_at(slot.starts_at)
            assert row.is_open == bool(row.serving)
            if not row.is_open:
                assert not any(slot.quota for slot in slots)
                assert day.state in ("holiday", "closed")
                assert row.state == "holiday" or day.state == "closed"
            if day.state == "holiday":
                assert row.state == "holiday"
            # The strip and the times.
            assert (day.state == "open") == any(time.state == TimeState.OPEN for time in offered)
            assert {time.id for time in offered} == {slot.pk for slot in slots if slot.quota}
            # The API.
            if department.is_active:
                told = by_api[day.date.isoformat()]
                assert (told["state"], told["reason"], told["free"]) == (day.state, day.reason, day.free)
            # The calendar counts what is there.
            load = calendar[day.date].loads.get(department.pk, overview.Load())
            assert load.places == sum(slot.places.count() for slot in slots)
    _home_and_kiosk_agree(client, staff, departments, calendar[first])
    _tickets_agree(tickets)


def _home_and_kiosk_agree(client, staff, departments, today):
    listed = {row["slug"]: row["is_open_today"] for row in client.get("/api/v1/departments/").json()}
    home = client.get("/").context["open_today"]
    kiosk = {choice["department"].pk: choice for choice in staff.get(reverse("kiosk")).context["choices"]}
    for department in departments:
        row = today.rows[department.pk]
        assert (department.pk in home) == row.is_open
        if department.is_active:
            assert listed[department.slug] == row.is_open
            now = timezone.now()
            opens = dt.timedelta(minutes=department.walk_ins_minutes_before_opening)
            assert kiosk[department.pk]["is_open"] == (row.is_open and row.opens_at - opens <= now < row.closes_at)


def _tickets_agree(tickets):
    """Who is told: exactly those at whose minute nobody serves."""
    stranded = {ticket.pk for ticket in closures.stranded()}
    for ticket in tickets:
        ticket.refresh_from_db()
        row = ticket.department.days.get(date=ticket.date)
        assert (ticket.pk in stranded) != row.serves_at(ticket.slot.starts_at)
        assert ticket.places.get().number == ticket.number, "a place held is never touched"


kinds = st.sampled_from(list(Kind))
MONDAY = dt.date(2026, 11, 23)


@st.composite
def changes(draw):
    kind = draw(kinds)
    starts, ends = draw(st.sampled_from([(0, 1440), (600, 720), (660, 690), (0, 720), (720, 1440)]))
    if kind == Kind.HOURS:
        starts, ends = 0, 1440
    length = draw(st.sampled_from([0, 0, 3]))
    hours = Hours(((540, 720),), ((540, 600), (600, 660), (660, 720)), draw(st.integers(1, 3)))
    return Change(
        kind,
        MONDAY,
        MONDAY + dt.timedelta(days=length),
        starts,
        ends,
        is_office=draw(st.booleans()),
        age=draw(st.integers(1, 10**6)),
        quota=draw(st.integers(1, 4)),
        hours=hours if kind == Kind.HOURS else None,
    )


@settings(max_examples=300, deadline=None)
@given(st.lists(changes(), max_size=6, unique_by=lambda change: change.age), st.randoms())
def test_the_order_in_which_they_are_read_changes_nothing(drawn, random):
    weekly = Hours(((540, 960),), tuple((start, start + 60) for start in range(540, 960, 60)), 4)
    shuffled = list(drawn)
    random.shuffle(shuffled)

    found = what_a_day_is(MONDAY, hours=weekly, changes=drawn)

    assert found == what_a_day_is(MONDAY, hours=weekly, changes=shuffled)
    # One more closure of that very day by the department itself leaves open only what has a time or date of its own.
    closed = Change(Kind.CLOSED, MONDAY, MONDAY, age=10**7)
    after = what_a_day_is(MONDAY, hours=weekly, changes=[*drawn, closed])
    kept = [one for one in drawn if one.displaces(closed) and one.kind == Kind.QUOTA]
    for starts, ends, quota in after.slots:
        assert quota == 0 or any(one.touches(starts, ends) for one in kept)
