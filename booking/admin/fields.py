"""How staff type dates and times: by the device's own picker, in either era."""

import datetime as dt
import re

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import BASE_INPUT_CLASSES

from booking.thai import ERA
from members.citizen_id import THAI_DIGITS

# No office plans so far ahead: a later year is one of the Buddhist Era.
LAST_GREGORIAN_YEAR = 2400


class DateInput(forms.DateInput):
    input_type = "date"

    def __init__(self, attrs=None):
        super().__init__(
            attrs={"class": " ".join([*BASE_INPUT_CLASSES, "office-date"])} | (attrs or {}), format="%Y-%m-%d"
        )


class TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self, attrs=None):
        classes = " ".join([*BASE_INPUT_CLASSES, "office-time"])
        super().__init__(attrs={"class": classes, "step": 300} | (attrs or {}), format="%H:%M")


class DateField(forms.DateField):
    """A date as a browser sends it (2026-11-25) or as people write it (25/11/2569), with a year of either era."""

    widget = DateInput
    default_error_messages = {"invalid": _("กรอกวันที่เป็น วัน/เดือน/ปี เช่น 25/11/2569")}

    def to_python(self, value):
        if value in self.empty_values or isinstance(value, dt.date):
            return super().to_python(value)
        text = str(value).strip().translate(THAI_DIGITS)
        if found := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
            year, month, day = map(int, found.groups())
        elif found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
            day, month, year = map(int, found.groups())
        else:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        try:
            return dt.date(year - ERA if year > LAST_GREGORIAN_YEAR else year, month, day)
        except ValueError as refused:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from refused
