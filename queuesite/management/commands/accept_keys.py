from django.core.management.base import BaseCommand

from queuesite import secret_keys


class Command(BaseCommand):
    help = "Take SECRET_KEY and CITIZEN_ID_KEY as they are now for right, whatever a change of them has cost."

    def handle(self, *args, **options):
        secret_keys.keep(accepts=True)
        self.stdout.write("Kept.")
