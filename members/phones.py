"""Telephone numbers: +66 and 0 begin the same number."""

import re

from django.utils.crypto import constant_time_compare

from members.citizen_id import ascii_digits


def parse_phone(text: str) -> str:
    """A Thai number as 0 and 8 or 9 digits; one of another country as + and its digits; "" for none.

    A spreadsheet that took the number for a quantity has lost its leading 0: that is put back.
    Raises ValueError for anything else.
    """
    digits = re.sub(r"[().]", "", ascii_digits(text))
    digits = re.sub(r"^(\+66|0066|66(?=[1-9][0-9]{7,8}$))0?", "0", digits)
    if re.fullmatch(r"[2-9][0-9]{7,8}", digits):
        digits = f"0{digits}"
    if not re.fullmatch(r"|0[1-9][0-9]{7,8}|\+[1-9][0-9]{6,14}", digits):
        raise ValueError(text)
    return digits


def phone_proves(stored: str, typed: str) -> bool:
    """Whether what was typed is the stored number, or its last four digits. No stored number: never.

    Takes the same time whether it is or not.
    """
    digits = ascii_digits(typed)
    if re.fullmatch(r"[0-9]{4}", digits):
        return constant_time_compare(stored[-4:], digits)
    try:
        given = parse_phone(digits)
    except ValueError:
        given = ""
    return constant_time_compare(stored, given) and bool(given)
