"""A ticket may be moved again and again, up to a number; to follow it takes one query, however often."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from booking import errors, verbs
from booking.models import Slot, Ticket
from booking.models.tickets import State
from tests.factories import make_open_department, make_slot, make_ticket, make_user
from tests.pages import hold

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(quota=5)


def moved(ticket, *, times, by=None) -> Ticket:
    for _ in range(times):
        other = Slot.objects.of_day(ticket.department, ticket.date).exclude(pk=ticket.slot_id)
        booking = verbs.reschedule(ticket=ticket, slot_id=other[1].pk, key=f"{ticket.pk}", by=by)
        ticket = Ticket.objects.with_details().get(pk=booking.ticket_id)
    return ticket


def queries(act) -> int:
    with CaptureQueriesContext(
        connection,
    ) as found:
        act()
    return len(found)


def test_its_holder_moves_it_so_often_and_no_more(settings, department):
    settings.MOST_MOVES = 3
    last = moved(make_ticket(department=department), times=3)

    with pytest.raises(errors.TooManyMoves):
        moved(last, times=1)

    last.refresh_from_db()
    assert last.state == State.BOOKED
    assert moved(last, times=1, by=make_user()).state == State.BOOKED


def test_to_follow_it_takes_as_many_queries_after_nine_moves_as_after_one(department):
    for times in (1, 9):
        first = make_ticket(department=department)
        last = moved(first, times=times)
        holder, stranger = Client(), Client()
        hold(holder, first)
        hold(stranger, make_ticket(department=department))
        page = reverse("ticket", args=[last.public_id])
        assert holder.get(page).status_code == 200
        assert stranger.get(page).status_code == 404
        if times == 1:
            before = [queries(lambda: one.get(page)) for one in (holder, stranger)]  # noqa: B023
    assert [queries(lambda: one.get(page)) for one in (holder, stranger)] == before  # noqa: B023
    assert list(Ticket.objects.followed_from([first.public_id])) == [last]
    assert Client().get(page).status_code == 404


def test_the_api_names_the_refusal(client, settings, department):
    settings.MOST_MOVES = 1
    last = moved(make_ticket(department=department), times=1)
    to = make_slot(department=department, nth=5)

    answer = client.post(
        f"/api/v1/tickets/{last.public_id}/reschedule/",
        {"slot": to.pk},
        content_type="application/json",
        headers={"Authorization": f"Ticket {last.secret}"},
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_moves")
