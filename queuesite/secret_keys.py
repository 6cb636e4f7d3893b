"""Warns of what a changed secret will cost before it does: every start begins with `make run` or `manage.py migrate`,
which compare the keys with the fingerprints in the database."""

from django.conf import settings
from django.core.checks import Error, Tags, register
from django.db import connections
from django.utils.crypto import salted_hmac

from booking.models import KeyInUse
from queuesite import database_roles

COSTS = {
    "SECRET_KEY": (
        "SECRET_KEY has changed: the links of all tickets (in LINE, in QR codes, on slips) open nothing any more,"
        " devices forget their tickets, staff and members are signed out.",
        "Put the one before into SECRET_KEY_FALLBACKS for as long as its tickets last",
    ),
    "CITIZEN_ID_KEY": (
        "CITIZEN_ID_KEY has changed: no member is found by the citizen ID any more until all are imported again.",
        "Put the one before into CITIZEN_ID_KEY_FALLBACKS until all have been imported or seen again",
    ),
}
ANYWAY = "or say that it shall cost that: python manage.py accept_keys"


@register(Tags.database)
def check_keys(app_configs=None, databases=None, **kwargs):
    if "default" not in (databases or []) or database_roles.waits_for_owner():
        return []
    connection = connections["default"]
    if KeyInUse._meta.db_table not in connection.introspection.table_names():
        return []
    kept = dict(KeyInUse.objects.values_list("name", "fingerprint"))
    return [
        Error(COSTS[name][0], hint=f"{COSTS[name][1]}, {ANYWAY}", id=f"queuesite.E0{nth}")
        for nth, name in enumerate(COSTS, start=90)
        if name in kept and kept[name] not in all_fingerprints(name)
    ]


def keep_after_migrating(using: str) -> None:
    """Store the fingerprints of keys that have none yet. After migrating back, their table may be gone."""
    if KeyInUse._meta.db_table in connections[using].introspection.table_names():
        keep(using=using)


def keep(*, accepts: bool = False, using: str = "default") -> None:
    """Store the fingerprints of the keys in use: of those that have none yet, or, with `accepts`, of all."""
    for name, fingerprint in fingerprints().items():
        now = {"fingerprint": fingerprint}
        if accepts:
            KeyInUse.objects.using(using).update_or_create(name=name, defaults=now)
        else:
            KeyInUse.objects.using(using).get_or_create(name=name, defaults=now)


def fingerprints() -> dict[str, str]:
    """Fingerprints of the keys in use, by name."""
    return {name: all_fingerprints(name)[0] for name in COSTS}


def all_fingerprints(name: str) -> list[str]:
    """Fingerprints of the key in use, then of its fallbacks. No fingerprint leads back to its key."""
    keys = [getattr(settings, name), *getattr(settings, f"{name}_FALLBACKS")]
    return [salted_hmac(f"queuesite.key.{name}", "", secret=key, algorithm="sha256").hexdigest() for key in keys]
