"""The versions of the departments' queues: what open pages compare to learn whether anything has changed."""

from django.db import connection


def versions(department_ids: list[int] | None = None) -> dict[int, int]:
    """The version of each department's queue (all of them by default); pages compare it to see whether anything has
    changed. In plain SQL, because nothing is asked more often: a thousand open pages ask little else."""
    with connection.cursor() as cursor:
        cursor.execute(VERSIONS, {"ids": department_ids})
        return dict.fromkeys(department_ids or [], 0) | dict(cursor.fetchall())


VERSIONS = """
SELECT department_id, version FROM booking_queueversion
 WHERE %(ids)s::bigint[] IS NULL OR department_id = ANY(%(ids)s)
 ORDER BY department_id
"""
