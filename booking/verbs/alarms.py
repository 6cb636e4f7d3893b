"""The alarms of the manager's page: raised where something goes wrong for longer than the department tolerates, ended
where it does not any more. Each is raised once, however often it is looked."""

import datetime as dt

from django.contrib.auth.models import AbstractUser
from django.utils import timezone

from booking.calling import today, waits
from booking.messages import ledger
from booking.models import Alarm, Department, DepartmentDay, Notice
from booking.models.jobs import worker_is_late
from booking.verbs import surges

Kind = Alarm.Kind
# What, of which department and which counter, by their ids.
Key = tuple[str, int | None, int | None]

# A message that should have left so long ago is stuck.
STUCK_AFTER = dt.timedelta(minutes=10)


def watch(*, now: dt.datetime | None = None) -> None:
    """Raise the alarms that there are now and end those that there are no more. A fixed number of queries."""
    now = now or timezone.now()
    wanted = found(now)
    ended, standing = [], set()
    for alarm in Alarm.objects.open():
        key = (alarm.kind, alarm.department_id, alarm.counter_id)
        standing.add(key)
        if key not in wanted:
            ended.append(alarm.pk)
    Alarm.objects.open().filter(pk__in=ended).update(ended_at=now)
    # Another worker may raise the same at this moment: one of the two is kept.
    Alarm.objects.bulk_create(
        [
            Alarm(kind=kind, department_id=department_id, counter_id=counter_id, since=now)
            for kind, department_id, counter_id in sorted(wanted - standing, key=str)
        ],
        ignore_conflicts=True,
    )


def found(now: dt.datetime) -> set[Key]:
    """What goes wrong at this moment."""
    departments = {one.pk: one for one in Department.objects.active()}
    days = DepartmentDay.objects.on(timezone.localdate(now)).open().by_department()
    waits_since = _first_waits(departments, days, now)
    wanted: set[Key] = {
        (Kind.LONG_WAIT, pk, None)
        for pk, since in waits_since.items()
        if _for(departments[pk].alarm_wait_minutes, since, now)
    }
    # After closing who is still there is looked after by those who are there.
    serving = {pk: since for pk, since in waits_since.items() if days[pk].serves_at(now)}
    wanted |= _unserved(departments, serving, now) | _silent(departments, serving, now)
    if Notice.objects.owed().filter(next_try_at__lt=now - STUCK_AFTER, expires_at__gt=now).exists():
        wanted.add((Kind.MESSAGES, None, None))
    if surges.found(now):
        wanted.add((Kind.SURGE, None, None))
    return wanted


def _first_waits(departments: today.Pks, days: dict[int, DepartmentDay], now: dt.datetime) -> dict[int, dt.datetime]:
    """Since when somebody waits, in each department that is open today and in which somebody does."""
    first: dict[int, dt.datetime] = {}
    for row in today.rows_of_today(departments, now):
        pk = row.queue_id
        if pk in departments and pk in days and today.may_be_called(row, departments[pk], now):
            first[pk] = min(first.get(pk, now), today.waits_since(row, days[pk]))
    return {pk: since for pk, since in first.items() if since < now}


def _unserved(departments: today.Pks, serving: dict[int, dt.datetime], now: dt.datetime) -> set[Key]:
    wanted: set[Key] = set()
    outlooks = waits.office(now=now)
    for pk, since in serving.items():
        left = dt.datetime.fromtimestamp(outlooks[pk].unserved_since, dt.UTC)
        is_up = _for(departments[pk].alarm_unserved_minutes, max(since, left), now)
        if is_up and not outlooks[pk].is_manned:
            wanted.add((Kind.UNSERVED, pk, None))
    return wanted


def _silent(departments: today.Pks, serving: dict[int, dt.datetime], now: dt.datetime) -> set[Key]:
    """Each counter that does nothing, with the first of its departments in which somebody has waited all that time."""
    wanted: set[Key] = set()
    for one in today.office(list(departments.values()), now=now).counters:
        if one.doing != "idle" or one.since is None:
            continue
        waited = [
            department.pk
            for department in one.departments
            if department.pk in serving
            and _for(department.alarm_silent_minutes, max(serving[department.pk], one.since), now)
        ]
        if waited:
            wanted.add((Kind.SILENT, waited[0], one.counter.pk))
    return wanted


def messages_are_stuck() -> bool:
    """Whether what members should be told does not go out: it is stuck, or nobody is there who would send it."""
    if not ledger.is_on():
        return False
    return worker_is_late() or Alarm.objects.open().filter(kind=Kind.MESSAGES).exists()


def acknowledge(*, alarm: Alarm, by: AbstractUser) -> bool:
    """Somebody looks after it. False where somebody did already, who is kept."""
    mine = {"acknowledged_by": by, "acknowledged_at": timezone.now()}
    return bool(Alarm.objects.filter(pk=alarm.pk, acknowledged_at=None).update(**mine))


def _for(minutes: int, since: dt.datetime, now: dt.datetime) -> bool:
    """Whether it has lasted for so many minutes; never where none are set."""
    return bool(minutes) and now - since >= dt.timedelta(minutes=minutes)
