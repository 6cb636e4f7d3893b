"""Reads that may be a second old, from a copy of the database (DATABASE_REPLICA_URL), so that they take nothing from
bookings and calls."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError

log = logging.getLogger(__name__)

ALIAS = "replica"
# Who is signed in, and until when, is never read from a copy.
APPS = {"booking", "members", "holidays"}

_is_on: ContextVar[bool] = ContextVar("reads_from_replica", default=False)


class Router:
    """Sends to the replica what is read inside a view that `may_be_late`; everything else stays where it is."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if _is_on.get() and model._meta.app_label in APPS else None

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, *args: Any, **hints: Any) -> bool:
        return db != ALIAS


def alias() -> str:
    """Where a view's reads go."""
    return ALIAS if _is_on.get() else DEFAULT_DB_ALIAS


def may_be_late(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a view that only reads ask the replica, where there is one. If that does not answer, it asks the database."""

    @wraps(view)
    def answer(request: Any, *args: Any, **kwargs: Any) -> Any:
        if ALIAS not in settings.DATABASES:
            return view(request, *args, **kwargs)
        token = _is_on.set(True)
        try:
            return view(request, *args, **kwargs)
        except (OperationalError, InterfaceError) as fault:
            log.warning("the replica does not answer, the database is asked: %s", type(fault).__name__)
        finally:
            _is_on.reset(token)
        return view(request, *args, **kwargs)

    return answer
