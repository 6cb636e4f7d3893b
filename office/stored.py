"""The settings as they are kept, known to each process for a second: reading one costs no query of its own."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db import Error, transaction

from office.models import Change, Setting

log = logging.getLogger(__name__)

# Seconds for which a process goes on with what it has read. So long may it take until all of them see a change.
FRESH = 1.0

_known: dict[str, Any] = {}
_read_at: float | None = None


def values() -> Mapping[str, Any]:
    """What the office has chosen, by the setting's name. Where the database cannot be asked, what was known last."""
    if _read_at is None or not time.monotonic() - _read_at < FRESH:
        know(_read())
    return _known


def know(found: Mapping[str, Any]) -> None:
    """Take these for what is kept, as read just now."""
    global _known, _read_at
    _known, _read_at = dict(found), time.monotonic()


def forget() -> None:
    """Read anew when next asked."""
    global _read_at
    _read_at = None


@transaction.atomic
def keep(name: str, value: Any, *, by: User) -> Change | None:
    """Set a setting; None is the first value again. What it was is kept as history. Returns None where nothing changes.
    Locks the setting's row."""
    kept = Setting.objects.select_for_update().filter(name=name).first()
    before = kept.value if kept else None
    if before == value:
        return None
    if value is None:
        Setting.objects.filter(name=name).delete()
    else:
        Setting.objects.update_or_create(name=name, defaults={"value": value})
    change = Change.objects.create(name=name, before=before, after=value, by=by)
    forget()
    transaction.on_commit(forget)  # another thread may have read between the two
    return change


def _read() -> Mapping[str, Any]:
    try:
        with transaction.atomic():  # a fault must not break the transaction of whoever asks
            return dict(Setting.objects.values_list("name", "value"))
    except Error as fault:
        log.warning("the office's settings could not be read: %s", type(fault).__name__)
        return _known
