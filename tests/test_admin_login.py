"""The door of the back office: who comes in, and who is kept waiting."""

import pytest
from django.test import Client
from django.urls import reverse

from booking import roles
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LOGIN = reverse("admin:login")
PASSWORD = "a-long-password-2569"


@pytest.fixture
def manager():
    return make_user(username="somying", group=roles.MANAGER, password=PASSWORD)


def log_in(client, password, username="somying", **extra):
    return client.post(LOGIN, {"username": username, "password": password}, **extra)


def test_staff_come_in_and_others_do_not(client, manager):
    make_user(username="visitor", is_staff=False, password=PASSWORD)

    assert log_in(client, PASSWORD)["Location"] == reverse("admin:index")
    assert log_in(Client(), PASSWORD, username="visitor").status_code == 200
    assert log_in(Client(), "wrong").status_code == 200


def test_a_page_asked_for_is_where_one_comes_to_and_never_elsewhere(manager):
    wanted = reverse("admin:booking_ticket_changelist")

    for asked, reached in [(wanted, wanted), ("https://evil.example/", reverse("admin:index"))]:
        answer = Client().post(f"{LOGIN}?next={asked}", {"username": "somying", "password": PASSWORD, "next": asked})
        assert answer["Location"] == reached


def test_too_many_wrong_passwords_lock_that_name_from_that_address(manager, settings):
    client = Client()
    for _ in range(settings.LOGIN_FAILURE_LIMIT - 1):
        assert log_in(client, "wrong").status_code == 200
    locked = log_in(client, "wrong")

    assert locked.status_code == 429
    assert "รอ 15 นาที" in locked.content.decode()
    assert log_in(client, PASSWORD).status_code == 429
    assert client.get(reverse("admin:index")).status_code == 302
    assert log_in(client, PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_a_forged_address_does_not_open_the_lock(manager, settings):
    client = Client()
    for nth in range(settings.LOGIN_FAILURE_LIMIT):
        log_in(client, "wrong", HTTP_X_FORWARDED_FOR=f"203.0.113.{nth}")

    assert log_in(client, PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.99").status_code == 429


def test_the_wider_policy_is_for_the_back_office_alone(client, manager):
    client.force_login(manager)

    for address in (LOGIN, reverse("admin:index")):
        assert "'unsafe-eval'" in client.get(address)["Content-Security-Policy"]
    assert "'unsafe" not in client.get("/")["Content-Security-Policy"]
    for address in (LOGIN, reverse("admin:index")):
        script = next(
            part for part in client.get(address)["Content-Security-Policy"].split("; ") if part.startswith("script-src")
        )
        assert "'unsafe-inline'" not in script
