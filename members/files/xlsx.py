"""Reads the cells of an XLSX file as text, in time and memory bounded by its size.

openpyxl builds an object for every element and attribute: a file of 6 MB kept it busy for two minutes and 2 GB. The
fast libraries lay a sheet out as one block from its first used cell to its last: a file of a few kB whose used cells
are A1 and XFD1048576 asks for 17,179,869,184 cells, and the process is aborted. So we keep this reader: it reads the
same XML as a stream, keeps only the text of the cells, and stops at the limits.
"""

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from xml.parsers import expat

# 100,000 rows of eight columns unpack to about 75 MB, with 6 million tags and as many attributes.
MAX_UNPACKED_BYTES = 120 * 1024 * 1024
MAX_PARTS = 500
MAX_MARKS = 16_000_000  # of the characters that begin a tag or an attribute's value: what reading costs
# A small file must not cost what a large one does: so much is allowed to any, and so much more for each byte of it.
# Empty rows and cells that have a format take next to no bytes; a list of members has a byte for two or three marks.
MAX_MARKS_AT_LEAST, MAX_MARKS_A_BYTE = 500_000, 12
MAX_UNPACKED_AT_LEAST, MAX_UNPACKED_A_BYTE = 10 * 1024 * 1024, 60
MAX_TAG_BYTES = 256 * 1024
MAX_CELL_LETTERS = 32_767  # Excel's own limit
CHUNK = 64 * 1024

# What zipfile, expat and the reading below raise for a file that is no XLSX or a damaged one.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    expat.ExpatError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


class Unreadable(Exception):
    """Not an XLSX file, or a broken one."""


class Cut(Unreadable):
    """It begins like an XLSX file but is cut short."""


class Protected(Unreadable):
    """A password locks its parts."""


class TooLarge(Exception):
    """Past a limit."""


class TooManyRows(TooLarge):
    """More rows than were asked for."""


def read_rows(data: bytes, *, max_rows: int, max_columns: int) -> list[tuple[int, list[str]]]:
    """The rows of the sheet that was in front when the file was saved, as far as its last filled cell, each with its
    number there.

    Rows missing from the file, and empty ones, are left out. Cells beyond `max_columns` are ignored. Raises TooLarge,
    Unreadable.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_bomb(archive, len(data))
            shared = _shared_strings(archive)
            return _sheet(archive, _front_sheet(archive), shared, max_rows, max_columns)
    except zipfile.BadZipFile as fault:
        raise Cut from fault
    except BROKEN as fault:
        raise Unreadable from fault


def _refuse_bomb(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse a small file (of `size` bytes) that unpacks to a large one, or to much to read. Python unpacks no more
    than the sizes that the file declares."""
    parts = archive.infolist()
    most = min(MAX_UNPACKED_BYTES, MAX_UNPACKED_AT_LEAST + MAX_UNPACKED_A_BYTE * size)
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > most:
        raise TooLarge
    marks, most = 0, min(MAX_MARKS, MAX_MARKS_AT_LEAST + MAX_MARKS_A_BYTE * size)
    for part in parts:
        if part.flag_bits & 1:
            raise Protected
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable
        with archive.open(part) as file:
            while chunk := file.read(CHUNK):
                marks += chunk.count(b"<") + chunk.count(b"=")
                if marks > most:
                    raise TooLarge


def _front_sheet(archive: zipfile.ZipFile) -> str:
    """The name of the part with the front sheet's cells."""
    sheets: list[str] = []
    targets: dict[str, str] = {}
    front = 0

    def in_workbook(tag: str, attributes: dict[str, str]) -> None:
        nonlocal front
        if tag == "sheet":
            sheets.extend(value for name, value in attributes.items() if name.endswith(":id"))
        elif tag == "workbookView":
            front = int(attributes.get("activeTab", 0))

    def in_relations(tag: str, attributes: dict[str, str]) -> None:
        if tag == "Relationship":
            targets[attributes["Id"]] = attributes["Target"]

    _parse(archive, "xl/workbook.xml", start=in_workbook)
    _parse(archive, "xl/_rels/workbook.xml.rels", start=in_relations)
    return posixpath.normpath(posixpath.join("/xl", targets[sheets[front]])).lstrip("/")


def _shared_strings(archive: zipfile.ZipFile) -> list[str]:
    """Texts that cells refer to by number. A text may be in runs of different fonts; how it is read aloud (rPh) is
    left out."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    strings: list[str] = []
    runs: list[str] = []
    aloud = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal aloud
        if tag == "si":
            runs.clear()
        elif tag == "rPh":
            aloud = True

    def end(tag: str, text: str) -> None:
        nonlocal aloud
        if tag == "t" and not aloud:
            runs.append(text)
        elif tag == "rPh":
            aloud = False
        elif tag == "si":
            strings.append("".join(runs))

    _parse(archive, "xl/sharedStrings.xml", start=start, end=end)
    return strings


def _sheet(
    archive: zipfile.ZipFile, part: str, shared: list[str], max_rows: int, max_columns: int
) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, list[str]]] = []
    row: list[str] = []
    met, number, column, kind, cell = 0, 0, 0, "n", ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, met, number, column, kind, cell
        if tag == "row":
            met += 1
            if met > max_rows:
                raise TooManyRows
            number = int(attributes.get("r", number + 1))
            row, column = [], 0
        elif tag == "c":
            column = _column(attributes["r"]) if "r" in attributes else column + 1
            kind, cell = attributes.get("t", "n"), ""

    def end(tag: str, text: str) -> None:
        nonlocal cell
        if tag == "v" or (tag == "t" and kind == "inlineStr"):
            cell += text
        elif tag == "c" and cell and column <= max_columns:
            row.extend([""] * (column - len(row)))
            row[column - 1] = shared[int(cell)] if kind == "s" else _number(cell) if kind == "n" else cell
        elif tag == "row" and row:
            rows.append((number, row))

    _parse(archive, part, start=start, end=end)
    return rows


def _column(reference: str) -> int:
    """ "C7" is in column 3."""
    letters = re.match(r"[A-Z]{1,3}", reference)
    if letters is None:
        raise Unreadable
    column = 0
    for letter in letters[0]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column


def _number(text: str) -> str:
    """As a person would write it: an identity number without exponent or fraction."""
    value = float(text)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else text


def _parse(
    archive: zipfile.ZipFile,
    part: str,
    *,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str, str], None] = lambda tag, text: None,
) -> None:
    """Call `start` with each tag and its attributes, `end` with each tag and the text right before its end."""
    pieces: list[str] = []
    letters = 0

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal letters
        pieces.clear()
        letters = 0
        start(name.rpartition(":")[2], attributes)

    def on_text(text: str) -> None:
        nonlocal letters
        letters += len(text)
        if letters > MAX_CELL_LETTERS:
            raise TooLarge
        pieces.append(text)

    def on_end(name: str) -> None:
        nonlocal letters
        end(name.rpartition(":")[2], "".join(pieces))
        pieces.clear()
        letters = 0

    def on_doctype(*declared: object) -> None:
        raise Unreadable  # no spreadsheet has one: only entities that unfold, or that read other files, need it

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = on_start
    parser.EndElementHandler = on_end
    parser.CharacterDataHandler = on_text
    parser.StartDoctypeDeclHandler = on_doctype
    fed = 0
    with archive.open(part) as file:
        while chunk := file.read(CHUNK):
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > MAX_TAG_BYTES + CHUNK:
                raise TooLarge  # a tag that does not end
    parser.Parse(b"", True)
