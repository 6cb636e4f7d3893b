"""What a booking costs at the least: a bare WSGI function that runs the booking statement, and nothing else.

No Django. BENCH_SQL holds the statement, BENCH_STATE, BENCH_ZONE and BENCH_REMINDED_AT what the office puts into it,
DATABASE_URL the database.
"""

import datetime as dt
import hashlib
import json
import os
import secrets
import threading

import psycopg

SQL = os.environ["BENCH_SQL"]
_local = threading.local()


def application(environ, start_response):
    wanted = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    public_id = secrets.token_urlsafe(16)
    values = {
        "member": wanted["member"],
        "slot": wanted["slot"],
        "now": dt.datetime.now(dt.UTC),
        "public_id": public_id,
        "secret_hash": hashlib.sha256(public_id.encode()).hexdigest(),
        "key": wanted["key"],
        "by": None,
        "verb": "book",
        "asked": "",
        "reason": "",
        "messages": True,
        "owed": ["issued", "day_before"],
        "reminders": ["day_before"],
        "topic": None,
        "places_of": None,
        "state": os.environ["BENCH_STATE"],
        "reminded_at": os.environ["BENCH_REMINDED_AT"],
        "zone": os.environ["BENCH_ZONE"],
        # As a member with a proof, like the other ways: all of the bench has one address.
        "mark": public_id,
        "is_proven": True,
        "address": "bench",
        "network": None,
        "device": None,
        "blocks": [],
        "day_ago": dt.datetime.now(dt.UTC) - dt.timedelta(days=1),
        "hour_ago": dt.datetime.now(dt.UTC) - dt.timedelta(hours=1),
        "most_live": 100_000,
        "most_a_day": 100_000,
        "most_of_device": 6,
        "most_of_address": 60,
    }
    row = _cursor().execute(SQL, values, prepare=True).fetchone()
    answer = json.dumps({"id": public_id, "number": row[1], "start": row[5].isoformat()}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("201 Created", headers)
    return [answer]


def _cursor() -> psycopg.Cursor:
    if not hasattr(_local, "cursor"):
        connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        _local.cursor = connection.cursor()
    return _local.cursor
