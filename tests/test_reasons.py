"""Who telephoned, and why the system changed a ticket, have columns of their own: no sentence has to be parsed."""

import importlib

import pytest
import time_machine
from django.apps import apps
from django.urls import reverse
from django.utils import translation

from booking import roles, verbs
from booking.admin.messages import why
from booking.messages import ledger
from booking.models import MessageChoice, Notice
from booking.models.notices import NoticeState
from booking.models.tickets import Cause, State
from tests.factories import make_member, make_open_department, make_ticket, make_user, make_walk_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def to_telephone():
    """The office has cancelled a ticket, and sends no such message."""
    MessageChoice.objects.update(is_on=False)
    verbs.cancel(ticket=make_ticket(), by=make_user())
    return Notice.objects.to_telephone().get()


@pytest.fixture
def clerk():
    return make_user(username="somchai", group=roles.CLERK)


def test_who_telephoned_is_kept(to_telephone, clerk):
    assert ledger.called(notice=to_telephone, by=clerk, result="reached")
    to_telephone.refresh_from_db()
    assert (to_telephone.ended_by, to_telephone.reason) == (clerk, "")
    assert why(to_telephone) == "โดย somchai"


def test_nobody_is_told_apart_once_their_log_in_is_gone(to_telephone, clerk):
    ledger.called(notice=to_telephone, by=clerk, result="reached")
    clerk.delete()
    to_telephone.refresh_from_db()
    assert (to_telephone.state, why(to_telephone)) == (NoticeState.TELEPHONED, "-")


def test_old_rows_are_read(to_telephone, clerk):
    """As the release before wrote them."""
    Notice.objects.update(state=NoticeState.TELEPHONED, reason=f"by {clerk.pk}")
    importlib.import_module("booking.migrations.0013_who_telephoned_of_old").read_from_reasons(apps, None)
    to_telephone.refresh_from_db()
    assert why(to_telephone) == "โดย somchai"


@pytest.fixture
def closed_unserved():
    """A ticket that was left waiting when its day was over."""
    department = make_open_department()
    with time_machine.travel("2026-11-23T02:00:00Z", tick=False):
        ticket = make_walk_in(department=department, member_id=make_member().pk)
    with time_machine.travel("2026-11-24T02:00:00Z", tick=False):
        verbs.close_day(department=department, date=ticket.date)
        yield ticket


def test_a_ticket_that_the_day_s_end_cancels_says_why_in_a_code(closed_unserved):
    event = closed_unserved.events.last()
    assert (event.verb, event.to_state) == ("cancel", State.CANCELLED)
    assert (event.cause, event.reason) == (Cause.DAY_OVER, "")


@pytest.mark.parametrize(("language", "said"), [("th", "ปิดวันโดยไม่ได้เรียก"), ("en", "Day closed without a call")])
def test_the_code_is_shown_in_the_reader_s_language(closed_unserved, language, said):
    with translation.override(language):
        assert str(closed_unserved.events.last().why) == said


def test_the_history_of_a_ticket_shows_it(client, closed_unserved):
    client.force_login(make_user(group=roles.MANAGER))
    page = client.get(reverse("admin:booking_ticket_change", args=[closed_unserved.pk]))
    assert "ปิดวันโดยไม่ได้เรียก" in page.content.decode()


def test_an_event_of_before_keeps_its_words(closed_unserved):
    event = closed_unserved.events.last()
    event.cause, event.reason = "", "ปิดวันโดยไม่ได้เรียก"
    assert event.why == "ปิดวันโดยไม่ได้เรียก"
