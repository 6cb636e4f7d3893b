"""Finds what the demo left in a database, from the data alone. An office must not start with it, and it betrays a
folder from before the demo had its own database."""

# Made-up members have their number as telephone; no telephone begins with 0800100.
MEMBERS = "member_number BETWEEN '100001' AND '100200' AND phone = '08' || lpad(member_number, 8, '0')"
# What the demo's log-ins are called, and the password that they have unless DEMO_PASSWORD names another.
NAMES = "is_active AND first_name ~ '^(ผู้จัดการ|เจ้าหน้าที่)สาธิต'"
USERNAMES = ["manager", *(f"counter{number}" for number in range(1, 6))]
PASSWORD = "demo-queue-2569"


def is_all_there_is(cursor) -> bool:
    """Whether a database holds members, all of them the demo's."""
    cursor.execute("SELECT to_regclass('members_member') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return False
    cursor.execute(f"SELECT coalesce(bool_and({MEMBERS}), false) FROM members_member")
    return cursor.fetchone()[0]


def found(cursor) -> str:
    """What is left of the demo, in words; empty if nothing."""
    cursor.execute("SELECT to_regclass('members_member') IS NOT NULL AND to_regclass('auth_user') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return ""
    cursor.execute(f"SELECT count(*) FROM members_member WHERE {MEMBERS}")
    members = cursor.fetchone()[0]
    names = log_ins(cursor)
    said = [f"the log-ins {', '.join(sorted(names))}"] if names else []
    said += [f"{members} members"] if members else []
    return " and ".join(said)


def in_default() -> tuple[str, list[int], set[str]]:
    """Of the default database: what found() says, the ids of the demo's members, and the names of its log-ins."""
    from django.db import connection

    with connection.cursor() as cursor:
        left = found(cursor)
        if not left:
            return "", [], set()
        cursor.execute(f"SELECT id FROM members_member WHERE {MEMBERS}")
        return left, [pk for (pk,) in cursor.fetchall()], log_ins(cursor)


def log_ins(cursor) -> set[str]:
    """The names of the demo's log-ins that still open something."""
    from django.contrib.auth.hashers import check_password  # this module is also read before any setting is

    cursor.execute(f"SELECT username FROM auth_user WHERE {NAMES}")
    names = {username for (username,) in cursor.fetchall()}
    cursor.execute("SELECT username, password FROM auth_user WHERE is_active AND username = ANY(%s)", [USERNAMES])
    return names | {name for name, kept in cursor.fetchall() if name not in names and check_password(PASSWORD, kept)}
