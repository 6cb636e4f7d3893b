"""A secret that was changed says what it costs, before the start goes on."""

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from booking.models import KeyInUse
from queuesite import secret_keys

pytestmark = pytest.mark.django_db

OLD, NEW = "an-old-secret-of-more-than-fifty-characters-" * 2, "a-new-secret-of-more-than-fifty-characters-" * 2


@pytest.fixture
def used(settings):
    settings.SECRET_KEY = settings.CITIZEN_ID_KEY = OLD
    secret_keys.keep(accepts=True)
    return settings


def faults() -> list[str]:
    return [fault.msg.split(" ", 1)[0] for fault in secret_keys.check_keys(databases=["default"])]


def test_each_key_is_missed(used):
    assert faults() == []
    used.SECRET_KEY = NEW
    assert faults() == ["SECRET_KEY"]
    used.CITIZEN_ID_KEY = NEW
    assert faults() == ["SECRET_KEY", "CITIZEN_ID_KEY"]


@pytest.mark.parametrize("step", [("check", {"tags": ["database"]}), ("migrate", {"skip_checks": False})])
def test_it_stops_the_steps_with_which_a_start_begins(used, step):
    used.SECRET_KEY = NEW
    name, options = step
    with pytest.raises(SystemCheckError, match="the links of all tickets"):
        call_command(name, **({"databases": ["default"]} if name == "check" else {}), **options)


def test_nothing_is_lost_while_the_old_one_is_a_fallback(used):
    used.SECRET_KEY, used.SECRET_KEY_FALLBACKS = NEW, [OLD]
    secret_keys.keep()
    assert faults() == []
    used.SECRET_KEY_FALLBACKS = []
    assert faults() == ["SECRET_KEY"]


def test_the_cost_may_be_accepted(used, capsys):
    used.SECRET_KEY = NEW
    call_command("accept_keys")
    assert faults() == []


def test_no_key_stands_in_the_database(used):
    assert not any(OLD[:20] in kept.fingerprint or len(kept.fingerprint) != 64 for kept in KeyInUse.objects.all())


def test_migrating_stores_the_keys_of_the_first_start_and_no_other(settings):
    KeyInUse.objects.all().delete()
    settings.SECRET_KEY = settings.CITIZEN_ID_KEY = OLD
    call_command("migrate", verbosity=0)
    assert set(KeyInUse.objects.values_list("name", flat=True)) == {"SECRET_KEY", "CITIZEN_ID_KEY"}

    settings.SECRET_KEY = NEW
    call_command("migrate", verbosity=0, skip_checks=True)

    assert faults() == ["SECRET_KEY"]
