"""Which days are grey, and how a year's holidays come in: as drafts from holidays/data/, then confirmed by staff."""

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connection, transaction
from simple_history.utils import bulk_create_with_history

from holidays.errors import YearWithoutData
from holidays.models import Holiday

DATA = Path(__file__).resolve().parent / "data"


def closed_days(first: dt.date, last: dt.date) -> dict[dt.date, Holiday]:
    """The confirmed holidays from `first` to `last`, both included, by date. One query."""
    return {holiday.date: holiday for holiday in Holiday.objects.confirmed().between(first, last)}


def years_with_data() -> list[int]:
    """The years that load_year() can bring in."""
    return sorted(int(file.stem) for file in DATA.glob("*.json"))


@transaction.atomic
def load_year(year: int, *, by: User | None = None) -> list[Holiday]:
    """Bring in a year's holidays as drafts, and return the new ones.

    A date that already has a holiday stays as it is, since staff may have changed it. A draft that staff removed comes
    back, and has no effect until it is confirmed.

    `by` is the user for the history. Raises YearWithoutData. Locks the table of holidays against other writes, so
    that two who load the same year do not collide.
    """
    file = DATA / f"{year}.json"
    if not file.exists():
        raise YearWithoutData(year)
    days = [day | {"date": dt.date.fromisoformat(day["date"])} for day in json.loads(file.read_text("utf-8"))["days"]]
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {Holiday._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")
    taken = set(Holiday.objects.values_list("date", flat=True))
    drafts = [Holiday(**day) for day in days if day["date"] not in taken]
    created: list[Holiday] = bulk_create_with_history(drafts, Holiday, default_user=by)
    return created


@transaction.atomic
def confirm(holidays: Iterable[Holiday], *, by: User | None = None) -> list[Holiday]:
    """Put drafts in force, and return those that were not in force before. Each change is kept as history.

    The caller decides beforehand what becomes of the tickets of these days, and lays the days out anew afterwards.
    Locks the rows, in order of date.
    """
    drafts = Holiday.objects.filter(pk__in=[holiday.pk for holiday in holidays], is_confirmed=False)
    confirmed = list(drafts.order_by("date").select_for_update())
    for holiday in confirmed:
        holiday.is_confirmed = True
        holiday._history_user = by  # type: ignore[attr-defined]  # simple_history, which has no types, reads it
        holiday.save(update_fields=["is_confirmed"])
    return confirmed
