"""Who is signed in as staff: as long as the session lasts and the account is active, and not a request longer."""

import datetime as dt

import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from booking import roles
from queuesite.sessions import SessionStore
from tests.factories import make_user

pytestmark = pytest.mark.django_db

COUNTERS, LOGIN = reverse("counters"), reverse("admin:login")
OUR_OWN, DJANGOS = "booking.rights_of_users.InOneQuery", "django.contrib.auth.backends.ModelBackend"
PASSWORD = "a-long-password-2569"


@pytest.fixture
def clerk():
    return make_user(username="mana", group=roles.CLERK, password=PASSWORD)


def is_in(client) -> bool:
    return client.get(COUNTERS).status_code == 200


def log_in(password) -> Client:
    client = Client()
    client.post(LOGIN, {"username": "mana", "password": password, "next": COUNTERS})
    return client


@pytest.mark.parametrize("backend", [OUR_OWN, DJANGOS])
def test_whoever_was_signed_in_by_either_backend_stays(client, clerk, backend):
    client.force_login(clerk, backend=backend)

    assert is_in(client)


def test_a_log_in_is_of_our_own_backend(clerk):
    client = log_in(PASSWORD)

    assert is_in(client)
    assert client.session["_auth_user_backend"] == OUR_OWN


@pytest.mark.parametrize(("password", "times"), [(PASSWORD, 1), ("wrong", 1)])
def test_a_password_is_hashed_once(clerk, monkeypatch, password, times):
    hashed, encode = [], hashers.MD5PasswordHasher.encode

    def note(hasher, *args):
        hashed.append(1)
        return encode(hasher, *args)

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", note)
    client = log_in(password)

    assert len(hashed) == times
    assert is_in(client) == (password == PASSWORD)


def test_a_session_ends_at_its_time(client, clerk, clock):
    client.force_login(clerk)
    clock.shift(dt.timedelta(seconds=settings.SESSION_COOKIE_AGE - 1))
    assert is_in(client)

    clock.shift(dt.timedelta(seconds=settings.SESSION_COOKIE_AGE + 1))

    assert not is_in(client)


def test_an_account_switched_off_is_out_at_the_next_request(client, clerk):
    client.force_login(clerk)
    assert is_in(client)

    clerk.is_active = False
    clerk.save()

    assert not is_in(client)


def test_a_session_deleted_is_over_and_its_key_is_not_used_again(client, clerk):
    client.force_login(clerk)
    key = client.session.session_key
    Session.objects.all().delete()

    assert not is_in(client)
    assert SessionStore(key).load() == {}
    gone = SessionStore(key)
    gone["a"] = 1
    gone.save()
    assert gone.session_key != key


def test_nobody_has_a_session_without_a_row(client):
    client.cookies[settings.SESSION_COOKIE_NAME] = "made-up-by-a-stranger"

    assert not is_in(client)
