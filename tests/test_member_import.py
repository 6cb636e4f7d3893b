"""Members come in from a file whole or not at all, no citizen ID is shown or kept on the way, and bombs are refused."""

import csv
import io
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
import tablib
from django.db import connection
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from members.citizen_id import citizen_id_hmac
from members.files import xlsx
from members.files.importing import COLUMNS, EXPORTED, ImportedFile, MemberResource
from members.files.spreadsheets import (
    MAX_BYTES,
    MAX_ROWS,
    STARTS_A_FORMULA,
    FileRefused,
    SpreadsheetFile,
    defused,
    read,
    undefused,
)
from members.models import Member
from queuesite.settings import BASE_DIR
from tests.factories import make_citizen_id, make_member, make_user

CITIZEN_ID = "1234567890121"
ROW = {
    "member_number": "100001",
    "citizen_id": CITIZEN_ID,
    "title": "นาง",
    "given_name": "สมศรี",
    "family_name": "ใจดี",
    "phone": "0812345678",
    "email": "somsri@example.org",
    "registered": "1",
}


def csv_file(*rows, columns=None, encoding="utf-8-sig", delimiter=",") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_file(*rows, columns=None) -> bytes:
    workbook = openpyxl.Workbook()
    columns = columns or list(rows[0])
    workbook.active.append(columns)
    for row in rows:
        workbook.active.append([row[column] for column in columns])
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def bring_in(file: bytes, **options):
    return MemberResource().import_data(SpreadsheetFile().create_dataset(file), **options)


def numbered(count, **changes):
    return [
        ROW | {"member_number": str(100001 + n), "citizen_id": make_citizen_id(n + 1)} | changes for n in range(count)
    ]


def faults(result) -> list[tuple[int, dict]]:
    return [(row.number, row.error_dict) for row in result.invalid_rows]


def shown(result) -> str:
    """Everything of a result that the page of a preview could show."""
    texts = [str(result.failed_dataset), str(result.diff_headers)]
    for row in result.rows:
        texts += [str(row.diff), str(row.row_values), str(row.errors), str(row.validation_error), str(row.object_repr)]
    for row in result.invalid_rows:
        texts += [str(row.values), str(row.error_dict), repr(row)]
    texts += [repr(fault) + fault.traceback for fault in result.base_errors]
    return "\n".join(texts)


# --- what a row may say -------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("make_file", [csv_file, xlsx_file])
def test_a_file_through_preview_and_import(make_file):
    file = make_file(*numbered(3))
    preview = bring_in(file, dry_run=True)
    assert not preview.has_errors() and not preview.has_validation_errors()
    assert preview.totals["new"] == 3
    assert not Member.objects.exists()

    user = make_user()
    assert bring_in(file, user=user).totals["new"] == 3
    member = Member.objects.get(member_number="100001")
    assert member.citizen_id_hmac == citizen_id_hmac(make_citizen_id(1))
    assert {name: value for name, value in model_to_dict(member).items() if name != "id"} == {
        "member_number": "100001",
        "title": "นาง",
        "given_name": "สมศรี",
        "family_name": "ใจดี",
        "phone": "0812345678",
        "email": "somsri@example.org",
        "is_registered": True,
    }
    assert member.imported_at
    assert member.history.get().history_user == user


@pytest.mark.django_db
def test_rows_that_change_nothing_are_left_alone_and_others_are_updated():
    bring_in(csv_file(*numbered(3)))
    first = Member.objects.get(member_number="100001")
    rows = numbered(4)
    rows[1]["family_name"] = "ใจงาม"
    rows[2]["citizen_id"] = CITIZEN_ID
    user = make_user()
    totals = bring_in(csv_file(*rows), user=user).totals
    assert (totals["new"], totals["update"], totals["skip"]) == (1, 2, 1)
    assert Member.objects.get(member_number="100001").imported_at == first.imported_at
    second = Member.objects.get(member_number="100002")
    assert second.family_name == "ใจงาม"
    assert second.imported_at > first.imported_at
    assert [(past.history_type, past.family_name, past.history_user) for past in second.history.all()] == [
        ("~", "ใจงาม", user),
        ("+", "ใจดี", None),
    ]
    assert Member.objects.get(member_number="100003").citizen_id_hmac == citizen_id_hmac(CITIZEN_ID)


@pytest.mark.django_db
def test_what_a_file_leaves_out_stays():
    bring_in(csv_file(ROW))
    bring_in(csv_file({"member_number": "100001", "citizen_id": "", "registered": "0"}))
    member = Member.objects.get()
    assert not member.is_registered
    assert member.citizen_id_hmac == citizen_id_hmac(CITIZEN_ID)
    assert member.given_name == "สมศรี"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ({"member_number": " ๑๐๐-๐๐๑ "}, {"member_number": "100001"}),
        ({"member_number": "000042"}, {"member_number": "000042"}),
        ({"citizen_id": "๑-๒๓๔๕-๖๗๘๙๐-๑๒-๑"}, {"citizen_id_hmac": "the same"}),
        ({"phone": "+66 81-234-5678"}, {"phone": "0812345678"}),
        ({"phone": "๐๘๑๒๓๔๕๖๗๘"}, {"phone": "0812345678"}),
        ({"phone": "812345678"}, {"phone": "0812345678"}),
        ({"phone": "", "email": "", "family_name": "", "title": ""}, {"phone": "", "email": "", "family_name": ""}),
        ({"registered": "ใช่"}, {"is_registered": True}),
        ({"registered": "TRUE"}, {"is_registered": True}),
        ({"registered": "ยังไม่สมัคร"}, {"is_registered": False}),
        ({"given_name": "  สม \t ศรี\u0007 "}, {"given_name": "สม ศรี"}),
        ({"given_name": "'=SUM(A1)"}, {"given_name": "=SUM(A1)"}),
        ({"given_name": "D'Arcy", "family_name": "'Ali"}, {"given_name": "D'Arcy", "family_name": "'Ali"}),
    ],
)
def test_what_people_type_is_read(typed, stored):
    result = bring_in(csv_file(ROW | typed))
    assert faults(result) == []
    member = Member.objects.get()
    if "citizen_id_hmac" in stored:
        stored = {"citizen_id_hmac": citizen_id_hmac(CITIZEN_ID)}
    assert {name: getattr(member, name) for name in stored} == stored


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("column", "typed"),
    [
        ("member_number", ""),
        ("member_number", "A1"),
        ("member_number", "1234567890123"),
        ("citizen_id", "1234567890122"),
        ("citizen_id", "123"),
        ("given_name", ""),
        ("given_name", "ก" * 101),
        ("phone", "ไม่มี"),
        ("email", "somsri"),
        ("registered", ""),
        ("registered", "maybe"),
    ],
)
def test_a_wrong_cell_is_named_and_nothing_comes_in(column, typed):
    good, bad = numbered(2)
    result = bring_in(csv_file(good, bad | {column: typed}))
    ((number, where),) = faults(result)
    assert number == 2
    assert list(where) == [column]
    assert not Member.objects.exists(), "all or nothing"
    assert not Member.history.exists()


@pytest.mark.django_db
def test_all_that_is_wrong_with_a_row_is_said_at_once():
    wrong = {"member_number": "x", "citizen_id": "1", "phone": "y", "registered": "z"}
    ((_, where),) = faults(bring_in(csv_file(ROW | wrong)))
    assert set(where) == set(wrong)


@pytest.mark.django_db
def test_rows_that_repeat_one_another_are_refused():
    rows = numbered(4)
    rows[2]["member_number"] = "๑๐๐๐๐๑"
    rows[3]["citizen_id"] = " " + rows[1]["citizen_id"]
    assert faults(bring_in(csv_file(*rows))) == [
        (3, {"member_number": ["เลขทะเบียนนี้ซ้ำกับแถวที่ 1"]}),
        (4, {"citizen_id": ["เลขประจำตัวประชาชนซ้ำกับแถวที่ 2"]}),
    ]
    assert not Member.objects.exists()


@pytest.mark.django_db
def test_a_citizen_id_of_another_member_is_refused():
    make_member(member_number="999", citizen_id=CITIZEN_ID)
    ((_, where),) = faults(bring_in(csv_file(ROW)))
    assert list(where) == ["citizen_id"]
    assert Member.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "columns", [["given_name"], [*COLUMNS, "birth_date"], ["member_number", "citizenid"], ["เลขทะเบียน", "ชื่อ"]]
)
def test_columns_that_are_not_known_are_refused_with_those_that_are(columns):
    result = bring_in(csv_file(dict.fromkeys(columns, "1"), columns=columns))
    (fault,) = result.base_errors
    assert "member_number" in str(fault.error)
    assert fault.traceback == ""
    assert (result.rows, result.invalid_rows) == ([], [])
    assert not Member.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{}, {"family_name": "ใจงาม"}], ids=["unchanged", "changed"])
def test_however_many_rows_the_database_is_asked_as_often(change):
    def questions(count):
        bring_in(csv_file(*numbered(count)))
        with CaptureQueriesContext(connection) as asked:
            totals = bring_in(csv_file(*numbered(count, **change))).totals
        assert totals["update" if change else "skip"] == count
        return len(asked)

    assert questions(300) == questions(3)


@pytest.mark.django_db
def test_what_another_brought_in_meanwhile_is_not_written_over():
    class Slow(MemberResource):
        def before_import(self, dataset, **options):
            super().before_import(dataset, **options)
            make_member(member_number="100002", family_name="ของคนอื่น")

    for dry_run in (True, False):
        result = Slow().import_data(read(csv_file(*numbered(3))), dry_run=dry_run)
        assert [str(fault.error) for fault in result.base_errors] == [
            "ระหว่างนี้มีผู้แก้ไขข้อมูลสมาชิก จึงยังไม่ได้นำเข้า กรุณาเลือกไฟล์อีกครั้ง"
        ]
        assert not Member.objects.filter(family_name="ใจดี").exists()


# --- no citizen ID on the way -------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("make_file", [csv_file, xlsx_file])
def test_no_preview_refusal_or_waiting_file_shows_a_citizen_id(make_file, caplog):
    caplog.set_level(0)
    rows = numbered(8)
    rows[1]["member_number"] = "x"
    rows[2]["phone"] = "x"
    rows[3]["citizen_id"] = "1234567890122"
    rows[4]["citizen_id"] = rows[5]["citizen_id"]
    planted = {row["citizen_id"] for row in rows}
    hmacs = {citizen_id_hmac(citizen_id) for citizen_id in planted}
    file = make_file(*rows)

    waiting = ImportedFile(read_mode="rb")
    waiting.save(file)
    path = Path(tempfile.gettempdir()) / waiting.name
    assert path.stat().st_mode & 0o077 == 0
    at_rest = path.read_bytes().decode()
    assert not [citizen_id for citizen_id in planted if citizen_id in at_rest]

    again = ImportedFile(name=waiting.name, read_mode="rb").read()
    direct = bring_in(file, dry_run=True, collect_failed_rows=True)
    waited = bring_in(again, dry_run=True, collect_failed_rows=True)
    assert faults(direct) == faults(waited)
    assert len(faults(direct)) == 4
    for result in (direct, waited):
        text = shown(result) + caplog.text
        assert "สมศรี" in text
        assert not [secret for secret in planted | hmacs if secret in text]
    waiting.remove()
    assert not path.exists()


@pytest.mark.django_db
def test_a_file_comes_in_after_it_waited():
    waiting = ImportedFile(read_mode="rb")
    waiting.save(xlsx_file(ROW))
    later = ImportedFile(name=waiting.name, read_mode="rb", encoding=None)
    assert bring_in(later.read()).totals["new"] == 1
    assert Member.objects.get().citizen_id_hmac == citizen_id_hmac(CITIZEN_ID)
    later.remove()
    with pytest.raises(FileRefused):
        later.read()


def test_what_cannot_be_read_is_refused_when_it_is_read_back():
    waiting = ImportedFile(read_mode="rb")
    waiting.save(b"PK\x03\x04 broken")
    assert waiting.name is None
    with pytest.raises(FileRefused):
        waiting.read()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "queuesite-members-/../x", "", "passwd"])
def test_the_name_of_a_waiting_file_opens_no_other(name):
    with pytest.raises(FileRefused):
        ImportedFile(name=name, read_mode="rb").read()


def test_files_that_nobody_confirmed_are_forgotten():
    forgotten, fresh = ImportedFile(read_mode="rb"), ImportedFile(read_mode="rb")
    forgotten.save(csv_file(ROW))
    path = Path(tempfile.gettempdir()) / forgotten.name
    os.utime(path, (time.time() - 7200,) * 2)
    fresh.save(csv_file(ROW))
    assert not path.exists()
    assert fresh.read()
    fresh.remove()


# --- out again ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_has_no_citizen_id_and_comes_in_again_as_it_was(form):
    bring_in(csv_file(*numbered(3)))
    Member.objects.filter(member_number="100002").update(given_name="=1+1", family_name="'+x", is_registered=False)
    dataset = MemberResource().export(force_native_type=form == "xlsx")
    assert tuple(dataset.headers) == EXPORTED
    assert dataset["given_name"][1] == "'=1+1"
    file = dataset.export(form)
    file = file.encode("utf-8-sig") if form == "csv" else file
    before = list(Member.objects.values())
    for secret in [make_citizen_id(1), before[0]["citizen_id_hmac"]]:
        assert secret not in str(read(file))
    assert bring_in(file).totals["skip"] == 3
    assert list(Member.objects.values()) == before
    chosen = MemberResource().export(export_fields=["member_number", "citizen_id", "citizen_id_hmac"])
    assert chosen.headers == ["member_number"]


@pytest.mark.django_db
def test_ten_thousand_cells_of_which_none_is_a_formula():
    rnd = random.Random(2569)
    starts = [*STARTS_A_FORMULA, "'", "", "ก", "a", "0", " "]
    cells = ["".join(rnd.choices(starts, k=rnd.randrange(5))) + "cmd|' /C calc'!A0" for _ in range(9_990)]
    cells += ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''=1", "'"]
    for cell in cells:
        safe = defused(cell)
        assert not safe.startswith(STARTS_A_FORMULA)
        assert undefused(safe) == cell
    workbook = openpyxl.load_workbook(
        io.BytesIO(tablib.Dataset(*[[defused(cell)] for cell in cells], headers=["x"]).export("xlsx"))
    )
    assert "f" not in {cell.data_type for row in workbook.active.rows for cell in row}
    Member.objects.bulk_create(
        Member(member_number=str(n), given_name=cell[:100]) for n, cell in enumerate(cells[:500])
    )
    for row in MemberResource().export():
        assert not [cell for cell in row if cell.startswith(STARTS_A_FORMULA)]


# --- which files are read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file",
    [
        csv_file(ROW),
        csv_file(ROW, encoding="utf-8"),
        csv_file(ROW, encoding="cp874"),
        csv_file(ROW, encoding="utf-16", delimiter="\t"),
        csv_file(ROW, delimiter=";"),
        csv_file(ROW).replace(b"\r\n", b"\n"),
        csv_file(ROW) + b"\r\n,,\r\n\r\n",
        csv_file(ROW).replace(b"member_number", b" Member_Number "),
        xlsx_file(ROW),
        xlsx_file(ROW | {"member_number": 100001, "citizen_id": int(CITIZEN_ID), "registered": True}),
        xlsx_file(ROW | {"member_number": 100001.0, "citizen_id": float(CITIZEN_ID), "registered": 1.0}),
    ],
    ids=range(11),
)
def test_files_as_programs_save_them(file):
    dataset = read(file)
    assert dataset.dict == [ROW]


EXCEL = {
    "xl/workbook.xml": '<x:workbook xmlns:x="m" xmlns:r="r"><x:bookViews><x:workbookView activeTab="1"/></x:bookViews>'
    '<x:sheets><x:sheet name="a" r:id="rId7"/><x:sheet name="b" r:id="rId3"/></x:sheets></x:workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId7" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="rId3" Target="/xl/worksheets/sheet2.xml"/></Relationships>',
    "xl/sharedStrings.xml": "<sst><si><t>member_number</t></si>"
    "<si><r><rPr><b/></rPr><t>given</t></r><r><t>_name</t></r>"
    '<rPh sb="0" eb="1"><t>aloud</t></rPh></si><si><t xml:space="preserve"> สม &amp; ศรี </t></si></sst>',
    "xl/worksheets/sheet1.xml": "<worksheet><sheetData/></worksheet>",
    "xl/worksheets/sheet2.xml": '<worksheet><dimension ref="A1:XFD1048576"/><sheetData>'
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    '<row r="5"><c r="A5"><f>1+1</f><v>1.00001E5</v></c><c r="B5" t="s"><v>2</v></c><c r="XFD5"><v>9</v></c></row>'
    '<row r="1048576"><c r="B1048576" t="str"><v>x</v></c></row>'
    "</sheetData></worksheet>",
}


def packed(parts: dict) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_an_xlsx_as_excel_may_write_it():
    dataset = read(packed(EXCEL))
    assert dataset.headers == ["member_number", "given_name"]
    assert list(dataset) == [("100001", "สม & ศรี"), ("", "x")]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\r\n\r\n",
        b"member_number,member_number\r\n1,2\r\n",
        b"member_number,,title\r\n1,2,3\r\n",
        b"member_number\r\n1,2\r\n",
        b'member_number,given_name\r\n1,"open\r\n2,x\r\n',
        b"member_number\r\n1\0\r\n",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),  # .xls, or an .xlsx with a password
        b"PK\x03\x04",
        packed({"hello.txt": "hello"}),
        packed(EXCEL | {"xl/workbook.xml": "<workbook/>"}),
        packed(EXCEL | {"xl/worksheets/sheet2.xml": "<worksheet>"}),
        b"member_number\r\n" + b"x" * MAX_BYTES,
        b"member_number\r\n" + b"1\r\n" * (MAX_ROWS + 1),
    ],
    ids=range(14),
)
def test_other_files_are_refused_in_words(file):
    with pytest.raises(FileRefused) as refusal:
        read(file)
    assert "กรุณา" in str(refusal.value)


def test_as_many_rows_as_allowed_are_read():
    assert len(read(b"member_number\r\n" + b"1\r\n" * MAX_ROWS + b"\r\n")) == MAX_ROWS


def test_a_damaged_xlsx_is_refused_and_never_crashes():
    rnd = random.Random(2569)
    whole = packed(EXCEL)
    outcomes = set()
    for n in range(3000):
        parts = dict(EXCEL)
        name = rnd.choice(list(parts))
        file = packed(parts | {name: damaged(parts[name].encode(), rnd)}) if n % 2 else damaged(whole, rnd)
        try:
            xlsx.read_rows(file, max_rows=10, max_columns=5)
            outcomes.add("read")
        except (xlsx.Unreadable, xlsx.TooLarge) as refusal:
            outcomes.add(type(refusal).__name__)
    assert {"read", "Unreadable"} <= outcomes


def damaged(data: bytes, rnd: random.Random) -> bytes:
    data = bytearray(data)
    for _ in range(rnd.choice([1, 1, 2, 5])):
        place = rnd.randrange(len(data))
        length = rnd.choice([0, 1, 1, 10])
        data[place : place + length] = rnd.choice([b"", b"<", b'"', b"&", b"9", b"-9", bytes([rnd.randrange(256)])])
    return bytes(data)


# --- bombs --------------------------------------------------------------------------------------------------------


def sheet(content: str) -> bytes:
    return packed(EXCEL | {"xl/worksheets/sheet2.xml": f"<worksheet><sheetData>{content}</sheetData></worksheet>"})


def billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE worksheet [<!ENTITY a0 "ha">{entities}]>'
    return packed(EXCEL | {"xl/worksheets/sheet2.xml": f"{doctype}<worksheet><t>&a9;</t></worksheet>"})


def outside_file() -> bytes:
    doctype = '<!DOCTYPE worksheet [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    return packed(EXCEL | {"xl/worksheets/sheet2.xml": f"{doctype}<worksheet><t>&a;</t></worksheet>"})


BOMBS = {
    "zeros": lambda: packed(EXCEL | {"xl/media/image1.png": bytes(200_000_000)}),
    "many parts": lambda: packed(EXCEL | {f"xl/{n}.xml": "" for n in range(1000)}),
    "cells": lambda: sheet("<row>" + "<c/>" * 5_000_000 + "</row>"),
    "rows": lambda: sheet("<row/>" * 1_000_000),
    "attributes": lambda: sheet("<row " + " ".join(f'a{n:x}=""' for n in range(1_000_000)) + "/>"),
    "one long name": lambda: sheet("<" + "x" * 30_000_000 + "/>"),
    "one long text": lambda: sheet("<row><c><v>" + "1" * 30_000_000 + "</v></c></row>"),
    "shared strings": lambda: packed(EXCEL | {"xl/sharedStrings.xml": "<sst>" + "<si/>" * 5_000_000 + "</sst>"}),
    "billion laughs": billion_laughs,
    "outside file": outside_file,
    "one long cell": lambda: b'member_number\n"' + b"x" * 9_000_000,
    "empty lines": lambda: b"member_number\n" + b"\n" * 9_000_000,
    "one long line": lambda: b"member_number\n" + b"1," * 4_000_000,
}

# Reads the file within 256 MB more than Python takes with what is imported; prints whether it was refused.
READ = """
import resource, sys
from django.conf import settings
settings.configure(USE_I18N=False)
from members.files.spreadsheets import FileRefused, read
with open("/proc/self/statm") as statm:
    now = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 256 * 1024 * 1024,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
try:
    read(sys.stdin.buffer.read())
    print("read")
except FileRefused:
    print("refused")
"""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_within_256_mb(name):
    answer = subprocess.run(
        [sys.executable, "-c", READ],
        input=BOMBS[name](),
        cwd=BASE_DIR,
        capture_output=True,
    )
    assert answer.stdout.decode().strip() == "refused", answer.stderr.decode()[-2000:]
