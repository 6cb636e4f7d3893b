"""A booking that is answered before Django has made a request of it: whatever is sent, status, headers, body and what
stands in the database afterwards are Django's own."""

import datetime as dt
import io
import json
from dataclasses import dataclass, field

import pytest
import time_machine
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from booking import verbs
from booking.models import Notice, Place, Slot, Tally, Ticket, TicketEvent, tallies
from members.identify import issue_identity
from members.models import LookupLog, Member
from queuesite import at_once
from tests.factories import in_days, make_citizen_id, make_member, make_open_department, make_topic

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_transaction_that_lasts(request):
    """A request ends with a look at its connection, which would end the test's transaction."""
    if request.node.get_closest_marker("django_db").kwargs.get("transaction"):
        yield
        return
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@dataclass
class Site:
    """Django alone, and Django with what answers before it."""

    django: object
    asked: list = field(default_factory=list)

    def __post_init__(self):
        self.first = at_once.before(self._noted)

    def _noted(self, environ, start_response):
        self.asked.append(environ["PATH_INFO"])
        return self.django(environ, start_response)


@pytest.fixture
def site(settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    return Site(get_wsgi_application())


@pytest.fixture
def slot():
    department = make_open_department(quota=4)
    return Slot.objects.of_day(department, in_days(1))[0]


def booking(slot=None, member=None, *, body=None, sent=None, leave_out=(), **environ):
    """The environ of a booking as a WSGI server makes it, changed by the arguments."""
    if body is None:
        token = issue_identity(member or make_member(), proved_by="phone", found_by="member_number")[0]
        body = json.dumps({"identity": token, "slot": slot.pk} | (sent or {})).encode()
    made = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": at_once.PATH,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "testserver",
        "HTTP_IDEMPOTENCY_KEY": "a-key",
        "HTTP_ACCEPT_LANGUAGE": "th",
        "REMOTE_ADDR": "192.0.2.7",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "body": body,
    } | environ
    return {name: value for name, value in made.items() if name not in leave_out}


def answered(application, environ):
    """Status, headers and body."""
    got = []
    environ = dict(environ)
    environ["wsgi.input"] = io.BytesIO(environ.pop("body"))
    answer = application(environ, lambda status, headers: got.extend([status, headers]))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return got[0], sorted(got[1]), body


def left_by(application, environ, *, before=None):
    """The answer, and what stands in the database afterwards, which is taken back."""
    with transaction.atomic():
        tallies.write()
        if before:
            answered(application, before)
        status, headers, body = answered(application, environ)
        tallies.write()
        rows = {
            "tickets": list(Ticket.objects.order_by("pk").values_list("number", "slot", "member", "state", "due_at")),
            "kept": list(
                Ticket.objects.order_by("pk").values_list(
                    "identity_mark", "origin_address", "origin_device", "topic", "issued_at"
                )
            ),
            "places": Place.objects.taken().count(),
            "events": list(TicketEvent.objects.order_by("pk").values_list("verb", "to_state", "by", "asked", "at")),
            "messages": list(Notice.objects.order_by("pk").values_list("kind", "next_try_at", "expires_at")),
            "refusals": list(Tally.objects.order_by("pk").values_list("what", "name", "department", "count")),
            "tries": list(LookupLog.objects.order_by("pk").values_list("scope", "tried_at")),
        }
        transaction.set_rollback(True)
    headers = [(name, value.partition("=")[0] if name == "Set-Cookie" else value) for name, value in headers]
    return status, headers, _without_chance(body), rows


def _without_chance(body):
    try:
        said = json.loads(body)
    except ValueError:
        return len(body)  # a page of apology, with a token of its own
    if isinstance(said, dict):
        said |= {name: len(said[name]) for name in ("id", "secret") if name in said}
    return said


def learned(site, slot):
    """A request of each kind whose headers are known then."""
    answered(site.first, booking(slot, HTTP_IDEMPOTENCY_KEY="the-first"))
    site.asked.clear()


def both(site, environ, **arguments):
    with time_machine.travel(timezone.now(), tick=False):
        alone, first = (left_by(one, environ, **arguments) for one in (site.django, site.first))
    assert alone == first
    return first


PLAIN = {
    "as programs send it": {},
    "with more than is read": {"sent": {"and": ["more"]}},
    "accepting anything": {"HTTP_ACCEPT": "text/html;q=0.1, x/y"},
    "with a token that nobody asks for": {"HTTP_AUTHORIZATION": "Token x"},
    "from an IPv6 address": {"REMOTE_ADDR": "2001:db8:1:2::3"},
    "from a socket": {"REMOTE_ADDR": ""},
    "with less than was announced": {"CONTENT_LENGTH": "9000"},
    "with the longest key": {"HTTP_IDEMPOTENCY_KEY": "k" * 200},
}


@pytest.mark.parametrize("environ", PLAIN.values(), ids=PLAIN)
def test_what_is_plainly_right_is_booked_without_django(site, slot, environ):
    learned(site, slot)

    status, _headers, said, left = both(site, booking(slot, **environ))

    assert site.asked == []
    assert (status, said["number"][1:], len(left["tickets"])) == ("201 Created", "002", 2)


NOT_PLAIN = {
    "another path": ({"PATH_INFO": "/api/v1/tickets"}, 404),
    "another method": ({"REQUEST_METHOD": "PUT"}, 405),
    "a look": ({"REQUEST_METHOD": "GET"}, 405),
    "a question in the address": ({"QUERY_STRING": "slot=7"}, 201),
    "a cookie": ({"HTTP_COOKIE": "django_language=en"}, 201),
    "a charset": ({"CONTENT_TYPE": "application/json; charset=utf-8"}, 201),
    "a form": ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, 415),
    "no key": ({"leave_out": ["HTTP_IDEMPOTENCY_KEY"]}, 201),
    "an empty key": ({"HTTP_IDEMPOTENCY_KEY": ""}, 400),
    "a key that is too long": ({"HTTP_IDEMPOTENCY_KEY": "k" * 201}, 400),
    "a key with a citizen ID": ({"HTTP_IDEMPOTENCY_KEY": make_citizen_id(1)}, 400),
    "a key in Thai": ({"HTTP_IDEMPOTENCY_KEY": "à¸"}, 400),
    "no JSON": ({"body": b"{"}, 400),
    "a number that is none": ({"body": b'{"identity": "x", "slot": NaN}'}, 400),
    "half a character": ({"body": b'{"identity": "\xe0\xb8", "slot": 1}'}, 400),
    "a list": ({"body": b"[1]"}, 400),
    "nothing": ({"body": b""}, 400),
    "deep JSON": ({"body": b"[" * 9_000}, 400),
    "a body that is too long": ({"body": b" " * 10_001}, 400),
    "a body that is much too long": ({"body": b" " * 70_000}, 413),
    "no length": ({"leave_out": ["CONTENT_LENGTH"]}, 400),
    "an empty length": ({"CONTENT_LENGTH": ""}, 400),
    "a length that is no number": ({"CONTENT_LENGTH": "ten"}, 400),
    "more than was announced": ({"CONTENT_LENGTH": "9"}, 400),
    "a slot in words": ({"sent": {"slot": "7"}}, 400),
    "a slot that is true": ({"sent": {"slot": True}}, 400),
    "a slot below one": ({"sent": {"slot": 0}}, 400),
    "a slot beyond all": ({"sent": {"slot": 2**63}}, 400),
    "a slot that there is not": ({"sent": {"slot": 999_999}}, 409),
    "a topic that is none": ({"sent": {"topic": None}}, 400),
    "an identity that is none of ours": ({"sent": {"identity": "x"}}, 401),
    "an identity with a NUL": ({"sent": {"identity": "x\0"}}, 400),
    "an identity in Thai": ({"sent": {"identity": "ก"}}, 401),
    "half an emoji": ({"sent": {"identity": "\ud83d"}}, 400),
    "an address that pretends to be the front's": ({"HTTP_QUEUECLIENT": "192.0.2.9"}, 400),
    "a scheme that pretends to be the front's": ({"HTTP_QUEUESCHEME": "https"}, 400),
    "a host that is not ours": ({"HTTP_HOST": "elsewhere.example"}, 400),
    "a language not seen before": ({"HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.9"}, 201),
    "no language": ({"leave_out": ["HTTP_ACCEPT_LANGUAGE"]}, 201),
    "an encrypted line": ({"wsgi.url_scheme": "https", "SERVER_PORT": "443"}, 201),
}


@pytest.mark.parametrize(("environ", "status"), NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_all_else_django_answers(site, slot, environ, status):
    learned(site, slot)

    answer = both(site, booking(slot, **environ))

    assert len(site.asked) == 1
    assert answer[0].startswith(f"{status} "), answer


@pytest.mark.parametrize("language", ["th", "en", "fr"])
def test_the_language_is_told_again(site, slot, language):
    answered(site.first, booking(slot, HTTP_ACCEPT_LANGUAGE=language, HTTP_IDEMPOTENCY_KEY="the-first"))
    site.asked.clear()

    both(site, booking(slot, HTTP_ACCEPT_LANGUAGE=language))

    assert site.asked == []


# --- what is refused ------------------------------------------------------------------------------------------


def test_the_same_key_again_gives_the_same_ticket(site, slot):
    learned(site, slot)
    environ = booking(slot)

    status, _headers, _said, left = both(site, environ, before=environ)

    assert (status, len(left["tickets"])) == ("200 OK", 2)


def test_the_same_key_for_another_time(site, slot):
    learned(site, slot)
    member = make_member()
    other = Slot.objects.of_day(slot.department, in_days(2))[0]

    status, *_ = both(site, booking(other, member), before=booking(slot, member))

    assert status.startswith("422 ")


def test_an_identity_that_has_booked(site, slot):
    learned(site, slot)
    environ = booking(slot)
    again = environ | {"HTTP_IDEMPOTENCY_KEY": "another"}
    other_day = Slot.objects.of_day(slot.department, in_days(2))[0]
    body = json.dumps(json.loads(environ["body"]) | {"slot": other_day.pk}).encode()

    assert both(site, again, before=environ)[0].startswith("409 ")  # they hold a ticket of that day
    used = both(site, again | {"body": body, "CONTENT_LENGTH": str(len(body))}, before=environ)
    assert used[0].startswith("401 ")


def test_an_identity_that_has_ended(site, slot):
    learned(site, slot)
    with time_machine.travel(timezone.now() - dt.timedelta(minutes=16)):
        environ = booking(slot)

    assert both(site, environ)[0].startswith("401 ")


def test_a_member_who_is_not_registered_any_more(site, slot):
    learned(site, slot)
    member = make_member()
    environ = booking(slot, member)
    Member.objects.filter(pk=member.pk).update(is_registered=False)

    assert both(site, environ)[0].startswith("404 ")


def test_a_slot_that_is_full_and_a_day_that_is_over(site, slot):
    learned(site, slot)
    for nth in range(3):
        answered(site.first, booking(slot, HTTP_IDEMPOTENCY_KEY=f"key-{nth}"))

    full = both(site, booking(slot))
    with time_machine.travel(slot.ends_at + dt.timedelta(hours=9)):
        over = both(site, booking(Slot.objects.of_day(slot.department, slot.date)[1]))

    assert [full[2]["code"], over[2]["code"]] == ["slot_full", "window_passed"]
    assert [row[:2] for row in full[3]["refusals"]] == [("refused", "slot_full")], "counted once"


def test_who_has_booked_much(site, slot, settings):
    learned(site, slot)
    settings.BOOKING_LIMITS = settings.BOOKING_LIMITS | {"live": 1}
    member = make_member()
    verbs.book(
        member_id=member.pk,
        slot_id=Slot.objects.of_day(slot.department, in_days(2))[0].pk,
        key="of-before",
        origin=at_once.origin_of_program("192.0.2.8"),
        is_proven=True,
    )

    assert both(site, booking(slot, member))[0].startswith("429 ")


def test_from_where_much_was_booked_a_proof_is_needed(site, slot, settings):
    learned(site, slot)
    settings.BOOKING_LIMITS = settings.BOOKING_LIMITS | {"address": 1}
    token = issue_identity(make_member())[0]
    body = json.dumps({"identity": token, "slot": slot.pk}).encode()

    assert both(site, booking(slot, body=body))[2]["code"] == "proof_needed"


def test_a_place_for_a_topic_alone(site, slot):
    learned(site, slot)
    topic = make_topic(department=slot.department)
    Place.objects.filter(slot=slot, ticket=None).update(topic=topic)

    assert both(site, booking(slot))[2]["code"] == "slot_full"


# --- where it comes from --------------------------------------------------------------------------------------


def test_behind_the_front_the_address_is_what_the_front_saw(site, slot, settings):
    settings.BEHIND_FRONT = True
    through = {"HTTP_QUEUECLIENT": "198.51.100.7", "HTTP_QUEUESCHEME": "http"}
    answered(site.first, booking(slot, HTTP_IDEMPOTENCY_KEY="the-first", **through))
    site.asked.clear()

    left = both(site, booking(slot, **through))[3]
    assert site.asked == []
    assert left["kept"][1][1] == at_once.origin_of_program("198.51.100.7").address
    assert both(site, booking(slot))[0].startswith("400 ")
    assert both(site, booking(slot, **through | {"HTTP_QUEUECLIENT": "me"}))[0].startswith("400 ")


def test_a_line_that_must_be_encrypted(settings, slot):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    site = Site(get_wsgi_application())
    encrypted = {"wsgi.url_scheme": "https", "SERVER_PORT": "443"}
    answered(site.first, booking(slot, HTTP_IDEMPOTENCY_KEY="the-first", **encrypted))
    site.asked.clear()

    assert "Strict-Transport-Security" in dict(both(site, booking(slot, **encrypted))[1])
    assert site.asked == []
    assert both(site, booking(slot))[0].startswith("301 ")


# --- the database ---------------------------------------------------------------------------------------------


def test_it_is_one_statement_and_the_try_that_is_given_back(site, slot):
    learned(site, slot)
    environ = booking(slot)
    with CaptureQueriesContext(connection) as alone:
        left_by(site.django, environ)
    with CaptureQueriesContext(connection) as first:
        left_by(site.first, environ)

    assert len(first) == len(alone)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_and_back(site, slot, monkeypatch):
    learned(site, slot)
    environ = booking(slot)

    with monkeypatch.context() as away:
        connection.close()
        away.setitem(connection.settings_dict, "PORT", "1")
        alone, first = answered(site.django, environ), answered(site.first, environ)
    assert alone == first
    assert first[0].startswith("503 ") and ("Retry-After", "5") in first[1]

    site.asked.clear()
    assert answered(site.first, environ)[0] == "201 Created"
    assert site.asked == []


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_ended_is_opened_again(site, slot):
    learned(site, slot)
    connection.ensure_connection()
    ended = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [ended])
    other.close()

    assert answered(site.first, booking(slot))[0] == "201 Created"
    assert site.asked == []
    assert Ticket.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_ticket_whose_last_step_failed_is_told_all_the_same(site, slot, monkeypatch):
    learned(site, slot)

    def fails(identity):
        raise at_once.Error

    monkeypatch.setattr(at_once, "name_confirmed", fails)

    assert answered(site.first, booking(slot))[0] == "200 OK"
    assert Ticket.objects.count() == 2


def test_a_cookie_is_never_given_to_another(site, slot):
    def with_a_cookie(environ, start_response):
        return site.django(environ, lambda status, headers: start_response(status, [*headers, ("Set-Cookie", "a=b")]))

    baker = Site(with_a_cookie)
    learned(baker, slot)

    assert ("Set-Cookie", "a=b") in answered(baker.first, booking(slot))[1]
    assert baker.asked == [at_once.PATH]


def test_what_is_kept_of_headers_has_an_end(site, slot, monkeypatch):
    monkeypatch.setattr(at_once, "MOST_KEPT", 1)
    learned(site, slot)
    with transaction.atomic():
        answered(site.first, booking(slot, HTTP_ACCEPT_LANGUAGE="en", HTTP_IDEMPOTENCY_KEY="second"))
        answered(site.first, booking(slot, HTTP_ACCEPT_LANGUAGE="en", HTTP_IDEMPOTENCY_KEY="third"))

    assert len(site.asked) == 2
