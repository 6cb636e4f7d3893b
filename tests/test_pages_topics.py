"""What a member comes for, on the pages: asked before the day where there are several topics."""

import re

import pytest
from django.urls import reverse

from booking.models import Ticket
from booking.models.tickets import State
from tests.factories import in_days, make_open_department, make_slot, make_ticket, make_topic
from tests.pages import chosen_slot, confirm_name, key_of, text, ticket_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(quota=2, bring="บัตรประชาชน", max_days_ahead=3)


@pytest.fixture
def topics(department):
    return [
        make_topic(department=department, name="ขอกู้สามัญ", minutes=60, bring="สลิปเงินเดือน\nสมุดบัญชี"),
        make_topic(department=department, name="ชำระหนี้", online_url="https://pay.example.org/"),
    ]


def days(client, department, **query):
    return client.get(reverse("days", args=[department.slug]), query)


def times(client, department, **query):
    return client.get(reverse("times", args=[department.slug, in_days(1)]), query)


def take(client, department, slot, page, **more):
    body = {"slot": slot.pk, "key": key_of(page)} | more
    return client.post(reverse("take", args=[department.slug, in_days(1)]), body)


def links(page) -> set[str]:
    return set(re.findall(r'href="([^"]*)"', page.content.decode()))


def test_several_topics_are_asked_for_before_the_day(client, department, topics):
    page = days(client, department)
    assert "เลือกเรื่องที่มาติดต่อ" in text(page)
    assert "ใช้เวลาประมาณ 60 นาที" in text(page) and "ทำทางออนไลน์ได้" in text(page)
    assert {f"?topic={topic.pk}" for topic in topics} <= links(page)


def test_the_whole_way_with_a_long_topic(client, department, topics):
    confirm_name(client, department)
    chosen = days(client, department, topic=topics[0].pk)
    address = f"{reverse('times', args=[department.slug, in_days(1)])}?topic={topics[0].pk}"
    assert address in links(chosen)
    assert "สลิปเงินเดือน" in text(chosen) and "บัตรประชาชน" not in text(chosen)

    page = client.get(address)
    answer = take(client, department, make_slot(department=department, nth=2), page, topic=topics[0].pk)

    ticket = ticket_at(answer["Location"])
    assert (ticket.topic, ticket.parts) == (topics[0], 2)
    shown = text(client.get(answer["Location"]))
    assert "เรื่อง ขอกู้สามัญ" in shown and "สมุดบัญชี" in shown


def test_the_only_topic_is_chosen_by_itself(client, department):
    topic = make_topic(department=department, name="ขอกู้สามัญ", minutes=60)
    confirm_name(client, department)
    assert "ขอกู้สามัญ" in text(days(client, department))
    page = times(client, department)
    assert f'name="topic" value="{topic.pk}"' in page.content.decode()
    answer = take(client, department, make_slot(department=department), page, topic=topic.pk)
    assert ticket_at(answer["Location"]).topic == topic


def test_without_topics_nothing_is_asked(client, department):
    assert "เรื่อง" not in text(days(client, department))
    assert 'name="topic"' not in times(client, department).content.decode()


@pytest.mark.parametrize("wanted", ["", "0", "999999", "x", "๑", "9" * 30])
def test_a_topic_that_is_none_is_asked_for_again(client, department, topics, wanted):
    assert "เลือกเรื่องที่มาติดต่อ" in text(days(client, department, topic=wanted))
    answer = times(client, department, topic=wanted)
    assert answer["Location"] == reverse("days", args=[department.slug])


def test_a_topic_of_before_is_not_offered(client, department, topics):
    over = make_topic(department=department, name="โครงการเก่า", active_until=in_days(-1))
    assert "โครงการเก่า" not in text(days(client, department))
    confirm_name(client, department)
    page = times(client, department, topic=topics[1].pk)
    answer = take(client, department, make_slot(department=department), page, topic=over.pk)
    assert "why=topic_not_offered" in answer["Location"]
    assert not Ticket.objects.exists()


def test_what_can_be_done_without_coming_is_said_with_its_address(client, department, topics):
    page = days(client, department, topic=topics[1].pk)
    assert "https://pay.example.org/" in links(page)
    assert "บัตรประชาชน" in text(page)  # the department's, where the topic has no list


def test_the_topic_is_kept_while_somebody_says_who_they_are(client, department, topics):
    slot = make_slot(department=department, nth=3)
    page = times(client, department, topic=topics[0].pk)
    sent = take(client, department, slot, page, topic=topics[0].pk)
    assert f"topic={topics[0].pk}" in sent["Location"] and f"slot={slot.pk}" in sent["Location"]
    form = client.get(sent["Location"]).content.decode()
    assert f'name="topic" value="{topics[0].pk}"' in form

    body = {"topic": topics[0].pk}
    _, answer = confirm_name(client, department, slot=slot, **body)

    page = client.get(answer["Location"])
    assert f"topic={topics[0].pk}" in answer["Location"] and chosen_slot(page) == slot.pk


def test_a_topic_for_the_proven_leads_to_the_proof_with_what_was_chosen(client, department, topics):
    topics[0].needs_proof = True
    topics[0].save()
    assert "ต้องยืนยันตัวตนก่อนจอง" in text(days(client, department))
    confirm_name(client, department)
    page = times(client, department, topic=topics[0].pk)
    answer = take(client, department, make_slot(department=department), page, topic=topics[0].pk)
    assert "why=proof_needed" in answer["Location"] and f"topic={topics[0].pk}" in answer["Location"]


def test_a_move_offers_times_for_the_whole_visit(client, department, topics):
    confirm_name(client, department)
    page = times(client, department, topic=topics[0].pk)
    first = take(client, department, make_slot(department=department), page, topic=topics[0].pk)
    ticket = ticket_at(first["Location"])
    last = make_slot(department=department, nth=13)

    page = client.get(reverse("ticket_move", args=[ticket.public_id, in_days(1)]))

    assert f'id="slot-{last.pk}"' not in page.content.decode()
    body = {"slot": make_slot(department=department, nth=5).pk, "key": key_of(page)}
    client.post(reverse("ticket_move", args=[ticket.public_id, in_days(1)]), body)
    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED
    assert (ticket.moved_to.topic, ticket.moved_to.parts) == (topics[0], 2)


def test_a_full_topic_is_told_as_full(client, department, topics):
    for nth in range(14):
        for _ in range(2 if nth % 2 else 0):
            make_ticket(slot=make_slot(department=department, nth=nth))
    answer = times(client, department, topic=topics[0].pk)
    assert "why=day_full" in answer["Location"] and f"topic={topics[0].pk}" in answer["Location"]
    assert times(client, department, topic=topics[1].pk).status_code == 200
