"""The nginx in front, for real: what it lets through, to whom it hands it, and what it tells the application.

Both programs, where they are there, with the files of deploy/; behind them, in the application's place, two small
servers on its sockets that answer with what they were sent.
"""

import contextlib
import http.server
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError

from queuesite import away
from queuesite.launcher import front

SESSION = {"Cookie": "sessionid=abc"}
TOKEN = {"Authorization": "Token abc"}


class Echo(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        said = {"by": self.server.name, "path": self.path, "length": length, "headers": list(self.headers.items())}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def address_string(self):
        return "front"

    def log_message(self, *args):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 512


@contextlib.contextmanager
def echo(at: Path, name: str):
    server = UnixServer(str(at), Echo)
    server.name = name
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        at.unlink()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Front:
    """A running nginx, as its clients see it."""

    def __init__(self, address: str, folder: Path):
        self.address, self.folder = address, folder
        self.trusting = ssl._create_unverified_context()

    def ask(self, path, *, method="GET", body=None, **headers) -> tuple[int, dict | str, dict]:
        headers = {name.replace("__", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.address + path, data=body, headers=headers, method=method)
        opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=self.trusting))
        try:
            answer = opener.open(request, timeout=10)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        text = answer.read().decode()
        kind = answer.headers.get("Content-Type", "")
        is_json = text.startswith("{") and "html" not in kind
        return answer.status, json.loads(text) if is_json else text, dict(answer.headers)

    def raw(self, lines: list[bytes]) -> dict:
        """What the application was sent for a request written by hand."""
        host, port = self.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(b"\r\n".join([*lines, b"Host: queue.example.org", b"Connection: close", b"", b""]))
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return json.loads(answer.partition(b"\r\n\r\n")[2])


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


def start(command: list, cwd: Path, port: int) -> subprocess.Popen:
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for _ in range(1200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return process
        if process.poll() is not None:
            raise AssertionError(process.stderr.read().decode())
        time.sleep(0.05)
    raise AssertionError("nginx does not listen")


@contextlib.contextmanager
def running(settings, folder: Path, *, nginx: Path, proxies=()):
    settings.VAR_DIR, settings.PROXIES, settings.NGINX = folder, list(proxies), str(nginx)
    (folder / "static" / "css").mkdir(parents=True)
    (folder / "static" / "css" / "site.0123456789ab.css").write_text("body {}" * 1000)
    shutil.copytree(settings.BASE_DIR / "static" / "front", folder / "static" / "front")
    port = free_port()
    found, said = front.find("127.0.0.1", port)
    assert found == nginx, said
    child = front.child(found)
    with echo(front.folder() / "public.sock", "public"), echo(front.folder() / "staff.sock", "staff"):
        process = start(child.command, child.cwd, port)
        try:
            yield Front(f"http://127.0.0.1:{port}", front.folder())
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(params=["system", "package"])
def nginx(request) -> Path:
    try:
        return front._of_the_system() if request.param == "system" else front._of_the_package()
    except front.Unusable as exc:
        pytest.skip(f"NO NGINX OF THE {request.param.upper()}: {exc}. apt install nginx-light")


@pytest.fixture
def short_path():
    """A folder whose sockets have short names, as pytest's own may not."""
    with tempfile.TemporaryDirectory(prefix="queue") as folder:
        yield Path(folder)


@pytest.fixture
def site(settings, short_path, nginx):
    with running(settings, short_path, nginx=nginx) as site:
        yield site


def sent(answer, name: str) -> list[str]:
    return [value for key, value in answer["headers"] if key.lower() == name.lower()]


@pytest.mark.parametrize(
    ("by", "path", "headers"),
    [
        ("public", "/", {}),
        ("public", "/", SESSION),
        ("public", "/t/abc/", SESSION),
        ("public", "/api/v1/tickets/", TOKEN),
        ("public", "/admin/login/", SESSION),
        ("public", "/counter/1/", {}),
        ("public", "/administration/", SESSION),
        ("staff", "/admin/", SESSION),
        ("staff", "/counter/1/live/", SESSION),
        ("staff", "/counter/1/", {"Cookie": "csrftoken=1; __Host-sessionid=abc"}),
        ("staff", "/kiosk/", SESSION),
        ("staff", "/api/v1/counters/1/call-next/", TOKEN),
        ("staff", "/api/v1/walk-ins/", TOKEN),
        ("public", "/api/v1/walk-ins/", {"Authorization": "Ticket abc"}),
        ("staff", "/board/", {}),
        ("staff", "/board/loans/", {}),
        ("staff", "/api/v1/board/", {}),
    ],
)
def test_staff_and_boards_have_processes_of_their_own(site, by, path, headers):
    assert site.ask(path, **headers)[1]["by"] == by


FORGED = [
    [b"QueueClient: 198.51.100.1", b"QueueScheme: https"],
    [b"queueclient: 198.51.100.1", b"QUEUECLIENT: 198.51.100.2"],
    [b"Queue-Client: 198.51.100.1", b"Queue_Client: 198.51.100.2", b"QueueClient;: 198.51.100.3"],
    [b"X-Forwarded-For: 198.51.100.1", b"X_Forwarded_For: 198.51.100.2", b"x-forwarded-for: 198.51.100.3"],
    [b"X-Forwarded-Proto: https", b"X_Forwarded_Proto: https", b"x-forwarded-proto: https"],
    [b"Forwarded: for=198.51.100.1;proto=https", b"X-Real-IP: 198.51.100.1"],
    [b"Connection: close, QueueClient"],
]


@pytest.mark.parametrize("lines", FORGED)
def test_nothing_that_a_client_writes_changes_whom_it_counts_as(site, lines):
    answer = site.raw([b"GET / HTTP/1.1", *lines])
    assert sent(answer, "QueueClient") == ["127.0.0.1"]
    assert sent(answer, "QueueScheme") == ["http"]
    names = [key.lower().replace("_", "-") for key, _ in answer["headers"]]
    assert len(names) == len(set(names)), "two headers that a server may fold into one"
    assert not {"x-forwarded-for", "x-forwarded-proto", "forwarded"} & set(names)


@pytest.mark.parametrize(
    ("lines", "client", "scheme"),
    [
        ([], "127.0.0.1", "http"),
        ([b"X-Forwarded-For: 198.51.100.1", b"X-Forwarded-Proto: https"], "198.51.100.1", "https"),
        ([b"X-Forwarded-For: 203.0.113.9, 198.51.100.1"], "198.51.100.1", "http"),
        ([b"X-Forwarded-For: 203.0.113.9", b"X-Forwarded-For: 198.51.100.1"], "198.51.100.1", "http"),
        ([b"X_Forwarded_For: 203.0.113.9", b"X-Forwarded-For: 198.51.100.1"], "198.51.100.1", "http"),
        ([b"X-Forwarded-For: 198.51.100.1", b"X_Forwarded_For: 203.0.113.9"], "198.51.100.1", "http"),
        ([b"X_Forwarded_Proto: https", b"X-Forwarded-For: 198.51.100.1"], "198.51.100.1", "http"),
        ([b"X-Forwarded-For: 2001:db8::1", b"QueueClient: 203.0.113.9"], "2001:db8::1", "http"),
        ([b"X-Forwarded-For: unknown"], "127.0.0.1", "http"),
    ],
)
def test_of_a_proxy_of_ones_own_the_last_address_counts(settings, short_path, nginx, lines, client, scheme):
    with running(settings, short_path, nginx=nginx, proxies=["127.0.0.1"]) as site:
        answer = site.raw([b"GET / HTTP/1.1", *lines])
    assert (sent(answer, "QueueClient"), sent(answer, "QueueScheme")) == ([client], [scheme])


@pytest.mark.parametrize(
    ("path", "length", "headers", "status"),
    [
        ("/status/", 64 * 1024, {}, 200),
        ("/status/", 64 * 1024 + 1, {}, 413),
        ("/api/v1/tickets/", 64 * 1024 + 1, {}, 413),
        ("/line/webhook/", 1024 * 1024, {}, 200),
        ("/line/webhook/", 1024 * 1024 + 1, {}, 413),
        ("/admin/members/member/import/", 100_000, {}, 302),
        ("/admin/members/member/import/", 3_000_000, SESSION, 200),
        ("/admin/booking/clip/", 3_000_000, SESSION, 200),
        ("/admin/booking/clip/", 33 * 1024 * 1024, SESSION, 413),
        ("/admin/booking/department/", 64 * 1024 + 1, SESSION, 413),
    ],
)
def test_bodies_have_limits(site, path, length, headers, status):
    try:
        code, answer, _ = site.ask(path, method="POST", body=b"a" * length, **headers)
    except (ConnectionError, urllib.error.URLError):  # refused while still being sent
        code, answer = 413, None
    assert code == status
    if code == 413 and answer:
        assert answer["code"] == "too_large" if path.startswith("/api/") else "ใหญ่เกินไป" in answer


def test_half_sent_bodies_stay_here(site):
    """Two hundred of them hold nothing: another request is answered at once."""
    port = int(site.address.rsplit(":", 1)[1])
    with contextlib.ExitStack() as held:
        for _ in range(200):
            half = held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            half.sendall(b"POST /status/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na")
        began = time.monotonic()
        assert site.ask("/")[0] == 200
        assert site.ask("/counter/", **SESSION)[0] == 200
        assert time.monotonic() - began < 10, "it waited for one of them, which has a minute"


def test_files_are_served_here(site):
    code, _, headers = site.ask("/static/css/site.0123456789ab.css")
    assert code == 200
    assert headers["Content-Type"].startswith("text/css")
    assert headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/static/none.css", "/static/front/too-large.html", "/static/../front/nginx.conf"):
        assert site.ask(path)[0] in (400, 404) or site.ask(path)[1]["by"] == "public"


def test_floods_are_stopped_and_told_so(site):
    codes = [site.ask("/admin/login/", method="POST", body=b"a")[0] for _ in range(40)]
    assert codes[:30] == [200] * 30
    assert 429 in codes
    _, text, headers = site.ask("/admin/login/", method="POST", body=b"a")
    assert "ถี่เกินไป" in text
    assert headers["Retry-After"]
    assert site.ask("/admin/login/")[0] == 200, "the page itself still opens"


@contextlib.contextmanager
def without(site, *servers):
    for server in servers:
        (site.folder / f"{server}.sock").rename(site.folder / f"{server}.gone")
    try:
        yield
    finally:
        for server in servers:
            (site.folder / f"{server}.gone").rename(site.folder / f"{server}.sock")


def test_without_the_application_a_sentence(site):
    with without(site, "public", "staff"):
        code, text, headers = site.ask("/")
        assert (code, headers["Retry-After"]) == (503, "5")
        assert "ขัดข้องชั่วคราว" in text
        code, answer, _ = site.ask("/api/v1/board/")
        assert (code, answer["code"]) == (503, "unavailable")


APOLOGIES = [
    ("GET", "/board/", "board"),
    ("GET", "/board/loans/", "board"),
    ("GET", "/kiosk/", "kiosk"),
    ("POST", "/kiosk/check-in/", "kiosk"),
    ("GET", "/admin/booking/ticket/?q=a", "staff"),
    ("GET", "/counter/1/", "staff"),
    ("POST", "/counter/1/", "staff-sent"),
    ("POST", "/admin/booking/department/add/", "staff-sent"),
    ("GET", "/administration/", "unavailable"),
    ("POST", "/book/loans/", "unavailable"),
]


def apologies(site, **headers) -> list[str]:
    """Which page each of APOLOGIES is shown."""
    pages = Path(settings.BASE_DIR, "static", "front").glob("*.html")
    names = {page.read_text(): page.stem for page in pages}
    asked = [site.ask(path, method=method, **headers, **SESSION) for method, path, _page in APOLOGIES]
    assert {(code, told["Retry-After"]) for code, _text, told in asked} == {(503, "5")}
    return [names[text] for _code, text, _told in asked]


def test_without_the_application_each_sees_a_page_of_their_own(site):
    with without(site, "public", "staff"):
        assert apologies(site) == [page for _method, _path, page in APOLOGIES]


@pytest.mark.parametrize(("method", "path", "page"), APOLOGIES)
def test_without_the_database_the_application_shows_the_same(rf, method, path, page):
    request = rf.generic(method, path)
    told = away.answer(request, OperationalError("connection refused"))
    assert told.content == Path(settings.BASE_DIR, "static", "front", f"{page}.html").read_bytes()


def test_whoever_cannot_try_again_need_not():
    for name, again in (("board", "10"), ("kiosk", "10;url=/kiosk/"), ("staff", "10")):
        page = Path(settings.BASE_DIR, "static", "front", f"{name}.html").read_text()
        assert f'<meta http-equiv="refresh" content="{again}">' in page


def test_calls_go_on_while_staffs_processes_start(site):
    call = {"path": "/api/v1/counters/1/call-next/", "method": "POST", "body": b"{}", **TOKEN}
    with without(site, "staff"):
        assert site.ask(**call)[1]["by"] == "public"
        assert site.ask("/board/")[1]["by"] == "public"
    until = time.monotonic() + 60
    while site.ask(**call)[1]["by"] != "staff":
        assert time.monotonic() < until, "never tried again"
        time.sleep(0.1)


def test_members_never_reach_staffs_processes(site):
    with without(site, "public"):
        assert site.ask("/")[0] == 503
        assert site.ask("/counter/1/live/", **SESSION)[1]["by"] == "staff"


# --- which nginx ------------------------------------------------------------------------------------------------------


def test_the_systems_own_is_taken_first(settings, short_path, monkeypatch):
    settings.VAR_DIR = short_path
    monkeypatch.setattr(front.shutil, "which", lambda *args, **kwargs: "/somewhere/nginx")
    monkeypatch.setattr(front, "_lay_out", lambda *args: None)
    assert front.find("127.0.0.1", 8000)[0] == Path("/somewhere/nginx")


def test_a_program_with_another_hash_is_not_run(settings, short_path, monkeypatch):
    settings.VAR_DIR = short_path
    monkeypatch.setattr(front.shutil, "which", lambda *args, **kwargs: None)
    monkeypatch.setattr(front, "PROGRAMS", {key: (name, "0" * 64) for key, (name, _) in front.PROGRAMS.items()})
    program, said = front.find("127.0.0.1", 8000)
    assert program is None
    assert "its hash differs" in said
    assert "without limits and bulkheads" in said


def test_a_path_too_long_for_a_socket_is_said(settings, short_path):
    settings.VAR_DIR = short_path / ("long" * 30)
    program, said = front.find("127.0.0.1", 8000)
    assert program is None
    assert "VAR_DIR may name a shorter one" in said


# --- deploy/nginx.conf ------------------------------------------------------------------------------------------------


@pytest.fixture
def deployed(settings, short_path):
    """The site as an office has it, but for its paths and ports."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("NO NGINX OF THE SYSTEM: deploy/nginx.conf IS NOT TESTED. apt install nginx-light")
    here, port = short_path, free_port()
    shutil.copytree(settings.BASE_DIR / "static" / "front", here / "static" / "front")
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", here / "key.pem", "-days", "1"]
    subprocess.run([*key, "-out", here / "cert.pem", "-subj", "/CN=queue.example.org"], check=True, capture_output=True)
    site = (settings.BASE_DIR / "deploy" / "nginx.conf").read_text()
    certificates = "/etc/letsencrypt/live/queue.example.org"
    for old, new in [
        (f"{certificates}/fullchain.pem", here / "cert.pem"),
        (f"{certificates}/privkey.pem", here / "key.pem"),
        ("/srv/queuesite", settings.BASE_DIR),
        ("/run/queuesite/public/web.sock", here / "public.sock"),
        ("/run/queuesite/staff/web.sock", here / "staff.sock"),
        ("/var/log/nginx/queuesite.log", "stderr"),
        ("/var/lib/queuesite", here),
        ("[::]:443", f"[::1]:{port}"),
        ("[::]:80", f"[::1]:{free_port()}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
    ]:
        assert old in site, old
        site = site.replace(old, str(new))
    folders = "".join(
        f"{kind}_temp_path {here}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    whole = f"daemon off; pid {here}/pid; {user}\nevents {{}}\nhttp {{\n{folders}{site}\n}}\n"
    (here / "whole.conf").write_text(whole)
    with echo(here / "public.sock", "public"), echo(here / "staff.sock", "staff"):
        process = start([program, "-e", "stderr", "-c", here / "whole.conf"], here, port)
        try:
            yield Front(f"https://127.0.0.1:{port}", here)
        finally:
            process.terminate()
            process.wait(10)


def test_the_site_of_deploy_serves_by_tls_and_says_so(deployed):
    host = {"Host": "queue.example.org"}
    code, answer, _ = deployed.ask("/", QueueScheme="http", QueueClient="198.51.100.1", X__Forwarded__For="a", **host)
    assert code == 200
    assert (sent(answer, "QueueScheme"), sent(answer, "QueueClient")) == (["https"], ["127.0.0.1"])
    assert sent(answer, "Host") == ["queue.example.org"]
    assert deployed.ask("/counter/1/", **host, **SESSION)[1]["by"] == "staff"
    assert deployed.ask("/status/", method="POST", body=b"a" * 70_000, **host)[0] == 413


def test_the_site_of_deploy_shows_each_a_page_of_their_own(deployed):
    with without(deployed, "public", "staff"):
        assert apologies(deployed, Host="queue.example.org") == [page for _method, _path, page in APOLOGIES]


def test_the_site_of_deploy_answers_to_no_other_name(deployed):
    with pytest.raises((ConnectionError, urllib.error.URLError, http.client.HTTPException)):
        deployed.ask("/", Host="elsewhere.example.org")
