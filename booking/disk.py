"""How much room is left where this machine writes: on the disk of VAR_DIR, which has the embedded database, and on that
of the backups. Of a database server elsewhere nobody here can tell."""

import shutil
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

SHORT = 0.05  # of the disk
FULL = 32 * 1024 * 1024  # bytes; PostgreSQL takes 16 MB at a time for its log


class Disk(NamedTuple):
    """The disk of a folder, in bytes."""

    folder: Path
    free: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.free / self.total

    @property
    def is_short(self) -> bool:
        return self.free < SHORT * self.total


def of(folder: Path) -> Disk:
    """The disk that `folder` is on, or will be."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    total, _used, free = shutil.disk_usage(there)
    return Disk(folder, free, total)


def all_of_them() -> list[Disk]:
    folders = [settings.VAR_DIR, *([Path(settings.BACKUP_DIR)] if settings.BACKUP_DIR else [])]
    return [of(folder) for folder in folders]


def short() -> list[Disk]:
    """Those with less than SHORT of them left: nothing is stored any more that can wait."""
    return [one for one in all_of_them() if one.is_short]


def is_full() -> bool:
    """Whether the embedded database cannot go on writing."""
    return settings.HAS_EMBEDDED_DATABASE and of(settings.VAR_DIR).free < FULL
