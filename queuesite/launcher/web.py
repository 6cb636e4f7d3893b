"""The web server, with the options that were measured.

    python -m queuesite.launcher.web --socket /run/queuesite/public/web.sock --workers 2

is the whole of a unit of systemd (deploy/). Where nginx is on another machine, `--address 10.0.0.2:8001` takes the
place of `--socket`, in a network where nothing but that nginx reaches the port: whoever does can claim any address.
"""

import argparse
import http.client
import os
import socket
import sys
from pathlib import Path

from queuesite.launcher.children import STOP_SECONDS

LONGEST_SOCKET_PATH = 103  # bytes; macOS has fewer than Linux
THREADS = 1  # python -m bench threads
# Behind nginx each process takes one request at a time from the system's queue: a free one takes the next, and nobody
# waits behind a slow request while another process is idle. Without nginx browsers keep connections open, and each
# would occupy a process.
ONE_AT_A_TIME = ["--backpressure", "1", "--no-http1-keep-alive"]
ALL_THAT_COME = ["--backpressure", "16384"]


def behind_front(at: Path, *, workers: int) -> list[str]:
    """The command that listens on a private socket, which only its own user and group can read and write."""
    return _command(workers, ["--uds", str(at), "--uds-permissions", "0660", *ONE_AT_A_TIME])


def behind_front_elsewhere(host: str, port: int, *, workers: int) -> list[str]:
    """The command that listens on a port which only nginx on another machine may reach."""
    return _command(workers, ["--host", host, "--port", str(port), *ONE_AT_A_TIME])


def by_itself(host: str, port: int, *, workers: int) -> list[str]:
    """The command that listens on a port, with nothing in front."""
    return _command(workers, ["--host", host, "--port", str(port), *ALL_THAT_COME])


def is_answering(at: Path, host: str) -> bool:
    """Whether a server on a socket answers /healthz within two seconds. `host`: a name that ALLOWED_HOSTS has."""
    connection = _ToSocket(at)
    try:
        connection.request("GET", "/healthz", headers={"Host": host, "QueueClient": "127.0.0.1", "QueueScheme": "http"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _command(workers: int, where: list[str]) -> list[str]:
    # A short backlog lets clients wait for seconds.
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "queuesite.wsgi:application", *where]
    command += ["--workers", str(workers), "--blocking-threads", str(THREADS), "--backlog", "16384"]
    command += ["--no-ws", "--log-level", "warning"]
    return [*command, "--respawn-failed-workers", "--workers-kill-timeout", str(STOP_SECONDS - 2)]


class _ToSocket(http.client.HTTPConnection):
    def __init__(self, at: Path):
        super().__init__("localhost", timeout=2)
        self.at = at

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.at))


def _address(given: str) -> tuple[str, int]:
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"must be HOST:PORT, and is {given}")
    return host.strip("[]"), int(port)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m queuesite.launcher.web")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path)
    where.add_argument("--address", type=_address, help="HOST:PORT, for an nginx on another machine")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--staff", action="store_true", help="answers staff and boards, not the public")
    given = parser.parse_args()
    if given.address:
        command = behind_front_elsewhere(*given.address, workers=given.workers)
    else:
        given.socket.unlink(missing_ok=True)  # of a server that was killed
        command = behind_front(given.socket, workers=given.workers)
    kind = "staff" if given.staff else "public"
    os.execve(command[0], command, os.environ | {"BEHIND_FRONT": "on", "PROCESS_KIND": kind})


if __name__ == "__main__":
    main()
