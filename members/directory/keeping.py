"""Keeps a directory's answers in our table: each ticket needs its member, and the directory may fall silent."""

import logging
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils.translation import gettext as _

from members.directory.answers import Person
from members.erased import Erased, renew
from members.models import Member

log = logging.getLogger(__name__)

LOCK_WAIT = "1s"  # for a member's row that an import has in hand


class InHand(Exception):
    """Others have the member's row in hand for longer than somebody who books should wait."""


def keep(person: Person, *, asked: Sequence[str] = ()) -> Member | None:
    """The member who is this person, new or brought up to date; None for somebody who asked to be forgotten. `asked`:
    the HMACs of the citizen ID that the directory was asked for, if it was. Locks the member's row, in a transaction of
    its own. Raises InHand where that takes longer than LOCK_WAIT.

    If our table has the citizen ID under one member and the number under another, only staff can say who is who. Then
    the member with that number is returned as stored. A directory may keep citizen IDs to itself; then its answer
    shows nobody's new number, and no member's new ID: who is registered with the ID that was asked for is returned as
    stored, and so is a member who is stored with another ID.
    """
    try:
        try:
            return _keep(person, asked)
        except IntegrityError:  # kept by somebody else at the same moment
            return _keep(person, asked)
    except OperationalError as fault:
        if isinstance(fault.__cause__, psycopg.errors.LockNotAvailable):
            raise InHand from fault
        raise


@transaction.atomic
def _keep(person: Person, asked: Sequence[str]) -> Member | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_WAIT])
    by_number = Member.objects.select_for_update(no_key=True).with_number(person.member_number)
    hmacs = person.citizen_id_hmacs or list(asked)
    by_citizen_id = _owner(hmacs)
    # Asked once the locks are there: whoever held them until now may have buried this very member.
    if Erased().has(member_number=person.member_number, citizen_id_hmacs=hmacs):
        renew(member_number=person.member_number, citizen_id_hmacs=hmacs)
        return None
    if not person.citizen_id_hmac and by_citizen_id and by_number != by_citizen_id:
        if by_citizen_id.is_registered:
            log.warning("i-member has another number for the citizen ID of member %s", by_citizen_id.pk)
            return by_citizen_id
        by_citizen_id, hmacs = None, []  # whoever had it here has left
    if by_number and by_citizen_id and by_number != by_citizen_id:
        log.warning("members %s and %s are one person in i-member", by_number.pk, by_citizen_id.pk)
        return by_number
    if not person.citizen_id_hmac and hmacs and by_number and by_number.citizen_id_hmac not in (None, *hmacs):
        log.warning("i-member has another citizen ID for member %s", by_number.pk)
        return by_number
    member = by_citizen_id or by_number or Member()
    if hmacs:
        person = person._replace(citizen_id_hmac=hmacs[0])
    values = person.values | {"left_at": None}
    if member.pk:
        values["member_number"] = max(person.member_number, member.member_number, key=len)
        if by_citizen_id and not by_number:
            values["member_number"] = person.member_number
    return _brought_up_to_date(member, values)


def _owner(hmacs: list[str]) -> Member | None:
    """Who has this citizen ID; under the key in use if possible, since only one member can have it so."""
    owners = Member.objects.select_for_update(no_key=True).filter(citizen_id_hmac__in=hmacs).order_by("pk")
    return min(owners, key=lambda member: hmacs.index(str(member.citizen_id_hmac)), default=None)


def _brought_up_to_date(member: Member, values: dict[str, Any]) -> Member:
    changed = {name: value for name, value in values.items() if not member.pk or getattr(member, name) != value}
    if not changed:
        return member
    for name, value in changed.items():
        setattr(member, name, value)
    member._change_reason = _("จากไอเมมเบอร์")  # type: ignore[attr-defined]
    member.save()
    return member
