"""What is brought up to date after each migrate."""

from django.db.models.signals import post_migrate
from django.dispatch import receiver


@receiver(post_migrate)
def after_migrate(sender, using, **_):
    if sender.name != "booking":
        return
    from booking import jobs, roles
    from booking.messages import ledger

    jobs.sync_schedules()
    roles.sync_groups()
    ledger.sync_choices()
