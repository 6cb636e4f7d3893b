"""How good the told waits were: what members were told on arrival, compared with how long it took until they were
called; and what an office learns from that for the next ones."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from booking.calling import forecast
from booking.calling.waits import part_of_day
from booking.days import serving
from booking.models import Department, TicketEvent, WaitPrediction, WaitSpread

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Called(TypedDict):
        called_at: dt.datetime

    CalledPrediction = WithAnnotations[WaitPrediction, _Called]

# At least this share of told waits should lie within their range, and at most this share should end before it.
WITHIN, BELOW = 0.85, 0.05
ENOUGH = 20
# How many days back a department's own spread is measured, and the fewest waits it takes.
LOOKS_BACK = dt.timedelta(days=28)
OWN_FROM = 60


@dataclass(frozen=True)
class Wait:
    """One ticket's wait in minutes: told as `low` to `high`, and the real one, until its first call. `at`: when it was
    told."""

    date: dt.date
    department_id: int
    low: int
    high: int
    actual: float
    at: dt.datetime | None = None

    @property
    def told(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2

    @property
    def is_within(self) -> bool:
        return self.low <= self.actual <= self.high

    @property
    def is_below(self) -> bool:
        """Whether it ended before the range: a member who trusted it may have missed the call."""
        return self.actual < self.low


@dataclass(frozen=True)
class Accuracy:
    """Of `count` waits: the shares within the told range and below it, and means in minutes. `error` is how much longer
    it took than told (negative: shorter); `distance` is the same without the sign."""

    count: int
    share_within: float
    share_below: float
    told: float
    actual: float
    error: float
    distance: float

    @property
    def is_worse(self) -> bool:
        """Whether enough waits show that too few lie within their ranges, or too many end before them."""
        return self.count >= ENOUGH and (self.share_within < WITHIN or self.share_below > BELOW)


def waits(
    first: dt.date, last: dt.date, *, department: Department | None = None, topic: int | None = None
) -> list[Wait]:
    """The waits of these days, both included, in order of arrival; of a department alone, and of tickets for the topic
    with this id. Tickets that were never called are left out. One query."""
    predictions = WaitPrediction.objects.filter(ticket__date__range=(first, last)).order_by("at", "pk")
    if department:
        predictions = predictions.filter(ticket__department=department)
    if topic is not None:
        predictions = predictions.filter(ticket__topic=topic)
    rows = _with_call(predictions)
    return [
        Wait(date, department_id, low, high, (called_at - at).total_seconds() / 60, at)
        for date, department_id, low, high, at, called_at in rows.values_list(
            "ticket__date", "ticket__department", "low", "high", "at", "called_at"
        )
    ]


def accuracy(found: list[Wait]) -> Accuracy | None:
    """None if nobody was told a wait and then called."""
    if not found:
        return None
    errors = [wait.actual - wait.told for wait in found]
    return Accuracy(
        count=len(found),
        share_within=mean(wait.is_within for wait in found),
        share_below=mean(wait.is_below for wait in found),
        told=mean(wait.told for wait in found),
        actual=mean(wait.actual for wait in found),
        error=mean(errors),
        distance=mean(map(abs, errors)),
    )


def by(found: list[Wait], what: str) -> dict[Any, Accuracy | None]:
    """The accuracy for each value of `what`, an attribute of Wait, in order of the values."""
    parts: dict[Any, list[Wait]] = defaultdict(list)
    for wait in found:
        parts[getattr(wait, what)].append(wait)
    return {value: accuracy(parts[value]) for value in sorted(parts)}


def measure_spreads() -> None:
    """Store the spread of each department's waits: for each part of the day and for all day (""), for early and for due
    members. With too few waits there is no row, and the usual spread is used. Four queries and a write."""
    now = timezone.now()
    since = now - LOOKS_BACK
    rows = _with_call(WaitPrediction.objects.filter(at__gte=since, expected__isnull=False))
    served = serving.serving_periods_between(timezone.localdate(since), timezone.localdate(now))
    groups: dict[tuple[int, str, bool], list[tuple[float, float]]] = defaultdict(list)
    for department_id, date, is_early, expected, at, called_at in rows.values_list(
        "ticket__department", "ticket__date", "is_early", "expected", "at", "called_at"
    ):
        periods = [(one.timestamp(), other.timestamp()) for one, other in served.get(department_id, {}).get(date, [])]
        actual = forecast.serving_seconds(periods, at.timestamp(), called_at.timestamp())
        for part in ("", part_of_day(at)):
            groups[department_id, part, is_early].append((expected or 0, actual))
    spreads = {key: forecast.spread_of(waited, at_least=OWN_FROM) for key, waited in groups.items()}
    with transaction.atomic():
        WaitSpread.objects.all().delete()
        WaitSpread.objects.bulk_create(
            WaitSpread(
                department_id=department_id,
                part_of_day=part,
                is_early=is_early,
                low=spread.low,
                high=spread.high,
                count=len(groups[department_id, part, is_early]),
                measured_at=now,
            )
            for (department_id, part, is_early), spread in spreads.items()
            if spread
        )


def _with_call(predictions: QuerySet[WaitPrediction]) -> "QuerySet[CalledPrediction]":
    """Those whose tickets were called, with the first call after they were told."""
    called = TicketEvent.objects.standing().filter(ticket=OuterRef("ticket"), verb="call", at__gte=OuterRef("at"))
    called = called.order_by("id")
    return predictions.annotate(called_at=Subquery(called.values("at")[:1])).filter(called_at__isnull=False)
