"""How long a statement may take: as its process says (settings.STATEMENT_LIMITS), and longer in a report."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import connections, transaction

from booking import replica

# Whoever set a limit of their own that is longer, or none, keeps it.
LET_IT_THINK = """
SELECT set_config('statement_timeout', '60s', true) FROM pg_settings
 WHERE name = 'statement_timeout' AND setting::int BETWEEN 1 AND 59999
"""


def may_think(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let each statement of a view that only reads take a minute, where a clerk's may take five seconds. The view is
    one transaction; the limit ends with it, so it holds through a pool too."""

    @wraps(view)
    def answer(request: Any, *args: Any, **kwargs: Any) -> Any:
        alias = replica.alias()
        with transaction.atomic(using=alias):
            with connections[alias].cursor() as cursor:
                cursor.execute(LET_IT_THINK)
            return view(request, *args, **kwargs)

    return answer
