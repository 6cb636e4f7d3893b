"""Files that staff bring in and take out: CSV and XLSX, read within limits, written so that no cell is a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable

import tablib
from django.utils.translation import gettext as _
from import_export.formats.base_formats import XLSX

from members.files import xlsx

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 20_000
MAX_LINES = 5 * MAX_ROWS  # empty ones included
MAX_COLUMNS = 20

STARTS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


class FileRefused(Exception):
    """A file that is not taken; its text says why and what to do."""


class SpreadsheetFile(XLSX):
    """A format for django-import-export: CSV or XLSX, told apart by what is in the file and not by its name."""

    def get_title(self):
        return "CSV / XLSX"

    def create_dataset(self, in_stream):
        return read(in_stream)


def read(data: bytes) -> tablib.Dataset:
    """The rows of a CSV or XLSX file under its headings, every cell as text, empty rows left out.

    Raises FileRefused when it is too large, cannot be read, or its rows do not fit the headings.
    """
    if len(data) > MAX_BYTES:
        raise FileRefused(_("ไฟล์ใหญ่เกิน %d MB กรุณาแบ่งเป็นหลายไฟล์") % (MAX_BYTES // 1024 // 1024))
    rows = _xlsx_rows(data) if data.startswith(b"PK") else _csv_rows(data)
    rows = (_cells(row) for row in rows)
    headings = next(rows, [])
    if not headings or "" in headings or len(set(headings)) < len(headings):
        raise FileRefused(_("แถวแรกของไฟล์ต้องเป็นชื่อคอลัมน์ ไม่เว้นว่างและไม่ซ้ำกัน กรุณาตรวจไฟล์"))
    dataset = tablib.Dataset(headers=[heading.lower() for heading in headings])
    for number, cells in enumerate(rows, start=2):
        if number > MAX_LINES or (cells and len(dataset) == MAX_ROWS):
            raise FileRefused(_("ไฟล์มีเกิน %d แถว กรุณาแบ่งเป็นหลายไฟล์") % MAX_ROWS)
        if not cells:
            continue
        if len(cells) > len(headings):
            raise FileRefused(_("บรรทัดที่ %d มีช่องมากกว่าจำนวนคอลัมน์ กรุณาตรวจไฟล์") % number)
        dataset.append(cells + [""] * (len(headings) - len(cells)))
    return dataset


def defused(value):
    """A cell for export: a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and (value.startswith(STARTS_A_FORMULA) or _is_defused(value)):
        return f"'{value}"
    return value


def undefused(text: str) -> str:
    """What defused() was given."""
    return text[1:] if _is_defused(text) else text


def _is_defused(text: str) -> bool:
    return text.startswith("'") and text.lstrip("'").startswith(STARTS_A_FORMULA)


def _csv_rows(data: bytes) -> Iterable[list[str]]:
    text = _decoded(data)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    try:
        # Strict: a quotation mark left open would otherwise swallow the rest of the file as one cell.
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as fault:
        raise _unreadable() from fault


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


def _xlsx_rows(data: bytes) -> Iterable[list[str]]:
    try:
        yield from xlsx.read_rows(data, max_rows=MAX_LINES, max_columns=MAX_COLUMNS)
    except xlsx.TooLarge as fault:
        raise FileRefused(_("เนื้อหาในไฟล์ใหญ่เกินไป กรุณาแบ่งเป็นหลายไฟล์ หรือบันทึกเป็น CSV")) from fault
    except xlsx.Unreadable as fault:
        raise _unreadable() from fault


def _cells(row) -> list[str]:
    """Without the empty ones at the end. What stands further right than MAX_COLUMNS is not looked at."""
    cells = [_text(cell) for cell in row[:MAX_COLUMNS]]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _text(cell: str) -> str:
    """One line: no control characters, single spaces."""
    text = " ".join(cell.split())
    return "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cs"))


def _unreadable() -> FileRefused:
    return FileRefused(_("อ่านไฟล์นี้ไม่ได้ กรุณาบันทึกใหม่เป็น CSV (UTF-8) หรือ XLSX แบบไม่มีรหัสผ่าน แล้วลองอีกครั้ง"))
