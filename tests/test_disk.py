"""From a twentieth of the disk on it is said in words, and what can wait is not stored; a full one is survived."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from django.urls import reverse

from bench import small_disk as soaks_disk
from booking import disk
from queuesite import backup
from queuesite.launcher import postgres
from tests.test_run import VAR_DIR, status

Usage = namedtuple("Usage", "total used free")
GB = 1_000_000_000


@pytest.fixture
def left(monkeypatch):
    """So many bytes are left of a disk of 100 GB."""
    left = SimpleNamespace(bytes=50 * GB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(100 * GB, 100 * GB - left.bytes, left.bytes))
    return left


@pytest.mark.django_db
def test_from_five_percent_on_it_is_said_in_words_and_members_are_served(client, manager, left, settings):
    settings.METRICS_TOKEN = "metrics-token-of-the-tests"

    def said():
        ready, metrics = (
            client.get("/readyz"),
            client.get("/metrics", headers={"Authorization": f"Bearer {settings.METRICS_TOKEN}"}),
        )
        assert (ready.status_code, metrics.status_code) == (200, 200)
        return (
            ready.json().get("warnings", {}).get("disk", ""),
            client.get(reverse("admin:index")).content.decode(),
            metrics.content.decode(),
        )

    ready, first_page, metrics = said()
    assert "disk" not in ready and "ที่เก็บข้อมูลของเครื่องเหลือ" not in first_page and "} 0.5" in metrics
    left.bytes = 4 * GB
    ready, first_page, metrics = said()
    assert ready.startswith("4.0% of the disk of ") and "make room" in ready
    assert "ที่เก็บข้อมูลของเครื่องเหลือ 4.0%" in first_page
    assert "} 0.04" in metrics


@pytest.mark.django_db
@pytest.mark.parametrize(("embedded", "code"), [(True, 503), (False, 200)])
def test_a_full_disk_is_not_ready_where_the_database_is_on_it(client, left, settings, embedded, code):
    settings.HAS_EMBEDDED_DATABASE = embedded
    left.bytes = 1_000_000
    answer = client.get("/readyz")
    assert answer.status_code == code
    assert answer.json()["checks"]["disk"].startswith("the disk is full" if embedded else "ok")


@pytest.mark.django_db
def test_a_backup_leaves_the_last_room_to_bookings(left, tmp_path):
    left.bytes = 4 * GB
    with pytest.raises(backup.Refused, match="4.0% of the disk of .* is left"):
        backup.make(tmp_path / "not-yet" / "queue.backup")
    assert not list(tmp_path.iterdir())


def test_where_the_folder_is_not_there_yet_it_is_the_disk_that_it_will_be_on(tmp_path):
    assert disk.of(tmp_path / "a" / "b").total == disk.of(tmp_path).total


@pytest.fixture
def log(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "_Server", lambda folder: SimpleNamespace(log=folder / "postgresql.log"))
    monkeypatch.setattr(postgres, "LOG_BYTES", 100)
    return tmp_path / "postgresql.log"


def test_the_log_of_the_embedded_server_is_shortened_while_it_runs(log):
    with log.open("a") as server:
        server.write("a" * 101)
        server.flush()
        postgres.shorten_log(log.parent)
        server.write("goes on")
    assert (log.read_text(), log.with_suffix(".log.1").read_text()) == ("goes on", "a" * 101)
    postgres.shorten_log(log.parent)
    assert log.read_text() == "goes on"


def test_on_a_full_disk_what_the_log_said_goes(log, monkeypatch):
    def full(*_any):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    log.write_text("a" * 101)
    log.with_suffix(".log.1").write_text("older")
    postgres.shorten_log(log.parent)
    assert log.read_text() == "" and not log.with_suffix(".log.1").exists()


@pytest.fixture
def small_disk():
    """A disk of 900 MB of its own, in memory."""
    folder = Path("/tmp") / f"queuesite-disk-{os.getpid()}"
    folder.mkdir(mode=0o755)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("NO MOUNTING HERE: A FULL DISK IS NOT TESTED")
    yield folder
    for one in psutil.process_iter():
        if one.pid != os.getpid() and is_below(one, folder):
            one.kill()
    time.sleep(0.5)
    subprocess.run(["umount", "-l", folder], check=True)
    folder.rmdir()


def is_below(process, folder) -> bool:
    try:
        return process.environ().get("VAR_DIR") == str(folder) or process.cwd().startswith(str(folder))
    except psutil.Error:
        return False


@pytest.mark.slow
def test_the_disk_of_the_soak_can_be_full_and_keeps_what_is_on_it(tmp_path):
    for _ in range(2):
        with soaks_disk.mounted(tmp_path, "soak") as at:
            if not at.is_mount():
                pytest.skip("NO MOUNTING HERE: THE SOAK LEAVES A FULL DISK OUT")
            (at / "kept").touch()
            with soaks_disk.full(at):
                assert disk.of(at).free == 0
            assert disk.of(at).free > GB
        assert not at.is_mount()
    with soaks_disk.mounted(tmp_path, "soak") as at:
        assert (at / "kept").exists()


@pytest.mark.slow
@pytest.mark.real_clock
def test_a_full_disk_is_survived(small_disk):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for kept in ("static", "static.fingerprint"):  # collecting takes long
        there = VAR_DIR / kept
        if there.exists():
            (shutil.copytree if there.is_dir() else shutil.copy2)(there, small_disk / kept)
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"VAR_DIR": str(small_disk), "PORT": str(port), "WEB_WORKERS": "1", "WORKERS": "1"}
    said = (small_disk.parent / f"{small_disk.name}.log").open("w+")
    run = subprocess.Popen(
        [sys.executable, "manage.py", "run"], cwd=postgres.BASE_DIR, env=environment, stdout=said, stderr=said
    )
    try:
        until(lambda: "Ready." in Path(said.name).read_text() or run.poll() is not None)
        assert run.poll() is None
        free = disk.of(small_disk).free
        assert free > 100_000_000
        fill(small_disk, free - 40 * 1024 * 1024)
        until(lambda: "disk" in ready(port).get("warnings", {}))
        server = psutil.Process(postgres._Server(small_disk / "postgres").pid())
        fill(small_disk, 1 << 40)
        until(lambda: ready(port)["checks"]["disk"].startswith("the disk is full"))
        # The database stops, as it does when it cannot write its log, and cannot be started.
        server.kill()
        time.sleep(15)
        assert run.poll() is None
        for ballast in small_disk.glob("ballast*"):
            ballast.unlink()
        until(lambda: status(port) == 200 and status(port, "/") == 200)
    finally:
        run.terminate()
        run.wait(120)
        said.seek(0)
        print(said.read())
        Path(said.name).unlink()


def fill(folder, count):
    with (folder / f"ballast{time.monotonic_ns()}").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while count > 0:
            count -= file.write(bytes(min(count, 1 << 20)))


def ready(port) -> dict:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as exc:
        return {"checks": {"disk": ""}} | json.loads(exc.read())
    except OSError:
        return {"checks": {"disk": ""}}


def until(condition):
    """However long it takes on a machine that does other things too; what never comes about fails."""
    end = time.monotonic() + 900
    while not condition():
        assert time.monotonic() < end, "never came about"
        time.sleep(0.2)
