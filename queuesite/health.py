"""Answers monitors: is the process alive, and can the service do its work?"""

import datetime as dt

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from booking import disk
from booking.messages import ledger
from booking.models.jobs import HEARTBEAT_LATE, worker_is_late

UNSENT_FOR = dt.timedelta(minutes=10)


class NotReady(Exception):
    """A check failed; the message says what is wrong."""


@never_cache
@require_safe
def healthz(request):
    """200 as long as this process answers; asks no database."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request):
    """200 when every check passes, else 503; one entry for each check, "ok" or what is wrong. What an operator should
    look at while members are still served is listed under "warnings", if there is anything."""
    checks = {name: _outcome(check) for name, check in CHECKS.items()}
    if all(outcome == "ok" for outcome in checks.values()):
        warnings = {name: said for name, warn in WARNINGS.items() if (said := warn())}
        return JsonResponse({"status": "ok", "checks": checks} | ({"warnings": warnings} if warnings else {}))
    answer = JsonResponse({"status": "not ready", "checks": checks}, status=503, headers={"Retry-After": "5"})
    answer._has_been_logged = True  # the monitor is told; a log line for each request helps nobody
    return answer


@never_cache
@require_safe
def workerz(request):
    """200 while the worker shows signs of life, else 503. A separate alarm, since members are still served."""
    said = _worker()
    headers = {"Retry-After": "5"} if said else None
    answer = JsonResponse({"status": said or "ok"}, status=503 if said else 200, headers=headers)
    answer._has_been_logged = True
    return answer


def unapplied_migrations() -> int:
    """How many migrations the database still lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _outcome(check) -> str:
    try:
        check()
    except NotReady as exc:
        return str(exc)
    except DatabaseError:
        return "the database does not answer"
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    # Once they are all there, they stay; the next release comes with a new process.
    if not _migrations.done and unapplied_migrations():
        raise NotReady("migrations are to be applied: python manage.py migrate")
    _migrations.done = True


_migrations.done = False


def _disk() -> None:
    if disk.is_full():
        raise NotReady("the disk is full: the database cannot write. Make room; it goes on by itself")


def _worker() -> str:
    try:
        if not worker_is_late():
            return ""
    except DatabaseError:
        return "the database does not answer"
    minutes = HEARTBEAT_LATE // dt.timedelta(minutes=1)
    return f"no sign of the worker for {minutes} minutes: python -m queuesite.launcher.worker"


def _messages() -> str:
    oldest = ledger.oldest_unsent()
    if oldest is None or timezone.now() - oldest <= UNSENT_FOR:
        return ""
    minutes = (timezone.now() - oldest) // dt.timedelta(minutes=1)
    return f"the oldest unsent message has been due for {minutes} minutes: see the messages in the back office"


def _room() -> str:
    said = "; ".join(f"{one.percent:.1f}% of the disk of {one.folder} is left" for one in disk.short())
    return f"{said}: make room. No backup is made until then" if said else ""


CHECKS = {"database": _database, "migrations": _migrations, "disk": _disk}
WARNINGS = {"worker": _worker, "messages": _messages, "disk": _room}
