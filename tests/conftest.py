import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.utils import translation

from tests import tables
from tests.browser import chromium, new_page, new_phone, old_phone, phone  # noqa: F401
from tests.clock import MORNING


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
def nothing_cached():
    """A page kept for a second would meet the next test's database."""
    cache.clear()


@pytest.fixture(autouse=True)
def in_thai():
    """A page asked for in English leaves English on in this thread; the next test begins in Thai again."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
