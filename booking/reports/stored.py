"""The counts of days that are over are stored, once each; they are made anew when something happens to the tickets of
such a day later, and whenever somebody wants (`manage.py rebuild_summaries`)."""

import datetime as dt
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Max, Min, Model, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from booking.models import HourSummary, MessageSummary, SummarisedDay, Tally, Ticket, TicketEvent, TicketSummary
from booking.models.tallies import put_together
from booking.reports import facts

AT_ONCE = 7  # days
# What is told of a day by telephone afterwards changes no ticket.
ALWAYS_AGAIN = 3  # days


NOT_COUNTED = """
SELECT day::date FROM generate_series(%s::date, %s::date - 1, interval '1 day') day
 WHERE NOT EXISTS (SELECT FROM booking_summarisedday WHERE date = day::date AND has_tickets)
"""


def bring_up_to_date() -> int:
    """Count the days that are over and not counted yet, and those to whose tickets something has happened since.
    Returns how many; none where yesterday has been counted and nothing has happened since."""
    today = timezone.localdate()
    dates = _not_counted(today) | _changed(today)
    if today - dt.timedelta(days=1) in dates:
        again = {today - dt.timedelta(days=nth) for nth in range(1, ALWAYS_AGAIN + 1)}
        dates |= {date for date in again if date >= _first_day(today)}
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
    tickets = [row for row in facts.tickets(dates[0], dates[-1]) if row.date in dates]
    HourSummary.objects.filter(date__in=dates).delete()
    MessageSummary.objects.filter(date__in=dates).delete()
    TicketSummary.objects.filter(date__in=dates).delete()
    for model, rows in ((HourSummary, hours), (MessageSummary, messages), (TicketSummary, tickets)):
        _copy(model, rows)
    days.update(made_at=now, has_tickets=True)


def _copy(model: type[Model], rows: Iterable[Model]) -> None:
    """Insert them all by COPY: most of the time of a rebuild went into building statements of thousands of values."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    into = f"COPY {connection.ops.quote_name(model._meta.db_table)} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(into) as copy:
        for row in rows:
            copy.write_row([getattr(row, field.attname) for field in fields])


def _all_days(today: dt.date) -> list[dt.date]:
    """From the first day until yesterday."""
    first = _first_day(today)
    return [first + dt.timedelta(days=nth) for nth in range((today - first).days)]


def _first_day(today: dt.date) -> dt.date:
    """That of the first ticket, or the first that was told of members' refusals and visits."""
    first = Ticket.objects.aggregate(first=Min("date"))["first"] or today
    tally = Tally.objects.aggregate(first=Min("date"))["first"] or today
    return min(first, tally)


def _not_counted(today: dt.date) -> set[dt.date]:
    """Found in the database: there are thousands of days, and nearly all of them are counted."""
    with connection.cursor() as cursor:
        cursor.execute(NOT_COUNTED, [_first_day(today), today])
        return {date for (date,) in cursor.fetchall()}


def _changed(today: dt.date) -> set[dt.date]:
    last = SummarisedDay.objects.aggregate(last=Max("made_at"))["last"]
    if last is None:
        return set()
    # What was under way while a day was counted may have come after it.
    since = last - dt.timedelta(days=ALWAYS_AGAIN)
    later = TicketEvent.objects.filter(Q(at__gte=since) | Q(entered_at__gte=since), ticket__date__lt=today).order_by()
    found = later.values_list("ticket__date").annotate(last=Max(Coalesce("entered_at", "at")))
    changed = dict(found)
    made = SummarisedDay.objects.filter(pk__in=changed).values_list("date", "made_at")
    return {date for date, at in made if changed[date] >= at - dt.timedelta(minutes=1)}
