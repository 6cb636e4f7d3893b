from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from queuesite import backup


class Command(BaseCommand):
    help = "Put a backup in the place of the database, which has to be empty. End the service first."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="lose what is in the database")
        parser.add_argument(
            "--new-key",
            action="store_true",
            help="the keys are others than the backup's: live tickets get new secrets, and old links end",
        )

    def handle(self, *args, file, replace, new_key, **options):
        try:
            said = backup.restore(file.absolute(), replaces=replace, new_key=new_key)
        except backup.Refused as exc:
            raise CommandError(str(exc)) from None
        self.stdout.write("\n".join([*said, "Restored: every row is there, and all rules hold."]))
