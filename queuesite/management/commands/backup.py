from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from queuesite import backup


class Command(BaseCommand):
    help = "Back up the whole database into FILE, and check it. Without FILE: today's in BACKUP_DIR, once."

    def add_arguments(self, parser):
        parser.add_argument("file", nargs="?", type=Path)

    def handle(self, *args, file, **options):
        if not file and not settings.BACKUP_DIR:
            raise CommandError("Name a file, or set BACKUP_DIR.")
        try:
            if file:
                backup.make(file.absolute())
            else:
                file = backup.make_nightly()
        except backup.Refused as exc:
            raise CommandError(str(exc)) from None
        if file and options["verbosity"]:
            self.stdout.write(
                f"{file}: restored into an empty database on trial; every row was there, all rules hold. "
                "The keys are not in it: keep .env apart, and safe."
            )
