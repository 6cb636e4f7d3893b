"""The counts of days that are over are stored, once each; they are made anew when something happens to the tickets of
such a day later, and whenever somebody wants (`manage.py rebuild_summaries`)."""

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Max, Min, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from booking.models import HourSummary, MessageSummary, SummarisedDay, Tally, Ticket, TicketEvent
from booking.models.tallies import put_together
from booking.reports import facts

AT_ONCE = 7  # days
# What is told of a day by telephone afterwards changes no ticket.
ALWAYS_AGAIN = 3  # days


def bring_up_to_date() -> int:
    """Count the days that are over and not counted yet, and those to whose tickets something has happened since.
    Returns how many; none where yesterday has been counted and nothing has happened since."""
    today = timezone.localdate()
    dates = _not_counted(today) | _changed(today)
    if today - dt.timedelta(days=1) in dates:
        dates |= {today - dt.timedelta(days=nth) for nth in range(1, ALWAYS_AGAIN + 1)} & set(_all_days(today))
        put_together(first=min(dates), last=max(dates))
    return count(dates)


def rebuild() -> int:
    """Count all days that are over, from their events. Returns how many."""
    return count(_all_days(timezone.localdate()))


def count(dates: Iterable[dt.date]) -> int:
    """Count these days. Each week's are one transaction, which locks the rows of its days: two that count the same come
    one after the other."""
    left = sorted(dates)
    counted = len(left)
    while left:
        some = [date for date in left if date < left[0] + dt.timedelta(days=AT_ONCE)]
        left = left[len(some) :]
        _count(some)
    return counted


@transaction.atomic
def _count(dates: list[dt.date]) -> None:
    now = timezone.now()
    days = SummarisedDay.objects.filter(pk__in=dates)
    SummarisedDay.objects.bulk_create([SummarisedDay(date=date, made_at=now) for date in dates], ignore_conflicts=True)
    list(days.select_for_update().order_by("pk"))
    hours = [row for row in facts.hours(dates[0], dates[-1]) if row.date in dates]
    messages = [row for row in facts.messages(dates[0], dates[-1]) if row.date in dates]
    HourSummary.objects.filter(date__in=dates).delete()
    MessageSummary.objects.filter(date__in=dates).delete()
    HourSummary.objects.bulk_create(hours, batch_size=500)
    MessageSummary.objects.bulk_create(messages, batch_size=1000)
    days.update(made_at=now)


def _all_days(today: dt.date) -> list[dt.date]:
    """From the first ticket's day until yesterday."""
    first = Ticket.objects.aggregate(first=Min("date"))["first"] or today
    tally = Tally.objects.aggregate(first=Min("date"))["first"] or today
    first = min(first, tally)
    return [first + dt.timedelta(days=nth) for nth in range((today - first).days)]


def _not_counted(today: dt.date) -> set[dt.date]:
    return set(_all_days(today)) - set(SummarisedDay.objects.values_list("date", flat=True))


def _changed(today: dt.date) -> set[dt.date]:
    made = dict(SummarisedDay.objects.values_list("date", "made_at"))
    if not made:
        return set()
    # What was under way while a day was counted may have come after it.
    since = max(made.values()) - dt.timedelta(days=ALWAYS_AGAIN)
    later = TicketEvent.objects.filter(Q(at__gte=since) | Q(entered_at__gte=since), ticket__date__lt=today).order_by()
    return {
        date
        for date, at in later.values_list("ticket__date").annotate(last=Max(Coalesce("entered_at", "at")))
        if date in made and at >= made[date] - dt.timedelta(minutes=1)
    }
