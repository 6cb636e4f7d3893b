"""Leaves a directory that does not answer alone for a while. A row in the database tells every process."""

import contextlib
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from members.directory.answers import DirectoryFault
from members.models import DirectoryState

log = logging.getLogger(__name__)

REST = timedelta(seconds=15)  # nobody asks during it; then one process asks, and the others wait for the outcome


@contextlib.contextmanager
def watching() -> Iterator[None]:
    """Ask the directory inside this block. Raises DirectoryFault at once if it was silent a moment ago, and records
    whether it answers. Writes only when that changes, or when it is asked again after a rest."""
    state = DirectoryState.objects.filter(pk=1).first()
    if state and state.silent_since and not _take_turn():
        raise DirectoryFault("silent a moment ago")
    try:
        yield
    except DirectoryFault as fault:
        _keep_silence(fault)
        raise
    if state and state.silent_since:
        DirectoryState.objects.filter(pk=1).update(silent_since=None, rests_until=None, fault="")
        log.warning("i-member answers again")


def silent_since() -> datetime | None:
    return DirectoryState.objects.filter(pk=1).values_list("silent_since", flat=True).first()


def _take_turn() -> bool:
    """Whether this process is the one that may ask again after a rest."""
    now = timezone.now()
    rested = DirectoryState.objects.filter(Q(rests_until__lte=now) | Q(rests_until=None), pk=1)
    return bool(rested.update(rests_until=now + REST))


def _keep_silence(fault: DirectoryFault) -> None:
    now = timezone.now()
    log.warning("i-member does not answer: %s", fault)
    DirectoryState.objects.get_or_create(pk=1)
    DirectoryState.objects.filter(pk=1, silent_since=None).update(silent_since=now)
    DirectoryState.objects.filter(pk=1).update(rests_until=now + REST, fault=str(fault)[:200])
