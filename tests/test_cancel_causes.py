"""Why a ticket was cancelled: chosen from a short list by members and staff, kept on the event, counted."""

import pytest
from django.urls import reverse
from django.utils import timezone

from booking import verbs
from booking.models.tickets import MEMBERS_CAUSES, STAFF_CAUSES, Cause, State
from booking.reports import tables
from booking.reports.figures import Scope
from tests.factories import in_days, make_ticket, make_user
from tests.pages import hold

pytestmark = pytest.mark.django_db


def cause_of(ticket) -> str:
    return ticket.events.get(verb="cancel").cause


@pytest.mark.parametrize("why", [*MEMBERS_CAUSES, ""])
def test_a_member_may_say_why(client, why):
    ticket = make_ticket()
    hold(client, ticket)
    page = client.get(reverse("ticket_cancel", args=[ticket.public_id])).content.decode()
    assert all(f'value="{cause.value}"' in page for cause in MEMBERS_CAUSES)

    client.post(reverse("ticket_cancel", args=[ticket.public_id]), {"why": why})

    assert cause_of(ticket) == why


@pytest.mark.parametrize("why", ["day_over", "office", "x" * 100, "\0"])
def test_what_is_not_theirs_to_say_is_nothing(client, why):
    ticket = make_ticket()
    hold(client, ticket)

    client.post(reverse("ticket_cancel", args=[ticket.public_id]), {"why": why})

    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED
    assert cause_of(ticket) == ""


@pytest.mark.parametrize("cause", STAFF_CAUSES)
def test_staff_choose_and_may_add_words(client, manager, cause):
    ticket = make_ticket()

    client.post(reverse("admin:booking_ticket_cancel", args=[ticket.pk]), {"cause": cause, "reason": "ฝนตก"})

    event = ticket.events.get(verb="cancel")
    assert (event.cause, event.reason) == (cause, "ฝนตก")
    assert event.why == f"{cause.label}: ฝนตก"


@pytest.mark.parametrize("sent", [{"reason": ""}, {"cause": "day_over"}, {"cause": "x\0"}])
def test_staff_say_something(client, manager, sent):
    ticket = make_ticket()

    page = client.post(reverse("admin:booking_ticket_cancel", args=[ticket.pk]), sent)

    assert page.context["form"].errors
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_the_report_counts_them_and_not_what_a_job_ended(manager):
    for cause, by in ((Cause.SETTLED, None), (Cause.SETTLED, None), ("", None), (Cause.OFFICE, manager)):
        verbs.cancel(ticket=make_ticket(), by=by, cause=cause)
    over = make_ticket()
    over.events.create(verb="cancel", to_state="cancelled", cause=Cause.DAY_OVER, at=timezone.now())

    [table] = [
        one
        for one in tables.tables(Scope(in_days(0), in_days(9)), departments=[])
        if one.key == "causes"
    ]  # fmt: skip

    assert table.rows == [
        ["ทำเรื่องเรียบร้อยแล้ว", "สมาชิก", 2],
        ["ไม่ระบุ", "สมาชิก", 1],
        ["สหกรณ์ให้บริการไม่ได้", "เจ้าหน้าที่", 1],
    ]


def test_of_the_departments_asked_for_alone():
    ticket, other = make_ticket(), make_ticket()
    for one in (ticket, other):
        verbs.cancel(ticket=one, by=make_user(), cause=Cause.OTHER)

    scope = Scope(in_days(0), in_days(9), departments=frozenset([ticket.department_id]))
    [table] = [one for one in tables.tables(scope, departments=[]) if one.key == "causes"]

    assert table.rows == [["เหตุอื่น", "เจ้าหน้าที่", 1]]
