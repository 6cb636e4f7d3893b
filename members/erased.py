"""Who has asked to be forgotten: a tombstone, which names nobody, and by which no file and no look-up brings them in
again."""

from collections.abc import Collection, Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.crypto import salted_hmac

from members import requests
from members.models import ErasedMember, Member, MemberRequest
from members.numbers import significant


class Erased:
    """The tombstones, read once for many rows."""

    def __init__(self) -> None:
        self.numbers: set[str] = set()
        self.citizen_ids: set[str] = set()
        for number, citizen_id in ErasedMember.objects.values_list("number_hmac", "citizen_id_hmac"):
            self.numbers.add(number)
            if citizen_id:
                self.citizen_ids.add(citizen_id)

    def has(self, *, member_number: str, citizen_id_hmacs: Collection[str | None]) -> bool:
        if not self.numbers:
            return False
        return not self.numbers.isdisjoint(number_hmacs(member_number)) or not self.citizen_ids.isdisjoint(
            hmac for hmac in citizen_id_hmacs if hmac
        )


def bury(member: Member, *, by: User) -> None:
    """Leave a tombstone of a member who is about to be deleted. What they asked in the app goes with them; when they
    asked is kept, so that the office can show that it answered in time."""
    asked = requests.open_ones().filter(member=member, kind=MemberRequest.Kind.ERASURE).first()
    ErasedMember.objects.update_or_create(
        number_hmac=number_hmacs(member.member_number)[0],
        defaults={
            "citizen_id_hmac": member.citizen_id_hmac,
            "asked_at": asked and asked.asked_at,
            "erased_at": timezone.now(),
            "erased_by": by,
        },
    )


def renew(*, member_number: str, citizen_id_hmacs: Sequence[str]) -> None:
    """Somebody who has a tombstone was met: what it has under a key of before is written under the key in use. Locks
    the tombstone where there is something to write."""
    _move("number_hmac", number_hmacs(member_number))
    _move("citizen_id_hmac", citizen_id_hmacs)


def unbury(member: Member, *, citizen_id_hmacs: Collection[str]) -> None:
    """Somebody has come back: staff have entered them by hand. `citizen_id_hmacs`: of the ID that was typed, if any."""
    ErasedMember.objects.filter(number_hmac__in=number_hmacs(member.member_number)).delete()
    ErasedMember.objects.filter(citizen_id_hmac__in=citizen_id_hmacs).delete()


def number_hmacs(member_number: str) -> list[str]:
    """Under the key in use, and under those of before: a tombstone keeps no number to be hashed anew."""
    return [
        salted_hmac("members.erased", significant(member_number), secret=key, algorithm="sha256").hexdigest()
        for key in (settings.CITIZEN_ID_KEY, *settings.CITIZEN_ID_KEY_FALLBACKS)
    ]


def _move(field: str, hmacs: Sequence[str]) -> None:
    before = ErasedMember.objects.filter(**{f"{field}__in": hmacs[1:]}).first()
    if before and not ErasedMember.objects.filter(**{field: hmacs[0]}).exists():
        ErasedMember.objects.filter(pk=before.pk).update(**{field: hmacs[0]})
