"""Keeps a directory's answers in our table: each ticket needs its member, and the directory may fall silent."""

import logging

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from members.directory.answers import Person
from members.erased import Erased
from members.models import Member

log = logging.getLogger(__name__)


def keep(person: Person) -> Member | None:
    """The member who is this person, new or brought up to date; None for somebody who asked to be forgotten. Locks the
    member's row, in a transaction of its own.

    If our table has the citizen ID under one member and the number under another, only staff can say who is who. Then
    the member with that number is returned as stored.
    """
    if Erased().has(member_number=person.member_number, citizen_id_hmacs=[person.citizen_id_hmac]):
        return None
    try:
        return _keep(person)
    except IntegrityError:  # kept by somebody else at the same moment
        return _keep(person)


@transaction.atomic
def _keep(person: Person) -> Member:
    by_number = Member.objects.select_for_update(no_key=True).with_number(person.member_number)
    by_citizen_id = (
        Member.objects.select_for_update(no_key=True).filter(citizen_id_hmac=person.citizen_id_hmac).first()
        if person.citizen_id_hmac
        else None
    )
    if by_number and by_citizen_id and by_number != by_citizen_id:
        log.warning("members %s and %s are one person in i-member", by_number.pk, by_citizen_id.pk)
        return by_number
    member = by_citizen_id or by_number or Member()
    values = person.values | {"left_at": None}
    if member.pk:
        values["member_number"] = max(person.member_number, member.member_number, key=len)
        if by_citizen_id and not by_number:
            values["member_number"] = person.member_number
    changed = {name: value for name, value in values.items() if not member.pk or getattr(member, name) != value}
    if not changed:
        return member
    for name, value in changed.items():
        setattr(member, name, value)
    member._change_reason = _("จากไอเมมเบอร์")  # type: ignore[attr-defined]
    member.save()
    return member
