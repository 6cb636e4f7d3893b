"""Which ticket staff mean by what they scan or type: the QR code of a ticket, its code, or the member's number.

A scanner types like a keyboard. With the Thai layout on, a link arrives as the Thai characters on its keys, so it is
read by the keys. With Caps Lock on, capitals arrive small and small letters as capitals.
"""

import re

from booking.models import Ticket
from booking.models.tickets import LIVE
from members.citizen_id import ascii_digits
from members.models import Member

LONGEST = 300
LINK = re.compile(r"/t/([-\w]{8,32})/?(#|$)", re.ASCII)
CODE = re.compile(r"([A-Z]{0,2})([0-9]{1,6})")

_KEYS = """`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?"""
_THAI_ON_THEM = """_ๅ/-ภถุึคตจขชๆไำพะัีรนยบลฃฟหกดเ้่าสวงผปแอิืทมใฝ%+๑๒๓๔ู฿๕๖๗๘๙๐"ฎฑธํ๊ณฯญฐ,ฅฤฆฏโฌ็๋ษศซ.()ฉฮฺ์?ฒฬฦ"""
AS_KEYS = str.maketrans(_THAI_ON_THEM, _KEYS)
THAI = re.compile(r"[ก-๎]")  # the digits apart: they may be meant


def is_link(text: str) -> bool:
    return _link_in(text) is not None


def ticket_meant(text: str, *, letters: list[str]) -> Ticket | None:
    """The ticket for a scanned link, a code of today (A012, or 12 if `letters` says which letters to try) or a member
    number; None if there is none."""
    link = _link_in(text)
    if link:
        return _tickets().filter(public_id=link).first()
    code = CODE.fullmatch(_code_in(text))
    if code is None:
        return None
    letter, number = code.groups()
    if letter or len(number) <= 3:
        return _first_by_code([letter] if letter else letters, int(number))
    member = Member.objects.with_number(number)
    return _today().filter(member=member).order_by("due_at").first() if member else None


def _link_in(text: str) -> str | None:
    for as_typed in (text, text.translate(AS_KEYS)):
        # LINK begins with a small letter, so only one of the two can be found.
        found = LINK.search(as_typed) or LINK.search(as_typed.swapcase())
        if found:
            return found[1]
    return None


def _code_in(text: str) -> str:
    plain = ascii_digits(text).upper()
    return ascii_digits(text.translate(AS_KEYS)).upper() if THAI.search(plain) else plain


def _first_by_code(letters: list[str], number: int) -> Ticket | None:
    """A cancelled number may have been issued again: the live ticket counts, else the newest."""
    found: dict[str, Ticket] = {}
    for ticket in _today().filter(department__letter__in=letters, number=number).order_by("issued_at"):
        held = found.get(ticket.department.letter)
        if held is None or ticket.state in LIVE or held.state not in LIVE:
            found[ticket.department.letter] = ticket
    return next((found[letter] for letter in letters if letter in found), None)


def _today():
    return _tickets().of_today()


def _tickets():
    return Ticket.objects.with_details().select_related("member")
