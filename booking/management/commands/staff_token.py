import datetime as dt

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from booking.models import StaffToken
from booking.models.tokens import SCOPES, issue_token


class Command(BaseCommand):
    help = "Make a token with which a program calls the API as a member of staff; it is shown once."

    def add_arguments(self, parser):
        parser.add_argument("user", help="the log-in name")
        parser.add_argument(
            "--scope", action="append", choices=sorted(SCOPES), default=[], help="what it may be used for; all without"
        )
        parser.add_argument("--days", type=int, default=365, help="after how many days it ends (365)")
        parser.add_argument("--revoke", action="store_true", help="end all tokens of this member of staff instead")

    def handle(self, *args, user, revoke, scope, days, **options):
        if revoke:
            count, _ = StaffToken.objects.filter(user__username=user).delete()
            self.stdout.write(f"Revoked: {count}.")
            return
        found = get_user_model().objects.filter(username=user, is_active=True).first()
        if found is None:
            raise CommandError(f"There is no active log-in {user!r}. Staff are kept at /admin/.")
        self.stdout.write(issue_token(found, scopes=scope, lasts=dt.timedelta(days=days)))
        self.stderr.write("Keep it: it is not shown again. Send it as `Authorization: Token <token>`.")
