"""Reads and writes the files of staff: CSV and XLSX, read within limits, written so that no cell is a formula."""

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from members.files import xlsx
from members.thai_text import normalised

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 100_000
MAX_LINES = 5 * MAX_ROWS  # empty ones included
MAX_COLUMNS = 20
# Above the headings may stand a title, the name of the office, a date.
MAX_LINES_ABOVE = 10

STARTS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class FileRefused(Exception):
    """A refused file. Its text says why and what to do; `code` names the reason."""

    def __init__(self, code: str, text: str):
        super().__init__(text)
        self.code = code


@dataclass
class Table:
    """`rows`: each with its number in the file, and as many cells as there are headings."""

    headings: list[str]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)

    def dicts(self) -> list[dict[str, str]]:
        return [dict(zip(self.headings, cells, strict=True)) for _number, cells in self.rows]


def read(data: bytes, *, is_heading: Callable[[str], bool]) -> Table:
    """The rows of a CSV or XLSX file under its headings, every cell as text, empty rows left out.

    The headings are the first line that has a cell for which `is_heading` is true; lines above it are skipped.
    Raises FileRefused if the file is too large, cannot be read, or its rows do not fit the headings.
    """
    if len(data) > MAX_BYTES:
        raise FileRefused("too_large", _("ไฟล์ใหญ่เกิน %d MB กรุณาแบ่งเป็นหลายไฟล์") % (MAX_BYTES // 1024 // 1024))
    if not data.strip():
        raise FileRefused("empty", _("ไฟล์ว่าง ไม่มีข้อมูล กรุณาเลือกไฟล์ที่มีรายชื่อสมาชิก"))
    rows = _xlsx_rows(data) if data.startswith(b"PK") else _csv_rows(data, is_heading)
    rows = ((number, _cells(row)) for number, row in rows)
    table = Table(_headings(rows, is_heading))
    for read_so_far, (number, cells) in enumerate(rows):
        if read_so_far > MAX_LINES or (cells and len(table.rows) == MAX_ROWS):
            raise _too_many()
        if not cells:
            continue
        if len(cells) > len(table.headings):
            raise FileRefused(
                "wide_row",
                _("บรรทัดที่ %d มีช่องมากกว่าจำนวนคอลัมน์ กรุณาตรวจว่ามีเครื่องหมายคั่นเกิน หรือมีข้อมูลนอกตาราง แล้วลองอีกครั้ง") % number,
            )
        table.rows.append((number, [*cells, *[""] * (len(table.headings) - len(cells))]))
    if not table.rows:
        raise FileRefused("no_rows", _("ใต้ชื่อคอลัมน์ไม่มีข้อมูลสมาชิก กรุณาตรวจว่าบันทึกแผ่นงานที่มีรายชื่อไว้หน้าสุด"))
    return table


def write(kind: str, headings: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """A file of `kind` (csv, xlsx). Every cell is text: numbers keep their leading zeros in XLSX, and no cell is a
    formula."""
    return write_sheets(kind, [("", headings, ([str(cell) for cell in row] for row in rows))])


def write_sheets(kind: str, sheets: Iterable[tuple[str, Iterable[str], Iterable[Iterable[Any]]]]) -> bytes:
    """A file of `kind` with each (title, headings, rows) as a sheet; CSV has room for the first alone. Numbers are
    numbers, None is an empty cell, all else a text and never a formula."""
    if kind == "csv":
        text = io.StringIO()
        _title, headings, rows = next(iter(sheets))
        csv.writer(text).writerows([_plain_cell(cell) for cell in row] for row in (headings, *rows))
        return text.getvalue().encode("utf-8-sig")  # the mark by which Excel recognises UTF-8
    book = Workbook(write_only=True)
    for title, headings, rows in sheets:
        sheet = book.create_sheet(title or None)
        for row in (headings, *rows):
            sheet.append([_cell(sheet, cell) for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def defused(value: str) -> str:
    """A cell for export: a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value.startswith(STARTS_A_FORMULA) or _is_defused(value):
        return f"'{value}"
    return value


def undefused(text: str) -> str:
    """What defused() was given."""
    return text[1:] if _is_defused(text) else text


def _is_defused(text: str) -> bool:
    return text.startswith("'") and text.lstrip("'").startswith(STARTS_A_FORMULA)


def _plain_cell(cell: Any) -> Any:
    return defused(cell) if isinstance(cell, str) else cell


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=defused(value))
    cell.number_format = "@"  # a number typed over it stays a text, too
    return cell


def _headings(rows: Iterable[tuple[int, list[str]]], is_heading: Callable[[str], bool]) -> list[str]:
    for _above, (_number, cells) in zip(range(MAX_LINES_ABOVE + 1), (row for row in rows if row[1]), strict=False):
        if not any(is_heading(cell) for cell in cells):
            continue
        if "" in cells or len({cell.lower() for cell in cells}) < len(cells):
            raise FileRefused("headings", _("แถวชื่อคอลัมน์ต้องไม่เว้นว่างและไม่ซ้ำกัน กรุณาตั้งชื่อหรือลบคอลัมน์ที่ว่างหรือซ้ำ แล้วลองอีกครั้ง"))
        return cells
    raise FileRefused(
        "no_headings",
        _("ไม่พบชื่อคอลัมน์ เลขทะเบียนสมาชิก (member_number) ใน %d แถวแรก กรุณาใส่ชื่อคอลัมน์ไว้เหนือข้อมูล แล้วลองอีกครั้ง")
        % MAX_LINES_ABOVE,
    )


def _csv_rows(data: bytes, is_heading: Callable[[str], bool]) -> Iterable[tuple[int, list[str]]]:
    if data.startswith(OLD_EXCEL):
        raise _old_excel(data)
    text = _decoded(data)
    skipped = 0
    if text[:4].lower() == "sep=":  # Excel's own hint; what it says shows in the other lines, too
        text, skipped = text.partition("\n")[2], 1
    number = skipped
    try:
        # Strict: a quotation mark left open would otherwise swallow the rest of the file as one cell.
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, is_heading), strict=True)
        for number, row in enumerate(lines, start=1 + skipped):  # noqa: B007 - the fault says where it was
            yield number, row
    except csv.Error as fault:
        raise FileRefused(
            "quotation_mark",
            _('เครื่องหมายคำพูด (") หลังบรรทัดที่ %d ไม่ครบคู่ หรือไฟล์ขาดตอนท้าย กรุณาตรวจบรรทัดนั้น หรือส่งออกไฟล์ใหม่') % number,
        ) from fault


def _delimiter(text: str, is_heading: Callable[[str], bool]) -> str:
    """The delimiter that splits the line of headings into cells."""
    first_lines = text[:10_000].splitlines()[: MAX_LINES_ABOVE + 1]
    for line in first_lines:
        found = max(",;\t", key=line.count)
        if any(is_heading(cell.strip(' "\ufeff')) for cell in line.split(found)):
            return found
    return max(",;\t", key=(first_lines or [""])[0].count)


def _decoded(data: bytes) -> str:
    """UTF-8 or UTF-16 with its mark, or the code page of Thai Windows, in which Excel saves CSV."""
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp874"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _unreadable()


def _xlsx_rows(data: bytes) -> Iterable[tuple[int, list[str]]]:
    try:
        yield from xlsx.read_rows(data, max_rows=MAX_LINES, max_columns=MAX_COLUMNS)
    except xlsx.TooManyRows as fault:
        raise _too_many() from fault
    except xlsx.TooLarge as fault:
        raise FileRefused("too_large", _("เนื้อหาในไฟล์ใหญ่เกินไป กรุณาแบ่งเป็นหลายไฟล์ หรือบันทึกเป็น CSV")) from fault
    except xlsx.Protected as fault:
        raise _protected() from fault
    except xlsx.Cut as fault:
        raise FileRefused(
            "cut", _("ไฟล์ XLSX นี้ไม่ครบ อาจคัดลอกหรือดาวน์โหลดไม่เสร็จ กรุณาคัดลอกใหม่จากต้นทาง แล้วลองอีกครั้ง")
        ) from fault
    except xlsx.Unreadable as fault:
        raise _unreadable() from fault


def _cells(row: list[str]) -> list[str]:
    """Without empty cells at the end. Ignores cells beyond MAX_COLUMNS."""
    cells = [_text(cell) for cell in row[:MAX_COLUMNS]]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _text(cell: str) -> str:
    """One line: no control characters, single spaces, Thai in its one form."""
    if cell.isascii() and cell.isalnum():
        return cell
    text = normalised(" ".join(cell.split()))
    return "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cs"))


def _old_excel(data: bytes) -> FileRefused:
    """An .xls, or an .xlsx that a password locks: both are the same kind of container."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return _protected()
    return FileRefused(
        "old_excel", _("ไฟล์ .xls เป็นแบบเก่า กรุณาเปิดใน Excel แล้วเลือก บันทึกเป็น > Excel Workbook (.xlsx) แล้วลองอีกครั้ง")
    )


def _protected() -> FileRefused:
    return FileRefused("password", _("ไฟล์นี้ใส่รหัสผ่านไว้ กรุณาบันทึกใหม่แบบไม่มีรหัสผ่าน แล้วลองอีกครั้ง"))


def _too_many() -> FileRefused:
    return FileRefused("too_many_rows", _("ไฟล์มีเกิน %s แถว กรุณาแบ่งเป็นหลายไฟล์") % f"{MAX_ROWS:,}")


def _unreadable() -> FileRefused:
    return FileRefused(
        "unreadable", _("ไฟล์นี้ไม่ใช่ CSV หรือ XLSX กรุณาเปิดในโปรแกรมตาราง บันทึกเป็น CSV (UTF-8) หรือ XLSX แล้วลองอีกครั้ง")
    )
