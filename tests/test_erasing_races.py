"""Look-ups in real processes while a member is being forgotten: none brings them back."""

import time

import pytest

from booking import verbs
from members import erased
from members.directory import keeping
from members.directory.answers import Person
from members.erased import Erased
from members.models import ErasedMember, Member
from tests.factories import make_member, make_user
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def slowly(bury):
    """The work of a manager's process that takes its time between the lock and the tombstone."""

    def buried(*positional, **named):
        time.sleep(0.6)
        return bury(*positional, **named)

    return buried


@pytest.mark.parametrize("is_asked_after_the_lock", [True, False])
def test_who_is_looked_up_while_being_forgotten_stays_forgotten(monkeypatch, is_asked_after_the_lock):
    member, manager = make_member(member_number="004711", given_name="เอก"), make_user()
    there = {"member_number": "004711", "citizen_id_hmac": None, "given_name": "เอก", "is_registered": True}
    person = Person(**{name: there.get(name, "") for name in Person._fields})
    monkeypatch.setattr(erased, "bury", slowly(erased.bury))
    monkeypatch.setattr(keeping, "LOCK_WAIT", "30s")  # how long a look-up waits is tested by itself
    if not is_asked_after_the_lock:
        before = Erased()
        monkeypatch.setattr(keeping, "Erased", lambda: before)

    def look_up(_round):
        time.sleep(0.2)
        return keeping.keep(person) and "kept"

    [[unlinked, found]] = race(lambda _round: verbs.erase_member(member=member, by=manager), look_up)

    assert (unlinked, ErasedMember.objects.count()) == (0, 1)
    assert (found is None) is is_asked_after_the_lock
    assert (not Member.objects.exists()) is is_asked_after_the_lock
