"""What several places need to know stands in one of them."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from booking import invariants, roles
from booking.messages.kinds import KINDS, REMINDED_AT
from booking.models.notices import Kind
from booking.models.tickets import AT_COUNTER, LIVE
from booking.verbs import places
from tests.factories import make_counter, make_open_department, make_user

ROOT = Path(__file__).parent.parent
CODE = [
    path
    for app in ("booking", "members", "holidays", "queuesite", "static/js", "templates")
    for path in (ROOT / app).rglob("*")
    if path.suffix in (".py", ".js", ".html") and "migrations" not in path.parts and ".min." not in path.name
]


def mentions(text: str) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in CODE if text in path.read_text()]


def test_the_time_zone_stands_in_the_settings_alone():
    assert mentions(settings.TIME_ZONE) == ["queuesite/settings.py"]


@pytest.mark.parametrize(("language", "hour"), [("th", "17.00 น."), ("en", "17:00")])
def test_the_hour_of_the_reminder_is_told_as_it_is_kept(language, hour):
    with override(language):
        assert f"{REMINDED_AT:%H}" in hour
        assert hour in str(KINDS[Kind.DAY_BEFORE].when_sent)
    assert not re.search(r"\b17[.:]00", places.TAKE_PLACE)


def test_the_invariants_know_the_states_as_the_model_does():
    in_sql = [re.findall(r"'(\w+)'", one) for one in (invariants.LIVE_STATES, invariants.STATES_AT_COUNTER)]
    assert in_sql == [[str(state) for state in states] for states in (LIVE, AT_COUNTER)]
    assert sum(invariants.LIVE_STATES in rule for rule in invariants.RULES.values()) == 2


@pytest.mark.django_db
def test_the_console_s_clock_is_told_the_time_zone(client):
    counter = make_counter(departments=[make_open_department()], clerk=make_user(group=roles.CLERK))
    client.force_login(counter.clerk)
    page = client.get(reverse("counter", args=[counter.number])).content.decode()
    assert f'data-clock="{settings.TIME_ZONE}"' in page
