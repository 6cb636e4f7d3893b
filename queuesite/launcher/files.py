"""Collects and compresses the static files where the web server finds them."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect(*, say) -> None:
    """Collect and compress the static files, unless none has changed since the last time."""
    done = settings.VAR_DIR / "static.fingerprint"
    now = _fingerprint()
    if done.exists() and done.read_text() == now:
        return
    say("Collecting and compressing files (half a minute, when they have changed)")
    unused = ["redoc", "rest_framework"]
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=unused)
    done.write_text(now)


def _fingerprint() -> str:
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for path, storage in finder.list(ignore_patterns=[]):
            file = Path(storage.path(path)).stat()
            digest.update(f"{path} {file.st_size} {file.st_mtime_ns}\n".encode())
    return digest.hexdigest()
