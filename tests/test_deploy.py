"""The settings of an office that has followed the README."""

import os
import secrets
import subprocess
import sys

from queuesite import postgres

PRODUCTION = {
    "DEMO": "off",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "CITIZEN_ID_KEY": secrets.token_urlsafe(48),
    "ALLOWED_HOSTS": "queue.example.org",
    "PROXY_HOPS": "1",
}


def test_nothing_is_unsafe_in_production():
    environment = os.environ | PRODUCTION
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of the browser tests beside it
    answer = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=postgres.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout
