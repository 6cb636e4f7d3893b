"""What came of a visit: the clerk says it at its end, the event keeps it."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from booking.models import Ticket, TicketEvent
from booking.models.tickets import Outcome
from booking.models.tokens import issue_token
from booking.reports import tables
from booking.reports.figures import Scope, hours
from tests.factories import (
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_topic,
    make_user,
    make_walk_in,
)
from tests.pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter():
    """A clerk's counter, with a ticket being served."""
    department = make_open_department()
    made = make_counter(departments=[department], clerk=make_user(is_superuser=True))
    make_walk_in(department=department)
    verbs.call_next(counter=made, by=made.clerk)
    verbs.start(counter=made, by=made.clerk)
    return made


def console(client, counter):
    client.force_login(counter.clerk)
    return client.get(reverse("counter", args=[counter.number]))


def finish(client, counter, **body):
    page = console(client, counter)
    return client.post(reverse("counter_press", args=[counter.number, "finish"]), {"seen": page.context["seen"]} | body)


def outcome() -> str:
    return TicketEvent.objects.get(verb="finish").outcome


def test_a_finish_without_a_word_is_done(client, counter):
    finish(client, counter)
    assert outcome() == Outcome.DONE


@pytest.mark.parametrize("said", ["other_topic", "document_missing", "referred"])
def test_another_outcome_takes_one_press_more(client, counter, said):
    assert f'name="outcome" value="{said}"' in console(client, counter).content.decode()
    finish(client, counter, outcome=said)
    assert outcome() == said
    event = TicketEvent.objects.get(verb="finish")
    assert event.why == str(Outcome(said).label)


@pytest.mark.parametrize("said", ["", "none", "x" * 300, "done"])
def test_what_is_no_other_outcome_is_done(client, counter, said):
    finish(client, counter, outcome=said)
    assert outcome() == Outcome.DONE
    assert TicketEvent.objects.get(verb="finish").why == ""


def test_what_a_job_ended_has_no_outcome(counter):
    ticket = verbs.put_back(counter=counter, by=counter.clerk)
    assert not TicketEvent.objects.filter(ticket=ticket).exclude(outcome="").exists()


def test_finished_from_hold_is_done(counter):
    ticket = verbs.hold(counter=counter, by=counter.clerk)
    verbs.finish_held(ticket=ticket, by=counter.clerk)
    assert outcome() == Outcome.DONE


def test_by_the_api(client, counter):
    token = issue_token(counter.clerk)
    address = f"/api/v1/counters/{counter.number}/finish/"
    headers = {"Authorization": f"Token {token}"}
    wrong = client.post(address, {"outcome": "fine"}, content_type="application/json", headers=headers)
    assert wrong.status_code == 400
    answer = client.post(address, {"outcome": "referred"}, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    assert outcome() == Outcome.REFERRED


def test_the_clerk_sees_what_somebody_comes_for(client):
    department = make_open_department(uses_check_in=False)
    topic = make_topic(department=department, name="ขอกู้สามัญ")
    made = make_counter(departments=[department], clerk=make_user(is_superuser=True))
    ticket = make_walk_in(department=department)
    type(ticket).objects.filter(pk=ticket.pk).update(topic=topic)
    assert text(console(client, made)).count("ขอกู้สามัญ") == 2  # the next one's, and in the list
    verbs.call_next(counter=made, by=made.clerk)
    assert "เรื่อง ขอกู้สามัญ" in text(console(client, made))


def test_a_report_counts_topics_and_what_came_of_them():
    department = make_open_department()
    topic, other = make_topic(department=department), make_topic(department=department, name="ชำระหนี้")
    made = make_counter(departments=[department], clerk=make_user())
    tickets = [make_walk_in(department=department) for _ in range(4)]
    for ticket, about in zip(tickets, [topic, topic, topic, other], strict=True):
        Ticket.objects.filter(pk=ticket.pk).update(topic=about)
    for said in (Outcome.DONE, Outcome.DOCUMENT_MISSING):
        verbs.call_next(counter=made, by=made.clerk)
        verbs.start(counter=made, by=made.clerk)
        verbs.finish(counter=made, by=made.clerk, outcome=said)
    verbs.undo_finish(counter=made, by=made.clerk)
    verbs.finish(counter=made, by=made.clerk, outcome=Outcome.REFERRED)
    verbs.cancel(ticket=tickets[3])

    scope = Scope(first=timezone.localdate(), last=timezone.localdate())
    [table] = [one for one in tables.tables(scope, departments=[department]) if one.key == "topics"]

    # By the last finish alone: what was taken back does not count.
    assert table.rows == [["ขอกู้สามัญ", department.name, 3, 1, 0, 0, 1]]


def test_a_long_visit_takes_the_quota_of_each_time():
    department = make_open_department(quota=1, opens=dt.time(9), closes=dt.time(11))
    topic = make_topic(department=department, minutes=90)
    slot = make_slot(department=department, days_ahead=0)
    verbs.book(member_id=make_member().pk, slot_id=slot.pk, topic_id=topic.pk, key="long")
    rows = hours(Scope(first=slot.date, last=slot.date))
    assert {row.hour: (row.taken, row.places) for row in rows} == {9: (2, 2), 10: (1, 2)}
