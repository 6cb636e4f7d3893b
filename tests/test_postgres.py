"""The embedded PostgreSQL starts, is shared, stops with its last user, and survives whatever is killed."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from queuesite.launcher import postgres

# Holds the server until its standard input closes.
HOLDER = """
import sys
from pathlib import Path
from queuesite.launcher import postgres
with postgres.running(Path(sys.argv[1]), shared_buffers="16MB") as url:
    print(url, flush=True)
    sys.stdin.read()
"""
as_root = pytest.mark.skipif(os.getuid() != 0, reason="root only")


@pytest.fixture
def folder(request):
    # Not pytest's own tmp_path: nobody but us may enter that, so as root the server could not.
    above = Path(os.environ["VAR_DIR"]) / f"postgres-{os.getpid()}"
    above.mkdir()
    yield above / "postgres"
    _remove(above / "postgres")
    shutil.rmtree(above)


def _remove(folder: Path):
    real = folder.resolve()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(real):
                process.kill()
    shutil.rmtree(real, ignore_errors=True)
    folder.unlink(missing_ok=True) if folder.is_symlink() else None


@contextlib.contextmanager
def used(folder: Path):
    with postgres.running(folder, shared_buffers="16MB") as url:
        yield url


@contextlib.contextmanager
def holder(folder: Path):
    """Another process that uses the server; it is done when the block is."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder],
        cwd=postgres.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def server(folder: Path) -> int | None:
    return postgres._Server(folder).pid()


def write_row(url: str):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (what text)")
        connection.execute("INSERT INTO kept VALUES ('บัตรคิว')")


def rows(url: str):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT what FROM kept").fetchall()


def test_the_first_one_starts_it_and_the_last_one_stops_it(folder):
    with contextlib.ExitStack() as later:
        with used(folder) as url:
            pid = server(folder)
            write_row(url)
            with holder(folder):
                assert server(folder) == pid
            assert rows(url) == [("บัตรคิว",)]
            later.enter_context(holder(folder))
        assert server(folder) == pid, "somebody still uses it"
    assert server(folder) is None
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    with used(folder) as url:
        assert rows(url) == [("บัตรคิว",)]


def test_several_starting_at_once_share_one_server(folder):
    with contextlib.ExitStack() as all_of_them:
        for _ in range(4):
            all_of_them.enter_context(holder(folder))
        assert server(folder)
        postmasters = [p for p in psutil.process_iter() if _works_on(p, folder / "data") and "-D" in p.cmdline()]
        assert len(postmasters) == 1
    assert server(folder) is None


def _works_on(process, data: Path) -> bool:
    try:
        return process.cwd() == str(data)
    except psutil.Error:
        return False


def test_a_server_whose_user_was_killed_is_found_again_and_stopped(folder):
    with holder(folder) as process:
        pid = server(folder)
        write_row(postgres.url_of(folder))
        process.kill()
    assert server(folder) == pid
    with used(folder) as url:
        assert server(folder) == pid
        assert rows(url) == [("บัตรคิว",)]
    assert server(folder) is None


def test_a_killed_server_starts_again_with_its_rows(folder):
    with used(folder) as url:
        write_row(url)
        os.kill(server(folder), signal.SIGKILL)
        assert server(folder) is None
        with used(folder) as url:
            assert rows(url) == [("บัตรคิว",)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has syncfs")
def test_after_a_crash_the_file_system_is_asked_once_and_not_file_after_file(folder):
    with used(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SHOW recovery_init_sync_method").fetchone() == ("syncfs",)


def test_a_killed_server_starts_again_though_another_process_has_its_number(folder):
    with used(folder) as url:
        write_row(url)
        os.kill(server(folder), signal.SIGKILL)
        owner = postgres._identity(folder.stat().st_uid)
        with subprocess.Popen(["sleep", "60"], **owner) as another:
            for file in (folder / "data" / "postmaster.pid", folder / ".s.PGSQL.5432.lock"):
                file.write_text("\n".join([str(another.pid), *file.read_text().splitlines()[1:], ""]))
            with used(folder) as url:
                assert rows(url) == [("บัตรคิว",)]
            assert another.poll() is None, "not ours to stop"
            another.kill()


def test_a_path_too_long_for_a_socket(folder):
    deep = folder.parent / ("ลึก" * 12) / ("x" * 60) / 'it\'s, "here"'
    deep.parent.mkdir(parents=True)
    try:
        with used(deep) as url:
            write_row(url)
            sockets = postgres._socket_folder(deep)
            assert sockets.parent == Path("/tmp")
            assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        sockets.rmdir()
        sockets.symlink_to(folder.parent)
        with pytest.raises(postgres.CannotStart, match="private folder"), used(deep):
            pass
    finally:
        sockets.unlink()
        _remove(deep)


def test_two_folders_are_two_servers(folder):
    other = folder.with_name("other")
    try:
        with used(folder) as one, used(other) as two:
            write_row(one)
            with pytest.raises(psycopg.errors.UndefinedTable):
                rows(two)
        assert server(folder) is None
        assert server(other) is None
    finally:
        _remove(other)


def test_nobody_comes_in_without_the_password(folder):
    with used(folder) as url:
        for role in ("postgres", "queue", "queue_app"):
            by = url.replace("//queue@", f"//{role}@")
            with psycopg.connect(by) as connection:
                assert connection.execute("SELECT current_user").fetchone() == (role,)
            for wrong in (by.partition("&passfile=")[0], by.replace(f"//{role}@", f"//{role}:wrong@")):
                with pytest.raises(psycopg.OperationalError, match="no password supplied|authentication failed"):
                    psycopg.connect(wrong, passfile="/dev/null")


def test_the_passwords_are_made_once_for_the_owner_alone_and_said_nowhere(folder):
    with used(folder) as url:
        file = postgres.passwords_of(folder)
        made = postgres.passwords_in(file)
        assert set(made) == {"postgres", "queue", "queue_app"} and len({*made.values()}) == 3
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_uid == psutil.Process(server(folder)).uids().real
        said = url + (folder / "postgresql.log").read_text() + str([p.info for p in psutil.process_iter(["cmdline"])])
        assert not [role for role, password in made.items() if password in said]
    with used(folder):
        assert postgres.passwords_in(file) == made


def leave_as_before(folder: Path):
    """What the release without passwords left, while it runs."""
    with postgres._Server(folder)._connect("postgres") as own:
        for statement in ("DROP ROLE queue_app", "ALTER ROLE queue PASSWORD NULL", "ALTER ROLE postgres PASSWORD NULL"):
            own.execute(statement)
        access = folder / "data" / "pg_hba.conf"
        access.write_text(access.read_text().replace("scram-sha-256", "trust"))
        postgres.passwords_of(folder).unlink()
        own.execute("SELECT pg_reload_conf()")


def test_a_folder_from_before_there_were_passwords_gets_them_at_its_next_start(folder):
    with used(folder) as url:
        write_row(url)
        leave_as_before(folder)
    with used(folder) as url:
        assert rows(url) == [("บัตรคิว",)]
        psycopg.connect(url.replace("//queue@", "//queue_app@")).close()
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(url.partition("&passfile=")[0], passfile="/dev/null")


def test_a_server_that_the_release_before_left_running_is_started_anew(folder):
    with holder(folder) as process:
        write_row(postgres.url_of(folder))
        leave_as_before(folder)
        pid = server(folder)
        with pytest.raises(postgres.CannotStart, match="release of before still runs"), used(folder):
            pass
        assert server(folder) == pid
        process.kill()
    with used(folder) as url:
        assert server(folder) != pid
        assert rows(url) == [("บัตรคิว",)]


@pytest.mark.parametrize("left", ["nothing", "trust", "half"])
def test_passwords_that_were_lost_or_cut_short_are_made_again(folder, left):
    with used(folder) as url:
        write_row(url)
        made = postgres.passwords_in(postgres.passwords_of(folder))
    access = folder / "data" / "pg_hba.conf"
    if left == "nothing":
        postgres.passwords_of(folder).unlink()
    elif left == "trust":
        access.write_text(access.read_text().replace("scram-sha-256", "trust"))
    else:
        (folder / "data" / "passwords.unfinished").write_text("*:*:")
        postgres.passwords_of(folder).unlink()
    with used(folder) as url:
        assert rows(url) == [("บัตรคิว",)]
        assert (postgres.passwords_in(postgres.passwords_of(folder)) == made) is (left == "trust")
    assert not postgres.TRUSTS.search(access.read_text())


def test_data_of_another_version_is_refused_in_words(folder):
    with used(folder):
        pass
    (folder / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(postgres.CannotStart, match="written by PostgreSQL 12"), used(folder):
        pass


def test_a_failed_start_shows_the_end_of_the_log(folder):
    with used(folder):
        pass
    (folder / "data" / "pg_hba.conf").write_text("nonsense\n")
    with pytest.raises(postgres.CannotStart, match="(?s)postgresql.log ends:.*pg_hba.conf"), used(folder):
        pass


@as_root
def test_root_opens_no_folder_and_keeps_the_data_where_its_user_can_go(folder):
    private = folder.parent / "private"
    private.mkdir(0o700)
    inside = private / "postgres"
    above = [p for p in [private, *private.parents] if p.is_dir()]
    before = [p.stat().st_mode for p in above]
    try:
        with used(inside) as url:
            write_row(url)
        assert [p.stat().st_mode for p in above] == before
        assert inside.is_symlink()
        assert inside.resolve().parent == postgres.SYSTEM_HOME
        with used(inside) as url:
            assert rows(url) == [("บัตรคิว",)]
    finally:
        _remove(inside)


@as_root
def test_root_leaves_an_ordinary_user_what_that_user_began(folder):
    folder.mkdir(0o700)
    os.chown(folder, 65534, 65534)
    with used(folder):
        assert psutil.Process(server(folder)).uids().real == 65534
    assert {p.stat().st_uid for p in folder.rglob("*")} == {65534}


@pytest.fixture
def bundled(monkeypatch, tmp_path):
    """In place of the bundled programs: one that writes a file, on a server that need not run."""
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\n: > "$1"\n')
    program.chmod(0o755)
    monkeypatch.setattr(postgres, "binaries", lambda: tmp_path)
    monkeypatch.setattr(postgres, "running", lambda folder: contextlib.nullcontext())
    return tmp_path


def test_what_a_bundled_program_writes_is_for_its_owner_alone(bundled, monkeypatch):
    dump = bundled / "queue.dump"
    monkeypatch.setattr(sys, "argv", ["postgres", "pg_dump", str(dump)])
    with pytest.raises(SystemExit) as ended:
        postgres.main()
    assert ended.value.code == 0
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("asked", "said"), [("pg_dumb", "There is no pg_dumb here, but: pg_dump"), ("--help", "Run a")]
)
def test_a_program_that_is_not_there_is_refused_in_a_sentence(bundled, monkeypatch, asked, said):
    monkeypatch.setattr(sys, "argv", ["postgres", asked])
    with pytest.raises(SystemExit, match=said):
        postgres.main()
