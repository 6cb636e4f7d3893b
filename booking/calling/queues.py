"""The versions of the departments' queues: what open pages compare to learn whether anything has changed. In plain SQL,
because nothing is asked more often: a thousand open pages ask little else."""

from booking import prepared
from booking.models import Counter


def versions(department_ids: list[int] | None = None) -> dict[int, int]:
    """The version of each department's queue (all of them by default)."""
    return dict.fromkeys(department_ids or [], 0) | dict(prepared.rows(VERSIONS, {"ids": department_ids}))


def versions_at(counter: Counter) -> dict[int, int]:
    """The version of the queue of each department that a counter serves, in the counter's order."""
    return dict(prepared.rows(VERSIONS_AT, {"counter": counter.pk}))


VERSIONS = """
SELECT department_id, version FROM booking_queueversion
 WHERE %(ids)s::bigint[] IS NULL OR department_id = ANY(%(ids)s::bigint[])
 ORDER BY department_id
"""

VERSIONS_AT = """
SELECT department_id, COALESCE(queue.version, 0)
  FROM booking_counterdepartment served LEFT JOIN booking_queueversion queue USING (department_id)
 WHERE served.counter_id = %(counter)s
 ORDER BY served.position, served.id
"""
