from django.core.management.base import BaseCommand, CommandError

from booking import invariants


class Command(BaseCommand):
    help = "Check that every rule of the queue holds in the database; run it after a restore."

    def handle(self, *args, **options):
        if faults := invariants.faults():
            raise CommandError("\n".join(faults))
        self.stdout.write(f"All {len(invariants.RULES)} rules hold, and the days are laid out as the rules say.")
