"""A real PgBouncer in transaction mode, before the tests' PostgreSQL or another one."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from queuesite.launcher import postgres

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """\
[databases]
* = host={host} port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = users.txt
pool_mode = transaction
default_pool_size = {size}
query_wait_timeout = 4
"""


@contextlib.contextmanager
def pooled(database_url: str, folder: Path, *, size: int = 3, roles: dict[str, str] | None = None):
    """Run one during the block. `size`: connections to PostgreSQL of each role; `roles`: their passwords, the owner's
    where none are named. Gives the address that leads through it."""
    query = parse_qs(urlsplit(database_url).query)
    host = query["host"][0]
    roles = roles or {postgres.ROLE: postgres.passwords_in(Path(query["passfile"][0]))[postgres.ROLE]}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(host=host, port=port, size=size))
    (folder / "users.txt").write_text("".join(f'"{role}" "{password}"\n' for role, password in roles.items()))
    owner = Path(host).owner()
    log = (folder / "pgbouncer.log").open("w")
    # It refuses to be root, and nobody else may enter the folder of the socket.
    as_user = {"user": owner} if os.getuid() == 0 else {}
    process = subprocess.Popen([PROGRAM, "-q", "pgbouncer.ini"], cwd=folder, stdout=log, stderr=log, **as_user)
    try:
        _wait_for(process, port, folder)
        name = urlsplit(database_url).path
        yield f"postgres://{postgres.ROLE}@127.0.0.1:{port}{name}"
    finally:
        process.kill()
        process.wait()


def _wait_for(process, port: int, folder: Path) -> None:
    for _ in range(1200):
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("PgBouncer does not listen")
