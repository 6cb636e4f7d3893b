"""Brings each QuotaOverride over as an exception that means what it means today, and says where that could not be.

It closes nothing and opens nothing: an override that has no effect today (its time starts no slot, or its date is a
holiday that the new order would let it open) is not brought over, but listed.
"""

import datetime as dt

from django.db import migrations


def bring_over(apps, schema_editor):
    QuotaOverride = apps.get_model("booking", "QuotaOverride")
    DayException = apps.get_model("booking", "DayException")
    Holiday = apps.get_model("holidays", "Holiday")
    holidays = dict(Holiday.objects.values_list("date", "is_confirmed"))
    overrides = list(QuotaOverride.objects.select_related("department").order_by("pk"))
    whole_days = {(one.department_id, one.date): one.quota for one in overrides if one.start is None}
    said = []
    for override in overrides:
        ends = None
        if override.start:
            ends = _end_of_slot(apps, override)
            opens = override.quota > 0
            if ends is None:
                said.append(f"{_name(override)}: not brought over, no slot starts then, so it has no effect")
                continue
            if opens and holidays.get(override.date):
                said.append(f"{_name(override)}: not brought over, it would open that time on a holiday")
                continue
            if opens and override.date in holidays:
                said.append(f"{_name(override)}: that time stays open if the holiday of that date is confirmed")
            if opens and whole_days.get((override.department_id, override.date)) == 0:
                said.append(f"{_name(override)}: was and stays open for booking; the calendar said that the day is closed")
        exception = DayException.objects.create(
            first_date=override.date,
            last_date=override.date,
            starts=override.start,
            ends=ends,
            kind="quota" if override.quota else "closed",
            quota=override.quota or None,
            reason=override.reason,
            reason_en=override.reason_en,
        )
        exception.departments.add(override.department_id)
    if said:
        print("\n  Exceptions to look at:", *said, sep="\n    ")


def _end_of_slot(apps, override):
    """When the slot ends that starts then by the weekly hours; None where there is none."""
    OpeningHours = apps.get_model("booking", "OpeningHours")
    rule = OpeningHours.objects.filter(
        department=override.department_id, weekday=override.date.weekday(), from_date=None
    ).first()
    if rule is None:
        return None
    stretches = [(rule.opens, rule.closes)]
    if rule.break_starts:
        stretches = [(rule.opens, rule.break_starts), (rule.break_ends, rule.closes)]
    for opens, closes in stretches:
        start = _minutes(opens)
        while start + rule.slot_minutes <= _minutes(closes):
            if start == _minutes(override.start):
                return dt.time(*divmod(start + rule.slot_minutes, 60))
            start += rule.slot_minutes
    return None


def _minutes(time):
    return time.hour * 60 + time.minute


def _name(override):
    return f"{override.department.name} {override.date:%Y-%m-%d} {override.start:%H.%M}, {override.quota} turns"


class Migration(migrations.Migration):
    dependencies = [("booking", "0019_what_a_day_is"), ("holidays", "0002_half_days")]

    operations = [migrations.RunPython(bring_over, migrations.RunPython.noop)]
