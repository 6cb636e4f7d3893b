import math

import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.utils import translation

from booking import roles
from booking.days import opening
from booking.models import tallies
from booking.views import faults
from office import stored
from queuesite.demo import fake_line
from tests import tables
from tests.browser import chromium, new_page, new_phone, old_phone, phone  # noqa: F401
from tests.clock import MORNING, standing_still
from tests.factories import make_user


def pytest_collection_modifyitems(config, items):
    """Where several processes share the tests: races go one after the other in one of them, so that each has the
    connections that it needs; and what takes long begins first, so that none of them waits for it at the end."""
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if item.get_closest_marker("race"):
            item.add_marker(pytest.mark.xdist_group("race"))
    items.sort(key=lambda item: not (item.get_closest_marker("race") or item.get_closest_marker("long")))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        tables.at_first()


@pytest.fixture(autouse=True)
def morning(request):
    """The clock stands on MORNING when a test begins, and goes on: see tests/clock.py."""
    if request.node.get_closest_marker("real_clock"):
        yield
    else:
        with time_machine.travel(MORNING, tick=True):
            yield


@pytest.fixture(autouse=True)
def nothing_tallied(monkeypatch):
    """What one test counts is not written in another, nor in the middle of a count of queries."""
    monkeypatch.setattr(tallies, "EVERY", math.inf)
    monkeypatch.setattr(tallies, "_due", math.inf)
    tallies._kept.clear()


@pytest.fixture(autouse=True)
def a_short_year(request, monkeypatch):
    """What a day is gets written for two weeks ahead instead of a year, and one day is laid out beyond the booking
    window: most of what making a department costs. Tests about the whole year are marked `whole_year`."""
    if not request.node.get_closest_marker("whole_year"):
        monkeypatch.setattr(opening, "DAYS_SAID", 15)
        monkeypatch.setattr(opening, "SPARE_DAYS", 1)


clock = standing_still(MORNING)


@pytest.fixture
def manager(client):
    """Signed in on `client`."""
    user = make_user(group=roles.MANAGER, first_name="สมหญิง")
    client.force_login(user)
    return user


@pytest.fixture
def clerk(client):
    """Signed in on `client`."""
    user = make_user(group=roles.CLERK)
    client.force_login(user)
    return user


@pytest.fixture
def server(settings):
    """A LINE of our own, and an office that has all its channels there."""
    with fake_line.running() as server:
        settings.LINE_API_BASE = server.url
        settings.LINE_CHANNEL_ACCESS_TOKEN = server.access_token
        settings.LINE_CHANNEL_SECRET = server.channel_secret
        settings.LINE_LOGIN_CHANNEL_ID = server.login_channel_id
        settings.LINE_LOGIN_CHANNEL_SECRET = server.login_channel_secret
        settings.PUBLIC_URL = "https://queue.example.org"
        yield server


@pytest.fixture
def bare_refusals(monkeypatch):
    """Pages of refusals have nothing on them: for tests that are refused hundreds of times, and read none of them."""
    monkeypatch.setattr(faults, "_of_staff", lambda request, status, what: HttpResponse(status=status))


@pytest.fixture(autouse=True)
def nothing_cached(monkeypatch):
    """A page kept for a second would meet the next test's database. The office has chosen no setting, and that is known
    without a query until one is changed."""
    cache.clear()
    monkeypatch.setattr(stored, "FRESH", math.inf)
    stored.know({})


@pytest.fixture(autouse=True)
def in_thai():
    """A page asked for in English leaves English on in this thread; the next test begins in Thai again."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
