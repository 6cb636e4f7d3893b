"""A disk of its own, so that it can be full while the machine's is not: a file with a file system in it, mounted. What
is on it stays from one call to the next."""

import contextlib
import os
import subprocess
from pathlib import Path

BYTES = 2_500_000_000  # the file has holes: it takes as much of the machine's disk as is written to it


@contextlib.contextmanager
def mounted(folder: Path, name: str):
    """Mount `name`.disk of `folder`, made where it is missing, for the block's duration, and give where. Who may not
    mount (it takes root) gets an ordinary folder there; `Path.is_mount()` tells which."""
    image, at = folder / f"{name}.disk", folder / name
    at.mkdir(parents=True, exist_ok=True)
    if not at.is_mount():
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            if not image.exists():
                _make(image)
            subprocess.run(["mount", "-o", "loop", image, at], check=True, capture_output=True)
    try:
        yield at
    finally:
        if at.is_mount():
            subprocess.run(["umount", "--lazy", at], check=True)


@contextlib.contextmanager
def full(at: Path):
    """No byte is free on it during the block."""
    ballast = at / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            left = os.statvfs(at)
            os.posix_fallocate(file.fileno(), 0, max(1, left.f_bavail * left.f_frsize - (8 << 20)))
            file.seek(0, os.SEEK_END)
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
        yield
    finally:
        ballast.unlink()


def _make(image: Path) -> None:
    unfinished = image.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        file.truncate(BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", unfinished], check=True, capture_output=True)
    unfinished.rename(image)
