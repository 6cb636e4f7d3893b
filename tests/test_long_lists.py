"""Lists and checks that years of tickets do not slow down: bounded pages, dates without a look at each row, the recent
days."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking import invariants, jobs
from booking.admin import paging
from booking.models import JobRun, Slot, Ticket
from booking.roles import MANAGER
from tests.clock import standing_still, today_at
from tests.factories import in_days, make_department, make_open_department, make_slot, make_ticket, make_user
from tests.pages import text

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("9.00"), autouse=True)


@pytest.fixture
def manager(client):
    client.force_login(make_user(group=MANAGER))
    return client


@pytest.fixture
def tickets():
    """One for each of three days to come."""
    department = make_open_department(letter="A")
    return [make_ticket(slot=make_slot(department=department, days_ahead=days)) for days in (1, 2, 3)]


def listed(client, model="ticket", **query):
    return client.get(reverse(f"admin:booking_{model}_changelist"), query)


def test_a_list_goes_so_far_and_says_that_there_are_more(manager, tickets, monkeypatch):
    monkeypatch.setattr(paging, "MOST", 2)

    answer = listed(manager, when="all")

    assert answer.context["cl"].paginator.num_pages == 1
    assert answer.context["cl"].result_count == 2
    assert "แสดงได้ 2 รายการแรก" in text(answer)


def test_a_list_that_ends_says_nothing_of_more(manager, tickets, monkeypatch):
    monkeypatch.setattr(paging, "MOST", 3)

    answer = listed(manager, when="all")

    assert answer.context["cl"].result_count == 3
    assert "รายการแรก" not in text(answer)


def test_a_list_is_counted_no_further(manager, tickets, monkeypatch):
    monkeypatch.setattr(paging, "MOST", 2)

    with CaptureQueriesContext(connection) as asked:
        listed(manager, when="all")

    counts = [one["sql"] for one in asked if "COUNT(*)" in one["sql"] and "booking_ticket" in one["sql"]]
    assert len(counts) == 1
    assert "LIMIT 3" in counts[0]
    assert not [one["sql"] for one in asked if "DATE_TRUNC" in one["sql"]]


@pytest.mark.parametrize(
    "query, is_latest_first",
    [({}, False), ({"when": "all"}, True), ({"q": "A"}, None), ({"when": "all", "date__year": in_days(1).year}, False)],
)
def test_all_days_begin_with_the_latest(manager, tickets, query, is_latest_first):
    found = list(listed(manager, **query).context["cl"].result_list)

    if is_latest_first is None:
        assert not found
    else:
        assert found == (tickets[::-1] if is_latest_first else tickets)


def test_years_months_and_days_lead_to_a_day(manager, tickets):
    """The tickets' first day and their last are in two years, so years come first."""
    Ticket.objects.filter(pk=tickets[0].pk).update(date=dt.date(2024, 3, 5))
    date = tickets[1].date

    assert 'date__year=2024">2567<' in listed(manager).content.decode()
    months = listed(manager, date__year=2024).content.decode()
    assert "มีนาคม 2567" in months
    assert "มกราคม 2567" not in months  # before the first
    days = listed(manager, date__year=date.year, date__month=date.month).content.decode()
    assert f"date__day={date.day}" in days
    chosen = {"date__year": date.year, "date__month": date.month, "date__day": date.day}
    assert list(listed(manager, **chosen).context["cl"].result_list) == [tickets[1]]


@pytest.mark.parametrize("query", [{"date__month": 99}, {"date__month": 99, "date__day": 77}, {"date__day": "x"}])
def test_a_date_that_is_none_is_no_fault(manager, tickets, query):
    assert listed(manager, **query).status_code < 500


def test_the_slots_are_found_by_date_without_sorting_them_all():
    """Kept beside the index slots_by_date: the latest fifty of 4,000."""
    department = make_department()
    starts = today_at("9.00")
    Slot.objects.bulk_create(
        Slot(
            department=department,
            date=(starts + dt.timedelta(hours=nth)).date(),
            starts_at=starts + dt.timedelta(hours=nth),
            ends_at=starts + dt.timedelta(hours=nth + 1),
            quota=1,
            first_number=1,
            last_number=1,
            bookable_from=starts,
            bookable_until=starts,
        )
        for nth in range(4000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE booking_slot")
    latest = Slot.objects.select_related("department").order_by("-date", "department__position", "starts_at")[:50]

    plan = latest.explain()

    assert "slots_by_date" in plan, plan


def test_the_hourly_check_asks_about_the_last_days_the_other_about_all(clock, tickets):
    """A ticket whose place was given away behind the rules' back."""
    tickets[0].slot.places.filter(ticket=tickets[0]).update(ticket=None)
    jobs.check_queue()
    assert "a live ticket holds as many places" in JobRun.objects.get(name="check_queue").found

    clock.move_to(today_at("9.00") + dt.timedelta(days=invariants.RECENT_DAYS + 2))
    long_ago = invariants.violations(since=in_days(-invariants.RECENT_DAYS))

    assert not any("a live ticket holds" in rule for rule in long_ago)
    assert any("a live ticket holds" in rule for rule in invariants.violations())
