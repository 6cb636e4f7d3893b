"""A citizen ID and a member number are read however people type them, and refused when they cannot be right."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.citizen_id import (
    ascii_digits,
    check_digit,
    citizen_id_hmac,
    parse_citizen_id,
    parse_member_number,
)
from members.errors import InvalidCitizenId, InvalidMemberNumber
from members.phones import parse_phone, phone_proves

first_twelves = st.from_regex(r"[1-8][0-9]{11}", fullmatch=True)


def test_the_check_digit_is_the_one_of_the_official_rule():
    assert check_digit("123456789012") == "1"
    assert check_digit("100000000013") == "1", "remainder 0: 11 becomes 1"
    assert check_digit("100000000005") == "0", "remainder 1: 10 becomes 0"


@pytest.mark.parametrize(
    "typed",
    [
        "1234567890121",
        "1-2345-67890-12-1",
        " 1 2345 67890 12 1\n",
        "๑๒๓๔๕๖๗๘๙๐๑๒๑",
        "๑-๒๓๔๕-๖๗๘๙๐-๑๒-๑",
        "1–2345—67890‑12−1",
        "1\u00a02345\u200b67890\ufeff121",
    ],
)
def test_thai_digits_spaces_and_every_dash_are_accepted(typed):
    assert parse_citizen_id(typed) == "1234567890121"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "123456789012",
        "12345678901211",
        "1234567890122",
        "0234567890120",
        "9234567890120",
        "1234567890x21",
        "①234567890121",
        "১২৩৪৫৬৭৮৯০১২১",
        "1.2345.67890.12.1",
        "\ud800",
    ],
)
def test_anything_else_is_refused(typed):
    with pytest.raises(InvalidCitizenId):
        parse_citizen_id(typed)


@given(first_twelves, st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(first_twelve, place, change):
    right = first_twelve + check_digit(first_twelve)
    assert parse_citizen_id(right) == right
    wrong = right[:place] + str((int(right[place]) + change) % 10) + right[place + 1 :]
    # 11 has eleven remainders for ten digits: 0 and 10 share one, which alone may pass unnoticed.
    if check_digit(wrong[:12]) != right[12]:
        with pytest.raises(InvalidCitizenId):
            parse_citizen_id(wrong)


def test_the_hmac_depends_on_the_key_and_on_every_digit(settings):
    before = citizen_id_hmac("1234567890121")
    assert len(before) == 64
    assert "1234567890121" not in before
    assert citizen_id_hmac("1234567890121") == before
    assert citizen_id_hmac("1234567890122") != before
    settings.CITIZEN_ID_KEY = "another key" * 4
    assert citizen_id_hmac("1234567890121") != before


@pytest.mark.parametrize(
    ("typed", "number"), [("100001", "100001"), ("๑๐๐ ๐๐๑", "100001"), ("00-42", "0042"), ("7", "7")]
)
def test_a_member_number_keeps_its_digits_as_given(typed, number):
    assert parse_member_number(typed) == number


@pytest.mark.parametrize("typed", ["", " - ", "A100001", "1234567890123", "10.5", "²"])
def test_a_member_number_of_anything_but_digits_is_refused(typed):
    with pytest.raises(InvalidMemberNumber):
        parse_member_number(typed)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "กรุณากรอกเลขประจำตัวประชาชน"),
        (" - ", "กรุณากรอกเลขประจำตัวประชาชน"),
        ("๑-๑๙๙๐-๐๑๒๓๔-๕๖", "กรอกมา 12 หลัก"),
        ("12345678901234", "กรอกมา 14 หลัก"),
        ("1234567890122", "ไม่ถูกต้อง"),
        ("12345x", "ไม่ถูกต้อง"),
    ],
)
def test_what_is_missing_is_said(typed, said):
    with pytest.raises(InvalidCitizenId) as refused:
        parse_citizen_id(typed)
    assert said in str(refused.value)


def test_a_refusal_says_what_to_do():
    assert "13 หลัก" in str(InvalidCitizenId())
    assert InvalidCitizenId.code == "invalid_citizen_id"


@given(st.text())
def test_whatever_is_typed_is_read_or_refused(typed):
    for parse, refusal in ((parse_citizen_id, InvalidCitizenId), (parse_member_number, InvalidMemberNumber)):
        with contextlib.suppress(refusal):
            assert parse(typed).isascii()
    assert not set(ascii_digits(typed)) & set("๐๑๒๓๔๕๖๗๘๙ -")


@pytest.mark.parametrize(
    "typed",
    ["0812345678", "081-234-5678", "+66812345678", "+66 (0)81 234 5678", "66812345678", "๐๘๑๒๓๔๕๖๗๘", "812345678"],
)
def test_plus_66_and_0_are_the_same_telephone(typed):
    assert parse_phone(typed) == "0812345678"
    assert phone_proves("0812345678", typed)


@pytest.mark.parametrize(
    ("typed", "number"), [("038 123 456", "038123456"), ("+1 202 555 0100", "+12025550100"), ("", ""), ("-", "")]
)
def test_other_telephones(typed, number):
    assert parse_phone(typed) == number


@pytest.mark.parametrize("typed", ["1", "0012345678", "08123456789", "081-234-5678 ต่อ 9", "ไม่มี", "+0"])
def test_what_is_no_telephone_is_refused(typed):
    with pytest.raises(ValueError):
        parse_phone(typed)


@pytest.mark.parametrize("typed", ["5678", "๕๖๗๘", " 5 6 7 8 "])
def test_the_last_four_digits_prove_the_telephone(typed):
    assert phone_proves("0812345678", typed)
    assert not phone_proves("0812345679", typed)


@pytest.mark.parametrize("typed", ["", "678", "0", "0812345679", "x", "ไม่มี"])
def test_no_telephone_is_proved_by_anything(typed):
    assert not phone_proves("", typed)
    assert not phone_proves("0812345678", typed)
