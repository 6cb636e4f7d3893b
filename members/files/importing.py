"""Imports members from a file of i-member: stored, checked in the background, shown, then imported completely or not at
all.

The columns are those of columns.py, in any order. Only the member number is required. A missing column leaves the
stored values as they are, and so does an empty citizen ID, since an export has none. Citizen IDs are turned into their
HMAC before anything is written anywhere, so no row, refusal, preview or temporary file can show one.

A file waits in the database, so any web process can show it and any worker can continue with it. Both jobs lock its row
and do nothing unless it is in the state that they start from. So each acts only once, even if it runs twice, at the
same time or after a crash.
"""

import gzip
import io
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Self, TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from members.erased import Erased, renew
from members.files import columns
from members.files.spreadsheets import FileRefused, read, undefused
from members.free_text import masked
from members.models import Member, MemberFile, MemberFileProgress, MemberNumbering
from members.numbers import padded, proposed_width, significant

log = logging.getLogger(__name__)

KEPT = timedelta(hours=1)
GIVEN_UP = timedelta(hours=1)
MAX_FAULTS = 500
BATCH = 2_000
T = TypeVar("T")
UPDATED = {
    "member_number": "varchar",
    "title": "varchar",
    "given_name": "varchar",
    "family_name": "varchar",
    "phone": "varchar",
    "email": "varchar",
    "is_registered": "boolean",
    "citizen_id_hmac": "varchar",
    "imported_at": "timestamptz",
    "left_at": "timestamptz",
}
# For a preview, its job and its import: what is compared of a stored member.
COMPARED = [name for name in UPDATED if name != "imported_at"]


class Outcome(StrEnum):
    """What becomes of a row; as a letter in MemberFile.outcomes."""

    NEW = "n"
    CHANGED = "c"
    UNCHANGED = "u"
    FAULTY = "f"
    ERASED = "e"  # has asked to be forgotten: not brought in


@dataclass(slots=True)
class Row:
    """A row and what it means for the members there are. `typed` is its number as the file has it."""

    line: int
    typed: str
    outcome: Outcome
    values: dict[str, Any]
    member_id: int | None = None
    faults: list[columns.Fault] = field(default_factory=list)
    citizen_id_hmacs: list[str] = field(default_factory=list)  # under the key in use, then under those of before


class _Stale(Exception):
    """What staff were shown is no longer true."""


# --- in the request -----------------------------------------------------------------------------------------------


def take_in(data: bytes, *, name: str, by: User) -> MemberFile:
    """Store a file, which a job will check. Raises FileRefused."""
    table = read(data, is_heading=lambda cell: columns.column_of(cell) == "member_number")
    names = _columns(table.headings)
    packed, lengths = io.BytesIO(), set()
    number_at = names.index("member_number")
    citizen_id_at = names.index("citizen_id") if "citizen_id" in names else None
    with gzip.open(packed, "wt", compresslevel=4, encoding="utf-8") as lines:
        for line, cells in table.rows:
            cells = [undefused(cell) for cell in cells]
            for at, cell in enumerate(cells):
                # We must not keep an ID in the wrong column either.
                cells[at] = columns.without_citizen_id(cell) if at == citizen_id_at else masked(cell)
            lengths.add(len(cells[number_at]))
            lines.write(json.dumps([line, *cells], ensure_ascii=False) + "\n")
    with transaction.atomic():
        file = _kept(names, packed.getvalue(), len(table.rows), name=masked(name)[:100], by=by)
        async_task("members.files.importing.check", file.pk)
    return file


def take_in_directory(people: Iterable[Mapping[str, str]], *, name: str) -> MemberFile:
    """Keep what a directory says of everybody, as a file that nobody sent, for check(). `people`: cells under the names
    of columns.py, an HMAC in place of each citizen ID."""
    packed, count = io.BytesIO(), 0
    with gzip.open(packed, "wt", compresslevel=4, encoding="utf-8") as lines:
        for count, person in enumerate(people, start=1):  # noqa: B007 (the count is what is left of it)
            cells = [person[column] for column in columns.COLUMNS]
            lines.write(json.dumps([count, *cells], ensure_ascii=False) + "\n")
    with transaction.atomic():
        return _kept(list(columns.COLUMNS), packed.getvalue(), count, name=name, by=None)


def _kept(names: list[str], rows: bytes, count: int, *, name: str, by: User | None) -> MemberFile:
    file = MemberFile.objects.create(
        name=name,
        uploaded_by=by,
        uploaded_at=timezone.now(),
        columns=names,
        rows=rows,
        row_count=count,
        number_width=office_width(),
    )
    MemberFileProgress.objects.create(file=file, total=count)
    return file


def office_width() -> int | None:
    return MemberNumbering.objects.filter(pk=1).values_list("width", flat=True).first()


def choose_width(*, file: MemberFile, width: int | None) -> None:
    """Pad this file's numbers to another width, and check it again. Locks its row. Does nothing unless it has been
    checked."""
    with transaction.atomic():
        locked = MemberFile.objects.select_for_update().get(pk=file.pk)
        if locked.state != MemberFile.State.CHECKED:
            return
        locked.number_width, locked.state = width, MemberFile.State.READING
        locked.save(update_fields=["number_width", "state"])
        MemberFileProgress.objects.filter(file=locked).update(done=0)
        async_task("members.files.importing.check", locked.pk)


def confirm(*, file: MemberFile, marks_missing: bool, by: User | None) -> bool:
    """Let a job import what was shown. Locks the file's row. Returns False unless the file waits for this.

    A file with a faulty row is not imported. A directory's answer is, without its faulty rows: nobody here can mend
    them.
    """
    with transaction.atomic():
        locked = MemberFile.objects.select_for_update().get(pk=file.pk)
        if locked.state != MemberFile.State.CHECKED:
            return False
        if locked.counts[Outcome.FAULTY] and not locked.is_from_directory:
            return False
        locked.state, locked.marks_missing = MemberFile.State.IMPORTING, marks_missing
        locked.confirmed_by, locked.confirmed_at = by, timezone.now()
        locked.save(update_fields=["state", "marks_missing", "confirmed_by", "confirmed_at"])
        MemberFileProgress.objects.filter(file=locked).update(done=0)
        async_task("members.files.importing.bring_in", locked.pk)
    return True


def rows_of(file: MemberFile, outcome: Outcome, *, first: int, count: int) -> list[tuple[int, dict[str, Any]]]:
    """Some of the rows with this outcome, as (number in the file, values): one page of them, read as a stream."""
    found = (at for at, letter in enumerate(file.outcomes) if letter == outcome)
    wanted = set(islice(found, first, first + count))
    last = max(wanted, default=-1)
    lines = (cells for at, cells in zip(range(last + 1), _lines(file), strict=False) if at in wanted)
    shown = []
    for line, cells in lines:
        values, _faults = columns.cleaned(cells)
        number = padded(values["member_number"], file.number_width)
        shown.append((line, values | {"typed": cells["member_number"], "member_number": number}))
    return shown


# --- in the background --------------------------------------------------------------------------------------------


def check(pk: int) -> None:
    """Find out what each row means. Locks the file's row."""
    with transaction.atomic():
        file = _locked(pk, MemberFile.State.READING)
        if file is None:
            return
        stored = _stored()
        file.proposed_width = proposed_width(_numbers(file, stored))
        letters: list[str] = []
        counts: dict[str, int] = {**dict.fromkeys(Outcome, 0), "padded": 0, "same_digits": 0, "ended": 0}
        faults: list[list[object]] = []
        seen: set[int | None] = set()
        with _Progress(file) as progress:
            for row in progress.over(_rows(file, stored)):
                letters.append(row.outcome.value)
                counts[row.outcome] += 1
                seen.add(row.member_id)
                if row.faults and len(faults) < MAX_FAULTS:
                    faults.append([row.line, row.typed, row.faults])
                counts["padded"] += row.values.get("member_number", row.typed) != row.typed and row.typed.isdecimal()
                counts["same_digits"] += row.member_id is not None and stored.number_of(row.member_id) != row.typed
                counts["ended"] += row.member_id is not None and stored.ends(row.member_id, row.values)
        file.missing = stored.missing(seen)
        file.outcomes, file.counts, file.faults = "".join(letters), counts | {"missing": len(file.missing)}, faults
        file.state = MemberFile.State.CHECKED
        file.save(update_fields=["proposed_width", "missing", "outcomes", "counts", "faults", "state"])


def bring_in(pk: int) -> None:
    """Write everything in the file, or nothing. Locks its row and the members' rows, and keeps each member's history.

    Refuses a file that no longer fits the stored members. After any other fault the next run tries again.
    """
    try:
        with transaction.atomic():
            file = _locked(pk, MemberFile.State.IMPORTING)
            if file is not None:
                with _Progress(file) as progress:
                    _write(file, progress)
    except (_Stale, IntegrityError):
        with transaction.atomic():
            file = _locked(pk, MemberFile.State.IMPORTING)
            if file is not None:
                _end(file, MemberFile.State.REFUSED)


def go_on() -> None:
    """Continue what a stopped worker left behind. Skips files that another worker has locked."""
    given_up = timezone.now() - GIVEN_UP
    for pk, state, confirmed_at in MemberFile.objects.filter(
        state__in=[MemberFile.State.READING, MemberFile.State.IMPORTING]
    ).values_list("pk", "state", "confirmed_at"):
        try:
            if state == MemberFile.State.READING:
                check(pk)
            elif confirmed_at and confirmed_at > given_up:
                bring_in(pk)
            else:
                with transaction.atomic():
                    file = _locked(pk, MemberFile.State.IMPORTING)
                    if file is not None:
                        _end(file, MemberFile.State.REFUSED)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # a fault in one file does not delay the others
            log.exception("the file of members %s was not gone on with", pk)


def forget_old() -> int:
    """Delete files that nobody has confirmed for an hour. An answer of i-member stays until the next night's
    arrives. Returns how many."""
    waiting = [MemberFile.State.READING, MemberFile.State.CHECKED]
    with transaction.atomic():
        old = MemberFile.objects.filter(
            state__in=waiting, uploaded_at__lt=timezone.now() - KEPT, uploaded_by__isnull=False
        )
        pks = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True))
        MemberFile.objects.filter(pk__in=pks).delete()
    return len(pks)


# --- what a row means ---------------------------------------------------------------------------------------------


class _Stored:
    """The stored members, with what rows are compared with."""

    def __init__(self, members: Iterable[tuple[Any, ...]]):
        self.by_id: dict[int, tuple[Any, ...]] = {}
        self.by_number: dict[str, int] = {}
        self.by_digits: dict[str, list[int]] = {}
        self.owners: dict[str, int] = {}
        for member in members:
            pk, number, hmac = member[0], member[1], member[1 + COMPARED.index("citizen_id_hmac")]
            self.by_id[pk] = member[1:]
            self.by_number[number] = pk
            self.by_digits.setdefault(significant(number), []).append(pk)
            if hmac:
                self.owners[hmac] = pk

    def number_of(self, pk: int) -> str:
        number: str = self.by_id[pk][0]
        return number

    def values(self, pk: int) -> dict[str, Any]:
        return dict(zip(COMPARED, self.by_id[pk], strict=True))

    def ends(self, pk: int, values: Mapping[str, Any]) -> bool:
        """Whether these values say that a registered member is registered no more."""
        return self.values(pk)["is_registered"] is True and values.get("is_registered") is False

    def missing(self, seen: set[int | None]) -> list[int]:
        """Members who are in no row, except those who had already left."""
        left = COMPARED.index("left_at")
        return [pk for pk, member in self.by_id.items() if pk not in seen and member[left] is None]


def _stored(*, locks: bool = False) -> _Stored:
    members = Member.objects.order_by("member_number")
    if locks:
        # Prevents a change between here and the save. NO KEY lets members go on booking.
        list(Member.objects.order_by("pk").select_for_update(no_key=True).values_list("pk"))
    return _Stored(members.values_list("pk", *COMPARED).iterator(chunk_size=BATCH))


def _rows(file: MemberFile, stored: _Stored) -> Iterator[Row]:
    """Each row of the file, what it means for the stored members, and all its faults."""
    seen = _Seen()
    erased = Erased()
    for line, cells in _lines(file):
        values, faults = columns.cleaned(cells)
        row = Row(line, cells["member_number"], Outcome.FAULTY, values, faults=faults)
        row.citizen_id_hmacs = columns.hmacs_of(cells.get("citizen_id", ""))
        number = values.get("member_number", "")
        if number and erased.has(member_number=number, citizen_id_hmacs=row.citizen_id_hmacs):
            row.outcome, row.faults = Outcome.ERASED, []
            yield row
            continue
        if values.get("member_number"):
            values["member_number"] = padded(values["member_number"], file.number_width)
            faults += _of_number(row, stored, seen)
            if row.member_id is None and "given_name" not in cells:
                faults.append(("given_name", "empty", ""))
        if values.get("citizen_id_hmac"):
            faults += _of_citizen_id(row, stored, seen)
        if not faults:
            row.outcome = _outcome(row, stored)
        yield row


class _Seen:
    """Where each value first appeared in the file."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.digits: dict[str, tuple[int, int | None]] = {}
        self.citizen_ids: dict[str, int] = {}


def _of_number(row: Row, stored: _Stored, seen: _Seen) -> Iterator[columns.Fault]:
    """Settles whose row it is. Yields what is wrong with its number, beside the other rows and the stored members."""
    number = row.values["member_number"]
    same = stored.by_digits.get(significant(number), [])
    exact = stored.by_number.get(number)
    row.member_id = exact or (same[0] if len(same) == 1 else None)
    first_line, first_exact = seen.digits.setdefault(significant(number), (row.line, exact))
    if seen.numbers.setdefault(number, row.line) != row.line:
        yield "member_number", "repeated_number", seen.numbers[number]
    elif first_line != row.line and not (exact and first_exact):
        yield "member_number", "same_digits", first_line
    elif len(same) > 1 and not exact:
        yield "member_number", "ambiguous", ""


def _of_citizen_id(row: Row, stored: _Stored, seen: _Seen) -> Iterator[columns.Fault]:
    first_line = seen.citizen_ids.setdefault(row.values["citizen_id_hmac"], row.line)
    if first_line != row.line:
        yield "citizen_id", "repeated_citizen_id", first_line
    elif any(stored.owners.get(hmac, row.member_id) != row.member_id for hmac in row.citizen_id_hmacs):
        yield "citizen_id", "citizen_id_of_another", ""


def _outcome(row: Row, stored: _Stored) -> Outcome:
    """Settles, besides, what is to be stored: a number is never made shorter, an empty citizen ID keeps what is there,
    and who is in the file again has not left."""
    if not row.values.get("citizen_id_hmac"):
        row.values.pop("citizen_id_hmac", None)
    if row.member_id is None:
        return Outcome.NEW
    there = stored.values(row.member_id)
    row.values["member_number"] = max(row.values["member_number"], there["member_number"], key=len)
    row.values["left_at"] = None
    changed = any(there[name] != value for name, value in row.values.items())
    return Outcome.CHANGED if changed else Outcome.UNCHANGED


def _numbers(file: MemberFile, stored: _Stored) -> Iterator[str]:
    yield from stored.by_number
    for _line, cells in _lines(file):
        if cells["member_number"].isdecimal():
            yield cells["member_number"]


def _lines(file: MemberFile) -> Iterator[tuple[int, dict[str, str]]]:
    with gzip.open(io.BytesIO(file.rows or b""), "rt", encoding="utf-8") as lines:
        for text in lines:
            line, *cells = json.loads(text)
            yield line, dict(zip(file.columns, cells, strict=True))


def _columns(headings: list[str]) -> list[str]:
    """The columns that these headings name. Raises FileRefused."""
    names = [name for heading in headings if (name := columns.column_of(heading))]
    if len(names) < len(headings):
        unknown = [masked(heading)[:40] for heading in headings if columns.column_of(heading) is None]
        raise FileRefused(
            "unknown_columns",
            _("ไม่รู้จักคอลัมน์ %(unknown)s กรุณาลบหรือเปลี่ยนชื่อ คอลัมน์ที่ใช้ได้คือ %(known)s")
            % {"unknown": ", ".join(unknown[:5]), "known": ", ".join(columns.LABELS.values())},
        )
    if repeated := {name for name in names if names.count(name) > 1}:
        raise FileRefused(
            "repeated_columns",
            _("มีคอลัมน์ %s มากกว่าหนึ่งคอลัมน์ กรุณาคงไว้คอลัมน์เดียว")
            % ", ".join(columns.LABELS[name] for name in sorted(repeated)),
        )
    return names


# --- writing ------------------------------------------------------------------------------------------------------


def _write(file: MemberFile, progress: "_Progress") -> None:
    now = timezone.now()
    stored = _stored(locks=True)
    seen: set[int | None] = set()
    for rows in _batched(progress.over(_rows(file, stored))):
        if any(row.faults for row in rows) and not file.is_from_directory:
            raise _Stale
        seen.update(row.member_id for row in rows)
        for row in rows:
            if row.outcome == Outcome.ERASED:
                renew(member_number=row.values["member_number"], citizen_id_hmacs=row.citizen_id_hmacs)
        _add([row for row in rows if row.outcome == Outcome.NEW], file, now)
        changed = {row.member_id: row.values for row in rows if row.member_id and row.outcome == Outcome.CHANGED}
        _update(changed, file, _reason(file), imported_at=now)
    if file.marks_missing:
        # Those that staff were shown, and who are still missing.
        gone = set(file.missing) & set(stored.missing(seen))
        for pks in _batched(sorted(gone)):
            left = {pk: {"left_at": now, "is_registered": False} for pk in pks}
            _update(left, file, _("ไม่อยู่ในไฟล์ที่นำเข้า ถือว่าพ้นจากสมาชิก"))
    MemberNumbering.objects.update_or_create(pk=1, defaults={"width": file.number_width})
    _end(file, MemberFile.State.DONE)


def _end(file: MemberFile, state: MemberFile.State) -> None:
    """A finished file keeps no members' data."""
    file.state, file.finished_at = state, timezone.now()
    file.rows, file.outcomes, file.faults, file.missing = None, "", [], []
    file.save()


def _add(rows: list[Row], file: MemberFile, now: datetime) -> None:
    members = Member.objects.bulk_create([Member(**row.values, imported_at=now) for row in rows])
    Member.history.bulk_history_create(
        members, default_user=file.confirmed_by, default_change_reason=_reason(file), default_date=now
    )


def _reason(file: MemberFile) -> str:
    return _("จากไอเมมเบอร์") if file.is_from_directory else _("นำเข้าจากไฟล์")


def _update(changes: dict[int, dict[str, Any]], file: MemberFile, reason: str, **fields: Any) -> None:
    """Write these members' values in one statement, and their history in another."""
    if not changes:
        return
    members = list(Member.objects.in_bulk(list(changes)).values())
    for member in members:
        for name, value in {**changes[member.pk], **fields}.items():
            setattr(member, name, value)
    arrays = ", ".join(f"%s::{kind}[]" for kind in UPDATED.values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE members_member SET {', '.join(f'{name} = new.{name}' for name in UPDATED)}"
            f" FROM unnest(%s::bigint[], {arrays}) AS new (id, {', '.join(UPDATED)})"
            " WHERE members_member.id = new.id",
            [[m.pk for m in members], *([getattr(m, name) for m in members] for name in UPDATED)],
        )
    Member.history.bulk_history_create(
        members,
        update=True,
        default_user=file.confirmed_by,
        default_change_reason=reason,
        default_date=timezone.now(),
    )


def _batched(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while batch := list(islice(left, BATCH)):
        yield batch


def _locked(pk: int, state: MemberFile.State) -> MemberFile | None:
    """The file, with its row locked; None if it is in another state or somebody else has the lock."""
    return (
        MemberFile.objects.select_for_update(skip_locked=True, of=["self"])
        .select_related("confirmed_by")
        .filter(pk=pk, state=state)
        .first()
    )


class _Progress:
    """Reports progress through a connection of its own, since nobody can see the open transaction."""

    def __init__(self, file: MemberFile):
        self.file_id = file.pk

    def __enter__(self) -> Self:
        self.connection = connection.copy()
        return self

    def __exit__(self, *fault: object) -> None:
        self.connection.close()

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        for done, row in enumerate(rows):
            if done % BATCH == 0:
                self._say(done)
            yield row

    def _say(self, done: int) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("UPDATE members_memberfileprogress SET done = %s WHERE file_id = %s", [done, self.file_id])
