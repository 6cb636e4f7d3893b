"""An i-member of our own on loopback, which keeps to docs/member-directory.yaml, or is told how not to."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "directory-token"
PAGE = 2


class FakeDirectory:
    """`people`: dicts of the contract. `delay`: seconds before each answer. `answer`: text in place of the true one."""

    def __init__(self, url: str, server: ThreadingHTTPServer):
        self.url, self.server = url, server
        self.people: list[dict] = []
        self.delay = 0.0
        self.answer: str | None = None
        self.status = 200
        self.asked: list[tuple[str, dict]] = []

    def says(self, path: str, body: dict) -> dict:
        if path == "/members/find":
            (name, value), *_ = body.items()
            return {"members": [p for p in self.people if str(p.get(name, "")).lstrip("0") == value.lstrip("0")]}
        after = int(body["after"] or 0)
        more = after + PAGE < len(self.people)
        return {"members": self.people[after : after + PAGE], "next": str(after + PAGE) if more else None}


@contextlib.contextmanager
def running(port: int = 0) -> Iterator[FakeDirectory]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            directory.asked.append((self.path, body))
            time.sleep(directory.delay)
            is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            said = directory.answer if directory.answer is not None else json.dumps(directory.says(self.path, body))
            with contextlib.suppress(OSError):  # who asked has gone
                self.send_response(directory.status if is_known else 401)
                self.send_header("Content-Length", str(len(said.encode())))
                self.end_headers()
                self.wfile.write(said.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    directory = FakeDirectory(f"http://127.0.0.1:{server.server_port}", server)
    try:
        yield directory
    finally:
        server.shutdown()
        server.server_close()
