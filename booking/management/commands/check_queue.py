from django.core.management.base import BaseCommand, CommandError

from booking import invariants


class Command(BaseCommand):
    help = "Check that every rule of the queue holds in the database; run it after a restore."

    def handle(self, *args, **options):
        broken = invariants.violations()
        if broken:
            raise CommandError("\n".join(f"{rule}: rows {ids}" for rule, ids in broken.items()))
        self.stdout.write(f"All {len(invariants.RULES)} rules hold.")
