"""Members from a file of i-member's: shown first, then all of it or nothing.

The columns are COLUMNS, in any order. Only `member_number` must be there: a column that is left out leaves what is
stored, and so does an empty `citizen_id`, since an export has none. Citizen IDs are turned into their HMAC before
anything else happens, so no row, refusal or preview can show one.
"""

import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import tablib
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.results import Error
from import_export.tmp_storages import BaseStorage
from import_export.widgets import BooleanWidget
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from members.citizen_id import citizen_id_hmac, parse_citizen_id, parse_member_number
from members.errors import InvalidCitizenId, InvalidMemberNumber
from members.files.spreadsheets import MAX_ROWS, FileRefused, defused, read, undefused
from members.models import Member
from members.phones import parse_phone

COLUMNS = (
    "member_number",
    "citizen_id",
    "title",
    "given_name",
    "family_name",
    "phone",
    "email",
    "registered",
)
EXPORTED = tuple(column for column in COLUMNS if column != "citizen_id")
UPDATED = (
    "title",
    "given_name",
    "family_name",
    "phone",
    "email",
    "is_registered",
    "citizen_id_hmac",
    "imported_at",
)
YES = {"1", "true", "yes", "y", "ใช่", "สมัครแล้ว"}
NO = {"0", "false", "no", "n", "ไม่", "ไม่ใช่", "ยังไม่สมัคร"}
INVALID = "invalid"


class MemberResource(ModelResource):
    """What django-import-export needs to know of a member. One instance for each import."""

    registered = Field(attribute="is_registered", column_name="registered", widget=BooleanWidget())

    class Meta:
        model = Member
        fields = EXPORTED
        import_id_fields = ("member_number",)
        skip_unchanged = True
        report_skipped = False
        use_bulk = True

    def import_data(self, dataset, dry_run=False, **options):
        """All or nothing, whatever the caller asks for."""
        return super().import_data(
            dataset,
            dry_run,
            **options | {"use_transactions": True, "rollback_on_validation_errors": True},
        )

    def before_import(self, dataset, **options):
        """Raises FileRefused, which is shown above the rows, of which then none are left."""
        try:
            _refuse_shape(dataset)
        except FileRefused:
            dataset.wipe()
            raise
        take_out_citizen_ids(dataset)
        self._citizen_ids = _pop_citizen_ids(dataset)
        numbers = {number for cell in dataset["member_number"] if (number := _member_number(cell))}
        # Against a change between here and the save; NO KEY, so that members can go on booking.
        stored = Member.objects.filter(member_number__in=numbers).order_by("pk").select_for_update(no_key=True)
        self._members = {member.member_number: member for member in stored}
        self._owners = dict(
            Member.objects.filter(citizen_id_hmac__in=self._citizen_ids).values_list("citizen_id_hmac", "member_number")
        )
        self._row_of = {}

    def before_import_row(self, row, row_number, **options):
        """Put the row's cells in the form in which they are stored. Raises ValidationError with all that is wrong."""
        faults = {}
        for column, cell in row.items():
            try:
                row[column] = CLEAN.get(column, str)(undefused(cell))
            except ValidationError as fault:
                faults[column] = fault
        for column, value, fault in (
            ("member_number", row["member_number"], _("เลขทะเบียนนี้ซ้ำกับแถวที่ %d")),
            ("citizen_id", self._citizen_ids[row_number - 1], _("เลขประจำตัวประชาชนซ้ำกับแถวที่ %d")),
        ):
            first = self._row_of.setdefault((column, value), row_number)
            if value and value != INVALID and first != row_number:
                faults.setdefault(column, ValidationError(fault % first))
        if citizen_id_fault := self._citizen_id_fault(row, self._citizen_ids[row_number - 1]):
            faults.setdefault("citizen_id", ValidationError(citizen_id_fault))
        if faults:
            raise ValidationError(faults)

    def get_instance(self, instance_loader, row):
        return self._members.get(row["member_number"])

    def import_instance(self, instance, row, row_number, **options):
        super().import_instance(instance, row, **options)
        if citizen_id := self._citizen_ids[row_number - 1]:
            instance.citizen_id_hmac = citizen_id

    def skip_row(self, instance, original, row, import_validation_errors=None):
        same_citizen_id = instance.citizen_id_hmac == original.citizen_id_hmac
        return same_citizen_id and super().skip_row(instance, original, row, import_validation_errors)

    def validate_instance(self, instance, import_validation_errors=None, validate_unique=True):
        """Fields only: what is unique was looked up for the whole file at once."""
        faults = import_validation_errors or {}
        try:
            instance.clean_fields(exclude=faults)
        except ValidationError as fault:
            faults = fault.update_error_dict(faults)
        if faults:
            raise ValidationError(faults)

    def before_save_instance(self, instance, row, user=None, **options):
        instance.imported_at = timezone.now()
        instance._history_user = user
        instance._change_reason = _("นำเข้าจากไฟล์")

    def bulk_create(self, using_transactions, dry_run, raise_errors, batch_size=None, result=None):
        self._write(self.create_instances, result, bulk_create_with_history)

    def bulk_update(self, using_transactions, dry_run, raise_errors, batch_size=None, result=None):
        self._write(self.update_instances, result, bulk_update_with_history, fields=UPDATED)

    def export_field(self, field, instance, **options):
        return defused(super().export_field(field, instance, **options))

    def get_user_visible_fields(self):
        """The columns a file may have, for the page that asks for one."""
        return [Field(column_name=column) for column in COLUMNS]

    @classmethod
    def get_error_result_class(cls):
        return _FaultWithoutTraceback

    def _write(self, members, result, write, **options):
        """A preview writes too, and is rolled back: what the database would refuse, it says."""
        try:
            if members:
                write(members, Member, **options)
        except IntegrityError:
            self.handle_import_error(result, FileRefused(_("ระหว่างนี้มีผู้แก้ไขข้อมูลสมาชิก จึงยังไม่ได้นำเข้า กรุณาเลือกไฟล์อีกครั้ง")))
        finally:
            members.clear()

    def _citizen_id_fault(self, row, citizen_id: str) -> str:
        if citizen_id == INVALID:
            return str(InvalidCitizenId())
        if self._owners.get(citizen_id, row["member_number"]) != row["member_number"]:
            return _("เลขประจำตัวประชาชนนี้เป็นของสมาชิกท่านอื่นแล้ว กรุณาตรวจอีกครั้ง")
        return ""


class ImportedFile(BaseStorage):
    """Where a file waits between its preview and its confirmation: without the citizen IDs, for an hour at
    most. To be the admin's `tmp_storage_class`."""

    PREFIX = "queuesite-members-"
    KEPT = 3600  # seconds
    refusal = None

    def save(self, data: bytes) -> None:
        """What cannot be taken is refused by read(), where the admin expects it."""
        try:
            dataset = read(data)
        except FileRefused as refusal:
            self.refusal = refusal
            return
        take_out_citizen_ids(dataset)
        forget_old()
        handle, path = tempfile.mkstemp(prefix=self.PREFIX)
        with os.fdopen(handle, "wb") as file:
            file.write(dataset.export("csv").encode())
        self.name = Path(path).name

    def read(self) -> bytes:
        """The file as CSV. Raises FileRefused."""
        if self.refusal:
            raise self.refusal
        try:
            return self._path().read_bytes()
        except FileNotFoundError:
            raise FileRefused(_("ไฟล์นี้นำเข้าไปแล้ว หรือรอยืนยันนานเกินไป กรุณาเลือกไฟล์อีกครั้ง")) from None

    def remove(self) -> None:
        self._path().unlink(missing_ok=True)

    def _path(self) -> Path:
        """The name comes back from a form, so it may say anything."""
        name = self.name if re.fullmatch(rf"{self.PREFIX}\w+", self.name or "") else f"{self.PREFIX}none"
        return Path(tempfile.gettempdir()) / name


def forget_old() -> None:
    """Delete the files that nobody has confirmed for an hour; a job does it, and who brings in the next one."""
    for path in Path(tempfile.gettempdir()).glob(f"{ImportedFile.PREFIX}*"):
        with suppress(FileNotFoundError, PermissionError):
            if path.stat().st_mtime < time.time() - ImportedFile.KEPT:
                path.unlink()


class _FaultWithoutTraceback(Error):
    traceback = ""


def take_out_citizen_ids(dataset: tablib.Dataset) -> None:
    """Put in place of each citizen ID its HMAC, marked as one, or "invalid". Doing it twice changes nothing."""
    if "citizen_id" in dataset.headers:
        cells = [_without_citizen_id(cell) for cell in dataset["citizen_id"]]
        del dataset["citizen_id"]
        dataset.append_col(cells, header="citizen_id")


def _without_citizen_id(cell: str) -> str:
    if not cell or cell == INVALID or re.fullmatch(r"hmac:[0-9a-f]{64}", cell):
        return cell
    try:
        return f"hmac:{citizen_id_hmac(parse_citizen_id(cell))}"
    except InvalidCitizenId:
        return INVALID


def _pop_citizen_ids(dataset: tablib.Dataset) -> list[str]:
    """The HMACs of the rows ("" for none, or "invalid"), which then are no longer in the dataset."""
    if "citizen_id" not in dataset.headers:
        return [""] * len(dataset)
    cells = [cell.removeprefix("hmac:") for cell in dataset["citizen_id"]]
    del dataset["citizen_id"]
    return cells


def _refuse_shape(dataset: tablib.Dataset) -> None:
    headings = dataset.headers or []
    unknown = [heading for heading in headings if heading not in COLUMNS]
    if unknown or "member_number" not in headings:
        raise FileRefused(_("ไฟล์ต้องมีคอลัมน์ member_number และใช้ได้เฉพาะ %s กรุณาแก้แถวแรกของไฟล์") % ", ".join(COLUMNS))
    if len(dataset) > MAX_ROWS:
        raise FileRefused(_("ไฟล์มีเกิน %d แถว กรุณาแบ่งเป็นหลายไฟล์") % MAX_ROWS)


def _member_number(cell: str) -> str | None:
    try:
        return parse_member_number(undefused(cell))
    except InvalidMemberNumber:
        return None


def _clean_member_number(cell: str) -> str:
    number = _member_number(cell)
    if number is None:
        raise ValidationError(str(InvalidMemberNumber()))
    return number


def _clean_phone(cell: str) -> str:
    try:
        return parse_phone(cell)
    except ValueError:
        raise ValidationError(_("หมายเลขโทรศัพท์ไม่ถูกต้อง กรุณากรอกเป็นตัวเลข เช่น 081 234 5678")) from None


def _clean_registered(cell: str) -> str:
    answer = cell.lower()
    if answer not in YES | NO:
        raise ValidationError(_("กรุณาใส่ 1 เมื่อสมัครไอเมมเบอร์แล้ว หรือ 0 เมื่อยังไม่สมัคร"))
    return str(int(answer in YES))


CLEAN = {"member_number": _clean_member_number, "phone": _clean_phone, "registered": _clean_registered}
