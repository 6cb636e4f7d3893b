"""The alarms of the manager's page: raised where something goes wrong for longer than the department tolerates, ended
where it does not any more. Each is raised once, however often it is looked."""

import datetime as dt

from django.contrib.auth.models import AbstractUser
from django.db.models import Min, QuerySet
from django.utils import timezone

from booking.calling import today, waits
from booking.kept import kept
from booking.messages import ledger, offers
from booking.models import Alarm, Department, DepartmentDay, Notice, OfferMessage
from booking.models.jobs import worker_is_late
from booking.verbs import surges

Kind = Alarm.Kind
# What, of which department and which counter, by their ids.
Key = tuple[str, int | None, int | None]

# An offer is short, so its message is stuck as soon as it should be on the telephone list and is not.
OFFER_STUCK_AFTER = offers.TELEPHONE_AFTER + 2 * offers.CLAIM


def watch(*, now: dt.datetime | None = None) -> None:
    """Raise the alarms that there are now and end those that there are no more. A fixed number of queries."""
    now = now or timezone.now()
    wanted = {_what(key): key for key in found(now)}
    ended, standing = [], set()
    for alarm in Alarm.objects.open():
        what = _what((alarm.kind, alarm.department_id, alarm.counter_id))
        if what not in wanted or what in standing:
            ended.append(alarm.pk)
        standing.add(what)
    Alarm.objects.open().filter(pk__in=ended).update(ended_at=now)
    # Another worker may raise the same at this moment: one of the two is kept.
    Alarm.objects.bulk_create(
        [
            Alarm(kind=kind, department_id=department_id, counter_id=counter_id, since=now)
            for kind, department_id, counter_id in sorted((wanted[what] for what in wanted.keys() - standing), key=str)
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
    return wanted | _stuck(now) | _surging(departments, now)


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


def _stuck(now: dt.datetime) -> set[Key]:
    """One alarm for the office, whichever department's messages are stuck: they leave by the same way. A department
    that is switched off may still owe some."""
    minutes = dict(Department.objects.values_list("pk", "alarm_messages_minutes"))
    late = Notice.objects.owed().filter(next_try_at__lt=now, expires_at__gt=now)
    first = late.values_list("ticket__department").annotate(Min("next_try_at")).order_by()
    is_stuck = any(_for(minutes[pk], since, now) for pk, since in first)
    late_offers = OfferMessage.objects.owed().lasting(now).filter(offered_at__lt=now - OFFER_STUCK_AFTER)
    wanted_by = [pk for pk, most in minutes.items() if most]
    if is_stuck or late_offers.filter(entry__department__in=wanted_by).exists():
        return {(Kind.MESSAGES, None, None)}
    return set()


def _surging(departments: today.Pks, now: dt.datetime) -> set[Key]:
    """Bookings by department; where the office as a whole sees more than usual, and none of them does, the office."""
    surging = surges.departments(now, {pk: one.alarm_surge_times for pk, one in departments.items()})
    wanted: set[Key] = {(Kind.SURGE, pk, None) for pk in surging}
    if any(surge.kind != "bookings" or not surging for surge in surges.found(now)):
        wanted.add((Kind.SURGE, None, None))
    return wanted


def _what(key: Key) -> Key:
    """What an alarm is about: a silent counter is the same one, whichever of its departments waits."""
    kind, department_id, counter_id = key
    return kind, None if counter_id else department_id, counter_id


def messages_are_stuck() -> bool:
    """Whether what members should be told does not go out: it is stuck, or nobody is there who would send it."""
    if not ledger.is_on():
        return False
    return worker_is_late() or bool(_of_messages())


@kept
def _of_messages() -> QuerySet[Alarm]:
    return Alarm.objects.open().filter(kind=Kind.MESSAGES).order_by()[:1]


def acknowledge(*, alarm: Alarm, by: AbstractUser) -> bool:
    """Somebody looks after it. False where somebody did already, who is kept."""
    mine = {"acknowledged_by": by, "acknowledged_at": timezone.now()}
    return bool(Alarm.objects.filter(pk=alarm.pk, acknowledged_at=None).update(**mine))


def _for(minutes: int, since: dt.datetime, now: dt.datetime) -> bool:
    """Whether it has lasted for so many minutes; never where none are set."""
    return bool(minutes) and now - since >= dt.timedelta(minutes=minutes)
