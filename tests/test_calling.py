"""What a counter does with tickets: every verb from every state, and what it leaves behind."""

import pytest

from booking import errors, verbs
from booking.days import opening
from booking.models import Ticket
from booking.models.tickets import MOVES, Priority, State
from tests.factories import make_counter, make_member, make_open_department, make_ticket, make_user, make_walk_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def department():
    return make_open_department(max_days_ahead=1)


@pytest.fixture
def counter(department):
    return make_counter(departments=[department])


@pytest.fixture
def by(counter):
    return counter.clerk


def called(counter, department):
    make_walk_in(department=department)
    return verbs.call_next(counter=counter, by=counter.clerk)


def last_event(ticket):
    event = ticket.events.last()
    return event.verb, event.from_state, event.to_state, event.counter, event.by


def test_a_walk_in_waits_at_once_with_a_number_from_501(department):
    clerk = make_user()
    first = verbs.walk_in(department=department, by=clerk)
    second = verbs.walk_in(department=department, by=clerk, priority=Priority.MONK, reason="พระภิกษุ")

    assert (first.state, first.number, second.number) == (State.WAITING, 501, 502)
    assert (second.priority, second.events.get().reason) == (Priority.MONK, "พระภิกษุ")
    assert last_event(first) == ("walk_in", "", "waiting", None, clerk)


def test_a_member_walks_in_once(department):
    member = make_member()
    make_walk_in(department=department, member_id=member.pk)

    with pytest.raises(errors.AlreadyBooked):
        make_walk_in(department=department, member_id=member.pk)


def test_the_same_key_gives_the_same_ticket_whatever_has_become_of_it(department, counter, by):
    ticket = make_walk_in(department=department, key="a-form")
    verbs.call_next(counter=counter, by=by)

    again = make_walk_in(department=department, key="a-form")

    assert (again.pk, again.state) == (ticket.pk, State.CALLED)
    assert make_walk_in(department=department, key="another").number == ticket.number + 1


@pytest.mark.parametrize("other", [{"priority": Priority.MONK}, {"member": True}, {"department": True}])
def test_a_key_that_named_another_ticket_is_refused(department, other):
    make_walk_in(department=department, key="a-form")
    if "member" in other:
        other = {"member_id": make_member().pk}
    elif "department" in other:
        other = {"department": make_open_department(max_days_ahead=1)}

    with pytest.raises(errors.IdempotencyKeyReused):
        make_walk_in(**{"department": department, "key": "a-form"} | other)


def test_nobody_walks_in_where_the_department_is_closed_today(department):
    department.hours.all().delete()
    opening.rules_changed([department])

    with pytest.raises(errors.DayClosed):
        make_walk_in(department=department)


def test_call_next_start_finish(department, counter, by):
    ticket = called(counter, department)
    assert (ticket.state, ticket.counter) == (State.CALLED, counter)
    assert last_event(ticket) == ("call", "waiting", "called", counter, by)

    verbs.start(counter=counter, by=by)
    served = verbs.finish(counter=counter, by=by)

    assert served.state == State.SERVED
    assert last_event(served) == ("finish", "serving", "served", counter, by)


def test_nobody_waits(counter, by):
    assert verbs.call_next(counter=counter, by=by) is None


def test_a_second_press_takes_no_second_ticket(department, counter, by):
    ticket = called(counter, department)
    make_walk_in(department=department)

    with pytest.raises(errors.CounterBusy) as refused:
        verbs.call_next(counter=counter, by=by)

    assert refused.value.ticket == ticket
    assert Ticket.objects.filter(state=State.CALLED).count() == 1


def test_only_who_sits_there_acts_at_a_counter(department, counter):
    called(counter, department)
    stranger = make_user()

    for verb in (
        verbs.call_next,
        verbs.recall,
        verbs.start,
        verbs.miss,
        verbs.hold,
        verbs.put_back,
        verbs.undo_call,
        verbs.undo_finish,
    ):
        with pytest.raises(errors.NotAtCounter):
            verb(counter=counter, by=stranger)


def test_recall_up_to_the_maximum_then_missed(department, counter, by):
    department.max_recalls = 2
    department.save(update_fields=["max_recalls"])
    called(counter, department)

    states = [verbs.recall(counter=counter, by=by).state for _ in range(3)]

    assert states == [State.CALLED, State.CALLED, State.MISSED]


def test_a_missed_call_leaves_the_counter_free_and_who_comes_back_waits_again(department, counter, by):
    ticket = called(counter, department)
    verbs.miss(counter=counter, by=by)
    other = called(counter, department)
    assert other != ticket

    back = verbs.come_back(ticket=ticket, by=by)

    assert (back.state, back.counter) == (State.WAITING, None)
    assert back.due_at > other.due_at


def test_who_comes_back_keeps_the_old_turn_where_the_department_says_so(department, counter, by):
    department.late_rule = department.LateRule.KEEP
    department.save(update_fields=["late_rule"])
    ticket = called(counter, department)
    verbs.miss(counter=counter, by=by)

    assert verbs.come_back(ticket=ticket, by=by).due_at == ticket.due_at


def test_hold_frees_the_counter_and_resume_calls_again_at_another(department, counter, by):
    ticket = called(counter, department)
    verbs.start(counter=counter, by=by)
    verbs.hold(counter=counter, by=by, reason="กรอกแบบฟอร์ม")
    assert called(counter, department) != ticket
    other = make_counter(departments=[department])

    with pytest.raises(errors.CounterBusy):
        verbs.resume(ticket=ticket, counter=counter, by=by)
    resumed = verbs.resume(ticket=ticket, counter=other, by=other.clerk)

    assert (resumed.state, resumed.counter) == (State.CALLED, other)


def test_a_counter_does_not_resume_for_a_department_that_it_does_not_serve(department, counter, by):
    ticket = called(counter, department)
    verbs.hold(counter=counter, by=by)
    elsewhere = make_counter(departments=[make_open_department(max_days_ahead=1)])

    with pytest.raises(errors.NotServedHere):
        verbs.resume(ticket=ticket, counter=elsewhere, by=elsewhere.clerk)


def test_who_is_on_hold_may_be_finished(department, counter, by):
    ticket = called(counter, department)
    verbs.hold(counter=counter, by=by)

    assert verbs.finish_held(ticket=ticket, by=by).state == State.SERVED


def test_undo_call_and_put_back_keep_the_turn(department, counter, by):
    ticket = called(counter, department)
    make_walk_in(department=department)
    verbs.undo_call(counter=counter, by=by)
    assert verbs.call_next(counter=counter, by=by) == ticket

    verbs.start(counter=counter, by=by)
    verbs.put_back(counter=counter, by=by)

    assert verbs.call_next(counter=counter, by=by) == ticket


def test_transfer_keeps_the_number_and_gives_the_note(department, counter, by):
    other = make_open_department(max_days_ahead=1)
    ticket = called(counter, department)
    verbs.recall(counter=counter, by=by)
    verbs.start(counter=counter, by=by)

    moved = verbs.transfer(counter=counter, to=other, by=by, note="ขอถอนเงินด้วย")

    assert (moved.code, moved.department, moved.queue, moved.state) == (ticket.code, department, other, State.WAITING)
    assert moved.events.last().reason == "ขอถอนเงินด้วย"
    assert (moved.recalls, moved.called_at) == (0, None)
    assert verbs.call_next(counter=counter, by=by) is None
    there = make_counter(departments=[other])
    assert verbs.call_next(counter=there, by=there.clerk) == ticket


def test_a_transfer_to_its_own_queue_is_refused(department, counter, by):
    called(counter, department)
    verbs.start(counter=counter, by=by)

    with pytest.raises(errors.WrongState):
        verbs.transfer(counter=counter, to=department, by=by)


def test_a_call_out_of_order_needs_a_reason_and_keeps_it(department, counter, by):
    make_walk_in(department=department)
    second = make_walk_in(department=department)

    with pytest.raises(errors.ReasonNeeded):
        verbs.call(ticket=second, counter=counter, by=by, reason="  ")
    verbs.call(ticket=second, counter=counter, by=by, reason="ต้องรีบไปโรงพยาบาล")

    event = second.events.last()
    assert (event.verb, event.by, event.reason) == ("call", by, "ต้องรีบไปโรงพยาบาล")


def test_a_ticket_of_a_department_that_the_counter_does_not_serve_is_not_called(counter, by):
    with pytest.raises(errors.NotServedHere):
        verbs.call(ticket=make_walk_in(), counter=counter, by=by, reason="ช่วย")


def test_a_booking_that_has_not_arrived_is_not_called_where_check_in_is_used(department, counter, by):
    ticket = make_ticket(department=department)

    with pytest.raises(errors.BookingError):
        verbs.call(ticket=ticket, counter=counter, by=by, reason="ช่วย")


ACTIONS = {
    "start": lambda ticket, counter, by: verbs.start(counter=counter, by=by),
    "miss": lambda ticket, counter, by: verbs.miss(counter=counter, by=by),
    "undo_call": lambda ticket, counter, by: verbs.undo_call(counter=counter, by=by),
    "undo_finish": lambda ticket, counter, by: verbs.undo_finish(counter=counter, by=by),
    "recall": lambda ticket, counter, by: verbs.recall(counter=counter, by=by),
    "hold": lambda ticket, counter, by: verbs.hold(counter=counter, by=by),
    "put_back": lambda ticket, counter, by: verbs.put_back(counter=counter, by=by),
    "come_back": lambda ticket, counter, by: verbs.come_back(ticket=ticket, by=by),
    "cancel": lambda ticket, counter, by: verbs.cancel(ticket=ticket, by=by),
    "check_in": lambda ticket, counter, by: verbs.check_in(ticket=ticket, by=by),
    "reopen": lambda ticket, counter, by: verbs.reopen(ticket=ticket, by=by),
    "resume": lambda ticket, counter, by: verbs.resume(ticket=ticket, counter=counter, by=by),
}


@pytest.mark.parametrize(
    ("verb", "state"),
    [(verb, state) for verb in ACTIONS for state in State if state not in MOVES[verb]],
)
def test_a_verb_refuses_every_state_that_it_has_no_move_from(department, counter, by, verb, state):
    ticket = make_walk_in(department=department)
    Ticket.objects.filter(pk=ticket.pk).update(state=state, counter=counter)
    ticket.refresh_from_db()

    with pytest.raises(errors.WrongState):
        ACTIONS[verb](ticket, counter, by)

    ticket.refresh_from_db()
    assert (ticket.state, ticket.events.count()) == (state, 1)
