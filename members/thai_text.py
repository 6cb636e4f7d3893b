"""Thai text in the one form in which it is stored and searched.

The same word can be typed in several ways that look alike: its marks in another order, two เ for แ, a nikhahit and า
for ำ, or with marks of no width between the letters. Who searches, or masks a name, must not have to know.
"""

import re
from collections.abc import Sequence
from typing import Any

from django.db import models

from members.free_text import FreeCharField

# Zero-width spaces and joiners, direction marks, the soft hyphen.
UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
# What stands above or below a consonant: vowels first, then the tone or the mark of silence.
MARKS = re.compile("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]{2,}")
LATER = "\u0e48\u0e49\u0e4a\u0e4b\u0e4c"
NIKHAHIT_AND_AA = re.compile("\u0e4d([\u0e48-\u0e4b]*)\u0e32")
AM_AND_TONE = re.compile("\u0e33([\u0e48-\u0e4b]+)")


def normalised(text: str) -> str:
    """The text as it is stored. Doing it twice changes nothing; other scripts stay as they are."""
    text = UNSEEN.sub("", text)
    while (better := _once(text)) != text:
        text = better
    return text


def _once(text: str) -> str:
    text = text.replace("เเ", "แ")
    text = MARKS.sub(_in_order, text)
    text = NIKHAHIT_AND_AA.sub("\\1\u0e33", text)
    return AM_AND_TONE.sub("\\1\u0e33", text)


def _in_order(run: re.Match[str]) -> str:
    """Each mark once, in the order of Thai keyboards: vowel, then tone."""
    return "".join(sorted(dict.fromkeys(run[0]), key=lambda mark: mark in LATER))


class NameField(FreeCharField):
    """A name: stored in the one form of its Thai, whoever saves it and by whatever way of Django's."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        setattr(model_instance, self.attname, _stored(getattr(model_instance, self.attname)))
        return super().pre_save(model_instance, add)

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(_stored(value))

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


def _stored(value: Any) -> Any:
    return normalised(value) if isinstance(value, str) else value
