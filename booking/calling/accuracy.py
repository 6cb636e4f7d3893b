"""How good the expected wait was: what members were told on arrival, beside how long it then took until they were
called. Reads only."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from statistics import mean

from django.db.models import OuterRef, Subquery

from booking.models import TicketEvent, WaitPrediction


@dataclass(frozen=True)
class Wait:
    """One ticket's wait, in minutes: told as `low` to `high`, and what it became, to its first call."""

    date: dt.date
    department_id: int
    low: int
    high: int
    actual: float

    @property
    def told(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2

    @property
    def is_within(self) -> bool:
        return self.low <= self.actual <= self.high


@dataclass(frozen=True)
class Accuracy:
    """Of `count` waits: the share within the range that was told, and means in minutes. `error` is how much longer it
    took than told (negative: shorter); `distance` the same without its sign."""

    count: int
    share_within: float
    told: float
    actual: float
    error: float
    distance: float


def waits(first: dt.date, last: dt.date, *, department=None) -> list[Wait]:
    """The waits of these days, both included, in order of arrival; whoever was never called is not among them. One
    query."""
    predictions = WaitPrediction.objects.filter(ticket__date__range=(first, last)).order_by("at", "pk")
    if department:
        predictions = predictions.filter(ticket__department=department)
    called = TicketEvent.objects.filter(ticket=OuterRef("ticket"), verb="call", at__gte=OuterRef("at")).order_by("id")
    rows = predictions.annotate(called_at=Subquery(called.values("at")[:1])).filter(called_at__isnull=False)
    return [
        Wait(date, department_id, low, high, (called_at - at).total_seconds() / 60)
        for date, department_id, low, high, at, called_at in rows.values_list(
            "ticket__date", "ticket__department", "low", "high", "at", "called_at"
        )
    ]


def accuracy(found: list[Wait]) -> Accuracy | None:
    """None where nobody was told a wait and then called."""
    if not found:
        return None
    errors = [wait.actual - wait.told for wait in found]
    return Accuracy(
        count=len(found),
        share_within=mean(wait.is_within for wait in found),
        told=mean(wait.told for wait in found),
        actual=mean(wait.actual for wait in found),
        error=mean(errors),
        distance=mean(map(abs, errors)),
    )


def by(found: list[Wait], what: str) -> dict:
    """The accuracy for each value of `what`, an attribute of Wait, in order of the values."""
    parts = defaultdict(list)
    for wait in found:
        parts[getattr(wait, what)].append(wait)
    return {value: accuracy(parts[value]) for value in sorted(parts)}
