import pytest
from django.conf import settings
from django.utils import translation

from tests.browser import chromium, new_phone, old_phone, phone  # noqa: F401


@pytest.fixture(autouse=True)
def in_thai():
    """A page asked for in English leaves English on in this thread; the next test begins in Thai again."""
    with translation.override(settings.LANGUAGE_CODE):
        yield
