"""The log-in of staff under attack: spraying, guessing from everywhere, and the office that must still come in."""

import pytest
from django.contrib.auth import hashers
from django.test import Client
from django.urls import reverse

from booking import roles
from queuesite import log_in
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LOGIN = reverse("admin:login")
PASSWORD = "a-long-password-2569"


@pytest.fixture(autouse=True)
def manager(settings):
    settings.LOGIN_LIMIT_ADDRESS, settings.LOGIN_LIMIT_NAME = 5, 12
    return make_user(username="somying", group=roles.MANAGER, password=PASSWORD)


def attempt(username, password="wrong", *, address="192.0.2.1", client=None):
    fields = {"username": username, "password": password}
    return (client or Client()).post(LOGIN, fields, REMOTE_ADDR=address).status_code


def spray(address="192.0.2.1"):
    return [attempt(f"name{nth}", "Summer2026!", address=address) for nth in range(8)]


def test_one_password_is_not_tried_on_many_names():
    assert spray() == [200] * 5 + [429] * 3
    assert attempt("somying", PASSWORD) == 429, "nor the right one, from a device that nobody knows"
    assert attempt("somying", PASSWORD, address="192.0.2.2") == 302


def test_what_is_refused_costs_no_hashing(monkeypatch):
    spray()
    hashed = []
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", lambda *args: hashed.append(1))
    assert attempt("somebody-new") == 429
    assert not hashed


def test_one_clerk_does_not_lock_the_office_out():
    make_user(username="mana", group=roles.CLERK, password=PASSWORD)
    for _ in range(30):
        attempt("mana")
    assert attempt("mana", PASSWORD) == 429
    assert attempt("somying", PASSWORD) == 302


def test_one_name_is_not_guessed_from_everywhere():
    tried = [attempt("somying", address=f"198.51.100.{nth}") for nth in range(14)]
    assert tried == [200] * 12 + [429] * 2
    assert attempt("mana", address="198.51.100.200") == 200


def test_a_device_that_has_signed_in_before_still_comes_in():
    known = Client()
    assert attempt("somying", PASSWORD, client=known) == 302
    del known.cookies["sessionid"]
    spray()
    for nth in range(14):
        attempt("somying", address=f"198.51.100.{nth}")
    assert attempt("somying", PASSWORD) == 429
    assert attempt("somebody-else", client=known) == 429, "for its own name alone"
    assert attempt("somying", PASSWORD, client=known) == 302


def test_the_device_s_own_tries_are_limited_all_the_same(settings):
    known = Client()
    attempt("somying", PASSWORD, client=known)
    del known.cookies["sessionid"]
    codes = [attempt("somying", client=known) for _ in range(settings.LOGIN_FAILURE_LIMIT + 1)]
    assert codes[-1] == 429


def test_a_forged_cookie_is_no_known_device():
    stranger = Client()
    stranger.cookies[log_in.COOKIE] = '["somying"]:1abc:def'
    spray()
    assert attempt("somying", PASSWORD, client=stranger) == 429
