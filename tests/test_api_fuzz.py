"""Whatever is sent to the API, valid or not: no fault, every answer is one that the schema promises, and nothing is
done without the identity, the secret or the token that it takes.

API_FUZZ_CASES raises the number of cases for each operation.
"""

import datetime as dt
import os
from types import SimpleNamespace

import pytest
import schemathesis
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from booking import verbs
from booking.models import Department, StaffToken, Ticket
from booking.models.tickets import State
from booking.models.tokens import issue_token
from booking.verbs.waiting import join, offer_free_places
from members.identify import issue_identity
from queuesite.wsgi import application
from tests.factories import (
    in_days,
    make_counter,
    make_member,
    make_open_department,
    make_slot,
    make_ticket,
    make_topic,
    make_user,
    make_walk_in,
)

CASES = os.environ.get("API_FUZZ_CASES")
EXAMPLES = settings(
    max_examples=int(CASES or 30),
    derandomize=not CASES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
ODD_TEXT = ["\0", "a\0b", "๑", "\u202e", "0", "-1", str(2**63)]
ODD = [*ODD_TEXT, 0, -1, 2**63, 10**400, 1.5, True, None, [], {}]
# For each verb of a counter, what brings its ticket there.
BEFORE = {
    "call-next": [],
    "call": [],
    "recall": ["call_next"],
    "undo-call": ["call_next"],
    "start": ["call_next"],
    "finish": ["call_next", "start"],
    "undo-finish": ["call_next", "start", "finish"],
    "miss": ["call_next"],
    "hold": ["call_next"],
    "resume": ["call_next", "hold"],
    "put-back": ["call_next"],
    "transfer": ["call_next", "start"],
}
# For each verb of staff on a ticket that stands at no counter, the state from which it moves.
BY_STAFF = {"come-back": State.MISSED, "undo-check-in": State.WAITING, "finish": State.ON_HOLD}
OPERATIONS = [
    "GET /api/v1/departments/",
    "GET /api/v1/departments/{slug}/days/",
    "GET /api/v1/departments/{slug}/days/{date}/slots/",
    "POST /api/v1/members/identify/",
    "POST /api/v1/tickets/",
    "GET /api/v1/tickets/{public_id}/",
    "POST /api/v1/tickets/{public_id}/cancel/",
    "POST /api/v1/tickets/{public_id}/reschedule/",
    "POST /api/v1/tickets/{public_id}/check-in/",
    *(f"POST /api/v1/tickets/{{public_id}}/{verb}/" for verb in BY_STAFF),
    "POST /api/v1/waiting/",
    "GET /api/v1/waiting/{public_id}/",
    "POST /api/v1/waiting/{public_id}/accept/",
    "POST /api/v1/waiting/{public_id}/leave/",
    "POST /api/v1/walk-ins/",
    *(f"POST /api/v1/counters/{{number}}/{verb}/" for verb in BEFORE),
    "GET /api/v1/board/",
    "GET /api/v1/board/{slug}/",
]
# They ask for nothing that could be wrong.
NEVER_REFUSED = ["GET /api/v1/departments/", "GET /api/v1/board/"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def schema(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        return schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)


@pytest.fixture
def known(settings):
    """What a client that means well would send; the cases mix it with what is made up."""
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "1000000/900")
    member, department = make_member(), make_open_department(quota=50)
    ticket = make_ticket(slot=make_slot(department=department))
    return SimpleNamespace(
        values={
            "slug": department.slug,
            "date": str(in_days(1)),
            "from": str(in_days(0)),
            "to": str(in_days(5)),
            "public_id": ticket.public_id,
            "reason": "นัดไว้",
            "identity": issue_identity(member)[0],
            "slot": make_slot(department=department, days_ahead=3).pk,
            "member_number": member.member_number,
        },
        ticket=f"Ticket {ticket.secret}",
        token=f"Token {issue_token(make_user(is_superuser=True))}",
    )


@pytest.fixture
def at_a_counter(known):
    """A counter, and a ticket that has come as far as the verb needs it."""

    def bring(verb):
        slug = known.values["slug"]
        departments = [Department.objects.get(slug=slug), make_open_department()]
        counter = make_counter(departments=departments, clerk=StaffToken.objects.get().user)
        ticket = make_walk_in(department=departments[0])
        for name in BEFORE[verb]:
            getattr(verbs, name)(counter=counter, by=counter.clerk)
        known.values |= {"number": str(counter.number), "ticket": ticket.public_id, "department": departments[1].slug}

    return bring


def bring_to_its_day(known, label):
    """The known ticket stands where the verb finds it."""
    known.values["department"] = known.values["slug"]
    state = BY_STAFF.get(label.split("/")[-2], State.BOOKED)
    Ticket.objects.filter(public_id=known.values["public_id"]).update(
        date=timezone.localdate(), due_at=timezone.now(), state=state
    )


def bring_to_the_list(known) -> str:
    """A day is full, and one who waits for another is offered a place of it. Returns the secret of that one."""
    department = make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(9, 30), max_days_ahead=2, has_waiting_list=True
    )
    ticket, full = (make_ticket(slot=make_slot(department=department, days_ahead=days)) for days in (1, 2))
    entry = join(member_id=make_member().pk, department=department, date=in_days(1))
    verbs.cancel(ticket=ticket)
    assert offer_free_places() == 1
    known.values |= {
        "public_id": entry.public_id,
        "department": department.slug,
        "date": str(in_days(2)),
        "slot": full.slot_id,
        "topic": make_topic(department=department).pk,
    }
    return f"Waiting {entry.secret}"


def test_every_operation_is_tried(schema):
    assert sorted(found.ok().label for found in schema.get_all_operations()) == sorted(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_fault_and_no_call_without_its_authority(schema, known, at_a_counter, label):
    operation = schema.find_operation_by_label(label)
    takes_token = "/counters/" in label or label.split("/")[-2] in ("walk-ins", *BY_STAFF)
    if "/counters/" in label:
        at_a_counter(label.split("/")[-2])
    elif takes_token or label.endswith("check-in/"):
        bring_to_its_day(known, label)
    own = known.token if takes_token else known.ticket
    if "/waiting/" in label:
        own = bring_to_the_list(known)
    seen = set()

    @EXAMPLES
    @given(st.data())
    def try_it(data):
        case = data.draw(st.sampled_from(GenerationMode).flatmap(lambda mode: operation.as_strategy(mode)))
        for container, odd in ((case.path_parameters, ODD_TEXT), (case.query, ODD_TEXT), (case.body, ODD)):
            if isinstance(container, dict):
                for name in sorted(container.keys() & known.values.keys()):
                    right, made_up = known.values[name], container[name]
                    container[name] = data.draw(st.sampled_from([right, right, right, made_up, *odd]))
        if label == "POST /api/v1/waiting/" and isinstance(case.body, dict) and data.draw(st.booleans()):
            case.body = {name: known.values[name] for name in ("identity", "department", "date")}
        if label.endswith("/identify/") and isinstance(case.body, dict) and data.draw(st.booleans()):
            case.body = {"member_number": known.values["member_number"]} | case.body
            case.body.pop("citizen_id", None)
        wrong = [
            None,
            "",
            "Ticket",
            "Token",
            "Waiting",
            "Ticket \xff",
            "Waiting \xff",
            f"Bearer {own.split()[1]}",
            own[:-1],
        ]
        authorization = data.draw(st.sampled_from([own] * len(wrong) + wrong))
        case.headers["Accept-Encoding"] = "identity"  # the WSGI client of these tests unpacks nothing
        case.headers.pop("Authorization", None)
        if authorization is not None:
            case.headers["Authorization"] = authorization

        answer = case.call_and_validate(checks=CHECKS)

        seen.add(answer.status_code)
        if takes_token and answer.status_code not in (401, 404):
            assert authorization == own
        elif answer.status_code not in (401, 404) and "{public_id}" in label:
            assert authorization == own
            assert case.path_parameters["public_id"] == known.values["public_id"]
        if answer.status_code < 300 and label in ("POST /api/v1/tickets/", "POST /api/v1/waiting/"):
            assert case.body["identity"] == known.values["identity"]

    try_it()
    # The cases were worth trying: some got through to the end, some were refused.
    assert seen & {200, 201}, seen
    assert seen - {200, 201} or label in NEVER_REFUSED, seen
