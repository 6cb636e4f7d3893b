"""Departments with all that belongs to them, as one file: a second office starts from the first's.

The file is JSON with a version. It is read as a plan, which says what would change and changes nothing; `carry_out`
does it. A department is known by its name in the address. What the file does not name stays as it is.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from booking.days import opening
from booking.models import Department, OpeningHours, Topic
from office.settings import office

FORMAT, VERSION = "queuesite.departments", 1
MOST_DEPARTMENTS = 100
MOST_ROWS = 200  # of one kind in a department
# Not of the department but of where it stands.
LEFT_OUT = {"id", "waits_for_counter", "department", "pace_seconds"}


@dataclass(frozen=True)
class Part:
    """Rows that belong to a department, under `name` in the file. A row is known by `key`. Where `replaces`, rows that
    the file has not are deleted; elsewhere tickets may lean on them."""

    name: str
    model: type[models.Model]
    key: tuple[str, ...]
    replaces: bool


PARTS = [
    Part("hours", OpeningHours, ("weekday", "from_date"), replaces=True),
    Part("topics", Topic, ("name",), replaces=False),
]


class CannotRead(Exception):
    """The file is none of ours; the message says why, to whoever sent it."""


@dataclass(frozen=True)
class Difference:
    """A field, or a row of a part, as it is and as it would be; "" where there is none."""

    what: str
    before: str
    after: str


@dataclass
class Planned:
    """What would become of one department. `faults` are sentences; with any of them nothing is carried out."""

    department: Department
    differences: list[Difference] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    rows: dict[str, list[models.Model]] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        return self.department.pk is None


def written() -> str:
    """All departments that are in use, as a file."""
    departments = [_as_json(one) for one in Department.objects.filter(is_active=True)]
    head = {"format": FORMAT, "version": VERSION, "office": office.name_th}
    return json.dumps(head | {"departments": departments}, ensure_ascii=False, indent=2)


def plan(text: str) -> list[Planned]:
    """What a file would change. Raises CannotRead. Changes nothing."""
    sent = _parsed(text)
    known = {one.slug: one for one in Department.objects.all()}
    planned = [_planned(one, known) for one in sent]
    _check_letters(planned, known.values())
    return planned


@transaction.atomic
def carry_out(planned: list[Planned], *, by: Any = None) -> list[Department]:
    """Save a plan without faults; a new department waits for its first counter. Lays the days out anew, once. Returns
    the departments that changed."""
    changed = [one for one in planned if one.is_new or one.differences]
    for one in changed:
        one.department._history_user = by  # type: ignore[attr-defined]
        one.department.save()
        for part in PARTS:
            if part.name in one.rows:
                _save_rows(part, one)
    if changed:
        opening.rules_changed([one.department for one in changed])
    return [one.department for one in changed]


def _parsed(text: str) -> list[dict[str, Any]]:
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise CannotRead(_("ไฟล์นี้ไม่ใช่ไฟล์ของฝ่ายที่ส่งออกจากระบบ")) from fault
    if not isinstance(sent, dict) or sent.get("format") != FORMAT:
        raise CannotRead(_("ไฟล์นี้ไม่ใช่ไฟล์ของฝ่ายที่ส่งออกจากระบบ"))
    if sent.get("version") != VERSION:
        raise CannotRead(_("ไฟล์นี้เป็นรุ่นที่ระบบนี้ไม่รู้จัก กรุณาปรับระบบทั้งสองแห่งให้เป็นรุ่นเดียวกัน"))
    departments = sent.get("departments")
    if not isinstance(departments, list) or not all(isinstance(one, dict) for one in departments):
        raise CannotRead(_("ในไฟล์ไม่มีรายการของฝ่าย"))
    if not 0 < len(departments) <= MOST_DEPARTMENTS:
        raise CannotRead(_("ในไฟล์ต้องมี 1 ถึง %d ฝ่าย") % MOST_DEPARTMENTS)
    slugs = [str(one.get("slug", "")) for one in departments]
    if not all(slugs) or len(set(slugs)) < len(slugs):
        raise CannotRead(_("ทุกฝ่ายในไฟล์ต้องมี slug ที่ไม่ซ้ำกัน"))
    return departments


def _planned(sent: dict[str, Any], known: dict[str, Department]) -> Planned:
    existing = known.get(str(sent["slug"]))
    one = Planned(existing or Department(slug=str(sent["slug"]), waits_for_counter=True))
    before = _shown(one.department) if existing else {}
    has_tickets = bool(existing and existing.tickets.exists())
    if has_tickets and existing and sent.get("letter", existing.letter) != existing.letter:
        one.faults.append(_("เปลี่ยนอักษรนำหมายเลขไม่ได้ เพราะมีบัตรคิวแล้ว"))
    own = {name: value for name, value in sent.items() if name not in {part.name for part in PARTS}}
    _fill(one.department, own, one.faults)
    one.differences = _differences(before, _shown(one.department))
    for part in PARTS:
        if part.name in sent:
            _plan_rows(part, sent[part.name], one)
    return one


def _plan_rows(part: Part, sent: Any, one: Planned) -> None:
    if not isinstance(sent, list) or len(sent) > MOST_ROWS or not all(isinstance(row, dict) for row in sent):
        one.faults.append(_("%s ในไฟล์อ่านไม่ได้") % part.model._meta.verbose_name)
        return
    there = {_key(part, row): row for row in part.model._default_manager.filter(department=one.department.pk)}
    before = {key: str(_row_said(row)) for key, row in there.items()}
    rows: dict[tuple[Any, ...], models.Model] = {}
    for values in sent:
        row = part.model(department=one.department)
        _fill(row, values, one.faults)
        key = _key(part, row)
        if key in rows:
            one.faults.append(_("%s ซ้ำกันในไฟล์") % _row_said(row))
        if key in there:
            row.pk = there[key].pk
        rows[key] = row
    after = {key: _row_said(row) for key, row in rows.items()}
    if not part.replaces:
        after = before | after
    one.rows[part.name] = list(rows.values())
    one.differences += [
        Difference(str(part.model._meta.verbose_name), before.get(key, ""), after.get(key, ""))
        for key in dict.fromkeys([*before, *after])
        if before.get(key, "") != after.get(key, "")
    ]


def _save_rows(part: Part, one: Planned) -> None:
    rows = one.rows[part.name]
    if part.replaces:
        kept = [row.pk for row in rows if row.pk]
        for gone in part.model._default_manager.filter(department=one.department).exclude(pk__in=kept):
            gone.delete()
    for row in rows:
        row.department = one.department  # type: ignore[attr-defined]
        row.save()


def _check_letters(planned: list[Planned], known: Iterable[Department]) -> None:
    """No two departments may have one letter, neither in the file nor with those that stay."""
    named = {one.department.slug for one in planned}
    taken = {one.letter: one.name for one in known if one.slug not in named}
    for one in planned:
        letter = one.department.letter
        if letter in taken:
            one.faults.append(_("อักษร %(letter)s เป็นของ %(name)s แล้ว") % {"letter": letter, "name": taken[letter]})
        taken[letter] = one.department.name


def _fill(row: models.Model, values: dict[str, Any], faults: list[str]) -> None:
    """Put values of the file into a row, and say in `faults` what the row's own checks refuse."""
    fields = {one.name: one for one in _fields(row)}
    for name, value in values.items():
        if name not in fields:
            faults.append(_("ไม่รู้จักช่อง %s ในไฟล์") % name[:40])
        elif isinstance(value, str) and not _can_be_stored(value):
            faults.append(_("ข้อความในไฟล์มีอักขระที่ใช้ไม่ได้"))
        elif isinstance(value, list | dict):
            faults.append(_("%s ในไฟล์อ่านไม่ได้") % fields[name].verbose_name)
        else:
            setattr(row, name, value)
    names = [one.name for one in row._meta.concrete_fields if one.name not in fields]
    try:
        row.clean_fields(exclude=names)
        row.clean()
        row.validate_constraints(exclude=names)
    except ValidationError as refused:
        faults += _in_words(row, refused)
    except (TypeError, OverflowError):
        faults.append(_("%s ในไฟล์อ่านไม่ได้") % row._meta.verbose_name)


def _can_be_stored(text: str) -> bool:
    """PostgreSQL takes neither NUL nor half a character."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _in_words(row: models.Model, refused: ValidationError) -> Iterator[str]:
    for name, sentences in getattr(refused, "message_dict", {"": refused.messages}).items():
        known = {one.name: one.verbose_name for one in _fields(row)}
        for sentence in sentences:
            yield f"{known[name]}: {sentence}" if name in known else str(sentence)


def _as_json(department: Department) -> dict[str, Any]:
    found = _values(department)
    for part in PARTS:
        found[part.name] = [_values(row) for row in part.model._default_manager.filter(department=department)]
    return found


def _values(row: models.Model) -> dict[str, Any]:
    return {one.name: _plain(one.value_from_object(row)) for one in _fields(row)}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _fields(row: models.Model) -> list[Any]:
    return [one for one in row._meta.concrete_fields if one.name not in LEFT_OUT]


def _shown(row: models.Model) -> dict[str, str]:
    return {str(one.verbose_name): _said(row, one) for one in _fields(row)}


def _said(row: models.Model, one: Any) -> str:
    value = one.value_from_object(row)
    if isinstance(value, bool):
        return str(_("ใช่") if value else _("ไม่ใช่"))
    if one.choices:
        return str(dict(one.flatchoices).get(value, value))
    return "" if value is None else str(value)


def _row_said(row: models.Model) -> str:
    return " · ".join(text for one in _fields(row) if (text := _said(row, one)))


def _differences(before: dict[str, str], after: dict[str, str]) -> list[Difference]:
    return [
        Difference(name, before.get(name, ""), text) for name, text in after.items() if before.get(name, "") != text
    ]


def _key(part: Part, row: models.Model) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in part.key)
