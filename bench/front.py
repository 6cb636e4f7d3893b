"""What the nginx in front costs: the same requests straight to the web server, and through each nginx there is."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
from django.conf import settings

from bench import client, servers
from queuesite.launcher import front, web

PATHS = {"/healthz": "trivial", "/": "home"}


def measure(database_url: str, *, workspace: Path, count: int, rounds: int) -> dict:
    """By way and page: answers a second, and milliseconds of processor that an answer takes in nginx and web server.
    The best of each way's rounds, which take turns. (Where other work keeps the processors busy, go by the second.)"""
    found = {}
    with contextlib.ExitStack() as stack:
        straight = stack.enter_context(servers.serving(database_url))
        ways = {"straight": (straight.port, [straight.process])}
        for name, nginx in {"the system's nginx": front._of_the_system, "the package's": front._of_the_package}.items():
            with contextlib.suppress(front.Unusable):
                ways[name] = stack.enter_context(_behind(nginx(), database_url, workspace / name.replace(" ", "-")))
        for _ in range(rounds):
            for name, (port, processes) in ways.items():
                for path, kind in PATHS.items():
                    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
                    requests = [request] * (count if kind == "trivial" else count // 10)
                    before = sum(servers.cpu_seconds(one) for one in processes)
                    load = client.send(port, requests, clients=16, workspace=workspace)
                    used = sum(servers.cpu_seconds(one) for one in processes) - before
                    assert load.count(200) == len(requests), f"{name} {path}"
                    measured = (load.per_second, 1000 * used / len(requests))
                    before_that = found.setdefault(name, {}).setdefault(kind, measured)
                    found[name][kind] = max(before_that[0], measured[0]), min(before_that[1], measured[1])
    return found


@contextlib.contextmanager
def _behind(nginx: Path, database_url: str, folder: Path):
    """The public web server behind an nginx whose limits do not count."""
    kept, settings.VAR_DIR = settings.VAR_DIR, folder
    port = servers._free_port()
    front._lay_out(nginx, "127.0.0.1", port)
    limits = front.folder() / "limits.conf"
    limits.write_text(re.sub(r"rate=\d+r/\w", "rate=1000000r/s", limits.read_text()))
    at, child = front.socket("public"), front.child(nginx)
    settings.VAR_DIR = kept
    (servers.BASE_DIR / at).unlink(missing_ok=True)
    environment = os.environ | {"DATABASE_URL": database_url, "BEHIND_FRONT": "on"}
    begun = [
        subprocess.Popen(
            web.behind_front(at, workers=2), cwd=servers.BASE_DIR, env=environment, start_new_session=True
        ),
        subprocess.Popen(child.command, cwd=child.cwd, start_new_session=True),
    ]
    try:
        while not web.is_answering(servers.BASE_DIR / at, "localhost"):
            time.sleep(0.1)
        yield port, [psutil.Process(one.pid) for one in begun]
    finally:
        for one in begun:
            one.terminate()
        _, alive = psutil.wait_procs([psutil.Process(one.pid) for one in begun if one.poll() is None], timeout=10)
        for one in alive:
            os.killpg(one.pid, signal.SIGKILL)
