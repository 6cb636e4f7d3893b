"""The single interface to i-member: who is registered there, asked when somebody gives their number.

settings.MEMBER_DIRECTORY says where i-member's members are: "table" (our own table, filled from files), "database" (a
read-only database of the office's: database.py) or "http" (a service: http.py). The last two are asked at each look-up,
and our table keeps their answers, with an HMAC in place of the citizen ID. So each ticket has its member, and members
who were seen before can book while i-member is down. An answer that makes no sense changes nothing and counts as
silence.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import datetime
from typing import Protocol, TypeVar

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from members.citizen_id import citizen_id_hmacs
from members.directory import breaker, database, http, keeping
from members.directory.answers import DirectoryFault, Person, person_of
from members.errors import DirectorySilent
from members.models import Member
from members.numbers import significant


class Backend(Protocol):
    """What each backend provides. Both functions raise DirectoryFault."""

    def find(self, *, citizen_id: str = "", member_number: str = "") -> list[dict[str, str]]:
        """Who has this citizen ID (13 digits), or this member number with however many zeros in front."""

    def everyone(self) -> Iterator[list[dict[str, str]]]: ...


BACKENDS: dict[str, Backend] = {"database": database, "http": http}
KINDS = ("table", *BACKENDS)
SECONDS = 2  # how long somebody who gave a number waits for i-member
# Drivers' own time-outs differ, and do not cover every way of being slow. So a thread asks, and we stop waiting for it.
_ASKING = ThreadPoolExecutor(max_workers=8, thread_name_prefix="i-member")
T = TypeVar("T")


def is_elsewhere() -> bool:
    """Whether members are looked up in a directory that is not our own table."""
    return bool(settings.MEMBER_DIRECTORY != "table")


@sensitive_variables("citizen_id")
def find(*, citizen_id: str = "", citizen_id_hmac: str = "", member_number: str = "") -> Member | None:
    """The registered member with this citizen ID (13 digits, with its HMAC) or member number; None if there is none.

    Raises DirectorySilent if i-member does not answer (in SECONDS), or an import has the member in hand, and our table
    has no registered member with that number either. Must not run inside a transaction: it waits for another server.
    """
    if not is_elsewhere():
        return _stored(citizen_id, member_number)
    try:
        person = _person(citizen_id, citizen_id_hmac, member_number)
    except DirectoryFault:
        kept = _stored(citizen_id, member_number)
        if kept is None:
            raise DirectorySilent from None
        return kept
    if person is None or not person.is_registered:
        return None
    try:
        return keeping.keep(person, asked=citizen_id_hmacs(citizen_id) if citizen_id else [])
    except keeping.InHand as held:
        kept = _stored(citizen_id, member_number)
        if kept is None:
            raise DirectorySilent from held
        return kept


def everyone() -> Iterator[list[dict[str, str]]]:
    """Everybody in i-member, a few hundred at a time, as cells under the names of columns.py. Raises
    DirectoryFault."""
    return BACKENDS[settings.MEMBER_DIRECTORY].everyone()


@sensitive_variables("citizen_id")
def _person(citizen_id: str, citizen_id_hmac: str, member_number: str) -> Person | None:
    """The one person we asked for. Raises DirectoryFault."""
    backend = BACKENDS[settings.MEMBER_DIRECTORY]
    with breaker.watching():
        answer = _in_time(lambda: backend.find(citizen_id=citizen_id, member_number=member_number))
        people = [person_of(cells) for cells in answer]
        if citizen_id and any(person.citizen_id_hmac not in (None, citizen_id_hmac) for person in people):
            raise DirectoryFault("answered with another's citizen ID")
        if member_number and any(significant(p.member_number) != significant(member_number) for p in people):
            raise DirectoryFault("answered with another's member number")
    exact = [person for person in people if person.member_number == member_number]
    found = exact or people
    return found[0] if len(found) == 1 else None


def _in_time(ask: Callable[[], T]) -> T:
    future: Future[T] = _ASKING.submit(ask)
    try:
        return future.result(timeout=SECONDS)
    except TookTooLong:
        future.cancel()
        raise DirectoryFault("took too long") from None


@sensitive_variables("citizen_id")
def _stored(citizen_id: str, member_number: str) -> Member | None:
    registered = Member.objects.filter(is_registered=True)
    if not citizen_id:
        return registered.with_number(member_number)
    in_use, *before = citizen_id_hmacs(citizen_id)
    found = registered.filter(citizen_id_hmac=in_use).first()
    if found is None and before:
        found = registered.filter(citizen_id_hmac__in=before).first()
        if found:  # no longer needs the key of before; where others have the row in hand, the next look-up sees to it
            with transaction.atomic():
                free = Member.objects.select_for_update(skip_locked=True).filter(pk=found.pk)
                unmoved = free.filter(citizen_id_hmac=found.citizen_id_hmac).values("pk")
                Member.objects.filter(pk__in=unmoved).update(citizen_id_hmac=in_use)
    return found


def silent_since() -> datetime | None:
    """Since when i-member has not answered; None if it does, or if members are in our own table."""
    return breaker.silent_since() if is_elsewhere() else None
