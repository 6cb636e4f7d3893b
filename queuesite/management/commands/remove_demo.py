from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from booking import verbs
from booking.errors import BookingError
from booking.models import Counter, Ticket
from booking.models.tickets import Cause
from booking.verbs.ending import FORGOTTEN
from members.models import Member
from queuesite.launcher import demo_left


class Command(BaseCommand):
    help = (
        "Take the demo's members and log-ins out of a database that an office goes on with: their coming tickets are"
        " cancelled, the members deleted, the log-ins switched off. Departments, counters and holidays stay."
    )
    requires_system_checks = []  # one of them refuses a database that has these

    def add_arguments(self, parser):
        parser.add_argument("--yes", action="store_true", help="do it; without this it is only said what would be done")

    def handle(self, *args, yes, **options):
        left, ids, names = demo_left.in_default()
        if not left:
            self.stdout.write("Nothing of the demo is in this database.")
            return
        if not yes:
            self.stdout.write(f"Of the demo there are {left}. To take them out: manage.py remove_demo --yes")
            return
        self._cancel_tickets(ids)
        with transaction.atomic():
            Ticket.objects.filter(member__in=ids).update(**FORGOTTEN)
            Member.objects.filter(pk__in=ids).delete()
            Member.history.filter(id__in=ids).delete()
            for user in get_user_model().objects.filter(username__in=names):
                Counter.objects.filter(clerk=user).update(clerk=None)
                user.is_active = False
                user.set_unusable_password()
                user.save(update_fields=["is_active", "password"])
        self.stdout.write(f"Taken out: {left}.")

    def _cancel_tickets(self, ids) -> None:
        for ticket in Ticket.objects.live().filter(member__in=ids):
            try:
                verbs.cancel(ticket=ticket, cause=Cause.OTHER)
            except BookingError as refusal:
                raise CommandError(
                    f"Ticket {ticket.code} of {ticket.date} stands at a counter ({refusal.code}). Finish it there,"
                    " or let the night close its day; then run this again."
                ) from None
