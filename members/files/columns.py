"""The columns of a file of members: the names they may have, and the values that their cells may hold."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from members.citizen_id import citizen_id_hmacs, parse_citizen_id, parse_member_number
from members.errors import InvalidCitizenId, InvalidMemberNumber
from members.free_text import masked
from members.models import Member
from members.phones import parse_phone

# Each column's name in our own exports, and its other names.
HEADINGS = {
    "member_number": ("เลขทะเบียนสมาชิก", "เลขทะเบียน", "เลขสมาชิก", "เลขที่สมาชิก", "รหัสสมาชิก", "ทะเบียนสมาชิก"),
    "citizen_id": ("เลขประจำตัวประชาชน", "เลขบัตรประชาชน", "เลขที่บัตรประชาชน", "บัตรประชาชน", "เลขประชาชน"),
    "title": ("คำนำหน้า", "คำนำหน้าชื่อ", "คำนำหน้านาม"),
    "given_name": ("ชื่อ", "ชื่อตัว"),
    "family_name": ("นามสกุล", "สกุล"),
    "phone": ("โทรศัพท์", "เบอร์โทร", "เบอร์โทรศัพท์", "หมายเลขโทรศัพท์", "โทรศัพท์มือถือ", "มือถือ"),
    "email": ("อีเมล", "อีเมล์", "e-mail"),
    "registered": ("สมัครแล้ว", "สมัครไอเมมเบอร์แล้ว", "สมัครไอเมมเบอร์", "ลงทะเบียนแล้ว"),
}
COLUMNS = tuple(HEADINGS)
EXPORTED = tuple(column for column in COLUMNS if column != "citizen_id")
LABELS = {column: names[0] for column, names in HEADINGS.items()}

YES = {"1", "true", "yes", "y", "ใช่", "สมัครแล้ว"}
NO = {"0", "false", "no", "n", "ไม่", "ไม่ใช่", "ยังไม่สมัคร"}
INVALID = "invalid"

Fault = tuple[str, str, int | str]  # the column, a code of FAULTS, and what is put into its sentence

# What can be wrong with a cell. `%s` is what stands beside the code.
FAULTS = {
    "number": InvalidMemberNumber.message,
    "repeated_number": _("เลขทะเบียนนี้ซ้ำกับแถวที่ %s"),
    "same_digits": _("เลขทะเบียนนี้ต่างจากแถวที่ %s เพียงเลขศูนย์ข้างหน้า กรุณาคงไว้แถวเดียว"),
    "ambiguous": _("มีสมาชิกมากกว่าหนึ่งรายการที่เลขต่างกันเพียงเลขศูนย์ข้างหน้า กรุณารวมรายการที่ซ้ำก่อน"),
    "citizen_id": InvalidCitizenId.message,
    "repeated_citizen_id": _("เลขประจำตัวประชาชนซ้ำกับแถวที่ %s"),
    "citizen_id_of_another": _("เลขประจำตัวประชาชนนี้เป็นของสมาชิกท่านอื่นแล้ว กรุณาตรวจอีกครั้ง"),
    "empty": _("กรุณากรอก เว้นว่างไม่ได้"),
    "long": _("ยาวเกิน %s ตัวอักษร กรุณาย่อ"),
    "phone": _("หมายเลขโทรศัพท์ไม่ถูกต้อง กรุณากรอกเป็นตัวเลข เช่น 081 234 5678"),
    "email": _("อีเมลไม่ถูกต้อง กรุณาตรวจอีกครั้ง"),
    "registered": _("กรุณาใส่ 1 เมื่อสมัครไอเมมเบอร์แล้ว หรือ 0 เมื่อยังไม่สมัคร"),
}


class WrongCell(Exception):
    """`code` is one of FAULTS, `about` what is put into its sentence."""

    def __init__(self, code: str, about: int | str = ""):
        super().__init__(code)
        self.code, self.about = code, about


def column_of(heading: str) -> str | None:
    """The column that a heading names, by any of the column's names."""
    return _KNOWN.get(_plain(heading))


def sentence(code: str, about: int | str) -> str:
    text = str(FAULTS[code])
    return text % about if "%s" in text else text


def without_citizen_id(cell: str) -> str:
    """What is kept in place of a citizen ID: "" where there is none, its HMACs (hmacs_of), or INVALID."""
    if not cell:
        return ""
    try:
        return " ".join(citizen_id_hmacs(parse_citizen_id(cell)))
    except InvalidCitizenId:
        return INVALID


def hmacs_of(cell: str) -> list[str]:
    """The HMACs in a cell of without_citizen_id(): under the key in use, then under those of before."""
    return [] if cell == INVALID else cell.split()


def cleaned(cells: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """A row's values as they are stored, under the names of Member's fields, and all that is wrong with it."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column, cell in cells.items():
        field, clean = _CLEAN[column]
        try:
            values[field] = clean(cell)
        except WrongCell as wrong:
            faults.append((column, wrong.code, wrong.about))
    return values, faults


def _number(cell: str) -> str:
    try:
        return parse_member_number(cell)
    except InvalidMemberNumber:
        raise WrongCell("number") from None


def _citizen_id(cell: str) -> str:
    if cell == INVALID:
        raise WrongCell("citizen_id")
    return next(iter(hmacs_of(cell)), "")


def _name(length: int, *, may_be_empty: bool = True) -> Callable[[str], str]:
    def clean(cell: str) -> str:
        if len(cell) > length:
            raise WrongCell("long", length)
        if not cell and not may_be_empty:
            raise WrongCell("empty")
        return masked(cell)

    return clean


def _phone(cell: str) -> str:
    try:
        return parse_phone(cell)
    except ValueError:
        raise WrongCell("phone") from None


def _email(cell: str) -> str:
    try:
        if cell:
            validate_email(cell)
    except ValidationError:
        raise WrongCell("email") from None
    if len(cell) > 254:
        raise WrongCell("long", 254)
    return cell


def _registered(cell: str) -> bool:
    answer = cell.lower()
    if answer not in YES | NO:
        raise WrongCell("registered")
    return answer in YES


def _length(field: str) -> int:
    length: int = getattr(Member._meta.get_field(field), "max_length")  # noqa: B009 (of texts alone)
    return length


_CLEAN = {
    "member_number": ("member_number", _number),
    "citizen_id": ("citizen_id_hmac", _citizen_id),
    "title": ("title", _name(_length("title"))),
    "given_name": ("given_name", _name(_length("given_name"), may_be_empty=False)),
    "family_name": ("family_name", _name(_length("family_name"))),
    "phone": ("phone", _phone),
    "email": ("email", _email),
    "registered": ("is_registered", _registered),
}


def _plain(heading: str) -> str:
    return re.sub(r"[\s_.\-()*:]+", "", heading).lower()


_KNOWN = {_plain(name): column for column, names in HEADINGS.items() for name in (column, *names)}
