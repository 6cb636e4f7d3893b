from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from queuesite.demo import office


class Command(BaseCommand):
    help = "Fill the database with the demo office. May be run again: what is there stays as it is."

    def handle(self, *args, **options):
        if not settings.DEMO:
            raise CommandError("seed_demo is for DEMO=on: it makes log-ins whose password is known to everyone.")
        office.seed()
        self.stdout.write("Demo data is in place.")
