"""The settings of an office that has followed the README."""

import os
import secrets
import subprocess
import sys

import pytest

from queuesite.launcher import postgres

PRODUCTION = {
    "DEMO": "off",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "CITIZEN_ID_KEY": secrets.token_urlsafe(48),
    "ALLOWED_HOSTS": "queue.example.org",
    "PROXY_HOPS": "1",
}


def check(environment):
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of the browser tests beside it
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=postgres.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_nothing_is_unsafe_in_production():
    answer = check(os.environ | PRODUCTION)
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


@pytest.mark.parametrize("name", ["SECRET_KEY", "CITIZEN_ID_KEY"])
def test_a_missing_secret_stops_the_start_with_a_sentence(name):
    environment = os.environ | PRODUCTION
    del environment[name]
    answer = check(environment)
    assert answer.returncode == 1
    assert name in answer.stderr and ".env.example" in answer.stderr
    assert "Traceback" not in answer.stderr
