"""Whose address a request counts as, where the application stands behind its front and where it does not."""

import pytest
from django.test import Client
from django.urls import reverse

from queuesite import middleware

HEADERS = {"queueclient": "192.0.2.1", "queuescheme": "http"}


@pytest.fixture
def seen(client, monkeypatch):
    """Asks for a page that needs no database, and gives what the views see of the request."""
    found = {}

    def look(get_response):
        def answer(request):
            found.update(address=request.META["REMOTE_ADDR"], secure=request.is_secure())
            return get_response(request)

        return answer

    monkeypatch.setattr(middleware, "small_bodies", look)

    def ask(**headers):
        found.clear()
        response = Client().get("/healthz", headers=headers, REMOTE_ADDR="203.0.113.7")
        return found or response.status_code

    return ask


def test_without_the_front_nothing_that_a_client_writes_counts(seen):
    assert seen(x_forwarded_for="192.0.2.1", x_forwarded_proto="https") == {"address": "203.0.113.7", "secure": False}


@pytest.mark.parametrize("name", HEADERS)
def test_without_the_front_nobody_may_claim_to_be_it(seen, name):
    assert seen(**{name: HEADERS[name]}) == 400


def test_behind_the_front_its_word_counts_and_no_other(seen, settings):
    settings.BEHIND_FRONT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_QUEUESCHEME", "https")
    others = {"x_forwarded_for": "198.51.100.1", "queue_client": "198.51.100.2", "x_forwarded_proto": "https"}
    assert seen(**HEADERS, **others) == {"address": "192.0.2.1", "secure": False}
    assert seen(**HEADERS | {"queuescheme": "https"}) == {"address": "192.0.2.1", "secure": True}
    assert seen(**HEADERS | {"queueclient": "2001:db8::1"})["address"] == "2001:db8::1"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"queueclient": "192.0.2.1"},
        {"queuescheme": "https"},
        HEADERS | {"queueclient": "192.0.2.1,198.51.100.1"},  # two of them, as the server joins them
        HEADERS | {"queueclient": "unix:"},
        HEADERS | {"queuescheme": "https,http"},
        {"queue_client": "192.0.2.1", "queue_scheme": "http"},
    ],
)
def test_behind_the_front_what_came_round_it_is_refused(seen, settings, headers):
    settings.BEHIND_FRONT = True
    assert seen(**headers) == 400


# --- long bodies ----------------------------------------------------------------------------------------------------


class Body:
    """Knows whether it was read."""

    was_read = False

    def read(self, *args):
        self.was_read = True
        return b""

    readline = read


@pytest.fixture
def send(client):
    def post(path, length):
        body = Body()
        answer = client.generic(
            "POST",
            path,
            b"",
            CONTENT_TYPE="multipart/form-data; boundary=x",
            CONTENT_LENGTH=str(length),
            **{"wsgi.input": body},
        )
        answer.body_was_read = body.was_read
        return answer

    return post


@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("/status/", 64 * 1024 + 1),
        ("/status/", 200_000_000),
        ("/api/v1/tickets/", 64 * 1024 + 1),
        ("/line/webhook/", 1_000_001),
        ("/admin/login/", 64 * 1024 + 1),
        ("/admin/members/member/import/", 33 * 1024 * 1024),
    ],
)
def test_a_long_body_is_refused_unread(send, path, length):
    answer = send(path, length)
    assert answer.status_code == 413 and not answer.body_was_read
    message = answer.json()["message"] if path.startswith("/api/") else answer.content.decode()
    assert "ใหญ่เกินไป" in message


@pytest.mark.django_db
@pytest.mark.parametrize("path", middleware.LONGEST_UPLOADS)
def test_files_are_read_from_staff_alone(send, client, path, django_user_model):
    stranger = send(path, 100_000)
    client.force_login(django_user_model.objects.create(username="member"))
    member = send(path, 100_000)
    client.force_login(django_user_model.objects.create(username="head", is_staff=True, is_superuser=True))
    head = send(path, 100_000)
    assert [stranger.status_code, member.status_code] == [403, 403]
    assert [answer.body_was_read for answer in (stranger, member, head)] == [False, False, True]


def test_the_paths_of_uploads_are_those_of_the_pages():
    assert set(middleware.LONGEST_UPLOADS) == {
        reverse("admin:members_member_import"),
        reverse("admin:booking_clip_changelist"),
        reverse("admin:office_part", args=["looks"]),
        reverse("admin:booking_department_import"),
    }
