from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from booking import verbs
from booking.days import availability
from booking.days.availability import DayState, TimeState
from booking.models import Department, Place, Ticket
from booking.verbs import waiting
from members.models import Member
from queuesite.demo import office

WAITING, FREED = 5, 2


class Command(BaseCommand):
    help = (
        "Fill the next day of a demo department, have five members wait for it, and cancel two of its tickets: within "
        "a minute the worker offers these places, one by LINE and one by telephone."
    )

    def add_arguments(self, parser):
        parser.add_argument("--department", default="legal", help="its slug; %(default)s by default")

    @transaction.atomic
    def handle(self, *args, department, **options):
        if not settings.DEMO:
            raise CommandError("wait_in_demo is for DEMO=on: it books for members who are made up.")
        found = Department.objects.filter(slug=department).first()
        if found is None:
            raise CommandError(f"There is no department {department}.")
        found.has_waiting_list = True
        found.save()
        today, last = timezone.localdate(), availability.booking_window(found)[1]
        days = availability.days(found, today, last)
        date = next((day.date for day in days if day.date > today and day.state == DayState.OPEN), None)
        if date is None:
            raise CommandError("No day after today can be booked.")
        tickets = _fill(found, date)
        # One with a LINE account, and others whom nothing reaches but the telephone.
        for member in [*_members(office.ON_LINE[:1]), *_members(range(100151, 100150 + WAITING))]:
            waiting.join(member_id=member.pk, department=found, date=date)
        for ticket in tickets[:FREED]:
            verbs.cancel(ticket=ticket)
        self.stdout.write(f"{found} is full on {date}; {WAITING} wait, and {FREED} places have come free.")


def _fill(department: Department, date) -> list[Ticket]:
    """Book what is free, by one member each; the tickets."""
    tickets = []
    members = iter(_members(range(100011, 100150)))
    for time in availability.times(department, date):
        while time.state == TimeState.OPEN and Place.objects.free().filter(slot=time.id, topic=None).exists():
            member = next(members)
            key = f"wait_in_demo {department.pk} {date} {member.pk}"
            booking = verbs.book(member_id=member.pk, slot_id=time.id, key=key)
            tickets.append(Ticket.objects.get(pk=booking.ticket_id))
    return tickets


def _members(numbers) -> list[Member]:
    found = Member.objects.filter(is_registered=True, member_number__in=[str(number) for number in numbers])
    return list(found.order_by("member_number"))
