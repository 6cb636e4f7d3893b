"""Which departments a counter serves: set one by one, or by a profile that is switched on by a press or by its time."""

import datetime as dt
from collections.abc import Iterable, Mapping

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from booking.days import opening
from booking.models import Counter, CounterDepartment, CounterProfile, Department, ProfileCounter, ProfileSwitch
from booking.models.staff import has_department
from booking.verbs import locks


@locks.verb
def serve(*, wanted: Mapping[int, list[int]]) -> list[Counter]:
    """Let counters serve these departments, in this order: ids of departments by the id of the counter.

    A counter where somebody sits who has not all of the departments stays as it is; these are returned. Locks the
    counters and the queues concerned.
    """
    counters = Counter.objects.select_for_update(no_key=True, of=["self"]).filter(pk__in=wanted).order_by("pk")
    left_out, touched = [], set()
    for counter in counters.select_related("clerk"):
        before, after = counter.department_ids(), wanted[counter.pk]
        if before == after:
            continue
        if counter.clerk and not has_department(counter.clerk, *after):
            left_out.append(counter)
            continue
        touched |= {*before, *after}
        counter.serves.all().delete()
        CounterDepartment.objects.bulk_create(
            CounterDepartment(counter=counter, department_id=pk, position=nth) for nth, pk in enumerate(after, start=1)
        )
    served_changed(touched)
    return left_out


@locks.verb
def switch(*, profile: CounterProfile, by: User | None) -> ProfileSwitch:
    """Switch a profile on. `by` None: its time has come. What it left out, as `serve` says, is written down with it.

    Locks all profiles, then what `serve` locks.
    """
    _lock_profiles()
    wanted: dict[int, list[int]] = {}
    for row in ProfileCounter.objects.filter(profile=profile, counter__is_active=True):
        wanted.setdefault(row.counter_id, []).append(row.department_id)
    left_out = serve(wanted=wanted)
    return ProfileSwitch.objects.create(
        profile=profile, name=profile.name, at=timezone.now(), by=by, left_out=[counter.number for counter in left_out]
    )


def switch_by_time() -> ProfileSwitch | None:
    """Switch on the profile whose time was the last to come today, unless that has been done. Whatever was switched on
    by a press stays until the next time comes: a switch that is late, since the worker was down, is not made after it.

    Locks all profiles.
    """
    now = timezone.localtime()
    due = due_profile(now)
    if due is None or due.starts is None:
        return None
    since = timezone.make_aware(dt.datetime.combine(now.date(), due.starts))
    with transaction.atomic():
        _lock_profiles()  # of two workers one does it, and nobody presses meanwhile
        done_or_pressed = Q(profile=due.pk) | Q(by__isnull=False)
        if ProfileSwitch.objects.filter(done_or_pressed, at__gte=since).exists():
            return None
        return switch(profile=due, by=None)


def due_profile(now: dt.datetime) -> CounterProfile | None:
    """The profile whose time was the last to come on this day. At one time, that of a date goes before that of a
    weekday, and this before that of every day."""
    begun = CounterProfile.objects.filter(starts__lte=now.time())
    today = [
        one
        for one in begun
        if one.weekday in (None, now.weekday()) and one.day_of_month in (None, now.day) and one.starts is not None
    ]
    return max(today, key=_how_late_and_narrow, default=None)


def current() -> ProfileSwitch | None:
    """What was switched on last."""
    return ProfileSwitch.objects.select_related("by").first()


def served_changed(department_ids: Iterable[int]) -> None:
    """After the departments of counters have changed: open pages look again, and a department that waited for its first
    counter opens."""
    ids = list(department_ids)
    if not ids:
        return
    locks.lock_queues(*ids)
    locks.raise_versions(*ids)
    waiting = Department.objects.filter(pk__in=ids, waits_for_counter=True, counters__is_active=True).distinct()
    opened = list(waiting)
    for department in opened:
        department.waits_for_counter = False
        department.save(update_fields=["waits_for_counter"])
    if opened:
        opening.rules_changed(opened)


def _lock_profiles() -> None:
    list(CounterProfile.objects.select_for_update().order_by("pk"))


def _how_late_and_narrow(profile: CounterProfile) -> tuple[dt.time, bool, bool, int]:
    assert profile.starts is not None
    return profile.starts, profile.day_of_month is not None, profile.weekday is not None, profile.pk
