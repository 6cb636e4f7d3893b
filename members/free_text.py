"""What people write freely (reasons, notes, notices, names) is stored without citizen IDs.

A field for such text masks any thirteen digits that pass the check, however Django saves the row. Nobody has to think
of it.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.http import HttpRequest

from members.citizen_id import BETWEEN_DIGITS, DIGITS, THAI_DIGITS, check_digit

MASK = "•"
_DIGIT = "[0-9๐-๙]"
_GROUPS = re.compile(f"{_DIGIT}+(?:{BETWEEN_DIGITS.pattern}{_DIGIT}+)*")


def masked(text: str) -> str:
    """The text with a dot for each digit of a citizen ID. What stands between the digits stays, and so does the length.
    An ID begins and ends where a group of digits does: thirteen digits inside a longer number are not one."""
    return _GROUPS.sub(_masked_run, text)


def _masked_run(run: re.Match[str]) -> str:
    text: str = run[0]
    groups = [found.span() for found in re.finditer(f"{_DIGIT}+", text)]
    for first, (begin, _end) in enumerate(groups):
        digits = ""
        for start, end in groups[first:]:
            digits += text[start:end].translate(THAI_DIGITS)
            if len(digits) == DIGITS and _is_citizen_id(digits):
                text = text[:begin] + re.sub(_DIGIT, MASK, text[begin:end]) + text[end:]
            if len(digits) >= DIGITS:
                break
    return text


def _is_citizen_id(digits: str) -> bool:
    return bool(re.fullmatch(r"[1-8][0-9]{12}", digits)) and check_digit(digits[:12]) == digits[12]


if TYPE_CHECKING:
    # Django lets a field hold anything until the field has cleaned it.
    _Field = models.Field[Any, Any]
else:
    _Field = object


class _Masked(_Field):
    """A text field that masks what is saved, and also the value on the instance (which may get into a log)."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, str) and (without := masked(value)) != value:
            setattr(model_instance, self.attname, without)
            return without
        return value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return masked(value) if isinstance(value, str) else value

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Migrations see the plain field: masking does not concern the database."""
        name, _path, args, kwargs = super().deconstruct()
        return name, f"django.db.models.{type(self).__mro__[2].__name__}", args, kwargs


class FreeCharField(_Masked, models.CharField):  # type: ignore[type-arg]  # not generic when it runs
    pass


class FreeTextField(_Masked, models.TextField):  # type: ignore[type-arg]  # not generic when it runs
    pass


def login_name(request: HttpRequest, credentials: dict[str, str] | None) -> str | None:
    """The log-in name under which failed tries are kept (AXES_USERNAME_CALLABLE): some type their citizen ID there."""
    name = (credentials or {}).get("username") or request.POST.get("username")
    return masked(name)[:255] if name else name
