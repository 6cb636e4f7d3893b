"""The load client: as many kept-alive connections as asked for, each sending its next request when it has its answer.

Runs as a process of its own (`python -m bench.client`), with requests made beforehand, so that of the time measured as
little as possible is its own: about 15 microseconds a request.
"""

import contextlib
import pickle
import select
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Answer:
    """What came back for one request: `seconds` from the first byte sent to the last received; status 0 where the
    connection broke."""

    request: int
    status: int
    seconds: float
    head: bytes
    body: bytes


@dataclass
class Load:
    """What a client measured. `seconds` is from the first request's start to the last answer's end."""

    seconds: float
    client_cpu: float
    answers: list[Answer]

    @property
    def per_second(self) -> float:
        return len(self.answers) / self.seconds

    def count(self, *statuses: int) -> int:
        return sum(answer.status in statuses for answer in self.answers)

    def latencies(self) -> list[float]:
        return sorted(answer.seconds for answer in self.answers)


def send(port: int, requests: list[bytes], *, clients: int, workspace: Path) -> Load:
    """Send the requests over `clients` connections from a process of its own, and wait until all are answered."""
    given, got = workspace / "requests.pickle", workspace / "answers.pickle"
    given.write_bytes(pickle.dumps(requests))
    subprocess.run(
        [sys.executable, "-m", "bench.client", str(port), str(clients), str(given), str(got)],
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    return pickle.loads(got.read_bytes())


class _Connection:
    def __init__(self, port: int):
        self.port = port
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, nth: int, request: bytes):
        self.nth = nth
        self.received = b""
        self.missing = None
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> Answer | None:
        """Read what is there; the answer where it is complete."""
        chunk = b""
        with contextlib.suppress(OSError):
            chunk = self.socket.recv(262144)
        if not chunk:
            return Answer(self.nth, 0, time.perf_counter() - self.began, b"", b"")
        self.received += chunk
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head, body = self.received[:end], self.received[end + 4 :]
        if len(body) < _content_length(head):
            return None
        return Answer(self.nth, int(head[9:12]), time.perf_counter() - self.began, head, body)


def _content_length(head: bytes) -> int:
    begins = head.lower().find(b"content-length:")
    return int(head[begins + 15 :].split(b"\r", 1)[0]) if begins >= 0 else 0


def _run(port: int, clients: int, requests: list[bytes]) -> Load:
    connections = [_Connection(port) for _ in range(min(clients, len(requests)))]
    waiting = enumerate(requests)
    poll = select.epoll()
    by_file = {}
    for connection in connections:
        by_file[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
    answers = []
    began, cpu = time.perf_counter(), time.process_time()
    for connection, (nth, request) in zip(connections, waiting, strict=False):
        connection.send(nth, request)
    while len(answers) < len(requests):
        for file, _event in poll.poll():
            connection = by_file[file]
            answer = connection.receive()
            if answer is None:
                continue
            answers.append(answer)
            if not answer.status:
                poll.unregister(file)
                del by_file[file]
                connection.connect()
                by_file[connection.socket.fileno()] = connection
                poll.register(connection.socket, select.EPOLLIN)
            following = next(waiting, None)
            if following:
                connection.send(*following)
    return Load(time.perf_counter() - began, time.process_time() - cpu, answers)


if __name__ == "__main__":
    from bench import client  # under its own name, so that its results can be read back

    port, clients, given, got = sys.argv[1:]
    load = client._run(int(port), int(clients), pickle.loads(Path(given).read_bytes()))
    Path(got).write_bytes(pickle.dumps(load))
