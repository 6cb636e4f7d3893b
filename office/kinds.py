"""The kinds of settings. Each is a descriptor: read from `office`, it gives the value in force; `field()` asks for it
in a form."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar, overload

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, URLValidator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from office import stored

T = TypeVar("T")


class Kind(Generic[T]):
    """One setting. `first` gives its value until the office chooses one: what the environment says."""

    name = ""

    def __init__(self, section: str, label: str | Promise, *, first: Callable[[], T], hint: str | Promise = ""):
        self.section, self.label, self.first, self.hint = section, label, first, hint

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "Kind[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> "Kind[T] | T":
        return self if instance is None else self.now()

    def now(self) -> T:
        return self.in_force(stored.values().get(self.name))

    def in_force(self, chosen: Any) -> T:
        """What holds where the office has chosen this; None: nothing."""
        return self.first() if chosen is None else chosen

    def field(self) -> forms.Field:
        raise NotImplementedError

    def said(self, chosen: Any) -> str:
        """A value as history tells it."""
        return str(self.in_force(chosen)) or "-"


class Words(Kind[str]):
    """A line of text, or several."""

    def __init__(self, *args: Any, longest: int = 120, lines: int = 1, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.longest, self.lines = longest, lines

    def field(self) -> forms.Field:
        widget = forms.Textarea(attrs={"rows": self.lines}) if self.lines > 1 else None
        return forms.CharField(
            label=str(self.label), help_text=str(self.hint), required=False, max_length=self.longest, widget=widget
        )


class Telephone(Words):
    def field(self) -> forms.Field:
        field = super().field()
        field.validators.append(
            RegexValidator(r"^[0-9๐-๙+() ,ต่อ.-]*$", gettext_lazy("ใช้ตัวเลข ช่องว่าง ขีด และวงเล็บเท่านั้น"))
        )
        return field


class Address(Words):
    """An address on the web, of https alone: members are sent there."""

    def field(self) -> forms.Field:
        field = super().field()
        field.validators.append(URLValidator(["https"], message=gettext_lazy("กรอกที่อยู่เว็บที่ขึ้นต้นด้วย https://")))
        field.widget.attrs["inputmode"] = "url"
        return field


class Template(Words):
    """A text with gaps, written {like_this}: `gaps` names those that it may have, with what stands for each in a
    preview; `needs` those that it must have."""

    def __init__(self, *args: Any, gaps: Mapping[str, Any], needs: Collection[str] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.gaps, self.needs = gaps, needs

    def field(self) -> forms.Field:
        field = super().field()
        field.validators.append(self._check_gaps)
        return field

    def _check_gaps(self, text: str) -> None:
        used = set(GAP.findall(text))
        if unknown := sorted(used - set(self.gaps)):
            raise ValidationError(
                _("ไม่รู้จัก {%(unknown)s} ใช้ได้เพียง %(known)s")
                % {"unknown": unknown[0], "known": " ".join(f"{{{gap}}}" for gap in self.gaps)}
            )
        if re.search(r"[{}]", GAP.sub("", text)):
            raise ValidationError(_("ปีกกาไม่ครบคู่"))
        if text and (missing := sorted(set(self.needs) - used)):
            raise ValidationError(_("ต้องมี {%s} ในข้อความ") % missing[0])


GAP = re.compile(r"\{([^{}]*)\}")


def filled(text: str, facts: Mapping[str, Any]) -> str:
    """A text with its gaps filled in; one that nothing is known for is left out."""
    return GAP.sub(lambda gap: str(facts.get(gap[1], "")), text)


class Colour(Words):
    """A colour as #0a4a9f; "" is the stylesheet's own."""

    def field(self) -> forms.Field:
        return forms.CharField(
            label=str(self.label),
            help_text=str(self.hint),
            required=False,
            max_length=7,
            validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", gettext_lazy("กรอกรหัสสี 6 หลัก เช่น #0a4a9f"))],
        )


class Picture(Words):
    """The digest of a logo; "" is none. It is sent as a file, on a page of its own."""

    def said(self, chosen: Any) -> str:
        return _("ภาพ %s") % chosen if chosen else "-"


class Switch(Kind[bool]):
    def field(self) -> forms.Field:
        return forms.BooleanField(label=str(self.label), help_text=str(self.hint), required=False)

    def said(self, chosen: Any) -> str:
        return _("ใช่") if self.in_force(chosen) else _("ไม่ใช่")


class AtMost(Kind[int]):
    """A limit. The environment has the highest that the office may choose (`first`); whatever was chosen before it was
    lowered there counts no more."""

    def __init__(self, *args: Any, least: int = 1, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.least = least

    def in_force(self, chosen: Any) -> int:
        return self.first() if chosen is None else min(chosen, self.first())

    def field(self) -> forms.Field:
        most = self.first()
        hint = _("%(least)d ถึง %(most)d เพดานตั้งไว้ที่เครื่อง") % {"least": min(self.least, most), "most": most}
        return forms.IntegerField(
            label=str(self.label),
            help_text=" ".join(filter(None, [str(self.hint), hint])),
            min_value=min(self.least, most),
            max_value=most,
            error_messages={
                "max_value": _("ผู้ดูแลเครื่องกำหนดไว้ไม่เกิน %(limit_value)s ที่นี่ลดได้ แต่เพิ่มเกินนี้ไม่ได้"),
                "min_value": _("ต้องไม่น้อยกว่า %(limit_value)s"),
            },
        )


def checked(kind: Kind[Any], value: Any) -> Any:
    """A value as the form of its setting would take it. Raises ValidationError."""
    if value is None:
        return None
    if isinstance(kind, Picture):
        return value
    cleaned = kind.field().clean(value)
    if isinstance(value, bool) != isinstance(cleaned, bool):
        raise ValidationError(_("ค่านี้ใช้ไม่ได้"))
    return cleaned
