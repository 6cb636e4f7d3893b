"""Links made at the same moment, by real processes: one for each member, one for each LINE account, whoever wins."""

from functools import partial

import pytest
from django.utils import timezone

from members import line_accounts
from members.codes import issue_code
from members.models import LineAccount, LinkingCode
from queuesite.demo import fake_line
from tests.factories import make_member, make_user
from tests.racing import race

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

ROUNDS = 10


@pytest.fixture(autouse=True)
def unlimited(settings):
    settings.LINE_LINK_PROOF = "none"
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "100000/1000000000")


def user(number) -> str:
    return fake_line.user_id(100001 + number)


def link(member, user_id, code=""):
    token = line_accounts.claim(user_id=user_id, member_number=member.member_number, address="203.0.113.7")[1]
    line_accounts.link(user_id=user_id, token=token, code=code, address="203.0.113.7")
    return "linked"


def test_two_line_accounts_for_one_member():
    members = [make_member() for _ in range(ROUNDS)]
    answers = race(*[lambda n, nth=nth: link(members[n], user(n * 10 + nth)) for nth in range(4)], rounds=ROUNDS)
    for number, answer in enumerate(answers):
        assert sorted(answer) == ["code_needed"] * 3 + ["linked"], "who comes second would need a proof"
        assert LineAccount.objects.filter(member=members[number]).count() == 1


def test_one_line_account_to_two_members():
    members = [[make_member() for _ in range(4)] for _ in range(ROUNDS)]
    answers = race(*[lambda n, nth=nth: link(members[n][nth], user(n)) for nth in range(4)], rounds=ROUNDS)
    for number, answer in enumerate(answers):
        assert sorted(answer) == ["code_needed"] * 3 + ["linked"]
        assert LineAccount.objects.filter(user_id=user(number)).count() == 1


def test_with_proof_the_last_one_holds_and_nothing_breaks(settings):
    """Everyone has the telephones: links are taken from each other crosswise, and no two wait for each other."""
    settings.LINE_LINK_PROOF = "member_proof"
    settings.LINE_CHANNEL_ACCESS_TOKEN = ""
    members = [make_member(phone="0812345678") for _ in range(3)]

    def take(nth, number):
        member, user_id = members[(nth + number) % 3], user((nth * 2 + number) % 3)
        token = line_accounts.claim(
            user_id=user_id, member_number=member.member_number, proof="5678", address="203.0.113.7"
        )[1]
        line_accounts.link(user_id=user_id, token=token, address="203.0.113.7")
        return "linked"

    for answer in race(*[partial(take, nth) for nth in range(6)], rounds=ROUNDS):
        assert set(answer) <= {"linked", "code_needed"}, "one that was another member's takes a code"
    found = LineAccount.objects.values_list("member", "user_id")
    assert 1 <= len(found) <= 3


def test_the_control_without_the_lock_breaks(monkeypatch):
    """Two at once then both find nothing to end, and one of them hits the database's own constraint."""
    monkeypatch.setattr(line_accounts, "_one_at_a_time", lambda: None)
    members = [make_member() for _ in range(ROUNDS)]
    with pytest.raises(AssertionError, match="IntegrityError"):
        race(*[lambda n, nth=nth: link(members[n], user(n * 10 + nth)) for nth in range(4)], rounds=ROUNDS)


def test_one_code_used_twice_at_once(settings):
    settings.LINE_LINK_PROOF = "code"
    clerk = make_user()
    members = [make_member() for _ in range(ROUNDS)]
    codes = [issue_code(member=member, by=clerk) for member in members]
    answers = race(
        *[lambda n, nth=nth: link(members[n], user(n * 10 + nth), codes[n]) for nth in range(4)], rounds=ROUNDS
    )
    for answer in answers:
        assert sorted(answer) == ["linked"] + ["wrong_code"] * 3
    assert LinkingCode.objects.filter(used_at=None).count() == 0


def test_linking_and_unlinking_at_once():
    members = [make_member() for _ in range(ROUNDS)]
    for nth, member in enumerate(members):
        LineAccount.objects.create(member=member, user_id=user(nth), linked_at=timezone.now(), proved_by="code")

    def unlink(number):
        line_accounts.unlink(member=members[number], by=None)
        return "unlinked"

    answers = race(lambda n: link(members[n], user(100 + n)), unlink, rounds=ROUNDS)
    for number, (linked, unlinked) in enumerate(answers):
        assert unlinked == "unlinked"
        found = list(LineAccount.objects.filter(member=members[number]).values_list("user_id", flat=True))
        assert found == ([user(100 + number)] if linked == "linked" else []), linked
