"""What no row tells, counted without saying of whom: members' refusals by their code, visits of the public pages, and
what open pages are answered when they ask again.

A web process keeps its counts in memory and writes them every ten seconds, one new row for each hour, department and
thing: no request waits for another's count, and none writes for itself. Where open pages alone have asked, it writes
every minute. A process that ends loses what it has not written. A job puts rows of one kind together at night.
"""

import datetime as dt
import logging
import math
import time
from collections import Counter
from threading import Lock
from typing import Any

from django.core.signals import request_finished
from django.db import DatabaseError, InterfaceError, models, transaction
from django.db.models import Max, Min, Sum
from django.dispatch import receiver
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from booking.models.departments import Department
from booking.models.places import Slot

log = logging.getLogger(__name__)

EVERY = 10  # seconds
POLLS_EVERY = 60

# date, hour, id of the department or None, id of a slot of it or None, what, code or name of the page
Key = tuple[dt.date, int, int | None, int | None, str, str]


class Tally(models.Model):
    """So many of one thing in one hour, of a department or (None) of none. Several rows may be of one hour."""

    class What(models.TextChoices):
        REFUSED = "refused", _("ทำรายการไม่ได้")
        VISITED = "visited", _("เข้าชมหน้า")
        POLLED = "polled", _("หน้าที่เปิดค้างถามใหม่")

    date = models.DateField(_("วันที่"))
    hour = models.PositiveSmallIntegerField(_("ชั่วโมง"))
    department = models.ForeignKey(Department, models.CASCADE, null=True, related_name="+", verbose_name=_("ฝ่าย"))
    what = models.CharField(_("เรื่อง"), max_length=8, choices=What)
    name = models.CharField(_("รหัส"), max_length=40)
    count = models.PositiveIntegerField(_("จำนวน"))

    class Meta:
        verbose_name = _("จำนวนที่นับ")
        verbose_name_plural = _("จำนวนที่นับ")
        indexes = [models.Index(name="tallies_of_day", fields=["date", "what"])]

    def __str__(self) -> str:
        return f"{self.date} {self.hour} {self.name}: {self.count}"


_lock = Lock()
_kept: Counter[Key] = Counter()
_due = math.inf  # when what is kept is to be written, by time.monotonic()


def refused(refusal: Any, department_id: int | None = None, *, slot_id: int | None = None) -> None:
    """Count a member's refusal by its code, and the department that it was about, of which a slot tells too. `refusal`
    is an error or its class; an error counts once, however many hands it goes through."""
    if not isinstance(refusal, type):
        if getattr(refusal, "is_counted", False):
            return
        refusal.is_counted = True
    _count(Tally.What.REFUSED, refusal.code, department_id, slot_id)


def visited(page: str, department_id: int | None = None) -> None:
    _count(Tally.What.VISITED, page, department_id, None)


def polled(page: str, answer: str) -> None:
    """Count how a page that stays open was answered."""
    _count(Tally.What.POLLED, f"{page} {answer}", None, None, within=POLLS_EVERY)


def _count(
    what: str, name: str, department_id: int | None, slot_id: int | None, *, within: float | None = None
) -> None:
    global _due
    now = timezone.localtime()
    with _lock:
        _due = min(_due, time.monotonic() + (EVERY if within is None else within))
        _kept[now.date(), now.hour, department_id, slot_id, what, name] += 1


@receiver(request_finished)
def write_when_due(**_kwargs) -> None:
    if time.monotonic() >= _due:
        write()


def write() -> None:
    """Write what has been counted. Where the database cannot be reached it is counted on."""
    global _due
    with _lock:
        taken = dict(_kept)
        _kept.clear()
        _due = math.inf
    if not taken:
        return
    try:
        Tally.objects.bulk_create(_rows(taken))
    except (DatabaseError, InterfaceError) as fault:
        log.warning("What was counted could not be written yet: %s", type(fault).__name__)
        with _lock:
            _kept.update(taken)
            _due = min(_due, time.monotonic() + EVERY)


def _rows(taken: dict[Key, int]) -> list[Tally]:
    slots = Slot.objects.filter(pk__in={slot_id for _date, _hour, _department, slot_id, *_ in taken if slot_id})
    of_slots = dict(slots.values_list("pk", "department"))
    known = set(Department.objects.values_list("pk", flat=True))
    counted: Counter[tuple[dt.date, int, int | None, str, str]] = Counter()
    for (date, hour, department_id, slot_id, what, name), count in taken.items():
        found = department_id or of_slots.get(slot_id or 0)
        counted[date, hour, found if found in known else None, what, name] += count
    return [
        Tally(date=date, hour=hour, department_id=department_id, what=what, name=name[:40], count=count)
        for (date, hour, department_id, what, name), count in counted.items()
    ]


def put_together(*, first: dt.date, last: dt.date) -> None:
    """Make one row of those that count the same in the same hour of these days, both included."""
    alike = ["date", "hour", "department", "what", "name"]
    with transaction.atomic():
        groups = Tally.objects.filter(date__range=(first, last)).order_by().values(*alike)
        for group in groups.annotate(kept=Min("pk"), last=Max("pk"), total=Sum("count")).exclude(kept=models.F("last")):
            kept, last, total = (group.pop(name) for name in ("kept", "last", "total"))
            Tally.objects.filter(**group, pk__gt=kept, pk__lte=last).delete()
            Tally.objects.filter(pk=kept).update(count=total)
