"""A kept query gives what the ORM would give, and is built once."""

import datetime as dt

import pytest
from django.db import connection
from django.db.models import Count, Q
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from booking import replica
from booking.kept import kept
from booking.models import Slot, Ticket
from booking.models.tickets import State
from tests.factories import make_member, make_slot, make_ticket

pytestmark = pytest.mark.django_db


def _tickets(*, public_id):
    return Ticket.objects.with_details().select_related("member").filter(public_id=public_id)


def _slots(with_end, *, slot, now, topic=None):
    free = Count("places", filter=Q(places__ticket=None, places__topic=topic))
    slots = Slot.objects.filter(pk=slot).annotate(free=free, is_past=Q(bookable_until__lte=now))
    return slots.values_list("id", "free", "is_past", *(["ends_at"] if with_end else []))


def test_objects_are_whole_with_all_that_they_are_joined_to(django_assert_num_queries):
    ticket, _another = make_ticket(member=make_member()), make_ticket()
    [same] = _tickets(public_id=ticket.public_id)

    [found] = kept(_tickets)(public_id=ticket.public_id)

    with django_assert_num_queries(0):
        for one in ("department", "queue", "slot", "member"):
            assert _facts(getattr(found, one)) == _facts(getattr(same, one))
        assert found.counter is None
        assert found.topic is None
    assert _facts(found) == _facts(same)
    assert found._state.adding is False
    assert kept(_tickets)(public_id="nobody's") == []


def test_a_value_is_of_one_call_and_a_shape_is_a_query_of_its_own():
    slot = make_slot(quota=3)
    built = []

    def build(*shape, **values):
        built.append(shape)
        return _slots(*shape, **values)

    ask = kept(build)
    until = slot.bookable_until
    for now, is_past in ((until - dt.timedelta(minutes=1), False), (until, True)) * 2:
        assert ask(False, slot=slot.pk, now=now) == [(slot.pk, 3, is_past)]
        assert ask(True, slot=slot.pk, now=now) == [(slot.pk, 3, is_past, slot.ends_at)]
        assert ask(False, slot=slot.pk, now=now, topic=1) == [(slot.pk, 0, is_past)]
    assert built == [(False,), (True,), (False,)]


def test_fixed_values_stand_in_the_statement():
    @kept
    def standing(*, date):
        return Ticket.objects.filter(date=date, state__in=[State.BOOKED, State.WAITING]).values_list("pk")

    ticket = make_ticket()
    assert standing(date=ticket.date) == [(ticket.pk,)]
    [read] = standing.__closure__[[*standing.__code__.co_freevars].index("read")].cell_contents.values()
    assert "IN ('booked', 'waiting')" in read.sql
    assert "%(date)s" in read.sql


def test_none_is_refused():
    with pytest.raises(ValueError, match="None"):
        kept(_slots)(False, slot=1, now=None)


def test_what_may_be_late_is_read_where_the_router_says(monkeypatch):
    ask, ticket = kept(_tickets), make_ticket()
    ask(public_id=ticket.public_id)
    asked = []
    monkeypatch.setattr(replica, "alias", lambda: replica.ALIAS)
    monkeypatch.setattr("booking.prepared.rows", lambda *args: asked.append(args))

    with CaptureQueriesContext(connection) as captured:
        assert ask(public_id=ticket.public_id) == [ticket]

    assert len(captured) == 1
    assert asked == []


def _facts(one):
    return model_to_dict(one) | {field.attname: getattr(one, field.attname) for field in one._meta.concrete_fields}
