import pytest
from django.conf import settings
from django.utils import translation

from tests.browser import chromium, new_phone, old_phone, phone  # noqa: F401


def pytest_collection_modifyitems(items):
    """Where several processes share the tests, races go one after the other in one of them: each has the connections
    and the processors that it needs."""
    for item in items:
        if item.get_closest_marker("race"):
            item.add_marker(pytest.mark.xdist_group("race"))


@pytest.fixture(autouse=True)
def in_thai():
    """A page asked for in English leaves English on in this thread; the next test begins in Thai again."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
