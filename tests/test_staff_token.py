"""The tokens of programs: made on the command line, shown once, revoked there or in the back office."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from booking import roles
from booking.models import StaffToken
from booking.models.tokens import user_of
from tests.factories import make_user

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
