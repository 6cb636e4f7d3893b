"""The tokens of programs: made on the command line, shown once, revoked there or in the back office."""

import datetime as dt

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from booking import roles
from booking.models import StaffToken
from booking.models.tokens import issue_token, user_of
from tests.factories import make_counter, make_open_department, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk():
    return make_user(username="counter9", group=roles.CLERK)


def made_for(name, capsys) -> str:
    call_command("staff_token", name)
    return capsys.readouterr().out.strip()


def test_it_is_shown_once_and_only_its_hash_is_kept(clerk, capsys):
    token = made_for("counter9", capsys)

    assert user_of(token) == clerk
    assert len(token) >= 43  # 256 bits
    assert token not in StaffToken.objects.get().token_hash
    assert made_for("counter9", capsys) != token


def test_it_is_revoked_for_one_member_of_staff_alone(clerk, capsys):
    make_user(username="counter8")
    token, second, other = (made_for(name, capsys) for name in ("counter9", "counter9", "counter8"))

    call_command("staff_token", "counter9", "--revoke")

    assert user_of(token) is user_of(second) is None
    assert user_of(other)


def test_it_ends_with_the_log_in(clerk, capsys):
    token = made_for("counter9", capsys)
    clerk.is_active = False
    clerk.save(update_fields=["is_active"])

    assert user_of(token) is None
    with pytest.raises(CommandError, match="no active log-in"):
        call_command("staff_token", "counter9")


def test_nobody_of_this_name():
    with pytest.raises(CommandError, match="no active log-in 'nobody'"):
        call_command("staff_token", "nobody")


def test_a_manager_revokes_it_in_the_back_office(client, clerk, capsys):
    token = made_for("counter9", capsys)
    row = StaffToken.objects.get()
    client.force_login(make_user(group=roles.MANAGER))

    page = client.get(reverse("admin:booking_stafftoken_changelist"))
    assert page.status_code == 200
    assert "counter9" in page.text
    assert row.token_hash not in page.text
    client.post(reverse("admin:booking_stafftoken_delete", args=[row.pk]), {"post": "yes"})

    assert user_of(token) is None


@pytest.mark.parametrize("what", ["changelist", "add"])
def test_clerks_see_no_tokens_and_nobody_makes_one_there(client, what):
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(reverse(f"admin:booking_stafftoken_{what}")).status_code == 403
    client.force_login(make_user(is_superuser=True))
    assert client.get(reverse("admin:booking_stafftoken_add")).status_code == 403


def test_a_token_may_do_what_it_was_made_for_and_no_more(client, clerk, capsys):
    department = make_open_department()
    counter = make_counter(departments=[department], clerk=clerk)
    call_command("staff_token", "counter9", "--scope", "reception")
    header = {"Authorization": f"Token {capsys.readouterr().out.strip()}"}

    walk_in = client.post(
        "/api/v1/walk-ins/", {"department": department.slug}, content_type="application/json", headers=header
    )
    called = client.post(f"/api/v1/counters/{counter.number}/call-next/", headers=header)

    assert walk_in.status_code == 201, walk_in.json()
    assert (called.status_code, called.json()["code"]) == (403, "not_permitted")


def test_a_token_ends(clerk, capsys):
    call_command("staff_token", "counter9", "--days", "30")
    token = capsys.readouterr().out.strip()
    with time_machine.travel(timezone.now() + dt.timedelta(days=29), tick=False):
        assert user_of(token) == clerk
    with time_machine.travel(timezone.now() + dt.timedelta(days=31), tick=False):
        assert user_of(token) is None


def test_when_it_was_used_is_kept_to_the_hour_and_written_once_an_hour(clerk, django_assert_num_queries):
    token = issue_token(clerk)
    now = timezone.now().replace(minute=10)
    for minutes, queries in [(0, 2), (20, 1), (49, 1), (51, 2)]:
        with time_machine.travel(now + dt.timedelta(minutes=minutes), tick=False), django_assert_num_queries(queries):
            user_of(token)
    assert StaffToken.objects.get().last_used_at == now.replace(minute=0, second=0, microsecond=0) + dt.timedelta(
        hours=1
    )
