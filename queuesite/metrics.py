"""Serves `/metrics` to Prometheus. Each figure is read from the database on request: several processes answer, and a
count kept by one of them would cover that process alone. A fixed number of queries, each by an index."""

import hmac
import platform

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q, Sum
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_q.models import OrmQ
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from booking import disk, jobs
from booking.messages import ledger
from booking.models import Department, JobRun, Notice, Ticket, TicketEvent
from booking.models.notices import NoticeState
from booking.models.tallies import Tally
from booking.models.tickets import State
from booking.views.live import POLL_ANSWERS, POLLED
from members.models import LookupCount, LookupLog
from members.throttle import MISSED
from queuesite import release


@never_cache
@require_safe
def metrics(request):
    """All figures, for anybody who sends METRICS_TOKEN as a Bearer token. Without that setting there is no such page:
    404."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode()):
        answer = HttpResponse("METRICS_TOKEN", status=401, headers={"WWW-Authenticate": "Bearer"})
        answer._has_been_logged = True
        return answer
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Figures:
    def collect(self):
        yield from _tickets()
        yield from _waiting()
        yield from _messages()
        yield from _background()
        yield from _lookups()
        yield from _tallies()
        yield from _database()
        room = {(str(one.folder),): one.free / one.total for one in disk.all_of_them()}
        yield _gauge(
            "queue_disk_free_ratio", "What is left of the disk of a folder, on this machine.", ["folder"], room
        )
        about = {"release": release.version(), "python": platform.python_version()}
        yield _gauge("queue_build_info", "Which release answers.", list(about), {tuple(about.values()): 1})


def _tickets():
    found = _counted(Ticket.objects.of_today(), "state")
    states = {(state,): found.get((state,), 0) for state in State.values}
    yield _gauge("queue_tickets_today", "Tickets of today by state.", ["state"], states)
    begun = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    events = _counted(TicketEvent.objects.filter(at__gte=begun), "verb")
    events = {(verb,): 0 for verb in ("book", "cancel", "call")} | events
    yield _gauge("queue_events_today", "What was done to tickets since midnight, by verb.", ["verb"], events)


def _waiting():
    waiting = Q(queued_tickets__state=State.WAITING, queued_tickets__date=timezone.localdate())
    rows = Department.objects.active().annotate(
        count=Count("queued_tickets", filter=waiting), since=Min("queued_tickets__arrived_at", filter=waiting)
    )
    found = {(row.slug,): row for row in rows.order_by()}
    now = timezone.now()
    count = {slug: row.count for slug, row in found.items()}
    longest = {slug: max(0, (now - row.since).total_seconds()) if row.since else 0 for slug, row in found.items()}
    yield _gauge("queue_waiting", "Who waits now, by department.", ["department"], count)
    yield _gauge("queue_longest_wait_seconds", "Since when the longest waits.", ["department"], longest)


def _messages():
    left = [NoticeState.OWED, NoticeState.TO_TELEPHONE]
    found = _counted(Notice.objects.filter(state__in=left), "state")
    states = {(str(state),): found.get((state,), 0) for state in left}
    yield _gauge("queue_notices_left", "Messages to be sent, or to be told by telephone.", ["state"], states)
    found = _counted(Notice.objects.filter(ticket__date=timezone.localdate()), "state")
    states = {(state,): found.get((state,), 0) for state in NoticeState.values}
    yield _gauge("queue_notices_of_today", "Messages about tickets of today, by state.", ["state"], states)
    oldest = ledger.oldest_unsent()
    age = max(0, (timezone.now() - oldest).total_seconds()) if oldest else 0
    yield _gauge("queue_oldest_notice_seconds", "Since when the oldest unsent message is due.", [], {(): age})


def _background():
    runs = list(JobRun.objects.all())
    finished = {(run.name,): run.finished_at.timestamp() for run in runs}
    yield _gauge("queue_job_finished_timestamp_seconds", "When each job finished last.", ["job_name"], finished)
    every = {(name,): minutes * 60 for name, minutes in jobs.RECURRING.items()}
    yield _gauge("queue_job_interval_seconds", "How often each job is to run.", ["job_name"], every)
    broken = next((len(run.found.splitlines()) for run in runs if run.name == "check_queue"), 0)
    yield _gauge("queue_rules_broken", "Rules of the queue that the hourly check found broken.", [], {(): broken})
    yield _gauge("queue_background_tasks", "Tasks on the worker's list.", [], {(): OrmQ.objects.count()})


def _lookups():
    now = timezone.now()
    tries = LookupLog.objects.filter(ends_at__gt=now).values_list("scope").annotate(Sum("tried_at__len"))
    found = {(scope,): count for scope, count in tries.order_by()}
    yield _gauge("queue_lookup_tries", "Look-ups of members in the windows that still count.", ["scope"], found)
    missed = LookupCount.objects.filter(scope=MISSED, ends_at__gt=now).aggregate(count=Sum("count"))["count"]
    yield _gauge("queue_lookups_missed", "Look-ups of this hour that found nobody.", [], {(): missed or 0})


def _tallies():
    counted = [Tally.What.REFUSED, Tally.What.POLLED]
    found = Tally.objects.filter(date=timezone.localdate(), what__in=counted)
    codes, polls = {}, {(page, answer): 0 for page in POLLED for answer in POLL_ANSWERS.values()}
    for what, name, count in found.order_by().values_list("what", "name").annotate(Sum("count")):
        if what == Tally.What.REFUSED:
            codes[(name,)] = count
        else:
            polls[tuple(name.split())] = count
    says = "Members' refusals since midnight, by code; up to ten seconds late."
    yield _gauge("queue_refusals_today", says, ["code"], codes)
    says = "Answers since midnight to pages that stay open, by page and kind; up to a minute late."
    yield _gauge("queue_poll_answers_today", says, ["page", "answer"], polls)


def _database():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(state, 'unknown'), count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' GROUP BY 1"
        )
        states = {(state,): count for state, count in cursor.fetchall()}
        cursor.execute("SELECT pg_database_size(current_database()), current_setting('max_connections')::int")
        size, most = cursor.fetchone()
    yield _gauge("queue_database_connections", "Connections to the database, by state.", ["state"], states)
    yield _gauge("queue_database_connections_max", "How many the server takes, of all databases.", [], {(): most})
    yield _gauge("queue_database_bytes", "How large the database is.", [], {(): size})


def _counted(rows, column: str) -> dict[tuple, int]:
    return {(value,): count for value, count in rows.order_by().values_list(column).annotate(Count("pk"))}


def _gauge(name: str, says: str, labels: list[str], values: dict[tuple, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, says, labels=labels)
    for of, value in values.items():
        gauge.add_metric([str(one) for one in of], value)
    return gauge
