"""Rights stand in one list. A misspelt one is refused; it is not granted in silence."""

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured

from booking import roles
from booking.rights import Right

ROOT = Path(__file__).parent.parent
CODE = [
    path
    for app in ("booking", "members", "holidays", "queuesite")
    for path in (ROOT / app).rglob("*.py")
    if path != ROOT / "booking/rights.py"
]
WRITTEN_OUT = re.compile(
    r"""["'](?:booking|members|holidays|auth)\.(?:add|change|delete|view|serve|take|receive|call|cancel|reschedule|close|"""
    r"""telephone)_[a-z_]+["']"""
)
IN_TEMPLATE = re.compile(r"\bperms\.(\w+\.\w+)")


def test_the_roles_are_given_again_without_a_change(db):
    before = {group.name: set(group.permissions.all()) for group in Group.objects.all()}
    roles.sync_groups()
    assert before == {group.name: set(group.permissions.all()) for group in Group.objects.all()}
    assert len(before[roles.MANAGER]) > len(before[roles.CLERK]) > 5


@pytest.mark.parametrize("role", roles.ROLES)
def test_a_right_that_no_model_has_is_refused(db, monkeypatch, role):
    monkeypatch.setitem(roles.ROLES, role, [*roles.ROLES[role], "booking.recieve_ticket"])
    with pytest.raises(ImproperlyConfigured, match="booking.recieve_ticket"):
        roles.sync_groups()


def test_a_model_that_does_not_exist_is_refused(db, monkeypatch):
    monkeypatch.setitem(roles.ROLES, roles.MANAGER, ["booking.add_departement"])
    with pytest.raises(ImproperlyConfigured, match="booking.add_departement"):
        roles.sync_groups()


def test_code_takes_its_rights_from_the_list():
    assert not [path for path in CODE if WRITTEN_OUT.search(path.read_text())]


def test_templates_ask_only_for_rights_of_the_list():
    asked = {right for path in (ROOT / "templates").rglob("*.html") for right in IN_TEMPLATE.findall(path.read_text())}
    assert asked
    assert asked <= {str(right) for right in Right}


def test_a_right_written_out_would_be_found():
    assert WRITTEN_OUT.findall('user.has_perm("booking.cancel_ticket")')
