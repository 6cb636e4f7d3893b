from django.core.management.base import BaseCommand

from booking.reports import stored


class Command(BaseCommand):
    help = "Counts all days that are over once more from the events of their tickets, for the reports."

    def handle(self, *args, **options):
        self.stdout.write(f"{stored.rebuild()} days counted.")
