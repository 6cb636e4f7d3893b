"""Compares i-member's members with our table each night: who is new, changed, or gone.

The answer is treated like a file of members (files/importing.py): kept, checked, shown in the back office, imported. If
it looks ordinary, nobody has to confirm it. An answer that would change too much waits for staff.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Subquery
from django.utils import timezone

from members import directory
from members.directory.answers import DirectoryFault, hidden
from members.files import importing
from members.files.importing import Outcome
from members.models import DirectoryState, Member, MemberFile

log = logging.getLogger(__name__)

# Shares of the rows, and of the members there are: more in one night is probably a fault in i-member.
MOST_FAULTY, MOST_GONE, MOST_CHANGED = 0.01, 0.02, 0.1
# For how long it is kept what came of a comparison: there is one each day, with names in its faulty rows.
KEPT = timedelta(days=31)
FEW = 2  # this many are never suspicious: in a small office they are a big share


def compare() -> MemberFile | None:
    """Ask for everybody, and import the answer if it is plain. Returns what was compared, or None if i-member did not
    answer.

    Locks the file's row and the members' (importing.bring_in)."""
    try:
        file = importing.take_in_directory(_everybody(), name="i-member")
    except DirectoryFault as fault:
        log.warning("i-member was not compared: %s", fault)
        DirectoryState.objects.update_or_create(pk=1, defaults={"fault": str(fault)[:200]})
        return None
    importing.check(file.pk)
    file.refresh_from_db()
    DirectoryState.objects.update_or_create(pk=1, defaults={"compared_at": timezone.now()})
    if is_plain(file) and importing.confirm(file=file, marks_missing=True, by=None):
        importing.bring_in(file.pk)
    return file


def is_due() -> bool:
    """Whether the last comparison was made before today (a day of the office's)."""
    compared_at = DirectoryState.objects.filter(pk=1).values_list("compared_at", flat=True).first()
    return compared_at is None or timezone.localdate(compared_at) < timezone.localdate()


def is_plain(file: MemberFile) -> bool:
    """Whether the answer looks ordinary, so that nobody has to look at it first."""
    there = Member.objects.filter(left_at=None).count()
    return bool(file.row_count) and (
        _is_few(file.counts[Outcome.FAULTY], of=file.row_count, most=MOST_FAULTY)
        and _is_few(file.counts["missing"] + file.counts["ended"], of=there, most=MOST_GONE)
        and _is_few(file.counts[Outcome.CHANGED], of=there, most=MOST_CHANGED)
    )


def waiting() -> MemberFile | None:
    """The comparison that staff have to look at."""
    waits = MemberFile.objects.filter(uploaded_by=None, state=MemberFile.State.CHECKED)
    return waits.defer("rows", "outcomes", "missing").order_by("-pk").first()


def forget_overtaken() -> int:
    """Delete the comparisons that wait for staff, or were never checked, while there is a newer one. Returns how
    many."""
    newest = MemberFile.objects.filter(uploaded_by=None).order_by("-pk").values("pk")[:1]
    waiting = [MemberFile.State.READING, MemberFile.State.CHECKED]
    overtaken = MemberFile.objects.filter(uploaded_by=None, state__in=waiting, pk__lt=Subquery(newest))
    return overtaken.delete()[1].get(MemberFile._meta.label, 0)  # how far each had come goes with it, uncounted


def _is_few(count: int, *, of: int, most: float) -> bool:
    return count <= max(FEW, of * most)


def _everybody() -> Iterator[dict[str, str]]:
    for page in directory.everyone():
        yield from map(hidden, page)
