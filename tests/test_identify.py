"""Who somebody claims to be: found by number, never more than is needed said, and carried for 15 minutes."""

import datetime as dt
import logging

import pytest
import time_machine
from django.core import signing
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from members.errors import (
    IdentityExpired,
    InvalidCitizenId,
    InvalidMemberNumber,
    NotRegistered,
    TooManyAttempts,
)
from members.identify import identify, issue_identity, read_identity, registration_status
from members.models import LookupLog, Member
from tests.factories import make_citizen_id, make_member

pytestmark = pytest.mark.django_db
ADDRESS = "203.0.113.7"
CITIZEN_ID = "1234567890121"


@pytest.mark.parametrize(
    "typed",
    [
        {"citizen_id": CITIZEN_ID},
        {"citizen_id": "๑-๒๓๔๕-๖๗๘๙๐-๑๒-๑"},
        {"member_number": "100001"},
        {"member_number": "๑๐๐-๐๐๑ "},
        {"citizen_id": CITIZEN_ID, "member_number": "999999"},
    ],
)
def test_found_by_either_number(typed):
    member = make_member(citizen_id=CITIZEN_ID, member_number="100001")
    make_member()
    assert identify(**typed, address=ADDRESS) == member
    assert registration_status(**typed, address=ADDRESS) is True


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ({"citizen_id": "1234567890122"}, InvalidCitizenId),
        ({"citizen_id": "123"}, InvalidCitizenId),
        ({}, InvalidCitizenId),
        ({"member_number": "A1"}, InvalidMemberNumber),
        ({"member_number": CITIZEN_ID}, InvalidMemberNumber),
    ],
)
def test_a_number_that_cannot_be_right_is_refused_before_anything_is_asked(typed, refusal, django_assert_num_queries):
    with django_assert_num_queries(0):
        for ask in (identify, registration_status):
            with pytest.raises(refusal):
                ask(**typed, address=ADDRESS, device="tablet")


def test_unknown_and_not_registered_get_the_same_answer():
    make_member(member_number="100199", citizen_id=CITIZEN_ID, is_registered=False)
    answers = set()
    for typed in (
        {"member_number": "100199"},
        {"member_number": "100198"},
        {"citizen_id": CITIZEN_ID},
        {"citizen_id": make_citizen_id()},
    ):
        with pytest.raises(NotRegistered) as refusal:
            identify(**typed, address=ADDRESS)
        answers.add((refusal.value.code, str(refusal.value)))
        assert registration_status(**typed, address=ADDRESS) is False
    assert len(answers) == 1


@pytest.mark.parametrize("proof", ["5678", "๕๖๗๘", "081-234-5678", "+66 81 234 5678"])
def test_the_proof_asked_for(settings, proof):
    settings.MEMBER_PROOF = "phone_last4"
    member = make_member(member_number="100001", phone="0812345678")
    assert identify(member_number="100001", proof=proof, address=ADDRESS) == member


@pytest.mark.parametrize(
    ("number", "proof"),
    [
        ("100001", ""),
        ("100001", "5679"),
        ("100001", "ไม่มี"),
        ("100002", ""),
        ("100002", "0000"),
        ("100003", "5678"),
        ("999999", "5678"),
        ("999999", ""),
    ],
)
def test_a_wrong_pair_gets_the_answer_of_an_unknown_number(settings, number, proof):
    settings.MEMBER_PROOF = "phone_last4"
    make_member(member_number="100001", phone="0812345678")
    make_member(member_number="100002", phone="")
    make_member(member_number="100003", phone="0812345678", is_registered=False)
    with pytest.raises(NotRegistered) as refusal:
        identify(member_number=number, proof=proof, address=ADDRESS)
    assert str(refusal.value) == str(NotRegistered())
    assert registration_status(member_number=number, proof=proof, address=ADDRESS) is False


def test_a_wrong_proof_costs_a_try(settings):
    settings.MEMBER_PROOF = "phone_last4"
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"identifier": "3/900"}
    make_member(member_number="100001", phone="0812345678")
    for guess in ("0000", "0001", "0002"):
        with pytest.raises(NotRegistered):
            identify(member_number="100001", proof=guess, address=ADDRESS)
    with pytest.raises(TooManyAttempts):
        identify(member_number="100001", proof="5678", address=ADDRESS)


@pytest.mark.parametrize("value", ["", "None", "phone", "birth_date"])
def test_an_unknown_kind_of_proof_stops_the_start_and_every_look_up(settings, value):
    assert not run_checks(tags=["members"])
    settings.MEMBER_PROOF = value
    assert [fault.id for fault in run_checks(tags=["members"])] == ["members.E001"]
    make_member(member_number="100001")
    with pytest.raises(ImproperlyConfigured):
        identify(member_number="100001", address=ADDRESS)


@pytest.mark.parametrize("value", ["", "10", "10/0", "0/900", "ten/900", "10/900/1"])
def test_a_limit_that_is_none_stops_the_start(settings, value):
    settings.LOOKUP_LIMITS = settings.LOOKUP_LIMITS | {"device": value}
    assert [fault.id for fault in run_checks(tags=["members"])] == ["members.E002"]


def test_a_short_key_stops_the_start(settings):
    settings.CITIZEN_ID_KEY = "short"
    assert [fault.id for fault in run_checks(tags=["members"])] == ["members.E003"]


def test_an_identity_lasts_fifteen_minutes():
    member = make_member()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token, expires_at = issue_identity(member)
        assert expires_at == timezone.now() + dt.timedelta(minutes=15)
        clock.shift(dt.timedelta(minutes=14, seconds=59))
        assert read_identity(token).member_id == member.pk
        clock.shift(dt.timedelta(seconds=3))
        with pytest.raises(IdentityExpired):
            read_identity(token)


def test_nobody_else_can_make_an_identity(settings):
    token, _ = issue_identity(make_member())
    forged = [
        "",
        ":",
        "::",
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        "x" + token,
        token.replace(":", ""),
        "\ud800",
        "๑:๒:๓",
        signing.dumps(1),
        signing.dumps(1, salt="another purpose"),
        signing.dumps(1, salt="members.identity", key="another key"),
    ]
    for wrong in forged:
        with pytest.raises(IdentityExpired):
            read_identity(wrong)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new secret key " * 4
    assert read_identity(token), "a change of the key sends nobody back to the start"


@pytest.mark.django_db(transaction=True)
def test_no_citizen_id_is_anywhere_after_it_was_used(caplog):
    caplog.set_level(logging.DEBUG)
    planted = [make_citizen_id() for _ in range(500)]
    for nth, citizen_id in enumerate(planted):
        if nth % 2:
            make_member(citizen_id=citizen_id, is_registered=nth % 3 > 0)
        typed = f"{citizen_id[0]}-{citizen_id[1:5]} {citizen_id[5:]}" if nth % 5 == 0 else citizen_id
        refusals = []
        for ask in (identify, registration_status):
            try:
                ask(citizen_id=typed, address=f"198.51.{nth // 250}.{nth % 250}", device=f"device {nth}")
            except NotRegistered as refusal:
                refusals += [str(refusal), repr(refusal)]
        assert citizen_id not in " ".join(refusals)
    assert LookupLog.objects.count() == 3 * 500
    assert Member.objects.count() == 250

    dump = _dump() + caplog.text
    assert "LookupLog" not in dump and "members_lookuplog" in dump
    assert Member.objects.first().citizen_id_hmac in dump, "the dump holds what the tables hold"
    assert not [citizen_id for citizen_id in planted if citizen_id in dump]
    assert not [address for address in ("198.51.0.7", "device 7") if address in dump]


def _dump() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        lines = list(tables)
        for table in tables:
            cursor.execute(f'SELECT row::text FROM "{table}" AS row')
            lines += [text for (text,) in cursor.fetchall()]
    return "\n".join(lines)
