"""Real servers, started the way `manage.py run` starts them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from typing import NamedTuple

import psutil
from django.db import connection

from queuesite.launcher import web
from queuesite.launcher.postgres import BASE_DIR


class Server(NamedTuple):
    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process)


# Granian ends idle threads beyond the first, and the connection of each stays open until Python collects it. The
# service has one thread; of several the bench would run out of connections.
KEEPS_THREADS = {"GRANIAN_BLOCKING_THREADS_IDLE_TIMEOUT": "600"}


@contextlib.contextmanager
def serving(
    database_url: str,
    *,
    workers: int = 2,
    threads: int = web.THREADS,
    app: str = "queuesite.wsgi:application",
    is_quiet: bool = False,
    **environment: str,
):
    """Run a web server for the block's duration. `is_quiet`: what it complains of is expected, and not shown."""
    port = _free_port()
    command = [
        app if part == "queuesite.wsgi:application" else part
        for part in web.by_itself("127.0.0.1", port, workers=workers)
    ]
    command[command.index("--blocking-threads") + 1] = str(threads)
    process = subprocess.Popen(
        command,
        cwd=BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url} | KEEPS_THREADS | environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if is_quiet else None,
        start_new_session=True,
    )
    try:
        _wait_for(process, port)
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def cpu_seconds(process: psutil.Process) -> float:
    """What a process and all its children, ended ones too, have used of the processors."""
    used = 0.0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            used += times.user + times.system + (times.children_user + times.children_system if one == process else 0)
    return used


def database_cpu_seconds() -> float:
    """Of the PostgreSQL that Django is connected to, as cpu_seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cpu_seconds(psutil.Process(cursor.fetchone()[0]).parent())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(process, port: int) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit("The web server stopped while starting; its lines are above.")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit("The web server does not listen.")
