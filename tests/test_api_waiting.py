"""The waiting list through the API: who may join, see, accept and leave, by the same verbs as the pages."""

import datetime as dt

import pytest

from booking import invariants, verbs
from booking.models import Ticket, WaitingEntry
from booking.models.tokens import issue_token
from booking.verbs.waiting import join, offer_free_places
from members.identify import issue_identity
from tests.clock import standing_still, today_at
from tests.factories import in_days, make_member, make_open_department, make_slot, make_ticket, make_topic, make_user
from tests.pages import confirm_name
from tests.test_api_tickets import post, refused

pytestmark = pytest.mark.django_db
clock = standing_still(today_at("8.00"), autouse=True)


@pytest.fixture
def department():
    return make_open_department(
        quota=1, opens=dt.time(9), closes=dt.time(10), max_days_ahead=2, has_waiting_list=True, offer_minutes=15
    )


@pytest.fixture
def tickets(department):
    """Tomorrow is full."""
    return [make_ticket(slot=make_slot(department=department, nth=nth)) for nth in range(2)]


@pytest.fixture
def offered(department, tickets):
    entry = join(member_id=make_member().pk, department=department, date=in_days(1))
    verbs.cancel(ticket=tickets[0])
    assert offer_free_places() == 1
    entry.refresh_from_db()
    return entry


def ask(client, department, *, member=None, identity=None, slug="", **more):
    identity = identity or issue_identity(member or make_member())[0]
    body = {"identity": identity, "department": department.slug, "date": str(in_days(1))}
    return post(client, "waiting/", body | more | ({"department": slug} if slug else {}))


def reach(client, entry, verb="", *, authority):
    headers = {"Authorization": authority} if authority else {}
    path = f"/api/v1/waiting/{entry.public_id}/{verb}"
    return client.post(path, headers=headers) if verb else client.get(path, headers=headers)


def own(entry) -> str:
    return f"Waiting {entry.secret}"


# --- joining ---


def test_who_finds_a_day_full_waits(client, department, tickets):
    member = make_member()
    answer = ask(client, department, member=member)
    entry = WaitingEntry.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": entry.public_id,
        "secret": entry.secret,
        "department": department.slug,
        "date": str(in_days(1)),
        "start": None,
        "topic": None,
        "standing": "waiting",
        "nth": 1,
        "offer": None,
    }
    assert (entry.member, entry.by) == (member, None)
    assert ask(client, department).json()["nth"] == 2


def test_one_waits_for_one_time_or_a_topic(client, department, tickets):
    topic = make_topic(department=department)
    answer = ask(client, department, slot=tickets[1].slot_id, topic=topic.pk)
    assert (
        answer.json()["start"] == tickets[1].slot.starts_at.astimezone(dt.timezone(dt.timedelta(hours=7))).isoformat()
    )
    assert answer.json()["topic"] == topic.pk


def test_a_department_says_whether_one_may_wait(client, department):
    make_open_department()
    told = {one["slug"]: one["has_waiting_list"] for one in client.get("/api/v1/departments/").json()}
    assert told.pop(department.slug) is True
    assert set(told.values()) == {False}


def test_the_same_identity_asks_again_and_waits_once(client, department, tickets):
    identity = issue_identity(make_member())[0]
    first, again = (ask(client, department, identity=identity).json() for _ in range(2))
    assert first == again
    assert WaitingEntry.objects.count() == 1


def test_a_number_alone_does_not_get_at_what_another_identity_made(client, department, tickets):
    """Else whoever knows a member's number could take them off the list."""
    member = make_member()
    ask(client, department, member=member)
    assert refused(ask(client, department, member=member)) == (409, "already_waits")
    proven = issue_identity(member, proved_by="code")[0]
    assert ask(client, department, identity=proven).json()["id"] == WaitingEntry.objects.get().public_id


def test_neither_does_it_on_the_pages(client, department, tickets):
    entry = join(member_id=make_member().pk, department=department, date=in_days(1))
    confirm_name(client, department, member=entry.member)
    answer = client.post(f"/book/{department.slug}/days/{in_days(1)}/wait/")
    assert "why=already_waits" in answer["Location"]
    assert client.get(f"/wait/{entry.public_id}/").status_code == 404


def test_what_is_refused_says_why(client, department, tickets):
    without = make_open_department(quota=1)
    assert refused(ask(client, without)) == (409, "no_waiting_list")
    assert refused(ask(client, department, date=str(in_days(2)))) == (409, "not_full_yet")
    assert refused(ask(client, department, member=tickets[0].member)) == (409, "already_booked")
    assert refused(ask(client, department, member=make_member(is_registered=False))) == (404, "not_registered")
    assert refused(ask(client, department, date=str(in_days(-1)))) == (409, "day_closed")
    assert refused(ask(client, department, identity="made-up")) == (401, "identity_expired")
    assert not WaitingEntry.objects.exists()


@pytest.mark.parametrize("wrong", [{"date": "2026-13-01"}, {"date": "1"}, {"date": 5}, {"slot": "1"}, {"topic": 0}])
def test_what_is_no_request_is_said(client, department, tickets, wrong):
    assert refused(ask(client, department, **wrong)) == (400, "invalid")


def test_an_unknown_department_is_not_found(client, department):
    assert refused(ask(client, department, slug="no-such")) == (404, "not_found")


def test_a_topic_that_needs_a_proof_needs_it_here_too(client, department, tickets):
    topic = make_topic(department=department, needs_proof=True)
    member = make_member()
    assert refused(ask(client, department, member=member, topic=topic.pk)) == (403, "proof_needed")
    identity = issue_identity(member, proved_by="code")[0]
    assert ask(client, department, identity=identity, topic=topic.pk).status_code == 201


# --- what is offered ---


def test_the_owner_sees_what_is_offered_and_takes_it_once(client, department, tickets, offered):
    seen = reach(client, offered, authority=own(offered)).json()
    assert (seen["standing"], seen["nth"]) == ("offered", None)
    assert seen["offer"] == {"start": f"{in_days(1)}T09:00:00+07:00", "ends_at": f"{in_days(0)}T08:15:00+07:00"}
    assert "secret" not in seen

    answer = reach(client, offered, "accept/", authority=own(offered))

    ticket = Ticket.objects.get(member=offered.member)
    assert (answer.status_code, answer.json()["id"], answer.json()["secret"]) == (201, ticket.public_id, ticket.secret)
    again = reach(client, offered, "accept/", authority=own(offered))
    assert (again.status_code, again.json()["id"]) == (200, ticket.public_id)
    seen = reach(client, offered, authority=own(offered)).json()
    assert (seen["standing"], seen["offer"]) == ("booked", None)
    assert ticket.events.get().by is None
    assert invariants.violations() == {}


def test_the_owner_leaves_and_it_goes_to_the_next(client, department, offered):
    second = join(member_id=make_member().pk, department=department, date=in_days(1))
    assert reach(client, offered, "leave/", authority=own(offered)).json()["standing"] == "left"
    assert reach(client, offered, "leave/", authority=own(offered)).status_code == 200
    assert refused(reach(client, offered, "accept/", authority=own(offered))) == (409, "offer_over")
    assert offer_free_places() == 1
    assert reach(client, second, authority=own(second)).json()["standing"] == "offered"


def test_what_was_not_taken_in_time_is_over(client, department, offered, clock):
    join(member_id=make_member().pk, department=department, date=in_days(1))
    clock.shift(dt.timedelta(minutes=15))
    assert reach(client, offered, authority=own(offered)).json()["standing"] == "lapsed"
    offer_free_places()
    assert refused(reach(client, offered, "accept/", authority=own(offered))) == (409, "offer_over")
    assert not Ticket.objects.filter(member=offered.member).exists()


def test_nothing_is_accepted_before_it_is_offered(client, department, tickets):
    entry = join(member_id=make_member().pk, department=department, date=in_days(1))
    assert refused(reach(client, entry, "accept/", authority=own(entry))) == (409, "offer_over")


def test_nobody_else_reaches_an_entry(client, department, tickets, offered):
    other = join(member_id=make_member().pk, department=department, date=in_days(1))
    colleague = issue_token(make_user(is_superuser=True))
    others = [
        None,
        own(other),
        f"Waiting {tickets[1].secret}",
        f"Ticket {offered.secret}",
        f"Token {colleague}",
        "Waiting",
        "Waiting é",
        f"Waiting {'0' * 64}",
    ]
    for authority in others:
        for verb in ("", "accept/", "leave/"):
            assert refused(reach(client, offered, verb, authority=authority)) == (404, "not_found"), authority
    offered.refresh_from_db()
    assert offered.is_live
    assert not Ticket.objects.filter(member=offered.member).exists()
