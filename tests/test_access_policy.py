"""Every address states who may open it. A new view without a policy fails here."""

import pytest
from django.contrib.admin import site
from django.urls import URLPattern, get_resolver

OF_MEMBERS = {"anyone", "asked", "identity", "ticket", "waiting", "member", "own", "imember", "line", "linked"}
POLICIES = OF_MEMBERS | {"token", "ticket_or_token", "staff", "signed_in", "list_key"}


def views(resolver=None, path=""):
    """Each address of the site with its view; those of the admin are guarded by the admin's own log-in."""
    for entry in (resolver or get_resolver()).url_patterns:
        here = path + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield here, entry.callback
        elif entry.app_name != site.name:
            yield from views(entry, here)


def test_every_view_states_who_may_open_it():
    without = [path for path, view in views() if getattr(view, "access_policy", None) not in POLICIES]
    assert not without


def test_the_walk_sees_the_site():
    paths = {path for path, _ in views()}
    assert {"", "t/<slug:public_id>/cancel/", "healthz", "i18n/setlang/"} <= paths
    assert any(path.startswith("api/v1/") for path in paths)


def test_a_view_without_a_policy_would_be_found():
    def forgotten(request): ...

    assert getattr(forgotten, "access_policy", None) not in POLICIES


@pytest.mark.parametrize("name", ["admin:index", "admin:booking_ticket_changelist", "admin:members_member_changelist"])
def test_the_admin_sends_strangers_to_its_log_in(client, db, name):
    from django.urls import reverse

    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("admin:login"))
