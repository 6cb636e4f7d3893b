"""A table of counters by departments, each with its place in the counter's order; empty where it is not served. Asked
for on the page of counters, and for each profile."""

from functools import partial

from django import forms
from django.utils.translation import gettext as _

from booking.models import Counter, Department

MOST = 99


class ServedForm(forms.Form):
    """`served`: ids of departments in order, by the id of the counter; `wanted()` is the same of what was sent."""

    def __init__(self, data=None, *, counters: list[Counter], departments: list[Department], served: dict):
        super().__init__(data)
        self.counters, self.departments = counters, departments
        for counter in counters:
            order = served.get(counter.pk, [])
            for department in departments:
                self.fields[_field(counter, department)] = forms.IntegerField(
                    label=f"{counter} {department}",
                    required=False,
                    min_value=1,
                    max_value=MOST,
                    initial=order.index(department.pk) + 1 if department.pk in order else None,
                    widget=forms.NumberInput(
                        attrs={
                            "class": "office-input office-order",
                            "aria-label": _("ลำดับของ%(department)s ที่%(counter)s")
                            % {"department": department.name, "counter": counter},
                        }
                    ),
                )

    def rows(self) -> list[dict]:
        return [
            {"counter": counter, "fields": [self[_field(counter, department)] for department in self.departments]}
            for counter in self.counters
        ]

    def wanted(self) -> dict[int, list[int]]:
        """Two with one number stand in the order of the departments."""
        found: dict[int, list[int]] = {}
        for counter in self.counters:
            chosen = [one for one in self.departments if self.cleaned_data.get(_field(counter, one))]
            chosen.sort(key=partial(self._place, counter))
            found[counter.pk] = [one.pk for one in chosen]
        return found

    def _place(self, counter: Counter, department: Department) -> int:
        return self.cleaned_data[_field(counter, department)]


def _field(counter: Counter, department: Department) -> str:
    return f"c{counter.pk}_d{department.pk}"
