from django.core.management.base import BaseCommand, CommandError

from booking import invariants
from booking.days import opening


class Command(BaseCommand):
    help = "Check that every rule of the queue holds in the database; run it after a restore."

    def handle(self, *args, **options):
        broken = invariants.violations()
        if broken:
            raise CommandError("\n".join(f"{rule}: rows {ids}" for rule, ids in broken.items()))
        if (found := opening.differences()).count:
            raise CommandError(f"What is laid out differs from the rules ({found}); the job open_days puts it right.")
        self.stdout.write(f"All {len(invariants.RULES)} rules hold, and the days are laid out as the rules say.")
