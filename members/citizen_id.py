"""Numbers as people type them, and the Thai citizen ID: checked, and kept only as an HMAC."""

import hashlib
import hmac
import re

from django.conf import settings

from members.errors import InvalidCitizenId, InvalidMemberNumber

DIGITS = 13
THAI_DIGITS = {ord("๐") + value: str(value) for value in range(10)}
# What people, and copying from a document, put between digits: spaces, every dash, invisible marks.
BETWEEN_DIGITS = re.compile(r"[\s\-\u2010-\u2015\u2212\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]+")


def parse_citizen_id(text: str) -> str:
    """The 13 digits of a citizen ID, which may be typed with Thai digits, spaces or dashes.

    Raises InvalidCitizenId for anything else, and for a wrong check digit.
    """
    digits = ascii_digits(text)
    if re.fullmatch(r"[0-9]*", digits) and len(digits) != DIGITS:
        raise InvalidCitizenId(digits=len(digits))
    if not re.fullmatch(r"[1-8][0-9]{12}", digits) or check_digit(digits[:12]) != digits[12]:
        raise InvalidCitizenId
    return digits


def parse_member_number(text: str) -> str:
    """A member number's digits as given (leading zeros stay). Raises InvalidMemberNumber."""
    digits = ascii_digits(text)
    if not re.fullmatch(r"[0-9]{1,12}", digits):
        raise InvalidMemberNumber
    return digits


def is_as_long(text: str) -> bool:
    """Whether this is as many digits as a citizen ID has, and nothing else: one, or one typed wrong."""
    digits = ascii_digits(text)
    return digits.isdecimal() and len(digits) == DIGITS


def ascii_digits(text: str) -> str:
    """The text with Thai digits as ASCII, and without spaces and dashes."""
    return BETWEEN_DIGITS.sub("", text.translate(THAI_DIGITS))


def check_digit(first_twelve: str) -> str:
    """The thirteenth digit that belongs to the first twelve."""
    weighted = sum(int(digit) * weight for digit, weight in zip(first_twelve, range(13, 1, -1), strict=True))
    return str((11 - weighted % 11) % 10)


def citizen_id_hmac(digits: str) -> str:
    """What is stored instead of a citizen ID (13 digits): its HMAC-SHA256 under CITIZEN_ID_KEY, in hex."""
    return citizen_id_hmacs(digits)[0]


def citizen_id_hmacs(digits: str) -> list[str]:
    """The HMACs under which a citizen ID may be stored: by the key in use, then by those before it, until each member
    has been seen or imported again."""
    keys = [settings.CITIZEN_ID_KEY, *settings.CITIZEN_ID_KEY_FALLBACKS]
    return [hmac.new(key.encode(), digits.encode(), hashlib.sha256).hexdigest() for key in keys]
