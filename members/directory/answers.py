"""Checks a directory's answers: the same columns and the same checks as for a file of members."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple

from members.files import columns
from members.thai_text import normalised

COLUMNS = ("member_number", "citizen_id", "title", "given_name", "family_name", "phone", "email", "registered")


class DirectoryFault(Exception):
    """The directory did not answer, or its answer makes no sense. Its text names no member."""


class Person(NamedTuple):
    """Somebody in the directory, as a Member would be stored."""

    member_number: str
    citizen_id_hmac: str | None
    title: str
    given_name: str
    family_name: str
    phone: str
    email: str
    is_registered: bool
    citizen_id_hmacs_before: Sequence[str] = ()  # under keys of before

    @property
    def citizen_id_hmacs(self) -> list[str]:
        """Under the key in use, then under those of before; empty where the directory has no citizen ID."""
        return [self.citizen_id_hmac, *self.citizen_id_hmacs_before] if self.citizen_id_hmac else []

    @property
    def values(self) -> dict[str, Any]:
        """The fields of a Member; without the citizen ID if the directory has none."""
        values = self._asdict()
        del values["citizen_id_hmacs_before"]
        return {name: value for name, value in values.items() if (name, value) != ("citizen_id_hmac", None)}


def cells_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """The columns of an answer as a file would have them. Raises DirectoryFault for any other kind of value."""
    cells = {}
    for name in COLUMNS:
        value = answer.get(name)
        if isinstance(value, Decimal | float) and isfinite(value) and value == int(value):
            value = f"{value:.0f}"
        if value is not None and not isinstance(value, str | int):
            raise DirectoryFault(f"{name} is neither a text nor a whole number")
        cells[name] = _text(value)
    return cells


def person_of(cells: Mapping[str, str]) -> Person:
    """The person in one row of cells. Raises DirectoryFault if a column breaks a rule of columns.py."""
    kept = hidden(cells)
    values, faults = columns.cleaned(kept)
    if faults:
        raise DirectoryFault("; ".join(f"{column}: {code}" for column, code, _about in faults))
    hmacs = columns.hmacs_of(kept["citizen_id"])
    return Person(**values | {"citizen_id_hmac": next(iter(hmacs), None), "citizen_id_hmacs_before": hmacs[1:]})


def hidden(cells: Mapping[str, str]) -> dict[str, str]:
    """The cells with HMACs in place of the citizen ID, and without telephone numbers and e-mail addresses that cannot
    be right: old databases have many, and they should keep nobody from booking."""
    kept = dict(cells) | {"citizen_id": columns.without_citizen_id(cells["citizen_id"])}
    _values, faults = columns.cleaned({name: kept[name] for name in ("phone", "email")})
    return kept | {column: "" for column, _code, _about in faults}


def _text(value: str | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return normalised(str(value).strip())
