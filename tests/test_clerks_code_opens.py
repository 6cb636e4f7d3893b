"""A stranger who knows a member's number gives ten wrong proofs: a clerk's code lets the member in all the same,
wherever codes do, and nothing else does. Guesses at a clerk's code end by themselves."""

import pytest
import time_machine
from django.utils import timezone

from members import accounts, family, line_accounts
from members.citizen_id import citizen_id_hmacs
from members.codes import issue_code
from members.errors import NotRegistered, WrongCode
from members.identify import look_up
from members.models import Member
from members.throttle import WRONG_CODES, WRONG_CODES_A_DAY, WRONG_PROOFS
from queuesite.demo import fake_line
from tests.factories import make_citizen_id, make_member, make_user

pytestmark = pytest.mark.django_db

CITIZEN_ID = make_citizen_id(7)
REFUSED = (NotRegistered, WrongCode)


@pytest.fixture(autouse=True)
def many_tries(settings):
    """So that what is counted for the member alone refuses here."""
    settings.LOOKUP_LIMITS = dict.fromkeys(settings.LOOKUP_LIMITS, "100000/900")
    settings.LINE_LINK_PROOF = "code"


@pytest.fixture
def member() -> Member:
    return make_member(phone="0812345678", citizen_id=CITIZEN_ID, email="somsri@example.org")


def from_somewhere(nth: int) -> dict[str, str]:
    return {"device": f"device {nth}", "address": f"198.51.100.{nth % 250}"}


def finding_tickets(member: Member, code: str, nth: int = 0) -> None:
    look_up(member_number=member.member_number, proof=code, asks="code", **from_somewhere(nth))


def setting_a_password(member: Member, code: str, nth: int = 0) -> None:
    claim = accounts.Claim(member.member_number, citizen_id_hmacs(CITIZEN_ID))
    accounts.set_password(claim=claim, code=code, password="ดอกไม้ริมรั้วบ้าน", agent="", **from_somewhere(nth))


def beginning_to_look_after(member: Member, code: str, nth: int = 0) -> None:
    carer = Member.objects.filter(given_name="ลูก").first() or make_member(given_name="ลูก")
    family.begin_by_code(carer=carer, member_number=member.member_number, code=code, **from_somewhere(nth))


def linking_line(member: Member, code: str, nth: int = 0) -> None:
    user = fake_line.user_id(100001)
    _member, token = line_accounts.claim(user_id=user, member_number=member.member_number, **from_somewhere(nth))
    line_accounts.link(user_id=user, token=token, code=code, **from_somewhere(nth))


DOORS = [finding_tickets, setting_a_password, beginning_to_look_after, linking_line]


def guess(member: Member, times: int, door=finding_tickets) -> None:
    for nth in range(times):
        with pytest.raises(REFUSED):
            door(member, f"{nth:08}", nth)


@pytest.mark.parametrize("by", DOORS)
@pytest.mark.parametrize("door", DOORS)
def test_after_ten_wrong_proofs_anywhere_a_clerks_code_opens_and_one_that_was_sent_does_not(member, by, door):
    guess(member, WRONG_PROOFS.tries, by)
    with pytest.raises(REFUSED):
        door(member, issue_code(member=member, by=None))
    door(member, issue_code(member=member, by=make_user()))


@pytest.mark.parametrize("door", DOORS)
def test_control_before_that_one_that_was_sent_opens_too(member, door):
    guess(member, WRONG_PROOFS.tries - 1)
    door(member, issue_code(member=member, by=None))


def test_the_telephone_and_the_numbers_of_others_stay_as_they_were(member):
    guess(member, WRONG_PROOFS.tries)
    with pytest.raises(NotRegistered):
        look_up(member_number=member.member_number, proof="5678", asks="phone_last4", **from_somewhere(1))
    other = make_member(phone="0812345678")
    assert look_up(member_number=other.member_number, proof="5678", asks="phone_last4", **from_somewhere(1)).member


@pytest.mark.parametrize("door", DOORS)
def test_a_clerks_code_cannot_be_guessed_at_for_ever_and_the_next_one_is_as_good_as_new(member, door):
    with time_machine.travel(timezone.now(), tick=False):
        code = issue_code(member=member, by=make_user())
        guess(member, WRONG_PROOFS.tries + WRONG_CODES.tries, door)
        with pytest.raises(REFUSED):
            door(member, code)
        door(member, issue_code(member=member, by=make_user()))


def test_control_one_guess_fewer_leaves_it_open(member):
    with time_machine.travel(timezone.now(), tick=False):
        code = issue_code(member=member, by=make_user())
        guess(member, WRONG_PROOFS.tries + WRONG_CODES.tries - 1)
        finding_tickets(member, code)


def test_a_code_that_is_sent_gives_no_new_guesses_at_the_clerks(member):
    with time_machine.travel(timezone.now(), tick=False):
        code = issue_code(member=member, by=make_user())
        guess(member, WRONG_PROOFS.tries + WRONG_CODES.tries)
        issue_code(member=member, by=None)
        with pytest.raises(NotRegistered):
            finding_tickets(member, code)


def test_however_many_are_handed_out_the_guesses_of_a_day_end(member):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        guess(member, WRONG_PROOFS.tries)
        for _ in range(WRONG_CODES_A_DAY.tries // WRONG_CODES.tries):
            issue_code(member=member, by=make_user())
            guess(member, WRONG_CODES.tries)
        with pytest.raises(NotRegistered):
            finding_tickets(member, issue_code(member=member, by=make_user()))
        clock.shift(timezone.timedelta(days=1, seconds=1))
        finding_tickets(member, issue_code(member=member, by=make_user()))
