"""The second factor: every address of the back office is closed without it, a lost telephone is not the end, and who
has gone away is signed out."""

import datetime as dt
import importlib
import re

import pytest
import time_machine
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from booking import roles
from booking.models import StaffEvent
from tests.factories import make_counter, make_open_department, make_user
from tests.sitemap import addresses

pytestmark = pytest.mark.django_db

DOOR = reverse("second_factor")
# Here one proves who one is, or goes.
OPEN = {"login", "logout", "second-factor", "set-password", "jsi18n"}


@pytest.fixture(autouse=True)
def asked_for(settings):
    settings.SECOND_FACTOR, settings.STAFF_IDLE_MINUTES = True, 30


@pytest.fixture
def manager(client):
    user = make_user(username="somying", group=roles.MANAGER)
    client.force_login(user)
    return user


def code_of(device: TOTPDevice) -> str:
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = timezone.now().timestamp()
    return f"{totp.token():06d}"


def set_up(client, user) -> list[str]:
    """The way of the pages; the recovery codes."""
    client.get(DOOR)
    answer = client.post(DOOR, {"code": code_of(TOTPDevice.objects.get(user=user)), "next": "/admin/"})
    assert answer.status_code == 200
    return re.findall(r"<li><code>(\w+)</code>", answer.text)


@pytest.mark.parametrize("who", ["manager", "clerk", "auditor", "superuser"])
def test_every_address_of_the_back_office_is_closed_without_it(client, bare_refusals, who):
    groups = {"manager": roles.MANAGER, "clerk": roles.CLERK, "auditor": roles.AUDITOR}
    client.force_login(make_user(group=groups.get(who), is_superuser=who == "superuser"))
    values = {"object_id": 1, "id": 1, "pk": 1, "content_type_id": 1, "app_label": "booking", "url": "x", "kind": "csv"}
    tried = 0
    for address in addresses():
        path = address.filled(values) if address.path.startswith("admin/") else ""
        if not path or path.split("/")[2] in OPEN:
            continue
        tried += 1
        answer = client.get(path)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, DOOR), path
        assert client.post(path).status_code == 403, path
    assert tried > 100


def test_it_is_set_up_once_and_asked_for_each_time(client, manager):
    wanted = reverse("admin:booking_ticket_changelist")
    asked = client.get(wanted)
    assert asked["Location"] == f"{DOOR}?next={wanted}"
    page = client.get(asked["Location"])
    assert "<svg" in page.text

    assert client.post(DOOR, {"code": "000000"}).status_code == 422
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=2), tick=False):  # a wrong one costs a second
        codes = set_up(client, manager)
    assert len(set(codes)) == 10
    assert client.get(wanted).status_code == 200
    assert [event.what for event in StaffEvent.objects.all()] == ["factor_set"]

    with time_machine.travel(timezone.now() + dt.timedelta(minutes=5), tick=False):
        again = Client()
        again.force_login(manager)
        assert "<svg" not in again.get(DOOR).text
        right = code_of(TOTPDevice.objects.get())
        assert again.post(DOOR, {"code": right, "next": wanted})["Location"] == wanted
        assert again.get(wanted).status_code == 200
        third = Client()
        third.force_login(manager)
        assert third.post(DOOR, {"code": right}).status_code == 422  # the same code a second time


def test_a_code_on_paper_works_once(client, manager):
    codes = set_up(client, manager)
    for expected in (302, 422):
        other = Client()
        other.force_login(manager)
        assert other.post(DOOR, {"code": codes[0]}).status_code == expected


def test_who_reads_the_database_can_use_no_code_on_paper(client, manager):
    codes = set_up(client, manager)
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert len(kept) == 10 and kept.isdisjoint(codes)
    for nth, code in enumerate(sorted(kept)[:2]):
        with time_machine.travel(timezone.now() + dt.timedelta(minutes=nth), tick=False):
            other = Client()
            other.force_login(manager)
            assert other.post(DOOR, {"code": code}).status_code == 422


def test_codes_of_before_stay_good_when_they_become_hashes(client, manager):
    set_up(client, manager)
    paper = StaticDevice.objects.get()
    paper.token_set.all().delete()
    paper.token_set.create(token="abcd2345")
    migration = importlib.import_module("booking.migrations.0030_recovery_codes_as_hashes")
    migration.keep_hashes(apps, None)
    other = Client()
    other.force_login(manager)
    assert other.post(DOOR, {"code": "ABCD 2345"}).status_code == 302


def test_codes_are_renewed_by_who_proves_it_once_more(client, manager):
    codes = set_up(client, manager)
    page = reverse("recovery_codes")
    assert client.get(page).status_code == 200
    assert client.post(page).status_code == client.post(page, {"code": "nonsense"}).status_code == 422
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=5), tick=False):
        answer = client.post(page, {"code": codes[0]})
    renewed = re.findall(r"<li><code>(\w+)</code>", answer.text)
    assert len(set(renewed) - set(codes)) == 10
    assert StaffEvent.objects.filter(what="codes_renewed", user=manager, by=manager).count() == 1

    later = Client()
    later.force_login(manager)
    assert later.get(page)["Location"].startswith(DOOR), "the password alone opens it no more than the rest"
    assert later.post(page, {"code": renewed[0]}).status_code == 403
    assert later.post(DOOR, {"code": codes[1]}).status_code == 422
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=5), tick=False):
        assert later.post(DOOR, {"code": renewed[0]}).status_code == 302


def test_who_has_no_second_factor_has_no_codes_to_renew(client, settings, manager):
    settings.SECOND_FACTOR = False
    page = reverse("recovery_codes")
    assert client.get(page)["Location"] == f"{DOOR}?next={page}"
    assert client.post(page, {"code": "x"})["Location"] == f"{DOOR}?next={page}"
    assert page not in client.get("/admin/").text
    set_up(client, manager)
    assert page in client.get("/admin/").text


def test_guessing_is_slowed_down(client, manager):
    set_up(client, manager)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=5), tick=False):
        other = Client()
        other.force_login(manager)
        other.post(DOOR, {"code": "000000"})
        assert other.post(DOOR, {"code": code_of(TOTPDevice.objects.get())}).status_code == 422


def test_a_lost_telephone_is_reset_by_another_manager_and_it_is_kept(client, manager):
    set_up(client, manager)
    other = make_user(username="malee", group=roles.MANAGER)
    theirs = Client()
    theirs.force_login(other)
    set_up(theirs, other)

    own = reverse("admin:auth_user_reset_factor", args=[manager.pk])
    assert client.post(own).status_code == 403
    assert theirs.post(own).status_code == 302

    assert not TOTPDevice.objects.filter(user=manager).exists()
    assert client.get("/admin/")["Location"].startswith(DOOR)  # also where they were signed in
    event = StaffEvent.objects.filter(what="factor_reset").get()
    assert (event.user, event.by) == (manager, other)


def test_a_lone_manager_is_rescued_on_the_command_line(client, manager, capsys):
    set_up(client, manager)
    call_command("reset_second_factor", "somying")
    assert not TOTPDevice.objects.exists()
    assert StaffEvent.objects.filter(what="factor_reset", user=manager, by=None).exists()
    with pytest.raises(CommandError, match="no log-in 'nobody'"):
        call_command("reset_second_factor", "nobody")


@pytest.mark.parametrize("asks", [True, False])
def test_counters_ask_for_it_where_the_office_says_so(client, settings, asks):
    settings.SECOND_FACTOR_AT_COUNTERS = asks
    client.force_login(make_user(group=roles.CLERK))
    assert client.get(reverse("counters")).status_code == (302 if asks else 200)


def test_the_secrets_of_others_are_on_no_page(client, settings):
    settings.SECOND_FACTOR = False
    client.force_login(make_user(is_superuser=True))
    assert not [one.path for one in addresses() if "otp_" in one.path]


def test_who_has_gone_away_is_signed_out_of_the_back_office(client, settings):
    settings.SECOND_FACTOR = False
    client.force_login(make_user(group=roles.MANAGER))
    now = timezone.now()
    with time_machine.travel(now + dt.timedelta(minutes=29), tick=False):
        assert client.get("/admin/").status_code == 200
    with time_machine.travel(now + dt.timedelta(minutes=58), tick=False):
        assert client.get("/admin/").status_code == 200
    with time_machine.travel(now + dt.timedelta(minutes=89), tick=False):
        assert client.get("/admin/")["Location"] == f"{reverse('admin:login')}?next=/admin/"
        assert client.get("/admin/").status_code == 302


def test_an_open_console_keeps_the_counter_signed_in_for_the_day(client, settings):
    settings.SECOND_FACTOR = False
    clerk = make_user(group=roles.CLERK)
    counter = make_counter(departments=[make_open_department()], clerk=clerk)
    client.force_login(clerk)
    now = timezone.now()
    for minutes in range(0, 8 * 60, 20):
        with time_machine.travel(now + dt.timedelta(minutes=minutes), tick=False):
            assert client.get(reverse("counter_live", args=[counter.number])).status_code == 200
    with time_machine.travel(now + dt.timedelta(hours=8), tick=False):
        assert client.get(reverse("counter", args=[counter.number])).status_code == 200
