from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from booking import sign_in


class Command(BaseCommand):
    help = "Forget the second factor of a member of staff whose telephone is lost, where no other manager can."

    def add_arguments(self, parser):
        parser.add_argument("user", help="the log-in name")

    def handle(self, *args, user, **options):
        found = get_user_model().objects.filter(username=user).first()
        if found is None:
            raise CommandError(f"There is no log-in {user!r}.")
        sign_in.reset_second_factor(found, by=None)
        self.stdout.write("Forgotten. At the next log-in a new one is set up; the history of the log-in says so.")
