"""The settings of an office that has followed the README."""

import contextlib
import getpass
import http.client
import os
import re
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from queuesite import checks
from queuesite.launcher import postgres, web
from queuesite.launcher import run as launcher

PRODUCTION = {
    "DEMO": "off",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "CITIZEN_ID_KEY": secrets.token_urlsafe(48),
    "ALLOWED_HOSTS": "queue.example.org",
    "BEHIND_FRONT": "on",
    "DATABASE_APP_ROLE": "queue_app",
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
        ({"DATABASE_APP_ROLE": ""}, "DATABASE_APP_ROLE is not set"),
        ({"SECOND_FACTOR": "off"}, "SECOND_FACTOR=off"),
        ({"STAFF_IDLE_MINUTES": "600"}, "STAFF_IDLE_MINUTES is above 120"),
        ({"BOOKING_LIMIT_DEVICE": "1000"}, "BOOKING_LIMIT_DEVICE is more than ten times"),
        ({"LOOKUP_LIMIT_ADDRESS": "200/1"}, "LOOKUP_LIMIT_ADDRESS is more than ten times"),
        ({"LOOKUP_LIMIT_ADDRESS": "many"}, "LOOKUP_LIMIT_ADDRESS"),
        ({"LOGIN_LIMIT_NAME": "100000"}, "LOGIN_LIMIT_NAME is more than ten times"),
        ({"PROXY_HOPS": "1"}, "PROXY_HOPS is read no longer"),
        ({"PROXIES": "127.0.0.1,caddy"}, "PROXIES must be addresses"),
    ],
)
def test_what_is_unsafe_is_said(changed, said):
    answer = check(os.environ | PRODUCTION | changed)
    assert answer.returncode == 1
    assert said in answer.stderr


def test_the_limits_that_are_compared_are_those_of_the_example():
    example = (postgres.BASE_DIR / ".env.example").read_text()
    for name, most in checks.SHIPPED.items():
        shipped = re.search(rf"^# {name}=(\d+)(?:/(\d+))?$", example, flags=re.MULTILINE)
        assert int(shipped[1]) * 3600 / int(shipped[2] or 3600) == most, name


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
    assert sorted(sockets) == sorted(set(re.findall(r"unix:([^\s;]+)", site)))
    for at in sockets:
        folder = f"RuntimeDirectory={str(Path(at).parent).removeprefix('/run/')}"
        assert sum(folder in unit.read_text() for unit in UNITS) == 1


@pytest.mark.real_clock
def test_only_user_and_group_open_the_socket_of_a_web_server(tmp_path):
    at = tmp_path / "web.sock"
    command = [sys.executable, "-m", "queuesite.launcher.web", "--socket", str(at), "--workers", "1"]
    server = subprocess.Popen(command, cwd=postgres.BASE_DIR, env=os.environ | PRODUCTION)
    try:
        until = time.monotonic() + 60
        while not web.is_answering(at, "queue.example.org"):
            assert time.monotonic() < until and server.poll() is None
            time.sleep(0.1)
        assert stat.S_IMODE(at.stat().st_mode) == 0o660
    finally:
        server.terminate()
        server.wait(20)


@pytest.mark.real_clock
def test_a_web_server_for_an_nginx_on_another_machine_listens_on_a_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "queuesite.launcher.web", "--address", f"127.0.0.1:{port}", "--workers", "1"]
    server = subprocess.Popen(command, cwd=postgres.BASE_DIR, env=os.environ | PRODUCTION)

    def status(**headers):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        line.request("GET", "/healthz", headers={"Host": "queue.example.org"} | headers)
        return line.getresponse().status

    try:
        until = time.monotonic() + 180
        while True:
            with contextlib.suppress(OSError):
                assert status(QueueClient="10.1.2.3", QueueScheme="https") == 200
                break
            assert time.monotonic() < until and server.poll() is None
            time.sleep(0.1)
        assert status() == 400, "what has not come through nginx is refused"
    finally:
        server.terminate()
        server.wait(60)


@pytest.mark.parametrize("given", ["8001", "10.0.0.2:", "10.0.0.2:99999", ":8001"])
def test_an_address_without_host_or_port_is_refused_in_a_sentence(given):
    command = [sys.executable, "-m", "queuesite.launcher.web", "--address", given]
    done = subprocess.run(command, cwd=postgres.BASE_DIR, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "must be HOST:PORT" in done.stderr


def test_the_container_has_every_folder_that_is_imported():
    copied = (postgres.BASE_DIR / "deploy" / "Containerfile").read_text()
    sent = (postgres.BASE_DIR / "deploy" / "Containerfile.containerignore").read_text()
    packages = {file.parent.name for file in postgres.BASE_DIR.glob("*/__init__.py")} - {"bench", "tests"}
    assert {"booking", "office", "queuesite"} <= packages
    for folder in packages | {"deploy", "locale", "static", "templates"}:
        assert f"COPY {folder} {folder}\n" in copied
        assert f"!{folder}\n" in sent


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{name}.md" for name in ("operations", "scale", "testing"))])
def test_what_the_instructions_name_is_there(page):
    text = (postgres.BASE_DIR / page).read_text()
    makefile = (postgres.BASE_DIR / "Makefile").read_text()
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= get_commands().keys()
    targets = re.findall(r"^([a-z-]+|\.venv/[a-z-]+):", makefile, flags=re.MULTILINE)
    assert set(re.findall(r"^(?:    |.*`)make ([a-z./-]+)", text, flags=re.MULTILINE)) <= set(targets)
    assert set(re.findall(r"queuesite-[a-z]+(?=[ `.])", text)) <= {unit.stem for unit in UNITS}
    for file in re.findall(r"(?<![\w/.])(?:deploy|tests|docs|bench|booking|queuesite)/[\w/.-]+\.\w+", text):
        assert (postgres.BASE_DIR / file).exists(), file


def test_a_new_release_takes_the_steps_of_an_installation_again():
    text = (postgres.BASE_DIR / "docs" / "operations.md").read_text()
    steps = [
        "make .venv/installed PYTHON=/usr/bin/python3",
        "manage.py migrate\n",
        "manage.py collectstatic --noinput\n",
    ]
    for title in ("As services", "A new release"):
        section = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert [step for step in [*steps, *(unit.stem for unit in UNITS)] if step not in section] == []


def steps_of_the_container() -> list[tuple[str, str]]:
    """Instructions and their arguments, continued lines joined."""
    text = (postgres.BASE_DIR / "deploy" / "Containerfile").read_text().replace("\\\n", " ")
    return [tuple(line.split(" ", 1)) for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.slow
def test_the_steps_of_the_container_work_in_a_folder_of_their_own(tmp_path):
    """Without a container runtime: what is copied is enough to collect the files and to start. Not run: useradd, and
    installing the requirements, which this Python has."""
    site, kept = tmp_path / "srv", tmp_path / "var"
    site.mkdir()
    (site / ".venv" / "bin").mkdir(parents=True)
    (site / ".venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (site / ".venv" / "bin" / "python").chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(kept), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = 0
    for instruction, arguments in steps_of_the_container():
        if instruction == "COPY":
            *sources, target = arguments.split()
            for source in sources:
                from_, to = postgres.BASE_DIR / source, site / (source if target == "./" else target)
                if from_.is_dir():
                    shutil.copytree(from_, to, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy2(from_, to)
        elif instruction == "RUN" and "manage.py" in arguments:
            done = subprocess.run(arguments, shell=True, cwd=site, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            ran += 1
    assert ran == 1
    assert (kept / "static" / "staticfiles.json").exists()
    started = subprocess.run(
        [".venv/bin/python", "manage.py", "check"],
        cwd=site,
        env=environment | PRODUCTION | {"DATABASE_URL": "postgres://none:none@none/none"},
        capture_output=True,
        text=True,
    )
    assert started.returncode == 0, started.stderr


@pytest.mark.slow
def test_every_service_of_the_compose_file_starts_what_is_in_the_image():
    compose = yaml.safe_load((postgres.BASE_DIR / "deploy" / "compose.yaml").read_text())
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        named = [volume.split(":", 1)[0] for volume in service.get("volumes", [])]
        assert {volume for volume in named if volume[0] not in "./"} <= set(compose["volumes"]), name
        for volume in named:
            if volume.startswith("./"):
                assert (postgres.BASE_DIR / "deploy" / volume).exists(), name
        command = service.get("command", [])
        if "-m" in command:
            module = command[command.index("-m") + 1].replace(".", "/")
            assert (postgres.BASE_DIR / f"{module}.py").exists(), name


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
