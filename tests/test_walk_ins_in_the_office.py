"""A walk-in has no slot and often no member: every page and file that shows tickets shows it all the same."""

import pytest
from django.urls import reverse

from booking import errors, invariants
from booking.days import overview
from booking.models import Ticket
from booking.models.tickets import State
from booking.papers import pictures
from booking.verbs import closures
from booking.verbs.closures import Choice
from tests.factories import in_days, make_holiday, make_member, make_open_department, make_walk_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def walk_in():
    return make_walk_in(department=make_open_department(letter="A"))


@pytest.fixture
def on_a_day_closed_meanwhile(walk_in):
    make_holiday(date=in_days(0), name="วันหยุดพิเศษ")
    return walk_in


def test_the_lists_and_pages_of_the_back_office(client, manager, walk_in):
    of_a_member = make_walk_in(department=walk_in.department, member_id=make_member(given_name="มาลี").pk)
    listed = client.get(reverse("admin:booking_ticket_changelist"))

    assert listed.status_code == 200
    assert all(text in listed.text for text in ("A501", "A502", "ไม่ได้แจ้งเลขทะเบียน", "ไม่ได้จอง"))
    for verb in ("change", "cancel"):
        page = client.get(reverse(f"admin:booking_ticket_{verb}", args=[walk_in.pk]))
        assert page.status_code == 200
        assert "A501" in page.text
    assert client.get(reverse("admin:booking_ticket_move", args=[walk_in.pk])).status_code == 302
    assert of_a_member.member.full_name in listed.text


def test_it_is_cancelled_in_the_back_office(client, manager, walk_in):
    client.post(reverse("admin:booking_ticket_cancel", args=[walk_in.pk]), {"reason": "กลับบ้านแล้ว"})

    walk_in.refresh_from_db()
    assert walk_in.state == State.CANCELLED
    assert invariants.violations() == {}


def test_it_stands_on_the_list_of_a_day_that_was_closed_meanwhile(client, manager, on_a_day_closed_meanwhile):
    page = client.get(reverse("admin:booking_ticket_closed"))
    files = [client.get(reverse("admin:booking_ticket_closed_list", args=[kind])) for kind in ("csv", "xlsx")]

    assert "A501" in page.text
    assert [file.status_code for file in files] == [200, 200]
    assert b"A501" in files[0].content


def test_it_cannot_be_moved_to_another_day_but_cancelled(manager, on_a_day_closed_meanwhile):
    [outcome] = closures.settle(choice=Choice.MOVE, tickets=list(closures.stranded()), by=manager, reason="วันหยุด")
    assert isinstance(outcome.refusal, errors.WrongState)

    [outcome] = closures.settle(choice=Choice.CANCEL, tickets=list(closures.stranded()), by=manager, reason="วันหยุด")
    assert outcome.refusal is None
    assert [ticket.reason for ticket in closures.settled()] == ["วันหยุด"]


def test_it_takes_no_place_of_the_day(walk_in):
    [day] = overview.days([walk_in.department], in_days(0), in_days(0))

    assert day.load.taken == 0


def test_its_picture_has_no_time(walk_in):
    walk_in = Ticket.objects.with_details().get(pk=walk_in.pk)

    assert pictures.draw(walk_in, arrive_at=None, link="https://queue.example.org/t/x/").startswith(b"\x89PNG")
