"""The place of a run: one run for each data folder, and a port that is free."""

import contextlib
import errno
import fcntl
import os
import socket
import time

from django.conf import settings

from queuesite.launcher.children import STOP_SECONDS

STOPPING = "stopping"


class NoPlace(Exception):
    """Another run, or another program, is already there. The message says which."""


@contextlib.contextmanager
def only_run(address: str):
    """Hold `run.lock` of the data folder: one run for each. Raises NoPlace, which names the other run's address."""
    with (settings.VAR_DIR / "run.lock").open("a+") as lock:
        deadline = time.monotonic() + 2 * STOP_SECONDS + 2
        while not _lock(lock):
            lock.seek(0)
            other = lock.read()
            if other != STOPPING or time.monotonic() > deadline:
                raise NoPlace(f"It is already running: {other}")
            time.sleep(0.1)
        write(lock, f"{address} (process {os.getpid()})")
        yield lock


def write(lock, text: str) -> None:
    """Say in the lock's file what its holder does."""
    lock.truncate(0)
    lock.write(text)
    lock.flush()


def check_port(host: str, port: int) -> None:
    """Raises NoPlace where this port cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            hint = f"another program has it. Choose another: make run PORT={port + 1}"
        elif exc.errno == errno.EACCES:
            hint = "this user may not have it. Choose one above 1023: make run PORT=8000"
        else:
            hint = f"{exc.strerror}. Look at HOST and PORT (.env.example)"
        raise NoPlace(f"Cannot listen on port {port} of {host}: {hint}") from None


def reachable(host: str) -> str:
    """The address at which this machine reaches what listens on `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _lock(file) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
