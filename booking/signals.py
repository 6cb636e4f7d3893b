"""What is brought up to date after each migrate."""

from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models.signals import post_migrate
from django.dispatch import receiver


@receiver(post_migrate)
def after_migrate(sender, using, plan=(), **_):
    if sender.name != "booking":
        return
    from booking import jobs, roles
    from booking.days import opening
    from booking.messages import ledger

    jobs.sync_schedules()
    roles.sync_groups()
    ledger.sync_choices()
    if plan and not _unapplied(using):
        opening.rules_changed()  # pages read what is laid out, and a migration may have changed what that is


def _unapplied(using) -> bool:
    executor = MigrationExecutor(connections[using])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
