"""A PostgreSQL older than those that are tested is refused in a sentence, before anything is written."""

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connections

from queuesite import checks

pytestmark = pytest.mark.django_db


@pytest.fixture
def version_is(monkeypatch):
    return lambda version: monkeypatch.setitem(vars(connections["default"]), "pg_version", version)


def test_version_15_is_refused(version_is):
    version_is(150_017)
    with pytest.raises(
        SystemCheckError, match="PostgreSQL 16 or newer is needed; DATABASE_URL names one of version 15"
    ):
        call_command("check", databases=["default"])


def test_version_16_is_not(version_is):
    version_is(160_000)
    assert checks.check_postgresql_is_new_enough(None, databases=["default"]) == []


def test_without_a_database_nothing_is_asked(version_is):
    version_is(150_017)
    assert checks.check_postgresql_is_new_enough(None) == []


def test_migrate_asks(version_is):
    version_is(150_017)
    with pytest.raises((SystemCheckError, CommandError), match="PostgreSQL 16 or newer"):
        call_command("migrate", verbosity=0, skip_checks=False)
