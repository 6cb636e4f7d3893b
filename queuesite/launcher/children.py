"""The processes that `make run` keeps alive: starting them, ending them, and finding those that a killed run left."""

import contextlib
import hashlib
import os
import subprocess
import time
from pathlib import Path

import psutil
from django.conf import settings

MARK = "QUEUESITE_RUN"  # in the environment of each child: the next run finds what a killed one left
STOP_SECONDS = 5  # then whatever still runs is killed; the database may take as long again
DEATHS_ALLOWED = 5  # of one child within DEATHS_WITHIN; one more and everything stops
DEATHS_WITHIN = 300


class Child:
    """The web server, say, or the worker: a process with a session, and so a process group, of its own."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        *,
        cwd: Path | None = None,
        socket: Path | None = None,
        nice: int = 0,
    ):
        """`socket`: where it listens, from the checkout; one that a killed server left is in its way. `nice`: how far
        its processes stand back for others (see nice(1))."""
        self.name = name
        self.command = command
        self.environment = environment
        self.cwd = cwd or settings.BASE_DIR
        self.socket = settings.BASE_DIR / socket if socket else None
        self.nice = nice
        self.process: subprocess.Popen | None = None
        self.deaths: list[float] = []

    def start(self) -> None:
        end(self.processes())  # children of a process that died
        if self.socket:
            self.socket.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=kept | self.environment | {MARK: _mark(), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self.nice:
            with contextlib.suppress(psutil.Error):
                psutil.Process(self.process.pid).nice(self.nice)

    def is_dead(self) -> bool:
        return self.process.poll() is not None

    def keeps_dying(self) -> bool:
        now = time.monotonic()
        self.deaths = [moment for moment in self.deaths if now - moment < DEATHS_WITHIN] + [now]
        return len(self.deaths) > DEATHS_ALLOWED

    def processes(self) -> list[psutil.Process]:
        """Everything of its group, the first one first."""
        if self.process is None:
            return []
        return sorted(_processes_where(lambda p: os.getpgid(p.pid) == self.process.pid), key=lambda p: p.pid)


def end(processes: list[psutil.Process]) -> None:
    """Ask each group's first process to end, and kill whatever is still there after STOP_SECONDS."""
    pids = {process.pid for process in processes}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in pids:
                process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=1)


def end_leftovers(*, working_in: Path) -> None:
    """End what a killed run left behind. It is known by its mark or, since nginx overwrites its environment, by its
    working folder. Only while holding `run.lock`."""
    there = str(working_in.resolve())
    end(_processes_where(lambda process: process.cwd() == there or process.environ().get(MARK) == _mark()))


def _mark() -> str:
    return hashlib.sha256(os.fsencode(settings.VAR_DIR.resolve())).hexdigest()[:16]


def _processes_where(matches) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if process.pid != os.getpid() and matches(process) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
