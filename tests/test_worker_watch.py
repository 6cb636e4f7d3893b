"""The worker ends when told, whoever else was told, and is started again when it hangs."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from queuesite.launcher import postgres, worker

pytestmark = pytest.mark.real_clock

# Like django-q's sentinel and workers where the signal reached all of them: nobody ends.
STUBBORN = """
import os, signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(sys.argv[1]).open("a").write(f"{os.getpid()}\\n")
if os.fork() == 0:
    time.sleep(3600)
time.sleep(3600)
"""
WATCH = """
import sys, time
from pathlib import Path
from queuesite.launcher import worker
beat = {"never": lambda: 1, "always": time.monotonic}[sys.argv[1]]
sys.exit(worker.watch([sys.executable, *sys.argv[3:]], beat=beat, hung_after=float(sys.argv[2])))
"""


@pytest.fixture
def started(tmp_path):
    """Starts a watch over a stubborn program; gives its process and a function that tells who was started."""
    script, pids = tmp_path / "stubborn.py", tmp_path / "pids"
    script.write_text(STUBBORN)
    running = []

    def start(beats, hung_after):
        command = [sys.executable, "-c", WATCH, beats, str(hung_after), str(script), str(pids)]
        running.append(subprocess.Popen(command, cwd=postgres.BASE_DIR))
        return running[0], lambda: [int(pid) for pid in pids.read_text().split()] if pids.exists() else []

    yield start
    for one in running:
        one.kill()
    for pid in pids.read_text().split() if pids.exists() else []:
        if psutil.pid_exists(int(pid)):
            os.killpg(int(pid), signal.SIGKILL)


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "never came about"
        time.sleep(0.05)


def test_it_ends_within_ten_seconds_though_nobody_obeys(started):
    watch, pids = started("always", 60)
    wait_until(pids)
    began = time.monotonic()
    os.killpg(pids()[0], signal.SIGTERM)
    watch.terminate()
    assert watch.wait(10) == 0
    assert time.monotonic() - began < 10
    group = [one for one in psutil.process_iter() if worker._group_of(one.pid) == pids()[0]]
    assert not [one for one in group if one.status() != psutil.STATUS_ZOMBIE]


def test_what_does_nothing_is_started_again(started):
    _, pids = started("never", 1)
    wait_until(lambda: len(pids()) == 2)
    first, _second = pids()[:2]
    wait_until(lambda: not psutil.pid_exists(first))


def test_what_works_is_left_alone(started):
    _, pids = started("always", 0.5)
    wait_until(pids)
    time.sleep(2)
    assert len(pids()) == 1


def test_while_nobody_can_tell_it_is_left_alone(monkeypatch):
    def beat():
        raise OSError("the database does not answer")

    monkeypatch.setattr(signal, "signal", lambda *args: None)
    done = []
    sleeper = [sys.executable, "-c", "import time; time.sleep(3)"]
    watch = threading.Thread(target=lambda: done.append(worker.watch(sleeper, beat=beat, hung_after=0.5)))
    watch.start()
    watch.join(60)
    assert done == [0], "it ended by itself, and was not ended"


@pytest.mark.slow
def test_the_real_worker_ends_though_all_of_it_was_told():
    """What systemd does without KillMode=mixed."""
    from tests.test_run import VAR_DIR

    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with postgres.running(VAR_DIR / "postgres") as url:
        environment = kept | {"VAR_DIR": str(VAR_DIR), "DATABASE_URL": url, "WORKERS": "2"}
        migrate = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(migrate, cwd=postgres.BASE_DIR, env=environment, check=True, timeout=120)
        for _ in range(3):
            command = [sys.executable, "-m", "queuesite.launcher.worker"]
            watch = subprocess.Popen(command, cwd=postgres.BASE_DIR, env=environment)
            of_it = psutil.Process(watch.pid)
            wait_until(lambda of_it=of_it: len(of_it.children(recursive=True)) >= 5, 60)
            everybody = [of_it, *of_it.children(recursive=True)]
            began = time.monotonic()
            for one in everybody:
                one.terminate()
            watch.wait(10)
            _, left = psutil.wait_procs(everybody, timeout=max(0, began + 10 - time.monotonic()))
            assert not left
