"""How long a statement may take: as its process says (settings.STATEMENT_LIMITS), and longer in a report, which has a
minute in all."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from time import monotonic
from typing import Any

from django.db import OperationalError, connections, transaction

from booking import replica

SECONDS = 60
LIMIT = "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'"  # milliseconds; 0 is none


class _Budget:
    """What is left of it is each statement's limit, as an execute wrapper of its connection. Two that take nearly all
    of it do not both."""

    def __init__(self, seconds: float) -> None:
        self.until = monotonic() + seconds

    def left(self) -> int:
        """Milliseconds. Raises TookTooLong where there are none."""
        left = round(1000 * (self.until - monotonic()))
        if left <= 0:
            raise replica.TookTooLong
        return left

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        connection = context["connection"]
        with connection.wrap_database_errors:
            connection.connection.execute(f"SET LOCAL statement_timeout = {self.left()}", prepare=False)
        return execute(sql, params, many, context)


_budget: ContextVar[_Budget | None] = ContextVar("budget_of_a_report", default=None)


def may_think(read: Callable[..., Any]) -> Callable[..., Any]:
    """Let what only reads take a minute in all, where a clerk's statement may take five seconds. It is one transaction;
    its limits end with it, so they hold through a pool too. Whoever set a limit of their own that is longer, or none,
    keeps it. Raises TookTooLong (replica.py)."""

    @wraps(read)
    def answer(*args: Any, **kwargs: Any) -> Any:
        alias = replica.alias()
        connection = connections[alias]
        try:
            with transaction.atomic(using=alias):
                with connection.cursor() as cursor:
                    cursor.execute(LIMIT)
                    limit = cursor.fetchone()[0]
                if not limit:
                    return read(*args, **kwargs)
                budget = _Budget(max(SECONDS, limit / 1000))
                token = _budget.set(budget)
                try:
                    with connection.execute_wrapper(budget):
                        return read(*args, **kwargs)
                finally:
                    _budget.reset(token)
        except OperationalError as fault:
            if replica.was_cut_off(fault) and not isinstance(fault, replica.TookTooLong):
                raise replica.TookTooLong from fault
            raise

    return answer


def check() -> None:
    """For long work between two statements. Raises TookTooLong in a report that has used up its minute."""
    if budget := _budget.get():
        budget.left()
