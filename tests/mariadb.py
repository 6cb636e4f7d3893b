"""A MariaDB of a test's own, in a folder, with a socket and no port. Where the program or the driver is not installed,
its tests are skipped: `apt install mariadb-server libmariadb-dev`, `pip install mysqlclient`."""

import contextlib
import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM, MAKER, CLIENT = "mariadbd", "mariadb-install-db", "mariadb"


@contextlib.contextmanager
def running() -> Iterator[Path]:
    """The socket of a server that has just started; its user `root` needs no password."""
    program = shutil.which(PROGRAM) or shutil.which(PROGRAM, path="/usr/sbin")
    if not program or not shutil.which(MAKER) or importlib.util.find_spec("MySQLdb") is None:
        pytest.skip("MariaDB or its driver is not installed")
    with tempfile.TemporaryDirectory() as folder:  # a short path: a socket's may not be long
        socket = Path(folder) / "socket"
        options = [f"--datadir={folder}/data", "--user=root", "--auth-root-authentication-method=normal"]
        subprocess.run([MAKER, "--no-defaults", *options], check=True, capture_output=True)
        started = [program, "--no-defaults", f"--datadir={folder}/data", "--user=root", f"--socket={socket}"]
        started += ["--skip-networking", f"--pid-file={folder}/pid"]
        server = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            give_up_at = time.monotonic() + 60
            while not _answers(socket):
                assert server.poll() is None and time.monotonic() < give_up_at, "MariaDB does not start"
                time.sleep(0.1)
            yield socket
        finally:
            server.terminate()
            server.wait(30)


def run(socket: Path, *statements: str) -> None:
    said = "; ".join(statements)
    subprocess.run([CLIENT, "--no-defaults", f"--socket={socket}", "--user=root"], input=said, text=True, check=True)


def _answers(socket: Path) -> bool:
    asked = [CLIENT, "--no-defaults", f"--socket={socket}", "--user=root", "--execute=SELECT 1"]
    return subprocess.run(asked, capture_output=True).returncode == 0
