"""The settings of an office that has followed the README."""

import getpass
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from queuesite.launcher import postgres
from queuesite.launcher import run as launcher

PRODUCTION = {
    "DEMO": "off",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "CITIZEN_ID_KEY": secrets.token_urlsafe(48),
    "ALLOWED_HOSTS": "queue.example.org",
    "BEHIND_FRONT": "on",
    "MEMBER_PROOF": "phone_last4",
}


def check(environment):
    return run("check", "--deploy", "--fail-level", "WARNING", environment)


def run(*arguments):
    *command, environment = arguments
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of the browser tests beside it
    return subprocess.run(
        [sys.executable, "manage.py", *command],
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


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"DEMO": "on"}, "DEMO=on"),
        ({"MEMBER_PROOF": "none"}, "MEMBER_PROOF=none"),
        ({"PROXY_HOPS": "1"}, "PROXY_HOPS is read no longer"),
        ({"PROXIES": "127.0.0.1,caddy"}, "PROXIES must be addresses"),
    ],
)
def test_what_is_unsafe_is_said(changed, said):
    answer = check(os.environ | PRODUCTION | changed)
    assert answer.returncode == 1
    assert said in answer.stderr


UNITS = sorted((postgres.BASE_DIR / "deploy").glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="NO SYSTEMD-ANALYZE: THE UNITS ARE NOT TESTED")
def test_systemd_understands_the_units(tmp_path):
    assert {unit.stem for unit in UNITS} == {"queuesite-web", "queuesite-staff", "queuesite-worker"}
    for unit in UNITS:
        text = unit.read_text().replace("/srv/queuesite", str(postgres.BASE_DIR))
        (tmp_path / unit.name).write_text(text.replace("User=queuesite", f"User={getpass.getuser()}"))
    answer = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / unit.name for unit in UNITS)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    ours = [line for line in answer.stderr.splitlines() if "queuesite-" in line]
    assert not ours, answer.stderr


def test_the_units_and_the_site_of_nginx_name_the_same_sockets():
    site = (postgres.BASE_DIR / "deploy" / "nginx.conf").read_text()
    sockets = [word for unit in UNITS for word in unit.read_text().split() if word.endswith(".sock")]
    assert sorted(sockets) == sorted(re.findall(r"unix:(\S+);", site))
    for socket in sockets:
        folder = f"RuntimeDirectory={str(Path(socket).parent).removeprefix('/run/')}"
        assert sum(folder in unit.read_text() for unit in UNITS) == 1


def test_the_container_has_every_folder_that_is_imported():
    copied = (postgres.BASE_DIR / "deploy" / "Containerfile").read_text()
    for folder in ("booking", "deploy", "holidays", "locale", "members", "queuesite", "static", "templates"):
        assert f"COPY {folder} {folder}\n" in copied


def test_a_start_without_a_secret_makes_nothing(tmp_path):
    environment = os.environ | PRODUCTION | {"VAR_DIR": str(tmp_path / "var")}
    for name in ("SECRET_KEY", "DATABASE_URL"):
        del environment[name]
    answer = run("run", environment)
    assert answer.returncode == 1
    assert answer.stderr.startswith("Set the SECRET_KEY environment variable")
    assert not (tmp_path / "var").exists()


def test_a_number_that_is_none_is_said_in_a_sentence(tmp_path):
    answer = run("check", os.environ | PRODUCTION | {"PORT": "abc"})
    assert answer.returncode == 1
    assert answer.stderr.startswith("PORT must be a whole number, and is 'abc'.")


def test_a_wrong_host_is_one_line_in_the_log(client, settings, caplog):
    settings.ALLOWED_HOSTS = ["queue.example.org"]
    assert client.get("/", HTTP_HOST="elsewhere.example.org").status_code == 400
    (record,) = caplog.records
    assert "elsewhere.example.org" in record.getMessage()
    assert record.exc_info is None


@pytest.mark.parametrize(
    ("changed", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"ALLOWED_HOSTS": ["queue.example.org"]}, "http://queue.example.org:8000"),
        ({"ALLOWED_HOSTS": ["queue.example.org"], "SECURE_SSL_REDIRECT": True}, "https://queue.example.org"),
        ({"ALLOWED_HOSTS": ["127.0.0.1"]}, "http://127.0.0.1:8000"),
        ({"PUBLIC_URL": "https://queue.example.org"}, "https://queue.example.org"),
    ],
)
def test_the_address_that_is_told_is_one_that_answers(settings, changed, address):
    settings.ALLOWED_HOSTS = ["*"]
    for name, value in changed.items():
        setattr(settings, name, value)
    assert launcher._public("http://127.0.0.1:8000") == address
