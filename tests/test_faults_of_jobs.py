"""What goes wrong unexpectedly with one ticket or one file does not hold up the others."""

import gzip

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from booking.models import Settlement
from booking.models.tickets import State
from booking.verbs import closures, settling
from booking.verbs.closures import Choice, Decision
from members.files import importing
from members.models import MemberFile
from tests.factories import make_ticket, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def begun():
    tickets = [make_ticket() for _ in range(3)]
    decisions = [Decision(ticket, Choice.CANCEL, None) for ticket in tickets]
    return tickets, settling.begin(decisions=decisions, by=make_user(), reason="น้ำท่วม")


def break_at(monkeypatch, ticket, fault):
    rightly = closures.carry_out

    def carry_out(decision, **who):
        outcome = rightly(decision, **who)
        if decision.ticket.pk == ticket.pk:
            raise fault
        return outcome

    monkeypatch.setattr(closures, "carry_out", carry_out)


def test_the_other_tickets_are_settled_and_the_page_names_the_one_that_was_not(begun, monkeypatch, client, manager):
    tickets, settlement = begun
    break_at(monkeypatch, tickets[1], ZeroDivisionError())
    settling.go_on()
    for ticket in tickets:
        ticket.refresh_from_db()
    assert [ticket.state for ticket in tickets] == [State.CANCELLED, State.BOOKED, State.CANCELLED]
    settlement.refresh_from_db()
    assert settlement.finished_at
    page = client.get(reverse("admin:booking_settlement", args=[settlement.pk])).content.decode()
    assert "ระบบขัดข้องกับบัตรคิวใบนี้" in page and tickets[1].code in page


def test_without_the_database_the_rest_waits(begun, monkeypatch):
    tickets, settlement = begun
    break_at(monkeypatch, tickets[1], OperationalError("gone"))
    with pytest.raises(OperationalError):
        settling.go_on()
    assert Settlement.objects.get().finished_at is None
    assert settlement.tickets.filter(done_at=None).count() == 2


def test_a_file_that_cannot_be_gone_on_with_does_not_hold_up_the_next(monkeypatch):
    by, now = make_user(), timezone.now()
    first, second = (
        importing._kept(["member_number"], b"", 0, name=name, by=by) for name in ("broken.csv", "right.csv")
    )
    checked = importing.check

    def check(pk):
        if pk == first.pk:
            raise ZeroDivisionError
        checked(pk)

    monkeypatch.setattr(importing, "check", check)
    MemberFile.objects.filter(pk=second.pk).update(rows=gzip.compress(b""), uploaded_at=now)
    importing.go_on()
    second.refresh_from_db()
    assert second.state == MemberFile.State.CHECKED
