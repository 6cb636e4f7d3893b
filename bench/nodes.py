"""Two nodes on one PostgreSQL behind one nginx: restarted one after the other under load, and killed.

A node is what deploy/queuesite-web.service runs. Half of the requests book, the other half reads days and times. While
nodes are restarted none may fail. When one is killed outright, only what was in flight on it may, and the same key sent
again brings the ticket.
"""

import contextlib
import http.client
import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

import psutil
from django.db import connection

from bench import bookings, database
from booking import invariants
from booking.models import Ticket
from queuesite.launcher import front, web
from queuesite.launcher.postgres import BASE_DIR

A_SECOND = 50
CLIENTS = 12
RESTS = 1.0  # seconds with both nodes between two faults
WORKERS = 2  # of each node
READS = ["/api/v1/departments/", f"/api/v1/departments/{database.READ}/days/", "/healthz"]


@dataclass
class Story:
    """What the clients saw. `failed` is every answer but 2xx, by its status or the broken connection's name."""

    acknowledged: dict[str, str] = field(default_factory=dict)
    answered: int = 0
    failed: Counter = field(default_factory=Counter)


class Node:
    """One machine's web server, on a socket of its own."""

    def __init__(self, url: str, at: Path):
        self.at = at
        self.environment = os.environ | {"DATABASE_URL": url, "BEHIND_FRONT": "on", "PROCESS_KIND": "public"}
        self.start()

    def start(self) -> None:
        self.at.unlink(missing_ok=True)
        self.process = psutil.Popen(
            web.behind_front(self.at, workers=WORKERS),
            cwd=BASE_DIR,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + 180
        while not web.is_answering(self.at, "127.0.0.1"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("A node does not start.")
            time.sleep(0.05)

    def restart(self) -> None:
        """As `systemctl restart`."""
        self.process.terminate()
        self.process.wait(60)
        self.start()

    def reload(self) -> None:
        """As `systemctl reload`: new processes on the same socket, one after the other."""
        old = {one.pid for one in self.process.children()}
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 180
        while old & {one.pid for one in self.process.children()}:
            if time.monotonic() > deadline:
                raise SystemExit("A node keeps its old processes.")
            time.sleep(0.05)
        self.wait()

    def kill(self) -> None:
        """As a machine that loses its power."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)


def measure(url: str, *, restarts: int, kills: int) -> dict:
    """Reload a node so many times, restart one so many times while nginx leaves it out, kill one so many times."""
    names = ["one", "two"]
    with tempfile.TemporaryDirectory() as folder:
        nodes = [Node(url, Path(folder) / f"{name}.sock") for name in names]
        nginx = Front(Path(folder), names)

        def restart(nth: int) -> None:
            nginx.take_out(names[nth % 2])
            nodes[nth % 2].restart()
            nginx.put_in()

        try:
            reloaded = _under_load(nginx.port, restarts, lambda nth: nodes[nth % 2].reload())
            restarted = _under_load(nginx.port, restarts, restart)
            killed = _under_load(nginx.port, kills, lambda nth: _kill_and_start(nodes[nth % 2]), sends_again=True)
        finally:
            nginx.end()
            for node in nodes:
                with contextlib.suppress(ProcessLookupError):
                    node.kill()
    return {
        "reloads": _figures(reloaded, restarts),
        "restarts": _figures(restarted, restarts),
        "kills": _figures(killed, kills),
        "broken": _broken([reloaded, restarted], killed, kills),
    }


def _kill_and_start(node: Node) -> None:
    node.kill()
    time.sleep(RESTS)
    node.start()


def _under_load(port: int, faults: int, break_something: Callable[[int], None], *, sends_again: bool = False) -> Story:
    story, wanted, over = Story(), SimpleQueue(), threading.Event()
    # Enough for ten seconds a fault; where a machine takes longer, the clients go on reading.
    for booking in bookings.wanted(min(database.MEMBERS, 250 * faults + 250), spare=0, days=5, slots_a_day=14):
        wanted.put((secrets.token_urlsafe(16), bookings.body_for_api(booking)))
    connection.close()
    clients = [
        threading.Thread(target=_ask, args=(port, wanted, story, over, sends_again), daemon=True)
        for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for nth in range(faults):
        time.sleep(RESTS)
        break_something(nth)
    time.sleep(RESTS)
    over.set()
    for client in clients:
        client.join()
    return story


def _ask(port: int, wanted: SimpleQueue, story: Story, over: threading.Event, sends_again: bool) -> None:
    """One client: a booking, something to read, and so on."""
    while not over.is_set():
        time.sleep(random.expovariate(A_SECOND / CLIENTS))
        with contextlib.suppress(Empty):
            key, body = wanted.get_nowait()
            headers = {"Content-Type": "application/json", "Idempotency-Key": key}
            while True:
                said = _send(port, story, "POST", "/api/v1/tickets/", body, headers)
                if said:
                    story.acknowledged[key] = json.loads(said)["id"]
                if said or not sends_again:
                    break
                time.sleep(0.5)
        time.sleep(random.expovariate(A_SECOND / CLIENTS))
        _send(port, story, "GET", random.choice(READS))


def _send(port: int, story: Story, method: str, path: str, body: str | None = None, headers=None) -> bytes:
    """What was answered; nothing where it failed."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    try:
        line.request(method, path, body, headers or {})
        answer = line.getresponse()
        said = answer.read()
        outcome: int | str = answer.status
    except (OSError, http.client.HTTPException) as fault:
        outcome = type(fault).__name__
    finally:
        line.close()
    story.answered += 1
    if outcome in (200, 201):
        return said
    story.failed[f"{method} {path} {outcome}"] += 1
    return b""


class Front:
    """nginx with the files of deploy/nginx and all nodes in each upstream."""

    def __init__(self, folder: Path, names: list[str]):
        program, said = front.find("127.0.0.1", 1)
        if program is None:
            raise SystemExit(said)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.names = folder, names
        (folder / "temporary").mkdir()
        for part in ("limits.conf", "pages.conf"):
            (folder / part).write_bytes((front.PARTS / part).read_bytes())
        self._write(down="")
        command = [program, "-e", "stderr", "-p", "./", "-c", "nginx.conf"]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)

    def take_out(self, name: str) -> None:
        self._write(down=name)
        self.process.send_signal(signal.SIGHUP)
        time.sleep(RESTS)  # nginx's old processes end what they have begun

    def put_in(self) -> None:
        self._write(down="")
        self.process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def _write(self, *, down: str) -> None:
        # A second after a failure it tries again: with nginx's own ten, the other node might be the next to go.
        servers = " ".join(
            f"server unix:{name}.sock {'down' if name == down else 'fail_timeout=1s'};" for name in self.names
        )
        text = front.CONFIGURATION.format(
            proxies="",
            trusted="",
            address=f"127.0.0.1:{self.port}",
            compression="",
            files=4096,
            connections=2048,
            user="user root;" if os.getuid() == 0 else "",
        )
        text = re.sub(r"server unix:\w+\.sock backup;\s*", "", text)
        text = re.sub(r"server unix:(?:public|staff)\.sock[^;]*;", servers, text)
        (self.folder / "nginx.conf").write_text(text)


def _figures(story: Story, faults: int) -> dict:
    return {
        "faults": faults,
        "requests": story.answered,
        "acknowledged": len(story.acknowledged),
        "failed": {str(outcome): count for outcome, count in sorted(story.failed.items(), key=str)},
    }


def _broken(planned: list[Story], killed: Story, kills: int) -> list[str]:
    """What does not hold afterwards; empty when all is well."""
    connection.close()
    broken = [f"{rule}: rows {ids}" for rule, ids in invariants.violations().items()]
    if failed := sum(story.failed.total() for story in planned):
        broken.append(f"{failed} requests failed while nodes were restarted")
    if killed.failed.total() > kills * CLIENTS:
        broken.append(f"{killed.failed.total()} requests failed by {kills} kills: more than were in flight")
    for story in [*planned, killed]:
        kept = Ticket.objects.filter(idempotency_key__in=story.acknowledged)
        if dict(kept.values_list("idempotency_key", "public_id")) != story.acknowledged:
            broken.append("acknowledged tickets are not there")
    return broken
