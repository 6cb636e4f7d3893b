"""The staff part of the API: a clerk's program calls, serves and receives, with a token and the clerk's rights."""

import pytest
from django.contrib.auth.models import Permission

from booking import invariants, roles, verbs
from booking.models import Counter, Ticket
from booking.models.tickets import State
from booking.models.tokens import StaffToken, issue_token
from booking.verbs import seats
from tests.clock import today_at
from tests.factories import (
    make_counter,
    make_department,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_user,
    make_walk_in,
)

pytestmark = pytest.mark.django_db

COUNTER_VERBS = [
    "call-next",
    "recall",
    "undo-call",
    "start",
    "finish",
    "undo-finish",
    "miss",
    "hold",
    "put-back",
    "transfer",
    "resume",
]
BODIES = {"transfer": {"department": "finance"}, "resume": {"ticket": "no-such-ticket"}}


@pytest.fixture
def department():
    return make_open_department(slug="loans", letter="A", max_days_ahead=1)


@pytest.fixture
def clerk():
    return make_user(group=roles.CLERK)


@pytest.fixture
def token(clerk):
    return issue_token(clerk)


@pytest.fixture
def counter(department, clerk):
    return make_counter(departments=[department], clerk=clerk, number=3)


@pytest.fixture
def post(client, token):
    def post(path, body=None, *, token=token, authorization=None, key=None):
        headers = {"Authorization": authorization or f"Token {token}"} if authorization != "" else {}
        headers |= {"Idempotency-Key": key} if key else {}
        return client.post(f"/api/v1/{path}", body or {}, content_type="application/json", headers=headers)

    return post


def refused(answer):
    body = answer.json()
    assert set(body) == {"code", "message"}
    assert body["message"]
    return answer.status_code, body["code"]


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"counters/3/{verb}/" for verb in COUNTER_VERBS] + ["walk-ins/", "come-back"])
def test_without_the_token_of_somebody_who_may_nothing_is_done(post, client, counter, department, path):
    waiting = make_walk_in(department=department)
    if path == "come-back":
        path = f"tickets/{waiting.public_id}/come-back/"
    body = {"department": "loans"} if path == "walk-ins/" else BODIES.get(path.split("/")[-2], {})
    revoked = issue_token(counter.clerk)
    StaffToken.objects.order_by("created_at").last().delete()
    left = make_user(group=roles.CLERK)
    token_of_left = issue_token(left)
    left.is_active = False
    left.save(update_fields=["is_active"])

    for authorization in ("", "Token", "Token x", "Token \xff", f"Bearer {revoked}", f"Ticket {waiting.secret}"):
        answer = post(path, body, authorization=authorization)
        assert refused(answer) == (401, "not_signed_in"), authorization
        assert answer["WWW-Authenticate"] == "Token"
    assert refused(post(path, body, token=revoked)) == (401, "not_signed_in")
    assert refused(post(path, body, token=token_of_left)) == (401, "not_signed_in")
    assert refused(post(path, body, token=issue_token(make_user()))) == (403, "not_permitted")
    assert client.get(f"/api/v1/{path}").status_code in (401, 405)

    assert Ticket.objects.get() == waiting
    assert waiting.events.count() == 1


def test_who_may_receive_but_not_serve_issues_tickets_only(post, counter, department):
    receptionist = make_user()
    receptionist.user_permissions.add(Permission.objects.get(codename="receive_ticket"))
    own = issue_token(receptionist)

    assert post("walk-ins/", {"department": "loans"}, token=own).status_code == 201
    assert refused(post("counters/3/call-next/", token=own)) == (403, "not_permitted")


def test_a_token_is_stored_as_a_hash_and_keeps_the_day_of_its_last_use(post, token, counter):
    stored = StaffToken.objects.get()
    assert token not in str(vars(stored))
    assert stored.last_used_on is None

    post("counters/3/call-next/")

    stored.refresh_from_db()
    assert stored.last_used_on is not None


# --- the counter --------------------------------------------------------------------------------------------------


def test_a_turn_from_call_to_finish(post, counter, department, clerk):
    first = make_walk_in(department=department)
    make_walk_in(department=department)

    called = post("counters/3/call-next/")

    assert called.status_code == 200
    assert called.json() == {
        "id": first.public_id,
        "number": "A501",
        "department": "loans",
        "date": str(first.date),
        "start": None,
        "status": "called",
        "ahead": 0,
        "expected_wait_minutes": None,
        "counter": 3,
        "topic": None,
    }
    assert post("counters/3/recall/").json()["status"] == "called"
    assert post("counters/3/start/").json()["status"] == "serving"
    finished = post("counters/3/finish/")
    assert (finished.json()["status"], finished.json()["ahead"]) == ("served", None)
    events = first.events.values_list("verb", "by", "counter")
    assert list(events)[1:] == [(verb, clerk.pk, counter.pk) for verb in ("call", "recall", "start", "finish")]


def test_nobody_is_waiting(post, counter):
    answer = post("counters/3/call-next/")

    assert (answer.status_code, answer.content) == (204, b"")


def test_a_press_that_is_repeated_takes_no_second_ticket(post, counter, department):
    make_walk_in(department=department)
    second = make_walk_in(department=department)

    assert post("counters/3/call-next/").status_code == 200
    assert refused(post("counters/3/call-next/")) == (409, "counter_busy")

    second.refresh_from_db()
    assert second.state == State.WAITING


@pytest.mark.parametrize("verb", [verb for verb in COUNTER_VERBS if verb not in ("call-next", "resume")])
def test_a_verb_that_the_state_does_not_allow(post, counter, verb):
    make_department(slug="finance", letter="B")

    assert refused(post(f"counters/3/{verb}/", BODIES.get(verb))) == (409, "wrong_state")


def test_missed_and_come_back(post, counter, department):
    ticket = make_walk_in(department=department)
    post("counters/3/call-next/")

    assert post("counters/3/miss/").json()["status"] == "missed"
    assert post(f"tickets/{ticket.public_id}/come-back/").json()["status"] == "waiting"
    assert refused(post(f"tickets/{ticket.public_id}/come-back/")) == (409, "wrong_state")
    assert refused(post("tickets/no-such-ticket/come-back/")) == (404, "not_found")


def test_set_aside_and_resumed(post, counter, department):
    ticket = make_walk_in(department=department)
    post("counters/3/call-next/")

    assert post("counters/3/hold/", {"reason": "ไปถ่ายเอกสาร"}).json()["status"] == "on_hold"
    assert post("counters/3/resume/", {"ticket": ticket.public_id}).json()["status"] == "called"
    assert ticket.events.get(verb="hold").reason == "ไปถ่ายเอกสาร"
    assert refused(post("counters/3/resume/", {"ticket": "no-such-ticket"})) == (404, "not_found")
    assert refused(post("counters/3/resume/", {})) == (400, "invalid")


def test_set_aside_and_finished(post, counter, department):
    ticket = make_walk_in(department=department)
    post("counters/3/call-next/")
    assert refused(post(f"tickets/{ticket.public_id}/finish/")) == (409, "wrong_state")
    post("counters/3/hold/")

    assert post(f"tickets/{ticket.public_id}/finish/").json()["status"] == "served"
    assert refused(post(f"tickets/{ticket.public_id}/finish/", authorization="")) == (401, "not_signed_in")


def test_a_certain_ticket_is_called_by_who_may_with_a_reason(post, counter, department, clerk):
    make_walk_in(department=department)
    ticket = make_walk_in(department=department)
    wanted = {"ticket": ticket.public_id, "reason": "มีนัดแพทย์"}
    assert refused(post("counters/3/call/", wanted)) == (403, "not_permitted")
    clerk.user_permissions.add(Permission.objects.get(codename="call_out_of_order_ticket"))

    for body in ({}, wanted | {"reason": " "}, wanted | {"reason": "x" * 201}):
        assert refused(post("counters/3/call/", body)) == (400, "invalid")
    assert refused(post("counters/3/call/", wanted | {"ticket": "no-such-ticket"})) == (404, "not_found")
    assert post("counters/3/call/", wanted).json()["status"] == "called"
    assert ticket.events.get(verb="call").reason == "มีนัดแพทย์"
    assert refused(post("counters/3/call/", wanted)) == (409, "counter_busy")


def test_who_may_call_out_of_order_but_not_serve_calls_nobody(post, counter, department):
    ticket = make_walk_in(department=department)
    other = make_user()
    other.user_permissions.add(Permission.objects.get(codename="call_out_of_order_ticket"))

    answer = post("counters/3/call/", {"ticket": ticket.public_id, "reason": "นัด"}, token=issue_token(other))

    assert refused(answer) == (403, "not_permitted")


def test_put_back_and_call_undone(post, counter, department):
    make_walk_in(department=department)

    for verb in ("put-back", "undo-call"):
        post("counters/3/call-next/")
        answer = post(f"counters/3/{verb}/").json()
        assert (answer["status"], answer["counter"]) == ("waiting", None)


def test_a_finish_taken_back(post, counter, department):
    make_walk_in(department=department)
    for verb in ("call-next", "start", "finish"):
        post(f"counters/3/{verb}/")

    answer = post("counters/3/undo-finish/").json()

    assert (answer["status"], answer["counter"]) == ("serving", 3)
    assert refused(post("counters/3/undo-finish/")) == (409, "wrong_state")


def test_transferred_under_the_same_number(post, counter, department):
    finance = make_open_department(slug="finance", letter="B")
    ticket = make_walk_in(department=department)
    post("counters/3/call-next/")
    post("counters/3/start/")

    answer = post("counters/3/transfer/", {"department": "finance", "note": "ถอนเงินต่อ"})

    assert (answer.status_code, answer.json()["number"], answer.json()["status"]) == (200, "A501", "waiting")
    ticket.refresh_from_db()
    assert ticket.queue == finance
    assert ticket.events.last().reason == "ถอนเงินต่อ"


@pytest.mark.parametrize(
    "body, expected",
    [
        ({"department": "no-such"}, (404, "not_found")),
        ({"department": 1}, (400, "invalid")),
        ({}, (400, "invalid")),
        ({"department": "finance", "note": "x" * 201}, (400, "invalid")),
        ({"department": "loans"}, (409, "wrong_state")),
        ({"department": "shut"}, (409, "day_closed")),
    ],
)
def test_a_transfer_that_cannot_be(post, counter, department, body, expected):
    make_department(slug="finance", letter="B")
    make_department(slug="shut", letter="S", is_active=False)
    make_walk_in(department=department)
    post("counters/3/call-next/")
    post("counters/3/start/")

    assert refused(post("counters/3/transfer/", body)) == expected
    assert Ticket.objects.get().state == State.SERVING


def test_a_clerk_sits_down_at_a_free_counter(post, counter, clerk, department):
    make_walk_in(department=department)
    seats.sign_out(counter=counter, by=clerk)

    assert post("counters/3/call-next/").status_code == 200

    counter.refresh_from_db()
    assert counter.clerk == clerk


def test_a_clerk_may_go_on_at_another_counter_but_leaves_nobody_behind(post, counter, clerk, department):
    other = Counter.objects.create(number=4)
    make_walk_in(department=department)

    assert post("counters/4/call-next/").status_code == 204
    other.refresh_from_db()
    assert other.clerk == clerk
    post("counters/3/call-next/")
    assert refused(post("counters/4/call-next/")) == (409, "counter_busy")


@pytest.mark.parametrize("verb", COUNTER_VERBS)
def test_somebody_elses_counter(post, counter, department, verb):
    make_department(slug="finance", letter="B")
    make_counter(departments=[department], number=8)
    ticket = make_walk_in(department=department)
    body = {"ticket": ticket.public_id} if verb == "resume" else BODIES.get(verb)

    assert refused(post(f"counters/8/{verb}/", body)) == (409, "counter_taken")
    assert ticket.events.count() == 1


@pytest.mark.parametrize("number", ["0", "99", "9" * 30])
def test_a_counter_that_is_none(post, number):
    assert refused(post(f"counters/{number}/call-next/")) == (404, "not_found")


def test_a_counter_out_of_use(post, counter):
    Counter.objects.update(is_active=False)

    assert refused(post("counters/3/call-next/")) == (404, "not_found")


# --- reception ----------------------------------------------------------------------------------------------------


def test_a_check_in_taken_back(post, department, time_machine):
    ticket = make_ticket(slot=make_slot(department=department))
    time_machine.move_to(ticket.due_at)
    post(f"tickets/{ticket.public_id}/check-in/")

    assert post(f"tickets/{ticket.public_id}/undo-check-in/").json()["status"] == "booked"
    assert refused(post(f"tickets/{ticket.public_id}/undo-check-in/")) == (409, "wrong_state")
    as_holder = post(f"tickets/{ticket.public_id}/undo-check-in/", authorization=f"Ticket {ticket.secret}")
    assert refused(as_holder) == (401, "not_signed_in")


def test_a_walk_in_waits_with_a_number_from_501_and_a_secret_for_its_slip(post, client, department, counter):
    member = make_member(member_number="123456")
    make_walk_in(department=department)

    answer = post(
        "walk-ins/",
        {"department": "loans", "member_number": "๑๒๓-๔๕๖", "priority": "monk", "reason": "พระภิกษุ"},
    )

    ticket = Ticket.objects.get(member=member)
    assert answer.status_code == 201
    assert answer.json() == {
        "id": ticket.public_id,
        "number": "A502",
        "department": "loans",
        "date": str(ticket.date),
        "start": None,
        "status": "waiting",
        "ahead": 0,
        "expected_wait_minutes": answer.json()["expected_wait_minutes"],
        "counter": None,
        "topic": None,
        "secret": ticket.secret,
    }
    assert (ticket.priority, ticket.priority_reason) == ("monk", "พระภิกษุ")
    seen = client.get(f"/api/v1/tickets/{ticket.public_id}/", headers={"Authorization": f"Ticket {ticket.secret}"})
    assert seen.json() | {"secret": ticket.secret} == answer.json()


@pytest.mark.parametrize(
    "body, expected",
    [
        ({"department": "loans", "member_number": "999999"}, (404, "not_registered")),
        ({"department": "loans", "member_number": "100199"}, (404, "not_registered")),
        ({"department": "loans", "member_number": "12a"}, (400, "invalid_member_number")),
        ({"department": "loans", "member_number": 123456}, (400, "invalid")),
        ({"department": "loans", "priority": "friend"}, (400, "invalid")),
        ({"department": "loans", "priority": None}, (400, "invalid")),
        ({"department": "loans", "reason": "x" * 121}, (400, "invalid")),
        ({"department": "loans", "reason": "\0"}, (400, "invalid")),
        ({"department": "no-such"}, (404, "not_found")),
        ({"department": "shut"}, (409, "day_closed")),
        ({"department": ""}, (400, "invalid")),
        ({}, (400, "invalid")),
        ([], (400, "invalid")),
    ],
)
def test_a_walk_in_that_cannot_be(post, department, body, expected):
    make_member(member_number="100199", is_registered=False)
    make_department(slug="shut", letter="S")  # no hours

    assert refused(post("walk-ins/", body)) == expected
    assert not Ticket.objects.exists()


def test_a_member_walks_in_once(post, department):
    make_member(member_number="123456")
    post("walk-ins/", {"department": "loans", "member_number": "123456"})

    again = post("walk-ins/", {"department": "loans", "member_number": "123456"})

    assert refused(again) == (409, "already_booked")
    assert invariants.violations() == {}


def test_a_walk_in_whose_answer_was_lost_is_asked_for_again(post, department):
    first = post("walk-ins/", {"department": "loans"}, key="one-key")
    again = post("walk-ins/", {"department": "loans"}, key="one-key")

    assert (again.status_code, again.json()["secret"]) == (201, first.json()["secret"])
    assert Ticket.objects.count() == 1
    other = post("walk-ins/", {"department": "loans", "priority": "monk"}, key="one-key")
    assert refused(other) == (422, "idempotency_key_reused")


def test_staff_check_in_whoever_has_come(post, department, at_its_slot):
    ticket = at_its_slot(check_in_needs_presence=True)

    assert post(f"tickets/{ticket.public_id}/check-in/").json()["status"] == "waiting"
    assert ticket.events.last().by is not None
    assert refused(post(f"tickets/{ticket.public_id}/check-in/")) == (409, "wrong_state")
    assert refused(post("tickets/no-such-ticket/check-in/")) == (404, "not_found")
    stranger = issue_token(make_user())
    assert refused(post(f"tickets/{ticket.public_id}/check-in/", token=stranger)) == (403, "not_permitted")


# --- the ticket's holder -------------------------------------------------------------------------------------------


@pytest.fixture
def at_its_slot(time_machine):
    """A ticket, and the clock at its slot's start, or so many minutes off."""

    def book(*, minutes=0, **settings):
        slot = make_slot(department=make_open_department(letter="H", **settings), nth=2)
        ticket = make_ticket(slot=slot)
        time_machine.move_to(slot.starts_at.timestamp() + minutes * 60)
        return ticket

    return book


def check_in(client, ticket):
    return client.post(
        f"/api/v1/tickets/{ticket.public_id}/check-in/", headers={"Authorization": f"Ticket {ticket.secret}"}
    )


def test_its_holder_checks_in(client, at_its_slot):
    ticket = at_its_slot(minutes=-10)
    make_counter(departments=[ticket.department])

    answer = check_in(client, ticket)

    assert (answer.status_code, answer.json()["status"], answer.json()["ahead"]) == (200, "waiting", 0)
    assert isinstance(answer.json()["expected_wait_minutes"], int)
    assert refused(check_in(client, ticket)) == (409, "wrong_state")


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"minutes": -61}, "too_early"),
        ({"check_in_needs_presence": True}, "presence_needed"),
        ({"minutes": -24 * 60}, "not_today"),
        ({"minutes": 24 * 60}, "not_today"),
    ],
)
def test_a_check_in_that_cannot_be(client, at_its_slot, settings, code):
    ticket = at_its_slot(**settings)

    assert refused(check_in(client, ticket)) == (409, code)
    ticket.refresh_from_db()
    assert ticket.state == State.BOOKED


def test_what_its_holder_sees_until_it_is_called(client, time_machine, department, counter, clerk):
    def see(ticket):
        headers = {"Authorization": f"Ticket {ticket.secret}"}
        body = client.get(f"/api/v1/tickets/{ticket.public_id}/", headers=headers).json()
        return body["status"], body["ahead"], body["expected_wait_minutes"], body["counter"]

    department.usual_service_minutes = 10
    department.save()
    time_machine.move_to(today_at("9.00"))
    first, second, third = (make_walk_in(department=department) for _ in range(3))

    assert see(first) == ("waiting", 0, 2, None)  # 0 to 5
    assert see(third) == ("waiting", 2, 20, None)  # 5 to 35: two services of ten minutes at one counter
    verbs.call_next(counter=counter, by=clerk)
    assert see(first) == ("called", 0, None, 3)
    assert see(third)[:2] == ("waiting", 1)
    verbs.miss(counter=counter, by=clerk)
    assert see(first) == ("missed", None, None, 3)
