"""Open pages: boards that ask about once a second and members' tickets that ask every five, each over a connection of
its own and with the version that it has, as the scripts of these pages do.

A process of its own (`python -m bench.watchers`), so that of the time measured as little as possible is its own. It
reads what to open from standard input as JSON, says when all pages are open, and when the input ends prints what it
saw.
"""

import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

# As in static/js/board.js and live.js: seconds between an answer and the next request.
BOARD_EVERY = (0.7, 0.95)
SPREAD = (0.8, 1.2)
# That all pages are opened in the same moment is the measurement's doing: what waits from then is let through first.
SETTLES = 10  # seconds


@dataclass
class Seen:
    """What the pages saw while they were open. Seconds; `calls` are by number, when each board first showed it."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: {"board": [], "member": []})
    statuses: dict[str, int] = field(default_factory=dict)
    calls: dict[str, list[float]] = field(default_factory=dict)
    cpu: float = 0.0
    seconds: float = 0.0


@contextlib.contextmanager
def watching(port: int, *, boards: int = 0, members: list[tuple[str, str]] = ()):
    """Keep so many boards and members' pages open for the block's duration. `members` are pairs of a page's address and
    its cookies. Gives a Seen that is filled in at the end."""
    seen = Seen()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.watchers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    process.stdin.write(json.dumps({"port": port, "boards": boards, "members": members}) + "\n")
    process.stdin.flush()
    process.stdout.readline()
    try:
        yield seen
    finally:
        told, _ = process.communicate()
        for name, value in json.loads(told).items():
            setattr(seen, name, value)


class _Page:
    """A kept-alive connection that asks again and again."""

    def __init__(self, kind: str, port: int, seen: Seen, cookies: str = ""):
        self.kind, self.port, self.seen, self.cookies, self.version = kind, port, seen, cookies, ""
        self.reader = self.writer = None

    async def ask(self, path: str) -> tuple[int, dict[str, str], str]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept-Encoding: identity\r\n"
        head += f"Cookie: {self.cookies}\r\n" if self.cookies else ""
        head += f"If-None-Match: {self.version}\r\nHX-Request: true\r\n" if self.version else ""
        began = time.monotonic()
        self.writer.write((head + "\r\n").encode())
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = (await self.reader.readexactly(int(headers.get("content-length", 0)))).decode()
        status = int(lines[0].split()[1])
        self.seen.latencies[self.kind].append(time.monotonic() - began)
        self.seen.statuses[status] = self.seen.statuses.get(status, 0) + 1
        self.version = headers.get("etag", self.version)
        return status, headers, body


async def _board(page: _Page, opened: asyncio.Semaphore, sightings: dict) -> None:
    shown = set()
    while True:
        status, _, body = await page.ask("/board/")
        now = time.monotonic()
        if status == 200:
            calls = {call.partition(".")[0] for call in re.findall(r'data-call="([^"]+)"', body)}
            for number in calls - shown:
                sightings.setdefault(number, []).append(now)
            shown |= calls
        opened.release()
        await asyncio.sleep(random.uniform(*BOARD_EVERY))


async def _member(page: _Page, path: str, opened: asyncio.Semaphore) -> None:
    address, every = await _open(page, path)
    opened.release()
    await asyncio.sleep(random.uniform(0, every))
    while True:
        status, headers, body = await page.ask(address)
        if "hx-refresh" in headers:
            address, every = await _open(page, path)
        elif status == 200:
            every = _every(body)
        await asyncio.sleep(every * random.uniform(*SPREAD))


async def _open(page: _Page, path: str) -> tuple[str, float]:
    """Load the whole page; gives the address of its live part, and how often to ask for it."""
    page.version = ""
    _, _, body = await page.ask(path)
    page.version = ""
    return re.search(r'data-look="([^"]+)"', body)[1].replace("&amp;", "&"), _every(body)


def _every(body: str) -> float:
    return float(re.search(r'data-every="([\d.]+)"', body)[1])


async def _run(wanted: dict) -> Seen:
    seen, sightings, opened = Seen(), {}, asyncio.Semaphore(0)
    port = wanted["port"]
    pages = [_board(_Page("board", port, seen), opened, sightings) for _ in range(wanted["boards"])]
    pages += [_member(_Page("member", port, seen, cookies), path, opened) for path, cookies in wanted["members"]]
    tasks = [asyncio.ensure_future(page) for page in pages]
    all_open = asyncio.ensure_future(_acquire(opened, len(tasks)))
    await asyncio.wait([all_open, *tasks], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(SETTLES)
    _raise_of(tasks)
    seen.latencies = {"board": [], "member": []}
    seen.statuses.clear()
    sightings.clear()
    began, cpu = time.monotonic(), time.process_time()
    print("open", flush=True)
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
    seen.seconds, seen.cpu, seen.calls = time.monotonic() - began, time.process_time() - cpu, sightings
    _raise_of(tasks)
    return seen


async def _acquire(semaphore: asyncio.Semaphore, times: int) -> None:
    for _ in range(times):
        await semaphore.acquire()


def _raise_of(tasks: list[asyncio.Task]) -> None:
    """A page that ended, ended by a fault; the others are let go."""
    for task in tasks:
        if task.done():
            task.result()


if __name__ == "__main__":
    found = asyncio.run(_run(json.loads(sys.stdin.readline())))
    print(json.dumps(vars(found)))
