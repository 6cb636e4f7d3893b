"""The statement that calls the next ticket, and the one that lists who waits at a counter, do what the plain order of
calling says, over random queues: the same ticket, move, event, version and messages; the same list, however long."""

import datetime as dt

import pytest
from django.db import connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from booking import errors, verbs
from booking.calling import console, order
from booking.messages import kinds, ledger
from booking.messages.kinds import KINDS, To
from booking.models import (
    Counter,
    Department,
    MessageChoice,
    Notice,
    QueueVersion,
    Ticket,
    TicketEvent,
)
from booking.models.notices import Kind
from booking.models.tickets import Priority, State, hash_of
from booking.verbs import locks, next_call, serving
from tests.clock import standing_still, today_at
from tests.factories import make_counter, make_department, make_member

pytestmark = pytest.mark.django_db

NOW = today_at("10.00")
clock = standing_still(NOW, autouse=True)

departments = st.fixed_dictionaries(
    {
        "uses_check_in": st.booleans(),
        "calls_early": st.booleans(),
        "priority_in_a_row": st.integers(0, 3),
        "nearly_when_ahead": st.integers(0, 4),
    }
)
# Minutes from now; few, so that there are ties.
minutes = st.integers(-3, 2)
tickets = st.fixed_dictionaries(
    {
        "queue": st.integers(0, 2),
        "issued_by": st.integers(0, 2),  # another than its queue: transferred
        "state": st.sampled_from([*[State.WAITING] * 20, *[State.BOOKED] * 4, *State]),
        "priority": st.sampled_from([Priority.NONE, Priority.NONE, Priority.MONK, Priority.ELDERLY]),
        "due": minutes,
        "called": st.sampled_from([None, None, -3, -2, -1, 0]),
        "events": st.integers(0, 2),
        "has_member": st.booleans(),
        "is_of_today": st.sampled_from([True] * 9 + [False]),
        "told": st.booleans(),
    }
)


@pytest.fixture
def office(settings):
    settings.EMAIL_HOST = "mail.example.coop"
    served = [make_department() for _ in range(3)]
    for department in served:
        QueueVersion.objects.get_or_create(department=department)
    return served, make_counter(), [make_member().pk for _ in range(16)]


def furnish(office, *, rules, held, order_served, is_busy):
    served, counter, members = office
    for department, fields in zip(served, rules, strict=True):
        Department.objects.filter(pk=department.pk).update(**fields)
    counter.serves.all().delete()
    for position, nth in enumerate(order_served):
        counter.serves.create(department=served[nth], position=position)
    elsewhere = [Counter(number=500 + nth) for nth in range(len(held) + 1)]
    Counter.objects.bulk_create(elsewhere)
    made = Ticket.objects.bulk_create(
        Ticket(
            public_id=f"ticket-{nth}",
            secret_hash=hash_of(str(nth)),
            department=served[one["issued_by"]],
            queue=served[one["queue"]],
            date=NOW.date() - dt.timedelta(days=not one["is_of_today"]),
            # Numbers of different departments may be the same.
            number=501 + nth // 2 if one["issued_by"] != held[nth - 1]["issued_by"] and nth % 2 else 600 + nth,
            state=one["state"],
            priority=one["priority"],
            due_at=NOW + dt.timedelta(minutes=one["due"]),
            called_at=None if one["called"] is None else NOW + dt.timedelta(minutes=one["called"]),
            counter=elsewhere[nth] if one["state"] in (State.CALLED, State.SERVING) else None,
            member_id=members[nth] if one["has_member"] else None,
            issued_at=NOW,
        )
        for nth, one in enumerate(held)
    )
    for ticket, one in zip(made, held, strict=True):
        for _ in range(one["events"]):
            TicketEvent.objects.create(ticket=ticket, verb="walk_in", to_state=ticket.state, at=NOW)
        if one["told"]:
            Notice.objects.create(ticket=ticket, kind=Kind.NEARLY, next_try_at=NOW, expires_at=NOW, created_at=NOW)
    if is_busy and made and made[0].state in (State.CALLED, State.SERVING):
        Ticket.objects.filter(pk=made[0].pk).update(counter=counter)
    return counter


def plainly(counter):
    """As the statement does, by the plain order and the moves that every other verb makes."""
    ticket = order.next_up(counter.department_ids())
    if ticket:
        serving._call(ticket, counter, by=counter.clerk)
        locks.raise_versions(ticket.queue_id)
    return ticket


def in_one_statement(counter):
    return next_call.call(counter, counter.department_ids(), by=counter.clerk)


def what_comes_of(call, counter, *, times):
    """What a clerk's calls, one after the other, answer and leave behind; then everything is as it was."""
    answers = []
    with transaction.atomic():
        for _ in range(times):
            try:
                called = call(counter)
                answers.append(called and (called.pk, called.state, called.counter_id, called.code, called.called_at))
                if called:
                    Ticket.objects.filter(pk=called.pk).update(state=State.SERVED)
            except errors.CounterBusy as refused:
                answers.append(("busy", refused.ticket.pk))
        left = (
            answers,
            list(Ticket.objects.order_by("pk").values()),
            sorted(TicketEvent.objects.values_list(*(f.attname for f in TicketEvent._meta.fields if f.name != "id"))),
            sorted(
                Notice.objects.values_list(
                    *(f.attname for f in Notice._meta.fields if f.name not in ("id", "retry_key")), F("ticket__number")
                ),
                key=str,
            ),
            dict(QueueVersion.objects.values_list("pk", "version")),
        )
        transaction.set_rollback(True)
    return left


offices = given(
    rules=st.lists(departments, min_size=3, max_size=3),
    held=st.lists(tickets, min_size=5, max_size=14),
    order_served=st.permutations(range(3)).flatmap(lambda all_: st.integers(1, 3).map(lambda most: all_[:most])),
    is_busy=st.sampled_from([False] * 4 + [True]),
    is_on=st.booleans(),
)


@pytest.mark.parametrize("examples", [30, pytest.param(400, marks=pytest.mark.slow)])
def test_it_calls_as_the_plain_order_says(office, examples):
    limits = settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes: each example is an office
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    # Given anew for each run: an inner test that has been given its offices once cannot be given them again.
    limits(offices(it_calls_as_the_plain_order_says))(office)


def it_calls_as_the_plain_order_says(office, rules, held, order_served, is_busy, is_on):
    with transaction.atomic():
        counter = furnish(office, rules=rules, held=held, order_served=order_served, is_busy=is_busy)
        MessageChoice.objects.filter(kind=Kind.NEARLY).update(is_on=is_on)

        expected = what_comes_of(plainly, counter, times=3)
        assert what_comes_of(in_one_statement, counter, times=3) == expected
        transaction.set_rollback(True)


@pytest.mark.parametrize("examples", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_the_list_at_a_counter_is_the_plain_order(office, examples):
    limits = settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    limits(lists(the_list_is_the_plain_order))(office)


lists = given(
    rules=st.lists(departments, min_size=3, max_size=3),
    held=st.lists(tickets, min_size=5, max_size=16),
    order_served=st.permutations(range(3)).flatmap(lambda all_: st.integers(1, 3).map(lambda most: all_[:most])),
    first=st.integers(1, 18),
)


def the_list_is_the_plain_order(office, rules, held, order_served, first):
    with transaction.atomic():
        # Who waits is not among the calls before, so that to be called once more takes no call away.
        held = [one | ({"called": None} if one["state"] in (State.WAITING, State.BOOKED) else {}) for one in held]
        counter = furnish(office, rules=rules, held=held, order_served=order_served, is_busy=False)
        served = [one.department for one in counter.serves.order_by("position").select_related("department")]

        listed = order.in_order_at_counter(served, first=first)

        standing = Ticket.objects.of_today().filter(order.may_be_called(NOW), queue__in=served)
        assert console.counts(served)["waiting"] == standing.count()
        assert [(turn.ticket.pk, turn.why) for turn in listed] == in_plain_order(served)[:first]
        transaction.set_rollback(True)


def in_plain_order(served):
    """Who stands, one after the other as order.next_call() would call them; then who may not be called yet. Who has
    been listed is called, a moment after the one before."""
    found, pks = [], [one.pk for one in served]
    later = NOW + dt.timedelta(seconds=1)
    while turn := order.next_call(pks, now=NOW):
        Ticket.objects.filter(pk=turn.ticket.pk).update(state=State.SERVED, called_at=later)
        found.append((turn.ticket.pk, turn.why))
        later += dt.timedelta(seconds=1)
    # The same, as if they were called early.
    Department.objects.filter(pk__in=pks).update(calls_early=True)
    while turn := order.next_call(pks, now=NOW):
        Ticket.objects.filter(pk=turn.ticket.pk).update(state=State.SERVED, called_at=later)
        found.append((turn.ticket.pk, "not_yet"))
        later += dt.timedelta(seconds=1)
    return found


def test_no_message_where_the_office_can_send_none(office, settings):
    settings.EMAIL_HOST = ""
    counter = furnish(
        office,
        rules=[{"nearly_when_ahead": 3}] * 3,
        held=[
            {
                "queue": 0,
                "issued_by": 0,
                "state": State.WAITING,
                "priority": "",
                "due": 0,
                "called": None,
                "events": 1,
                "has_member": True,
                "is_of_today": True,
                "told": False,
            }
        ]
        * 2,
        order_served=[0],
        is_busy=False,
    )

    assert not ledger.is_on()
    assert in_one_statement(counter)
    assert not Notice.objects.exists()


def test_a_call_owes_nothing_that_would_have_to_be_telephoned():
    """The statement writes no rows for the telephone list."""
    owed = [kind for to in (To.HOLDER, To.NEXT) for kind in kinds.owed("call", to=to, by_staff=False)]

    assert owed
    assert not any(KINDS[kind].is_telephoned for kind in owed)


@pytest.fixture
def crowd(office):
    """Three thousand who wait in one queue, and twice as many who were served on days before."""
    served, _counter, _members = office
    Ticket.objects.bulk_create(
        Ticket(
            public_id=f"ticket-{nth}",
            secret_hash=hash_of(str(nth)),
            department=served[0],
            queue=served[0],
            date=NOW.date() if nth < 3000 else NOW.date() - dt.timedelta(days=nth % 30),
            number=nth,
            state=State.WAITING if nth < 3000 else State.SERVED,
            priority=Priority.MONK if nth % 10 == 0 else Priority.NONE,
            due_at=NOW,
            called_at=None if nth < 3000 else NOW - dt.timedelta(days=nth % 30),
            issued_at=NOW,
        )
        for nth in range(9000)
    )


def plan_of(statement, values):
    """That with which a prepared statement goes on."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE booking_ticket")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT TEXT) " + statement, values)
        return "\n".join(line for (line,) in cursor.fetchall())


def test_it_finds_the_first_who_waits_without_reading_the_queue(office, crowd):
    served, counter, _members = office
    plan = plan_of(next_call.CALL, next_call.values(counter, [served[0].pk], by=counter.clerk))

    assert plan.count("waiting_ordinary") >= 2, plan
    assert plan.count("waiting_priority") >= 2, plan
    assert "Seq Scan on booking_ticket " not in plan, plan


def test_the_list_is_found_without_reading_the_queue(office, crowd):
    served, _counter, _members = office
    asked = {"departments": [served[0].pk], "now": NOW, "today": NOW.date(), "first": 100}
    plan = plan_of(order.FIRST_OF_EACH_CLASS, asked)

    assert plan.count("waiting_ordinary") == plan.count("waiting_priority") == 1, plan
    assert "Seq Scan on booking_ticket " not in plan, plan


def test_serving_calls_through_the_statement(office):
    served, counter, _members = office
    counter.serves.create(department=served[0], position=0)

    assert verbs.call_next(counter=counter, by=counter.clerk) is None
